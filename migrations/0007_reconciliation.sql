-- The books held against Harmony: the runs, and for a run that is under way its payment methods.
-- Operational: no part of the ledger, not hashed, and rows are rewritten. What a run came to is
-- entered in the chain of the gateway, with a hash of the rows kept here.
--
-- PERSISTED CONTRACT: old and new code write these side by side for minutes after a deploy. Columns
-- may be added by a later migration, none is renamed or dropped. Times are epoch milliseconds but
-- for `from_at` and `to_at`, which are RFC 3339, UTC, milliseconds, as `occurred_at`.

CREATE TABLE reconciliation (
  reconciliation_id TEXT PRIMARY KEY,
  -- Its methods are listed, then compared; then its report is entered in the chain; then it is done.
  status TEXT NOT NULL CHECK (status IN ('listing', 'comparing', 'recording', 'done')),
  begun_by TEXT NOT NULL CHECK (begun_by IN ('request', 'daily')),
  -- One payment method, or those with entries after one position and up to another that occurred
  -- within these times (NULL: at any).
  payment_method_id TEXT,
  from_at TEXT,
  to_at TEXT,
  from_position INTEGER NOT NULL,
  to_position INTEGER NOT NULL,
  -- Entries up to here have been read for the list of methods.
  listed_position INTEGER NOT NULL,
  -- Who began it, as a JSON object.
  actor TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  -- From `recording` on: the whole report, as JSON.
  report TEXT,
  -- From `done` on: its entry in the chain of the gateway.
  entry_seq INTEGER
) STRICT;

CREATE INDEX reconciliation_open ON reconciliation (started_at) WHERE status <> 'done';
CREATE INDEX reconciliation_daily ON reconciliation (started_at) WHERE begun_by = 'daily';

-- Deleted once the run is done: its report holds what is kept of them.
CREATE TABLE reconciliation_method (
  reconciliation_id TEXT NOT NULL,
  payment_method_id TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'compared', 'not_compared')),
  tries INTEGER NOT NULL DEFAULT 0,
  -- Until then whoever claimed it may be at work; another may claim it afterwards.
  claimed_until INTEGER NOT NULL DEFAULT 0,
  -- Why it was not compared.
  reason TEXT,
  -- The comparison as its object answered it, as JSON.
  result TEXT,
  PRIMARY KEY (reconciliation_id, payment_method_id)
) STRICT;

CREATE INDEX reconciliation_method_open ON reconciliation_method (reconciliation_id, claimed_until)
WHERE status = 'open';
CREATE INDEX reconciliation_method_not_compared
ON reconciliation_method (reconciliation_id, payment_method_id) WHERE status = 'not_compared';
