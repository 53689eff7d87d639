-- A refusal that a person has to judge is in doubt and freezes nothing: its payment is known. So what is
-- in doubt says whether it freezes its payment method; entries of before say nothing, and did.

ALTER TABLE open_item ADD COLUMN freezes INTEGER NOT NULL DEFAULT 1;

DROP TRIGGER entry_open_charge;

-- As in 0006_open.sql, with `freezes`.
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
    freezes = coalesce(NEW.detail ->> '$.charge.freezes', 1),
    next_at = NEW.detail ->> '$.charge.nextAt',
    seq = NEW.seq
  WHERE payment_method_id = NEW.payment_method_id AND item_id = NEW.charge_id;
  INSERT INTO open_item (payment_method_id, item_id, kind, state, escalated, since, next_at,
    amount_minor, currency, caller, idempotency_key, reference, seq, freezes)
  SELECT NEW.payment_method_id, NEW.charge_id, 'charge', NEW.detail ->> '$.charge.state',
    coalesce(NEW.detail ->> '$.charge.escalated' = 1, 0),
    coalesce(unixepoch(substr(NEW.occurred_at, 1, 19)) * 1000 + substr(NEW.occurred_at, 21, 3), 0),
    NEW.detail ->> '$.charge.nextAt', NEW.amount_minor, NEW.currency,
    -- An operator's entry names the operator; the charge is whose intent it was.
    CASE NEW.type WHEN 'attempt_intended' THEN NEW.caller ELSE coalesce((
      SELECT caller FROM entry
      WHERE charge_id = NEW.charge_id AND payment_method_id = NEW.payment_method_id
        AND type = 'attempt_intended' LIMIT 1), NEW.caller) END,
    NEW.idempotency_key, NEW.reference, NEW.seq, coalesce(NEW.detail ->> '$.charge.freezes', 1)
  WHERE NEW.detail ->> '$.charge.state' IN ('in_flight', 'in_doubt', 'pending')
    AND NOT EXISTS (
      SELECT 1 FROM open_item
      WHERE payment_method_id = NEW.payment_method_id AND item_id = NEW.charge_id
    );
END;
