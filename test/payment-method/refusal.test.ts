/**
 * A no of Harmony's is checked: what a refusal, a cancelled payment or a request that was not taken
 * may have charged all the same, on virtual time. The book is the simulated Harmony's. Owns no rule.
 */
import { describe, it } from "vitest";
import type { PaymentStatus } from "../../sandbox/kinds.ts";
import { METHOD_ID, World, type WorldOptions } from "../support/fake-host.ts";
import type { ScenarioInput } from "../support/sandbox.ts";
import { assertDelivered, journalOf } from "./promises.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const A_REQUEST_ID = "7f0d8a52-1c1f-4c5e-9a55-0d6c1f2b3a44";

type Charges = NonNullable<ScenarioInput["charges"]>;

/** A method that has been charged before, and what happens to it from now on. */
async function ready(scenario: ScenarioInput, options: WorldOptions = {}): Promise<World> {
  const world = new World({ tag: false, ...options });
  await world.charged({ key: "first", amountMinor: 1234 });
  await world.time.advance(DAY_MS);
  world.scenario(scenario);
  return world;
}

function typesOf(world: World): string[] {
  return journalOf(world).map(({ type }) => type);
}

function alertsOf(world: World): string[] {
  return world.logged.filter(({ level }) => level === "alert").map(({ event }) => event);
}

/** The customer's payments at the charge's price that may hold money. */
function taken(world: World): number {
  return world.sandbox.book
    .paymentsOf(METHOD_ID)
    .filter(
      ({ amountMinor, status, origin }) =>
        amountMinor === 5000 && origin !== "foreign" && status === "CONFIRMED",
    ).length;
}

function foreign(world: World, status: PaymentStatus, agoMs: number): void {
  world.sandbox.book.addPayment({
    paymentMethodId: METHOD_ID,
    amountMinor: 5000,
    description: null,
    status,
    origin: "foreign",
    createdAt: world.time.nowMs - agoMs,
  });
}

describe("a refusal", () => {
  it("that is one costs one read of the history and two entries, and freezes nothing", async ({
    expect,
  }) => {
    const world = await ready({ charges: [{ kind: "decline", as: 402 }] });
    const before = typesOf(world).length;
    const gets = () => world.sandbox.exchanges.counts(METHOD_ID).look;
    const looks = gets();
    const reply = await world.charged();
    expect(reply).toMatchObject({ status: 402, money: "not_charged", retry: "new_key" });
    expect(gets() - looks).toBe(1);
    expect(typesOf(world).slice(before)).toEqual([
      "attempt_intended",
      "attempt_answered",
      "looked",
      "refusal_checked",
    ]);
    expect(await world.charged()).toMatchObject({ status: 402, body: reply.body, replayed: true });
    await world.time.advance(2 * DAY_MS);
    expect(alertsOf(world)).toEqual([]);
    assertDelivered(world);
  });

  it.for([402, 422, 400])(
    "with %d that has charged is never told not charged, and is charged once",
    async (status, { expect }) => {
      const world = await ready({ charges: [{ kind: "error_after_charging", status }] });
      const first = await world.charged();
      expect(first).toMatchObject({ status: 202, money: "unknown" });
      const second = await world.charged({ key: "key-2" });
      expect(second).toMatchObject({ status: 409, money: "not_charged", retry: "same_key" });
      expect(JSON.parse(second.body)).toMatchObject({ code: "payment_contested" });
      // Other amounts go on: the card is not frozen by what is known to be there.
      expect((await world.charged({ key: "key-3", amountMinor: 700 })).status).toBe(201);
      await world.time.advance(3 * DAY_MS);
      expect((await world.charged({ key: "key-2" })).status).toBe(409);
      expect((await world.charged()).money).toBe("unknown");
      expect(taken(world)).toBe(1);
      expect(alertsOf(world)).toContain("refused_yet_paid");
      expect(typesOf(world)).not.toContain("method_frozen");
      await world.time.advance(MINUTE_MS);
      assertDelivered(world);
    },
  );

  it("that has charged is found by our tag where the history echoes it", async ({ expect }) => {
    const charges: Charges = [{ kind: "error_after_charging", status: 402 }];
    const world = await ready({ charges, history: { fields: "full" } }, { tag: true });
    expect(await world.charged()).toMatchObject({ status: 201, money: "charged" });
    expect(alertsOf(world)).toEqual(["refused_yet_paid"]);
    await world.time.advance(MINUTE_MS);
    assertDelivered(world);
  });

  it.for([402, 500])(
    "or error with %d that names the payment which it has made is found by it",
    async (status, { expect }) => {
      const world = await ready({ charges: [{ kind: "error_naming_payment", status }] });
      expect(await world.charged()).toMatchObject({ status: 201, money: "charged" });
      expect(taken(world)).toBe(1);
    },
  );

  it("with a request's id in its body is a refusal, and the next charge is served", async ({
    expect,
  }) => {
    const body = { id: A_REQUEST_ID, message: "card declined" };
    const world = await ready({ charges: [{ kind: "refuse", status: 402, body }] });
    expect(await world.charged()).toMatchObject({ status: 402, money: "not_charged" });
    expect((await world.charged({ key: "key-2", amountMinor: 500 })).status).toBe(201);
    await world.time.advance(DAY_MS);
    expect(alertsOf(world)).toEqual([]);
  });

  it("whose look is not complete stands, and what shows later is for a person", async ({
    expect,
  }) => {
    const world = await ready({
      charges: [{ kind: "error_after_charging", status: 402 }],
      looks: [{ kind: "error", status: 500 }],
    });
    expect(await world.charged()).toMatchObject({ status: 402, money: "not_charged" });
    // A new key looks first, however much later, as long as no look was complete.
    await world.time.advance(30 * MINUTE_MS);
    expect(await world.charged({ key: "key-2" })).toMatchObject({ status: 409 });
    expect(await world.charged()).toMatchObject({ status: 402, money: "unknown" });
    expect(taken(world)).toBe(1);
  });

  it("whose look is not complete is looked for later, without anybody asking", async ({
    expect,
  }) => {
    const world = await ready({
      charges: [{ kind: "error_after_charging", status: 402 }],
      looks: [{ kind: "error", status: 500 }],
    });
    expect((await world.charged()).status).toBe(402);
    await world.time.advance(2 * HOUR_MS);
    expect(alertsOf(world)).toContain("refused_yet_paid");
    expect((await world.charged()).money).toBe("unknown");
  });

  it("waits five seconds for its look and no longer", async ({ expect }) => {
    const world = await ready({ charges: [{ kind: "decline", as: 402 }], looks: ["hang"] });
    const askedAtMs = world.time.nowMs;
    expect((await world.charged()).status).toBe(402);
    expect(world.time.nowMs - askedAtMs).toBeLessThan(6 * SECOND_MS);
  });

  it("is let stand by a person, and its 402 is then for ever", async ({ expect }) => {
    const world = await ready({ charges: [{ kind: "error_after_charging", status: 402 }] });
    const { chargeId } = await world.charged();
    const command = {
      v: 1,
      type: "resolve_charge",
      paymentMethodId: METHOD_ID,
      chargeId: chargeId ?? "",
      decision: { decision: "not_charged", override: true, reason: "somebody else's" },
      actor: { caller: "office", keyId: "anna", requestId: null, traceId: null, origin: null },
      waitMs: 25_000,
    } as const;
    const call = world.send(command);
    await world.time.until(() => call.endedAtMs !== null);
    expect(call.answer?.reply.status).toBe(200);
    expect(await world.charged()).toMatchObject({ status: 402, money: "not_charged" });
    expect(typesOf(world)).toContain("payment_unattributed");
  });

  it("is not taken for charged by somebody else's old payment of that amount", async ({
    expect,
  }) => {
    const world = await ready({
      charges: [{ kind: "decline", as: 402 }],
      history: { fields: "createdAt" },
    });
    foreign(world, "CONFIRMED", 30 * DAY_MS);
    expect(await world.charged()).toMatchObject({ status: 402, money: "not_charged" });
    const undated = await ready({ charges: [{ kind: "decline", as: 402 }] });
    foreign(undated, "CONFIRMED", 30 * DAY_MS);
    const reply = await undated.charged();
    expect(["unknown", "not_charged"]).toContain(reply.money);
    expect(typesOf(undated)).not.toContain("payment_adopted");
  });

  it("that leaves a cancelled payment is a refusal beside a request lost long ago", async ({
    expect,
  }) => {
    const world = await ready({ charges: ["lose_before_charging", { kind: "decline", as: 402 }] });
    expect((await world.charged({ key: "january" })).status).toBe(202);
    await world.time.advance(30 * DAY_MS);
    const sent = world.submissions.length;
    const call = world.charge();
    await world.time.until(() => world.submissions.length > sent);
    foreign(world, "CANCELLED", 0);
    await world.time.until(() => call.endedAtMs !== null);
    expect(call.answer?.reply).toMatchObject({ status: 402, money: "not_charged" });
  });

  it("is a refusal though an old payment is gone from the history for good", async ({ expect }) => {
    const world = new World({ tag: false });
    foreign(world, "CONFIRMED", 0);
    await world.charged({ key: "first", amountMinor: 1234 });
    await world.time.advance(DAY_MS);
    const [old] = world.sandbox.book.paymentsOf(METHOD_ID);
    if (old !== undefined) {
      world.sandbox.book.deletePayment(old);
    }
    world.scenario({ charges: [{ kind: "decline", as: 402 }] });
    expect(await world.charged()).toMatchObject({ status: 402, money: "not_charged" });
    // It was asked for by its id and is not there: no later look has to list it.
    expect((await world.charged({ key: "next" })).status).toBe(201);
    expect((await world.charged({ key: "other", amountMinor: 800 })).status).toBe(201);
  });

  it("that has charged, shown beside an attempt of long ago without an answer, is a person's", async ({
    expect,
  }) => {
    const world = await ready({
      charges: ["lose_before_charging", { kind: "error_after_charging", status: 402 }],
      history: { visibleAfterMs: 30 * SECOND_MS },
    });
    expect((await world.charged({ key: "old" })).status).toBe(202);
    await world.time.advance(2 * HOUR_MS);
    expect((await world.charged()).status).toBe(402);
    await world.time.advance(MINUTE_MS);
    expect(await world.charged({ key: "key-2" })).toMatchObject({ status: 409 });
    expect((await world.charged()).money).toBe("unknown");
    expect(taken(world)).toBe(1);
  });
});

describe("a fresh no", () => {
  it("has each charge of its amount look first, others not, and no longer than its horizon", async ({
    expect,
  }) => {
    const world = await ready({ charges: [{ kind: "decline", as: 402 }] });
    await world.charged();
    const looks = () =>
      journalOf(world).filter(({ detail }) => detail?.["purpose"] === "before_attempt").length;
    await world.charged({ key: "other", amountMinor: 700 });
    expect(looks()).toBe(0);
    await world.charged({ key: "again" });
    expect(looks()).toBe(1);
    await world.charged({ key: "another-caller", caller: "shop-b" });
    expect(looks()).toBe(2);
    await world.time.advance(16 * MINUTE_MS);
    await world.charged({ key: "later" });
    expect(looks()).toBe(2);
  });

  it.for([429, 401, 404])(
    "with %d that has charged forbids its own key and every other of the amount",
    async (status, { expect }) => {
      const world = await ready({ charges: [{ kind: "error_after_charging", status }] });
      await world.charged();
      await world.time.advance(MINUTE_MS);
      expect(await world.charged()).toMatchObject({ status: 409, money: "unknown" });
      expect(await world.charged({ key: "key-2" })).toMatchObject({
        status: 409,
        money: "not_charged",
      });
      expect(taken(world)).toBe(1);
    },
  );

  it("of a cancelled payment that is paid after all is told to who asks again", async ({
    expect,
  }) => {
    const world = await ready({ charges: [{ kind: "pending", polls: 1, then: "CANCELLED" }] });
    const first = await world.charged();
    await world.time.advance(10 * SECOND_MS);
    expect((await world.charged()).money).toBe("not_charged");
    const [, payment] = world.sandbox.book.paymentsOf(METHOD_ID);
    if (payment !== undefined) {
      world.sandbox.book.setPaymentStatus(payment, "CONFIRMED");
    }
    const second = await world.charged({ key: "key-2" });
    expect(second).toMatchObject({ status: 409, money: "not_charged", retry: "never" });
    expect(JSON.parse(second.body)).toMatchObject({
      code: "earlier_charge_paid",
      first: { chargeId: first.chargeId, money: "charged", amount: 50 },
    });
    expect(taken(world)).toBe(1);
    // It is not bound: once the horizon is over, it is another wish.
    await world.time.advance(HOUR_MS);
    expect((await world.charged({ key: "key-2" })).status).toBe(201);
  });

  it("of a cancelled payment is read once more when its horizon is over", async ({ expect }) => {
    const world = await ready({ charges: [{ kind: "decline", as: "cancelled" }] });
    expect(await world.charged()).toMatchObject({ status: 201, money: "not_charged" });
    const polls = () => typesOf(world).filter((type) => type === "polled").length;
    await world.time.advance(14 * MINUTE_MS);
    expect(polls()).toBe(0);
    const [, payment] = world.sandbox.book.paymentsOf(METHOD_ID);
    if (payment !== undefined) {
      world.sandbox.book.setPaymentStatus(payment, "CONFIRMED");
    }
    await world.time.advance(5 * MINUTE_MS);
    expect(polls()).toBe(1);
    expect((await world.charged()).money).toBe("charged");
    expect(alertsOf(world)).toContain("late_truth_found");
    await world.time.advance(2 * DAY_MS);
    expect(polls()).toBe(1);
  });
});
