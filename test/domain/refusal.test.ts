/** What becomes of a refusal, by a look or by a person, and when a no was last told. Pure. */
import { describe, it } from "vitest";
import { type Attempt, type Charge, isFreezing, isRefusalOpen } from "../../src/domain/charge.ts";
import { applyRefusal } from "../../src/domain/contest.ts";
import { evolve } from "../../src/domain/evolve.ts";
import type { Fact } from "../../src/domain/facts.ts";
import { resolve } from "../../src/domain/resolve.ts";
import { newDoubt } from "../../src/domain/schedule.ts";
import {
  attemptOf,
  chargeOf,
  draftOf,
  recordOf,
  refusedOf,
  reportOf,
  seenOf,
  T0,
} from "./builders.ts";
import { HOUR_MS } from "./said.ts";
import { effectOf, looked, polled } from "./steps.ts";
import { moneyOf } from "./known.ts";

const HORIZON_MS = 900_000;
const CANCELLED = { id: "payment-1", status: "CANCELLED", amountMinor: 5000, currency: "MXN" };

/** A charge that Harmony has refused and no look has been made of. */
function refused(attempt: Partial<Attempt> = {}, change: Partial<Charge> = {}): Charge {
  return chargeOf({ attempts: [refusedOf(attempt)], ...change });
}

describe("a refusal", () => {
  it("stands once a complete look shows nothing against it, its 402 bound", ({ expect }) => {
    const { draft, types, charge } = looked({ charges: [refused()] });
    expect(types).toEqual(["looked", "refusal_checked"]);
    expect(draft.noted[1]?.fact).toMatchObject({ attempt: 1, complete: true, nextLook: null });
    expect(charge).toMatchObject({
      state: "declined",
      resolvedBy: "reply",
      resolvedAtMs: T0 + 2000,
      doubt: null,
      escalated: false,
      lateLooks: 0,
      nextLook: null,
      boundReply: { status: 402 },
    });
    expect(JSON.parse(charge?.boundReply?.body ?? "")).toMatchObject({
      code: "charge_refused",
      upstream: '{"message":"no"}',
    });
    expect(effectOf(draft)).toBe(0);
  });

  it("stands after a look that was not complete, and late looks follow", ({ expect }) => {
    const { draft, types, charge } = looked({ charges: [refused()] }, { complete: false });
    expect(types).toEqual(["looked", "refusal_checked"]);
    expect(draft.noted[1]?.fact).toMatchObject({ complete: false });
    expect(charge).toMatchObject({
      state: "declined",
      nextLook: { gapMs: HOUR_MS },
      boundReply: { status: 402 },
    });
  });

  it("leaves an earlier attempt without an answer its late looks", ({ expect }) => {
    const attempts = [attemptOf(), refusedOf({ attempt: 2, tag: "bbbbbbbb", intentSeq: 15 })];
    const { charge } = looked({ charges: [chargeOf({ attempts })] });
    expect(charge).toMatchObject({ state: "declined", nextLook: { gapMs: HOUR_MS } });
  });

  it("is not judged by a look that began before it, nor by one made for something else", ({
    expect,
  }) => {
    const early = looked({ charges: [refused()] }, { beganSeq: 10 });
    expect(early.types).toEqual(["looked"]);
    for (const purpose of ["before_attempt", "operator", "reconciliation"] as const) {
      const { types, charge } = looked({ charges: [refused()] }, {}, purpose);
      expect(types).toEqual(["looked"]);
      expect(charge).toMatchObject({ state: "in_doubt", boundReply: null });
    }
  });

  it("is of the payment that its tag proves: it is what that is", ({ expect }) => {
    const paid = [seenOf({ tag: "aaaaaaaa" })];
    const { draft, types, charge } = looked({ charges: [refused()] }, { payments: paid });
    expect(types).toEqual(["looked", "payment_adopted"]);
    expect(charge).toMatchObject({ state: "approved", boundReply: { status: 201 } });
    expect(charge?.attempts[0]).toMatchObject({ explainedBy: "payment-1" });
    expect(effectOf(draft)).toBe(5000);
  });

  it("is a person's beside a payment of its amount: in doubt, and no freeze", ({ expect }) => {
    const { draft, types, charge } = looked({ charges: [refused()] }, { payments: [seenOf()] });
    expect(types).toEqual(["looked", "payment_contested", "charge_escalated"]);
    expect(draft.noted[1]?.fact).toMatchObject({ reason: "refused_yet_paid" });
    expect(charge).toMatchObject({ state: "in_doubt", boundReply: null, escalated: true });
    expect(charge?.nextLook).not.toBeNull();
    if (charge !== undefined) {
      expect([isFreezing(charge), isRefusalOpen(charge)]).toEqual([false, true]);
      expect([moneyOf(charge), charge.contested]).toEqual(["unknown", ["payment-1"]]);
    }
  });

  it("stands where what spoke against it is cancelled, or goes back", ({ expect }) => {
    for (const status of ["CANCELLED", "REFUNDED"]) {
      const contested = refused({}, { contested: ["payment-1"], escalated: true });
      const payments = [recordOf({ listedSeq: 20, listedAtMs: T0 + 2000 })];
      const given = { charges: [contested], payments };
      const { types, charge } = looked(given, { payments: [seenOf({ status })] });
      expect(types.slice(-2)).toEqual(["contest_ended", "refusal_checked"]);
      expect(charge).toMatchObject({ state: "declined", contested: [], escalated: false });
      expect(charge?.boundReply).toMatchObject({ status: 402 });
    }
  });

  it("stands then by whichever look, made for it or not", ({ expect }) => {
    const contested = refused({}, { contested: ["payment-1"], escalated: true });
    const payments = [recordOf({ listedSeq: 20, listedAtMs: T0 + 2000 })];
    const report = { payments: [seenOf({ status: "REFUNDED" })] };
    const given = { charges: [contested], payments };
    const { types, charge } = looked(given, report, "reconciliation", null);
    expect(types).toEqual(["looked", "contest_ended", "refusal_checked"]);
    expect(charge).toMatchObject({ state: "declined", boundReply: { status: 402 } });
  });

  it("has the cancelled payment that it left, read once more, and its 402 stays", ({ expect }) => {
    for (const tag of ["aaaaaaaa", null]) {
      const payments = [seenOf({ status: "CANCELLED", tag })];
      const { draft, types, charge } = looked({ charges: [refused()] }, { payments });
      expect(types).toEqual(["looked", "late_truth_found", "refusal_checked"]);
      expect(draft.noted[1]?.fact).toMatchObject({ as: "cancelled", attempt: 1 });
      expect(draft.noted[2]?.fact).toMatchObject({ complete: true, nextLook: null });
      expect(charge).toMatchObject({ state: "declined", payment: CANCELLED, nextLook: null });
      expect(charge?.nextPoll).toEqual({ atMs: T0 + 2000 + HORIZON_MS, gapMs: HORIZON_MS });
      expect(charge?.boundReply).toMatchObject({ status: 402 });
      expect(charge?.attempts[0]).toMatchObject({ explainedBy: "payment-1", noAtMs: T0 + 2000 });
      expect(draft.payments.get("payment-1")).toMatchObject({ chargeId: "charge-1", reread: true });
    }
  });

  it("whose late look shows a payment of its amount is a person's after all", ({ expect }) => {
    const checked = looked({ charges: [refused()] }, { complete: false });
    const charges = [...checked.draft.charges.values()];
    const nowMs = T0 + HOUR_MS;
    const given = { charges, nowMs, nextSeq: 40 };
    const report = { payments: [seenOf()], beganAtMs: nowMs };
    const { types, charge } = looked(given, report, "late");
    expect(types).toEqual(["looked", "payment_contested"]);
    expect(charge).toMatchObject({ state: "declined", boundReply: { status: 402 } });
    expect(charge === undefined ? null : moneyOf(charge)).toBe("unknown");
  });

  it("is looked at on while a person judges it, whatever else is found", ({ expect }) => {
    for (const tag of ["aaaaaaaa", null]) {
      const payments = [seenOf(), seenOf({ id: "payment-2", status: "CANCELLED", tag })];
      const { charge } = looked({ charges: [refused()] }, { payments });
      expect(charge).toMatchObject({ state: "in_doubt", contested: ["payment-1"] });
      expect(charge?.nextLook).not.toBeNull();
      expect(charge?.payment?.id ?? null).toBe(tag === null ? null : "payment-2");
    }
  });

  it("has no cancelled payment by its amount alone where others charge the same cards", ({
    expect,
  }) => {
    const given = { charges: [refused()], rules: { foreignWriters: true } };
    const { types, charge } = looked(given, { payments: [seenOf({ status: "CANCELLED" })] });
    expect(types).toEqual(["looked", "refusal_checked"]);
    expect(charge).toMatchObject({ state: "declined", payment: null, nextPoll: null });
  });

  it("changes nothing that is no open refusal", ({ expect }) => {
    for (const charge of [
      chargeOf(),
      refused({}, { state: "declined" }),
      refused({}, { contested: ["payment-1"] }),
    ]) {
      const draft = draftOf({ charges: [charge] });
      applyRefusal(draft, "charge-1", true);
      expect(draft.noted).toEqual([]);
    }
  });
});

describe("the time of a no", () => {
  const payment = { ...CANCELLED, status: "PENDING" };
  const pending = (change: Partial<Attempt> = {}) =>
    chargeOf({
      state: "pending",
      payment,
      doubt: null,
      nextLook: null,
      attempts: [attemptOf({ outcome: "pending", explainedBy: "payment-1", ...change })],
    });
  const seenAs = (status: string, charge: Charge, was = "PENDING") => {
    const payments = [recordOf({ chargeId: "charge-1", status: was })];
    const given = { charges: [charge], payments, nowMs: T0 + 7000 };
    return polled(given, { seen: seenOf({ status }) }).charge;
  };

  it("is when its payment was told CANCELLED, which is read once more", ({ expect }) => {
    const charge = seenAs("CANCELLED", pending());
    expect(charge?.attempts[0]).toMatchObject({ noAtMs: T0 + 7000 });
    expect(charge?.nextPoll).toEqual({ atMs: T0 + 7000 + HORIZON_MS, gapMs: HORIZON_MS });
  });

  it("is read once more when its horizon is over, whoever reads it before", ({ expect }) => {
    const nextPoll = { atMs: T0 + 2000 + HORIZON_MS, gapMs: HORIZON_MS };
    const declined = { ...pending(), state: "declined", payment: CANCELLED, nextPoll } as const;
    const payments = [recordOf({ ...CANCELLED, chargeId: "charge-1", reread: true })];
    const seen = seenOf({ status: "CANCELLED" });
    for (const askedFor of [null, "charge-1"]) {
      const given = { charges: [declined], payments, nowMs: nextPoll.atMs - 1 };
      const early = polled(given, { askedFor, seen });
      expect(early.charge?.nextPoll).toEqual(nextPoll);
      expect(early.draft.payments.get("payment-1")).toMatchObject({ reread: true });
      const due = polled({ ...given, nowMs: nextPoll.atMs }, { askedFor, seen });
      expect(due.charge?.nextPoll).toBeNull();
      expect(due.draft.payments.get("payment-1")).toMatchObject({ reread: false });
      const unanswered = { seen: null, httpStatus: 500, failure: "status_500" };
      const failed = polled({ ...given, nowMs: nextPoll.atMs }, { askedFor, ...unanswered });
      expect(failed.charge?.nextPoll).not.toBeNull();
      expect(failed.draft.payments.get("payment-1")).toMatchObject({ reread: true });
    }
  });

  it("has the horizon in force, and 15 minutes under `never`", ({ expect }) => {
    for (const [horizonMs, gapMs] of [
      [60_000, 60_000],
      [null, HORIZON_MS],
    ] as const) {
      const payments = [recordOf({ chargeId: "charge-1", status: "PENDING" })];
      const given = { charges: [pending()], payments, rules: { horizonMs } };
      const { charge } = polled(given, { seen: seenOf({ status: "CANCELLED" }) });
      expect(charge?.nextPoll).toMatchObject({ gapMs });
    }
  });

  it("is not when its payment is told anything else, or another's is", ({ expect }) => {
    for (const status of ["CONFIRMED", "REFUNDED"]) {
      expect(seenAs(status, pending())?.attempts[0]).toMatchObject({ noAtMs: null });
    }
    const other = seenAs("CANCELLED", pending({ explainedBy: "payment-9" }));
    expect(other?.attempts[0]).toMatchObject({ noAtMs: null });
    // That Harmony contradicts the books says no to nothing.
    const told = pending({ noAtMs: T0 - HOUR_MS });
    expect(seenAs("PENDING", told, "CANCELLED")?.attempts[0]).toMatchObject({
      noAtMs: T0 - HOUR_MS,
    });
  });

  it("is not said again by a refund, which finds its cancelled payment as it was", ({ expect }) => {
    const told = { ...pending({ noAtMs: T0 - HOUR_MS }), state: "declined" } as const;
    const about = { atMs: T0, chargeId: "charge-1", refundId: "refund-1", payment: CANCELLED };
    const facts: readonly Fact[] = [
      {
        type: "refund_answered",
        ...about,
        attempt: 1,
        outcome: { kind: "refused", payment: CANCELLED, upstream: "no" },
        becomes: "refused",
        httpStatus: 400,
        latencyMs: 5,
        excerpt: null,
        nextRead: null,
      },
      {
        type: "refund_resolved",
        ...about,
        identity: {
          refundId: "refund-1",
          paymentMethodId: told.paymentMethodId,
          caller: told.caller,
          idempotencyKey: "refund-key",
          request: { paymentId: "payment-1", reason: null },
        },
        attempt: 1,
        as: "refused",
        by: "read",
        evidence: [20],
        decision: null,
      },
    ];
    for (const fact of facts) {
      expect(evolve(told, fact, 30).attempts[0]).toMatchObject({ noAtMs: T0 - HOUR_MS });
    }
  });

  it("is when a rule called it not charged", ({ expect }) => {
    const doubt = { ...newDoubt(T0), countedAtMs: T0, plannedGapMs: 120_000, creditedMs: 1e9 };
    const given = { charges: [chargeOf({ doubt })], nowMs: T0 + 120_000 };
    const { charge } = looked(given, { beganAtMs: T0 + 120_000 });
    expect(charge).toMatchObject({ state: "not_charged" });
    expect(charge?.attempts[0]).toMatchObject({ noAtMs: T0 + 120_000 });
  });

  it("is the last time that it was said: by its payment, a rule, of each attempt", ({ expect }) => {
    const charge = seenAs("CANCELLED", pending({ noAtMs: T0 - HOUR_MS }));
    expect(charge?.attempts[0]).toMatchObject({ noAtMs: T0 + 7000 });
    const doubt = { ...newDoubt(T0), countedAtMs: T0, plannedGapMs: 120_000, creditedMs: 1e9 };
    const attempts = [
      refusedOf({ outcome: "not_sent", noAtMs: T0 - HOUR_MS }),
      attemptOf({ attempt: 2, tag: "b", intentSeq: 15, noAtMs: T0 - 7 }),
    ];
    const given = { charges: [chargeOf({ attempts, doubt })], nowMs: T0 + 120_000 };
    const by = looked(given, { beganAtMs: T0 + 120_000 }).charge;
    expect(by?.attempts.map(({ noAtMs }) => noAtMs)).toEqual([T0 + 120_000, T0 + 120_000]);
  });

  it("is when a person said so, of what had an answer, a cancelled payment, or neither", ({
    expect,
  }) => {
    const attempts = [
      refusedOf({ outcome: "not_sent", noAtMs: T0 - HOUR_MS }),
      attemptOf({ attempt: 2, tag: "b", intentSeq: 12, explainedBy: "payment-1", noAtMs: T0 }),
      attemptOf({ attempt: 3, tag: "c", intentSeq: 15 }),
    ];
    const charge = chargeOf({ attempts });
    const payments = [recordOf({ ...CANCELLED, chargeId: "charge-1" })];
    const draft = draftOf({ charges: [charge], payments, nowMs: T0 + 7000 });
    const decision = { decision: "not_charged", override: true, reason: "no" } as const;
    const shown = { before: charge, look: reportOf(), evidence: [28], gone: [] };
    expect(resolve(draft, decision, shown)).toEqual({ type: "decided" });
    const told = draft.charges.get("charge-1")?.attempts.map(({ noAtMs }) => noAtMs);
    expect(told).toEqual([T0 + 7000, T0 + 7000, T0 + 7000]);
  });

  it("is not a person's for a charge that has a payment", ({ expect }) => {
    const charge = { ...pending({ noAtMs: T0 - HOUR_MS }), contested: ["payment-2"] };
    const payments = [
      recordOf({ chargeId: "charge-1", status: "PENDING" }),
      recordOf({ id: "payment-2" }),
    ];
    const draft = draftOf({ charges: [charge], payments, nowMs: T0 + 7000 });
    const decision = { decision: "not_charged", override: true, reason: "no" } as const;
    const shown = { before: charge, look: reportOf(), evidence: [28], gone: [] };
    expect(resolve(draft, decision, shown)).toEqual({ type: "decided" });
    expect(draft.charges.get("charge-1")?.attempts[0]?.noAtMs).toBe(T0 - HOUR_MS);
  });
});
