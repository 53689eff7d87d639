-- Who may call. The key itself is never stored: only the SHA-256 of its whole text.
--
-- PERSISTED CONTRACT: `key_id` and `caller_id` stand in entries, which outlive the key; a row is
-- revoked, not deleted. A rotated key is a new row with the same `caller_id`, since the caller,
-- not the key, owns idempotency keys.

CREATE TABLE api_key (
  key_id TEXT PRIMARY KEY CHECK (key_id <> ''),
  -- Lower-case hex SHA-256 of the key.
  hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64 AND hash NOT GLOB '*[^0-9a-f]*'),
  caller_id TEXT NOT NULL DEFAULT 'main' CHECK (caller_id <> ''),
  name TEXT NOT NULL,
  -- A JSON array of scope names: charge, refund, read, manage, audit, operate.
  scopes TEXT NOT NULL CHECK (json_valid(scopes) AND json_type(scopes) = 'array'),
  -- RFC 3339, UTC, milliseconds; `revoked_at` NULL while the key is valid.
  created_at TEXT NOT NULL,
  revoked_at TEXT
) STRICT;
