-- A payment method whose history has not been whole for an hour, while a charge had to wait for it, is an
-- open item of its own, by the id of its method. `escalated`: a person is asked.

CREATE TRIGGER entry_open_history AFTER INSERT ON entry
WHEN NEW.type IN ('history_unreadable', 'history_readable')
BEGIN
  DELETE FROM open_item
  WHERE payment_method_id = NEW.payment_method_id AND item_id = NEW.payment_method_id;
  INSERT INTO open_item (payment_method_id, item_id, kind, state, escalated, since, seq, freezes)
  SELECT NEW.payment_method_id, NEW.payment_method_id, 'history', 'unreadable', 1,
    coalesce(unixepoch(substr(NEW.detail ->> '$.since', 1, 19)) * 1000
      + substr(NEW.detail ->> '$.since', 21, 3), 0), NEW.seq, 0
  WHERE NEW.type = 'history_unreadable';
END;
