/** Delivering entries: all or none, in order, once however often, byte for byte. */
import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { describe, it, vi } from "vitest";
import { outsideText } from "../../src/domain/entries.ts";
import type { Detail, Entry } from "../../src/domain/entries.ts";
import {
  appendEntries,
  BATCH_BYTES_MAX,
  BATCH_ROWS_MAX,
  batchOf,
  lastOf,
} from "../../src/ledger/append.ts";
import { ENTRY_BYTES_MAX, isLinked, verifyEntry } from "../../src/ledger/chain.ts";
import type { LedgerDatabase } from "../../src/ledger/database.ts";
import { getEntry } from "../../src/ledger/queries.ts";
import {
  chainOf,
  contentOf,
  newChain,
  newMethod,
  storedRows,
  TIMEOUT_MS,
} from "./ledger-support.ts";

const db = env.LEDGER;

async function append(entries: readonly Entry[]) {
  return appendEntries(db, entries, TIMEOUT_MS);
}

function mustHave<Value>(value: Value | undefined): Value {
  if (value === undefined) {
    throw new Error("the test has no such value");
  }
  return value;
}

describe("a delivery", () => {
  it("keeps every member as it was sealed", async ({ expect }) => {
    const [entry] = newChain(1, { effectMinor: -12_550, detail: { deep: [{ a: null }] } });
    expect(await append([mustHave(entry)])).toEqual({ type: "appended" });
    const read = await getEntry(db, mustHave(entry).paymentMethodId, 1, TIMEOUT_MS);
    expect(read).toMatchObject({ type: "found", entry });
    const types = await db
      .prepare("SELECT typeof(amount_minor) AS a, typeof(seq) AS s, typeof(detail) AS d FROM entry")
      .first();
    expect(types).toEqual({ a: "integer", s: "integer", d: "text" });
  });

  it("changes nothing when it is repeated, whole or in part", async ({ expect }) => {
    const chain = newChain(6);
    await append(chain.slice(0, 4));
    const before = await storedRows();
    expect(await append(chain.slice(0, 4))).toEqual({ type: "appended" });
    expect(await append(chain.slice(1, 3))).toEqual({ type: "appended" });
    expect(await storedRows()).toEqual(before);
    expect(await append(chain.slice(2, 6))).toEqual({ type: "appended" });
    const after = await storedRows();
    expect(after).toHaveLength(before.length + 2);
    expect(after.map((row) => row.position)).toEqual(after.map((_row, index) => index + 1));
  });

  it("of nothing is a delivery", async ({ expect }) => {
    expect(await append([])).toEqual({ type: "appended" });
  });

  it("leaves nothing of a batch that fails in its middle", async ({ expect }) => {
    const chain = newChain(5);
    const before = await storedRows();
    const holed = chain.filter((entry) => entry.seq !== 3);
    expect(await append(holed)).toEqual({ type: "unlinked" });
    expect(await storedRows()).toEqual(before);
    expect(await append(chain)).toEqual({ type: "appended" });
    const positions = (await storedRows()).map((row) => row.position);
    expect(positions).toEqual(positions.map((_position, index) => index + 1));
  });

  it("says unlinked where the ledger lacks what comes before, and goes on from lastOf", async ({
    expect,
  }) => {
    const chain = newChain(5);
    const id = mustHave(chain[0]).paymentMethodId;
    expect(await lastOf(db, id, TIMEOUT_MS)).toEqual({ type: "none" });
    await append(chain.slice(0, 2));
    expect(await append(chain.slice(3))).toEqual({ type: "unlinked" });
    const last = await lastOf(db, id, TIMEOUT_MS);
    expect(last).toEqual({ type: "found", seq: 2, hash: mustHave(chain[1]).hash });
    expect(await append(chain.slice(2))).toEqual({ type: "appended" });
  });

  it("says forked where the ledger has another entry, and which", async ({ expect }) => {
    const chain = newChain(3);
    await append(chain);
    const [first, second, third] = chain;
    const before = await storedRows();
    const other = chainOf(
      [2, 3].map(() => contentOf({ ...mustHave(second), detail: { other: true } })).map(strip),
      mustHave(first),
    );
    const forked = { type: "forked", ledger: { seq: 2, hash: mustHave(second).hash } };
    expect(await append(other)).toEqual(forked);
    expect(await append([mustHave(first), ...other])).toEqual(forked);
    expect(await append(other.slice(1))).toEqual({
      type: "forked",
      ledger: { seq: 3, hash: mustHave(third).hash },
    });
    expect(await storedRows()).toEqual(before);
  });

  it("refuses what is not sealed, and what is no batch", async ({ expect }) => {
    const before = await storedRows();
    const [entry] = newChain(1);
    const altered = { ...mustHave(entry), effectMinor: 1 };
    expect(await append([altered])).toMatchObject({ type: "refused" });
    const broken = { ...mustHave(entry), reference: "\uD800" };
    expect(await append([broken])).toMatchObject({ type: "refused" });
    expect(await append(newChain(BATCH_ROWS_MAX + 1))).toMatchObject({ type: "refused" });
    expect(await storedRows()).toEqual(before);
  });

  it("records times that never fall as positions grow", async ({ expect }) => {
    await append(newChain(2));
    await append(newChain(2));
    const times = (await storedRows()).map((row) => String(row["recorded_at"]));
    expect(times).toEqual(times.toSorted());
    expect(times.at(-1)).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
    expect(Math.abs(Date.parse(mustHave(times.at(-1))) - Date.now())).toBeLessThan(60_000);
  });
});

/** An entry's content again, without its place. */
function strip(entry: object) {
  const { seq: _seq, prevHash: _prev, hash: _hash, ...content } = entry as Entry;
  return content;
}

describe("a batch", () => {
  it("is as many entries as fit by rows and by bytes, and at least one", ({ expect }) => {
    expect(batchOf([])).toHaveLength(0);
    expect(batchOf(newChain(BATCH_ROWS_MAX + 5))).toHaveLength(BATCH_ROWS_MAX);
    const large = newChain(10, { detail: { text: "x".repeat(BATCH_BYTES_MAX / 4) } });
    expect(batchOf(large)).toHaveLength(3);
    const huge = newChain(2, { detail: { text: '"'.repeat(ENTRY_BYTES_MAX / 2 - 2000) } });
    expect(batchOf(huge)).toHaveLength(1);
  });

  it("of the largest size goes into the ledger", async ({ expect }) => {
    expect(await append(newChain(BATCH_ROWS_MAX))).toEqual({ type: "appended" });
    const [huge] = newChain(1, { detail: { text: '"'.repeat(ENTRY_BYTES_MAX / 2 - 2000) } });
    expect(await append([mustHave(huge)])).toEqual({ type: "appended" });
    const read = await getEntry(db, mustHave(huge).paymentMethodId, 1, TIMEOUT_MS);
    expect(read).toMatchObject({ type: "found", entry: { hash: mustHave(huge).hash } });
    expect(read.type === "found" && verifyEntry(read.entry)).toBe(true);
  });
});

describe("any content that can be sealed", () => {
  const characters = fc.constantFrom("\0", "\u2028", "\uFEFF", '"', "\\", "\u007F", "ñ", "😀");
  const text = fc.string({
    unit: fc.oneof(
      characters,
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    ),
  });
  const heard = text.map(outsideText);
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      text.map((raw) => raw.toWellFormed()),
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(heard, tie("value"), { maxKeys: 4 }),
    ),
  }));
  const detail = fc.option(fc.dictionary(heard, value, { maxKeys: 5 }) as fc.Arbitrary<Detail>);
  const change = fc.record({
    detail,
    paymentId: fc.option(heard),
    paymentStatus: fc.option(heard),
    reference: fc.option(heard),
    amountMinor: fc.option(fc.maxSafeInteger()),
    effectMinor: fc.maxSafeInteger(),
    latencyMs: fc.option(fc.maxSafeInteger()),
  });

  it("is taken by the ledger and comes back with its hash intact", async ({ expect }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
        const paymentMethodId = newMethod();
        const chain = chainOf(changes.map((one) => contentOf({ ...one, paymentMethodId })));
        expect(await append(chain)).toEqual({ type: "appended" });
        for (const entry of chain) {
          const read = await getEntry(db, paymentMethodId, entry.seq, TIMEOUT_MS);
          const {
            position: _position,
            recordedAt: _recordedAt,
            ...kept
          } = (read as { entry: Entry & { position: number; recordedAt: string } }).entry;
          expect(JSON.stringify(kept)).toBe(JSON.stringify(inOrder(entry, Object.keys(kept))));
          expect(verifyEntry(kept as Entry)).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });
});

/** The same members in the order of `names`; `detail` as JSON shows it, -0 as 0. */
function inOrder(entry: Entry, names: readonly string[]): object {
  const members = JSON.parse(JSON.stringify(entry)) as Record<string, unknown>;
  const sorted = (raw: unknown): unknown => {
    if (Array.isArray(raw)) {
      return raw.map(sorted);
    }
    if (typeof raw !== "object" || raw === null) {
      return raw;
    }
    return Object.fromEntries(
      Object.entries(raw)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, inner]) => [name, sorted(inner)]),
    );
  };
  return Object.fromEntries(
    names.map((name) => [name, name === "detail" ? sorted(members[name]) : members[name]]),
  );
}

describe("many payment methods at once", () => {
  it("leave positions without gaps and chains without a broken link", async ({ expect }) => {
    const before = (await storedRows()).length;
    const chains = Array.from({ length: 30 }, () => newChain(12));
    for (let round = 0; round < 12; round += 3) {
      // Overlapping, repeated and premature deliveries of each method, all at the same time.
      const deliveries = chains.flatMap((chain) => [
        append(chain.slice(round + 2, round + 3)),
        append(chain.slice(round, round + 3)),
        append(chain.slice(Math.max(0, round - 2), round + 2)),
        append(chain.slice(0, round + 3)),
      ]);
      const results = await Promise.all(deliveries);
      expect(new Set(results.map((result) => result.type))).toEqual(
        new Set(["appended", "unlinked"]),
      );
    }
    const rows = await storedRows();
    expect(rows).toHaveLength(before + 30 * 12);
    expect(rows.map((row) => row.position)).toEqual(rows.map((_row, index) => index + 1));
    const last = new Map<string, Entry>();
    for (const { payment_method_id: id, seq, hash, prev_hash: prevHash } of rows) {
      const entry = { paymentMethodId: id, seq, hash, prevHash } as Entry;
      expect(isLinked(last.get(entry.paymentMethodId) ?? null, entry)).toBe(true);
      last.set(entry.paymentMethodId, entry);
    }
  });
});

describe("a database that does not answer", () => {
  const silent: LedgerDatabase = {
    withSession: () => silent,
    prepare: () => ({
      bind() {
        return this;
      },
      all: () => new Promise<never>(() => {}),
    }),
  };

  it("counts as unavailable after the deadline", async ({ expect }) => {
    const [entry] = newChain(1);
    const began = Date.now();
    const expected = { type: "unavailable", message: "no answer within 50 ms" };
    expect(await appendEntries(silent, [mustHave(entry)], 50)).toEqual(expected);
    expect(await lastOf(silent, newMethod(), 50)).toEqual(expected);
    expect(await getEntry(silent, newMethod(), 1, 50)).toEqual(expected);
    expect(Date.now() - began).toBeLessThan(5000);
  });

  it("counts as unavailable when it throws, wherever it throws", async ({ expect }) => {
    const [entry] = newChain(1);
    const expected = { type: "unavailable", message: "D1 DB is overloaded" };
    const spied = vi.spyOn(db, "withSession").mockImplementation(() => {
      throw new Error("D1 DB is overloaded");
    });
    expect(await append([mustHave(entry)])).toEqual(expected);
    expect(await lastOf(db, newMethod(), TIMEOUT_MS)).toEqual(expected);
    spied.mockRestore();
    expect(await append([mustHave(entry)])).toEqual({ type: "appended" });
  });

  it("may have appended all the same: the same delivery again finds out", async ({ expect }) => {
    const chain = newChain(3);
    const real = db.withSession.bind(db);
    const spied = vi.spyOn(db, "withSession").mockImplementation((constraint) => {
      const session = real(constraint);
      return new Proxy(session, {
        get: (target, name) =>
          name === "prepare"
            ? (sql: string) => ({
                bind: (...values: unknown[]) => ({
                  all: async () => {
                    await target
                      .prepare(sql)
                      .bind(...values)
                      .all();
                    throw new Error("Network connection lost.");
                  },
                }),
              })
            : (Reflect.get(target, name) as unknown),
      });
    });
    expect(await append(chain)).toMatchObject({ type: "unavailable" });
    spied.mockRestore();
    const before = await storedRows();
    expect(await append(chain)).toEqual({ type: "appended" });
    expect(await storedRows()).toEqual(before);
  });

  it("is not the same as a database that lacks the table", async ({ expect }) => {
    await db.prepare("ALTER TABLE entry RENAME TO elsewhere").run();
    expect(await append(newChain(1))).toMatchObject({ type: "unavailable" });
    await db.prepare("ALTER TABLE elsewhere RENAME TO entry").run();
    expect(await append(newChain(1))).toEqual({ type: "appended" });
  });
});
