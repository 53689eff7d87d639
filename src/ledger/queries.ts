/**
 * Owns every SELECT that shows entries: one by its place, and pages of them by filters.
 * Must not write, nor know of HTTP. A page reads a bounded number of rows whatever is asked, so
 * it may be short, even empty, while there is more: only `next` being null ends a list.
 */
import { ask } from "./database.ts";
import type { LedgerDatabase } from "./database.ts";
import { and, boundsStatement, planOf } from "./plan.ts";
import type { Condition, EntryFilters, Plan } from "./plan.ts";
import { readEntries } from "./rows.ts";
import type { LedgerEntry, Rows } from "./rows.ts";

/** The contract's largest page. */
export const LIMIT_MAX = 500;

/**
 * Candidates of the driving filter that one page sifts, in two windows: nearly all pages are full
 * within the first; the second bounds what a page costs that finds little, to some 50 ms of D1's
 * single thread where there are a million entries.
 */
export const WINDOWS = [1000, 10_000] as const;

export interface EntryQuery {
  readonly filters: EntryFilters;
  /** By `position`. */
  readonly order: "asc" | "desc";
  /** From 1 to `LIMIT_MAX`. */
  readonly limit: number;
  /** The last position that exists for this list; null on its first page: the last of now. */
  readonly asOf: number | null;
  /** `next` of the page before; null on the first. */
  readonly after: number | null;
}

export type PageResult =
  | {
      readonly type: "page";
      readonly entries: readonly LedgerEntry[];
      readonly asOf: number;
      /** The position up to which this page has read, or null where the list ends. */
      readonly next: number | null;
    }
  /** The ledger is shorter than `asOf`: it was restored to an earlier time. */
  | { readonly type: "behind"; readonly last: number }
  | { readonly type: "unavailable"; readonly message: string };

export type EntryResult =
  | { readonly type: "found"; readonly entry: LedgerEntry }
  | { readonly type: "none" }
  | { readonly type: "unavailable"; readonly message: string };

type Bounds = Readonly<Record<string, number | null>>;

/** Positions, both ends inclusive; empty where `from` is beyond `to`. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** One entry by its place in its chain. At most two statements, each of `timeoutMs`. */
export async function getEntry(
  db: LedgerDatabase,
  paymentMethodId: string,
  seq: number,
  timeoutMs: number,
): Promise<EntryResult> {
  const where = { sql: "payment_method_id = ? AND seq = ?", values: [paymentMethodId, seq] };
  const answer = await readEntries(db, where, "asc", 1, timeoutMs);
  if (answer.type === "unavailable") {
    return answer;
  }
  const [entry] = answer.entries;
  return entry === undefined ? { type: "none" } : { type: "found", entry };
}

/** One page. At most seven statements, mostly two, each of at most `timeoutMs`. */
export async function queryEntries(
  db: LedgerDatabase,
  query: EntryQuery,
  timeoutMs: number,
): Promise<PageResult> {
  const bounds = boundsStatement(query.filters);
  const answer = await ask<Bounds>(db, bounds.sql, bounds.values, timeoutMs);
  if (answer.type === "unavailable") {
    return answer;
  }
  const row = answer.rows[0] ?? {};
  const last = row["last"] ?? 0;
  const asOf = query.asOf ?? last;
  if (asOf > last) {
    return { type: "behind", last };
  }
  return pageWithin(db, query, asOf, rangeOf(row, query, asOf), timeoutMs);
}

/** What is left to read: within the times asked for, up to `asOf`, beyond the last page. */
function rangeOf(bounds: Bounds, query: EntryQuery, asOf: number): Range {
  const lows = ["recordedLo", "occurredLo"].filter((name) => name in bounds);
  const highs = ["recordedHi", "occurredHi"].filter((name) => name in bounds);
  const from = Math.max(1, ...lows.map((name) => bounds[name] ?? asOf + 1));
  const to = Math.min(asOf, ...highs.map((name) => bounds[name] ?? 0));
  if (query.after === null) {
    return { from, to };
  }
  return query.order === "asc"
    ? { from: Math.max(from, query.after + 1), to }
    : { from, to: Math.min(to, query.after - 1) };
}

async function pageWithin(
  db: LedgerDatabase,
  query: EntryQuery,
  asOf: number,
  whole: Range,
  timeoutMs: number,
): Promise<PageResult> {
  const plan = planOf(query.filters);
  const entries: LedgerEntry[] = [];
  let left = whole;
  for (const size of WINDOWS) {
    const window = await windowOf(db, query, plan, left, size, timeoutMs);
    if (window.type === "unavailable") {
      return window;
    }
    const room = query.limit - entries.length;
    const page = await readWithin(db, query, plan, window.range, room, timeoutMs);
    if (page.type === "unavailable") {
      return page;
    }
    entries.push(...page.entries);
    if (page.more) {
      return { type: "page", entries, asOf, next: entries.at(-1)?.position ?? null };
    }
    left = beyond(window.range, left, query.order);
    if (left.from > left.to) {
      return { type: "page", entries, asOf, next: null };
    }
    if (entries.length === query.limit) {
      break;
    }
  }
  return { type: "page", entries, asOf, next: query.order === "asc" ? left.from - 1 : left.to + 1 };
}

function beyond(read: Range, left: Range, order: "asc" | "desc"): Range {
  return order === "asc"
    ? { from: read.to + 1, to: left.to }
    : { from: left.from, to: read.from - 1 };
}

type Window =
  | { readonly type: "window"; readonly range: Range }
  | { readonly type: "unavailable"; readonly message: string };

/** The part of `left` that holds the next `size` candidates of the driver; all, if fewer. */
async function windowOf(
  db: LedgerDatabase,
  query: EntryQuery,
  plan: Plan,
  left: Range,
  size: number,
  timeoutMs: number,
): Promise<Window> {
  const asc = query.order === "asc";
  const upTo = (position: number): Window => ({
    type: "window",
    range: asc
      ? { from: left.from, to: Math.min(left.to, position) }
      : { from: Math.max(left.from, position), to: left.to },
  });
  if (plan.sieve === null || left.from > left.to) {
    return { type: "window", range: left };
  }
  if (plan.driver === null) {
    // Positions have no gaps, so that counting them is arithmetic.
    return upTo(asc ? left.from + size - 1 : left.to - size + 1);
  }
  // Each value of the driver is a range of the index, read up to the limit.
  const candidates = Math.ceil(size / plan.driverValues);
  const where = and([plan.driver, within(left)]);
  const answer = await ask<{ reached: number | null }>(
    db,
    `SELECT position AS reached FROM entry WHERE ${where.sql}
     ORDER BY position ${query.order} LIMIT 1 OFFSET ${candidates - 1}`,
    where.values,
    timeoutMs,
  );
  if (answer.type === "unavailable") {
    return answer;
  }
  const reached = answer.rows[0]?.reached ?? null;
  return reached === null ? { type: "window", range: left } : upTo(reached);
}

async function readWithin(
  db: LedgerDatabase,
  query: EntryQuery,
  plan: Plan,
  range: Range,
  room: number,
  timeoutMs: number,
): Promise<Rows> {
  if (range.from > range.to) {
    return { type: "rows", entries: [], more: false };
  }
  const conditions = [plan.driver, within(range), plan.sieve];
  const where = and(conditions.filter((condition) => condition !== null));
  return readEntries(db, where, query.order, room, timeoutMs);
}

function within(range: Range): Condition {
  return { sql: "position BETWEEN ? AND ?", values: [range.from, range.to] };
}
