/** What a page of history that a caller reads does to the books, at the worst moments. */
import { describe, it } from "vitest";
import type { Entry } from "../../src/domain/entries.ts";
import { World } from "../support/fake-host.ts";
import { historyCommand } from "../support/method-commands.ts";
import {
  assertChargedOnce,
  assertDelivered,
  assertSettledOrEscalated,
  assertTrueToTheBook,
  journalOf,
} from "./promises.ts";

const DAY_MS = 86_400_000;

/** Reads a page and waits, on virtual time, for its answer. */
async function historyRead(world: World, query: Parameters<typeof historyCommand>[0] = {}) {
  const call = world.send(historyCommand(query));
  await world.time.until(() => call.endedAtMs !== null);
  if (call.answer === null) {
    throw new Error("the read was not answered", { cause: call.error });
  }
  const { reply } = call.answer;
  return { reply, json: JSON.parse(reply.body) as Record<string, unknown> };
}

function typesOf(world: World): string[] {
  return journalOf(world).map(({ type }) => type);
}

function looks(world: World): { purpose: unknown; outcome: string | null; atMs: number }[] {
  return journalOf(world)
    .filter(({ type }) => type === "looked")
    .map(({ detail, outcome, occurredAt }: Entry) => ({
      purpose: detail?.["purpose"],
      outcome,
      atMs: Date.parse(occurredAt),
    }));
}

function assertAllHolds(world: World): void {
  assertChargedOnce(world);
  assertDelivered(world);
  assertTrueToTheBook(world, journalOf(world));
  assertSettledOrEscalated(world);
}

describe("a page of history", () => {
  it("is Harmony's own, with whatever else Harmony sends", async ({ expect }) => {
    const world = new World();
    world.scenario({ history: { fields: "full" } });
    world.foreignPayment(50);
    const { reply, json } = await historyRead(world, { pageSize: 5 });
    expect(reply).toMatchObject({ status: 200, money: null, chargeId: null });
    expect(json).toMatchObject({ count: 1, page: 1, pageSize: 5 });
    expect(json["items"]).toMatchObject([
      { amount: 50, currency: "MXN", createdAt: expect.any(String) as string },
    ]);
  });

  it("that Harmony does not give is an error that says so, and an entry", async ({ expect }) => {
    const world = new World();
    const steps = [
      ["garbage", 502],
      ["reset", 502],
      ["empty", 200],
      [{ kind: "error", status: 503 }, 502],
      [{ kind: "error", status: 401 }, 502],
      [{ kind: "error", status: 404 }, 404],
      ["hang", 504],
    ] as const;
    for (const [step, status] of steps) {
      world.scenario({ looks: [step] });
      expect((await historyRead(world)).reply.status).toBe(status);
    }
    expect(looks(world)).toHaveLength(steps.length);
    expect(looks(world).every(({ outcome }) => outcome === "incomplete")).toBe(true);
  });

  it("makes no baseline, and does not disturb the one that follows", async ({ expect }) => {
    const world = new World();
    world.foreignPayment(50);
    await historyRead(world);
    expect((await world.charged({ amountMinor: 5000 })).status).toBe(201);
    expect(typesOf(world)).toEqual(["looked", "looked", "attempt_intended", "attempt_answered"]);
    expect(looks(world)).toMatchObject([
      { purpose: "read", outcome: "incomplete" },
      { purpose: "baseline", outcome: "complete" },
    ]);
    // What was there before the baseline is nobody's business: no look before the second charge.
    expect((await world.charged({ key: "second", amountMinor: 700 })).status).toBe(201);
    expect(looks(world)).toHaveLength(2);
  });

  it("that shows somebody else's payment has every later charge look first", async ({ expect }) => {
    const world = new World();
    await world.charged({ key: "first", amountMinor: 700 });
    world.foreignPayment(50);
    await historyRead(world);
    expect(typesOf(world)).not.toContain("payment_unattributed");
    await world.charged({ key: "second", amountMinor: 900 });
    expect(looks(world).at(-1)).toMatchObject({ purpose: "before_attempt", outcome: "complete" });
    // A page says that it is there; that it is nobody's is for a look to say.
    expect(typesOf(world)).toContain("payment_unattributed");
  });

  it("of which the request was lost is no proof that nothing was charged", async ({ expect }) => {
    const world = new World({ rules: { horizonMs: 200_000 } });
    world.scenario({ charges: ["lose_before_charging"] });
    expect((await world.charged()).status).toBe(202);
    for (let read = 0; read < 50; read += 1) {
      await historyRead(world);
    }
    expect(typesOf(world)).not.toContain("not_charged_by_rule");
    await world.time.advance(DAY_MS);
    expect(typesOf(world)).toContain("not_charged_by_rule");
    expect(
      journalOf(world)
        .filter(({ detail }) => detail?.["purpose"] === "read")
        .every(({ chargeId }) => chargeId === null),
    ).toBe(true);
    assertAllHolds(world);
  });

  it("makes known what became of a payment of ours", async ({ expect }) => {
    const world = new World();
    world.scenario({ charges: [{ kind: "pending", polls: 99, then: "CONFIRMED" }] });
    const reply = await world.charged({ description: "for key-1 of a shop" });
    const { id } = JSON.parse(reply.body) as { id: string };
    const payment = world.sandbox.book.payment(id);
    if (payment === undefined) {
      throw new Error("the charge made no payment");
    }
    world.sandbox.book.setPaymentStatus(payment, "CONFIRMED");
    await historyRead(world);
    expect(typesOf(world).at(-1)).toBe("status_changed");
    expect((await world.charged({ description: "for key-1 of a shop" })).money).toBe("charged");
    await world.time.advance(DAY_MS);
    assertAllHolds(world);
  });
});

describe("a payment that a page shows first", () => {
  const OURS = { key: "key-1", description: "for key-1 of a shop" };

  it.for([true, false])(
    "while its attempt is in flight is adopted by the first look (tag shown: %s)",
    async (tagShown, { expect }) => {
      const world = new World();
      world.scenario({
        charges: [{ kind: "lose_reply_after_charging", how: "hang" }],
        history: { fields: tagShown ? "full" : "minimal" },
      });
      const call = world.charge(OURS);
      await world.time.advance(5000);
      const { json } = await historyRead(world);
      expect(json["items"]).toHaveLength(1);
      await world.time.until(() => call.endedAtMs !== null);
      expect(call.answer?.reply).toMatchObject({ status: 201, money: "charged" });
      await world.time.advance(DAY_MS);
      expect(typesOf(world)).not.toContain("payment_unattributed");
      assertAllHolds(world);
    },
  );

  it("between the crash of its object and the first look is adopted", async ({ expect }) => {
    const world = new World();
    world.scenario({ charges: [{ kind: "lose_reply_after_charging", how: "hang" }] });
    world.charge(OURS);
    await world.time.advance(5000);
    world.kill();
    await historyRead(world);
    await world.time.advance(DAY_MS);
    expect(await world.charged(OURS)).toMatchObject({ status: 201, money: "charged" });
    assertAllHolds(world);
  });

  it("while it is in doubt brings the next look forward", async ({ expect }) => {
    const world = new World({ rules: { reconcileMs: [0, 600_000] } });
    // The baseline is read; the first look, in the caller's own request, fails.
    world.scenario({ charges: ["lose_reply_after_charging"], looks: ["ok", "error"] });
    expect((await world.charged(OURS)).status).toBe(202);
    const { json } = await historyRead(world);
    expect(json["items"]).toHaveLength(1);
    await world.time.advance(10_000);
    expect(await world.charged(OURS)).toMatchObject({ status: 201, money: "charged" });
    await world.time.advance(DAY_MS);
    assertAllHolds(world);
  });

  it("causes one look however often the page is read", async ({ expect }) => {
    const world = new World({ rules: { reconcileMs: [0, 600_000] } });
    world.scenario({
      charges: ["lose_reply_after_charging"],
      looks: ["ok", "error", "ok", "error"],
    });
    world.charge(OURS);
    await world.time.advance(5000);
    for (let read = 0; read < 5; read += 1) {
      await historyRead(world);
      await world.time.advance(10_000);
    }
    expect(looks(world).filter(({ purpose }) => purpose === "doubt")).toHaveLength(2);
    await world.time.advance(DAY_MS);
    expect(await world.charged(OURS)).toMatchObject({ status: 201, money: "charged" });
    assertAllHolds(world);
  });

  it("after its charge was called not charged is late truth, soon", async ({ expect }) => {
    const world = new World({ rules: { horizonMs: 200_000 } });
    world.scenario({
      charges: ["lose_reply_after_charging"],
      history: { visibleAfterMs: 2_000_000 },
    });
    world.charge(OURS);
    await world.time.advance(1_999_000);
    expect(typesOf(world)).toContain("not_charged_by_rule");
    await world.time.advance(2000);
    await historyRead(world);
    await world.time.advance(60_000);
    expect(typesOf(world)).toContain("late_truth_found");
    expect(await world.charged(OURS)).toMatchObject({ status: 201, money: "charged" });
    assertAllHolds(world);
  });

  it("and no complete look shows is for a person", async ({ expect }) => {
    const world = new World();
    world.scenario({
      charges: ["lose_before_charging"],
      looks: ["ok", "ok", { kind: "foreign", amounts: [50] }],
    });
    expect((await world.charged(OURS)).status).toBe(202);
    const { json } = await historyRead(world);
    expect(json["items"]).toHaveLength(1);
    await world.time.advance(DAY_MS);
    const escalated = journalOf(world).find(({ type }) => type === "charge_escalated");
    expect(escalated?.detail).toMatchObject({ reason: "seen_and_not_listed" });
    expect(typesOf(world)).not.toContain("payment_adopted");
    expect(typesOf(world)).not.toContain("not_charged_by_rule");
  });
});
