/**
 * Owns the reads of the ledger that a caller can make: a list by filters, and one entry.
 * Must not make a Response: src/http puts these results on the wire. Never causes a request to
 * Harmony.
 */
import { foldId, isUuid } from "../domain/ids.ts";
import type { LedgerDatabase } from "../ledger/database.ts";
import { getEntry, queryEntries } from "../ledger/queries.ts";
import type { EntryResult } from "../ledger/queries.ts";
import type { LedgerEntry } from "../ledger/rows.ts";
import { cursorOf, placeOf } from "./cursor.ts";
import { parseParameters } from "./parameters.ts";
import type { ParameterError } from "./parameters.ts";

/** For one statement; a page takes at most seven, nearly always two. */
export const STATEMENT_TIMEOUT_MS = 10_000;

/** Up to 15 digits: a safe integer, and more than any chain will have. */
const SEQ = /^[1-9]\d{0,14}$/;

export interface EntriesBody {
  readonly entries: readonly LedgerEntry[];
  /** Null at the end of the list, and only there: a page may be short, even empty, before. */
  readonly nextCursor: string | null;
  readonly asOf: number;
}

export type ListResult =
  /** `next` is this URL with the next cursor: the target of `Link: <...>; rel="next"`. */
  | { readonly type: "ok"; readonly body: EntriesBody; readonly next: URL | null }
  | { readonly type: "invalid"; readonly errors: readonly ParameterError[] }
  | { readonly type: "unavailable"; readonly message: string };

/** `GET /ledger/entries`: the page that the query string of `url` asks for. */
export async function listEntries(
  db: LedgerDatabase,
  url: URL,
  timeoutMs: number = STATEMENT_TIMEOUT_MS,
): Promise<ListResult> {
  const parsed = parseParameters(url.searchParams);
  if (parsed.type === "invalid") {
    return parsed;
  }
  const { filters, order, limit, cursor } = parsed.parameters;
  const at = placeOf(cursor, { filters, order });
  if (at.type === "invalid") {
    return invalidCursor(at.detail);
  }
  const query = {
    filters,
    order,
    limit,
    asOf: at.place?.asOf ?? null,
    after: at.place?.after ?? null,
  };
  const page = await queryEntries(db, query, timeoutMs);
  switch (page.type) {
    case "unavailable":
      return page;
    case "behind":
      return invalidCursor(`is of a longer ledger: its last position is ${page.last} now`);
    case "page":
      break;
  }
  const { entries, asOf } = page;
  const nextCursor =
    page.next === null ? null : cursorOf({ asOf, after: page.next }, { filters, order });
  return { type: "ok", body: { entries, nextCursor, asOf }, next: withCursor(url, nextCursor) };
}

/** `GET /ledger/entries/{paymentMethodId}/{seq}`; what is no such path is no such entry. */
export async function readEntry(
  db: LedgerDatabase,
  paymentMethodId: string,
  seq: string,
  timeoutMs: number = STATEMENT_TIMEOUT_MS,
): Promise<EntryResult> {
  if (!isUuid(paymentMethodId) || !SEQ.test(seq)) {
    return { type: "none" };
  }
  return getEntry(db, foldId(paymentMethodId), Number(seq), timeoutMs);
}

function invalidCursor(detail: string): ListResult {
  return { type: "invalid", errors: [{ parameter: "cursor", detail }] };
}

function withCursor(url: URL, cursor: string | null): URL | null {
  if (cursor === null) {
    return null;
  }
  const next = new URL(url);
  next.searchParams.set("cursor", cursor);
  return next;
}
