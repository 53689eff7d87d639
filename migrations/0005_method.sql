-- The payment methods whose objects may have work, and when to wake one that has not done it: an
-- object's own alarm can be dropped for good by the runtime, and only something outside it can
-- notice. Operational: no part of the ledger, not hashed, and rows are rewritten.
--
-- PERSISTED CONTRACT: old and new code write it side by side for minutes after a deploy. Columns
-- may be added by a later migration, none is renamed or dropped. Times are epoch milliseconds.

CREATE TABLE method (
  payment_method_id TEXT PRIMARY KEY
    CHECK (length(payment_method_id) = 36 AND payment_method_id NOT GLOB '*[^0-9a-f-]*'),
  -- The cron wakes the object from then on; NULL: the object has said that it has nothing to do.
  wake_at INTEGER,
  -- When the Worker last sent a command of a caller's, give or take a minute; NULL: not known.
  registered_at INTEGER,
  -- When the object last said how it stands; NULL: never yet.
  reported_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX method_by_wake_at ON method (wake_at) WHERE wake_at IS NOT NULL;
