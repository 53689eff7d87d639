/**
 * Whose payment is it, and when does absence prove anything: histories in which a wrong answer costs
 * a customer money twice, on virtual time. The book is the simulated Harmony's. Owns no rule.
 */
import { describe, it } from "vitest";
import type { PaymentStatus } from "../../sandbox/kinds.ts";
import type { Reply } from "../../src/domain/reply.ts";
import { METHOD_ID, type World } from "../support/fake-host.ts";
import type { ScenarioInput } from "../support/sandbox.ts";
import {
  askedOfAPerson,
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  moneyIn,
  read,
  ready,
  taken,
  toldOver,
  WRITERS,
} from "./histories.ts";
import { assertDelivered, journalOf } from "./promises.ts";

/** The history has forgotten it for good. */
const NEVER_MS = 10_000 * DAY_MS;
/** Somebody else's payment of a month ago, at the price of a charge, that no look lists. */
function unlisted(world: World, status: PaymentStatus): string {
  const payment = world.sandbox.book.addPayment({
    paymentMethodId: METHOD_ID,
    amountMinor: 5000,
    description: null,
    status,
    origin: "foreign",
    createdAt: world.time.nowMs - 30 * DAY_MS,
  });
  payment.visibleAt = world.time.nowMs + NEVER_MS;
  return payment.id;
}

describe("an older payment of the same price that no look lists", () => {
  it.for(WRITERS)(
    "is never taken for a charge in doubt because somebody reads it: %j",
    async (rules, { expect }) => {
      const world = await ready({ charges: ["lose_before_charging"] }, { rules });
      const old = unlisted(world, "CONFIRMED");
      expect((await world.charged()).status).toBe(202);
      await read(world, old);
      const replies = await toldOver(world, 2 * HOUR_MS);
      expect(moneyIn(replies)).toEqual(["unknown"]);
      expect(askedOfAPerson(world)).toBe(true);
      expect(taken(world, old)).toEqual([]);
      assertDelivered(world);
    },
  );

  it.for(WRITERS)(
    "leaves one payment of the wish where it is cancelled and the own one shows later: %j",
    async (rules, { expect }) => {
      const charges: ScenarioInput["charges"] = ["lose_reply_after_charging"];
      const history = { visibleAfterMs: 25_000 };
      const world = await ready({ charges, history }, { rules });
      const old = unlisted(world, "CANCELLED");
      expect((await world.charged()).status).toBe(202);
      await read(world, old);
      // A caller who is told that nothing was charged would ask under a new key: it must not pass.
      const second = await world.charged({ key: "key-2" });
      expect(second.status).toBe(409);
      const replies = await toldOver(world, 30 * MINUTE_MS);
      expect(moneyIn(replies)).not.toContain("not_charged");
      expect(taken(world)).toHaveLength(1);
    },
  );

  it("is never taken for a charge in doubt because a refund of it read it", async ({ expect }) => {
    const refunds: ScenarioInput["refunds"] = [{ kind: "decline", as: 402 }];
    const world = await ready({ charges: ["lose_before_charging"], refunds });
    const old = unlisted(world, "CONFIRMED");
    expect((await world.charged()).status).toBe(202);
    expect((await world.refunded({ of: old })).status).toBe(400);
    const replies = await toldOver(world, 2 * HOUR_MS);
    expect(moneyIn(replies)).toEqual(["unknown"]);
    expect(askedOfAPerson(world)).toBe(true);
    expect(taken(world, old)).toEqual([]);
  });
});

describe("a payment that a read has told of", () => {
  it.for(WRITERS)(
    "is never called not charged before the history lists it: %j",
    async (rules, { expect }) => {
      const charges: ScenarioInput["charges"] = ["lose_reply_after_charging"];
      const world = await ready({ charges, history: { visibleAfterMs: HOUR_MS } }, { rules });
      expect((await world.charged()).status).toBe(202);
      const [own = ""] = taken(world);
      await world.time.advance(30_000);
      await read(world, own);
      const replies = await toldOver(world, 55 * MINUTE_MS);
      expect(moneyIn(replies)).toEqual(["unknown"]);
      expect(askedOfAPerson(world)).toBe(true);
      expect(await world.charged({ key: "key-2" })).toMatchObject({ status: 409 });
      await world.time.advance(3 * HOUR_MS);
      expect((await world.charged()).money).not.toBe("not_charged");
      expect(taken(world)).toEqual([own]);
    },
  );
});

describe("a payment that the history has listed and lists no more", () => {
  it("makes looks prove nothing: a person is asked", async ({ expect }) => {
    const world = await ready({ charges: ["lose_before_charging"] });
    const [first] = world.sandbox.book.paymentsOf(METHOD_ID);
    if (first !== undefined) {
      first.visibleAt = world.time.nowMs + NEVER_MS;
    }
    expect((await world.charged()).status).toBe(202);
    const replies = await toldOver(world, 90 * MINUTE_MS);
    expect(moneyIn(replies)).toEqual(["unknown"]);
    expect(askedOfAPerson(world)).toBe(true);
    expect(taken(world)).toEqual([]);
    expect(await world.charged({ key: "key-2" })).toMatchObject({ status: 409 });
  });
});

describe("a refusal that charged all the same", () => {
  it.for(WRITERS)(
    "with 429 forbids a further attempt under its key: %j",
    async (rules, { expect }) => {
      const charges: ScenarioInput["charges"] = [{ kind: "error_after_charging", status: 429 }];
      const world = await ready({ charges }, { rules });
      const first = await world.charged();
      await world.time.advance((first.retryAfterSeconds ?? 0) * 1000);
      const again = await world.charged();
      expect(again).toMatchObject({ status: 409, money: "unknown", retry: "same_key" });
      expect(JSON.parse(again.body)).toMatchObject({ code: "payment_contested" });
      expect(again.retryAfterSeconds).toBeGreaterThan(0);
      await toldOver(world, HOUR_MS);
      expect(taken(world)).toHaveLength(1);
      const submitted = world.submissions.filter(({ amount }) => amount === 50);
      expect(submitted).toHaveLength(1);
      expect(world.logged.map(({ event }) => event)).toContain("payment_contested");
    },
  );
});

describe("a history that is out while charges go on", () => {
  const OUTAGES = [40, 180];

  it.for(OUTAGES)(
    "for %d minutes: a doubt whose payment exists is decided soon after",
    async (minutes, { expect }) => {
      const world = await ready({ charges: ["lose_reply_after_charging"] });
      world.outage("error500", ["look"]);
      expect((await world.charged()).status).toBe(202);
      await world.time.advance(minutes * MINUTE_MS);
      world.outage("none");
      await world.time.advance(7 * MINUTE_MS);
      expect(await world.charged()).toMatchObject({ status: 201, money: "charged" });
      expect(taken(world)).toHaveLength(1);
    },
  );

  it.for(OUTAGES)(
    "for %d minutes: one whose payment does not exist, after the horizon",
    async (minutes, { expect }) => {
      const world = await ready({ charges: ["lose_before_charging"] });
      world.outage("error500", ["look"]);
      expect((await world.charged()).status).toBe(202);
      await world.time.advance(minutes * MINUTE_MS);
      world.outage("none");
      await world.time.advance(25 * MINUTE_MS);
      expect(journalOf(world).map(({ type }) => type)).toContain("not_charged_by_rule");
      expect(taken(world)).toEqual([]);
      expect(await world.charged()).toMatchObject({ status: 201, money: "charged" });
    },
  );

  it.for(OUTAGES)(
    "for %d minutes: callers are told when the next look is",
    async (minutes, { expect }) => {
      const world = await ready({ charges: ["lose_before_charging"] });
      world.outage("error500", ["look"]);
      await world.charged();
      const told: { atMs: number; seconds: number }[] = [];
      for (const key of Array.from(
        { length: minutes },
        (_, index) => ["key-1", "key-2"][index % 2],
      )) {
        const reply = await world.charged(key === undefined ? {} : { key });
        told.push({ atMs: world.time.nowMs, seconds: reply.retryAfterSeconds ?? 0 });
        await world.time.advance(MINUTE_MS);
      }
      await world.time.advance(2 * HOUR_MS);
      const looks = world.sandbox.exchanges
        .list(METHOD_ID)
        .filter(({ kind }) => kind === "look")
        .map(({ beganAt }) => beganAt);
      for (const { atMs, seconds } of told) {
        const nextMs = looks.find((beganAt) => beganAt >= atMs) ?? Infinity;
        // Alarms are set on a grid of some seconds.
        expect(Math.abs(atMs + 1000 * seconds - nextMs), `told ${seconds} s`).toBeLessThan(7000);
      }
    },
  );
});

describe("a clock that jumps forward during a doubt", () => {
  it.for([1, 6])(
    "%d times by 20 minutes: a charged card is never called not charged",
    async (jumps, { expect }) => {
      const charges: ScenarioInput["charges"] = ["lose_reply_after_charging"];
      const world = await ready({ charges, history: { visibleAfterMs: 7 * MINUTE_MS } });
      expect((await world.charged()).status).toBe(202);
      const replies: Reply[] = [];
      for (let jump = 0; jump < jumps; jump += 1) {
        replies.push(...(await toldOver(world, MINUTE_MS)));
        world.jumpClock(20 * MINUTE_MS);
      }
      replies.push(...(await toldOver(world, 20 * MINUTE_MS)));
      expect(moneyIn(replies)).not.toContain("not_charged");
      expect(await world.charged()).toMatchObject({ status: 201, money: "charged" });
      expect(taken(world)).toHaveLength(1);
    },
  );
});
