/** A person's decisions about refunds in doubt, among reads, repeats and crashes, on virtual time. */
import { describe, it } from "vitest";
import type { Entry } from "../../src/domain/entries.ts";
import type { RefundDecision } from "../../src/domain/refund-doubt.ts";
import { type Call, type Crash, METHOD_ID, World } from "../support/fake-host.ts";
import { resolveCommand, resolveRefundCommand } from "../support/method-commands.ts";
import { assertDelivered, assertTrueToTheBook, journalOf } from "./promises.ts";
import { assertRefundsAreAsked, refundsOf } from "./refund-promises.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const OURS = { key: "key-1", description: "for key-1 of a shop" };

interface Doubt {
  readonly world: World;
  readonly paymentId: string;
  readonly refundId: string;
}

/** A refund in doubt whose payment stays CONFIRMED: of a charge's payment, or of one of others. */
async function inDoubt(whose: "ours" | "of others" = "ours"): Promise<Doubt> {
  const world = new World();
  if (whose === "ours") {
    await world.charged(OURS);
  } else {
    world.foreignPayment(70);
  }
  const paymentId = world.sandbox.book.paymentsOf(METHOD_ID)[0]?.id ?? "";
  world.scenario({ refunds: ["lose_before_refunding"] });
  const { refundId = "" } = await world.refunded({ of: paymentId });
  await world.time.advance(60_000);
  return { world, paymentId, refundId };
}

function itIs(decision: RefundDecision["decision"], override = false): RefundDecision {
  return { decision, override, reason: "Harmony's support says so" };
}

function decide({ world, paymentId, refundId }: Doubt, decision: RefundDecision): Call {
  return world.send(resolveRefundCommand(paymentId, refundId, decision));
}

async function decided(doubt: Doubt, decision: RefundDecision) {
  const call = decide(doubt, decision);
  await doubt.world.time.until(() => call.endedAtMs !== null);
  if (call.answer === null) {
    throw new Error("not answered", { cause: call.error });
  }
  const { reply } = call.answer;
  return { ...reply, json: JSON.parse(reply.body) as Record<string, unknown> };
}

function setStatus({ world, paymentId }: Doubt, status: "REFUNDED" | "CANCELLED"): void {
  const payment = world.sandbox.book.payment(paymentId);
  if (payment !== undefined) {
    world.sandbox.book.setPaymentStatus(payment, status);
  }
}

function decisionsOf(world: World): Entry[] {
  return journalOf(world).filter(({ type }) => type === "operator_resolved");
}

describe("a person's decision about a refund", () => {
  it.for(["ours", "of others"] as const)(
    "that nothing went back is one entry with actor, reason and evidence: %s",
    async (whose, { expect }) => {
      const doubt = await inDoubt(whose);
      const { world, paymentId, refundId } = doubt;
      await world.time.advance(2 * DAY_MS);
      expect(refundsOf(world)).toMatchObject([{ state: "in_doubt", escalated: true }]);
      const reply = await decided(doubt, itIs("not_refunded"));
      expect(reply).toMatchObject({
        status: 200,
        json: { refundId, state: "not_refunded", resolvedBy: "operator", escalated: false },
      });
      const [entry, ...more] = decisionsOf(world);
      expect(more).toEqual([]);
      expect(entry).toMatchObject({
        refundId,
        paymentId,
        caller: "back-office",
        keyId: "anna",
        requestId: "by-hand",
        outcome: "not_refunded",
        effectMinor: 0,
        paymentStatus: "CONFIRMED",
        detail: {
          act: "resolution",
          override: false,
          reason: "Harmony's support says so",
          refund: { state: "not_refunded" },
        },
      });
      const cited = entry?.detail?.["evidence"] as number[];
      expect(journalOf(world).filter(({ seq }) => cited.includes(seq))).toMatchObject([
        { type: "polled", paymentId, paymentStatus: "CONFIRMED" },
      ]);
      expect((await decided(doubt, itIs("not_refunded"))).json).toEqual(reply.json);
      expect(decisionsOf(world)).toHaveLength(1);
      await world.time.advance(1000);
      expect([...world.ledger.openItems(world.paymentMethodId)]).toEqual([]);
      expect(await world.refunded({ of: paymentId })).toMatchObject({ status: 201 });
      await world.time.advance(1000);
      assertDelivered(world);
      assertRefundsAreAsked(world, journalOf(world));
      assertTrueToTheBook(world, journalOf(world));
    },
  );

  it("needs the horizon or an override, and with that lets a key ask at once", async ({
    expect,
  }) => {
    const doubt = await inDoubt();
    const { world, paymentId, refundId } = doubt;
    const early = await decided(doubt, itIs("not_refunded"));
    expect(early).toMatchObject({
      status: 409,
      refundId,
      json: { code: "refund_unproven", state: "in_doubt", paymentStatus: "CONFIRMED" },
    });
    expect(decisionsOf(world)).toEqual([]);
    expect((await decided(doubt, itIs("not_refunded", true))).status).toBe(200);
    const other = await world.refunded({ of: paymentId, key: "refund-2" });
    expect(other).toMatchObject({ status: 201 });
    assertRefundsAreAsked(world, journalOf(world));
  });

  it("gives way to a read of REFUNDED, whatever it says", async ({ expect }) => {
    const right = await inDoubt();
    setStatus(right, "REFUNDED");
    expect(await decided(right, itIs("refunded"))).toMatchObject({
      status: 200,
      json: { state: "refunded", resolvedBy: "read" },
    });
    const wrong = await inDoubt();
    setStatus(wrong, "REFUNDED");
    expect(await decided(wrong, itIs("not_refunded", true))).toMatchObject({
      status: 409,
      json: { code: "refund_not_resolvable", state: "refunded" },
    });
    expect([...decisionsOf(right.world), ...decisionsOf(wrong.world)]).toEqual([]);
  });

  it("that it went back needs an override, and binds 201 to the key", async ({ expect }) => {
    const doubt = await inDoubt();
    const { world, paymentId } = doubt;
    setStatus(doubt, "CANCELLED");
    await world.time.advance(DAY_MS);
    expect((await decided(doubt, itIs("refunded"))).json).toMatchObject({
      code: "refund_unproven",
      paymentStatus: "CANCELLED",
    });
    expect((await decided(doubt, itIs("refunded", true))).status).toBe(200);
    // Of the payment, which Harmony calls cancelled, that says nothing: nobody knows until a person judges it.
    const reply = await world.refunded({ of: paymentId });
    expect(reply).toMatchObject({ status: 201, money: "unknown", retry: "never" });
    expect(JSON.parse(reply.body)).toMatchObject({ id: paymentId, status: "REFUNDED" });
    const { chargeId } = await world.charged(OURS);
    const [reason, override] = ["Harmony's support says so", true];
    const call = world.send(
      resolveCommand(chargeId, { decision: "not_charged", override, reason }),
    );
    await world.time.until(() => call.endedAtMs !== null);
    expect(await world.refunded({ of: paymentId })).toMatchObject({ money: "refunded" });
    expect(await world.charged(OURS)).toMatchObject({ status: 201, money: "refunded" });
    await world.time.advance(1000);
    assertTrueToTheBook(world, journalOf(world));
  });

  it("ends the doubt about a payment that Harmony has no more", async ({ expect }) => {
    const doubt = await inDoubt();
    const { world, paymentId } = doubt;
    const payment = world.sandbox.book.payment(paymentId);
    if (payment !== undefined) {
      world.sandbox.book.forgetPayment(payment);
    }
    expect((await decided(doubt, itIs("not_refunded"))).json).toMatchObject({
      code: "refund_unproven",
    });
    expect((await decided(doubt, itIs("not_refunded", true))).status).toBe(200);
    expect(await world.refunded({ of: paymentId })).toMatchObject({ status: 404 });
  });

  it("is not taken on an answer that was not had", async ({ expect }) => {
    const doubt = await inDoubt();
    const { world } = doubt;
    world.outage("refuse");
    const reply = await decided(doubt, itIs("not_refunded", true));
    expect(reply).toMatchObject({ status: 502, json: { code: "upstream_error" } });
    expect(refundsOf(world)).toMatchObject([{ state: "in_doubt" }]);
  });

  it("is about a refund in doubt alone, of that payment and method", async ({ expect }) => {
    const doubt = await inDoubt();
    const { world, paymentId } = doubt;
    for (const wrong of [{ refundId: "none" }, { paymentId: "payment-9" }]) {
      expect(await decided({ ...doubt, ...wrong }, itIs("refunded", true))).toMatchObject({
        status: 404,
      });
    }
    world.storage.sql.exec("UPDATE method SET halted = 'a fork'").toArray();
    world.kill();
    expect(await decided(doubt, itIs("not_refunded", true))).toMatchObject({ status: 503 });
    world.storage.sql.exec("UPDATE method SET halted = NULL").toArray();
    world.kill();
    await world.time.advance(HOUR_MS);
    await world.refunded({ of: paymentId });
    expect((await decided(doubt, itIs("refunded"))).status).toBe(200);
    expect((await decided(doubt, itIs("not_refunded", true))).json).toMatchObject({
      code: "refund_not_resolvable",
      state: "refunded",
    });
    expect(decisionsOf(world)).toEqual([]);
  });

  it("survives a crash at any turn as one entry, or as none and is repeated", async ({
    expect,
  }) => {
    for (const how of ["before", "after", "after_leaving"] as const) {
      for (let turn = 1; turn <= 40; turn += 1) {
        const doubt = await inDoubt();
        const { world } = doubt;
        let turns = 0;
        world.crash = (): Crash => {
          turns += 1;
          return turns === turn ? how : null;
        };
        const call = decide(doubt, itIs("not_refunded", true));
        await world.time.until(() => call.endedAtMs !== null);
        world.crash = () => null;
        const where = `${how} turn ${turn}`;
        expect((await decided(doubt, itIs("not_refunded", true))).status, where).toBe(200);
        expect(decisionsOf(world), where).toHaveLength(1);
        await world.time.advance(60_000);
        assertDelivered(world);
        if (turns < turn) {
          break;
        }
      }
    }
  });
});
