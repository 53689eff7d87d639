/**
 * The registry on the real D1 and the cron through the Worker: who is registered, what a report
 * may overwrite, who is woken, and that one that fails holds up nobody.
 */
import {
  createExecutionContext,
  createScheduledController,
  runInDurableObject,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, inject, it, vi } from "vitest";
import type { Env } from "../../src/env.ts";
import { forgetRegistrations } from "../../src/http/registration.ts";
import { SWEEP_MAX } from "../../src/http/sweep.ts";
import worker from "../../src/index.ts";
import { claimOverdue, registerMethod, reportMethod } from "../../src/ledger/methods.ts";
import { createMethod, setScenario } from "../support/sandbox.ts";
import { charge, get, newKey, seedKeys } from "./support.ts";
import { TIMEOUT_MS } from "./ledger-support.ts";

const sandbox = inject("sandboxUrl");
const db = env.LEDGER;
const MINUTE_MS = 60_000;
const T = 1_800_000_000_000;
await seedKeys();

interface Row {
  readonly wakeAtMs: number | null;
  readonly registeredAtMs: number | null;
  readonly reportedAtMs: number | null;
}

async function rowOf(id: string): Promise<Row | null> {
  return db
    .prepare(
      `SELECT wake_at AS wakeAtMs, registered_at AS registeredAtMs, reported_at AS reportedAtMs
       FROM method WHERE payment_method_id = ?`,
    )
    .bind(id)
    .first<Row>();
}

async function store(id: string, wakeAtMs: number): Promise<void> {
  await db
    .prepare("INSERT OR REPLACE INTO method (payment_method_id, wake_at) VALUES (?, ?)")
    .bind(id, wakeAtMs)
    .run();
}

async function sweep(): Promise<void> {
  const execution = createExecutionContext();
  await worker.scheduled(createScheduledController(), env as unknown as Env, execution);
  await waitOnExecutionContext(execution);
}

beforeEach(async () => {
  forgetRegistrations();
  await db.prepare("DELETE FROM method").run();
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a registration", () => {
  it("stands beside the first command of a caller, to be woken in 15 minutes", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    const beganAtMs = Date.now();
    expect((await charge(id, newKey(), { amount: 5 })).status).toBe(201);
    await vi.waitFor(async () => {
      const row = await rowOf(id);
      expect(row?.registeredAtMs).toBeGreaterThanOrEqual(beganAtMs);
      expect(row?.wakeAtMs).toBe((row?.registeredAtMs ?? 0) + 15 * MINUTE_MS);
    });
  });

  it("is not made by a read of our own state", async ({ expect }) => {
    const id = crypto.randomUUID();
    await get(`/api/payment-method/${id}/charge?idempotencyKey=none`);
    await charge(await createMethod(sandbox), newKey(), { amount: 5 });
    expect(await rowOf(id)).toBeNull();
  });

  it("is made once a minute, however many commands there are", async ({ expect }) => {
    const id = await createMethod(sandbox);
    await charge(id, newKey(), { amount: 5 });
    await vi.waitFor(async () => expect(await rowOf(id)).not.toBeNull());
    const first = await rowOf(id);
    for (let more = 0; more < 5; more += 1) {
      expect((await charge(id, newKey(), { amount: 5 })).status).toBe(201);
    }
    expect(await rowOf(id)).toEqual(first);
  });

  for (const how of ["fails", "hangs"] as const) {
    it(`that ${how} changes nothing for the caller`, async ({ expect }) => {
      const id = await createMethod(sandbox);
      await charge(id, newKey(), { amount: 5 });
      forgetRegistrations();
      let tried = 0;
      const withSession = db.withSession.bind(db);
      vi.spyOn(db, "withSession").mockImplementation((...given) => {
        const session = withSession(...given);
        return Object.assign(Object.create(session) as typeof session, {
          prepare: (sql: string) => {
            if (!sql.includes("INTO method")) {
              return session.prepare(sql);
            }
            tried += 1;
            if (how === "fails") {
              throw new Error("D1 DB is overloaded");
            }
            return { bind: () => ({ all: async () => new Promise(() => undefined) }) };
          },
        });
      });
      const beganAtMs = Date.now();
      expect((await charge(id, newKey(), { amount: 6 })).status).toBe(201);
      expect(Date.now() - beganAtMs).toBeLessThan(5000);
      expect(tried).toBe(1);
    });
  }

  it("never puts a wake off, and ends a quiet that was reported", async ({ expect }) => {
    const id = crypto.randomUUID();
    await registerMethod(db, id, T, TIMEOUT_MS);
    await registerMethod(db, id, T + MINUTE_MS, TIMEOUT_MS);
    const early = { wakeAtMs: T + 15 * MINUTE_MS, registeredAtMs: T + MINUTE_MS };
    expect(await rowOf(id)).toMatchObject(early);
    const report = { paymentMethodId: id, wakeAtMs: null, nowMs: T + 10 * MINUTE_MS, halted: null };
    expect(await reportMethod(db, report, TIMEOUT_MS)).toMatchObject({ type: "stored" });
    await registerMethod(db, id, T + 11 * MINUTE_MS, TIMEOUT_MS);
    expect(await rowOf(id)).toMatchObject({ wakeAtMs: T + 26 * MINUTE_MS });
  });
});

describe("a report", () => {
  it("puts nothing off further than a recent registration did, and may always hurry", async ({
    expect,
  }) => {
    const id = crypto.randomUUID();
    await registerMethod(db, id, T, TIMEOUT_MS);
    const report = async (wakeAtMs: number | null, nowMs: number) =>
      reportMethod(db, { paymentMethodId: id, wakeAtMs, nowMs, halted: null }, TIMEOUT_MS);
    const stored = (wakeAtMs: number | null) => ({ type: "stored", wakeAtMs });
    const registered = stored(T + 15 * MINUTE_MS);
    for (const sinceMs of [0, 60_000, 119_000, -60_000]) {
      expect(await report(null, T + sinceMs)).toEqual(registered);
      expect(await report(T + 5 * MINUTE_MS, T + sinceMs)).toEqual(stored(T + 5 * MINUTE_MS));
      expect(await report(T + 60 * MINUTE_MS, T + sinceMs)).toEqual(registered);
    }
    expect(await rowOf(id)).toMatchObject({ wakeAtMs: T + 15 * MINUTE_MS });
    expect(await report(T + 60 * MINUTE_MS, T + 120_000)).toEqual(stored(T + 60 * MINUTE_MS));
    expect(await report(null, T + 120_000)).toEqual(stored(null));
    expect(await rowOf(id)).toMatchObject({ wakeAtMs: null, reportedAtMs: T + 120_000 });
  });

  it("is not bound by a registration from the future", async ({ expect }) => {
    const id = crypto.randomUUID();
    await registerMethod(db, id, T + 60 * MINUTE_MS, TIMEOUT_MS);
    const report = { paymentMethodId: id, wakeAtMs: null, nowMs: T, halted: null };
    const quiet = { type: "stored", wakeAtMs: null };
    expect(await reportMethod(db, report, TIMEOUT_MS)).toEqual(quiet);
  });

  it("of a method that was never registered makes its row", async ({ expect }) => {
    const id = crypto.randomUUID();
    const report = { paymentMethodId: id, wakeAtMs: T, nowMs: T, halted: null };
    expect(await reportMethod(db, report, TIMEOUT_MS)).toMatchObject({ type: "stored" });
    expect(await rowOf(id)).toEqual({ wakeAtMs: T, registeredAtMs: null, reportedAtMs: T });
  });

  it("that cannot be made is a value", async ({ expect }) => {
    vi.spyOn(db, "withSession").mockImplementation(() => {
      throw new Error("Network connection lost.");
    });
    const unavailable = { type: "unavailable", message: "Network connection lost." };
    const report = { paymentMethodId: crypto.randomUUID(), wakeAtMs: T, nowMs: T, halted: null };
    expect(await reportMethod(db, report, TIMEOUT_MS)).toEqual(unavailable);
    expect(await registerMethod(db, report.paymentMethodId, T, TIMEOUT_MS)).toEqual(unavailable);
    expect(await claimOverdue(db, T, 1, TIMEOUT_MS)).toEqual(unavailable);
  });
});

describe("a claim", () => {
  it("takes the longest overdue, and moves them on at once", async ({ expect }) => {
    const ids = Array.from({ length: 5 }, () => crypto.randomUUID());
    for (const [index, id] of ids.entries()) {
      await store(id, T - index);
    }
    const quiet = crypto.randomUUID();
    const later = crypto.randomUUID();
    await reportMethod(
      db,
      { paymentMethodId: quiet, wakeAtMs: null, nowMs: T, halted: null },
      TIMEOUT_MS,
    );
    await store(later, T + 1);
    const claim = async () => {
      const claimed = await claimOverdue(db, T, 3, TIMEOUT_MS);
      return claimed.type === "claimed" ? [...claimed.paymentMethodIds].sort() : claimed;
    };
    expect(await claim()).toEqual(ids.slice(2).sort());
    expect(await claim()).toEqual(ids.slice(0, 2).sort());
    expect(await claim()).toEqual([]);
    expect(await rowOf(ids[0] ?? "")).toMatchObject({ wakeAtMs: T + 5 * MINUTE_MS });
  });
});

describe("the cron", () => {
  it("wakes a method that is overdue: what was lost is found, and its origin says so", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    expect((await charge(id, newKey(), { amount: 5 })).status).toBe(201);
    await setScenario(sandbox, id, {
      charges: ["lose_reply_after_charging"],
      looks: Array.from({ length: 2 }, () => ({ kind: "error" as const, status: 500 })),
    });
    const key = newKey();
    expect((await charge(id, key, { amount: 77 })).status).toBe(202);
    const stub = env.PAYMENT_METHODS.getByName(id);
    await vi.waitFor(async () => {
      // The alarm has made its second look, which failed; the next is seconds away.
      const looks = await runInDurableObject(stub, (_object, state) =>
        state.storage.sql.exec("SELECT 1 FROM entry WHERE body ->> 'type' = 'looked'").toArray(),
      );
      expect(looks).toHaveLength(3);
    }, 20_000);
    await runInDurableObject(stub, async (_object, state) => {
      state.storage.sql.exec(
        "UPDATE charge SET body = json_set(body, '$.nextLook.atMs', ?) WHERE open = 1",
        Date.now() - MINUTE_MS,
      );
      await state.storage.deleteAlarm();
    });
    await store(id, Date.now() - 1);
    await sweep();
    const shown = await get(`/api/payment-method/${id}/charge?idempotencyKey=${key}`);
    expect(shown.json).toMatchObject({ state: "approved", resolvedBy: "look" });
    await vi.waitFor(async () => {
      const { json } = await get(`/ledger/entries?paymentMethodId=${id}&type=payment_adopted`);
      expect(json["entries"]).toMatchObject([{ origin: "cron" }]);
    }, 10_000);
    expect((await rowOf(id))?.wakeAtMs).toBeGreaterThan(Date.now());
  });

  it("calls a method that has nothing to do quiet, and does not wake it again", async ({
    expect,
  }) => {
    const id = crypto.randomUUID();
    await store(id, Date.now() - 1);
    await sweep();
    expect(await rowOf(id)).toMatchObject({ wakeAtMs: null });
  });

  it("takes so many at a time, the longest overdue first, and the rest the next time", async ({
    expect,
  }) => {
    const nowMs = Date.now();
    const ids = Array.from({ length: SWEEP_MAX + 1 }, () => crypto.randomUUID());
    await db.batch(
      ids.map((id, index) =>
        db
          .prepare("INSERT INTO method (payment_method_id, wake_at) VALUES (?, ?)")
          .bind(id, nowMs - 1000 - index),
      ),
    );
    const overdue = async () => {
      const rows = await db
        .prepare("SELECT payment_method_id AS id FROM method WHERE wake_at IS NOT NULL")
        .all<{ id: string }>();
      return rows.results.map(({ id }) => id);
    };
    await sweep();
    expect(await overdue()).toEqual([ids[0]]);
    await sweep();
    expect(await overdue()).toEqual([]);
  });

  it("goes on past a method that cannot be woken, and tries that one again later", async ({
    expect,
  }) => {
    const broken = crypto.randomUUID();
    const others = Array.from({ length: 20 }, () => crypto.randomUUID());
    await store(broken, Date.now() - 10_000);
    for (const id of others) {
      await store(id, Date.now() - 1000);
    }
    const getByName = env.PAYMENT_METHODS.getByName.bind(env.PAYMENT_METHODS);
    vi.spyOn(env.PAYMENT_METHODS, "getByName").mockImplementation((name, ...rest) => {
      if (name === broken) {
        throw Object.assign(new Error("broken"), { remote: true });
      }
      return getByName(name, ...rest);
    });
    await sweep();
    for (const id of others) {
      expect(await rowOf(id)).toMatchObject({ wakeAtMs: null });
    }
    expect((await rowOf(broken))?.wakeAtMs).toBeGreaterThan(Date.now() + 4 * MINUTE_MS);
  });

  it("does nothing where D1 cannot be asked, and does not fail", async ({ expect }) => {
    vi.spyOn(db, "withSession").mockImplementation(() => {
      throw new Error("Network connection lost.");
    });
    await expect(sweep()).resolves.toBeUndefined();
  });
});
