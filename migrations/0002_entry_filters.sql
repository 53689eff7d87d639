-- One index for each equality filter of GET /ledger/entries. An index on one column already ends
-- in `position`, so it serves the filter, the order and the cursor at once. Partial where the
-- column is often NULL: no filter asks for NULL, and each index row is a row written.
-- The unique key (payment_method_id, seq) cannot serve the order by position, hence its own.

CREATE INDEX entry_by_payment_method ON entry (payment_method_id);
CREATE INDEX entry_by_charge ON entry (charge_id) WHERE charge_id IS NOT NULL;
CREATE INDEX entry_by_payment ON entry (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX entry_by_idempotency_key ON entry (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX entry_by_reference ON entry (reference) WHERE reference IS NOT NULL;
CREATE INDEX entry_by_caller ON entry (caller) WHERE caller IS NOT NULL;
CREATE INDEX entry_by_type ON entry (type);
CREATE INDEX entry_by_outcome ON entry (outcome) WHERE outcome IS NOT NULL;
CREATE INDEX entry_by_payment_status ON entry (payment_status) WHERE payment_status IS NOT NULL;
-- Monotone, so that two look-ups turn a range of recordedAt into one of positions.
CREATE INDEX entry_by_recorded_at ON entry (recorded_at);
