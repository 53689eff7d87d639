/** When a charge leaves its doubt, and which attempt made what a person gives it. Pure. */
import { describe, it } from "vitest";
import type { Attempt, Charge } from "../../src/domain/charge.ts";
import { answer, intend } from "../../src/domain/decide.ts";
import { finish } from "../../src/domain/draft.ts";
import type { Outcome } from "../../src/domain/outcome.ts";
import { type Decision, resolve } from "../../src/domain/resolve.ts";
import { newDoubt } from "../../src/domain/schedule.ts";
import {
  attemptOf,
  chargeOf,
  draftOf,
  METHOD_ID,
  recordOf,
  refusedOf,
  reportOf,
  seenOf,
  T0,
} from "./builders.ts";
import { looked, polled } from "./steps.ts";

const FIGURES = { httpStatus: 201, latencyMs: 5, excerpt: null };
const PAYMENT = { id: "payment-1", status: "CONFIRMED", amountMinor: 5000, currency: "MXN" };
const NOW = T0 + 500_000;

function endsOf(charge: Charge | undefined): (number | null)[] | undefined {
  return charge?.attempts.map(({ doubtEndedAtMs }) => doubtEndedAtMs);
}

function answered(charge: Charge, outcome: Outcome): Charge | undefined {
  const draft = draftOf({ charges: [charge], nowMs: NOW });
  answer(draft, "charge-1", charge.attempts.length, outcome, FIGURES);
  return finish(draft).charges.get("charge-1");
}

function decided(charge: Charge, decision: Decision, record = recordOf()) {
  const draft = draftOf({ charges: [charge], payments: [record], nowMs: NOW });
  const verdict = resolve(draft, decision, {
    before: charge,
    look: reportOf(),
    evidence: [],
    gone: [],
  });
  return { verdict, charge: draft.charges.get("charge-1"), draft };
}

const CHARGED: Decision = { decision: "charged", paymentId: "payment-1", reason: "said so" };
const NOT_CHARGED: Decision = { decision: "not_charged", override: true, reason: "said so" };

describe("the end of a doubt", () => {
  it("is noted for the attempt, however it came", ({ expect }) => {
    const credited = { ...newDoubt(T0), countedAtMs: T0, plannedGapMs: 120_000, creditedMs: 1e9 };
    const named = chargeOf({ attempts: [attemptOf({ namedPaymentId: "payment-1" })] });
    const ways: Record<string, Charge | undefined> = {
      adopted: looked({ nowMs: NOW }, { payments: [seenOf()] }).charge,
      cancelled: looked({ nowMs: NOW }, { payments: [seenOf({ status: "CANCELLED" })] }).charge,
      byRule: looked({ charges: [chargeOf({ doubt: credited })], nowMs: NOW }).charge,
      polled: polled({ charges: [named], nowMs: NOW }).charge,
      byReply: answered(chargeOf(), { kind: "approved", payment: PAYMENT }),
      refused: looked({ charges: [chargeOf({ attempts: [refusedOf()] })], nowMs: NOW }).charge,
      byPerson: decided(chargeOf(), CHARGED).charge,
      denied: decided(chargeOf(), NOT_CHARGED).charge,
    };
    for (const [way, charge] of Object.entries(ways)) {
      expect(charge?.state, way).not.toBe("in_doubt");
      expect(endsOf(charge), way).toEqual([NOW]);
    }
  });

  it("is not while the doubt goes on, whatever is found", ({ expect }) => {
    const two = [seenOf(), seenOf({ id: "payment-2" })];
    expect(endsOf(looked({ nowMs: NOW }, { payments: two }).charge)).toEqual([null]);
    expect(endsOf(looked({ nowMs: NOW }, { complete: false }).charge)).toEqual([null]);
    const refused: Outcome = {
      kind: "declined",
      payment: null,
      upstream: "no",
      namedPaymentId: null,
    };
    expect(endsOf(answered(chargeOf(), refused))).toEqual([null]);
  });

  it("is none where there was no doubt", ({ expect }) => {
    const open = { answeredAtMs: null, answeredSeq: null, outcome: null };
    const flying = chargeOf({ state: "in_flight", doubt: null, attempts: [attemptOf(open)] });
    expect(endsOf(answered(flying, { kind: "approved", payment: PAYMENT }))).toEqual([null]);
    const unknown: Outcome = {
      kind: "indeterminate",
      reason: "timeout",
      namedPaymentId: null,
      nameIs: null,
    };
    expect(endsOf(answered(flying, unknown))).toEqual([null]);
    const pending = chargeOf({ state: "pending", payment: { ...PAYMENT, status: "PENDING" } });
    const payments = [recordOf({ chargeId: "charge-1", status: "PENDING" })];
    expect(endsOf(polled({ charges: [pending], payments, nowMs: NOW }).charge)).toEqual([null]);
  });

  it("stays the first for an attempt whose charge is in doubt again by another", ({ expect }) => {
    const first = attemptOf({ doubtEndedAtMs: T0 + 7 });
    const given = chargeOf({
      attempts: [first, attemptOf({ attempt: 2, tag: "b", intentSeq: 15 })],
    });
    const { charge } = looked({ charges: [given], nowMs: NOW }, { payments: [seenOf()] });
    expect(endsOf(charge)).toEqual([T0 + 7, NOW]);
  });

  it("of an earlier attempt is kept when the next is intended", ({ expect }) => {
    const attempts = [attemptOf({ doubtEndedAtMs: T0 + 7 })];
    const draft = draftOf({ charges: [chargeOf({ state: "not_charged", attempts })], nowMs: NOW });
    const { caller, idempotencyKey, request } = chargeOf();
    const identity = {
      chargeId: "charge-1",
      paymentMethodId: METHOD_ID,
      caller,
      idempotencyKey,
      request,
    };
    expect(endsOf(intend(draft, identity, null))).toEqual([T0 + 7, null]);
  });
});

describe("a payment that a person gives a charge", () => {
  function explained(attempts: readonly Attempt[], change: Parameters<typeof recordOf>[0] = {}) {
    const { verdict, charge } = decided(chargeOf({ attempts }), CHARGED, recordOf(change));
    return [verdict.type, charge?.attempts.map(({ explainedBy }) => explainedBy)];
  }
  const second = attemptOf({ attempt: 2, tag: "bbbbbbbb", intentSeq: 15 });

  it("is of the last attempt that it is new to and that has none", ({ expect }) => {
    expect(explained([attemptOf(), second])).toEqual(["decided", [null, "payment-1"]]);
    expect(explained([attemptOf(), second], { recordedSeq: 12 })).toEqual([
      "decided",
      ["payment-1", null],
    ]);
    const taken = { ...second, explainedBy: "payment-9" };
    expect(explained([attemptOf(), taken])).toEqual(["decided", ["payment-1", "payment-9"]]);
  });

  it("is of the attempt whose tag it carries, or whose reply named it", ({ expect }) => {
    const made = ["decided", ["payment-1", null]];
    expect(explained([attemptOf(), second], { tag: "aaaaaaaa" })).toEqual(made);
    const named = attemptOf({ namedPaymentId: "payment-1" });
    expect(explained([named, second])).toEqual(made);
  });

  it("ends the contest about it, and a refusal is late truth to it", ({ expect }) => {
    const attempts = [attemptOf(), { ...second, outcome: "declined" as const }];
    const refused = chargeOf({
      state: "declined",
      doubt: null,
      attempts,
      contested: ["payment-1"],
    });
    const { verdict, charge } = decided(refused, CHARGED);
    expect(verdict).toEqual({ type: "decided" });
    expect(charge).toMatchObject({ state: "approved", payment: PAYMENT, resolvedBy: "operator" });
    const denied = decided(refused, NOT_CHARGED);
    expect(denied.charge).toMatchObject({ state: "declined", contested: [], payment: null });
    expect(denied.draft.payments.get("payment-1")).toMatchObject({
      notOf: ["charge-1"],
      foreign: true,
      unattributed: true,
    });
  });
});
