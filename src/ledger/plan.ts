/**
 * Owns which index serves a query of the ledger, and the conditions in SQL that follow from it.
 * Must not run anything: queries.ts does. Pure.
 *
 * Without statistics SQLite takes the wrong one of two indexes; with them its choice would change
 * from day to day. So one filter *drives*, chosen by a fixed order, and the others are hidden
 * from the planner behind a unary plus and only *sift* the rows that the driver yields.
 */
import { columnOf } from "./columns.ts";

/**
 * Filters by equality, the most selective first: few entries of a charge, many of a caller. Each
 * has an index (migrations/0002_entry_filters.sql).
 */
export const EQUALITY_FILTERS = [
  "chargeId",
  "idempotencyKey",
  "paymentId",
  "reference",
  "paymentMethodId",
  "paymentStatus",
  "outcome",
  "type",
  "caller",
] as const;

export type EqualityFilter = (typeof EQUALITY_FILTERS)[number];

export interface EntryFilters {
  /** Any of the values; an absent filter lets everything pass. */
  readonly equal: { readonly [Filter in EqualityFilter]?: readonly string[] };
  /** RFC 3339, UTC, milliseconds; `From` inclusive, `To` exclusive. */
  readonly occurredFrom: string | null;
  readonly occurredTo: string | null;
  readonly recordedFrom: string | null;
  readonly recordedTo: string | null;
  /** Centavos, both inclusive. Entries without an amount do not pass. */
  readonly minAmountMinor: number | null;
  readonly maxAmountMinor: number | null;
}

/** A condition in SQL with the values of its question marks. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

export interface Plan {
  /** Served by an index that ends in `position`. Null: positions themselves are read. */
  readonly driver: Condition | null;
  /** How many values drive: each is a range of the index of its own. */
  readonly driverValues: number;
  /** What sifts the rows of the driver, or null if the driver is all. */
  readonly sieve: Condition | null;
}

/** Ranges of recordedAt are not here: `boundsOf` turns them into exact ranges of positions. */
export function planOf(filters: EntryFilters): Plan {
  const given = EQUALITY_FILTERS.filter((filter) => filters.equal[filter] !== undefined);
  const [driving, ...sifting] = given;
  const sieves = [
    ...sifting.map((filter) => siftBy(filter, filters.equal[filter] ?? [])),
    ...rangeOf("occurredAt", ">=", filters.occurredFrom),
    ...rangeOf("occurredAt", "<", filters.occurredTo),
    ...rangeOf("amountMinor", ">=", filters.minAmountMinor),
    ...rangeOf("amountMinor", "<=", filters.maxAmountMinor),
  ];
  const values = driving === undefined ? [] : (filters.equal[driving] ?? []);
  return {
    driver: driving === undefined ? null : driveBy(driving, values),
    driverValues: Math.max(1, values.length),
    sieve: sieves.length === 0 ? null : and(sieves),
  };
}

export function and(conditions: readonly Condition[]): Condition {
  return {
    sql: conditions.map((condition) => condition.sql).join(" AND "),
    values: conditions.flatMap((condition) => condition.values),
  };
}

/** Plain values in the list: SQLite then stops early in each one's range of the index. */
function driveBy(filter: EqualityFilter, values: readonly string[]): Condition {
  const column = columnOf(filter);
  return values.length === 1
    ? { sql: `${column} = ?`, values }
    : { sql: `${column} IN (${values.map(() => "?").join(", ")})`, values };
}

/** One parameter however many values: D1 takes 100 a statement. */
function siftBy(filter: EqualityFilter, values: readonly string[]): Condition {
  const column = columnOf(filter);
  return values.length === 1
    ? { sql: `+${column} = ?`, values }
    : {
        sql: `+${column} IN (SELECT value FROM json_each(?))`,
        values: [JSON.stringify(values)],
      };
}

function rangeOf(
  member: "occurredAt" | "amountMinor",
  operator: ">=" | "<" | "<=",
  value: string | number | null,
): Condition[] {
  return value === null ? [] : [{ sql: `${columnOf(member)} ${operator} ?`, values: [value] }];
}

const LAST = "(SELECT max(position) FROM entry)";

/**
 * The statement that gives the last position and, for each range of time, the bounds on
 * positions: `recordedAt` grows with `position`, so its bounds are exact; `occurredAt` does not
 * quite, so its bounds (from the spans of its minutes and days) may be too wide, never too narrow,
 * and the sieve looks again. A bound that no row meets is NULL.
 */
export function boundsStatement(filters: EntryFilters): Condition {
  const parts: Condition[] = [{ sql: `coalesce(${LAST}, 0) AS last`, values: [] }];
  const add = (name: string, select: string, values: readonly string[]) =>
    parts.push({ sql: `(${select}) AS ${name}`, values });
  if (filters.recordedFrom !== null) {
    add(
      "recordedLo",
      "SELECT position FROM entry WHERE recorded_at >= ? ORDER BY recorded_at, position LIMIT 1",
      [filters.recordedFrom],
    );
  }
  if (filters.recordedTo !== null) {
    add(
      "recordedHi",
      `SELECT position FROM entry WHERE recorded_at < ?
       ORDER BY recorded_at DESC, position DESC LIMIT 1`,
      [filters.recordedTo],
    );
  }
  if (filters.occurredFrom !== null) {
    const day = filters.occurredFrom.slice(0, 10);
    add(
      "occurredLo",
      `SELECT min(lo) FROM (
         SELECT min(lo) AS lo FROM span WHERE unit = 'minute' AND period BETWEEN ? AND ?
         UNION ALL SELECT min(lo) FROM span WHERE unit = 'day' AND period > ?)`,
      [filters.occurredFrom.slice(0, 16), `${day}T23:59`, day],
    );
  }
  if (filters.occurredTo !== null) {
    const day = filters.occurredTo.slice(0, 10);
    add(
      "occurredHi",
      `SELECT max(hi) FROM (
         SELECT max(hi) AS hi FROM span WHERE unit = 'minute' AND period BETWEEN ? AND ?
         UNION ALL SELECT max(hi) FROM span WHERE unit = 'day' AND period < ?)`,
      [`${day}T00:00`, filters.occurredTo.slice(0, 16), day],
    );
  }
  return {
    sql: `SELECT ${parts.map((part) => part.sql).join(", ")}`,
    values: parts.flatMap((part) => part.values),
  };
}
