-- A payment that a person has to judge is an open item of its own: one, whichever and however many
-- charges it may be of. Each entry that puts it beside a charge, or takes it away from the last, says
-- so in `detail.payment.state`; `entry_open_charge` says the same of the charge.

CREATE TRIGGER entry_open_payment AFTER INSERT ON entry
WHEN NEW.payment_id IS NOT NULL AND NEW.detail ->> '$.payment.state' IS NOT NULL
BEGIN
  DELETE FROM open_item
  WHERE payment_method_id = NEW.payment_method_id AND item_id = NEW.payment_id
    AND NEW.detail ->> '$.payment.state' <> 'contested';
  INSERT INTO open_item (payment_method_id, item_id, kind, state, escalated, since, amount_minor,
    currency, caller, idempotency_key, reference, seq, payment_id)
  SELECT NEW.payment_method_id, NEW.payment_id, 'payment', 'contested', 1,
    coalesce(unixepoch(substr(NEW.occurred_at, 1, 19)) * 1000 + substr(NEW.occurred_at, 21, 3), 0),
    NEW.detail ->> '$.paymentAmountMinor', NEW.currency, NEW.caller, NEW.idempotency_key,
    NEW.reference, NEW.seq, NEW.payment_id
  WHERE NEW.detail ->> '$.payment.state' = 'contested'
    AND NOT EXISTS (
      SELECT 1 FROM open_item
      WHERE payment_method_id = NEW.payment_method_id AND item_id = NEW.payment_id
    );
END;
