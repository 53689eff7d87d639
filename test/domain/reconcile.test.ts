/** What of a look differs from the books, by kind, row and sum. Pure. */
import { describe, it } from "vitest";
import { learnFromLook } from "../../src/domain/look.ts";
import type { LookReport } from "../../src/domain/facts.ts";
import { newDoubt } from "../../src/domain/schedule.ts";
import {
  type ChargeReads,
  type Comparison,
  compareBooks,
  isComparable,
  type PaidCharge,
  ROWS_MAX,
} from "../../src/domain/reconcile.ts";
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

/** Our one payment, of charge-1. */
const OURS = recordOf({ chargeId: "charge-1" });

function paidOf(change: Partial<PaidCharge> = {}): PaidCharge {
  return {
    chargeId: "charge-1",
    paymentId: "payment-1",
    amountMinor: 5000,
    currency: "MXN",
    intentSeq: 10,
    intendedAtMs: T0,
    tags: ["aaaaaaaa"],
    ...change,
  };
}

function compared(
  given: Given,
  report: Partial<LookReport>,
  reads: Partial<ChargeReads> = {},
): Comparison {
  const draft = draftOf(given);
  const whole = reportOf(report);
  learnFromLook(draft, whole, "reconciliation", null);
  return compareBooks(draft, whole, {
    paidCharges: () => [],
    paymentIdOf: () => "payment-1",
    ...reads,
  });
}

function kindsOf({ rows }: Comparison): string[] {
  return rows.map(({ kind, paymentId }) => `${kind} ${paymentId}`);
}

describe("a look that shows what the books say", () => {
  it("differs in nothing, and the confirmed money of both is the same", ({ expect }) => {
    const found = compared({ payments: [OURS] }, { payments: [seenOf()] });
    expect(found.rows).toEqual([]);
    expect(found.harmony).toEqual({ payments: 1, confirmedMinor: 5000 });
    expect(found.books).toEqual(found.harmony);
  });

  it("has payments of the baseline apart", ({ expect }) => {
    const found = compared(
      { payments: [OURS, recordOf({ id: "old", recordedSeq: 1 })] },
      { payments: [seenOf(), seenOf({ id: "old" })] },
    );
    expect(found.rows).toEqual([]);
    expect(found.earlier).toEqual({ payments: 1, confirmedMinor: 5000 });
  });

  it("is itself the baseline of a method without books", ({ expect }) => {
    const found = compared({ baselineSeq: null }, { payments: [seenOf()] });
    expect(found.rows).toEqual([]);
    expect(found.earlier).toEqual({ payments: 1, confirmedMinor: 5000 });
  });
});

describe("a look that was not complete", () => {
  it("is compared only where nothing but our payments was missing", ({ expect }) => {
    expect(isComparable(reportOf())).toBe(true);
    const missing = { complete: false, why: "known_payment_missing" };
    expect(isComparable(reportOf(missing))).toBe(true);
    for (const why of ["status_500", "count_moved", "count_differs", "timeout"]) {
      expect(isComparable(reportOf({ complete: false, why }))).toBe(false);
    }
    const found = compared(
      { payments: [OURS] },
      { ...missing, payments: [seenOf({ id: "strange" })] },
    );
    expect(kindsOf(found)).toEqual(["unexplained strange", "missing payment-1"]);
    expect(found.differences.missing).toEqual({ count: 1, booksMinor: 5000, harmonyMinor: 0 });
  });

  it("says that a payment of nobody's, shown before, is gone", ({ expect }) => {
    const gone = recordOf({ id: "gone", listedSeq: 20 });
    const found = compared(
      { payments: [OURS, gone, recordOf({ id: "polled" })] },
      { complete: false, why: "known_payment_missing", payments: [seenOf()] },
    );
    expect(kindsOf(found)).toEqual(["missing gone"]);
    expect(found.rows[0]).toMatchObject({ chargeId: null });
  });
});

describe("what is newer than the look", () => {
  it("does not differ: a status told while it went on, a payment recorded then", ({ expect }) => {
    const told = { ...OURS, status: "REFUNDED", statusSeq: 25 };
    const recorded = recordOf({ id: "payment-2", chargeId: "charge-2", recordedSeq: 26 });
    const found = compared({ payments: [told, recorded] }, { payments: [seenOf()], beganSeq: 24 });
    expect(found.rows).toEqual([]);
  });
});

describe("another currency", () => {
  it("is another amount", ({ expect }) => {
    const found = compared({ payments: [OURS] }, { payments: [seenOf({ currency: "USD" })] });
    expect(kindsOf(found)).toEqual(["amount_differs payment-1"]);
  });
});

describe("a duplicate", () => {
  it("that the books know of is one beside the charge's own payment, not unexplained", ({
    expect,
  }) => {
    const twin = { ...OURS, id: "payment-2", recordedSeq: 21 };
    const found = compared(
      { payments: [OURS, twin] },
      { payments: [seenOf(), seenOf({ id: "payment-2" })] },
    );
    expect(found.rows).toMatchObject([
      { kind: "duplicate", paymentId: "payment-2", besidePaymentId: "payment-1" },
    ]);
  });

  it("is none once it was declined or has gone back", ({ expect }) => {
    for (const status of ["CANCELLED", "REFUNDED"]) {
      const twin = { ...OURS, id: "payment-2", status };
      const seen = [seenOf(), seenOf({ id: "payment-2", status })];
      expect(compared({ payments: [OURS, twin] }, { payments: seen }).rows).toEqual([]);
      const strange = compared(
        { payments: [OURS] },
        { payments: seen },
        { paidCharges: () => [paidOf()] },
      );
      expect(kindsOf(strange)).toEqual(["unexplained payment-2"]);
    }
  });

  it("of nobody's is of the charge whose tag it carries, else of the last it fits", ({
    expect,
  }) => {
    const paid = [
      paidOf(),
      paidOf({ chargeId: "charge-2", paymentId: "p2", intentSeq: 15, tags: ["bbbbbbbb"] }),
      paidOf({ chargeId: "other-amount", amountMinor: 1, intentSeq: 17 }),
      paidOf({ chargeId: "other-currency", currency: "USD", intentSeq: 18 }),
      paidOf({ chargeId: "after-it", intentSeq: 40 }),
    ];
    const beside = (seen: Parameters<typeof seenOf>[0]) =>
      compared(
        { payments: [OURS] },
        { payments: [seenOf(), seenOf({ id: "strange", ...seen })] },
        { paidCharges: () => paid },
      ).rows.find(({ kind }) => kind === "duplicate")?.chargeId;
    expect(beside({})).toBe("charge-2");
    expect(beside({ tag: "aaaaaaaa" })).toBe("charge-1");
    expect(beside({ tag: "zzzzzzzz" })).toBe("charge-2");
    expect(beside({ createdAtMs: T0 - 3_600_000 })).toBeUndefined();
    expect(beside({ amountMinor: 4999 })).toBeUndefined();
  });
});

describe("many differences", () => {
  it("are all counted, and the first kept", ({ expect }) => {
    const payments = Array.from({ length: ROWS_MAX + 5 }, (_, index) =>
      seenOf({ id: `strange-${index}`, amountMinor: 100 }),
    );
    const found = compared({}, { payments });
    expect(found.rows).toHaveLength(ROWS_MAX);
    expect(found.differences.unexplained).toEqual({
      count: ROWS_MAX + 5,
      booksMinor: 0,
      harmonyMinor: 100 * (ROWS_MAX + 5),
    });
  });
});

describe("a look for a reconciliation", () => {
  /** Two days after the doubt ended, and the look before this one a moment ago. */
  const NOW = { nowMs: T0 + 48 * HOUR_MS, lookedAtMs: T0 + 48 * HOUR_MS - 1 };
  const learnt = (given: Given, payments = [seenOf()]) => {
    const draft = draftOf(given);
    learnFromLook(draft, reportOf({ payments }), "reconciliation", null);
    return draft;
  };
  const closed = {
    state: "not_charged",
    resolvedAtMs: T0,
    resolvedBy: "rule",
    nextLook: null,
    doubt: null,
    lateLooks: 3,
    attempts: [attemptOf({ doubtEndedAtMs: T0 + 1000 })],
  } as const;

  it("counts for no horizon and puts no look off", ({ expect }) => {
    const doubt = { ...newDoubt(T0), looks: 9, countedLooks: 9, creditedMs: 1e9, countedAtMs: T0 };
    const charge = chargeOf({ doubt });
    const draft = learnt({ charges: [charge] }, []);
    expect(typesOf(draft)).toEqual(["looked"]);
    expect(draft.charges.get("charge-1")).toEqual(charge);
  });

  it("adopts for a charge in doubt, whatever charges there are whose windows are over", ({
    expect,
  }) => {
    const old = chargeOf({ ...closed, chargeId: "old" });
    const draft = learnt({ charges: [chargeOf(), old], ...NOW });
    expect(typesOf(draft)).toEqual(["looked", "payment_adopted"]);
    expect(draft.charges.get("charge-1")).toMatchObject({ state: "approved" });
    // Created while the old one's horizon ran, it may be of either.
    const both = learnt({ charges: [chargeOf(), old], ...NOW }, [seenOf({ createdAtMs: T0 })]);
    expect(typesOf(both)).toEqual([
      "looked",
      "payment_contested",
      "charge_escalated",
      "payment_contested",
    ]);
  });

  it("is the first after the last late look: what it lists first may be late truth", ({
    expect,
  }) => {
    const first = { ...NOW, lookedAtMs: T0 + 1000 + 24 * HOUR_MS - 1 };
    const late = learnt({ charges: [chargeOf(closed)], ...first });
    expect(typesOf(late)).toEqual(["looked", "late_truth_found"]);
    expect(late.charges.get("charge-1")).toMatchObject({ state: "approved" });
  });

  it("gives a charge whose window is over nothing but by time, tag or name", ({ expect }) => {
    const draft = learnt({ charges: [chargeOf(closed)], ...NOW });
    expect(typesOf(draft)).toEqual(["looked", "payment_unattributed"]);
    expect(draft.charges.get("charge-1")).toMatchObject({ state: "not_charged", contested: [] });
    for (const seen of [seenOf({ createdAtMs: T0 + 1000 }), seenOf({ tag: "aaaaaaaa" })]) {
      const proven = learnt({ charges: [chargeOf(closed)], ...NOW }, [seen]);
      expect(typesOf(proven)).toEqual(["looked", "late_truth_found"]);
    }
  });

  it("does not guess between two charges that it fits: it is a person's", ({ expect }) => {
    const attempts = [attemptOf({ tag: "bbbbbbbb", doubtEndedAtMs: T0 + 1000 })];
    const charges = [chargeOf(closed), chargeOf({ ...closed, chargeId: "charge-2", attempts })];
    const draft = learnt({ charges });
    expect(typesOf(draft)).toEqual(["looked", "payment_contested", "payment_contested"]);
    expect(draft.noted.slice(1).map(({ fact }) => fact.chargeId)).toEqual(["charge-1", "charge-2"]);
    const tagged = learnt({ charges }, [seenOf({ tag: "bbbbbbbb" })]);
    expect(typesOf(tagged)).toEqual(["looked", "late_truth_found"]);
    expect(tagged.noted[1]?.fact.chargeId).toBe("charge-2");
  });
});
