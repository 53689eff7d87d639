/** What callers are told, what is read and who is asked while Harmony contradicts the books; on virtual time. */
import { describe, it } from "vitest";
import type { PaymentStatus } from "../../sandbox/kinds.ts";
import type { ReadPaymentCommand } from "../../src/payment-method/commands.ts";
import { METHOD_ID, World } from "../support/fake-host.ts";
import { itWas, itWasNot, resolveCommand } from "../support/method-commands.ts";
import { assertDelivered, assertTrueToTheBook, journalOf } from "./promises.ts";

const CHARGE = { key: "key-1", description: "for key-1 of a shop" };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const UNKNOWN = { status: 201, money: "unknown", retry: "same_key" };

/** 50 pesos were charged, an hour passed, and Harmony says something else of the payment now. */
async function charged(change: { status?: PaymentStatus; amountMinor?: number }) {
  const world = new World();
  const { body, chargeId } = await world.charged(CHARGE);
  const { id: paymentId } = JSON.parse(body) as { id: string };
  await world.time.advance(HOUR_MS);
  say(world, paymentId, change);
  return { world, paymentId, chargeId };
}

function say(
  world: World,
  paymentId: string,
  { status, amountMinor }: { status?: PaymentStatus; amountMinor?: number },
): void {
  const payment = world.sandbox.book.payment(paymentId);
  if (payment === undefined) {
    throw new Error(`there is no payment ${paymentId}`);
  }
  payment.amountMinor = amountMinor ?? payment.amountMinor;
  world.sandbox.book.setPaymentStatus(payment, status ?? payment.status);
}

/** A caller's GET of the payment. */
async function read(world: World, id: string): Promise<void> {
  const actor = { caller: "main", keyId: "test", requestId: null, traceId: null, origin: null };
  const command: ReadPaymentCommand = {
    v: 1,
    type: "read_payment",
    paymentMethodId: METHOD_ID,
    caller: "main",
    id,
    actor,
  };
  const call = world.send(command);
  await world.time.until(() => call.endedAtMs !== null);
}

async function decided(world: World, ...decision: Parameters<typeof resolveCommand>) {
  const call = world.send(resolveCommand(...decision));
  await world.time.until(() => call.endedAtMs !== null);
  return call.answer?.reply;
}

const typesOf = (world: World) => journalOf(world).map(({ type }) => type);
const contestsOf = (world: World) =>
  journalOf(world)
    .filter(({ type }) => type === "payment_contested")
    .map(({ detail }) => detail?.["reason"]);

const alertsOf = (world: World) =>
  world.logged.filter(({ level }) => level === "alert").map(({ event }) => event);

describe("a payment that Harmony contradicts", () => {
  it.for([
    ["another status", { status: "CANCELLED" }],
    ["a status that was over", { status: "PENDING" }],
    ["another amount", { amountMinor: 4000 }],
  ] as const)("is told unknown from the first read on: %s", async ([, change], { expect }) => {
    const { world, paymentId } = await charged(change);
    expect(await world.charged(CHARGE)).toMatchObject({ status: 201, money: "charged" });
    await read(world, paymentId);
    expect(await world.charged(CHARGE)).toMatchObject(UNKNOWN);
    expect(typesOf(world).slice(-2)).toEqual(["polled", "contradiction_found"]);
    expect(contestsOf(world)).toEqual([]);
    expect(alertsOf(world)).toEqual([]);
  });

  it("is put to a person once a read repeats it a minute later", async ({ expect }) => {
    const { world, paymentId } = await charged({ status: "CANCELLED" });
    await read(world, paymentId);
    await world.time.advance(MINUTE_MS - 1000);
    await read(world, paymentId);
    expect(contestsOf(world)).toEqual([]);
    await world.time.advance(2 * MINUTE_MS);
    expect(contestsOf(world)).toEqual(["contradicts_the_books"]);
    expect(alertsOf(world)).toEqual(["payment_contested"]);
    expect(await world.charged(CHARGE)).toMatchObject(UNKNOWN);
    expect(typesOf(world).filter((type) => type === "contradiction_found")).toHaveLength(1);
    assertDelivered(world);
  });

  it.for([1, 90])(
    "is known again once a read agrees with the books, after %d s",
    async (seconds, { expect }) => {
      const { world, paymentId } = await charged({ status: "CANCELLED" });
      await read(world, paymentId);
      await world.time.advance(seconds * 1000);
      say(world, paymentId, { status: "CONFIRMED" });
      await read(world, paymentId);
      expect(await world.charged(CHARGE)).toMatchObject({ status: 201, money: "charged" });
      await world.time.advance(1000);
      const [contested, ended] = ["payment_contested", "contest_ended"].map(
        (type) => typesOf(world).filter((one) => one === type).length,
      );
      expect(ended).toBe(contested);
      assertTrueToTheBook(world, journalOf(world));
    },
  );

  it("is read by itself, and a replica's lag of seconds asks nobody", async ({ expect }) => {
    const { world, paymentId } = await charged({ status: "CANCELLED" });
    await read(world, paymentId);
    say(world, paymentId, { status: "CONFIRMED" });
    await world.time.advance(2 * MINUTE_MS);
    expect(await world.charged(CHARGE)).toMatchObject({ status: 201, money: "charged" });
    expect(contestsOf(world)).toEqual([]);
  });

  it("is not refunded on the CONFIRMED of before", async ({ expect }) => {
    const { world, paymentId } = await charged({ status: "CANCELLED" });
    await read(world, paymentId);
    expect(await world.refunded({ of: paymentId })).toMatchObject({
      status: 400,
      money: "unknown",
    });
    expect(world.refundSubmissions).toEqual([]);
    say(world, paymentId, { status: "CONFIRMED" });
    expect(await world.refunded({ of: paymentId, key: "refund-2" })).toMatchObject({
      status: 201,
      money: "refunded",
    });
  });

  it("is what a person says of it, until Harmony says something else", async ({ expect }) => {
    const { world, paymentId, chargeId } = await charged({ status: "CANCELLED" });
    await read(world, paymentId);
    await world.time.advance(2 * MINUTE_MS);
    expect(await decided(world, chargeId, itWasNot())).toMatchObject({ status: 409 });
    expect(await decided(world, chargeId, itWasNot(true))).toMatchObject({ status: 200 });
    expect(await world.charged(CHARGE)).toMatchObject({ status: 201, money: "refunded" });
    const last = journalOf(world).filter(({ type }) => type === "status_changed");
    expect(last).toMatchObject([{ paymentStatus: "CANCELLED", effectMinor: -5000 }]);
    await world.time.advance(HOUR_MS);
    assertTrueToTheBook(world, journalOf(world));
  });

  it("stays charged where a person vouches for it, whatever Harmony repeats", async ({
    expect,
  }) => {
    const { world, paymentId, chargeId } = await charged({ status: "PENDING" });
    await read(world, paymentId);
    await world.time.advance(2 * MINUTE_MS);
    expect(await decided(world, chargeId, itWas(paymentId))).toMatchObject({ status: 200 });
    await read(world, paymentId);
    expect(await world.charged(CHARGE)).toMatchObject({ status: 201, money: "charged" });
    expect(contestsOf(world)).toHaveLength(1);
    say(world, paymentId, { status: "CANCELLED" });
    await read(world, paymentId);
    expect(await world.charged(CHARGE)).toMatchObject(UNKNOWN);
  });

  it("was noted by earlier code without a time: that is no news", async ({ expect }) => {
    const { world, paymentId } = await charged({});
    const said = "CANCELLED 5000 MXN";
    const [row] = world.storage.sql
      .exec("SELECT body FROM payment WHERE payment_id = ?", paymentId)
      .toArray();
    const body = JSON.stringify({
      ...(JSON.parse(String(row?.["body"])) as object),
      contradicted: said,
    });
    world.storage.sql.exec("UPDATE payment SET body = ?", body).toArray();
    world.kill();
    expect(await world.charged(CHARGE)).toMatchObject({ status: 201, money: "charged" });
  });
});

describe("a charge whose refund is in doubt", () => {
  it("is told unknown, though its payment was confirmed", async ({ expect }) => {
    const { world, paymentId } = await charged({});
    world.scenario({ refunds: [{ kind: "late", refundAfterMs: 40_000 }] });
    expect(await world.refunded({ of: paymentId })).toMatchObject({
      status: 202,
      money: "unknown",
    });
    expect(await world.charged(CHARGE)).toMatchObject(UNKNOWN);
    await world.time.advance(MINUTE_MS);
    expect(await world.charged(CHARGE)).toMatchObject({ money: "refunded", retry: "never" });
  });
});
