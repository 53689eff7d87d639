/**
 * Owns how rows of the ledger become entries again, and how many of them come at once.
 * Must not choose an index (plan.ts) nor know of pages (queries.ts).
 */
import type { Detail, Entry } from "../domain/entries.ts";
import { columnOf, MEMBERS } from "./columns.ts";
import { ask } from "./database.ts";
import type { LedgerDatabase } from "./database.ts";
import type { Condition } from "./plan.ts";

/**
 * A detail up to this many bytes comes with its row, so that nearly every page is one statement:
 * text from outside is cut to 2 KiB, and few entries hold more than two such texts.
 */
const DETAIL_INLINE_BYTES = 8 * 1024;

/** Bytes of longer details at once: well below a Worker's 128 MB, parsed and written again. */
export const LONG_DETAIL_BYTES_MAX = 4 * 1024 * 1024;

/** An entry as the ledger shows it; `position` and `recordedAt` are not hashed. */
export interface LedgerEntry extends Entry {
  /** Order of arrival over all chains, from 1, without gaps. */
  readonly position: number;
  /** RFC 3339, UTC, milliseconds; never falls as `position` grows. */
  readonly recordedAt: string;
}

export type Rows =
  | {
      readonly type: "rows";
      readonly entries: readonly LedgerEntry[];
      /** Others pass, too: beyond `room`, or left out for the length of their details. */
      readonly more: boolean;
    }
  | { readonly type: "unavailable"; readonly message: string };

interface Row {
  readonly position: number;
  readonly detail: string | null;
  /** Of a detail that did not come with its row. */
  readonly longBytes: number | null;
  readonly [column: string]: string | number | null;
}

const SHOWN = [
  ...MEMBERS.filter((member) => member !== "detail").map(
    (member) => `${columnOf(member)} AS ${member}`,
  ),
  `CASE WHEN octet_length(detail) <= ${DETAIL_INLINE_BYTES} THEN detail END AS detail`,
  `CASE WHEN octet_length(detail) > ${DETAIL_INLINE_BYTES} THEN octet_length(detail) END AS longBytes`,
  "position",
  "recorded_at AS recordedAt",
].join(", ");

/** The first `room` entries that pass, by position; at least one, if one passes. */
export async function readEntries(
  db: LedgerDatabase,
  where: Condition,
  order: "asc" | "desc",
  room: number,
  timeoutMs: number,
): Promise<Rows> {
  const answer = await ask<Row>(
    db,
    `SELECT ${SHOWN} FROM entry WHERE ${where.sql} ORDER BY position ${order} LIMIT ${room + 1}`,
    where.values,
    timeoutMs,
  );
  if (answer.type === "unavailable") {
    return answer;
  }
  const rows = bearable(answer.rows.slice(0, room));
  const long = await longDetails(db, rows, timeoutMs);
  if (long.type === "unavailable") {
    return long;
  }
  const entries = rows.map((row) => entryOf(row, long.details.get(row.position) ?? row.detail));
  return { type: "rows", entries, more: answer.rows.length > rows.length };
}

/** As many as their long details allow, and at least one. */
function bearable(rows: readonly Row[]): readonly Row[] {
  let bytes = 0;
  for (const [index, row] of rows.entries()) {
    bytes += row.longBytes ?? 0;
    if (index > 0 && bytes > LONG_DETAIL_BYTES_MAX) {
      return rows.slice(0, index);
    }
  }
  return rows;
}

type LongDetails =
  | { readonly type: "details"; readonly details: ReadonlyMap<number, string> }
  | { readonly type: "unavailable"; readonly message: string };

async function longDetails(
  db: LedgerDatabase,
  rows: readonly Row[],
  timeoutMs: number,
): Promise<LongDetails> {
  const positions = rows.filter((row) => row.longBytes !== null).map((row) => row.position);
  if (positions.length === 0) {
    return { type: "details", details: new Map() };
  }
  const answer = await ask<{ position: number; detail: string }>(
    db,
    "SELECT position, detail FROM entry WHERE position IN (SELECT value FROM json_each(?))",
    [JSON.stringify(positions)],
    timeoutMs,
  );
  if (answer.type === "unavailable") {
    return answer;
  }
  const details = new Map(answer.rows.map((row) => [row.position, row.detail]));
  return { type: "details", details };
}

/** Members in the order of the documentation; `detail` is what its text says. */
function entryOf(row: Row, detail: string | null): LedgerEntry {
  return {
    ...Object.fromEntries(MEMBERS.map((member) => [member, row[member] ?? null])),
    detail: detail === null ? null : (JSON.parse(detail) as Detail),
    position: row.position,
    recordedAt: row["recordedAt"],
  } as LedgerEntry;
}
