/**
 * Whose a payment is that nothing but its amount speaks for: row 5 of whose.ts, cell by cell, and
 * what forbids a further attempt. Pure.
 */
import { describe, it } from "vitest";
import { forbids, isNewTo } from "../../src/domain/fit.ts";
import { type Reason } from "../../src/domain/whose.ts";
import { judgedOf, recordOf, T0 } from "./builders.ts";
import {
  A,
  A2,
  ANSWERED,
  B,
  C,
  type Case,
  CLOSED_MS,
  DAY_MS,
  ENDED,
  HOUR_MS,
  OURS,
  said,
  STATUSES,
  UNANSWERED,
} from "./said.ts";

const BY_SINGLE = ["payment-1 is charge-1's 1 by single"];
const NOBODYS = ["payment-1 is nobody's"];
/** A reply that is sure of another payment. */
const NAMED = { namedPaymentId: "payment-9", nameIs: "sure" } as const;

function persons(reason: Reason, fits = "charge-1", id = "payment-1"): string {
  return `${id} is a person's, of ${fits}: ${reason}`;
}

describe("row 5: the one payment that fits", () => {
  it.for(UNANSWERED)("is that charge's where its attempt is %s", (outcome, { expect }) => {
    expect(said({ attempts: [judgedOf({ outcome })] })).toEqual(BY_SINGLE);
  });

  it.for(["NOT_INITIALIZED", "PENDING", "CONFIRMED", "CANCELLED"])(
    "is that charge's when it is %s",
    (status, { expect }) => {
      expect(said({ payments: [recordOf({ status })] })).toEqual(BY_SINGLE);
    },
  );

  it.for(["REFUNDED", "UNDER_REVIEW", ""])("is a person's when it is %s", (status, { expect }) => {
    const payments = [recordOf({ status })];
    expect(said({ payments })).toEqual([persons("status_needs_a_person")]);
  });

  it("is a person's where a person has said that another charge did not make it", ({ expect }) => {
    const payments = [recordOf({ notOf: ["charge-2"] })];
    expect(said({ payments })).toEqual([persons("proof_speaks_for_another")]);
  });

  it.for([
    ["it was reported as nobody's", { unattributed: true }],
    ["a read has shown it first", { read: true, recordedSeq: 11 }],
    ["it was recorded right after the attempt", { recordedSeq: 11 }],
    ["it contradicted itself", { contradicted: "PENDING 5000 MXN" }],
    ["older news spoke against its status", { reread: true }],
  ] as const)("is that charge's where %s", ([, change], { expect }) => {
    expect(said({ payments: [recordOf(change)] })).toEqual(BY_SINGLE);
  });

  it.for([
    ["of another amount", { amountMinor: 5001 }],
    ["of another currency", { currency: "USD" }],
    ["recorded before the attempt", { recordedSeq: 9 }],
    ["another charge's", { chargeId: "charge-9" }],
    ["named foreign", { foreign: true }],
    ["not that charge's, by a person's word", { notOf: ["charge-1"] }],
    ["listed after the window of its attempt", { absentAtMs: CLOSED_MS }],
  ] as const)("is not in doubt for another that is %s", ([, change], { expect }) => {
    const attempts = [judgedOf(ENDED)];
    const payments = [recordOf(), recordOf({ id: "payment-2", ...change })];
    expect(said({ attempts, payments })[0]).toBe(BY_SINGLE[0]);
  });

  it("is not in doubt for one that the look does not list", ({ expect }) => {
    const payments = [recordOf(), recordOf({ id: "payment-2", read: true })];
    expect(said({ payments, listed: ["payment-1"] })).toEqual(BY_SINGLE);
  });

  it.for([
    ["another amount", { amountMinor: 5001 }],
    ["another currency", { currency: "USD" }],
    ["a later intent", { intentSeq: 20 }],
    ["an answer", { outcome: "declined" }],
    ["an explanation", { explainedBy: "payment-9" }],
    ["a window that is over", { ...ENDED, intendedAtMs: T0 - 2 * HOUR_MS }],
  ] as const)("is not in doubt for another charge's attempt with %s", ([, change], { expect }) => {
    const attempts = [A, { ...B, ...change }];
    const payments = [recordOf({ absentAtMs: CLOSED_MS, createdAtMs: T0 })];
    expect(said({ attempts, payments })).toEqual(BY_SINGLE);
  });

  it("is of the last of that charge's attempts that it fits", ({ expect }) => {
    expect(said({ attempts: [A, A2] })).toEqual(["payment-1 is charge-1's 2 by single"]);
    const payments = [recordOf({ recordedSeq: 12 })];
    expect(said({ attempts: [A, A2], payments })).toEqual(BY_SINGLE);
  });

  it("is of the last of them that its time allows", ({ expect }) => {
    const later = { ...A2, intendedAtMs: T0 + HOUR_MS };
    const payments = [recordOf({ createdAtMs: T0 + 60_000 })];
    expect(said({ attempts: [A, later], payments })).toEqual(BY_SINGLE);
    const attempts = [{ ...A, intendedAtMs: T0 + HOUR_MS }, later];
    expect(said({ attempts, payments })).toEqual([persons("time_contradicts")]);
  });
});

describe("row 5: a person's, with the reason", () => {
  it("is one that fits two charges", ({ expect }) => {
    expect(said({ attempts: [A, B] })).toEqual([
      persons("charges_compete", "charge-1 or charge-2"),
    ]);
    expect(said({ attempts: [A, A2, B, C] })).toEqual([
      persons("charges_compete", "charge-1 or charge-2 or charge-3"),
    ]);
  });

  it("is one that fits two charges though the window of one is nearly over", ({ expect }) => {
    const attempts = [A, { ...B, ...ENDED }];
    const payments = [recordOf({ absentAtMs: CLOSED_MS - 1 })];
    expect(said({ attempts, payments })).toEqual([
      persons("charges_compete", "charge-1 or charge-2"),
    ]);
  });

  it("are two that fit one charge, each of them, by whichever attempt", ({ expect }) => {
    const payments = [recordOf(), recordOf({ id: "payment-2", recordedSeq: 11 })];
    for (const attempts of [[A], [A, A2], [A, { ...A2, intentSeq: 18 }]]) {
      expect(said({ attempts, payments })).toEqual([
        persons("several_payments_fit"),
        persons("several_payments_fit", "charge-1", "payment-2"),
      ]);
    }
  });

  it("is the further one beside one that fits another charge as well", ({ expect }) => {
    const payments = [recordOf({ recordedSeq: 11 }), recordOf({ id: "payment-2" })];
    expect(said({ attempts: [A, B], payments })).toEqual([
      persons("several_payments_fit"),
      persons("charges_compete", "charge-1 or charge-2", "payment-2"),
    ]);
  });

  it("are two even where one is cancelled, or dated wrong, or of an odd status", ({ expect }) => {
    for (const change of [
      { status: "CANCELLED" },
      { status: "REFUNDED" },
      { status: "UNDER_REVIEW" },
      { createdAtMs: T0 - 2 * DAY_MS },
    ]) {
      const payments = [recordOf(), recordOf({ id: "payment-2", ...change })];
      expect(said({ payments })).toEqual([
        persons("several_payments_fit"),
        persons("several_payments_fit", "charge-1", "payment-2"),
      ]);
    }
  });

  it("is any where others charge the same cards", ({ expect }) => {
    for (const status of STATUSES) {
      const payments = [recordOf({ status })];
      expect(said({ payments, foreignWriters: true })).toEqual([persons("tag_required")]);
    }
    expect(said({ payments: [recordOf({ tag: OURS })], foreignWriters: true })).toEqual([
      "payment-1 is charge-1's 1 by tag",
    ]);
    expect(said({ attempts: [], foreignWriters: true })).toEqual(NOBODYS);
  });

  it("is one beside a name that a reply gave to any attempt that it fits", ({ expect }) => {
    for (const attempts of [
      [judgedOf(NAMED)],
      [judgedOf({ ...NAMED, nameIs: "told" })],
      [judgedOf(NAMED), A2],
      [A, { ...A2, ...NAMED }],
    ]) {
      expect(said({ attempts })).toEqual([persons("proof_speaks_for_another")]);
    }
  });

  it("is none beside a name that is but a guess", ({ expect }) => {
    expect(said({ attempts: [judgedOf({ ...NAMED, nameIs: "guess" })] })).toEqual(BY_SINGLE);
  });

  it.for([
    ["10 minutes before the intent", T0 - 600_000, T0 + HOUR_MS, true],
    ["a moment more", T0 - 600_001, T0 + HOUR_MS, false],
    ["a day before", T0 - DAY_MS, T0 + HOUR_MS, false],
    ["10 minutes from now", T0 + 700_000, T0 + 100_000, true],
    ["a moment more from now", T0 + 700_001, T0 + 100_000, false],
  ] as const)("is one whose time contradicts: %s", ([, createdAtMs, nowMs, fine], { expect }) => {
    const payments = [recordOf({ createdAtMs })];
    const found = said({ payments, nowMs });
    expect(found).toEqual(fine ? BY_SINGLE : [persons("time_contradicts")]);
  });

  it("says the first of its reasons", ({ expect }) => {
    const odd = recordOf({ status: "REFUNDED", createdAtMs: T0 - 2 * DAY_MS });
    const named = judgedOf(NAMED);
    const two = [odd, { ...odd, id: "payment-2", amountMinor: 5000 }];
    const reasons = (given: Case) => said(given)[0]?.split(": ")[1];
    const foreignWriters = true;
    expect(reasons({ attempts: [named, B], payments: two, foreignWriters })).toBe(
      "charges_compete",
    );
    expect(reasons({ attempts: [named], payments: two, foreignWriters })).toBe(
      "several_payments_fit",
    );
    expect(reasons({ attempts: [named], payments: [odd], foreignWriters })).toBe("tag_required");
    expect(reasons({ attempts: [named], payments: [odd] })).toBe("proof_speaks_for_another");
    expect(reasons({ payments: [odd] })).toBe("status_needs_a_person");
  });
});

describe("row 5: the window of an attempt", () => {
  it.for([
    ["has no end while its charge is in doubt", null, null, CLOSED_MS + 99 * DAY_MS, true],
    ["ends a day after the doubt: listed before", T0 + 1000, null, CLOSED_MS - 1, true],
    ["ends a day after the doubt: not listed by then", T0 + 1000, null, CLOSED_MS, false],
    ["is open to what no look before had to list", T0 + 1000, null, null, true],
    ["is open to what was created within the horizon", T0 + 1000, T0 + 900_000, CLOSED_MS, true],
    ["is over for what was created a moment later", T0 + 1000, T0 + 900_001, CLOSED_MS, false],
    ["allows Harmony's clock 10 minutes", T0 + 1000, T0 - 600_000, CLOSED_MS, true],
    ["allows it no more", T0 + 1000, T0 - 600_001, CLOSED_MS, false],
  ] as const)("%s", ([, doubtEndedAtMs, createdAtMs, absentAtMs, fits], { expect }) => {
    const attempts = [judgedOf({ doubtEndedAtMs })];
    const payments = [recordOf({ createdAtMs, absentAtMs })];
    expect(said({ attempts, payments })).toEqual(fits ? BY_SINGLE : NOBODYS);
  });

  it("is 15 minutes for a creation time where no horizon is in force", ({ expect }) => {
    const at = (horizonMs: number | null, afterMs: number) =>
      said({
        attempts: [judgedOf({ ...ENDED, horizonMs })],
        payments: [recordOf({ createdAtMs: T0 + afterMs, absentAtMs: CLOSED_MS })],
      });
    expect(at(null, 900_000)).toEqual(BY_SINGLE);
    expect(at(null, 900_001)).toEqual(NOBODYS);
    expect(at(60_000, 60_000)).toEqual(BY_SINGLE);
    expect(at(60_000, 60_001)).toEqual(NOBODYS);
  });

  it("ends with the doubt where no late looks are made", ({ expect }) => {
    const attempts = [judgedOf(ENDED)];
    const at = (absentAtMs: number) =>
      said({ attempts, payments: [recordOf({ absentAtMs })], lateMs: [] });
    expect(at(T0 + 999)).toEqual(BY_SINGLE);
    expect(at(T0 + 1000)).toEqual(NOBODYS);
  });

  it("is each attempt's own", ({ expect }) => {
    const payments = [recordOf({ absentAtMs: CLOSED_MS })];
    expect(said({ attempts: [{ ...A, ...ENDED }, B], payments })).toEqual([
      "payment-1 is charge-2's 1 by single",
    ]);
    expect(said({ attempts: [{ ...A, ...ENDED }, A2], payments })).toEqual([
      "payment-1 is charge-1's 2 by single",
    ]);
  });
});

describe("rows 1 and 2 before row 5", () => {
  const tagged = recordOf({ id: "payment-2", tag: OURS });

  it("explain their attempt, so that nothing else is its", ({ expect }) => {
    for (const payments of [
      [recordOf(), tagged],
      [tagged, recordOf()],
    ]) {
      expect(said({ payments })).toEqual([
        "payment-2 is charge-1's 1 by tag",
        "payment-1 is nobody's",
      ]);
    }
    const named = judgedOf({ namedPaymentId: "payment-2" });
    const payments = [recordOf(), { ...tagged, tag: null }];
    expect(said({ attempts: [named], payments })).toEqual([
      "payment-2 is charge-1's 1 by named",
      "payment-1 is nobody's",
    ]);
  });

  it("leave the other attempts what fits them", ({ expect }) => {
    const payments = [recordOf(), tagged];
    expect(said({ attempts: [A, B], payments })).toEqual([
      "payment-2 is charge-1's 1 by tag",
      "payment-1 is charge-2's 1 by single",
    ]);
    expect(said({ attempts: [A, A2], payments })).toEqual([
      "payment-2 is charge-1's 1 by tag",
      "payment-1 is charge-1's 2 by single",
    ]);
  });

  it("are judged whether a charge is in doubt or long closed", ({ expect }) => {
    const attempts = [{ ...A, ...ENDED, outcome: "declined" as const }, B];
    expect(said({ attempts, payments: [recordOf(), tagged] })).toEqual([
      "payment-2 is charge-1's 1 by tag",
      "payment-1 is charge-2's 1 by single",
    ]);
  });
});

describe("a payment that is new to an attempt", () => {
  it.for([
    ["of its money, recorded after it", {}, true],
    ["a moment after it", { recordedSeq: 11 }, true],
    ["by its own entry", { recordedSeq: 10 }, false],
    ["before it", { recordedSeq: 9 }, false],
    ["of another amount", { amountMinor: 4999 }, false],
    ["of another currency", { currency: "USD" }, false],
  ] as const)("%s: %o %s", ([, change, isNew], { expect }) => {
    expect(isNewTo(recordOf(change), A)).toBe(isNew);
  });
});

describe("a payment that forbids a further attempt", () => {
  it.for(STATUSES)("holds money: %s", (status, { expect }) => {
    const holds = status !== "CANCELLED" && status !== "REFUNDED";
    expect(forbids(recordOf({ status }), [A])).toBe(holds);
  });

  it.for([
    ["listed or not, by whatever call", { read: true, listedSeq: null }, true],
    ["however late", { absentAtMs: CLOSED_MS, createdAtMs: T0 + 9 * DAY_MS }, true],
    ["whatever its time", { createdAtMs: T0 - 9 * DAY_MS }, true],
    ["with whatever tag", { tag: "bbbbbbbb" }, true],
    ["reported as nobody's", { unattributed: true }, true],
    ["by a person's word not another charge's", { notOf: ["charge-2"] }, true],
    ["but not by a person's word this one's", { notOf: ["charge-1"] }, false],
    ["but not foreign", { foreign: true }, false],
    ["but not a charge's", { chargeId: "charge-2" }, false],
    ["but not this charge's own", { chargeId: "charge-1" }, false],
    ["but not of another amount", { amountMinor: 5001 }, false],
    ["but not of another currency", { currency: "USD" }, false],
    ["but not recorded before every attempt", { recordedSeq: 10 }, false],
  ] as const)("is, %s", ([, change, is], { expect }) => {
    expect(forbids(recordOf(change), [judgedOf(ENDED), A2])).toBe(is);
  });

  it.for([...UNANSWERED, ...ANSWERED])(
    "is new to any of its attempts, %s or not",
    (outcome, { expect }) => {
      const attempts = [judgedOf({ outcome, ...ENDED }), { ...A2, intentSeq: 25 }];
      expect(forbids(recordOf(), attempts)).toBe(true);
      expect(forbids(recordOf(), attempts.slice(1))).toBe(false);
      expect(forbids(recordOf(), [])).toBe(false);
    },
  );
});
