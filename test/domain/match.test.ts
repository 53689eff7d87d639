/**
 * Which payment, if any, an attempt without an answer has made. A wrong adoption calls somebody
 * else's payment ours; a wrong "none" lets a charge be sent again. Pure.
 */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import {
  match,
  type Match,
  type MatchContext,
  type PaymentRecord,
  taggedDescription,
  tagIn,
} from "../../src/domain/match.ts";
import { PAYMENT_STATUSES } from "../../src/domain/outcome.ts";
import { attemptOf, chargeOf, recordOf, T0 } from "./builders.ts";

const OURS = "aaaaaaaa";
const OTHERS = "bbbbbbbb";
const HOUR_MS = 3_600_000;
const { request } = chargeOf();
const ATTEMPT = attemptOf({ tag: OURS, intentSeq: 10 });
const ALONE: MatchContext = {
  competing: false,
  otherTags: new Set([OTHERS]),
  otherNames: new Set<string>(),
  foreignWriters: false,
  nowMs: T0 + HOUR_MS,
};

function matched(records: readonly PaymentRecord[], context: Partial<MatchContext> = {}): Match {
  return match(request, ATTEMPT, records, { ...ALONE, ...context });
}

describe("a single fitting payment", () => {
  it.for(["NOT_INITIALIZED", "PENDING", "CONFIRMED", "CANCELLED"])(
    "is adopted when it is %s",
    (status, { expect }) => {
      const payment = recordOf({ status });
      expect(matched([payment])).toEqual({ type: "adopt", payment, by: "single" });
    },
  );

  it.for(["REFUNDED", "UNDER_REVIEW"])("is for a person when it is %s", (status, { expect }) => {
    const reason = "status_needs_a_person";
    for (const tag of [null, OURS]) {
      expect(matched([recordOf({ status, tag })])).toMatchObject({ type: "escalate", reason });
    }
  });

  it.for([
    ["has no tag", { tag: null }],
    ["has a tag that was altered", { tag: "zzzzzzzz" }],
    ["says no time", { createdAtMs: null }],
    ["was made a little before the intent, by Harmony's clock", { createdAtMs: T0 - 500_000 }],
    ["was made later", { createdAtMs: T0 + HOUR_MS }],
  ] as const)("is adopted when it %s", ([, change], { expect }) => {
    expect(matched([recordOf(change)])).toMatchObject({ type: "adopt", by: "single" });
  });

  it.for([
    ["long before the intent", T0 - HOUR_MS],
    ["in the future", T0 + 3 * HOUR_MS],
  ] as const)("is for a person when its time says %s, never excluded", ([, at], { expect }) => {
    expect(matched([recordOf({ createdAtMs: at })])).toEqual({
      type: "escalate",
      reason: "time_contradicts",
      candidates: ["payment-1"],
    });
  });

  it("is adopted whatever its time where its tag is ours", ({ expect }) => {
    const payment = recordOf({ tag: OURS, createdAtMs: T0 - 30 * HOUR_MS });
    expect(matched([payment])).toEqual({ type: "adopt", payment, by: "tag" });
  });

  it("is for a person while another charge of that amount is unexplained", ({ expect }) => {
    expect(matched([recordOf()], { competing: true })).toMatchObject({
      type: "escalate",
      reason: "charges_compete",
    });
    const payment = recordOf({ tag: OURS });
    expect(matched([payment], { competing: true })).toEqual({ type: "adopt", payment, by: "tag" });
  });

  it("is adopted by its tag alone where others charge the same cards", ({ expect }) => {
    const foreignWriters = true;
    expect(matched([recordOf()], { foreignWriters })).toMatchObject({
      type: "escalate",
      reason: "tag_required",
    });
    const payment = recordOf({ tag: OURS });
    expect(matched([payment], { foreignWriters })).toMatchObject({ type: "adopt", by: "tag" });
    expect(matched([], { foreignWriters })).toEqual({ type: "none" });
  });

  it("is none of ours when it carries another attempt's tag", ({ expect }) => {
    expect(matched([recordOf({ tag: OTHERS })])).toEqual({ type: "none" });
  });
});

describe("several fitting payments", () => {
  const [one, two] = [recordOf({ id: "p1" }), recordOf({ id: "p2" })];

  it("are for a person", ({ expect }) => {
    expect(matched([one, two])).toEqual({
      type: "escalate",
      reason: "several_payments_fit",
      candidates: ["p1", "p2"],
    });
  });

  it("are decided by our tag on one of them", ({ expect }) => {
    const payment = { ...two, tag: OURS };
    expect(matched([one, payment])).toEqual({ type: "adopt", payment, by: "tag" });
  });

  it("are for a person when our tag is on two of them", ({ expect }) => {
    expect(matched([one, { ...one, id: "p3", tag: OURS }, { ...two, tag: OURS }])).toMatchObject({
      type: "escalate",
      reason: "several_payments_fit",
    });
  });

  it("are one when the other is of another attempt's tag", ({ expect }) => {
    const taken = { ...two, tag: OTHERS };
    expect(matched([one, taken])).toEqual({ type: "adopt", payment: one, by: "single" });
  });
});

describe("what does not fit", () => {
  it.for([
    ["was recorded before the intent", { recordedSeq: 9 }],
    ["is attributed to a charge", { chargeId: "charge-2" }],
    ["is attributed to this charge", { chargeId: "charge-1" }],
  ] as const)("is left alone when it %s, even with our tag", ([, change], { expect }) => {
    expect(matched([recordOf(change)])).toEqual({ type: "none" });
    expect(matched([recordOf({ ...change, tag: OURS })])).toEqual({ type: "none" });
  });

  it.for([
    ["another amount", { amountMinor: 5001 }],
    ["another currency", { currency: "USD" }],
  ] as const)(
    "is left alone when it is of %s, and for a person under our tag",
    ([, change], { expect }) => {
      expect(matched([recordOf(change)])).toEqual({ type: "none" });
      expect(matched([recordOf({ ...change, tag: OURS })])).toEqual({
        type: "escalate",
        reason: "tagged_payment_differs",
        candidates: ["payment-1"],
      });
    },
  );
});

const records = fc
  .array(
    fc.record({
      status: fc.constantFrom(...PAYMENT_STATUSES, "UNDER_REVIEW"),
      amountMinor: fc.constantFrom(5000, 5000, 5000, 4999),
      currency: fc.constantFrom("MXN", "MXN", "MXN", "USD"),
      recordedSeq: fc.constantFrom(1, 9, 11, 20),
      chargeId: fc.constantFrom(null, null, null, "charge-1", "charge-2"),
      tag: fc.constantFrom(null, null, OURS, OTHERS, "zzzzzzzz"),
      createdAtMs: fc.constantFrom(null, T0, T0 - 24 * HOUR_MS),
      unattributed: fc.boolean(),
    }),
    { maxLength: 5 },
  )
  .map((list) => list.map((one, index) => recordOf({ ...one, id: `p${index}` })));
const contexts = fc.record({
  competing: fc.boolean(),
  foreignWriters: fc.boolean(),
  otherNames: fc.constant(new Set<string>()),
  otherTags: fc.constantFrom(new Set<string>(), new Set([OTHERS]), new Set([OTHERS, "zzzzzzzz"])),
  nowMs: fc.constant(T0 + HOUR_MS),
});
const tags = fc.constantFrom(OURS, null);

/** Runs one promise over many histories and contexts; a failure prints the seed that repeats it. */
function always(
  promise: (
    found: Match,
    list: readonly PaymentRecord[],
    context: MatchContext,
    tag: string | null,
  ) => void,
): void {
  fc.assert(
    fc.property(records, contexts, tags, (list, context, tag) => {
      promise(match(request, { ...ATTEMPT, tag }, list, context), list, context, tag);
    }),
    { numRuns: 3000 },
  );
}

/** New, nobody's, and either of that amount or under the attempt's own tag. */
function isCandidate(record: PaymentRecord, tag: string | null): boolean {
  const fresh = record.chargeId === null && record.recordedSeq > ATTEMPT.intentSeq;
  const sameMoney = record.amountMinor === 5000 && record.currency === "MXN";
  return fresh && (sameMoney || (tag !== null && record.tag === tag));
}

describe("match", () => {
  it("never adopts what was known, is attributed, or is not what was asked", ({ expect }) => {
    always((found) => {
      if (found.type === "adopt") {
        expect(found.payment).toMatchObject({ chargeId: null, amountMinor: 5000, currency: "MXN" });
        expect(found.payment.recordedSeq).toBeGreaterThan(ATTEMPT.intentSeq);
      }
    });
  });

  it("never adopts beside a competing charge or a foreign writer, unless by our tag", ({
    expect,
  }) => {
    always((found, _list, { competing, foreignWriters }) => {
      if (found.type === "adopt" && (competing || foreignWriters)) {
        expect(found).toMatchObject({ by: "tag", payment: { tag: OURS } });
      }
    });
  });

  it("never adopts a payment with another attempt's tag", ({ expect }) => {
    always((found, _list, { otherTags }) => {
      if (found.type === "adopt" && found.payment.tag !== null) {
        expect(otherTags.has(found.payment.tag)).toBe(false);
      }
    });
  });

  it("says none only where nothing fits, or only what other attempts have tagged", ({ expect }) => {
    always((found, list, { otherTags }, tag) => {
      const left = list.filter(
        (record) => isCandidate(record, tag) && !(record.tag !== null && otherTags.has(record.tag)),
      );
      expect(found.type === "none").toBe(left.length === 0);
    });
  });

  it("names to a person only payments that fit or carry our tag", ({ expect }) => {
    always((found, list, _context, tag) => {
      if (found.type === "escalate") {
        expect(found.candidates.length).toBeGreaterThan(0);
        for (const id of found.candidates) {
          const record = list.find((one) => one.id === id);
          expect(record !== undefined && isCandidate(record, tag)).toBe(true);
        }
      }
    });
  });

  it("does not depend on the order of the history", ({ expect }) => {
    always((found, list, context) => {
      const tag = found.type === "adopt" && found.by === "tag" ? OURS : ATTEMPT.tag;
      const there = match(request, { ...ATTEMPT, tag }, list, context);
      const back = match(request, { ...ATTEMPT, tag }, list.toReversed(), context);
      expect(back.type).toBe(there.type);
      if (there.type === "adopt" && back.type === "adopt") {
        expect(back.payment.id).toBe(there.payment.id);
      }
    });
  });
});

describe("the tag in a description", () => {
  it("comes last, after as much of the caller's text as fits", ({ expect }) => {
    expect(taggedDescription("order 17", OURS)).toBe("order 17 [cobro:aaaaaaaa]");
    expect(taggedDescription(null, OURS)).toBe("[cobro:aaaaaaaa]");
    expect(taggedDescription("", OURS)).toBe("[cobro:aaaaaaaa]");
    expect(taggedDescription("order 17", null)).toBe("order 17");
    expect(taggedDescription(null, null)).toBeNull();
  });

  it("is found again whatever the caller wrote, in at most 250 well-formed characters", ({
    expect,
  }) => {
    const words = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 250 }),
      fc.string({ unit: "binary", minLength: 225, maxLength: 250 }),
      fc.constantFrom(`before [cobro:${OTHERS}]`, `[cobro:${OTHERS}] after`, "[cobro:"),
    );
    fc.assert(
      fc.property(words, (text) => {
        fc.pre(text.length <= 250 && text.isWellFormed());
        const tagged = taggedDescription(text, OURS) ?? "";
        expect(tagged.length).toBeLessThanOrEqual(250);
        expect(tagged.isWellFormed()).toBe(true);
        expect(tagIn(tagged)).toBe(OURS);
      }),
    );
  });

  it("is ours and not one that the caller wrote", ({ expect }) => {
    expect(tagIn(taggedDescription(`again: shoes [cobro:${OTHERS}]`, OURS))).toBe(OURS);
  });

  it("is none where it is cut, altered or absent", ({ expect }) => {
    for (const text of ["[cobro:aaaa", "[COBRO:AAAAAAAA]", "cobro aaaaaaaa", "", null]) {
      expect(tagIn(text)).toBeNull();
    }
  });
});
