/** What a name in an answer is worth until a read has shown the payment, or none. Pure. */
import { describe, it } from "vitest";
import type { Attempt, Charge } from "../../src/domain/charge.ts";
import type { Draft } from "../../src/domain/draft.ts";
import { isVouchedFor, resolve } from "../../src/domain/resolve.ts";
import { newDoubt } from "../../src/domain/schedule.ts";
import { namedIds } from "../../src/domain/status.ts";
import {
  attemptOf,
  chargeOf,
  draftOf,
  judgedOf,
  recordOf,
  refusedOf,
  reportOf,
  seenOf,
  T0,
} from "./builders.ts";
import { HOUR_MS } from "./said.ts";
import { effectOf, GONE, looked, polled } from "./steps.ts";

const GUESSED = { namedPaymentId: "payment-1", nameIs: "guess" } as const;
const HORIZON_MS = 900_000;

/** A charge that Harmony refused, naming payment-1, and no look has been made of. */
function guessed(attempt: Partial<Attempt> = {}, change: Partial<Charge> = {}): Charge {
  return chargeOf({ attempts: [refusedOf({ ...GUESSED, ...attempt })], ...change });
}

/** The same, after a look that came before any read had an answer. */
function unread(): Charge {
  const { charge } = looked({ charges: [guessed()] });
  if (charge === undefined) {
    throw new Error("the charge is gone");
  }
  return charge;
}

describe("what a refusal named", () => {
  it("lets it stand unread, and late looks follow, each of which reads it", ({ expect }) => {
    for (const complete of [true, false]) {
      const { draft, types, charge } = looked({ charges: [guessed()] }, { complete });
      expect(types).toEqual(["looked", "refusal_checked"]);
      expect(draft.noted[1]?.fact).toMatchObject({ complete, nextLook: { gapMs: HOUR_MS } });
      expect(charge).toMatchObject({
        state: "declined",
        escalated: false,
        nextLook: { gapMs: HOUR_MS },
        nextPoll: null,
        boundReply: { status: 402 },
      });
      expect(charge?.attempts[0]).toMatchObject(GUESSED);
    }
  });

  it("is none of those that the schedule reads", ({ expect }) => {
    expect(namedIds(guessed())).toEqual([]);
  });

  it("is dropped where a read finds nothing, before its look or with a late one", ({ expect }) => {
    for (const charge of [guessed(), unread()]) {
      const after = polled({ charges: [charge] }, GONE);
      expect(after.types).toEqual(["polled", "name_dropped"]);
      expect(after.draft.noted[1]?.fact).toMatchObject({
        chargeId: "charge-1",
        paymentId: "payment-1",
      });
      expect(after.charge).toMatchObject({ state: charge.state, nextLook: charge.nextLook });
      expect(after.charge?.attempts[0]).toMatchObject({ namedPaymentId: null, nameIs: null });
    }
  });

  it("is dropped of the attempt that was told it, and of no other", ({ expect }) => {
    const other = attemptOf({ namedPaymentId: "payment-2", nameIs: "told" });
    const last = refusedOf({ ...GUESSED, attempt: 2, tag: "b", intentSeq: 15 });
    const { charge } = polled({ charges: [chargeOf({ attempts: [other, last] })] }, GONE);
    expect(charge?.attempts.map(({ namedPaymentId }) => namedPaymentId)).toEqual([
      "payment-2",
      null,
    ]);
  });

  it.for([
    ["fails", { httpStatus: 500, failure: "status_500" }],
    ["has no answer", { httpStatus: null, failure: "timeout" }],
    ["finds nothing of another", { httpStatus: 404, paymentId: "payment-2" }],
  ] as const)("is not where a read %s", ([, change], { expect }) => {
    for (const given of [guessed(), unread()]) {
      const { types, charge } = polled({ charges: [given] }, { seen: null, ...change });
      expect(types).toEqual(["polled"]);
      expect(charge?.attempts[0]).toMatchObject(GUESSED);
      expect(charge?.state).toBe(given.state);
    }
  });

  it("is its payment where a read shows it in time: it is what that is", ({ expect }) => {
    const { draft, types, charge } = polled({ charges: [guessed()] });
    expect(types).toEqual(["polled", "payment_adopted"]);
    expect(draft.noted[1]?.fact).toMatchObject({ by: "named" });
    expect(charge).toMatchObject({ state: "approved", boundReply: { status: 201 } });
    expect(effectOf(draft)).toBe(5000);
  });

  it("is late truth where a read shows it later, and the bound 402 stays", ({ expect }) => {
    const { draft, types, charge } = polled({ charges: [unread()], nextSeq: 40 });
    expect(types).toEqual(["polled", "late_truth_found"]);
    expect(draft.noted[1]?.fact).toMatchObject({ as: "payment", attempt: 1 });
    expect(charge).toMatchObject({
      state: "approved",
      payment: { id: "payment-1" },
      nextLook: null,
      boundReply: { status: 402 },
    });
    expect(effectOf(draft)).toBe(5000);
  });

  it("leaves a refusal its look where a read shows it cancelled", ({ expect }) => {
    const seen = seenOf({ status: "CANCELLED" });
    const { draft, types, charge } = polled({ charges: [guessed()] }, { seen });
    expect(types).toEqual(["polled", "late_truth_found"]);
    expect(draft.noted[1]?.fact).toMatchObject({ as: "cancelled" });
    expect(charge).toMatchObject({
      state: "in_doubt",
      payment: { id: "payment-1", status: "CANCELLED" },
      nextLook: { gapMs: 0 },
      boundReply: null,
    });
    const charges = [...draft.charges.values()];
    const payments = [...draft.payments.values()];
    const after = looked({ charges, payments, nextSeq: 40 }, { payments: [seen] });
    expect(after.types).toEqual(["looked", "refusal_checked"]);
    expect(after.charge).toMatchObject({
      state: "declined",
      nextLook: null,
      nextPoll: { gapMs: HORIZON_MS },
      boundReply: { status: 402 },
    });
  });
});

describe("what an answer other than a 4xx named", () => {
  const named = (nameIs: "told" | "sure", horizonMs: number | null = HORIZON_MS) =>
    chargeOf({ attempts: [attemptOf({ namedPaymentId: "payment-1", nameIs, horizonMs })] });
  const at = (charge: Charge, afterMs: number) =>
    polled({ charges: [charge], nowMs: T0 + 1000 + afterMs }, GONE);

  it("is read by the schedule until something explains it", ({ expect }) => {
    for (const nameIs of ["told", "sure"] as const) {
      const charge = named(nameIs);
      expect(namedIds(charge)).toEqual(["payment-1"]);
      const attempts = charge.attempts.map((one) => ({ ...one, explainedBy: "payment-1" }));
      expect(namedIds({ ...charge, attempts })).toEqual([]);
    }
  });

  it("is dropped once a read after the horizon finds nothing, where no 2xx named it", ({
    expect,
  }) => {
    expect(at(named("told"), HORIZON_MS - 1).types).toEqual(["polled"]);
    expect(at(named("told"), HORIZON_MS).types).toEqual(["polled", "name_dropped"]);
    expect(at(named("told", 60_000), 60_000).types).toEqual(["polled", "name_dropped"]);
    expect(at(named("told", null), HORIZON_MS).types).toEqual(["polled", "name_dropped"]);
  });

  it("is a person's then, where a 2xx named it: that it was there is sure", ({ expect }) => {
    expect(at(named("sure"), HORIZON_MS - 1).types).toEqual(["polled"]);
    const { draft, types, charge } = at(named("sure"), HORIZON_MS);
    expect(types).toEqual(["polled", "charge_escalated"]);
    expect(draft.noted[1]?.fact).toMatchObject({
      reason: "named_payment_missing",
      candidates: ["payment-1"],
    });
    expect(charge).toMatchObject({ state: "in_doubt", escalated: true });
    expect(charge?.attempts[0]).toMatchObject({ namedPaymentId: "payment-1", nameIs: "sure" });
  });

  it("may be vouched for by a person where a 2xx named it and nothing is recorded", ({
    expect,
  }) => {
    expect(isVouchedFor(named("sure"), "payment-1", null)).toBe(true);
    expect(isVouchedFor(named("sure"), "payment-2", null)).toBe(false);
    expect(isVouchedFor(named("told"), "payment-1", null)).toBe(false);
    expect(isVouchedFor(guessed(), "payment-1", null)).toBe(false);
    expect(isVouchedFor(named("sure"), "payment-1", recordOf())).toBe(false);
  });
});

describe("a cancelled payment that one attempt has left", () => {
  const second = attemptOf({ attempt: 2, tag: "bbbbbbbb", intentSeq: 15, answeredSeq: 16 });
  const left = seenOf({ status: "CANCELLED", tag: "aaaaaaaa" });

  it("leaves the doubt about another attempt as it is", ({ expect }) => {
    const charges = [chargeOf({ attempts: [attemptOf(), second] })];
    const { draft, types, charge } = looked({ charges }, { payments: [left] });
    expect(types).toEqual(["looked", "late_truth_found"]);
    expect(draft.noted[1]?.fact).toMatchObject({ as: "cancelled", attempt: 1 });
    expect(charge).toMatchObject({ state: "in_doubt", payment: null, boundReply: null });
    expect(charge?.nextLook).not.toBeNull();
    expect(charge?.attempts.map(({ explainedBy }) => explainedBy)).toEqual(["payment-1", null]);
  });

  it("leaves it by its name, too, and a payment of the other attempt is the charge's", ({
    expect,
  }) => {
    const first = attemptOf({ namedPaymentId: "payment-1", nameIs: "told" });
    const charges = [chargeOf({ attempts: [first, second] })];
    const seen = seenOf({ status: "CANCELLED" });
    const { draft, types, charge } = polled({ charges }, { seen });
    expect(types).toEqual(["polled", "late_truth_found"]);
    expect(charge).toMatchObject({ state: "in_doubt", payment: null });
    const given = {
      charges: [...draft.charges.values()],
      payments: [...draft.payments.values()],
      nextSeq: 40,
    };
    const paid = [seen, seenOf({ id: "payment-2", tag: "bbbbbbbb" })];
    const after = looked(given, { payments: paid });
    expect(after.charge).toMatchObject({ state: "approved", payment: { id: "payment-2" } });
    expect(effectOf(after.draft)).toBe(5000);
  });

  it("ends the doubt where it is the only attempt without an answer", ({ expect }) => {
    const attempts = [attemptOf(), { ...second, outcome: "not_sent" as const }];
    const alone = looked({}, { payments: [left] });
    const beside = looked({ charges: [chargeOf({ attempts })] }, { payments: [left] });
    for (const { types, charge } of [alone, beside]) {
      expect(types).toEqual(["looked", "payment_adopted", "method_unfrozen"]);
      expect(charge).toMatchObject({ state: "declined", payment: { id: "payment-1" } });
    }
  });

  it.for(["a rule", "a person", "a look that finds the other's payment"])(
    "is read once more though %s ends the doubt before",
    (by, { expect }) => {
      const doubt = { ...newDoubt(T0), countedAtMs: T0, plannedGapMs: 120_000, creditedMs: 1e9 };
      const first = attemptOf({ explainedBy: "payment-1", noAtMs: T0 + 2000 });
      const nextPoll = { atMs: T0 + 2000 + HORIZON_MS, gapMs: HORIZON_MS };
      const cancelled = ["payment-1"];
      const charge = chargeOf({ attempts: [first, second], cancelled, doubt, nextPoll });
      const record = recordOf({ chargeId: "charge-1", status: "CANCELLED", reread: true });
      const given = { charges: [charge], payments: [record], nowMs: T0 + 120_000 };
      const report = { beganAtMs: T0 + 120_000, payments: [left] };
      const ends: Readonly<Record<string, () => Draft>> = {
        "a rule": () => looked(given, report).draft,
        "a person": () => {
          const draft = draftOf(given);
          const shown = { before: charge, look: reportOf(report), evidence: [28], gone: [] };
          resolve(draft, { decision: "not_charged", override: true, reason: "no" }, shown);
          return draft;
        },
        "a look that finds the other's payment": () =>
          looked(given, { payments: [left, seenOf({ id: "payment-2", tag: "bbbbbbbb" })] }).draft,
      };
      const after = ends[by]?.().charges.get("charge-1");
      expect(after?.state).not.toBe("in_doubt");
      expect(after?.nextPoll).toEqual(nextPoll);
    },
  );

  it("is no no of an attempt that has a payment which holds money", ({ expect }) => {
    const payment = { id: "payment-9", status: "CONFIRMED", amountMinor: 5000, currency: "MXN" };
    const attempts = [attemptOf({ outcome: "approved", explainedBy: "payment-9" })];
    const given = {
      charges: [chargeOf({ state: "approved", payment, attempts, doubt: null, nextLook: null })],
      payments: [recordOf({ ...payment, chargeId: "charge-1" })],
    };
    const cancelled = seenOf({ status: "CANCELLED", tag: "aaaaaaaa" });
    const { types, charge } = looked(given, { payments: [cancelled, seenOf(payment)] }, "late");
    expect(types).toEqual(["looked", "late_truth_found"]);
    expect(charge).toMatchObject({ state: "approved", payment, duplicates: [] });
    expect(charge?.attempts[0]).toMatchObject({ noAtMs: null });
  });

  it("is a no of the attempt that left it, and of no other", ({ expect }) => {
    const attempts = [attemptOf(), second];
    const { charge } = looked({ charges: [chargeOf({ attempts })] }, { payments: [left] });
    expect(charge?.attempts.map(({ noAtMs }) => noAtMs)).toEqual([T0 + 2000, null]);
    expect(judgedOf(charge?.attempts[1])).toMatchObject({ noAtMs: null });
  });
});
