/**
 * Queries over twenty thousand entries: each gives what a plain loop over all entries gives, and
 * reads a bounded number of rows for it.
 */
import { env } from "cloudflare:workers";
import { beforeAll, describe, it } from "vitest";
import { ENTRY_TYPES } from "../../src/domain/entries.ts";
import type { Entry, EntryContent } from "../../src/domain/entries.ts";
import { appendEntries, BATCH_ROWS_MAX } from "../../src/ledger/append.ts";
import { verifyEntry } from "../../src/ledger/chain.ts";
import type { LedgerDatabase } from "../../src/ledger/database.ts";
import { EQUALITY_FILTERS, planOf } from "../../src/ledger/plan.ts";
import type { EntryFilters } from "../../src/ledger/plan.ts";
import { queryEntries, WINDOWS } from "../../src/ledger/queries.ts";
import type { EntryQuery } from "../../src/ledger/queries.ts";
import { LONG_DETAIL_BYTES_MAX } from "../../src/ledger/rows.ts";
import type { LedgerEntry } from "../../src/ledger/rows.ts";
import { chainOf, contentOf, newChain, newMethod, TIMEOUT_MS } from "./ledger-support.ts";

const METHODS = 200;
const PER_METHOD = 100;
const TOTAL = METHODS * PER_METHOD;
const EPOCH_MS = Date.parse("2026-11-20T00:00:00.000Z");

/** Every entry of the table as the ledger shows it, in the order of position. */
let all: readonly LedgerEntry[] = [];
/** Rows read by the statements since it was last set to 0. */
let rowsRead = 0;
let statements = 0;

/** The real database, counting what it reads. */
const db: LedgerDatabase = {
  prepare: (sql) => env.LEDGER.prepare(sql),
  withSession: (constraint) => {
    const session = env.LEDGER.withSession(constraint);
    return {
      prepare: (sql) => counted(session.prepare(sql)),
    };
  },
};

function counted(statement: D1PreparedStatement): ReturnType<LedgerDatabase["prepare"]> {
  return {
    bind: (...values) => counted(statement.bind(...values)),
    all: async () => {
      const answer = await statement.all();
      rowsRead += answer.meta.rows_read;
      statements += 1;
      return answer;
    },
  };
}

const NO_FILTERS: EntryFilters = {
  equal: {},
  occurredFrom: null,
  occurredTo: null,
  recordedFrom: null,
  recordedTo: null,
  minAmountMinor: null,
  maxAmountMinor: null,
};

function queryOf(filters: Partial<EntryFilters>, change: Partial<EntryQuery> = {}): EntryQuery {
  return {
    filters: { ...NO_FILTERS, ...filters },
    order: "asc",
    limit: 100,
    asOf: null,
    after: null,
    ...change,
  };
}

/** One page, which must be one. */
async function page(query: EntryQuery) {
  rowsRead = 0;
  statements = 0;
  const result = await queryEntries(db, query, TIMEOUT_MS);
  if (result.type !== "page") {
    throw new Error(JSON.stringify(result));
  }
  return result;
}

/** All pages one after the other, and the most rows that any one of them read. */
async function pages(query: EntryQuery) {
  const entries: LedgerEntry[] = [];
  let most = 0;
  let count = 0;
  let { after, asOf } = query;
  for (;;) {
    const one = await page({ ...query, after, asOf });
    entries.push(...one.entries);
    most = Math.max(most, rowsRead);
    count += 1;
    if (one.next === null) {
      return { entries, most, count };
    }
    after = one.next;
    asOf = one.asOf;
  }
}

/** The same by a plain loop: what any index and any window must not change. */
function expected(filters: EntryFilters, order: "asc" | "desc"): readonly LedgerEntry[] {
  const passing = all.filter((entry) => passes(entry, filters));
  return order === "asc" ? passing : passing.toReversed();
}

function passes(entry: LedgerEntry, filters: EntryFilters): boolean {
  const amount = entry.amountMinor;
  const { minAmountMinor: min, maxAmountMinor: max } = filters;
  return (
    EQUALITY_FILTERS.every((name) => filters.equal[name]?.includes(String(entry[name])) ?? true) &&
    (filters.occurredFrom === null || entry.occurredAt >= filters.occurredFrom) &&
    (filters.occurredTo === null || entry.occurredAt < filters.occurredTo) &&
    (filters.recordedFrom === null || entry.recordedAt >= filters.recordedFrom) &&
    (filters.recordedTo === null || entry.recordedAt < filters.recordedTo) &&
    (min === null || (amount !== null && amount >= min)) &&
    (max === null || (amount !== null && amount <= max))
  );
}

function contentAt(index: number, paymentMethodId: string, method: number): EntryContent {
  const charge = Math.floor(index / 5);
  const step = index % 5;
  // Deliveries come late by up to ten minutes: occurredAt does not quite follow the position.
  const occurredMs = EPOCH_MS + (index * METHODS + method) * 9000 - ((method * 7919) % 600) * 1000;
  const own = `${method}-${charge}`;
  return contentOf({
    paymentMethodId,
    type: ENTRY_TYPES[step === 4 ? 16 : step] ?? "looked",
    occurredAt: new Date(occurredMs).toISOString(),
    chargeId: `charge-${own}`,
    idempotencyKey: `key-${own}`,
    reference: method % 2 === 0 ? `ref-${own}` : null,
    caller: method % 20 === 0 ? "other" : "main",
    paymentId: step === 0 ? null : `pay-${own}`,
    paymentStatus: step === 0 ? null : method % 50 === 0 ? "REFUNDED" : "CONFIRMED",
    outcome: step !== 1 ? null : method % 25 === 0 ? "indeterminate" : "approved",
    amountMinor: step === 3 ? null : 1000 + ((method * 31 + charge * 17) % 5000),
  });
}

beforeAll(async () => {
  const ids = Array.from({ length: METHODS }, newMethod);
  const chains = ids.map((id, method) =>
    chainOf(Array.from({ length: PER_METHOD }, (_one, index) => contentAt(index, id, method))),
  );
  // As relays deliver: a charge's five entries of one method, then another method's. Many
  // deliveries in one statement only to be quick about it.
  const order: Entry[] = [];
  for (let index = 0; index < PER_METHOD; index += 5) {
    order.push(...chains.flatMap((chain) => chain.slice(index, index + 5)));
  }
  for (let index = 0; index < order.length; index += BATCH_ROWS_MAX) {
    const batch = order.slice(index, index + BATCH_ROWS_MAX);
    const result = await appendEntries(db, batch, TIMEOUT_MS);
    if (result.type !== "appended") {
      throw new Error(JSON.stringify(result));
    }
  }
  all = (await pages(queryOf({}, { limit: 500 }))).entries;
}, 120_000);

describe("a list without filters", () => {
  it("gives every entry once, in the order of position, with its hash intact", ({ expect }) => {
    expect(all.map((entry) => entry.position)).toEqual(all.map((_entry, index) => index + 1));
    expect(all).toHaveLength(TOTAL);
    expect(all.every(verifyEntry)).toBe(true);
  });

  it("gives the newest first when asked to", async ({ expect }) => {
    const newest = await page(queryOf({}, { order: "desc", limit: 3 }));
    expect(newest.entries.map((entry) => entry.position)).toEqual([TOTAL, TOTAL - 1, TOTAL - 2]);
    expect(newest.next).toBe(TOTAL - 2);
    expect(rowsRead).toBeLessThan(20);
  });
});

/** One value that few and one that many entries have, for each filter. */
const VALUES: { readonly [Filter in (typeof EQUALITY_FILTERS)[number]]: readonly string[] } = {
  chargeId: ["charge-7-3"],
  idempotencyKey: ["key-9-19"],
  paymentId: ["pay-12-0"],
  reference: ["ref-40-11"],
  paymentMethodId: ["00000000-0000-4000-8000-000000000005"],
  paymentStatus: ["CONFIRMED", "REFUNDED"],
  outcome: ["approved", "indeterminate"],
  type: ["looked", "method_unfrozen"],
  caller: ["main", "other"],
};

const cases = EQUALITY_FILTERS.flatMap((filter) =>
  [...VALUES[filter], "nothing has this"].flatMap((value) =>
    (["asc", "desc"] as const).map((order) => [filter, value, order] as const),
  ),
);

describe("each equality filter", () => {
  it.for(cases)(
    "finds by %s = %s, %s, reading little more than the page",
    async ([filter, value, order], { expect }) => {
      const query = queryOf({ equal: { [filter]: [value] } }, { order, limit: 100 });
      const wanted = expected(query.filters, order);
      const first = await page(query);
      expect(first.entries).toEqual(wanted.slice(0, 100));
      // One range of an index: the page and one more, and the bounds.
      expect(rowsRead).toBeLessThanOrEqual(101 + 10);
      if (first.next !== null) {
        const next = await page({ ...query, after: first.next, asOf: first.asOf });
        expect(next.entries).toEqual(wanted.slice(100, 200));
        expect(rowsRead).toBeLessThanOrEqual(101 + 10);
      } else {
        expect(wanted.length).toBeLessThanOrEqual(100);
      }
    },
  );

  it.for(EQUALITY_FILTERS)("uses the index of %s", async (filter, { expect }) => {
    const { driver } = planOf({ ...NO_FILTERS, equal: { [filter]: ["x"] } });
    const { results } = await env.LEDGER.prepare(
      `EXPLAIN QUERY PLAN SELECT * FROM entry WHERE ${driver?.sql} AND position BETWEEN 1 AND 9
       ORDER BY position LIMIT 101`,
    )
      .bind("x")
      .all<{ detail: string }>();
    const plan = results.map((row) => row.detail).join("; ");
    expect(plan).toMatch(
      /SEARCH entry USING INDEX entry_by_\w+ \(\w+=\? AND rowid>\? AND rowid<\?\)/,
    );
    expect(plan).not.toContain("TEMP B-TREE");
  });

  it.for(["asc", "desc"] as const)("finds any of twenty values, %s", async (order, { expect }) => {
    const references = Array.from({ length: 20 }, (_one, index) => `ref-${index * 2}-${index}`);
    const query = queryOf({ equal: { reference: references } }, { order, limit: 30 });
    const found = await pages(query);
    expect(found.entries).toEqual(expected(query.filters, order));
    expect(found.entries).toHaveLength(100);
    expect(found.most).toBeLessThanOrEqual(21 * 31 + 10);
  });

  it.for(["asc", "desc"] as const)(
    "finds any of many-rowed values, %s",
    async (order, { expect }) => {
      const query = queryOf({ equal: { type: ["looked", "attempt_answered"] } }, { order });
      const first = await page(query);
      expect(first.entries).toEqual(expected(query.filters, order).slice(0, 100));
      expect(rowsRead).toBeLessThanOrEqual(3 * 101 + 10);
    },
  );
});

const WORST = WINDOWS.reduce((sum, size) => sum + size, 0);

describe("filters together", () => {
  const combined: readonly (readonly [string, Partial<EntryFilters>])[] = [
    ["a caller and a key", { equal: { caller: ["main"], idempotencyKey: ["key-9-19"] } }],
    [
      "a method and a type",
      {
        equal: {
          paymentMethodId: ["00000000-0000-4000-8000-000000000005"],
          type: ["looked", "polled"],
        },
      },
    ],
    ["two of many rows", { equal: { type: ["attempt_answered"], outcome: ["indeterminate"] } }],
    ["two that exclude each other", { equal: { type: ["looked"], outcome: ["approved"] } }],
    ["a status and an amount", { equal: { paymentStatus: ["REFUNDED"] }, minAmountMinor: 3000 }],
    ["amounts alone", { minAmountMinor: 1100, maxAmountMinor: 1110 }],
    ["an amount that none has", { minAmountMinor: 900_000 }],
    [
      "an hour",
      { occurredFrom: "2026-11-20T10:00:00.000Z", occurredTo: "2026-11-20T11:00:00.000Z" },
    ],
    [
      "a minute and a caller",
      {
        equal: { caller: ["other"] },
        occurredFrom: "2026-11-21T10:00:00.000Z",
        occurredTo: "2026-11-21T10:01:00.000Z",
      },
    ],
    ["the time after the last", { occurredFrom: "2027-01-01T00:00:00.000Z" }],
    ["the time before the first", { occurredTo: "2025-01-01T00:00:00.000Z" }],
    ["all of time", { occurredFrom: "0000-01-01T00:00:00.000Z" }],
    ["since a time", { occurredFrom: "2026-11-22T01:17:23.000Z" }],
    ["until a time", { occurredTo: "2026-11-20T01:17:23.000Z" }],
  ];
  const both = combined.flatMap(([name, filters]) =>
    (["asc", "desc"] as const).map((order) => [name, order, filters] as const),
  );
  it.for(both)(
    "%s, %s: the same as a plain loop, in bounded pages",
    async ([, order, filters], { expect }) => {
      const query = queryOf(filters, { order, limit: 200 });
      const found = await pages(query);
      expect(found.entries.map((entry) => entry.position)).toEqual(
        expected(query.filters, order).map((entry) => entry.position),
      );
      // Candidates once in the index and once as rows, minutes and days of the bounds.
      expect(found.most).toBeLessThanOrEqual(2 * WORST + 3 * 1440);
    },
  );

  it("take the most selective one to drive", ({ expect }) => {
    const plan = planOf({
      ...NO_FILTERS,
      equal: { caller: ["main"], type: ["looked", "polled"], idempotencyKey: ["k"] },
    });
    expect(plan.driver?.sql).toBe("idempotency_key = ?");
    expect(plan.sieve?.sql).toBe("+type IN (SELECT value FROM json_each(?)) AND +caller = ?");
  });

  it("with all values at once stay within a statement's hundred parameters", async ({ expect }) => {
    const many = Array.from({ length: 20 }, (_one, index) => `v${index}`);
    const equal = Object.fromEntries(EQUALITY_FILTERS.map((filter) => [filter, many]));
    const time = "2026-11-20T10:00:00.000Z";
    const everything = { ...NO_FILTERS, equal, minAmountMinor: 1, maxAmountMinor: 2 };
    const times = { occurredFrom: time, occurredTo: time, recordedFrom: time, recordedTo: time };
    expect((await page(queryOf({ ...everything, ...times }))).entries).toEqual([]);
    expect((await page(queryOf(everything))).entries).toEqual([]);
  });

  it("that find nothing end after bounded, empty pages", async ({ expect }) => {
    const first = await page(queryOf({ minAmountMinor: 900_000 }));
    expect(first.entries).toEqual([]);
    expect(first.next).toBe(WORST);
    expect(rowsRead).toBeLessThanOrEqual(WORST + 10);
    expect(statements).toBe(3);
    const found = await pages(queryOf({ minAmountMinor: 900_000 }));
    expect(found.count).toBe(Math.ceil(TOTAL / WORST));
  });
});

describe("ranges of time", () => {
  it("of a minute read about a minute's entries", async ({ expect }) => {
    const filters = {
      occurredFrom: "2026-11-21T10:00:00.000Z",
      occurredTo: "2026-11-21T10:01:00.000Z",
    };
    const found = await page(queryOf(filters));
    expect(found.entries.length).toBeGreaterThan(0);
    expect(found.next).toBeNull();
    expect(rowsRead).toBeLessThanOrEqual(3 * 1440);
  });

  it("of recordedAt are exact to the millisecond, from inclusive, to exclusive", async ({
    expect,
  }) => {
    const recordedFrom = String(all[5000]?.recordedAt);
    const recordedTo = String(all[9000]?.recordedAt);
    for (const order of ["asc", "desc"] as const) {
      const query = queryOf({ recordedFrom, recordedTo }, { order, limit: 500 });
      const found = await pages(query);
      expect(found.entries).toEqual(expected(query.filters, order));
      expect(found.entries.length).toBeGreaterThan(0);
      expect(found.most).toBeLessThanOrEqual(501 + 10);
    }
    const never = queryOf({ recordedFrom: recordedTo, recordedTo: recordedFrom });
    expect((await page(never)).entries).toEqual([]);
  });
});

describe("a list that is read while entries arrive", () => {
  it.for(["asc", "desc"] as const)("neither shifts nor repeats, %s", async (order, { expect }) => {
    const chain = newChain(6, { caller: `growing-${order}` });
    await appendEntries(db, chain.slice(0, 4), TIMEOUT_MS);
    const query = queryOf({ equal: { caller: [`growing-${order}`] } }, { order, limit: 2 });
    const first = await page(query);
    await appendEntries(db, chain.slice(4), TIMEOUT_MS);
    const rest = await pages({ ...query, asOf: first.asOf, after: first.next });
    const seqs = [...first.entries, ...rest.entries].map((entry) => entry.seq);
    expect(seqs).toEqual(order === "asc" ? [1, 2, 3, 4] : [4, 3, 2, 1]);
    expect((await pages(query)).entries).toHaveLength(6);
  });

  it("says so when the ledger has become shorter than the list", async ({ expect }) => {
    const result = await queryEntries(db, queryOf({}, { asOf: 10_000_000, after: 5 }), TIMEOUT_MS);
    expect(result).toMatchObject({ type: "behind" });
  });

  it("cuts a page whose details are long, and goes on", async ({ expect }) => {
    const bytes = LONG_DETAIL_BYTES_MAX / 10 - 100;
    const chain = newChain(25, { caller: "wordy", detail: { text: "é".repeat(bytes / 2) } });
    for (const entry of chain) {
      await appendEntries(db, [entry], TIMEOUT_MS);
    }
    for (const order of ["asc", "desc"] as const) {
      const query = queryOf({ equal: { caller: ["wordy"] } }, { order, limit: 500 });
      const first = await page(query);
      expect(first.entries).toHaveLength(10);
      const seqs = (await pages(query)).entries.map((entry) => entry.seq);
      const inOrder = chain.map((entry) => entry.seq);
      expect(seqs).toEqual(order === "asc" ? inOrder : inOrder.toReversed());
    }
  });
});
