/** What a no is worth once more is shown: under way again, beside clocks, reads that hang, and others. */
import { describe, it } from "vitest";
import { METHOD_ID, type World } from "../support/fake-host.ts";
import { HOUR_MS, MINUTE_MS, ready, taken } from "./histories.ts";
import { journalOf } from "./promises.ts";

const DECLINED = { charges: [{ kind: "decline" as const, as: "cancelled" as const }] };

function cancelledOf(world: World) {
  const [payment] = world.sandbox.book
    .paymentsOf(METHOD_ID)
    .filter(({ status }) => status === "CANCELLED");
  if (payment === undefined) {
    throw new Error("nothing was cancelled");
  }
  return payment;
}

describe("a cancelled payment", () => {
  it("that is under way again holds a second charge back, and is known when it is paid", async ({
    expect,
  }) => {
    const world = await ready(DECLINED);
    expect(await world.charged()).toMatchObject({ money: "not_charged", retry: "new_key" });
    await world.time.advance(MINUTE_MS);
    const payment = cancelledOf(world);
    world.sandbox.book.setPaymentStatus(payment, "PENDING");
    expect(await world.charged({ key: "key-2" })).toMatchObject({ status: 409, retry: "never" });
    expect(await world.charged()).toMatchObject({ money: "pending" });
    world.sandbox.book.setPaymentStatus(payment, "CONFIRMED");
    await world.time.advance(24 * HOUR_MS);
    expect(await world.charged()).toMatchObject({ money: "charged" });
    expect(taken(world)).toHaveLength(1);
  });

  it("is read once a horizon, not in circles, until a clock that went back has caught up", async ({
    expect,
  }) => {
    const world = await ready(DECLINED);
    await world.charged();
    await world.time.advance(MINUTE_MS);
    world.jumpClock(-HOUR_MS);
    await world.charged({ key: "other", amountMinor: 700 });
    await world.time.advance(3 * HOUR_MS);
    const polls = journalOf(world).filter(({ type }) => type === "polled");
    expect(polls.length).toBeGreaterThan(0);
    expect(polls.length).toBeLessThanOrEqual(6);
    await world.time.advance(24 * HOUR_MS);
    const later = journalOf(world).filter(({ type }) => type === "polled");
    expect(later).toHaveLength(polls.length);
  });

  it("beside one that may be a refusal's does not answer a read of the charge", async ({
    expect,
  }) => {
    const refused = {
      kind: "refuse_leaving_payments" as const,
      status: 402,
      leaves: ["CONFIRMED" as const, "CANCELLED" as const],
      names: "made" as const,
    };
    const world = await ready({ charges: [refused] }, { tag: false });
    const { chargeId, money } = await world.charged();
    expect(money).toBe("unknown");
    const call = world.send({
      v: 1,
      type: "read_payment",
      paymentMethodId: METHOD_ID,
      caller: "main",
      id: chargeId ?? "",
      actor: { caller: "main", keyId: "test", requestId: null, traceId: null, origin: null },
    });
    await world.time.until(() => call.endedAtMs !== null);
    expect(JSON.parse(call.answer?.reply.body ?? "")).toMatchObject({
      id: chargeId,
      status: "PENDING",
    });
  });
});

describe("a refusal that has charged", () => {
  it("is found by its look though the read of what it named hangs", async ({ expect }) => {
    const refused = {
      kind: "refuse_leaving_payments" as const,
      status: 402,
      names: "request_id" as const,
    };
    const world = await ready({ charges: [refused], history: { fields: "full" } });
    world.outage("hang", ["read"]);
    expect(await world.charged()).toMatchObject({ money: "charged" });
  });
});

describe("a charge that was told no", () => {
  it("is told what this very look has found of it, whatever it has found beside", async ({
    expect,
  }) => {
    const kind = "refuse_leaving_payments" as const;
    const world = await ready({
      charges: [
        { kind, status: 402, leaves: [] },
        { kind, status: 429, shownAfterMs: 30_000 },
      ],
      history: { fields: "full" },
    });
    await world.charged({ key: "A", caller: "shop" });
    await world.charged({ key: "B" });
    await world.time.advance(MINUTE_MS);
    world.foreignPayment(50);
    await world.time.advance(1000);
    expect(await world.charged({ key: "B" })).toMatchObject({ status: 201, money: "charged" });
  });

  it("frees its card once the number in its error is none, without waiting for an hourly look", async ({
    expect,
  }) => {
    const kind = "refuse_leaving_payments" as const;
    const world = await ready({
      charges: [{ kind, status: 502, names: "request_id", leaves: [] }],
    });
    await world.charged();
    await world.time.advance(30 * MINUTE_MS);
    expect(await world.charged({ key: "other", amountMinor: 700 })).toMatchObject({ status: 201 });
  });
});
