/** What looks mean for the charges of a method: given, when, then. Pure. */
import { describe, it } from "vitest";
import { type Charge } from "../../src/domain/charge.ts";
import { attemptsIn } from "../../src/domain/draft.ts";
import type { LookReport } from "../../src/domain/facts.ts";
import { newDoubt } from "../../src/domain/schedule.ts";
import { attemptOf, chargeOf, draftOf, judgedOf, recordOf, seenOf, T0 } from "./builders.ts";
import { HOUR_MS } from "./said.ts";
import { effectOf, looked } from "./steps.ts";
import { moneyOf } from "./known.ts";

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
    expect(cancelled.charge).toMatchObject({ state: "declined", nextPoll: { gapMs: 900_000 } });
    expect(effectOf(pending.draft) + effectOf(cancelled.draft)).toBe(0);
  });

  it("goes to a person where two fit: each is contested, and looks go on as planned", ({
    expect,
  }) => {
    const payments = [seenOf(), seenOf({ id: "payment-2" })];
    const { draft, types, charge } = looked({}, { payments });
    expect(types).toEqual(["looked", "payment_contested", "charge_escalated", "payment_contested"]);
    expect(draft.noted[1]?.fact).toMatchObject({
      chargeId: "charge-1",
      payment: { id: "payment-1" },
      reason: "several_payments_fit",
    });
    expect(draft.noted[2]?.fact).toMatchObject({
      reason: "several_payments_fit",
      candidates: ["payment-1"],
    });
    expect(charge).toMatchObject({
      state: "in_doubt",
      contested: ["payment-1", "payment-2"],
      nextLook: { gapMs: 2000 },
    });
  });

  it("contests what it has contested no second time", ({ expect }) => {
    const first = looked({}, { payments: [seenOf({ status: "REFUNDED" })] });
    const given = {
      charges: [...first.draft.charges.values()],
      payments: [...first.draft.payments.values()],
      nextSeq: 40,
    };
    const again = looked(given, { payments: [seenOf({ status: "REFUNDED" })] });
    expect(again.types).toEqual(["looked"]);
    expect(again.charge?.contested).toEqual(["payment-1"]);
  });

  it("adopts whatever was recorded since the intent, by whichever call", ({ expect }) => {
    const { charge } = looked(
      { payments: [recordOf({ recordedSeq: 15 })] },
      { payments: [seenOf()] },
    );
    expect(charge).toMatchObject({ state: "approved" });
  });

  it("adopts nothing that it does not list, whichever call has shown it", ({ expect }) => {
    for (const change of [{ read: true }, { listedSeq: 20, absentAtMs: T0 }, {}]) {
      const { types, charge } = looked({ payments: [recordOf(change)] });
      expect(types).toEqual(["looked"]);
      expect(charge).toMatchObject({ state: "in_doubt", contested: [] });
    }
  });

  it("notes when it first lists a payment, and when the complete look before it began", ({
    expect,
  }) => {
    const before = recordOf({ id: "payment-2", recordedSeq: 25, amountMinor: 1 });
    const payments = [seenOf({ amountMinor: 1 }), seenOf({ id: "payment-2", amountMinor: 1 })];
    const { draft } = looked({ payments: [before], lookedAtMs: T0 - 7 }, { payments });
    expect(draft.payments.get("payment-1")).toMatchObject({ listedSeq: 30, absentAtMs: T0 - 7 });
    expect(draft.payments.get("payment-2")).toMatchObject({
      recordedSeq: 25,
      listedSeq: 30,
      absentAtMs: T0 - 7,
    });
    expect(draft.lookedAtMs).toBe(T0 + 2000);
    const again = looked(
      { payments: [...draft.payments.values()], lookedAtMs: T0 + 2000, nextSeq: 40 },
      { payments, beganAtMs: T0 + 9000 },
    );
    expect(again.draft.payments.get("payment-1")).toEqual(draft.payments.get("payment-1"));
    expect(again.draft.lookedAtMs).toBe(T0 + 9000);
  });

  it("adopts nothing that was recorded before the intent", ({ expect }) => {
    const given = { payments: [recordOf({ recordedSeq: 9, unattributed: true })] };
    const { types } = looked(given, { payments: [seenOf()] });
    expect(types).toEqual(["looked"]);
  });

  it("holds a charge's attempts as they are by now against it, not as they were stored", ({
    expect,
  }) => {
    const attempts = [attemptOf({ explainedBy: "payment-9" })];
    const charge = chargeOf({ state: "declined", attempts, doubt: null });
    const { types } = looked(
      { charges: [charge], attempts: [judgedOf()] },
      { payments: [seenOf()] },
    );
    expect(types).toEqual(["looked", "payment_unattributed"]);
  });

  it("holds the attempts of every charge against it, by their intents", ({ expect }) => {
    const attempts = [
      judgedOf({ chargeId: "c3", intentSeq: 15 }),
      judgedOf({ chargeId: "c2", intentSeq: 5 }),
    ];
    const draft = draftOf({ charges: [chargeOf()], attempts });
    expect(attemptsIn(draft).map(({ chargeId }) => chargeId)).toEqual(["c2", "charge-1", "c3"]);
  });

  it("judges nothing while an attempt is in flight", ({ expect }) => {
    const attempts = [judgedOf({ chargeId: "c2", outcome: null, amountMinor: 1, intentSeq: 20 })];
    const tagged = seenOf({ tag: "aaaaaaaa" });
    const { types, charge } = looked({ attempts }, { payments: [tagged] });
    expect(types).toEqual(["looked"]);
    expect(charge).toMatchObject({ state: "in_doubt" });
  });

  it("adopts nothing where it is incomplete, whatever it shows", ({ expect }) => {
    const { types, charge, draft } = looked({}, { complete: false, payments: [seenOf()] });
    expect(types).toEqual(["looked"]);
    expect(charge).toMatchObject({ state: "in_doubt", doubt: { failures: 1, countedLooks: 0 } });
    expect(draft.payments.size).toBe(0);
    expect(draft.lookedAtMs).toBeNull();
  });

  it("goes to a person while another charge of that amount is unexplained: it is of both", ({
    expect,
  }) => {
    const closed = { chargeId: "c2", state: "not_charged", doubt: null } as const;
    const other = chargeOf({ ...closed, attempts: [attemptOf({ doubtEndedAtMs: T0 })] });
    const { draft, types, charge } = looked(
      { charges: [chargeOf(), other] },
      { payments: [seenOf()] },
    );
    expect(types).toEqual(["looked", "payment_contested", "charge_escalated", "payment_contested"]);
    expect(charge).toMatchObject({ state: "in_doubt", escalated: true, contested: ["payment-1"] });
    const c2 = draft.charges.get("c2");
    expect(c2).toMatchObject({ state: "not_charged", contested: ["payment-1"], escalated: false });
    expect(c2 === undefined ? null : moneyOf(c2)).toBe("unknown");
  });

  it("adopts it where the other's window is over, whether its looks are over or not", ({
    expect,
  }) => {
    const over = attemptOf({ doubtEndedAtMs: T0 - 24 * HOUR_MS, intendedAtMs: T0 - 25 * HOUR_MS });
    const nextLook = { atMs: T0 + HOUR_MS, gapMs: HOUR_MS };
    const closed = { chargeId: "c2", state: "not_charged", attempts: [over] } as const;
    const { charge } = looked(
      { charges: [chargeOf(), chargeOf({ ...closed, nextLook })], lookedAtMs: T0 },
      { payments: [seenOf()] },
    );
    expect(charge).toMatchObject({ state: "approved" });
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
    ["by an incomplete look, later", 1_000_000, 120_000, { complete: false, why: "status_500" }],
    ["by when a slow look ended", 790_000, 900_000, { beganAtMs: T0 + 100_000 }],
    ["by a look that began before the attempt ended", 899_999, 120_000, { beganSeq: 10 }],
  ] as const)("does not, %s", ([, creditedMs, ms, change], { expect }) => {
    const { nowMs, report } = later(ms, change);
    const { charge } = looked({ charges: [doubtful(creditedMs)], nowMs }, report);
    expect(charge).toMatchObject({ state: "in_doubt" });
  });

  it("does not where a reply named a payment, nor under `never`: a person is told", ({
    expect,
  }) => {
    for (const change of [{ namedPaymentId: "p", nameIs: "told" }, { horizonMs: null }] as const) {
      const { nowMs, report } = later(1_000_000);
      const charges = [doubtful(10 ** 9, { attempts: [attemptOf(change)] })];
      const { types } = looked({ charges, nowMs }, report);
      expect(types).toEqual(["looked", "charge_escalated"]);
    }
  });

  it("does not against what something else has shown: a person is asked about it", ({ expect }) => {
    const { nowMs, report } = later(120_000);
    const given = { charges: [doubtful(899_999)], payments: [recordOf({ read: true })], nowMs };
    const { draft, types, charge } = looked(given, report);
    expect(types).toEqual(["looked", "payment_contested", "charge_escalated"]);
    expect(draft.noted[1]?.fact).toMatchObject({ reason: "seen_and_not_listed" });
    expect(charge).toMatchObject({ state: "in_doubt", contested: ["payment-1"] });
    expect(charge?.nextLook).toMatchObject({ gapMs: HOUR_MS });
    const again = looked(
      { ...given, charges: [...draft.charges.values()], nextSeq: 40 },
      { ...report, beganAtMs: nowMs + HOUR_MS },
    );
    expect(again.types).toEqual(["looked"]);
    expect(again.charge).toMatchObject({ state: "in_doubt", contested: ["payment-1"] });
  });

  it.for([
    ["is cancelled", { status: "CANCELLED" }],
    ["has gone back", { status: "REFUNDED" }],
    ["is of another amount", { amountMinor: 1 }],
    ["was there before", { recordedSeq: 9 }],
    ["is another charge's", { chargeId: "c2" }],
    ["is foreign", { foreign: true }],
    ["a person has said no of", { notOf: ["charge-1"] }],
  ] as const)("does where what something else has shown %s", ([, change], { expect }) => {
    const { nowMs, report } = later(120_000);
    const payments = [recordOf({ read: true, ...change })];
    const { charge } = looked({ charges: [doubtful(899_999)], payments, nowMs }, report);
    expect(charge).toMatchObject({ state: "not_charged", contested: [] });
  });

  it("does not while a payment fits that could not be attributed", ({ expect }) => {
    const { nowMs, report } = later(120_000, {
      payments: [seenOf(), seenOf({ id: "payment-2" })],
    });
    const { charge } = looked({ charges: [doubtful(899_999)], nowMs }, report);
    expect(charge).toMatchObject({ state: "in_doubt", escalated: true });
  });

  it.for(["before_attempt", "operator", "reconciliation", "late"] as const)(
    "does not, and credits nothing, where it was made for something else: %s",
    (purpose, { expect }) => {
      const { nowMs, report } = later(120_000);
      const { charge } = looked({ charges: [doubtful(899_999)], nowMs }, report, purpose);
      expect(charge).toMatchObject({ state: "in_doubt", doubt: doubtful(899_999).doubt });
    },
  );

  it("judges nothing where it is the baseline", ({ expect }) => {
    const { types, charge } = looked({ baselineSeq: null }, { payments: [seenOf()] });
    expect(types).toEqual(["looked"]);
    expect(charge).toMatchObject({ state: "in_doubt", contested: [] });
  });

  it("tells a person where no look was complete by the horizon", ({ expect }) => {
    const nowMs = T0 + 1000 + 900_000;
    const { types } = looked({ nowMs }, { complete: false, beganAtMs: nowMs });
    expect(types).toEqual(["looked", "charge_escalated"]);
  });

  it("doubles the pause when it failed, up to five minutes", ({ expect }) => {
    const first = looked({ charges: [doubtful(0)] }, { complete: false });
    expect(first.charge?.nextLook?.gapMs).toBe(240_000);
    const charges = [...first.draft.charges.values()];
    const second = looked({ charges, nextSeq: 40 }, { complete: false });
    expect(second.charge?.nextLook?.gapMs).toBe(300_000);
  });

  it("is followed within minutes though a person was told, until absence was observed", ({
    expect,
  }) => {
    const { nowMs, report } = later(120_000);
    const at = (credited: number, change: Partial<Charge> = {}) =>
      looked({ charges: [doubtful(credited, { escalated: true, ...change })], nowMs }, report)
        .charge?.nextLook?.gapMs;
    const attempts = [attemptOf({ namedPaymentId: "payment-9", nameIs: "told" })];
    expect(at(779_999)).toBe(120_000);
    expect(at(780_000, { attempts })).toBe(HOUR_MS);
    const told = doubtful(780_000, { escalated: true, attempts });
    const { doubt } = looked({ charges: [told], nowMs }, report).charge ?? {};
    expect(doubt).toMatchObject({ creditedMs: 900_000, plannedGapMs: HOUR_MS });
    expect(at(779_999, { attempts })).toBe(120_000);
  });
});
