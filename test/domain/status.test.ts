/** What a read of a payment means, and a status seen again: given, when, then. Pure. */
import { describe, it } from "vitest";
import { attemptOf, chargeOf, judgedOf, recordOf, seenOf, T0 } from "./builders.ts";
import { HOUR_MS } from "./said.ts";
import { effectOf, looked, polled } from "./steps.ts";

describe("a poll", () => {
  const named = attemptOf({ namedPaymentId: "payment-1" });
  const doubting = chargeOf({ attempts: [named], nextPoll: { atMs: T0, gapMs: 2000 } });

  it("adopts the payment that the reply named, if it is what was asked", ({ expect }) => {
    const { draft, types, charge } = polled({ charges: [doubting] });
    expect(types).toEqual(["polled", "payment_adopted", "method_unfrozen"]);
    expect(charge).toMatchObject({ state: "approved" });
    expect(effectOf(draft)).toBe(5000);
  });

  it("goes to a person where the named payment differs", ({ expect }) => {
    const { draft, types, charge } = polled(
      { charges: [doubting] },
      { seen: seenOf({ amountMinor: 5100 }) },
    );
    expect(types).toEqual(["polled", "payment_contested", "charge_escalated"]);
    expect(draft.noted[1]?.fact).toMatchObject({ reason: "named_payment_differs" });
    expect(charge).toMatchObject({ state: "in_doubt", contested: ["payment-1"] });
  });

  it("adopts it whatever its status: the reply itself said which one it is", ({ expect }) => {
    for (const [status, state] of [
      ["CANCELLED", "declined"],
      ["REFUNDED", "approved"],
      ["UNDER_REVIEW", "pending"],
    ] as const) {
      const { types, charge } = polled({ charges: [doubting] }, { seen: seenOf({ status }) });
      expect(types).toEqual(["polled", "payment_adopted", "method_unfrozen"]);
      expect(charge).toMatchObject({ state, payment: { status } });
    }
  });

  it("gives nobody a payment that no reply named: the next look is now", ({ expect }) => {
    const { draft, types, charge } = polled({ charges: [chargeOf()], nowMs: T0 + 77 });
    expect(types).toEqual(["polled"]);
    expect(charge).toMatchObject({ state: "in_doubt", nextLook: { atMs: T0 + 77, gapMs: 0 } });
    expect(draft.payments.get("payment-1")).toMatchObject({ read: true, listedSeq: null });
    expect([...draft.changedCharges]).toEqual(["charge-1"]);
  });

  it("moves no look where it shows what is on the books, or what fits no attempt", ({ expect }) => {
    const { nextLook } = chargeOf();
    const known = polled({ charges: [chargeOf()], payments: [recordOf()], nowMs: T0 + 77 });
    expect(known.charge?.nextLook).toEqual(nextLook);
    for (const seen of [seenOf({ amountMinor: 1 }), seenOf({ currency: "USD" })]) {
      expect(polled({ charges: [chargeOf()] }, { seen }).charge?.nextLook).toEqual(nextLook);
    }
  });

  it("judges what a reply to a charge named that is closed by now: it is late truth", ({
    expect,
  }) => {
    const closed = { ...doubting, state: "not_charged", doubt: null, nextLook: null } as const;
    const { draft, types, charge } = polled({ charges: [closed] });
    expect(types).toEqual(["polled", "late_truth_found"]);
    expect(draft.noted[1]?.fact).toMatchObject({ as: "payment", attempt: 1 });
    expect(charge).toMatchObject({ state: "approved" });
  });

  it("is no judgement while an attempt is in flight", ({ expect }) => {
    const attempts = [judgedOf({ chargeId: "c2", outcome: null, intentSeq: 20 })];
    const { types, charge } = polled({ charges: [doubting], attempts });
    expect(types).toEqual(["polled"]);
    expect(charge).toMatchObject({ state: "in_doubt", nextPoll: { gapMs: 5000 } });
  });

  it("that shows another charge's payment under the name goes to a person", ({ expect }) => {
    const payments = [recordOf({ chargeId: "c2" })];
    const payment = { id: "payment-1", status: "CONFIRMED", amountMinor: 5000, currency: "MXN" };
    const other = chargeOf({ chargeId: "c2", state: "approved", payment, doubt: null });
    const given = { charges: [doubting, other], payments };
    const { draft, types } = polled(given, { askedFor: "charge-1" });
    expect(types).toEqual(["polled", "charge_escalated"]);
    expect(draft.noted[1]?.fact).toMatchObject({
      chargeId: "charge-1",
      reason: "named_payment_is_another_charges",
      candidates: ["payment-1"],
    });
  });

  it("without an answer changes nothing but when to ask next", ({ expect }) => {
    const { types, charge } = polled({ charges: [doubting] }, { seen: null, failure: "timeout" });
    expect(types).toEqual(["polled"]);
    expect(charge).toMatchObject({ state: "in_doubt", polls: 1, nextPoll: { gapMs: 5000 } });
  });

  it("keeps looking for an earlier attempt that the named payment does not explain", ({
    expect,
  }) => {
    const attempts = [attemptOf(), { ...named, attempt: 2, intentSeq: 15 }];
    const { charge } = polled({ charges: [{ ...doubting, attempts }] });
    expect(charge).toMatchObject({ state: "approved", nextLook: { gapMs: HOUR_MS } });
  });
});

describe("a status seen again", () => {
  const owned = (status: string) => {
    const payment = { id: "payment-1", status, amountMinor: 5000, currency: "MXN" };
    const state =
      status === "CANCELLED" ? "declined" : status === "PENDING" ? "pending" : "approved";
    const charge = chargeOf({
      state,
      payment,
      doubt: null,
      nextLook: null,
      attempts: [attemptOf({ explainedBy: "payment-1" })],
    });
    return { charges: [charge], payments: [recordOf({ status, chargeId: "charge-1" })] };
  };

  it.for([
    ["PENDING", "CONFIRMED", "status_changed", "approved", 5000],
    ["PENDING", "CANCELLED", "status_changed", "declined", 0],
    ["PENDING", "REFUNDED", "status_changed", "approved", 0],
    ["CONFIRMED", "REFUNDED", "status_changed", "approved", -5000],
    ["CONFIRMED", "CANCELLED", "contradiction_found", "approved", 0],
    ["CANCELLED", "CONFIRMED", "late_truth_found", "approved", 5000],
    ["CONFIRMED", "PENDING", "contradiction_found", "approved", 0],
    ["REFUNDED", "CONFIRMED", "contradiction_found", "approved", 0],
    ["CANCELLED", "PENDING", "late_truth_found", "pending", 0],
    ["CONFIRMED", "UNDER_REVIEW", "contradiction_found", "approved", 0],
  ] as const)(
    "that goes from %s to %s is %s: %s, %d",
    ([from, to, type, state, effect], { expect }) => {
      for (const see of [
        () => polled(owned(from), { seen: seenOf({ status: to }) }),
        () => looked(owned(from), { payments: [seenOf({ status: to })] }, "baseline", null),
      ]) {
        const { draft, types, charge } = see();
        expect(types.slice(1)).toEqual([type]);
        expect(charge?.state).toBe(state);
        expect(effectOf(draft)).toBe(effect);
      }
    },
  );

  it("contradicts where the amount moved with it, forward or back to life", ({ expect }) => {
    for (const [from, to] of [
      ["PENDING", "CONFIRMED"],
      ["CONFIRMED", "REFUNDED"],
      ["CANCELLED", "CONFIRMED"],
    ] as const) {
      for (const change of [{ amountMinor: 4000 }, { currency: "USD" }]) {
        const { types } = polled(owned(from), { seen: seenOf({ status: to, ...change }) });
        expect(types).toEqual(["polled", "contradiction_found"]);
      }
    }
  });

  it("contradicts where amount or currency moved, and says so once", ({ expect }) => {
    const seen = seenOf({ amountMinor: 4000 });
    const first = polled(owned("CONFIRMED"), { seen });
    expect(first.types).toEqual(["polled", "contradiction_found"]);
    const charges = [...first.draft.charges.values()];
    const payments = [...first.draft.payments.values()];
    expect(polled({ charges, payments }, { seen }).types).toEqual(["polled"]);
    expect(effectOf(first.draft)).toBe(0);
  });

  it("is no news where nothing moved", ({ expect }) => {
    expect(polled(owned("CONFIRMED")).types).toEqual(["polled"]);
  });
});
