-- What is open: charges and refunds whose outcome is not known, and payment methods in trouble. Operational: no
-- part of the ledger, not hashed, rows are rewritten and deleted. Whoever asks what is open must
-- not have to read the ledger for it.
--
-- Derived from `entry`, by trigger, in the transaction that appends: so it is exact as of what has
-- been delivered. Each entry about a charge or refund says in `detail` what it made of it, so that
-- no rule of the gateway is repeated here. Entries of before this migration do not say so: what was
-- open then appears with its next entry, which a look or a poll makes.
--
-- PERSISTED CONTRACT: columns may be added by a later migration, none is renamed or dropped. Times
-- are epoch milliseconds. Nothing here may refuse a row: that would hold up a chain of entries.

CREATE TABLE open_item (
  payment_method_id TEXT NOT NULL,
  -- The charge, or the refund.
  item_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  -- in_flight, in_doubt or pending; what is in any other state has no row.
  state TEXT NOT NULL,
  escalated INTEGER NOT NULL,
  -- When it came into this state, by the clock of its object.
  since INTEGER NOT NULL,
  -- When it is looked for, or its payment polled, next; RFC 3339, as the entry says it.
  next_at TEXT,
  amount_minor INTEGER,
  currency TEXT,
  caller TEXT,
  idempotency_key TEXT,
  reference TEXT,
  -- The last entry about it.
  seq INTEGER NOT NULL,
  -- The payment that a refund is of.
  payment_id TEXT,
  PRIMARY KEY (payment_method_id, item_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX open_item_by_since ON open_item (since, payment_method_id, item_id);

-- UPDATE and then INSERT where there is none, as in 0003_span.sql. A charge that is settled as soon
-- as it is begun costs one row written and one deleted.
CREATE TRIGGER entry_open_charge AFTER INSERT ON entry
WHEN NEW.refund_id IS NULL AND NEW.charge_id IS NOT NULL
  AND NEW.detail ->> '$.charge.state' IS NOT NULL
BEGIN
  DELETE FROM open_item
  WHERE payment_method_id = NEW.payment_method_id AND item_id = NEW.charge_id
    AND NEW.detail ->> '$.charge.state' NOT IN ('in_flight', 'in_doubt', 'pending');
  UPDATE open_item SET
    since = CASE WHEN state = NEW.detail ->> '$.charge.state' THEN since ELSE coalesce(
      unixepoch(substr(NEW.occurred_at, 1, 19)) * 1000 + substr(NEW.occurred_at, 21, 3), 0) END,
    state = NEW.detail ->> '$.charge.state',
    escalated = coalesce(NEW.detail ->> '$.charge.escalated' = 1, 0),
    next_at = NEW.detail ->> '$.charge.nextAt',
    seq = NEW.seq
  WHERE payment_method_id = NEW.payment_method_id AND item_id = NEW.charge_id;
  INSERT INTO open_item (payment_method_id, item_id, kind, state, escalated, since, next_at,
    amount_minor, currency, caller, idempotency_key, reference, seq)
  SELECT NEW.payment_method_id, NEW.charge_id, 'charge', NEW.detail ->> '$.charge.state',
    coalesce(NEW.detail ->> '$.charge.escalated' = 1, 0),
    coalesce(unixepoch(substr(NEW.occurred_at, 1, 19)) * 1000 + substr(NEW.occurred_at, 21, 3), 0),
    NEW.detail ->> '$.charge.nextAt', NEW.amount_minor, NEW.currency,
    -- An operator's entry names the operator; the charge is whose intent it was.
    CASE NEW.type WHEN 'attempt_intended' THEN NEW.caller ELSE coalesce((
      SELECT caller FROM entry
      WHERE charge_id = NEW.charge_id AND payment_method_id = NEW.payment_method_id
        AND type = 'attempt_intended' LIMIT 1), NEW.caller) END,
    NEW.idempotency_key, NEW.reference, NEW.seq
  WHERE NEW.detail ->> '$.charge.state' IN ('in_flight', 'in_doubt', 'pending')
    AND NOT EXISTS (
      SELECT 1 FROM open_item
      WHERE payment_method_id = NEW.payment_method_id AND item_id = NEW.charge_id
    );
END;

-- The same of refunds, whose entries name the charge as well.
CREATE TRIGGER entry_open_refund AFTER INSERT ON entry
WHEN NEW.refund_id IS NOT NULL AND NEW.detail ->> '$.refund.state' IS NOT NULL
BEGIN
  DELETE FROM open_item
  WHERE payment_method_id = NEW.payment_method_id AND item_id = NEW.refund_id
    AND NEW.detail ->> '$.refund.state' NOT IN ('in_flight', 'in_doubt');
  UPDATE open_item SET
    since = CASE WHEN state = NEW.detail ->> '$.refund.state' THEN since ELSE coalesce(
      unixepoch(substr(NEW.occurred_at, 1, 19)) * 1000 + substr(NEW.occurred_at, 21, 3), 0) END,
    state = NEW.detail ->> '$.refund.state',
    escalated = coalesce(NEW.detail ->> '$.refund.escalated' = 1, 0),
    next_at = NEW.detail ->> '$.refund.nextAt',
    seq = NEW.seq
  WHERE payment_method_id = NEW.payment_method_id AND item_id = NEW.refund_id;
  INSERT INTO open_item (payment_method_id, item_id, kind, state, escalated, since, next_at,
    amount_minor, currency, caller, idempotency_key, reference, seq, payment_id)
  SELECT NEW.payment_method_id, NEW.refund_id, 'refund', NEW.detail ->> '$.refund.state',
    coalesce(NEW.detail ->> '$.refund.escalated' = 1, 0),
    coalesce(unixepoch(substr(NEW.occurred_at, 1, 19)) * 1000 + substr(NEW.occurred_at, 21, 3), 0),
    NEW.detail ->> '$.refund.nextAt', NEW.amount_minor, NEW.currency,
    NEW.caller,
    NEW.idempotency_key, NEW.reference, NEW.seq, NEW.payment_id
  WHERE NEW.detail ->> '$.refund.state' IN ('in_flight', 'in_doubt')
    AND NOT EXISTS (
      SELECT 1 FROM open_item
      WHERE payment_method_id = NEW.payment_method_id AND item_id = NEW.refund_id
    );
END;

-- Since when the cron has found it overdue without hearing from its object; NULL: it has reported.
ALTER TABLE method ADD COLUMN overdue_since INTEGER;
-- Why its object sends nothing until a person has looked at it, and since when; NULL: it is not
-- halted. A halted object delivers nothing, so that no entry can say so.
ALTER TABLE method ADD COLUMN halted TEXT;
ALTER TABLE method ADD COLUMN halted_since INTEGER;

CREATE INDEX method_by_overdue_since ON method (overdue_since) WHERE overdue_since IS NOT NULL;
CREATE INDEX method_by_halted_since ON method (halted_since) WHERE halted_since IS NOT NULL;
