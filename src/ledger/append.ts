/**
 * Owns the only INSERT into the ledger, and the question what the ledger has of a chain.
 * Must not decide what follows from an answer: a relay does. Never throws; D1's own triggers, not
 * this code, keep the ledger append-only (migrations/0001_entry.sql).
 */
import type { Entry } from "../domain/entries.ts";
import { problemOf, verifyEntry } from "./chain.ts";
import { columnOf, MEMBERS } from "./columns.ts";
import { ask } from "./database.ts";
import type { LedgerDatabase } from "./database.ts";
import canonicalize from "canonicalize";

/** Rows in one statement: some 40 ms of D1's single thread, so that others get their turn. */
export const BATCH_ROWS_MAX = 200;

/**
 * JSON of one statement's rows, in bytes: a quarter of the 2 MB that D1 takes as one value. A
 * single entry may be larger (at most twice `ENTRY_BYTES_MAX`) and then goes alone.
 */
export const BATCH_BYTES_MAX = 512 * 1024;

/** An entry by its place in a chain. */
interface Place {
  readonly seq: number;
  readonly hash: string;
}

export type AppendResult =
  /** All of them are in the ledger now; some or all may have been before. */
  | { readonly type: "appended" }
  /** The ledger lacks the entry before the first one it did not have: see `lastOf`. */
  | { readonly type: "unlinked" }
  /** The ledger has another entry in the place of one of these: which, unless D1 fell silent. */
  | { readonly type: "forked"; readonly ledger: Place | null }
  /** Not an entry, or more than a batch: a bug. Delivering it again would not help. */
  | { readonly type: "refused"; readonly message: string }
  /** Not known to be appended: deliver the same entries again. */
  | { readonly type: "unavailable"; readonly message: string };

/**
 * `value->>n` gives JSON integers as INTEGER and strings as TEXT, whatever is bound. One
 * statement, so all rows or none; in order, so that each row finds the one before it. The
 * subquery is evaluated once, hence one `recorded_at` a batch, never earlier than the last.
 */
const INSERT = `
  INSERT INTO entry (${MEMBERS.map(columnOf).join(", ")}, recorded_at)
  SELECT ${MEMBERS.map((_member, index) => `value->>${index}`).join(", ")}, max(
    strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
    coalesce((SELECT recorded_at FROM entry ORDER BY position DESC LIMIT 1), '')
  )
  FROM json_each(?) ORDER BY key`;

/**
 * Puts entries of one chain, in order and at most a batch of them (`batchOf`), into the ledger:
 * all or none. Entries that are there already change nothing, so a delivery whose answer was lost
 * is simply repeated. At most two statements, each with `timeoutMs`.
 */
export async function appendEntries(
  db: LedgerDatabase,
  entries: readonly Entry[],
  timeoutMs: number,
): Promise<AppendResult> {
  for (const entry of entries) {
    const problem = problemOf(entry) ?? (verifyEntry(entry) ? null : "hash: is not its own");
    if (problem !== null) {
      return { type: "refused", message: `entry ${entry.seq}: ${problem}` };
    }
  }
  const fitting = batchOf(entries).length;
  if (fitting < entries.length) {
    return { type: "refused", message: `${entries.length} entries, ${fitting} fit a batch` };
  }
  if (entries.length === 0) {
    return { type: "appended" };
  }
  const answer = await ask(db, INSERT, [`[${entries.map(rowOf).join(",")}]`], timeoutMs);
  if (answer.type === "rows") {
    return { type: "appended" };
  }
  return failureOf(db, entries, answer.message, timeoutMs);
}

/** The first of `entries` that fit one statement: at least one, if there are any. */
export function batchOf(entries: readonly Entry[]): readonly Entry[] {
  let bytes = 0;
  for (const [index, entry] of entries.entries()) {
    bytes += new TextEncoder().encode(rowOf(entry)).byteLength + 1;
    if (index > 0 && (index >= BATCH_ROWS_MAX || bytes > BATCH_BYTES_MAX)) {
      return entries.slice(0, index);
    }
  }
  return entries;
}

/** JSON array of the columns. `detail` goes as a string, so that D1 keeps it byte for byte. */
function rowOf(entry: Entry): string {
  return JSON.stringify(
    MEMBERS.map((member) =>
      member === "detail" && entry.detail !== null ? canonicalize(entry.detail) : entry[member],
    ),
  );
}

/** D1 gives reasons as text only; each trigger has words of its own. */
async function failureOf(
  db: LedgerDatabase,
  entries: readonly Entry[],
  message: string,
  timeoutMs: number,
): Promise<AppendResult> {
  if (message.includes("append-only: unlinked")) {
    return { type: "unlinked" };
  }
  if (message.includes("append-only: forked")) {
    return { type: "forked", ledger: await firstFork(db, entries, timeoutMs) };
  }
  if (/append-only|constraint failed|SQLITE_(CONSTRAINT|MISMATCH|TOOBIG)/.test(message)) {
    return { type: "refused", message };
  }
  return { type: "unavailable", message };
}

/** CROSS JOIN keeps the order of the loops: one look-up by unique key for each entry sent. */
const FORKS = `
  SELECT entry.seq, entry.hash FROM json_each(?) AS sent CROSS JOIN entry
  WHERE entry.payment_method_id = sent.value->>0 AND entry.seq = sent.value->>1
    AND entry.hash <> sent.value->>2
  ORDER BY entry.seq LIMIT 1`;

async function firstFork(
  db: LedgerDatabase,
  entries: readonly Entry[],
  timeoutMs: number,
): Promise<Place | null> {
  const sent = entries.map(({ paymentMethodId, seq, hash }) => [paymentMethodId, seq, hash]);
  const answer = await ask<Place>(db, FORKS, [JSON.stringify(sent)], timeoutMs);
  return answer.type === "rows" ? (answer.rows[0] ?? null) : null;
}

export type LastResult =
  | ({ readonly type: "found" } & Place)
  | { readonly type: "none" }
  | { readonly type: "unavailable"; readonly message: string };

/**
 * The last entry the ledger has of this chain: from where to deliver again after the ledger was
 * restored to an earlier time, if its hash is the journal's own.
 */
export async function lastOf(
  db: LedgerDatabase,
  paymentMethodId: string,
  timeoutMs: number,
): Promise<LastResult> {
  const sql = "SELECT seq, hash FROM entry WHERE payment_method_id = ? ORDER BY seq DESC LIMIT 1";
  const answer = await ask<Place>(db, sql, [paymentMethodId], timeoutMs);
  if (answer.type === "unavailable") {
    return answer;
  }
  const [last] = answer.rows;
  return last === undefined ? { type: "none" } : { type: "found", ...last };
}
