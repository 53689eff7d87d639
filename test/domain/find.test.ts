/** What looks and polls mean for the charges of a method: given, when, then. Pure. */
import { describe, it } from "vitest";
import type { Charge } from "../../src/domain/charge.ts";
import { finish } from "../../src/domain/draft.ts";
import type { LookPurpose, LookReport } from "../../src/domain/facts.ts";
import { fittingPayments, learnFromLook } from "../../src/domain/find.ts";
import { newDoubt } from "../../src/domain/schedule.ts";
import { learnFromPoll, type PollReport } from "../../src/domain/status.ts";
import {
  attemptOf,
  chargeOf,
  draftOf,
  type Given,
  recordOf,
  reportOf,
  seenOf,
  T0,
  typesOf,
} from "./builders.ts";

const HOUR_MS = 3_600_000;

function looked(
  given: Given,
  report: Partial<LookReport> = {},
  purpose: LookPurpose = "doubt",
  chargeId: string | null = "charge-1",
) {
  const draft = draftOf({ charges: [chargeOf()], ...given });
  learnFromLook(draft, reportOf(report), purpose, chargeId);
  finish(draft);
  return { draft, types: typesOf(draft), charge: draft.charges.get("charge-1") };
}

function polled(given: Given, report: Partial<PollReport> = {}) {
  const draft = draftOf(given);
  learnFromPoll(draft, {
    askedFor: null,
    beganSeq: Number.MAX_SAFE_INTEGER,
    paymentId: "payment-1",
    seen: seenOf(),
    httpStatus: 200,
    latencyMs: 5,
    failure: null,
    ...report,
  });
  finish(draft);
  return { draft, types: typesOf(draft), charge: draft.charges.get("charge-1") };
}

function effectOf({ noted }: { noted: readonly { effectMinor: number }[] }): number {
  return noted.reduce((sum, { effectMinor }) => sum + effectMinor, 0);
}

/** In doubt since the horizon began to run, with this much of it credited. */
function doubtful(creditedMs: number, change: Partial<Charge> = {}): Charge {
  const doubt = {
    ...newDoubt(T0),
    looks: 9,
    countedLooks: 9,
    countedAtMs: T0,
    plannedGapMs: 120_000,
    creditedMs,
    firstCountedSeq: 12,
    lastCountedSeq: 25,
  };
  return chargeOf({ doubt, ...change });
}

/** A look begun this long after the last one that counted. */
function later(ms: number, report: Partial<LookReport> = {}) {
  return { nowMs: T0 + ms, report: { beganAtMs: T0 + ms, endedAtMs: T0 + ms, ...report } };
}

describe("a look that shows the payment", () => {
  it("adopts it, cites itself as evidence, books the money and ends the freeze", ({ expect }) => {
    const { draft, types, charge } = looked({}, { payments: [seenOf()] });
    expect(types).toEqual(["looked", "payment_adopted", "method_unfrozen"]);
    expect(draft.noted[1]?.fact).toMatchObject({ by: "single", evidenceSeq: 30 });
    expect(charge).toMatchObject({ state: "approved", resolvedBy: "look", doubt: null });
    expect(charge?.boundReply).toMatchObject({ status: 201 });
    expect(effectOf(draft)).toBe(5000);
  });

  it("polls it while it is pending, and declines where it is cancelled", ({ expect }) => {
    const pending = looked({}, { payments: [seenOf({ status: "PENDING" })] });
    expect(pending.charge).toMatchObject({ state: "pending", nextPoll: { gapMs: 2000 } });
    const cancelled = looked({}, { payments: [seenOf({ status: "CANCELLED" })] });
    expect(cancelled.charge).toMatchObject({ state: "declined", nextPoll: null });
    expect(effectOf(pending.draft) + effectOf(cancelled.draft)).toBe(0);
  });

  it("goes to a person where two fit, and is looked at hourly", ({ expect }) => {
    const payments = [seenOf(), seenOf({ id: "payment-2" })];
    const { types, charge } = looked({}, { payments });
    expect(types).toEqual(["looked", "charge_escalated"]);
    expect(charge).toMatchObject({ state: "in_doubt", nextLook: { gapMs: HOUR_MS } });
  });

  it("adopts whatever was recorded since the intent, by whichever call", ({ expect }) => {
    const { charge } = looked(
      { payments: [recordOf({ recordedSeq: 15 })] },
      {
        payments: [seenOf()],
      },
    );
    expect(charge).toMatchObject({ state: "approved" });
  });

  it("adopts nothing that was recorded before the intent", ({ expect }) => {
    const given = { payments: [recordOf({ recordedSeq: 9, unattributed: true })] };
    const { types } = looked(given, { payments: [seenOf()] });
    expect(types).toEqual(["looked"]);
  });

  it("adopts nothing where it is incomplete, whatever it shows", ({ expect }) => {
    const { types, charge, draft } = looked({}, { complete: false, payments: [seenOf()] });
    expect(types).toEqual(["looked"]);
    expect(charge).toMatchObject({ state: "in_doubt", doubt: { failures: 1, countedLooks: 0 } });
    expect(draft.payments.size).toBe(0);
  });

  it("goes to a person while another charge of that amount is unexplained", ({ expect }) => {
    const nextLook = { atMs: T0 + HOUR_MS, gapMs: HOUR_MS };
    const other = chargeOf({ chargeId: "c2", state: "not_charged", nextLook });
    const { charge } = looked({ charges: [chargeOf(), other] }, { payments: [seenOf()] });
    expect(charge).toMatchObject({ state: "in_doubt", escalated: true });
    const over = looked(
      { charges: [chargeOf(), { ...other, nextLook: null }] },
      { payments: [seenOf()] },
    );
    expect(over.charge).toMatchObject({ state: "approved" });
  });

  it("keeps looking for an earlier attempt that it does not explain", ({ expect }) => {
    const attempts = [attemptOf(), attemptOf({ attempt: 2, tag: "bbbbbbbb", intentSeq: 20 })];
    const { charge } = looked(
      { charges: [chargeOf({ attempts })] },
      { payments: [seenOf({ tag: "bbbbbbbb" })] },
    );
    expect(charge).toMatchObject({ state: "approved", nextLook: { gapMs: HOUR_MS } });
    expect(charge?.attempts.map(({ explainedBy }) => explainedBy)).toEqual([null, "payment-1"]);
  });
});

describe("a look that shows nothing", () => {
  it("starts the horizon when it is the first, and credits nothing yet", ({ expect }) => {
    const { types, charge } = looked({});
    expect(types).toEqual(["looked"]);
    expect(charge?.doubt).toMatchObject({ creditedMs: 0, countedLooks: 1, firstCountedSeq: 30 });
  });

  it("calls the charge not charged once the horizon is observed, citing the looks", ({
    expect,
  }) => {
    const { nowMs, report } = later(120_000);
    const charges = [doubtful(780_000)];
    const { draft, types, charge } = looked({ charges, nowMs }, report);
    expect(types).toEqual(["looked", "not_charged_by_rule", "method_unfrozen"]);
    expect(draft.noted[1]?.fact).toMatchObject({
      horizonMs: 900_000,
      doubt: { creditedMs: 900_000, countedLooks: 10, firstCountedSeq: 12, lastCountedSeq: 30 },
    });
    expect(charge).toMatchObject({
      state: "not_charged",
      resolvedBy: "rule",
      boundReply: null,
      nextLook: { gapMs: HOUR_MS },
    });
    expect(effectOf(draft)).toBe(0);
  });

  it.for([
    ["a moment earlier", 779_999, 120_000, {}],
    ["after a day without looks", 600_000, 24 * HOUR_MS, {}],
    ["by a clock that went back", 899_999, -HOUR_MS, {}],
    ["by an incomplete look", 899_999, 120_000, { complete: false, why: "status_500" }],
    ["by a look that began before the attempt ended", 899_999, 120_000, { beganSeq: 10 }],
  ] as const)("does not, %s", ([, creditedMs, ms, change], { expect }) => {
    const { nowMs, report } = later(ms, change);
    const { charge } = looked({ charges: [doubtful(creditedMs)], nowMs }, report);
    expect(charge).toMatchObject({ state: "in_doubt" });
  });

  it("does not where a reply named a payment, nor under `never`: a person is told", ({
    expect,
  }) => {
    for (const change of [{ namedPaymentId: "p" }, { horizonMs: null }]) {
      const { nowMs, report } = later(1_000_000);
      const charges = [doubtful(10 ** 9, { attempts: [attemptOf(change)] })];
      const { types } = looked({ charges, nowMs }, report);
      expect(types).toEqual(["looked", "charge_escalated"]);
    }
  });

  it("does not while a payment fits that could not be attributed", ({ expect }) => {
    const { nowMs, report } = later(120_000, {
      payments: [seenOf(), seenOf({ id: "payment-2" })],
    });
    const { charge } = looked({ charges: [doubtful(899_999)], nowMs }, report);
    expect(charge).toMatchObject({ state: "in_doubt", escalated: true });
  });

  it("tells a person where no look was complete by the horizon", ({ expect }) => {
    const nowMs = T0 + 1000 + 900_000;
    const { types } = looked({ nowMs }, { complete: false, beganAtMs: nowMs });
    expect(types).toEqual(["looked", "charge_escalated"]);
  });

  it("doubles the pause when it failed", ({ expect }) => {
    const { charge } = looked({ charges: [doubtful(0)] }, { complete: false });
    expect(charge?.nextLook?.gapMs).toBe(240_000);
  });
});

describe("a look for a further attempt", () => {
  const earlier = attemptOf({ outcome: "not_sent", httpStatus: 429 });
  const given = chargeOf({
    state: "not_charged",
    attempts: [earlier],
    doubt: null,
    nextLook: null,
  });
  const before = (payments: LookReport["payments"], rules = {}) =>
    looked({ charges: [given], rules }, { payments }, "before_attempt");

  it("leaves nothing that speaks against it where the history shows nothing new", ({ expect }) => {
    const { draft, types } = before([seenOf({ amountMinor: 1 })]);
    expect(types).toEqual(["looked", "payment_unattributed"]);
    expect(fittingPayments(draft, given)).toEqual([]);
  });

  it("is late truth where Harmony refused and yet shows a payment with our tag", ({ expect }) => {
    const { types, charge } = before([seenOf({ tag: "aaaaaaaa" })]);
    expect(types).toEqual(["looked", "late_truth_found"]);
    expect(charge).toMatchObject({ state: "approved" });
  });

  it("reports a fitting payment without our tag, and forbids a further attempt", ({ expect }) => {
    const { types, charge, draft } = before([seenOf()]);
    expect(types).toEqual(["looked", "payment_unattributed"]);
    expect(charge).toMatchObject({ state: "not_charged" });
    expect(fittingPayments(draft, given)).toEqual(["payment-1"]);
  });

  it.for([
    ["two fit", [seenOf(), seenOf({ id: "payment-2" })], {}],
    ["one fits that needs a person", [seenOf({ status: "REFUNDED" })], {}],
    ["one fits whose time contradicts", [seenOf({ createdAtMs: T0 - 24 * HOUR_MS })], {}],
    ["one fits that others may have made", [seenOf()], { foreignWriters: true }],
  ] as const)(
    "forbids it where %s, now and at the next look",
    ([, payments, rules], { expect }) => {
      const first = before(payments, rules);
      expect(first.charge).toMatchObject({ state: "not_charged" });
      expect(fittingPayments(first.draft, given).length).toBeGreaterThan(0);
      const again = looked(
        { charges: [given], payments: [...first.draft.payments.values()], rules },
        { payments },
        "before_attempt",
      );
      expect(fittingPayments(again.draft, given).length).toBeGreaterThan(0);
    },
  );
});

describe("late truth", () => {
  const nextLook = { atMs: T0, gapMs: HOUR_MS };
  const late = chargeOf({ state: "not_charged", resolvedBy: "rule", resolvedAtMs: T0, nextLook });

  it("makes of a charge what the payment is, and edits nothing", ({ expect }) => {
    const { draft, types, charge } = looked({ charges: [late] }, { payments: [seenOf()] }, "late");
    expect(types).toEqual(["looked", "late_truth_found"]);
    expect(charge).toMatchObject({ state: "approved", nextLook: null });
    expect(effectOf(draft)).toBe(5000);
  });

  it("is a duplicate where the charge was paid meanwhile", ({ expect }) => {
    const payment = { id: "payment-2", status: "CONFIRMED", amountMinor: 5000, currency: "MXN" };
    const attempts = [
      attemptOf(),
      attemptOf({
        attempt: 2,
        tag: null,
        intentSeq: 40,
        outcome: "approved",
        explainedBy: "payment-2",
      }),
    ];
    const paid = { ...late, state: "approved", payment, attempts } as const;
    const payments = [recordOf({ id: "payment-2", chargeId: "charge-1", recordedSeq: 41 })];
    const { draft, charge } = looked(
      { charges: [paid], payments, nextSeq: 50 },
      { payments: [seenOf(), seenOf({ id: "payment-2" })] },
      "late",
    );
    expect(charge).toMatchObject({ state: "approved", payment, duplicates: ["payment-1"] });
    expect(effectOf(draft)).toBe(5000);
  });

  it("is looked for at 1, 6 and 24 hours, then no more", ({ expect }) => {
    let charge: Charge = { ...late, lateLooks: 0 };
    const gaps: (number | undefined)[] = [];
    for (const nowMs of [T0 + HOUR_MS, T0 + 6 * HOUR_MS, T0 + 24 * HOUR_MS]) {
      const after = looked({ charges: [charge], nowMs }, { beganAtMs: nowMs }, "late").charge;
      gaps.push(after?.nextLook?.atMs);
      charge = after ?? charge;
    }
    expect(gaps).toEqual([T0 + 6 * HOUR_MS, T0 + 24 * HOUR_MS, undefined]);
  });

  it("leaves an attempt its looks whose answer contradicted", ({ expect }) => {
    const attempts = [
      attemptOf({ outcome: "contradictory" }),
      attemptOf({ attempt: 2, tag: "bbbbbbbb", intentSeq: 15 }),
    ];
    const { charge } = looked(
      { charges: [{ ...late, attempts }] },
      { payments: [seenOf({ tag: "bbbbbbbb" })] },
      "late",
    );
    expect(charge).toMatchObject({ state: "approved" });
    expect(charge?.nextLook).not.toBeNull();
  });
});

describe("a payment of nobody", () => {
  it("is reported once, and remembered as foreign", ({ expect }) => {
    const first = looked({ charges: [] }, { payments: [seenOf()] }, "before_attempt", null);
    expect(first.types).toEqual(["looked", "payment_unattributed"]);
    expect(first.draft.foreignSeen).toBe(true);
    const payments = [...first.draft.payments.values()];
    const again = looked(
      { charges: [], payments },
      { payments: [seenOf()] },
      "before_attempt",
      null,
    );
    expect(again.types).toEqual(["looked"]);
    expect(effectOf(first.draft)).toBe(0);
  });

  it("is no news in the baseline", ({ expect }) => {
    const { draft, types } = looked(
      { charges: [], baselineSeq: null },
      { payments: [seenOf()] },
      "baseline",
      null,
    );
    expect(types).toEqual(["looked"]);
    expect(draft).toMatchObject({ baselineSeq: 30, foreignSeen: false });
  });
});

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
    const { types } = polled({ charges: [doubting] }, { seen: seenOf({ amountMinor: 5100 }) });
    expect(types).toEqual(["polled", "charge_escalated"]);
  });

  it("adopts nothing without a name, nor a payment to be judged by a person", ({ expect }) => {
    expect(polled({ charges: [chargeOf()] }).types).toEqual(["polled"]);
    for (const status of ["REFUNDED", "UNDER_REVIEW"]) {
      const { types } = polled({ charges: [doubting] }, { seen: seenOf({ status }) });
      expect(types).toEqual(["polled"]);
    }
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
    ["CONFIRMED", "CANCELLED", "status_changed", "approved", -5000],
    ["CANCELLED", "CONFIRMED", "late_truth_found", "approved", 5000],
    ["CONFIRMED", "PENDING", "contradiction_found", "approved", 0],
    ["REFUNDED", "CONFIRMED", "contradiction_found", "approved", 0],
    ["CANCELLED", "PENDING", "contradiction_found", "declined", 0],
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
