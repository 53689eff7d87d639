/** What the object makes of a refund, on virtual time, with everything Harmony may do to it. */
import { describe, it } from "vitest";
import { actKinds, type PaymentStatus } from "../../sandbox/kinds.ts";
import type { ReadPaymentCommand } from "../../src/payment-method/commands.ts";
import type { ScenarioInput } from "../support/sandbox.ts";
import { type Call, METHOD_ID, World, type WorldOptions } from "../support/fake-host.ts";
import { assertDelivered, assertTrueToTheBook, journalOf } from "./promises.ts";
import {
  assertRefundedOnce,
  assertRefundsAreAsked,
  assertRefundsKnown,
  assertRefundsSettled,
  refundsOf,
} from "./refund-promises.ts";

type RefundStep = NonNullable<ScenarioInput["refunds"]>[number];

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const HORIZON_MS = 900_000;
const CHARGE = { key: "key-1", description: "for key-1 of a shop" };

/** A world in which 50 pesos were charged, and its payment. */
async function charged(options: WorldOptions = {}): Promise<{ world: World; paymentId: string }> {
  const world = new World(options);
  const { id } = JSON.parse((await world.charged(CHARGE)).body) as { id: string };
  return { world, paymentId: id };
}

/** The same, where the next refunds go as told. */
async function chargedThen(...refunds: RefundStep[]): Promise<{ world: World; paymentId: string }> {
  const made = await charged();
  made.world.scenario({ refunds });
  return made;
}

/** A world with a payment of 70 pesos that others have made. */
function ofOthers(): { world: World; paymentId: string } {
  const world = new World();
  world.foreignPayment(70);
  return { world, paymentId: world.sandbox.book.paymentsOf(METHOD_ID)[0]?.id ?? "" };
}

/** Harmony says something else of a payment from now on. */
function setStatus(world: World, paymentId: string, status: PaymentStatus): void {
  const payment = world.sandbox.book.payment(paymentId);
  if (payment === undefined) {
    throw new Error(`there is no payment ${paymentId}`);
  }
  world.sandbox.book.setPaymentStatus(payment, status);
}

/** The one refund as earlier code has stored it, which counted time without it; the object begins anew. */
function asEarlierCode(world: World, change: Readonly<Record<string, unknown>>): void {
  const [row] = world.storage.sql.exec("SELECT body FROM refund").toArray();
  const refund = JSON.parse(String(row?.["body"])) as { doubt: object };
  const doubt = {
    ...refund.doubt,
    failures: 0,
    countedAtMs: world.time.nowMs,
    plannedGapMs: 60_000,
    creditedMs: HORIZON_MS,
    countedLooks: 3,
    firstCountedSeq: 5,
    lastCountedSeq: 7,
  };
  const nextRead = { atMs: world.time.nowMs + 60_000, gapMs: 60_000 };
  const body = JSON.stringify({ ...refund, doubt, nextRead, ...change });
  world.storage.sql.exec("UPDATE refund SET open = 1, body = ?", body).toArray();
  world.kill();
}

function readPaymentCommand(id: string): ReadPaymentCommand {
  const actor = { caller: "main", keyId: "test", requestId: null, traceId: null, origin: null };
  return { v: 1, type: "read_payment", paymentMethodId: METHOD_ID, caller: "main", id, actor };
}

function assertSound(world: World, calls: readonly Call[] = []): void {
  const entries = journalOf(world);
  assertDelivered(world);
  assertRefundsAreAsked(world, entries);
  assertRefundedOnce(world, entries, calls);
  assertTrueToTheBook(world, entries);
}

const codeOf = (body: string) => (JSON.parse(body) as { code?: string }).code;
const typesOf = (world: World) =>
  journalOf(world)
    .map(({ type }) => type)
    .slice(3);

describe("a refund", () => {
  it("gives the payment back and is replayed to the byte", async ({ expect }) => {
    const { world, paymentId } = await charged();
    const first = await world.refunded({ of: paymentId });
    expect(first).toMatchObject({
      status: 201,
      money: "refunded",
      retry: "never",
      replayed: false,
    });
    expect(JSON.parse(first.body)).toEqual({
      id: paymentId,
      status: "REFUNDED",
      amount: 50,
      currency: "MXN",
    });
    const [refund] = refundsOf(world);
    expect(first.location).toBe(
      `/api/payment-method/${METHOD_ID}/payment/${paymentId}/refund/${refund?.refundId}`,
    );
    const again = await world.refunded({ of: paymentId });
    expect([again.status, again.body, again.replayed]).toEqual([201, first.body, true]);
    await world.time.advance(1000);
    expect(typesOf(world)).toEqual(["refund_intended", "refund_answered", "replayed"]);
    expect(world.refundSubmissions).toHaveLength(1);
    assertSound(world);
  });

  it("makes the money of its charge refunded, with the same bytes as before", async ({
    expect,
  }) => {
    const { world, paymentId } = await charged();
    const before = await world.charged(CHARGE);
    await world.refunded({ of: paymentId });
    const after = await world.charged(CHARGE);
    expect([before.money, after.money]).toEqual(["charged", "refunded"]);
    expect(after.body).toBe(before.body);
    await world.time.advance(1000);
    assertSound(world);
  });

  it("takes the charge's id for the payment's", async ({ expect }) => {
    const { world, paymentId } = await charged();
    const chargeId = journalOf(world)[1]?.chargeId ?? "";
    const first = await world.refunded({ of: chargeId });
    expect(first).toMatchObject({ status: 201, chargeId });
    const again = await world.refunded({ of: paymentId });
    expect(again).toMatchObject({ status: 201, body: first.body, replayed: true });
  });

  it("of a charge of another caller is of no payment at all", async ({ expect }) => {
    const { world } = await charged();
    const chargeId = journalOf(world)[1]?.chargeId ?? "";
    const reply = await world.refunded({ of: chargeId, caller: "other" });
    expect(reply).toMatchObject({ status: 404, money: "unknown" });
    expect(world.refundSubmissions).toEqual([]);
  });

  it("of a charge without a payment is not found, and says how the charge stands", async ({
    expect,
  }) => {
    const world = new World();
    world.scenario({ charges: [{ kind: "decline", as: 402 }] });
    const { chargeId } = await world.charged(CHARGE);
    const reply = await world.refunded({ of: chargeId ?? "" });
    expect(reply).toMatchObject({ status: 404, money: "not_charged" });
    expect(codeOf(reply.body)).toBe("payment_not_found");
  });

  it("of a payment that Harmony does not know is not found, and binds nothing", async ({
    expect,
  }) => {
    const { world } = await charged();
    const reply = await world.refunded({ of: "99999999-9999-4999-8999-999999999999" });
    expect(reply).toMatchObject({ status: 404, money: "unknown", replayed: false });
    expect(refundsOf(world)).toEqual([]);
  });

  it("that another one is waiting for joins it and sends nothing", async ({ expect }) => {
    const { world, paymentId } = await chargedThen({ kind: "approve", latencyMs: 3000 });
    const calls = [world.refund({ of: paymentId }), world.refund({ of: paymentId })];
    await world.time.until(() => calls.every(({ endedAtMs }) => endedAtMs !== null));
    const replies = calls.map(({ answer }) => answer?.reply);
    expect(replies.map((reply) => reply?.status)).toEqual([201, 201]);
    expect(replies.map((reply) => reply?.replayed)).toEqual([false, true]);
    expect(world.refundSubmissions).toHaveLength(1);
  });

  it("is answered 202 when the wait is over first, with the payment as it was", async ({
    expect,
  }) => {
    const { world, paymentId } = await chargedThen({ kind: "approve", latencyMs: 3000 });
    const early = await world.refunded({ of: paymentId, waitMs: 1000 });
    expect(early).toMatchObject({ status: 202, money: "unknown", retry: "same_key" });
    expect(JSON.parse(early.body)).toMatchObject({ id: paymentId, status: "CONFIRMED" });
    await world.time.advance(5000);
    expect(await world.refunded({ of: paymentId })).toMatchObject({ status: 201, replayed: true });
    assertSound(world);
  });
});

describe("one payment", () => {
  it("is refunded once for twenty keys at a time; nineteen are told so", async ({ expect }) => {
    const { world, paymentId } = await charged();
    const calls = Array.from({ length: 20 }, (_, index) =>
      world.refund({ of: paymentId, key: `refund-${index}` }),
    );
    await world.time.until(() => calls.every(({ endedAtMs }) => endedAtMs !== null));
    const replies = calls.flatMap(({ answer }) => answer?.reply ?? []);
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
    const told = replies.filter(({ body }) => codeOf(body) === "payment_not_refundable");
    expect(told).toHaveLength(19);
    for (const reply of told) {
      expect(reply).toMatchObject({
        status: 400,
        money: "refunded",
        retry: "never",
        replayed: false,
      });
    }
    expect(world.refundSubmissions).toHaveLength(1);
    await world.time.advance(1000);
    assertSound(world, calls);
    const [refused] = calls.filter(({ answer }) => answer?.reply.status === 400);
    const key = refused?.command.type === "refund" ? refused.command.idempotencyKey : "";
    const again = await world.refunded({ of: paymentId, key });
    expect([again.body, again.replayed]).toEqual([refused?.answer?.reply.body, true]);
  });

  it("takes no other refund while one is in doubt, and other payments do", async ({ expect }) => {
    const { world, paymentId } = await chargedThen("lose_before_refunding");
    const other = JSON.parse((await world.charged({ key: "key-2" })).body) as { id: string };
    const first = await world.refunded({ of: paymentId });
    expect(first).toMatchObject({ status: 202, money: "unknown" });
    const second = await world.refunded({ of: paymentId, key: "refund-2" });
    expect(second).toMatchObject({ status: 409, money: "unknown", retry: "same_key" });
    expect(codeOf(second.body)).toBe("payment_method_in_doubt");
    // The payment is read next after five seconds.
    expect([first.retryAfterSeconds, second.retryAfterSeconds]).toEqual([6, 6]);
    expect(await world.refunded({ of: other.id, key: "refund-3" })).toMatchObject({ status: 201 });
    expect(await world.charged({ key: "key-3" })).toMatchObject({ status: 201 });
  });

  it("that others have made is refunded, and no money is booked that never came in", async ({
    expect,
  }) => {
    const world = new World();
    world.foreignPayment(70);
    const [foreign] = world.sandbox.book.payments();
    const reply = await world.refunded({ of: foreign?.id ?? "" });
    expect(reply).toMatchObject({ status: 201, money: "refunded", chargeId: null });
    await world.time.advance(1000);
    const entries = journalOf(world);
    expect(entries.map(({ type }) => type)).toEqual([
      "polled",
      "refund_intended",
      "refund_answered",
    ]);
    expect(entries[2]).toMatchObject({ amountMinor: 7000, effectMinor: 0, chargeId: null });
    assertSound(world);
  });

  it("that others have refunded is refunded for no key, and booked once", async ({ expect }) => {
    const { world, paymentId } = await charged();
    const payment = world.sandbox.book.payment(paymentId);
    if (payment !== undefined) {
      world.sandbox.book.setPaymentStatus(payment, "REFUNDED");
    }
    for (const key of ["refund-1", "refund-2"]) {
      const reply = await world.refunded({ of: paymentId, key });
      expect(reply).toMatchObject({ status: 400, money: "refunded" });
      expect(codeOf(reply.body)).toBe("payment_not_refundable");
    }
    // The first left on the books' word, the second read.
    expect(world.refundSubmissions).toHaveLength(1);
    await world.time.advance(1000);
    assertSound(world);
    assertRefundsKnown(world);
  });

  it("against whose CONFIRMED Harmony has spoken since is read before its first refund", async ({
    expect,
  }) => {
    const { world, paymentId } = await charged();
    setStatus(world, paymentId, "PENDING");
    world.send(readPaymentCommand(paymentId));
    await world.time.advance(1000);
    const reply = await world.refunded({ of: paymentId, key: "first" });
    expect(codeOf(reply.body)).toBe("payment_not_refundable");
    expect(world.refundSubmissions).toEqual([]);
    setStatus(world, paymentId, "CONFIRMED");
    expect(await world.refunded({ of: paymentId, key: "second" })).toMatchObject({ status: 201 });
    await world.time.advance(1000);
    assertSound(world);
  });

  it("that is pending is not refundable, but with a new key later", async ({ expect }) => {
    const world = new World();
    world.scenario({ charges: [{ kind: "pending", polls: 3, then: "CONFIRMED" }] });
    const { id } = JSON.parse((await world.charged(CHARGE)).body) as { id: string };
    const early = await world.refunded({ of: id });
    expect(early).toMatchObject({ status: 400, money: "pending", retry: "new_key" });
    await world.time.advance(60_000);
    const repeat = await world.refunded({ of: id });
    expect(repeat).toMatchObject({
      status: 400,
      body: early.body,
      money: "charged",
      retry: "new_key",
    });
    expect(await world.refunded({ of: id, key: "refund-2" })).toMatchObject({ status: 201 });
    await world.time.advance(1000);
    assertSound(world);
  });
});

describe("a key", () => {
  it("of a charge serves no refund, and that of a refund no charge", async ({ expect }) => {
    const { world, paymentId } = await charged();
    const refund = await world.refunded({ of: paymentId, key: CHARGE.key });
    expect(refund).toMatchObject({ status: 422, money: "unknown", replayed: false });
    expect(JSON.parse(refund.body)).toMatchObject({
      code: "idempotency_key_reused",
      differing: ["operation"],
      first: { state: "approved", money: "charged", amount: 50 },
    });
    await world.refunded({ of: paymentId, key: "refund-1" });
    const charge = await world.charged({ key: "refund-1" });
    expect(charge).toMatchObject({ status: 422, money: "unknown", replayed: false });
    const [{ refundId } = { refundId: "" }] = refundsOf(world);
    expect(JSON.parse(charge.body)).toMatchObject({
      differing: ["operation"],
      first: { refundId, state: "refunded", money: "refunded", amount: 50 },
    });
    expect(world.submissions).toHaveLength(1);
    expect(world.refundSubmissions).toHaveLength(1);
    const mismatched = journalOf(world).filter(({ type }) => type === "key_mismatched");
    expect(mismatched.map((entry) => entry.refundId)).toEqual([null, refundId]);
  });

  it("of a refund serves no other payment", async ({ expect }) => {
    const { world, paymentId } = await charged();
    const other = JSON.parse((await world.charged({ key: "key-2" })).body) as { id: string };
    await world.refunded({ of: paymentId });
    const reply = await world.refunded({ of: other.id });
    expect(reply).toMatchObject({ status: 422 });
    expect(JSON.parse(reply.body)).toMatchObject({ differing: ["paymentId"] });
    expect(world.refundSubmissions).toHaveLength(1);
  });

  it("that a charge takes while a refund waits with it is the charge's", async ({ expect }) => {
    const { world, paymentId } = await charged();
    world.scenario({ charges: [{ kind: "approve", latencyMs: 2000 }] });
    const calls = [
      world.charge({ key: "shared", amountMinor: 900 }),
      world.refund({ of: paymentId, key: "shared" }),
    ];
    await world.time.until(() => calls.every(({ endedAtMs }) => endedAtMs !== null));
    expect(calls.map(({ answer }) => answer?.reply.status)).toEqual([201, 422]);
    expect(world.refundSubmissions).toEqual([]);
  });
});

describe("a refund whose answer is lost", () => {
  it("is found within the request, and told 201 to its key", async ({ expect }) => {
    const { world, paymentId } = await chargedThen("lose_reply_after_refunding");
    const reply = await world.refunded({ of: paymentId });
    expect(reply).toMatchObject({ status: 201, money: "refunded", replayed: false });
    await world.time.advance(1000);
    expect(typesOf(world)).toEqual([
      "refund_intended",
      "refund_answered",
      "polled",
      "status_changed",
      "refund_resolved",
    ]);
    const [, , , changed, resolved] = journalOf(world).slice(3);
    expect(changed).toMatchObject({ effectMinor: -5000, paymentStatus: "REFUNDED" });
    expect(resolved).toMatchObject({ outcome: "refunded", effectMinor: 0 });
    assertSound(world);
  });

  it("is found by a look at the history as well", async ({ expect }) => {
    const { world, paymentId } = await charged({ rules: { pollMs: [600_000] } });
    world.scenario({
      refunds: ["lose_reply_after_refunding"],
      reads: ["hang"],
      charges: ["lose_before_charging"],
    });
    expect((await world.refunded({ of: paymentId })).status).toBe(202);
    await world.charged({ key: "key-2", amountMinor: 700 });
    await world.time.advance(60_000);
    expect(refundsOf(world)).toMatchObject([{ state: "refunded", resolvedBy: "read" }]);
    assertSound(world);
  });

  it("is read for by a plain schedule, and an outage changes nothing in it", async ({ expect }) => {
    const { world, paymentId } = await chargedThen("lose_before_refunding");
    await world.refunded({ of: paymentId });
    world.outage("refuse");
    const reads = () => journalOf(world).filter(({ type }) => type === "polled").length;
    await world.time.advance(HOUR_MS);
    expect(reads()).toBe(6);
    await world.time.advance(DAY_MS);
    expect(reads()).toBeLessThan(6 + 25);
    world.outage("none");
    await world.time.advance(8 * DAY_MS);
    const before = reads();
    await world.time.advance(10 * DAY_MS);
    expect(reads() - before).toBeLessThan(11);
    expect(refundsOf(world)).toMatchObject([{ state: "in_doubt" }]);
    assertSound(world);
  });

  it.for([900_000, null])(
    "is asked for again by its own key once the horizon is over (%s ms), and not before",
    async (horizonMs, { expect }) => {
      const { world, paymentId } = await charged({ rules: { horizonMs } });
      world.scenario({ refunds: ["lose_before_refunding"] });
      expect((await world.refunded({ of: paymentId })).status).toBe(202);
      await world.time.advance(HORIZON_MS - 3000);
      const early = await world.refunded({ of: paymentId });
      expect(early).toMatchObject({ status: 202, money: "unknown", retry: "same_key" });
      expect(world.refundSubmissions).toHaveLength(1);
      await world.time.advance(1000 * (early.retryAfterSeconds ?? 0));
      // Nobody asks, and so nothing is sent.
      await world.time.advance(2 * DAY_MS);
      expect(refundsOf(world)).toMatchObject([{ state: "in_doubt" }]);
      expect(world.refundSubmissions).toHaveLength(1);
      const reply = await world.refunded({ of: paymentId });
      expect(reply).toMatchObject({ status: 201, replayed: false });
      await world.time.advance(1000);
      expect(typesOf(world).slice(-3)).toEqual(["polled", "refund_intended", "refund_answered"]);
      assertSound(world);
    },
  );

  it("says when another attempt is allowed, where that is sooner than the next read", async ({
    expect,
  }) => {
    const { world, paymentId } = await charged({ rules: { pollMs: [DAY_MS] } });
    world.scenario({ refunds: ["lose_before_refunding"] });
    const first = await world.refunded({ of: paymentId });
    expect(first).toMatchObject({ status: 202, retryAfterSeconds: HORIZON_MS / 1000 });
    await world.time.advance(HORIZON_MS / 2);
    for (const key of ["refund-1", "refund-2"]) {
      const { retryAfterSeconds } = await world.refunded({ of: paymentId, key });
      expect(retryAfterSeconds).toBe(HORIZON_MS / 2000);
    }
    await world.time.advance(HORIZON_MS / 2);
    expect(await world.refunded({ of: paymentId, key: "refund-2" })).toMatchObject({ status: 201 });
    await world.time.advance(1000);
    assertSound(world);
  });

  it("whose further attempt is lost as well keeps everybody out for the horizon again", async ({
    expect,
  }) => {
    const { world, paymentId } = await chargedThen(
      "lose_before_refunding",
      "lose_before_refunding",
    );
    await world.refunded({ of: paymentId });
    await world.time.advance(HORIZON_MS);
    expect((await world.refunded({ of: paymentId, key: "refund-2" })).status).toBe(202);
    await world.time.advance(HORIZON_MS - 60_000);
    expect((await world.refunded({ of: paymentId })).status).toBe(202);
    expect((await world.refunded({ of: paymentId, key: "refund-3" })).status).toBe(409);
    expect(world.refundSubmissions).toHaveLength(2);
    await world.time.advance(60_000);
    expect((await world.refunded({ of: paymentId })).status).toBe(201);
    expect(refundsOf(world).map(({ state }) => state)).toEqual(["refunded", "not_refunded"]);
    await world.time.advance(1000);
    assertSound(world);
  });

  it("and whose payment is neither CONFIRMED nor REFUNDED stays in doubt, and is not sent", async ({
    expect,
  }) => {
    const { world, paymentId } = await chargedThen("lose_before_refunding");
    await world.refunded({ of: paymentId });
    setStatus(world, paymentId, "CANCELLED");
    await world.time.advance(HOUR_MS);
    const reply = await world.refunded({ of: paymentId });
    expect(reply).toMatchObject({ status: 202, money: "unknown", retry: "same_key" });
    expect(reply.retryAfterSeconds).toBeGreaterThan(60);
    const other = await world.refunded({ of: paymentId, key: "refund-2" });
    expect(codeOf(other.body)).toBe("payment_not_refundable");
    expect(world.refundSubmissions).toHaveLength(1);
  });

  it("and cannot be read after the horizon stays in doubt, and says so", async ({ expect }) => {
    const { world, paymentId } = await chargedThen("lose_before_refunding");
    await world.refunded({ of: paymentId });
    await world.time.advance(HOUR_MS);
    world.outage("refuse");
    const own = await world.refunded({ of: paymentId });
    expect(own).toMatchObject({ status: 202, money: "unknown", retry: "same_key" });
    const other = await world.refunded({ of: paymentId, key: "refund-2" });
    expect(other).toMatchObject({ status: 503, money: "unknown", retry: "same_key" });
    expect(world.refundSubmissions).toHaveLength(1);
  });

  it("is a person's after a day, once, and open in the ledger until it is decided", async ({
    expect,
  }) => {
    const { world, paymentId } = await chargedThen(
      "lose_before_refunding",
      "lose_before_refunding",
    );
    const escalations = () => world.logged.filter(({ event }) => event === "refund_escalated");
    await world.refunded({ of: paymentId });
    await world.time.advance(DAY_MS - HOUR_MS);
    expect(escalations()).toEqual([]);
    // A further attempt begins no new day.
    await world.refunded({ of: paymentId });
    await world.time.advance(3 * HOUR_MS);
    expect(refundsOf(world)).toMatchObject([{ state: "in_doubt", escalated: true }]);
    const [{ refundId } = { refundId: "" }] = refundsOf(world);
    const open = () => [...world.ledger.openItems(world.paymentMethodId)];
    expect(open()).toEqual([[refundId, "in_doubt"]]);
    await world.time.advance(3 * DAY_MS);
    expect(escalations()).toHaveLength(1);
    expect((await world.refunded({ of: paymentId })).status).toBe(201);
    await world.time.advance(1000);
    expect(open()).toEqual([]);
    assertSound(world);
  });

  it("and was made late is told 201 to every key in doubt once a read shows it", async ({
    expect,
  }) => {
    const { world, paymentId } = await chargedThen(
      { kind: "late", refundAfterMs: 2 * HOUR_MS },
      "lose_before_refunding",
    );
    const calls = [world.refund({ of: paymentId, key: "own" })];
    await world.time.advance(HOUR_MS);
    calls.push(world.refund({ of: paymentId, key: "other" }));
    await world.time.advance(5 * HOUR_MS);
    calls.push(
      world.refund({ of: paymentId, key: "own" }),
      world.refund({ of: paymentId, key: "other" }),
      world.refund({ of: paymentId, key: "third" }),
    );
    await world.time.advance(60_000);
    const replies = calls.map(({ answer }) => answer?.reply.status);
    expect(replies).toEqual([202, 202, 201, 201, 400]);
    assertSound(world, calls);
  });

  it("and was then made by another key is not refunded, and its own repeat is told so", async ({
    expect,
  }) => {
    const { world, paymentId } = await chargedThen("lose_before_refunding");
    const calls = [world.refund({ of: paymentId, key: "own" })];
    await world.time.advance(HOUR_MS);
    calls.push(world.refund({ of: paymentId, key: "other" }));
    await world.time.advance(60_000);
    expect(refundsOf(world)).toMatchObject([
      { state: "not_refunded", resolvedBy: "rule" },
      { state: "refunded" },
    ]);
    calls.push(world.refund({ of: paymentId, key: "own" }));
    await world.time.advance(60_000);
    expect(calls.map(({ answer }) => answer?.reply.status)).toEqual([202, 201, 400]);
    assertSound(world, calls);
  });

  it("and turns out made when another key is refused is the older key's", async ({ expect }) => {
    const { world, paymentId } = await chargedThen("lose_before_refunding", {
      kind: "error_after_refunding",
      status: 400,
    });
    await world.refunded({ of: paymentId, key: "own" });
    await world.time.advance(HOUR_MS);
    const other = await world.refunded({ of: paymentId, key: "other" });
    expect(other).toMatchObject({ status: 400, money: "refunded", retry: "never" });
    expect(await world.refunded({ of: paymentId, key: "own" })).toMatchObject({ status: 201 });
    await world.time.advance(1000);
    const [, refused, resolved] = journalOf(world).slice(-4);
    expect(refused).toMatchObject({ type: "refund_answered", outcome: "refused" });
    expect(resolved).toMatchObject({ type: "refund_resolved", outcome: "refunded" });
  });

  it("is not settled by a read that began before it was sent", async ({ expect }) => {
    const { world, paymentId } = await charged();
    setStatus(world, paymentId, "REFUNDED");
    world.scenario({ reads: [{ kind: "ok", latencyMs: 15_000 }] });
    world.send(readPaymentCommand(paymentId));
    await world.time.advance(1000);
    // Harmony takes it back while that read is on its way.
    setStatus(world, paymentId, "CONFIRMED");
    world.scenario({ refunds: ["lose_before_refunding"] });
    world.refund({ of: paymentId });
    await world.time.advance(60_000);
    expect(refundsOf(world)).toMatchObject([{ state: "in_doubt" }]);
  });
});

describe("a refund that Harmony took back", () => {
  it.for(["ours", "of others"])(
    "is read by a new key, and refunded again: %s",
    async (whose, { expect }) => {
      const { world, paymentId } = whose === "ours" ? await charged() : ofOthers();
      await world.refunded({ of: paymentId, key: "first" });
      setStatus(world, paymentId, "CONFIRMED");
      const again = await world.refunded({ of: paymentId, key: "second" });
      expect(again).toMatchObject({ status: 201, money: "refunded" });
      expect(world.refundSubmissions).toHaveLength(2);
      await world.time.advance(1000);
      assertSound(world);
    },
  );

  it("is lost on its second way, and a read of before does not end that", async ({ expect }) => {
    const { world, paymentId } = await charged();
    await world.refunded({ of: paymentId, key: "first" });
    setStatus(world, paymentId, "CONFIRMED");
    world.scenario({ refunds: ["lose_before_refunding"] });
    const second = await world.refunded({ of: paymentId, key: "second" });
    expect(second).toMatchObject({ status: 202, money: "unknown" });
    await world.time.advance(HOUR_MS);
    expect(refundsOf(world)[1]).toMatchObject({ state: "in_doubt" });
    expect(await world.refunded({ of: paymentId, key: "second" })).toMatchObject({ status: 201 });
    await world.time.advance(1000);
    assertSound(world);
  });

  it("is found by a look at the history once it is made again", async ({ expect }) => {
    const { world, paymentId } = await charged({ rules: { pollMs: [DAY_MS] } });
    await world.refunded({ of: paymentId, key: "first" });
    setStatus(world, paymentId, "CONFIRMED");
    world.scenario({
      refunds: ["lose_reply_after_refunding"],
      reads: ["ok", "hang"],
      charges: ["lose_before_charging"],
    });
    expect((await world.refunded({ of: paymentId, key: "second" })).status).toBe(202);
    await world.charged({ key: "key-2", amountMinor: 700 });
    await world.time.advance(60_000);
    expect(refundsOf(world)).toMatchObject([{ state: "refunded" }, { state: "refunded" }]);
    assertSound(world);
  });

  it("of others tells its key that what became of it is unknown", async ({ expect }) => {
    const { world, paymentId } = ofOthers();
    const first = await world.refunded({ of: paymentId, key: "first" });
    setStatus(world, paymentId, "CONFIRMED");
    await world.time.until(() => true);
    const read = world.send(readPaymentCommand(paymentId));
    await world.time.until(() => read.endedAtMs !== null);
    const now = await world.refunded({ of: paymentId, key: "first" });
    expect(now).toMatchObject({
      status: 201,
      body: first.body,
      money: "unknown",
      retry: "new_key",
    });
  });
});

describe("a refund that cannot be sent now", () => {
  it("is told so while the method is halted", async ({ expect }) => {
    const { world, paymentId } = await charged();
    world.storage.sql.exec("UPDATE method SET halted = 'a fork'").toArray();
    world.kill();
    const reply = await world.refunded({ of: paymentId });
    expect(reply).toMatchObject({ status: 503, money: "unknown", retry: "same_key" });
    expect(codeOf(reply.body)).toBe("halted");
    expect(world.refundSubmissions).toEqual([]);
  });

  it("is told busy where too many wait, with the payment's money as it is", async ({ expect }) => {
    const { world, paymentId } = await charged();
    world.scenario({ charges: [{ kind: "approve", latencyMs: 15_000 }] });
    world.charge({ key: "slow" });
    const calls = Array.from({ length: 140 }, (_, index) =>
      world.refund({ of: paymentId, key: `refund-${index}`, waitMs: 1000 }),
    );
    await world.time.advance(30_000);
    const busy = calls.filter(({ answer }) => answer?.reply.status === 429);
    expect(busy).toHaveLength(140);
    for (const { answer } of busy) {
      expect(answer?.reply).toMatchObject({ money: "charged", retry: "same_key" });
      expect(codeOf(answer?.reply.body ?? "")).toBe("payment_method_busy");
    }
    expect(world.refundSubmissions).toEqual([]);
    assertSound(world, calls);
  });

  it("waits behind the charges of its method", async ({ expect }) => {
    const { world, paymentId } = await charged();
    world.scenario({ charges: [{ kind: "approve", latencyMs: 5000 }] });
    const calls = [world.charge({ key: "slow" }), world.refund({ of: paymentId })];
    await world.time.advance(3000);
    expect(world.refundSubmissions).toEqual([]);
    await world.time.until(() => calls.every(({ endedAtMs }) => endedAtMs !== null));
    expect(calls.map(({ answer }) => answer?.reply.status)).toEqual([201, 201]);
  });

  it("is sent while a charge of its method is in doubt: that freezes charges alone", async ({
    expect,
  }) => {
    const { world, paymentId } = await charged();
    world.scenario({ charges: ["lose_before_charging"] });
    expect(await world.charged({ key: "lost" })).toMatchObject({ status: 202 });
    expect(await world.refunded({ of: paymentId })).toMatchObject({ status: 201 });
  });
});

describe("a method from before there were refunds, and a table of attempts", () => {
  it("keeps its charges and takes refunds", async ({ expect }) => {
    const { world, paymentId } = await charged();
    await world.time.advance(60_000);
    world.kill();
    for (const table of ["refund", "attempt"]) {
      world.storage.sql.exec(`DROP TABLE ${table}`).toArray();
    }
    for (const column of [
      "looked_at_ms",
      "looked_seq",
      "inactive",
      "created_at_ms",
      "unreadable",
    ]) {
      world.storage.sql.exec(`ALTER TABLE method DROP COLUMN ${column}`).toArray();
    }
    world.storage.sql.exec("UPDATE schema_version SET version = 1").toArray();
    expect(await world.refunded({ of: paymentId })).toMatchObject({ status: 201 });
    expect(await world.charged(CHARGE)).toMatchObject({ status: 201, money: "refunded" });
    await world.time.advance(1000);
    assertSound(world);
  });

  it("whose refund was called not refunded by earlier code reads late no more, and asks again", async ({
    expect,
  }) => {
    const { world, paymentId } = await chargedThen("lose_before_refunding");
    await world.refunded({ of: paymentId });
    asEarlierCode(world, { state: "not_refunded", resolvedBy: "rule", lateReads: 1 });
    const polls = () => journalOf(world).filter(({ type }) => type === "polled").length;
    const before = polls();
    await world.time.advance(2 * DAY_MS);
    expect(polls()).toBe(before);
    expect(await world.refunded({ of: paymentId })).toMatchObject({ status: 201 });
    await world.time.advance(1000);
    assertSound(world);
  });

  it.for(["made late", "not made"])(
    "whose refund was left in doubt by earlier code goes on: %s",
    async (how, { expect }) => {
      const { world, paymentId } = await chargedThen("lose_before_refunding");
      await world.refunded({ of: paymentId });
      asEarlierCode(world, { state: "in_doubt", escalated: true, lateReads: 0 });
      if (how === "made late") {
        setStatus(world, paymentId, "REFUNDED");
      }
      await world.time.advance(HORIZON_MS);
      const submissions = how === "made late" ? 1 : 2;
      expect(await world.refunded({ of: paymentId })).toMatchObject({ status: 201 });
      expect(world.refundSubmissions).toHaveLength(submissions);
      await world.time.advance(1000);
      expect(refundsOf(world)).toMatchObject([{ state: "refunded", nextRead: null }]);
      assertSound(world);
    },
  );

  it("whose refund is of a state that this code does not know sends nothing", async ({
    expect,
  }) => {
    const { world, paymentId } = await charged();
    await world.refunded({ of: paymentId });
    world.storage.sql.exec(`UPDATE refund SET body = replace(body, '"refunded"', '"reversed"')`);
    const reply = await world.refunded({ of: paymentId });
    expect(reply).toMatchObject({ status: 503, money: "unknown" });
    expect(world.refundSubmissions).toHaveLength(1);
  });
});

describe("what Harmony refuses", () => {
  it.for([
    [429, "upstream_unavailable", 503],
    [401, "upstream_unauthorized", 502],
    [404, "payment_not_found", 404],
  ] as const)(
    "with %d is %s, binds nothing and may be sent again",
    async ([status, code, told], { expect }) => {
      const { world, paymentId } = await chargedThen({ kind: "refuse", status });
      const reply = await world.refunded({ of: paymentId });
      expect(reply).toMatchObject({ status: told, money: "charged", replayed: false });
      expect(codeOf(reply.body)).toBe(code);
      await world.time.advance((reply.retryAfterSeconds ?? 0) * 1000);
      expect(await world.refunded({ of: paymentId })).toMatchObject({
        status: 201,
        replayed: false,
      });
      await world.time.advance(1000);
      assertSound(world);
    },
  );

  it("while the payment cannot be read says nothing of the money, and is asked again", async ({
    expect,
  }) => {
    const { world, paymentId } = await charged();
    world.scenario({ refunds: [{ kind: "decline", as: 400 }], reads: [{ kind: "error" }] });
    const reply = await world.refunded({ of: paymentId });
    expect(reply).toMatchObject({ status: 503, money: "unknown" });
    expect(await world.refunded({ of: paymentId })).toMatchObject({ status: 201 });
  });

  it("after an unanswered attempt of the same key is done, if the payment is REFUNDED", async ({
    expect,
  }) => {
    const { world, paymentId } = await chargedThen("lose_before_refunding", {
      kind: "error_after_refunding",
      status: 400,
    });
    await world.refunded({ of: paymentId });
    await world.time.advance(2 * DAY_MS);
    expect(await world.refunded({ of: paymentId })).toMatchObject({
      status: 201,
      money: "refunded",
    });
    await world.time.advance(1000);
    assertSound(world);
  });

  it("a second time, while the payment stays CONFIRMED, ends no doubt about the first", async ({
    expect,
  }) => {
    const { world, paymentId } = await chargedThen("lose_before_refunding", {
      kind: "decline",
      as: 400,
    });
    await world.refunded({ of: paymentId });
    await world.time.advance(2 * DAY_MS);
    const reply = await world.refunded({ of: paymentId });
    expect(reply).toMatchObject({ status: 202, money: "unknown", retry: "same_key" });
    // That attempt was answered: it keeps nobody out.
    expect(await world.refunded({ of: paymentId })).toMatchObject({ status: 201 });
  });

  it("so late that the payment's read outlasts the alarm's guard leaves the alarm in peace", async ({
    expect,
  }) => {
    const { world, paymentId } = await charged();
    world.scenario({
      refunds: [{ kind: "decline", as: 400, latencyMs: 18_000 }],
      reads: [{ kind: "hang" }],
    });
    let turns = 0;
    world.crash = () => {
      turns += 1;
      return null;
    };
    world.refund({ of: paymentId });
    await world.time.advance(60_000);
    expect(turns).toBeLessThan(15);
  });

  it("outright is bound to the key", async ({ expect }) => {
    const { world, paymentId } = await chargedThen({ kind: "decline", as: 400 });
    const reply = await world.refunded({ of: paymentId });
    expect(reply).toMatchObject({ status: 400, money: "charged", retry: "new_key" });
    expect((await world.refunded({ of: paymentId })).body).toBe(reply.body);
    expect(await world.refunded({ of: paymentId, key: "refund-2" })).toMatchObject({ status: 201 });
    await world.time.advance(1000);
    assertSound(world);
  });
});

describe("whatever Harmony does to a refund", () => {
  it.for(Object.keys(actKinds.refund))(
    "as %s, book and ledger end equal and the key gets its refund",
    async (kind, { expect }) => {
      const { world, paymentId } = await chargedThen(kind as RefundStep);
      // A payment that `approve_with_known_id` can name.
      await world.charged({ key: "key-2", description: "for key-2 of a shop" });
      const calls = [world.refund({ of: paymentId })];
      await world.time.advance(2 * DAY_MS);
      assertSound(world, calls);
      assertRefundsKnown(world);
      assertRefundsSettled(world);
      const last = await world.refunded({ of: paymentId });
      const declined = kind === "refuse" || kind === "decline";
      expect([last.status, last.money]).toEqual(
        last.status === 400 && declined ? [400, "charged"] : [201, "refunded"],
      );
      expect((await world.refunded({ of: paymentId })).body).toBe(last.body);
      await world.time.advance(1000);
      assertSound(world, calls);
      assertRefundsKnown(world);
    },
  );
});
