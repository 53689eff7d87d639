/**
 * What becomes of a charge whose reply is lost: kind by kind, from the caller's request to the
 * end, on virtual time. The book is the simulated Harmony's.
 */
import { describe, it } from "vitest";
import type { ScenarioInput } from "../support/sandbox.ts";
import { METHOD_ID, World } from "../support/fake-host.ts";
import { assertDelivered, journalOf, paymentsByKey } from "./promises.ts";

type ChargeStep = NonNullable<ScenarioInput["charges"]>[number];

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const HORIZON_MS = 15 * MINUTE_MS;
/** The first look of a doubt after which two minutes pass between looks. */
const LOOK_GAP_MS = 2.5 * MINUTE_MS;

const LOST_AFTER: readonly ChargeStep[] = [
  { kind: "lose_reply_after_charging", how: "reset" },
  { kind: "lose_reply_after_charging", how: "hang" },
  { kind: "lose_reply_after_charging", how: "truncate" },
  { kind: "error_after_charging", status: 500 },
  { kind: "error_after_charging", status: 418 },
  { kind: "error_naming_payment", status: 402 },
  { kind: "error_naming_payment", status: 500 },
  "garbage_after_charging",
  "html_after_charging",
  "unknown_status_after_charging",
  "wrong_amount_after_charging",
];

function typesIn(world: World): string[] {
  return journalOf(world).map(({ type }) => type);
}

/** A method with its baseline, and the scenario from then on. */
async function ready(scenario: ScenarioInput): Promise<World> {
  const world = new World();
  await world.charged({ key: "first", amountMinor: 1234 });
  // Long enough ago that a history which lags shows it.
  await world.time.advance(HOUR_MS);
  world.scenario(scenario);
  return world;
}

describe("a reply lost after charging", () => {
  it.for(LOST_AFTER)("is found within the caller's request: %j", async (step, { expect }) => {
    const world = await ready({ charges: [step] });
    const reply = await world.charged();
    const [payment, ...more] = paymentsByKey(world).get("key-1") ?? [];
    expect(more).toEqual([]);
    expect(reply).toMatchObject({ status: 201, money: "charged" });
    expect(JSON.parse(reply.body)).toMatchObject({ id: payment?.id, status: "CONFIRMED" });
    expect((await world.charged()).body).toBe(reply.body);
    await world.time.advance(HOUR_MS);
    assertDelivered(world);
  });

  it.for(LOST_AFTER)("is in doubt until the history shows it: %j", async (step, { expect }) => {
    const world = await ready({ charges: [step], history: { visibleAfterMs: 5 * MINUTE_MS } });
    // What a payment's own read shows needs no history: then it is found at once.
    const named = typeof step === "object" && step.kind === "error_naming_payment";
    const shown =
      step === "unknown_status_after_charging" || step === "wrong_amount_after_charging";
    const first = await world.charged();
    expect(first.status).toBe(named || shown ? 201 : 202);
    await world.time.advance(5 * MINUTE_MS + LOOK_GAP_MS);
    const then = await world.charged();
    const payments = paymentsByKey(world).get("key-1") ?? [];
    expect(payments).toHaveLength(1);
    expect(then).toMatchObject({ status: 201, money: "charged" });
    expect(JSON.parse(then.body)).toMatchObject({ id: payments[0]?.id, status: "CONFIRMED" });
    assertDelivered(world);
  });
});

describe("a request lost before charging", () => {
  it("is in doubt, not charged by rule after the horizon, and then charged exactly once", async ({
    expect,
  }) => {
    const world = await ready({ charges: [{ kind: "lose_before_charging" }] });
    expect(await world.charged()).toMatchObject({ status: 202, money: "unknown" });
    await world.time.advance(HORIZON_MS - MINUTE_MS);
    expect(await world.charged()).toMatchObject({ status: 202, money: "unknown" });
    await world.time.advance(MINUTE_MS + 2 * LOOK_GAP_MS);
    expect(typesIn(world)).toContain("not_charged_by_rule");
    const reply = await world.charged();
    expect(reply).toMatchObject({ status: 201, money: "charged" });
    expect((await world.charged()).body).toBe(reply.body);
    expect(paymentsByKey(world).get("key-1")).toHaveLength(1);
  });

  it("cites the looks that its rule rests on", async ({ expect }) => {
    const world = await ready({ charges: [{ kind: "lose_before_charging" }] });
    await world.charged();
    await world.time.advance(HORIZON_MS + 2 * LOOK_GAP_MS);
    const entries = journalOf(world);
    const rule = entries.find(({ type }) => type === "not_charged_by_rule");
    const evidence = (rule?.detail?.["evidence"] ?? []) as number[];
    expect(evidence).toHaveLength(2);
    for (const seq of evidence) {
      expect(entries[seq - 1]).toMatchObject({ seq, type: "looked", outcome: "complete" });
    }
  });
});

describe("a charge that Harmony makes late", () => {
  it.for([5_000, 45_000, 4 * MINUTE_MS, 14 * MINUTE_MS])(
    "within the horizon, after %d ms, is one payment whatever the caller does",
    async (chargeAfterMs, { expect }) => {
      const world = await ready({ charges: [{ kind: "late", chargeAfterMs }] });
      for (let minute = 0; minute < 40; minute += 1) {
        world.charge();
        await world.time.advance(MINUTE_MS);
      }
      const payments = paymentsByKey(world).get("key-1") ?? [];
      expect(payments).toHaveLength(1);
      expect(await world.charged()).toMatchObject({ status: 201, money: "charged" });
      expect(world.submissions).toHaveLength(2);
    },
  );

  it("beyond the horizon is late truth, with an entry and an alert", async ({ expect }) => {
    const world = await ready({ charges: [{ kind: "late", chargeAfterMs: 40 * MINUTE_MS }] });
    await world.charged();
    await world.time.advance(3 * HOUR_MS);
    expect(typesIn(world)).toContain("not_charged_by_rule");
    expect(typesIn(world)).toContain("late_truth_found");
    const alerts = world.logged.filter(({ level }) => level === "alert");
    expect(alerts.map(({ event }) => event)).toContain("late_truth_found");
    expect(await world.charged()).toMatchObject({ status: 201, money: "charged" });
    expect(paymentsByKey(world).get("key-1")).toHaveLength(1);
  });

  it("beyond the horizon, after the key was charged again, is a duplicate in the charge", async ({
    expect,
  }) => {
    const world = await ready({ charges: [{ kind: "late", chargeAfterMs: 40 * MINUTE_MS }] });
    await world.charged();
    await world.time.advance(25 * MINUTE_MS);
    expect(await world.charged()).toMatchObject({ status: 201, money: "charged" });
    await world.time.advance(3 * HOUR_MS);
    const payments = paymentsByKey(world).get("key-1") ?? [];
    const late = payments.find(({ origin }) => origin === "late");
    expect(payments).toHaveLength(2);
    const call = world.send({
      v: 1,
      type: "read_charge",
      paymentMethodId: METHOD_ID,
      caller: "main",
      by: { caller: "main", idempotencyKey: "key-1" },
    });
    await world.time.advance(1000);
    expect(JSON.parse(call.answer?.reply.body ?? "{}")).toMatchObject({
      state: "approved",
      duplicates: [late?.id],
    });
    expect(world.logged.map(({ event }) => event)).toContain("late_truth_found");
    assertDelivered(world);
  });
});

describe("what only a person can decide", () => {
  it("is two new payments that fit: frozen, and neither adopted", async ({ expect }) => {
    const world = new World({ tag: false });
    await world.charged({ key: "first", amountMinor: 1234 });
    world.scenario({
      charges: [{ kind: "lose_reply_after_charging" }],
      history: { visibleAfterMs: MINUTE_MS },
    });
    expect((await world.charged()).status).toBe(202);
    world.foreignPayment(50);
    await world.time.advance(2 * HOUR_MS);
    expect(typesIn(world)).toContain("charge_escalated");
    expect(typesIn(world)).not.toContain("payment_adopted");
    expect(await world.charged({ key: "other", amountMinor: 700 })).toMatchObject({ status: 409 });
  });

  it("is one payment for two charges that nothing explains: adopted by neither", async ({
    expect,
  }) => {
    const world = new World({ tag: false });
    await world.charged({ key: "first", amountMinor: 1234 });
    world.scenario({
      charges: [{ kind: "late", chargeAfterMs: 50 * MINUTE_MS }, { kind: "lose_before_charging" }],
    });
    await world.charged({ key: "one" });
    await world.time.advance(25 * MINUTE_MS);
    expect(typesIn(world)).toContain("not_charged_by_rule");
    await world.time.advance(24 * MINUTE_MS);
    await world.charged({ key: "two" });
    await world.time.advance(10 * MINUTE_MS);
    expect(typesIn(world)).toContain("charge_escalated");
    expect(typesIn(world)).not.toContain("payment_adopted");
    expect(typesIn(world)).not.toContain("late_truth_found");
    expect(await world.charged({ key: "other", amountMinor: 700 })).toMatchObject({ status: 409 });
  });
});

describe("what proves nothing", () => {
  it("is a foreign payment of another amount: not adopted, and reported", async ({ expect }) => {
    const world = await ready({ charges: [{ kind: "lose_before_charging" }] });
    await world.charged();
    world.foreignPayment(77);
    await world.time.advance(HORIZON_MS + 2 * LOOK_GAP_MS);
    expect(typesIn(world)).not.toContain("payment_adopted");
    expect(typesIn(world)).toContain("payment_unattributed");
    expect(typesIn(world)).toContain("not_charged_by_rule");
  });

  it.for<[string, Pick<ScenarioInput, "looks" | "history">]>([
    ["empty", { looks: Array.from({ length: 400 }, () => "empty" as const) }],
    ["foreign", { looks: Array.from({ length: 400 }, () => "foreign" as const) }],
    ["garbled", { looks: Array.from({ length: 400 }, () => "garbage" as const) }],
    [
      "refused",
      { looks: Array.from({ length: 400 }, () => ({ kind: "error" as const, status: 403 })) },
    ],
    ["hanging", { looks: Array.from({ length: 400 }, () => "hang" as const) }],
    ["short of an item", { history: { dropItem: true } }],
    [
      "capped, with a count that is the page's",
      { history: { countIsPage: true, pageSizeCap: 1, order: "oldest" } },
    ],
  ])("is a history that is %s", async ([name, scenario], { expect }) => {
    const world = new World();
    await world.charged({ key: "first", amountMinor: 1234 });
    await world.charged({ key: "second", amountMinor: 1234 });
    world.scenario({ charges: [{ kind: "lose_before_charging" }], ...scenario });
    await world.charged();
    await world.time.advance(6 * HOUR_MS);
    const types = typesIn(world);
    expect(types, name).not.toContain("not_charged_by_rule");
    expect(types, name).not.toContain("payment_adopted");
    expect(types, name).toContain("charge_escalated");
    expect(await world.charged()).toMatchObject({ status: 202, money: "unknown" });
  });
});

describe("the looks of a charge in doubt", () => {
  it.for<[string, ConstructorParameters<typeof World>[0], ScenarioInput]>([
    ["that is resolved by the rule", {}, {}],
    ["that no rule may resolve", { rules: { horizonMs: null } }, {}],
    ["whose history is never complete", {}, { history: { dropItem: true } }],
    ["whose looks hang", {}, { looks: Array.from({ length: 99 }, () => "hang" as const) }],
  ])("are at most 30 in the first hour of one %s", async ([, options, scenario], { expect }) => {
    const world = new World(options);
    await world.charged({ key: "first", amountMinor: 1234 });
    world.scenario({ charges: [{ kind: "lose_before_charging" }], ...scenario });
    const before = journalOf(world).filter(({ type }) => type === "looked").length;
    for (let minute = 0; minute < 59; minute += 1) {
      // Callers who repeat cause no looks of their own while it is in doubt.
      world.charge({ key: "key-1", waitMs: 1000 });
      await world.time.advance(MINUTE_MS);
      if (typesIn(world).includes("not_charged_by_rule")) {
        break;
      }
    }
    const looks = journalOf(world).filter(({ type }) => type === "looked").length - before;
    expect(looks).toBeGreaterThan(4);
    expect(looks).toBeLessThanOrEqual(30);
  });
});
