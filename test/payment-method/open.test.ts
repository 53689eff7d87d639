/**
 * What the ledger lists as open is what the object's own entries make of it, as far as they are
 * delivered: in the middle of lives, at their end, and while a method is halted or overdue.
 */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { listOpen, type OpenBody } from "../../src/audit/open.ts";
import type { Charge } from "../../src/domain/charge.ts";
import type { Refund } from "../../src/domain/refund.ts";
import type { Entry } from "../../src/domain/entries.ts";
import { CronWorld } from "../support/cron-world.ts";
import { METHOD_ID, World } from "../support/fake-host.ts";
import { itWasNot, resolveCommand } from "../support/method-commands.ts";
import type { ScenarioInput } from "../support/sandbox.ts";
import { assertDelivered, journalOf } from "./promises.ts";

type ChargeStep = NonNullable<ScenarioInput["charges"]>[number];
type ReadStep = NonNullable<ScenarioInput["looks"]>[number];

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

async function openOf(world: World, query = ""): Promise<OpenBody> {
  const url = new URL(`https://cobro.test/ledger/open${query}`);
  const listed = await listOpen(world.ledger, url, world.wallMs);
  if (listed.type !== "ok") {
    throw new Error(JSON.stringify(listed));
  }
  return listed.body;
}

interface Standing {
  state: string;
  since: string;
  escalated: boolean;
  /** A refusal that a person has to judge freezes nothing. */
  freezes: boolean;
  amountMinor: number | null;
}

/** The states of charges by the types of their entries alone, whatever the entries say of states. */
function standings(entries: readonly Entry[]): Map<string, Standing> {
  const all = new Map<string, Standing>();
  const paymentOf = new Map<string, string>();
  for (const entry of entries) {
    const { type, chargeId, outcome, paymentId, paymentStatus } = entry;
    if (chargeId === null) {
      continue;
    }
    const before = all.get(chargeId);
    const become = (state: string, freezes = state === "in_doubt") => {
      const since = before?.state === state ? before.since : entry.occurredAt;
      const escalated = state === "in_doubt" && (before?.escalated ?? false);
      all.set(chargeId, { state, since, escalated, freezes, amountMinor: entry.amountMinor });
    };
    const paid = () => {
      paymentOf.set(chargeId, paymentId ?? "");
      const isFinal = ["CONFIRMED", "REFUNDED", "CANCELLED"].includes(paymentStatus ?? "");
      become(isFinal ? "settled" : "pending");
    };
    const isOpen = before?.state === "in_flight" || before?.state === "in_doubt";
    if (type === "attempt_intended") {
      become("in_flight");
    } else if (type === "attempt_answered" && isOpen) {
      if (outcome === "indeterminate" || outcome === "contradictory") {
        become("in_doubt");
      } else if (outcome === "declined" && paymentId === null) {
        become("in_doubt", false);
      } else if (paymentId === null) {
        become("settled");
      } else {
        paid();
      }
    } else if (type === "payment_adopted" || type === "operator_resolved") {
      paid();
      if (outcome === "not_charged") {
        become("settled");
      }
    } else if (type === "late_truth_found" && entry.detail?.["as"] === "payment") {
      paid();
    } else if (type === "status_changed" && paymentOf.get(chargeId) === paymentId) {
      paid();
    } else if (type === "not_charged_by_rule" || type === "refusal_checked") {
      become("settled");
    } else if (type === "charge_escalated" && before !== undefined) {
      all.set(chargeId, { ...before, escalated: true });
    }
  }
  return all;
}

/** What must be listed now of the charges, by the entries that are in the ledger. */
function expected(world: World) {
  const delivered = journalOf(world).slice(0, world.ledger.entries(METHOD_ID).length);
  return [...standings(delivered)]
    .filter(([, { state, since }]) => {
      const ageMs = world.wallMs - Date.parse(since);
      return (
        state === "in_doubt" ||
        (state === "in_flight" && ageMs >= 3 * MINUTE_MS) ||
        (state === "pending" && ageMs >= 7 * DAY_MS)
      );
    })
    .map(([chargeId, standing]) => ({ chargeId, ...standing }))
    .sort((a, b) => (a.since + a.chargeId < b.since + b.chargeId ? -1 : 1));
}

async function assertExact(world: World): Promise<void> {
  const { open, totals } = await openOf(world);
  const charges = open.filter(({ kind }) => kind === "charge");
  const members = ["chargeId", "state", "since", "escalated", "amountMinor"] as const;
  const known = expected(world);
  const only = (one: Record<string, unknown>) => members.map((member) => one[member]);
  const shown = charges.map(only);
  const wanted = known.map(only);
  if (JSON.stringify(shown) !== JSON.stringify(wanted)) {
    throw new Error(`listed ${JSON.stringify(shown)}, not ${JSON.stringify(wanted)}`);
  }
  const inDoubt = known.filter(({ state }) => state === "in_doubt");
  const sum = inDoubt.reduce((all, { amountMinor }) => all + (amountMinor ?? 0), 0);
  const told = JSON.stringify([totals.inDoubt, totals.frozen.methods]);
  const isFrozen = known.some(({ state, freezes }) => state === "in_doubt" && freezes) ? 1 : 0;
  if (told !== JSON.stringify([{ charges: inDoubt.length, amountMinor: sum }, isFrozen])) {
    throw new Error(`totals ${told}`);
  }
}

const chargeSteps = fc.constantFrom<ChargeStep[]>(
  "approve",
  { kind: "decline", as: 402 },
  { kind: "pending", polls: 3, then: "CONFIRMED" },
  { kind: "pending", polls: 2, then: "CANCELLED" },
  { kind: "lose_reply_after_charging", how: "hang" },
  { kind: "lose_before_charging", how: "reset" },
  { kind: "error_naming_payment", status: 500 },
  "approve_with_known_id",
  { kind: "refuse", status: 429 },
  { kind: "late", chargeAfterMs: 90_000 },
);
const readSteps = fc.constantFrom<ReadStep[]>(
  "ok",
  { kind: "error", status: 500 },
  "hang",
  "reset",
);

const lives = fc.record({
  seed: fc.integer(),
  charges: fc.array(chargeSteps, { minLength: 1, maxLength: 6 }),
  looks: fc.array(readSteps, { maxLength: 8 }),
  reads: fc.array(readSteps, { maxLength: 4 }),
  foreignAtMs: fc.array(fc.nat(200_000), { maxLength: 2 }),
  crashShare: fc.constantFrom(0, 0.05),
  ledgerFailShare: fc.constantFrom(0, 0.3),
});

type Life = typeof lives extends fc.Arbitrary<infer One> ? One : never;

function chargesOf(world: World): Charge[] {
  return world.storage.sql
    .exec("SELECT body FROM charge")
    .toArray()
    .map((row) => JSON.parse(String(row["body"])) as Charge);
}

describe("the list of what is open", () => {
  it("is exact in the middle of any life, and empty once a person has decided the rest", async ({
    expect,
  }) => {
    const play = async (life: Life) => {
      const world = new CronWorld({ seed: life.seed });
      const { looks, reads } = life;
      world.scenario({ charges: ["approve", ...life.charges], looks, reads });
      world.crash = () => (world.random() < life.crashShare ? "after" : null);
      world.ledger.failure = () => (world.random() < life.ledgerFailShare ? "before" : null);
      for (const [index] of life.charges.entries()) {
        const key = `key-${index % 4}`;
        const wish = { key, description: `for ${key} of a shop` };
        world.time.after(index * 25_000, () => void world.charge(wish));
      }
      for (const atMs of life.foreignAtMs) {
        world.time.after(atMs, () => world.foreignPayment(50));
      }
      const checked = async () => {
        const failure = world.ledger.failure;
        world.ledger.failure = () => null;
        await assertExact(world);
        world.ledger.failure = failure;
      };
      for (let atMs = 0; atMs < 400_000; atMs += 7000) {
        await world.time.advance(7000);
        await checked();
      }
      world.crash = () => null;
      world.ledger.failure = () => null;
      world.scenario({});
      for (let hours = 0; hours < 24; hours += 6) {
        await world.time.advance(6 * HOUR_MS);
        await checked();
      }
      for (const { chargeId, state, contested } of chargesOf(world)) {
        if (state === "in_doubt" || contested.length > 0) {
          const call = world.send(resolveCommand(chargeId, itWasNot(true)));
          await world.time.until(() => call.endedAtMs !== null);
          expect([200, 409]).toContain(call.answer?.reply.status);
        }
      }
      await world.time.advance(8 * DAY_MS);
      assertDelivered(world);
      const { open, totals } = await openOf(world);
      expect(open).toEqual([]);
      const kept = await world.ledger.prepare("SELECT * FROM open_item").all();
      expect(kept.results).toEqual([]);
      expect(totals.inDoubt).toEqual({ charges: 0, amountMinor: 0 });
    };
    await fc.assert(fc.asyncProperty(lives, play), {
      numRuns: Number(process.env["LIVES"] ?? 25),
      interruptAfterTimeLimit: 50_000,
    });
  });

  it("says how old, how much, when it is looked for next, and when its method was heard of", async ({
    expect,
  }) => {
    const world = new World({ rules: { horizonMs: null } });
    world.scenario({ charges: ["lose_before_charging"] });
    const { chargeId } = await world.charged({ key: "a", amountMinor: 7050, caller: "shop" });
    await world.time.advance(HOUR_MS);
    const { open, totals } = await openOf(world);
    const [charge] = chargesOf(world);
    expect(open).toMatchObject([
      {
        kind: "charge",
        chargeId,
        state: "in_doubt",
        escalated: true,
        methodFrozen: true,
        amountMinor: 7050,
        currency: "MXN",
        caller: "shop",
        idempotencyKey: "a",
        nextAt: new Date(charge?.nextLook?.atMs ?? 0).toISOString(),
      },
    ]);
    expect(open[0]?.["ageSeconds"]).toBeGreaterThanOrEqual(3599);
    expect(open[0]?.["lastDelivery"]).toMatchObject({ at: expect.any(String) as string });
    expect(totals).toMatchObject({
      inDoubt: { charges: 1, amountMinor: 7050 },
      escalated: { charges: 1, amountMinor: 7050 },
      frozen: { methods: 1 },
    });
  });

  it("lists a pending payment after seven days, and not before", async ({ expect }) => {
    const world = new World();
    world.scenario({ charges: [{ kind: "pending", polls: 10_000, then: "CONFIRMED" }] });
    await world.charged();
    await world.time.advance(7 * DAY_MS - HOUR_MS);
    expect((await openOf(world)).open).toEqual([]);
    await world.time.advance(2 * HOUR_MS);
    const { open, totals } = await openOf(world);
    expect(open).toMatchObject([{ state: "pending", escalated: false, methodFrozen: false }]);
    expect(totals.pending).toEqual({ charges: 1, amountMinor: 5000 });
    const [charge] = chargesOf(world);
    expect(open[0]?.["nextAt"]).toBe(new Date(charge?.nextPoll?.atMs ?? 0).toISOString());
  });

  it("lists an attempt in flight whose object never came back", async ({ expect }) => {
    const world = new World();
    world.scenario({ charges: [{ kind: "approve", latencyMs: 15_000 }] });
    world.charge();
    await world.time.advance(5000);
    expect((await openOf(world)).open).toEqual([]);
    world.kill();
    world.dropAlarm();
    await world.time.advance(4 * MINUTE_MS);
    expect((await openOf(world)).open).toMatchObject([{ state: "in_flight", methodFrozen: false }]);
  });

  it("lists a refund in doubt with its payment, until it is known what became of it", async ({
    expect,
  }) => {
    const world = new World();
    const charged = await world.charged({ caller: "shop" });
    const { id: paymentId } = JSON.parse(charged.body) as { id: string };
    world.scenario({ refunds: ["lose_before_refunding"] });
    expect((await world.refunded({ of: paymentId, caller: "shop", key: "back" })).status).toBe(202);
    await world.time.advance(MINUTE_MS);
    const { open, totals } = await openOf(world);
    const [row] = world.storage.sql.exec("SELECT body FROM refund").toArray();
    const refund = JSON.parse(String(row?.["body"])) as Refund;
    expect(open).toMatchObject([
      {
        kind: "refund",
        refundId: refund.refundId,
        paymentId,
        state: "in_doubt",
        escalated: false,
        amountMinor: 5000,
        caller: "shop",
        idempotencyKey: "back",
        nextAt: new Date(refund.nextRead?.atMs ?? 0).toISOString(),
      },
    ]);
    expect(totals).toMatchObject({
      inDoubt: { charges: 0 },
      frozen: { methods: 0 },
      refundsInDoubt: { refunds: 1, amountMinor: 5000 },
    });
    const payment = world.sandbox.book.payment(paymentId);
    if (payment !== undefined) {
      world.sandbox.book.setPaymentStatus(payment, "REFUNDED");
    }
    await world.time.advance(HOUR_MS);
    expect((await openOf(world)).open).toEqual([]);
  });

  it("lists a halted method, about which nothing can be delivered, with the reason", async ({
    expect,
  }) => {
    const other = new World();
    await other.charged({ key: "theirs", amountMinor: 150 });
    await other.time.advance(HOUR_MS);
    const forked = new World({ ledger: other.ledger });
    await forked.charged({ key: "other", amountMinor: 900 });
    await forked.time.advance(5 * MINUTE_MS);
    const { open, totals } = await openOf(forked);
    expect(open).toMatchObject([
      {
        kind: "method",
        paymentMethodId: METHOD_ID,
        overdue: null,
        halted: { reason: expect.stringContaining("another entry") as string },
      },
    ]);
    expect(totals.halted).toEqual({ methods: 1 });
  });

  it("lists a method whose alarm never came and which no cron can wake, until it reports", async ({
    expect,
  }) => {
    const world = new CronWorld();
    world.scenario({ charges: ["lose_before_charging"] });
    await world.charged();
    await world.time.advance(MINUTE_MS);
    world.kill();
    world.dropAlarm();
    world.reachable = false;
    await world.time.advance(20 * MINUTE_MS);
    expect((await openOf(world)).totals.overdue).toEqual({ methods: 1 });
    world.reachable = true;
    await world.time.advance(5 * MINUTE_MS);
    expect((await openOf(world)).totals.overdue).toEqual({ methods: 0 });
  });
});

describe("a page of what is open", () => {
  it("goes on where the one before ended, through every item once", async ({ expect }) => {
    const first = new World();
    const worlds = Array.from({ length: 7 }, (_one, index) => {
      const { time, random, sandbox, ledger } = first;
      const shared = { time, random, sandbox, ledger };
      const paymentMethodId =
        index === 0
          ? METHOD_ID
          : sandbox.book.addMethod({
              status: "ACTIVE",
              externalId: null,
              expiresAt: null,
              standing: null,
            }).id;
      return new World({ shared, paymentMethodId });
    });
    for (const [index, world] of worlds.entries()) {
      world.scenario({ charges: ["lose_before_charging"] });
      world.charge({ paymentMethodId: world.paymentMethodId, key: `key-${index}` });
      await first.time.advance(index % 2 === 0 ? 0 : 1000);
    }
    await first.time.advance(MINUTE_MS);
    const seen: unknown[] = [];
    let query = "?limit=2";
    let pages = 0;
    for (;;) {
      const { open, nextCursor, totals } = await openOf(first, query);
      seen.push(...open.map(({ paymentMethodId }) => paymentMethodId));
      pages += 1;
      expect(totals.inDoubt.charges).toBe(7);
      if (nextCursor === null) {
        break;
      }
      query = `?limit=2&cursor=${nextCursor}`;
    }
    expect(pages).toBe(4);
    const whole = (await openOf(first)).open.map(({ paymentMethodId }) => paymentMethodId);
    expect(seen).toEqual(whole);
    expect(new Set(seen).size).toBe(7);
  });
});
