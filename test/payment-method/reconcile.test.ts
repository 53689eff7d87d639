/** A comparison in a payment method's life, on virtual time: its turn, what it finds, crashes. */
import { describe, it } from "vitest";
import type { ReconcileAnswer } from "../../src/payment-method/commands.ts";
import { type Call, METHOD_ID, World } from "../support/fake-host.ts";
import { reconcileCommand, recordCommand } from "../support/method-commands.ts";
import { assertChargedOnce, assertDelivered, journalOf } from "./promises.ts";

const DAY_MS = 86_400_000;

function answerOf(call: Call): ReconcileAnswer {
  if (call.answer === null) {
    throw new Error("not answered", { cause: call.error });
  }
  return JSON.parse(call.answer.reply.body) as ReconcileAnswer;
}

async function compared(world: World): Promise<ReconcileAnswer> {
  const call = world.send(reconcileCommand());
  await world.time.until(() => call.endedAtMs !== null);
  return answerOf(call);
}

function typesOf(world: World): string[] {
  return journalOf(world).map(({ type }) => type);
}

/** A charge that was lost, called not charged by rule, and not looked for any more. */
async function longLost(world: World, key: string): Promise<void> {
  world.scenario({ charges: [{ kind: "lose_before_charging", how: "reset" }] });
  await world.charged({ key });
  await world.time.advance(3 * DAY_MS);
  const closed = typesOf(world).filter((type) => type === "not_charged_by_rule");
  if (closed.length === 0) {
    throw new Error("the rule has not called it not charged");
  }
}

describe("a comparison", () => {
  it("takes a payment for nobody's that is first listed after the last late look was due", async ({
    expect,
  }) => {
    const world = new World();
    await world.charged({ key: "first", amountMinor: 100 });
    await longLost(world, "lost");
    await compared(world);
    world.foreignPayment(50);
    expect(await compared(world)).toMatchObject({
      type: "compared",
      comparison: {
        rows: [{ kind: "unexplained" }],
        harmony: { payments: 2, confirmedMinor: 5100 },
      },
    });
    expect(typesOf(world)).toContain("payment_unattributed");
    // It may be this charge's all the same: nothing is sent beside it.
    const reply = await world.charged({ key: "lost" });
    expect(reply).toMatchObject({ status: 409, money: "unknown" });
    expect(world.submissions).toHaveLength(2);
  });

  it("finds the late truth of a charge that is not looked for any more, by when it was made", async ({
    expect,
  }) => {
    const world = new World({ tag: false });
    await world.charged({ key: "first", amountMinor: 100 });
    world.scenario({
      charges: [{ kind: "lose_reply_after_charging", how: "reset" }],
      history: { fields: "createdAt" },
    });
    world.charge({ key: "lost" });
    await world.time.until(() => world.sandbox.book.payments().length === 2);
    const made = world.sandbox.book.payments().at(-1);
    if (made !== undefined) {
      made.visibleAt = world.time.nowMs + 5 * DAY_MS;
    }
    await world.time.advance(4 * DAY_MS);
    expect(typesOf(world)).toContain("not_charged_by_rule");
    await compared(world);
    await world.time.advance(2 * DAY_MS);
    expect(await compared(world)).toMatchObject({ comparison: { rows: [] } });
    expect(typesOf(world)).toContain("late_truth_found");
    expect(await world.charged({ key: "lost" })).toMatchObject({ money: "charged" });
    expect(world.submissions).toHaveLength(2);
  });

  it("does not guess which of two such charges a payment is of", async ({ expect }) => {
    const world = new World();
    await world.charged({ key: "first", amountMinor: 100 });
    await longLost(world, "one");
    await longLost(world, "two");
    world.foreignPayment(50);
    expect(await compared(world)).toMatchObject({
      comparison: { rows: [{ kind: "unexplained", harmony: { amountMinor: 5000 } }] },
    });
    expect(typesOf(world)).not.toContain("late_truth_found");
    expect(typesOf(world)).toContain("payment_unattributed");
  });

  it("finds the payment of a charge in doubt, and ends the freeze", async ({ expect }) => {
    const world = new World();
    await world.charged({ key: "first", amountMinor: 100 });
    world.scenario({
      charges: [{ kind: "lose_reply_after_charging", how: "reset" }],
      looks: [{ kind: "error", status: 500 }],
    });
    const call = world.charge({ key: "lost" });
    await world.time.until(() => call.endedAtMs !== null);
    expect(call.answer?.reply.status).toBe(202);
    const found = await compared(world);
    expect(found).toMatchObject({ comparison: { rows: [], books: { payments: 1 } } });
    expect(await world.charged({ key: "lost" })).toMatchObject({ status: 201, money: "charged" });
    expect(typesOf(world)).toContain("method_unfrozen");
  });

  it("takes its turn, and is not made where that does not come in time", async ({ expect }) => {
    const world = new World();
    await world.charged({ key: "first" });
    const looksBefore = typesOf(world).filter((type) => type === "looked").length;
    world.scenario({ charges: [{ kind: "approve", latencyMs: 10_000 }] });
    const slow = world.charge({ key: "slow", amountMinor: 700 });
    const impatient = world.send(reconcileCommand(5000));
    const patient = world.send(reconcileCommand(15_000));
    await world.time.until(() => patient.endedAtMs !== null);
    expect(answerOf(impatient)).toEqual({ type: "busy" });
    expect(slow.answer?.reply.status).toBe(201);
    expect(answerOf(patient)).toMatchObject({ comparison: { books: { payments: 2 }, rows: [] } });
    const looks = typesOf(world).filter((type) => type === "looked").length;
    expect(looks - looksBefore).toBe(1);
  });

  it("that takes too long goes on, is recorded, and says so", async ({ expect }) => {
    const world = new World();
    await world.charged({ key: "first" });
    world.scenario({ looks: ["hang"] });
    const call = world.send(reconcileCommand(5000));
    await world.time.until(() => call.endedAtMs !== null);
    expect(answerOf(call)).toEqual({ type: "under_way" });
    await world.time.advance(60_000);
    expect(journalOf(world).at(-1)).toMatchObject({
      type: "looked",
      outcome: "incomplete",
      detail: { purpose: "reconciliation", why: "timeout" },
    });
  });

  it("is not made of a look that did not read it all", async ({ expect }) => {
    for (const [step, reason] of [
      [{ kind: "error", status: 503 }, "status_503"],
      ["reset", "connection_failed"],
      ["garbage", "page_does_not_parse"],
      ["hang", "timeout"],
    ] as const) {
      const world = new World();
      await world.charged({ key: "first" });
      world.scenario({ looks: [step] });
      expect(await compared(world)).toEqual({ type: "not_compared", reason });
    }
  });

  it("survives a crash at each of its turns", async ({ expect }) => {
    for (const how of ["before", "after", "after_leaving"] as const) {
      for (let turn = 1; turn <= 4; turn += 1) {
        const world = new World();
        await world.charged({ key: "first" });
        await world.time.advance(60_000);
        world.foreignPayment(70);
        let left = turn;
        world.crash = () => ((left -= 1) === 0 ? how : null);
        const call = world.send(reconcileCommand());
        await world.time.advance(600_000);
        world.crash = () => null;
        expect(call.endedAtMs).not.toBeNull();
        expect(await compared(world)).toMatchObject({
          comparison: { rows: [{ kind: "unexplained" }] },
        });
        await world.time.advance(600_000);
        assertDelivered(world);
        assertChargedOnce(world);
        const reported = typesOf(world).filter((type) => type === "payment_unattributed");
        expect(reported).toHaveLength(1);
      }
    }
  });
});

describe("the entry of a run", () => {
  it("is made once, though it is asked for again, before and after a crash", async ({ expect }) => {
    const world = new World({ paymentMethodId: METHOD_ID });
    const seqs: unknown[] = [];
    for (const kill of [false, true, false]) {
      const call = world.send(recordCommand("run-1"));
      await world.time.until(() => call.endedAtMs !== null);
      seqs.push(JSON.parse(call.answer?.reply.body ?? "{}"));
      if (kill) {
        world.kill();
      }
    }
    const other = world.send(recordCommand("run-2"));
    await world.time.until(() => other.endedAtMs !== null);
    expect(seqs).toEqual([{ seq: 1 }, { seq: 1 }, { seq: 1 }]);
    expect(JSON.parse(other.answer?.reply.body ?? "{}")).toEqual({ seq: 2 });
    expect(typesOf(world)).toEqual(["reconciliation_recorded", "reconciliation_recorded"]);
  });
});
