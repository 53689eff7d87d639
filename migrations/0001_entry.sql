-- The ledger: one row per entry, in the order of arrival, never changed.
--
-- PERSISTED CONTRACT: columns are the members of an entry (src/domain/entries.ts) in snake case,
-- plus `position` (order of arrival over all chains, without gaps) and `recorded_at`. Neither of
-- these two is hashed. Columns may be added by a later migration, none is renamed or dropped.
--
-- A CHECK here must never refuse what src/ledger/chain.ts has sealed: a refused entry holds up
-- its whole chain. So the checks are on shapes only, and chain.ts asserts the same ones earlier.

CREATE TABLE entry (
  -- Plain, not AUTOINCREMENT: that one burns numbers on ignored rows, and its counter is writable.
  position INTEGER PRIMARY KEY CHECK (position >= 1),
  v INTEGER NOT NULL CHECK (v >= 1),
  payment_method_id TEXT NOT NULL
    CHECK (length(payment_method_id) = 36 AND payment_method_id NOT GLOB '*[^0-9a-f-]*'),
  seq INTEGER NOT NULL CHECK (seq >= 1),
  type TEXT NOT NULL CHECK (type <> '' AND type NOT GLOB '*[^a-z_]*'),
  -- RFC 3339, UTC, milliseconds: equal length, so that text order is time order.
  occurred_at TEXT NOT NULL
    CHECK (occurred_at GLOB '????-??-??T??:??:??.???Z' AND occurred_at NOT GLOB '*[^0-9TZ:.-]*'),
  charge_id TEXT,
  refund_id TEXT,
  attempt INTEGER,
  idempotency_key TEXT,
  reference TEXT,
  caller TEXT,
  key_id TEXT,
  request_id TEXT,
  trace_id TEXT,
  origin TEXT,
  amount_minor INTEGER,
  effect_minor INTEGER NOT NULL,
  currency TEXT,
  payment_id TEXT,
  payment_status TEXT,
  outcome TEXT,
  http_status INTEGER,
  latency_ms INTEGER,
  -- The RFC 8785 text, byte for byte as it was hashed.
  detail TEXT CHECK (detail IS NULL OR (json_valid(detail) AND json_type(detail) = 'object')),
  prev_hash TEXT NOT NULL CHECK (length(prev_hash) = 64 AND prev_hash NOT GLOB '*[^0-9a-f]*'),
  hash TEXT NOT NULL CHECK (length(hash) = 64 AND hash NOT GLOB '*[^0-9a-f]*'),
  -- The database's own clock, never earlier than the row before. RFC 3339, UTC, milliseconds.
  recorded_at TEXT NOT NULL
    CHECK (recorded_at GLOB '????-??-??T??:??:??.???Z' AND recorded_at NOT GLOB '*[^0-9TZ:.-]*'),
  UNIQUE (payment_method_id, seq),
  CHECK (seq <> 1 OR prev_hash = '0000000000000000000000000000000000000000000000000000000000000000')
) STRICT;

-- Append-only. RAISE(ABORT) in a trigger beats the OR clause of the statement; the code above the
-- database sees only the text, hence a word of its own for each reason.

CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry
BEGIN
  SELECT RAISE(ABORT, 'append-only: update');
END;

CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry
BEGIN
  SELECT RAISE(ABORT, 'append-only: delete');
END;

-- REPLACE deletes without firing the trigger above, so every unique key is guarded before it.
CREATE TRIGGER entry_position_taken BEFORE INSERT ON entry
WHEN EXISTS (SELECT 1 FROM entry WHERE position = NEW.position)
BEGIN
  SELECT RAISE(ABORT, 'append-only: position');
END;

-- The same entry once more: a delivery whose answer was lost. Nothing happens.
CREATE TRIGGER entry_repeated BEFORE INSERT ON entry
WHEN EXISTS (
  SELECT 1 FROM entry
  WHERE payment_method_id = NEW.payment_method_id AND seq = NEW.seq AND hash = NEW.hash
)
BEGIN
  SELECT RAISE(IGNORE);
END;

CREATE TRIGGER entry_forked BEFORE INSERT ON entry
WHEN EXISTS (
  SELECT 1 FROM entry
  WHERE payment_method_id = NEW.payment_method_id AND seq = NEW.seq AND hash <> NEW.hash
)
BEGIN
  SELECT RAISE(ABORT, 'append-only: forked');
END;

-- Only where the place is free: triggers run in no defined order, so their conditions must be
-- disjoint for the reason to be the same every time.
CREATE TRIGGER entry_unlinked BEFORE INSERT ON entry
WHEN NEW.seq <> 1
  AND NOT EXISTS (
    SELECT 1 FROM entry WHERE payment_method_id = NEW.payment_method_id AND seq = NEW.seq
  )
  AND NOT EXISTS (
    SELECT 1 FROM entry
    WHERE payment_method_id = NEW.payment_method_id AND seq = NEW.seq - 1 AND hash = NEW.prev_hash
  )
BEGIN
  SELECT RAISE(ABORT, 'append-only: unlinked');
END;

-- AFTER, since an automatic position is not known before.
CREATE TRIGGER entry_gap AFTER INSERT ON entry
WHEN NEW.position <> 1 AND NOT EXISTS (SELECT 1 FROM entry WHERE position = NEW.position - 1)
BEGIN
  SELECT RAISE(ABORT, 'append-only: position gap');
END;

CREATE TRIGGER entry_recorded_backwards AFTER INSERT ON entry
WHEN EXISTS (
  SELECT 1 FROM entry WHERE position = NEW.position - 1 AND recorded_at > NEW.recorded_at
)
BEGIN
  SELECT RAISE(ABORT, 'append-only: recorded backwards');
END;
