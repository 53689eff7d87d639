-- For each minute and each day of `occurred_at`: the first and the last position that holds an
-- entry of it. Turns a range of occurredAt into bounds on `position`; an index on occurred_at
-- would be the worst plan of all, since pages are ordered by position. Minutes alone would mean
-- half a million rows for a year, days alone a day's entries for a minute.
--
-- Derived: it can be made again from `entry`. Kept by trigger only, and protected from the rest.

CREATE TABLE span (
  unit TEXT NOT NULL CHECK (unit IN ('minute', 'day')),
  -- `2026-11-22T09:15` or `2026-11-22`: a prefix of occurred_at.
  period TEXT NOT NULL CHECK (length(period) = CASE unit WHEN 'minute' THEN 16 ELSE 10 END),
  lo INTEGER NOT NULL,
  hi INTEGER NOT NULL CHECK (hi >= lo),
  PRIMARY KEY (unit, period)
) STRICT, WITHOUT ROWID;

-- UPDATE and then INSERT where there is none, not an upsert: the INSERT OR REPLACE of a statement
-- reaches into its triggers, and the guard below must fire for any INSERT of a period that exists.
CREATE TRIGGER entry_span AFTER INSERT ON entry
BEGIN
  UPDATE span SET hi = NEW.position
  WHERE unit = 'minute' AND period = substr(NEW.occurred_at, 1, 16);
  INSERT INTO span (unit, period, lo, hi)
  SELECT 'minute', substr(NEW.occurred_at, 1, 16), NEW.position, NEW.position
  WHERE NOT EXISTS (
    SELECT 1 FROM span WHERE unit = 'minute' AND period = substr(NEW.occurred_at, 1, 16)
  );
  UPDATE span SET hi = NEW.position
  WHERE unit = 'day' AND period = substr(NEW.occurred_at, 1, 10);
  INSERT INTO span (unit, period, lo, hi)
  SELECT 'day', substr(NEW.occurred_at, 1, 10), NEW.position, NEW.position
  WHERE NOT EXISTS (
    SELECT 1 FROM span WHERE unit = 'day' AND period = substr(NEW.occurred_at, 1, 10)
  );
END;

CREATE TRIGGER span_no_delete BEFORE DELETE ON span
BEGIN
  SELECT RAISE(ABORT, 'append-only: span delete');
END;

CREATE TRIGGER span_taken BEFORE INSERT ON span
WHEN EXISTS (SELECT 1 FROM span WHERE unit = NEW.unit AND period = NEW.period)
BEGIN
  SELECT RAISE(ABORT, 'append-only: span taken');
END;

CREATE TRIGGER span_invented BEFORE INSERT ON span
WHEN NEW.lo <> NEW.hi OR NOT EXISTS (
  SELECT 1 FROM entry
  WHERE position = NEW.lo AND substr(occurred_at, 1, length(NEW.period)) = NEW.period
)
BEGIN
  SELECT RAISE(ABORT, 'append-only: span invented');
END;

-- `hi` may grow, to a position that does hold an entry of the period. Nothing else may change.
CREATE TRIGGER span_only_grows BEFORE UPDATE ON span
WHEN NEW.unit <> OLD.unit OR NEW.period <> OLD.period OR NEW.lo <> OLD.lo OR NEW.hi < OLD.hi
  OR NOT EXISTS (
    SELECT 1 FROM entry
    WHERE position = NEW.hi AND substr(occurred_at, 1, length(NEW.period)) = NEW.period
  )
BEGIN
  SELECT RAISE(ABORT, 'append-only: span only grows');
END;
