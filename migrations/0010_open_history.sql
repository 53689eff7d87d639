-- A payment method whose history has not been whole for an hour, while somebody wants to charge it, is an
-- open item of its own, by the id of its method. The entries that open and close it say so in
-- `detail.history.state`. `escalated`: a person is asked.

CREATE TRIGGER entry_open_history AFTER INSERT ON entry
WHEN NEW.detail ->> '$.history.state' IS NOT NULL
BEGIN
  DELETE FROM open_item
  WHERE payment_method_id = NEW.payment_method_id AND item_id = NEW.payment_method_id
    AND NEW.detail ->> '$.history.state' <> 'unreadable';
  INSERT INTO open_item (payment_method_id, item_id, kind, state, escalated, since, seq, freezes)
  SELECT NEW.payment_method_id, NEW.payment_method_id, 'history', 'unreadable', 1,
    coalesce(unixepoch(substr(NEW.detail ->> '$.since', 1, 19)) * 1000, 0), NEW.seq, 0
  WHERE NEW.detail ->> '$.history.state' = 'unreadable'
    AND NOT EXISTS (
      SELECT 1 FROM open_item
      WHERE payment_method_id = NEW.payment_method_id AND item_id = NEW.payment_method_id
    );
END;
