/**
 * Whose a payment is: rows 1, 2, 3 and 6 of whose.ts, cell by cell. A wrong row calls somebody
 * else's payment ours, or ours nobody's. Pure.
 */
import { describe, it } from "vitest";
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
  OURS,
  said,
  STATUSES,
  UNANSWERED,
} from "./said.ts";

/** Whatever became of an attempt. */
const ANYHOW = [...UNANSWERED, ...ANSWERED];

describe("a payment that has its answer", () => {
  it.for([
    ["a charge has", { chargeId: "charge-2" }],
    ["this very charge has", { chargeId: "charge-1" }],
    ["a person named foreign", { foreign: true }],
  ] as const)("is asked about no more: %s it", ([, change], { expect }) => {
    const named = judgedOf({ namedPaymentId: "payment-1" });
    for (const tag of [null, OURS]) {
      for (const attempts of [[A], [named], [A, B], []]) {
        expect(said({ attempts, payments: [recordOf({ ...change, tag })] })).toEqual([]);
      }
    }
  });
});

describe("row 1: a payment with an attempt's tag", () => {
  const tagged = recordOf({ tag: OURS });

  it.for(ANYHOW)("is that charge's where the attempt is %s", (outcome, { expect }) => {
    const explainedBy = outcome === "approved" ? "payment-0" : null;
    const attempts = [judgedOf({ outcome, explainedBy })];
    expect(said({ attempts, payments: [tagged] })).toEqual(["payment-1 is charge-1's 1 by tag"]);
  });

  it.for(STATUSES)("is that charge's when it is %s", (status, { expect }) => {
    expect(said({ payments: [{ ...tagged, status }] })).toEqual([
      "payment-1 is charge-1's 1 by tag",
    ]);
  });

  it.for([
    ["however late it is listed", { absentAtMs: CLOSED_MS + 99 * DAY_MS }, ENDED],
    ["however old it says it is", { createdAtMs: T0 - 30 * DAY_MS }, {}],
    ["however young", { createdAtMs: T0 + 30 * DAY_MS }, {}],
    ["reported as nobody's or not", { unattributed: true }, {}],
    ["whatever its reply named", {}, { namedPaymentId: "payment-9" }],
    ["where no horizon applies", {}, { horizonMs: null }],
  ] as const)("is that charge's, %s", ([, payment, attempt], { expect }) => {
    const attempts = [judgedOf(attempt)];
    expect(said({ attempts, payments: [{ ...tagged, ...payment }] })).toEqual([
      "payment-1 is charge-1's 1 by tag",
    ]);
  });

  it("is that charge's among others that it fits, and where others charge the same cards", ({
    expect,
  }) => {
    for (const foreignWriters of [false, true]) {
      const attempts = [A, A2, B, C];
      const payments = [{ ...tagged, tag: "bbbbbbbb" }];
      expect(said({ attempts, payments, foreignWriters })).toEqual([
        "payment-1 is charge-2's 1 by tag",
      ]);
    }
  });

  it("is that charge's though a reply to another charge named it", ({ expect }) => {
    const attempts = [A, { ...B, namedPaymentId: "payment-1" }];
    expect(said({ attempts, payments: [tagged] })).toEqual(["payment-1 is charge-1's 1 by tag"]);
  });

  it("is that charge's as often as there are such, the one that holds money first", ({
    expect,
  }) => {
    const payments = [
      { ...tagged, id: "p1", status: "CANCELLED" },
      { ...tagged, id: "p2", status: "REFUNDED" },
      { ...tagged, id: "p3" },
      { ...tagged, id: "p4", status: "UNDER_REVIEW" },
    ];
    expect(said({ payments })).toEqual([
      "p3 is charge-1's 1 by tag",
      "p4 is charge-1's 1 by tag",
      "p1 is charge-1's 1 by tag",
      "p2 is charge-1's 1 by tag",
    ]);
  });

  it.for([
    ["of another amount", { amountMinor: 5001 }],
    ["of another currency", { currency: "USD" }],
    ["recorded before the attempt", { recordedSeq: 9 }],
    ["recorded by the attempt's own entry", { recordedSeq: 10 }],
  ] as const)("is a person's when it is %s", ([, change], { expect }) => {
    const payments = [{ ...tagged, ...change }];
    expect(said({ payments })).toEqual([
      "payment-1 is a person's, of charge-1: tagged_payment_differs",
    ]);
    // So it is of each other charge that it fits, without an answer or answered no.
    const no = { outcome: "not_sent", noAtMs: T0 } as const;
    for (const told of [{}, no]) {
      const other = judgedOf({ ...B, ...change, ...told, intentSeq: 1 });
      expect(said({ attempts: [A, other], payments })).toEqual([
        "payment-1 is a person's, of charge-1 or charge-2: tagged_payment_differs",
      ]);
    }
  });

  it("is not judged where the look does not list it, read or not", ({ expect }) => {
    for (const read of [false, true]) {
      expect(said({ payments: [{ ...tagged, read }], listed: [] })).toEqual([]);
    }
  });

  it("is not that charge's once a person has said so", ({ expect }) => {
    const payments = [{ ...tagged, notOf: ["charge-1"] }];
    expect(said({ payments })).toEqual(["payment-1 is nobody's"]);
    expect(said({ payments: [{ ...tagged, notOf: ["charge-2"] }] })).toEqual([
      "payment-1 is charge-1's 1 by tag",
    ]);
  });

  it("is no other charge's by its amount alone, once a person has said so", ({ expect }) => {
    const payments = [{ ...tagged, notOf: ["charge-1"] }];
    expect(said({ attempts: [A, B], payments })[0]).not.toMatch(/by single/u);
  });

  it.for(["zzzzzzzz", null])("is as any other where nobody sent it: %o", (tag, { expect }) => {
    const untagged = judgedOf({ tag: null });
    for (const attempts of [[A], [untagged]]) {
      expect(said({ attempts, payments: [recordOf({ tag })] })).toEqual([
        "payment-1 is charge-1's 1 by single",
      ]);
    }
  });
});

describe("row 2: a payment that a reply to an attempt named", () => {
  const named = judgedOf({ namedPaymentId: "payment-1" });

  it.for(ANYHOW)("is that charge's where the attempt is %s", (outcome, { expect }) => {
    expect(said({ attempts: [{ ...named, outcome }] })).toEqual([
      "payment-1 is charge-1's 1 by named",
    ]);
  });

  it.for(STATUSES)("is that charge's when it is %s", (status, { expect }) => {
    expect(said({ attempts: [named], payments: [recordOf({ status })] })).toEqual([
      "payment-1 is charge-1's 1 by named",
    ]);
  });

  it.for([
    ["listed", { listed: ["payment-1"] }, false, "named"],
    ["listed, and read by its id", { listed: ["payment-1"] }, true, "named"],
    ["read by its id, and not listed", { listed: [] }, true, "named"],
    ["neither", { listed: [] }, false, null],
  ] as const)("is judged when it is %s", ([, look, read, by], { expect }) => {
    const payments = [recordOf({ read })];
    expect(said({ attempts: [named], payments, ...look })).toEqual(
      by === null ? [] : [`payment-1 is charge-1's 1 by ${by}`],
    );
  });

  it("is that charge's however late, and whatever else fits", ({ expect }) => {
    const attempts = [{ ...named, ...ENDED }, B];
    const payments = [
      recordOf({ absentAtMs: CLOSED_MS, createdAtMs: T0 - DAY_MS }),
      recordOf({ id: "payment-2" }),
    ];
    expect(said({ attempts, payments, foreignWriters: true })[0]).toBe(
      "payment-1 is charge-1's 1 by named",
    );
  });

  it("is of the last attempt that it is new to, of several that were told its name", ({
    expect,
  }) => {
    const attempts = [named, { ...A2, namedPaymentId: "payment-1" }];
    expect(said({ attempts })).toEqual(["payment-1 is charge-1's 2 by named"]);
    expect(said({ attempts, payments: [recordOf({ recordedSeq: 11 })] })).toEqual([
      "payment-1 is charge-1's 1 by named",
    ]);
  });

  it.for([
    ["of another amount", { amountMinor: 5001 }],
    ["of another currency", { currency: "USD" }],
    ["recorded before the attempt", { recordedSeq: 9 }],
    ["recorded by the attempt's own entry", { recordedSeq: 10 }],
  ] as const)("is a person's when it is %s, listed or read", ([, change], { expect }) => {
    const payments = [recordOf({ ...change, read: true })];
    for (const listed of [["payment-1"], []]) {
      expect(said({ attempts: [named], payments, listed })).toEqual([
        "payment-1 is a person's, of charge-1: named_payment_differs",
      ]);
    }
  });

  it("is a person's when replies to two charges named it", ({ expect }) => {
    const attempts = [named, { ...B, namedPaymentId: "payment-1" }];
    expect(said({ attempts })).toEqual([
      "payment-1 is a person's, of charge-1 or charge-2: named_by_several_replies",
    ]);
    // A person has said of one of them that it is not its.
    expect(said({ attempts, payments: [recordOf({ notOf: ["charge-1"] })] })).toEqual([
      "payment-1 is charge-2's 1 by named",
    ]);
  });

  it("is not that charge's once a person has said so", ({ expect }) => {
    const payments = [recordOf({ notOf: ["charge-1"] })];
    expect(said({ attempts: [named], payments })).toEqual(["payment-1 is nobody's"]);
    expect(
      said({
        attempts: [named],
        payments: [recordOf({ read: true, notOf: ["charge-1"] })],
        listed: [],
      }),
    ).toEqual([]);
  });
});

describe("row 3: an attempt in flight", () => {
  it("holds every judgement back, whatever else is known", ({ expect }) => {
    const flying = judgedOf({ ...C, outcome: null, amountMinor: 1 });
    for (const attempt of [A, judgedOf({ namedPaymentId: "payment-1" }), B]) {
      for (const tag of [null, OURS]) {
        const payments = [recordOf({ tag, read: true })];
        expect(said({ attempts: [attempt, flying], payments })).toEqual([]);
        expect(said({ attempts: [flying, attempt], payments, listed: [] })).toEqual([]);
      }
    }
  });
});

describe("row 6: anything else", () => {
  it.for<[string, Case]>([
    ["there is no attempt", { attempts: [] }],
    ["it is of another amount", { payments: [recordOf({ amountMinor: 5001 })] }],
    ["it is of another currency", { payments: [recordOf({ currency: "USD" })] }],
    ["it was recorded before the attempt", { payments: [recordOf({ recordedSeq: 9 })] }],
    ["it was recorded by the attempt's entry", { payments: [recordOf({ recordedSeq: 10 })] }],
    ["a person has said no", { payments: [recordOf({ notOf: ["charge-1"] })] }],
    ["its attempt has its payment", { attempts: [judgedOf({ explainedBy: "payment-0" })] }],
  ])("is nobody's where %s", ([, given], { expect }) => {
    expect(said(given)).toEqual(["payment-1 is nobody's"]);
  });

  it.for(ANSWERED)("is nobody's where the attempt was answered: %s", (outcome, { expect }) => {
    const attempts = [judgedOf({ outcome, explainedBy: "payment-0" })];
    expect(said({ attempts })).toEqual(["payment-1 is nobody's"]);
  });

  it("is not judged where the look does not list it, read by its id or not", ({ expect }) => {
    for (const read of [false, true]) {
      expect(said({ payments: [recordOf({ read })], listed: [] })).toEqual([]);
    }
  });
});
