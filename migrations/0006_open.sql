-- What is open: charges whose outcome is not known, and payment methods in trouble. Operational: no
-- part of the ledger, not hashed, rows are rewritten and deleted. Whoever asks what is open must
-- not have to read the ledger for it.
--
-- Derived from `entry`, by trigger, in the transaction that appends: so it is exact as of what has
-- been delivered. Each entry about a charge says in `detail.charge` what it made of it, so that
-- no rule of the gateway is repeated here. Entries of before this migration do not say so: what was
-- open then appears with its next entry, which a look or a poll makes.
--
-- PERSISTED CONTRACT: columns may be added by a later migration, none is renamed or dropped. Times
-- are epoch milliseconds. Nothing here may refuse a row: that would hold up a chain of entries.

CREATE TABLE open_charge (
  payment_method_id TEXT NOT NULL,
  charge_id TEXT NOT NULL,
  -- in_flight, in_doubt or pending; a charge in any other state has no row.
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
  PRIMARY KEY (payment_method_id, charge_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX open_charge_by_since ON open_charge (since, payment_method_id, charge_id);

-- UPDATE and then INSERT where there is none, as in 0003_span.sql. A charge that is settled as soon
-- as it is begun costs one row written and one deleted.
CREATE TRIGGER entry_open_charge AFTER INSERT ON entry
WHEN NEW.charge_id IS NOT NULL AND NEW.detail ->> '$.charge.state' IS NOT NULL
BEGIN
  DELETE FROM open_charge
  WHERE payment_method_id = NEW.payment_method_id AND charge_id = NEW.charge_id
    AND NEW.detail ->> '$.charge.state' NOT IN ('in_flight', 'in_doubt', 'pending');
  UPDATE open_charge SET
    since = CASE WHEN state = NEW.detail ->> '$.charge.state' THEN since ELSE coalesce(
      unixepoch(substr(NEW.occurred_at, 1, 19)) * 1000 + substr(NEW.occurred_at, 21, 3), 0) END,
    state = NEW.detail ->> '$.charge.state',
    escalated = coalesce(NEW.detail ->> '$.charge.escalated' = 1, 0),
    next_at = NEW.detail ->> '$.charge.nextAt',
    seq = NEW.seq
  WHERE payment_method_id = NEW.payment_method_id AND charge_id = NEW.charge_id;
  INSERT INTO open_charge (payment_method_id, charge_id, state, escalated, since, next_at,
    amount_minor, currency, caller, idempotency_key, reference, seq)
  SELECT NEW.payment_method_id, NEW.charge_id, NEW.detail ->> '$.charge.state',
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
      SELECT 1 FROM open_charge
      WHERE payment_method_id = NEW.payment_method_id AND charge_id = NEW.charge_id
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
