/**
 * Owns the SQL on API keys: finding one by its hash, and putting one in.
 * Must not see a key itself, nor decide whether a caller may do something: src/http/auth does.
 */
import { ask } from "./database.ts";
import type { LedgerDatabase } from "./database.ts";

export type KeyResult =
  | {
      readonly type: "found";
      readonly keyId: string;
      readonly callerId: string;
      readonly name: string;
      readonly scopes: readonly string[];
      /** RFC 3339, UTC, or null while the key is valid. A revoked key is found, too. */
      readonly revokedAt: string | null;
    }
  | { readonly type: "none" }
  | { readonly type: "unavailable"; readonly message: string };

interface KeyRow {
  readonly keyId: string;
  readonly callerId: string;
  readonly name: string;
  readonly scopes: string;
  readonly revokedAt: string | null;
}

/**
 * The key whose text has this lower-case hex SHA-256. The look-up by hash leaks nothing by its
 * time: who can choose hashes freely would have to invert SHA-256 to use what he learns.
 */
export async function findKey(
  db: LedgerDatabase,
  hash: string,
  timeoutMs: number,
): Promise<KeyResult> {
  const answer = await ask<KeyRow>(
    db,
    `SELECT key_id AS keyId, caller_id AS callerId, name, scopes, revoked_at AS revokedAt
     FROM api_key WHERE hash = ?`,
    [hash],
    timeoutMs,
  );
  if (answer.type === "unavailable") {
    return answer;
  }
  const [row] = answer.rows;
  return row === undefined
    ? { type: "none" }
    : { type: "found", ...row, scopes: JSON.parse(row.scopes) as string[] };
}

export interface NewKey {
  readonly keyId: string;
  /** Lower-case hex SHA-256 of the whole text of the key. */
  readonly hash: string;
  readonly callerId: string;
  readonly name: string;
  readonly scopes: readonly string[];
  /** RFC 3339, UTC, milliseconds. */
  readonly createdAt: string;
}

export type InsertKeyResult =
  | { readonly type: "inserted" }
  /** The same id with the same hash was there; nothing of it has changed. */
  | { readonly type: "present" }
  /** The id belongs to another key, or the key has another id. Nothing has changed. */
  | { readonly type: "taken" }
  | { readonly type: "unavailable"; readonly message: string };

/** Puts a key in once, however often it is called. At most two statements of `timeoutMs`. */
export async function insertKey(
  db: LedgerDatabase,
  key: NewKey,
  timeoutMs: number,
): Promise<InsertKeyResult> {
  const inserted = await ask(
    db,
    `INSERT INTO api_key (key_id, hash, caller_id, name, scopes, created_at)
     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING key_id`,
    [key.keyId, key.hash, key.callerId, key.name, JSON.stringify(key.scopes), key.createdAt],
    timeoutMs,
  );
  if (inserted.type === "unavailable") {
    return inserted;
  }
  if (inserted.rows.length > 0) {
    return { type: "inserted" };
  }
  const there = await ask<{ one: number }>(
    db,
    "SELECT 1 AS one FROM api_key WHERE key_id = ? AND hash = ?",
    [key.keyId, key.hash],
    timeoutMs,
  );
  if (there.type === "unavailable") {
    return there;
  }
  return { type: there.rows.length > 0 ? "present" : "taken" };
}
