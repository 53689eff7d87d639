/**
 * The database keeps the ledger append-only by itself: every statement that SQL offers for
 * changing a row is tried against it, past all of our code.
 */
import { env } from "cloudflare:workers";
import { beforeAll, describe, it } from "vitest";
import { FIRST_PREV_HASH } from "../../src/domain/entries.ts";
import type { Entry } from "../../src/domain/entries.ts";
import { appendEntries } from "../../src/ledger/append.ts";
import { columnOf, MEMBERS } from "../../src/ledger/columns.ts";
import { newChain, newMethod, storedRows, TIMEOUT_MS } from "./ledger-support.ts";

const db = env.LEDGER;
const chain = newChain(3);
const [first, second, third] = chain as [Entry, Entry, Entry];
const OTHER_HASH = "f".repeat(64);
const NOW = "2999-01-01T00:00:00.000Z";

/** Members and `position`, `recorded_at`, spelled as columns. */
function insert(verb: string, row: object, tail = ""): D1PreparedStatement {
  const columns = new Map<string, unknown>([["recorded_at", NOW]]);
  for (const [name, value] of Object.entries(row)) {
    const column = (MEMBERS as readonly string[]).includes(name)
      ? columnOf(name as keyof Entry)
      : name;
    columns.set(column, name === "detail" ? JSON.stringify(value) : value);
  }
  const names = [...columns.keys()];
  return db
    .prepare(
      `${verb} INTO entry (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")}) ${tail}`,
    )
    .bind(...columns.values());
}

const VERBS = [
  "INSERT",
  "INSERT OR REPLACE",
  "REPLACE",
  "INSERT OR IGNORE",
  "INSERT OR FAIL",
  "INSERT OR ROLLBACK",
  "INSERT OR ABORT",
];

beforeAll(async () => {
  const result = await appendEntries(db, chain, TIMEOUT_MS);
  if (result.type !== "appended") {
    throw new Error(JSON.stringify(result));
  }
});

describe("an entry that is in the ledger", () => {
  const changes: readonly (readonly [string, string])[] = [
    ["UPDATE", "UPDATE entry SET effect_minor = 0"],
    ["UPDATE of a position", "UPDATE entry SET position = position + 100"],
    ["UPDATE to itself", "UPDATE entry SET hash = hash"],
    ["UPDATE OR REPLACE", "UPDATE OR REPLACE entry SET position = 1 WHERE position = 2"],
    ["UPDATE OR IGNORE", "UPDATE OR IGNORE entry SET seq = 9 WHERE seq = 1"],
    ["UPDATE .. FROM", "UPDATE entry SET caller = s.period FROM span AS s"],
    ["DELETE", "DELETE FROM entry"],
    ["DELETE .. RETURNING", "DELETE FROM entry WHERE position = 3 RETURNING *"],
  ];
  it.for(changes)("survives %s", async ([, sql], { expect }) => {
    const before = await storedRows();
    await expect(db.prepare(sql).all()).rejects.toThrow(/append-only: (update|delete)/);
    expect(await storedRows()).toEqual(before);
  });

  it.for(VERBS)(
    "survives %s of another entry in its place of the chain",
    async (verb, { expect }) => {
      const before = await storedRows();
      const fork = { ...third, hash: OTHER_HASH, effectMinor: 1 };
      await expect(insert(verb, fork).run()).rejects.toThrow(/append-only: forked/);
      expect(await storedRows()).toEqual(before);
    },
  );

  it.for(VERBS)("survives %s of an entry at its position", async (verb, { expect }) => {
    const before = await storedRows();
    const next = { ...third, seq: 4, prevHash: third.hash, hash: OTHER_HASH, position: 2 };
    await expect(insert(verb, next).run()).rejects.toThrow(/append-only: position/);
    expect(await storedRows()).toEqual(before);
  });

  it("survives an upsert on its position", async ({ expect }) => {
    const before = await storedRows();
    const next = { ...third, seq: 4, prevHash: third.hash, hash: OTHER_HASH, position: 2 };
    const tail = "ON CONFLICT (position) DO UPDATE SET effect_minor = 0";
    await expect(insert("INSERT", next, tail).run()).rejects.toThrow(/append-only/);
    expect(await storedRows()).toEqual(before);
  });

  it("survives an upsert on its place in the chain", async ({ expect }) => {
    const before = await storedRows();
    const tail = "ON CONFLICT (payment_method_id, seq) DO UPDATE SET effect_minor = 0";
    await expect(insert("INSERT", { ...second, hash: OTHER_HASH }, tail).run()).rejects.toThrow(
      /append-only: forked/,
    );
    await insert("INSERT", second, tail).run();
    expect(await storedRows()).toEqual(before);
  });

  it.for(VERBS)(
    "is not touched by %s of itself, whatever else the row says",
    async (verb, { expect }) => {
      const before = await storedRows();
      await insert(verb, { ...second, effectMinor: 99, outcome: "declined" }).run();
      expect(await storedRows()).toEqual(before);
    },
  );
});

describe("a new entry", () => {
  it.for(VERBS)("cannot leave a gap in its chain by %s", async (verb, { expect }) => {
    const before = await storedRows();
    const gap = { ...third, seq: 5, prevHash: third.hash, hash: OTHER_HASH };
    await expect(insert(verb, gap).run()).rejects.toThrow(/append-only: unlinked/);
    expect(await storedRows()).toEqual(before);
  });

  it("cannot name another hash than its predecessor has", async ({ expect }) => {
    const wrong = { ...third, seq: 4, prevHash: OTHER_HASH, hash: OTHER_HASH };
    await expect(insert("INSERT", wrong).run()).rejects.toThrow(/append-only: unlinked/);
  });

  it("cannot begin a chain at 2", async ({ expect }) => {
    const orphan = { ...second, paymentMethodId: newMethod() };
    await expect(insert("INSERT", orphan).run()).rejects.toThrow(/append-only: unlinked/);
  });

  it("cannot begin a chain with a predecessor", async ({ expect }) => {
    const begun = { ...first, paymentMethodId: newMethod(), prevHash: OTHER_HASH };
    await expect(insert("INSERT", begun).run()).rejects.toThrow(/CHECK/);
  });

  it.for([0, -1, 1000])("cannot choose position %i", async (position, { expect }) => {
    const before = await storedRows();
    const next = { ...third, seq: 4, prevHash: third.hash, hash: OTHER_HASH, position };
    await expect(insert("INSERT", next).run()).rejects.toThrow(/append-only|CHECK/);
    expect(await storedRows()).toEqual(before);
  });

  it("cannot be recorded before the one before it", async ({ expect }) => {
    const next = { ...third, seq: 4, prevHash: third.hash, hash: OTHER_HASH };
    await expect(
      insert("INSERT", { ...next, recorded_at: "2000-01-01T00:00:00.000Z" }).run(),
    ).rejects.toThrow(/append-only: recorded backwards/);
  });

  const shapes: readonly (readonly [string, object])[] = [
    ["a hash in capitals", { hash: "F".repeat(64) }],
    ["a short hash", { hash: "f".repeat(63) }],
    ["a number in text", { effectMinor: "ten" }],
    ["a fraction", { latencyMs: 0.5 }],
    ["a time without milliseconds", { occurredAt: "2026-11-22T09:15:00Z" }],
    ["no type", { type: "" }],
    ["a detail that is a list", { detail: [1] }],
  ];
  it.for(shapes)("cannot have %s", async ([, change], { expect }) => {
    const next = { ...third, seq: 4, prevHash: third.hash, hash: OTHER_HASH, ...change };
    await expect(insert("INSERT", next).run()).rejects.toThrow(/CHECK|cannot store/);
  });

  it("says forked, not unlinked, where both hold", async ({ expect }) => {
    const both = { ...third, prevHash: OTHER_HASH, hash: OTHER_HASH };
    await expect(insert("INSERT", both).run()).rejects.toThrow(/append-only: forked/);
  });
});

describe("the spans of time", () => {
  const attacks: readonly string[] = [
    "DELETE FROM span",
    "UPDATE span SET lo = lo + 1",
    "UPDATE span SET hi = hi - 1",
    "UPDATE span SET hi = hi + 1",
    "UPDATE span SET period = '2026-11-21' WHERE unit = 'day'",
    "INSERT INTO span VALUES ('day', '2026-11-23', 1, 1)",
    "INSERT INTO span VALUES ('day', '2026-11-22', 1, 1)",
    "REPLACE INTO span VALUES ('day', '2026-11-22', 3, 3)",
    "INSERT OR REPLACE INTO span VALUES ('minute', '2026-11-22T09:15', 3, 3)",
    "INSERT INTO span VALUES ('day', '2026-11-22', 1, 1) ON CONFLICT DO UPDATE SET lo = 2",
  ];
  it.for(attacks)("survive %s", async (sql, { expect }) => {
    const before = await db.prepare("SELECT * FROM span ORDER BY unit, period").all();
    await expect(db.prepare(sql).run()).rejects.toThrow(/append-only: span/);
    const after = await db.prepare("SELECT * FROM span ORDER BY unit, period").all();
    expect(after.results).toEqual(before.results);
  });

  it("say which positions hold a minute's and a day's entries", async ({ expect }) => {
    const { results } = await db.prepare("SELECT * FROM span ORDER BY unit, period").all();
    expect(results).toEqual([
      { unit: "day", period: "2026-11-22", lo: 1, hi: 3 },
      { unit: "minute", period: "2026-11-22T09:15", lo: 1, hi: 3 },
    ]);
  });
});

it("the first entry has 64 zeros before it", ({ expect }) => {
  expect(first.prevHash).toBe(FIRST_PREV_HASH);
});
