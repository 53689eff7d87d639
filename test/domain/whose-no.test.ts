/**
 * Whose a payment is that speaks against a no: row 4 of whose.ts, cell by cell; which noes are
 * fresh, and of what a charge is asked about first. Pure.
 */
import { describe, it } from "vitest";
import { isQuestioned } from "../../src/domain/decide.ts";
import { judgedOf, recordOf, refusedOf, RULES, T0 } from "./builders.ts";
import { CLOSED_MS, DAY_MS, ENDED, HOUR_MS, said } from "./said.ts";

const NO_MS = T0 + 1000;
const HORIZON_MS = 900_000;
const REFUSED = judgedOf(refusedOf({ tag: "a1a1a1a1" }));
const NOT_SENT = judgedOf({ outcome: "not_sent", noAtMs: NO_MS });
const CANCELLED_ONLY = judgedOf({ outcome: "declined", explainedBy: "payment-0", noAtMs: NO_MS });
/** Called not charged by a rule: without an answer, and told no. */
const BY_RULE = judgedOf({ noAtMs: NO_MS, ...ENDED });
const NOES = [REFUSED, NOT_SENT, CANCELLED_ONLY] as const;
const DOUBT = judgedOf({ chargeId: "charge-2", tag: "bbbbbbbb", intentSeq: 14 });

function persons(fits = "charge-1"): string {
  return `payment-1 is a person's, of ${fits}: refused_yet_paid`;
}

const DENIED = ["payment-1 is denied"];
const NOBODYS = ["payment-1 is nobody's"];
/** Answered in entry 11: what a look of this entry did not list came after the no. */
const SINCE = 12;
/** Listed by a look that began so long after the no; `absentSeq`: the complete look before it. */
const listed = (afterMs: number, absentSeq: number | null = null) =>
  recordOf({ listedAtMs: NO_MS + afterMs, absentSeq });
const OWN = recordOf({ id: "payment-0", chargeId: "charge-1", status: "CANCELLED" });

describe("row 4: a payment that speaks against a no", () => {
  it.for(["PENDING", "CONFIRMED", "UNDER_REVIEW", ""])(
    "is a person's, beside each kind of no, where it is %s",
    (status, { expect }) => {
      for (const no of NOES) {
        const payments = [{ ...listed(5000), status }];
        expect(said({ attempts: [no], payments })).toEqual([persons()]);
      }
    },
  );

  it.for(["REFUNDED", "NOT_INITIALIZED"])(
    "leaves the no as it is where it is %s",
    (status, { expect }) => {
      for (const no of NOES) {
        const payments = [{ ...listed(5000), status }];
        expect(said({ attempts: [no], payments })).toEqual(DENIED);
      }
    },
  );

  it.for([
    ["of another amount", { amountMinor: 5001 }],
    ["of another currency", { currency: "USD" }],
    ["recorded before the attempt", { recordedSeq: 9 }],
    ["recorded by the attempt's own entry", { recordedSeq: 10 }],
    ["by a person's word not that charge's", { notOf: ["charge-1"] }],
  ] as const)("is none that is %s", ([, change], { expect }) => {
    for (const no of NOES) {
      expect(said({ attempts: [no], payments: [{ ...listed(5000), ...change }] })).toEqual(NOBODYS);
    }
  });

  it.for([
    ["at once", listed(0), true],
    ["before the no was told", listed(-500), true],
    ["as the horizon ends", listed(HORIZON_MS, SINCE), true],
    ["a moment later, with a complete look between", listed(HORIZON_MS + 1, SINCE), false],
    ["a moment later, with one that saw the answer", listed(HORIZON_MS + 1, 11), false],
    ["a moment later, by the first complete look since", listed(HORIZON_MS + 1, 10), true],
    ["later, by the first complete look at all", listed(HOUR_MS), true],
    ["when the last late look is due", listed(DAY_MS, 10), true],
    ["a moment after that", listed(DAY_MS + 1, 10), false],
  ] as const)("is one first listed within the horizon of the no: %s", ([, one, is], { expect }) => {
    for (const no of NOES) {
      expect(said({ attempts: [no], payments: [one] })).toEqual(is ? [persons()] : NOBODYS);
    }
  });

  it("has 15 minutes where no horizon is in force, and none more without late looks", ({
    expect,
  }) => {
    const never = { ...REFUSED, horizonMs: null };
    const at = (payment: ReturnType<typeof listed>, lateMs = RULES.lateMs) =>
      said({ attempts: [never], payments: [payment], lateMs });
    expect(at(listed(HORIZON_MS, SINCE))).toEqual([persons()]);
    expect(at(listed(HORIZON_MS + 1, SINCE))).toEqual(NOBODYS);
    expect(at(listed(HORIZON_MS + 1), [])).toEqual(NOBODYS);
    const short = { ...REFUSED, horizonMs: 60_000 };
    expect(said({ attempts: [short], payments: [listed(60_001, SINCE)] })).toEqual(NOBODYS);
  });

  it.for([
    ["a day before the intent", T0 - DAY_MS, true],
    ["a moment more", T0 - DAY_MS - 1, false],
    ["after it", T0 + DAY_MS, true],
    ["nowhere", null, true],
  ] as const)("is dated %s", ([, createdAtMs, is], { expect }) => {
    const payments = [{ ...listed(5000), createdAtMs }];
    for (const no of NOES) {
      expect(said({ attempts: [no], payments })).toEqual(is ? [persons()] : NOBODYS);
    }
  });

  it("is rows 5 and 6's where it is dated a day before each no", ({ expect }) => {
    const payments = [{ ...listed(5000), createdAtMs: T0 - DAY_MS - 1 }];
    const closed = { ...DOUBT, ...ENDED };
    for (const unanswered of [DOUBT, closed]) {
      expect(said({ attempts: [REFUSED, unanswered], payments })).toEqual([
        "payment-1 is a person's, of charge-2: time_contradicts",
      ]);
    }
    const cancelled = payments.map((one) => ({ ...one, status: "CANCELLED" }));
    expect(said({ attempts: [REFUSED], payments: cancelled })).toEqual(NOBODYS);
  });

  it("names each no that it fits and may belie, and each charge once", ({ expect }) => {
    const other = { ...NOT_SENT, chargeId: "charge-2", intentSeq: 12 };
    const third = { ...NOT_SENT, chargeId: "charge-3", intendedAtMs: T0 + 2 * DAY_MS };
    const again = { ...REFUSED, attempt: 2, intentSeq: 13 };
    const payments = [{ ...listed(5000), createdAtMs: T0 }];
    expect(said({ attempts: [REFUSED, other, again, third], payments })).toEqual([
      persons("charge-1 or charge-2"),
    ]);
    const denied = [{ ...listed(5000), notOf: ["charge-1"] }];
    expect(said({ attempts: [REFUSED, other], payments: denied })).toEqual([persons("charge-2")]);
  });

  it("is row 5's while it fits an attempt in doubt, unless it is cancelled", ({ expect }) => {
    const attempts = [REFUSED, DOUBT];
    expect(said({ attempts, payments: [listed(5000)] })).toEqual([
      "payment-1 is charge-2's 1 by single",
    ]);
    const cancelled = [{ ...listed(5000), status: "CANCELLED" }];
    expect(said({ attempts, payments: cancelled })).toEqual(DENIED);
    const notSent = [NOT_SENT, DOUBT];
    expect(said({ attempts: notSent, payments: cancelled })).toEqual(DENIED);
  });

  it("names a closed attempt without an answer beside the no", ({ expect }) => {
    const closed = { ...DOUBT, ...ENDED };
    expect(said({ attempts: [REFUSED, closed], payments: [listed(5000)] })).toEqual([
      persons("charge-1 or charge-2"),
    ]);
    // Whose window is over is not named.
    const late = { ...listed(5000), absentAtMs: CLOSED_MS };
    expect(said({ attempts: [REFUSED, closed], payments: [late] })).toEqual([persons()]);
  });

  it("asks no attempt that never had an answer, whoever called it not charged", ({ expect }) => {
    expect(said({ attempts: [BY_RULE], payments: [listed(5000)] })).toEqual([
      "payment-1 is charge-1's 1 by single",
    ]);
  });

  it("asks an attempt that has a cancelled payment only, whatever its answer was", ({ expect }) => {
    for (const outcome of ["indeterminate", "approved", "pending", "declined"] as const) {
      const no = judgedOf({ outcome, explainedBy: "payment-0", noAtMs: NO_MS });
      const given = { attempts: [no], payments: [OWN, listed(5000)] };
      expect(said({ ...given, nowMs: NO_MS + 5000 })).toEqual([persons()]);
      const cancelled = { ...listed(5000), status: "CANCELLED" };
      expect(said({ attempts: [no], payments: [OWN, cancelled] })).toEqual(DENIED);
    }
  });

  it.for(["CONFIRMED", "PENDING", "NOT_INITIALIZED", "REFUNDED", "UNDER_REVIEW"])(
    "asks no attempt whose payment is %s",
    (status, { expect }) => {
      for (const no of [...NOES, BY_RULE]) {
        const attempts = [{ ...no, explainedBy: "payment-0" }];
        const payments = [{ ...OWN, status }, listed(5000)];
        expect(said({ attempts, payments })).toEqual(NOBODYS);
      }
    },
  );

  it("asks none that a tag or name gives a payment, unless that is cancelled", ({ expect }) => {
    for (const no of NOES) {
      const tagged = recordOf({ id: "payment-2", tag: no.tag });
      expect(said({ attempts: [no], payments: [listed(5000), tagged] })).toEqual([
        "payment-2 is charge-1's 1 by tag",
        "payment-1 is nobody's",
      ]);
      const cancelled = { ...tagged, status: "CANCELLED" };
      expect(said({ attempts: [no], payments: [listed(5000), cancelled] })).toEqual([
        "payment-2 is charge-1's 1 by tag",
        persons(),
      ]);
    }
  });

  it("asks one that this look proves to have a cancelled payment only, answered or not", ({
    expect,
  }) => {
    const unanswered = judgedOf({ tag: "a1a1a1a1" });
    const cancelled = recordOf({ id: "payment-2", tag: "a1a1a1a1", status: "CANCELLED" });
    const given = { attempts: [unanswered], payments: [listed(5000), cancelled] };
    expect(said({ ...given, nowMs: NO_MS + 5000 })).toEqual([
      "payment-2 is charge-1's 1 by tag",
      persons(),
    ]);
  });

  it("asks a person though others charge the same cards", ({ expect }) => {
    const given = { attempts: [REFUSED], payments: [listed(5000)] };
    expect(said({ ...given, foreignWriters: true })).toEqual([persons()]);
  });
});

describe("row 4: the only cancelled payment of a refusal", () => {
  const cancelled = { ...listed(5000), status: "CANCELLED" };

  it("is the refusal's", ({ expect }) => {
    expect(said({ attempts: [REFUSED], payments: [cancelled] })).toEqual([
      "payment-1 is charge-1's 1 by single",
    ]);
  });

  it("is nobody's no where it is another kind of no", ({ expect }) => {
    for (const no of [NOT_SENT, CANCELLED_ONLY]) {
      expect(said({ attempts: [no], payments: [cancelled] })).toEqual(DENIED);
    }
  });

  it("is not the refusal's where there are two refusals, or two such payments", ({ expect }) => {
    const other = { ...REFUSED, chargeId: "charge-2", tag: "a2a2a2a2" };
    expect(said({ attempts: [REFUSED, other], payments: [cancelled] })).toEqual(DENIED);
    const two = [cancelled, { ...cancelled, id: "payment-2" }];
    expect(said({ attempts: [REFUSED], payments: two })).toEqual([
      "payment-1 is denied",
      "payment-2 is denied",
    ]);
    const unlike = [cancelled, { ...cancelled, id: "payment-2", amountMinor: 1 }];
    expect(said({ attempts: [REFUSED], payments: unlike })[0]).toMatch(/by single$/u);
  });

  it("is the refusal's among other noes, and not beside one that holds money", ({ expect }) => {
    const attempts = [REFUSED, { ...NOT_SENT, chargeId: "charge-2" }];
    expect(said({ attempts, payments: [cancelled] })[0]).toMatch(/charge-1's 1 by single$/u);
    const payments = [{ ...listed(5000), id: "payment-2" }, cancelled];
    expect(said({ attempts: [REFUSED], payments })).toEqual([
      "payment-2 is a person's, of charge-1: refused_yet_paid",
      "payment-1 is denied",
    ]);
    // One that speaks against another no alone changes nothing.
    const later = { ...payments[0], id: "payment-2", recordedSeq: 9 } as const;
    const earlier = judgedOf({ ...NOT_SENT, chargeId: "charge-2", intentSeq: 5 });
    const two = [recordOf(later), cancelled];
    expect(said({ attempts: [REFUSED, earlier], payments: two })).toEqual([
      "payment-2 is a person's, of charge-2: refused_yet_paid",
      "payment-1 is charge-1's 1 by single",
    ]);
  });

  it("is not the refusal's where it fits an attempt without an answer, in doubt or closed", ({
    expect,
  }) => {
    for (const other of [DOUBT, { ...DOUBT, ...ENDED }]) {
      expect(said({ attempts: [REFUSED, other], payments: [cancelled] })).toEqual(DENIED);
    }
  });

  it("is nobody's where others charge the same cards", ({ expect }) => {
    const given = { attempts: [REFUSED], payments: [cancelled], foreignWriters: true };
    expect(said(given)).toEqual(DENIED);
  });
});

describe("a no", () => {
  const at = (afterMs: number, horizonMs: number | null = HORIZON_MS) =>
    isQuestioned(
      { ...REFUSED, horizonMs },
      { nowMs: NO_MS + afterMs, lookedSeq: 1000, lateMs: RULES.lateMs },
    );

  it("is fresh until its horizon is over, 15 minutes under `never`", ({ expect }) => {
    expect([at(-5000), at(0), at(HORIZON_MS - 1), at(HORIZON_MS)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect([at(HORIZON_MS - 1, null), at(HORIZON_MS, null)]).toEqual([true, false]);
    expect([at(59_999, 60_000), at(60_000, 60_000)]).toEqual([true, false]);
  });

  it("is none where none was told", ({ expect }) => {
    const never = { nowMs: T0, lookedSeq: null, lateMs: RULES.lateMs };
    expect(isQuestioned(judgedOf(), never)).toBe(false);
  });

  it.for([
    ["while it is fresh, looked at or not", HORIZON_MS - 1, 12, true],
    ["not when it is over and a look was complete since", HORIZON_MS, 12, false],
    ["on while no look was complete since", HORIZON_MS, 10, true],
    ["on where no look was complete at all", HORIZON_MS, null, true],
    ["until its last late look was due", DAY_MS - 1, null, true],
    ["no longer than that", DAY_MS, null, false],
  ] as const)("has its amount looked for, %s", ([, afterMs, lookedSeq, is], { expect }) => {
    const about = { nowMs: NO_MS + afterMs, lookedSeq, lateMs: RULES.lateMs };
    expect(isQuestioned(REFUSED, about)).toBe(is);
  });

  it("has it no longer than its horizon where no late looks are made", ({ expect }) => {
    const about = { lookedSeq: null, lateMs: [] };
    expect(isQuestioned(REFUSED, { ...about, nowMs: NO_MS + HORIZON_MS - 1 })).toBe(true);
    expect(isQuestioned(REFUSED, { ...about, nowMs: NO_MS + HORIZON_MS })).toBe(false);
  });
});
