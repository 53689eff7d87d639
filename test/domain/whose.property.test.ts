/**
 * Whose a payment is, over random methods: what no history and no set of attempts may ever make the
 * page say. Pure.
 */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { type AttemptRecord, isUnexplained } from "../../src/domain/charge.ts";
import type { OutcomeKind } from "../../src/domain/outcome.ts";
import { holdsMoney, type PaymentRecord } from "../../src/domain/payment.ts";
import { type Circumstances, forbids, isNewTo } from "../../src/domain/fit.ts";
import { type Verdict, whose } from "../../src/domain/whose.ts";
import { judgedOf, recordOf, RULES, T0 } from "./builders.ts";
import { CLOSED_MS, DAY_MS, ENDED, HOUR_MS, STATUSES } from "./said.ts";

interface Case extends Circumstances {
  /** As they are handed in: by their intents. */
  readonly attempts: readonly AttemptRecord[];
  readonly payments: readonly PaymentRecord[];
  readonly listed: ReadonlySet<string>;
}

const OUTCOMES: readonly OutcomeKind[] = [
  "indeterminate",
  "indeterminate",
  "indeterminate",
  "contradictory",
  "declined",
  "not_sent",
  "approved",
];

const attempts = fc
  .array(
    fc.record({
      chargeId: fc.constantFrom("charge-1", "charge-1", "charge-2", "charge-3"),
      tag: fc.constantFrom("own", "own", null),
      outcome: fc.constantFrom(...OUTCOMES),
      amountMinor: fc.constantFrom(5000, 5000, 5000, 7000),
      namedPaymentId: fc.constantFrom(null, null, null, null, "p0", "p1"),
      doubtEndedAtMs: fc.constantFrom(null, null, ENDED.doubtEndedAtMs),
      horizonMs: fc.constantFrom(900_000, null),
      lateMs: fc.constantFrom(0, HOUR_MS),
      nameIs: fc.constantFrom("sure" as const, "told" as const, "guess" as const),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((list) =>
    list.map(({ tag, outcome, lateMs, nameIs, ...one }, index) =>
      judgedOf({
        ...one,
        outcome,
        ...(["declined", "not_sent"].includes(outcome) ? { noAtMs: T0 + lateMs + 1000 } : {}),
        ...(one.namedPaymentId === null ? {} : { nameIs }),
        attempt: index + 1,
        tag: tag === null ? null : `tag-${index}`,
        intentSeq: 10 * (index + 1),
        intendedAtMs: T0 + lateMs,
        explainedBy: outcome === "approved" ? `explained-${index}` : null,
      }),
    ),
  );

const payments = fc
  .array(
    fc.record({
      status: fc.constantFrom("CONFIRMED", "CONFIRMED", ...STATUSES),
      amountMinor: fc.constantFrom(5000, 5000, 5000, 7000),
      currency: fc.constantFrom("MXN", "MXN", "MXN", "USD"),
      recordedSeq: fc.constantFrom(5, 15, 25, 35, 45, 45),
      chargeId: fc.constantFrom(null, null, null, null, "charge-1", "charge-2"),
      tag: fc.constantFrom(null, null, null, "tag-0", "tag-1", "zzzzzzzz"),
      createdAtMs: fc.constantFrom(null, null, T0, T0 - DAY_MS, T0 + DAY_MS),
      absentAtMs: fc.constantFrom(null, T0, CLOSED_MS),
      listedAtMs: fc.constantFrom(T0 + 2000, T0 + HOUR_MS, CLOSED_MS + 1),
      read: fc.boolean(),
      notOf: fc.constantFrom([], [], [], ["charge-1"], ["charge-2"]),
      foreign: fc.constantFrom(false, false, false, true),
      unattributed: fc.boolean(),
    }),
    { maxLength: 4 },
  )
  .map((list) => list.map((one, index) => recordOf({ ...one, id: `p${index}` })));

const IDS = ["p0", "p1", "p2", "p3"];

const cases: fc.Arbitrary<Case> = fc.record({
  attempts,
  payments,
  listed: fc
    .array(fc.constantFrom<string>(...IDS))
    .map((unlisted) => new Set(["more", ...IDS.filter((id) => !unlisted.includes(id))])),
  foreignWriters: fc.constantFrom(false, false, false, true),
  lateMs: fc.constantFrom(RULES.lateMs, []),
  nowMs: fc.constant(T0 + 2 * HOUR_MS),
});

function judged(one: Case): Verdict[] {
  return whose(one.attempts, one.payments, one.listed, one);
}

/** Runs one promise over many methods; a failure prints the seed that repeats it. */
function always(promise: (verdicts: readonly Verdict[], one: Case) => void): void {
  fc.assert(
    fc.property(cases, (one) => promise(judged(one), one)),
    { numRuns: 5000 },
  );
}

type Adoption = Verdict & { is: "a charge's" };

function adoptions(verdicts: readonly Verdict[]): Adoption[] {
  return verdicts.filter((one) => one.is === "a charge's");
}

function bySingle(verdicts: readonly Verdict[]): Adoption[] {
  return adoptions(verdicts).filter(({ by }) => by === "single");
}

/** Given to an attempt without an answer by nothing but the amount: row 5. */
function guessed(verdicts: readonly Verdict[]): Adoption[] {
  return bySingle(verdicts).filter(({ of }) => isUnexplained(of));
}

/** Each payment's verdict as one word, and whose it is. */
function words(verdicts: readonly Verdict[]): Map<string, string> {
  return new Map(
    verdicts.map((one) => [
      one.payment.id,
      one.is === "a charge's" ? `${one.of.chargeId} ${one.of.attempt} ${one.by}` : one.is,
    ]),
  );
}

describe("whose a payment is", () => {
  it("is said once at most, and never of one that a charge has or a person named foreign", ({
    expect,
  }) => {
    always((verdicts, { listed, attempts: all }) => {
      const ids = verdicts.map(({ payment }) => payment.id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { payment } of verdicts) {
        expect(payment).toMatchObject({ chargeId: null, foreign: false });
        const named = all.some((one) => one.namedPaymentId === payment.id);
        expect(listed.has(payment.id) || (payment.read && named)).toBe(true);
      }
    });
  });

  it("is said of everything that the look lists and nobody has", ({ expect }) => {
    always((verdicts, one) => {
      const said = words(verdicts);
      for (const { id, chargeId, foreign } of one.payments) {
        if (one.listed.has(id) && chargeId === null && !foreign) {
          expect(said.has(id)).toBe(true);
        }
      }
    });
  });

  it("is a charge's only where it is new to its attempt, of its money, and no person said no", ({
    expect,
  }) => {
    always((verdicts) => {
      for (const { payment, of } of adoptions(verdicts)) {
        expect(payment.recordedSeq).toBeGreaterThan(of.intentSeq);
        expect(payment).toMatchObject({ amountMinor: of.amountMinor, currency: of.currency });
        expect(payment.notOf).not.toContain(of.chargeId);
      }
    });
  });

  it("is proven by the attempt's own tag or name, or by nothing but its amount", ({ expect }) => {
    always((verdicts, { foreignWriters, listed }) => {
      for (const { payment, of, by } of adoptions(verdicts)) {
        if (by === "tag") {
          expect(payment.tag).not.toBeNull();
          expect(payment.tag).toBe(of.tag);
        }
        expect(by === "named" || listed.has(payment.id)).toBe(true);
        if (by === "named") {
          expect(of.namedPaymentId).toBe(payment.id);
        }
        if (by === "single") {
          // A refusal may have left a cancelled one.
          const isRefused = of.outcome === "declined" && payment.status === "CANCELLED";
          expect(isUnexplained(of) || isRefused).toBe(true);
          expect(["sure", "told"]).not.toContain(isRefused ? null : of.nameIs);
          expect(isRefused ? false : foreignWriters).toBe(false);
          expect(["REFUNDED", "UNDER_REVIEW"]).not.toContain(payment.status);
        }
      }
    });
  });

  it("gives a charge at most one payment by its amount, and none to an attempt that has one", ({
    expect,
  }) => {
    always((verdicts) => {
      const single = bySingle(verdicts);
      const charges = single.map(({ of }) => of.chargeId);
      expect(new Set(charges).size).toBe(charges.length);
      const proven = adoptions(verdicts).filter(({ by }) => by !== "single");
      for (const { of } of single) {
        expect(proven.map((one) => one.of)).not.toContain(of);
      }
    });
  });

  it("is nobody's for no attempt in doubt that it is new to", ({ expect }) => {
    always((verdicts, { attempts: all }) => {
      const proven = new Set(
        adoptions(verdicts).flatMap(({ by, of }) => (by === "single" ? [] : [of])),
      );
      const waiting = all.filter(
        (one) => isUnexplained(one) && one.doubtEndedAtMs === null && !proven.has(one),
      );
      for (const { payment, is } of verdicts) {
        if (is === "nobody's") {
          expect(forbids(payment, waiting)).toBe(false);
        }
      }
    });
  });

  it("names to a person only charges that it may be of", ({ expect }) => {
    always((verdicts, { attempts: all }) => {
      for (const verdict of verdicts) {
        if (verdict.is === "a person's") {
          const { payment, fits } = verdict;
          expect(fits.length).toBeGreaterThan(0);
          expect(new Set(fits).size).toBe(fits.length);
          for (const id of fits) {
            const own = all.filter(({ chargeId }) => chargeId === id);
            const speaks = own.some(
              (one) =>
                isNewTo(payment, one) ||
                (payment.tag !== null && payment.tag === one.tag) ||
                payment.id === one.namedPaymentId,
            );
            expect(speaks).toBe(true);
            expect(payment.notOf).not.toContain(id);
          }
        }
      }
    });
  });

  it("gives what holds money to a charge before what does not", ({ expect }) => {
    always((verdicts) => {
      for (const isProof of [true, false]) {
        const same = adoptions(verdicts).filter(({ by }) => (by !== "single") === isProof);
        const held = same.map(({ payment }) => holdsMoney(payment));
        expect(held).toEqual(held.toSorted((a, b) => Number(b) - Number(a)));
      }
    });
  });

  it("does not depend on the order in which the history is listed", ({ expect }) => {
    always((verdicts, one) => {
      const back = judged({ ...one, payments: one.payments.toReversed() });
      expect(words(back)).toEqual(words(verdicts));
    });
  });

  it("is nothing at all while any attempt is in flight", ({ expect }) => {
    always((_verdicts, one) => {
      const flying = judgedOf({ chargeId: "charge-9", outcome: null, intentSeq: 60 });
      expect(judged({ ...one, attempts: [...one.attempts, flying] })).toEqual([]);
    });
  });
});

/** What one more candidate may change: what was a charge's by its amount alone is a person's. */
function expectNoMore(before: Map<string, string>, after: Map<string, string>): void {
  for (const [id, word] of before) {
    const now = after.get(id);
    // A no that stands leaves a cancelled one to nobody; one that may not, asks a person.
    const isLess = now === "a person's" || now === "denied";
    if (now !== word && !(word.endsWith("single") && isLess) && word !== "denied") {
      throw new Error(`${id} was ${word} and is ${now}`);
    }
  }
}

describe("a further candidate", () => {
  it("that is a payment makes no other payment more of a charge's than it was", ({ expect }) => {
    const more = fc.record({
      status: fc.constantFrom(...STATUSES),
      amountMinor: fc.constantFrom(5000, 7000),
      recordedSeq: fc.constantFrom(15, 25, 45),
      createdAtMs: fc.constantFrom(null, T0, T0 - DAY_MS),
      absentAtMs: fc.constantFrom(null, CLOSED_MS),
    });
    fc.assert(
      fc.property(cases, more, (one, change) => {
        const before = judged(one);
        const added = recordOf({ ...change, id: "more" });
        const after = judged({ ...one, payments: [...one.payments, added] });
        expectNoMore(words(before), words(after));
        // Where it is a charge's itself, it is so alone.
        for (const { of } of guessed(after).filter(({ payment }) => payment === added)) {
          const rivals = guessed(before).filter((other) => other.of.chargeId === of.chargeId);
          expect(rivals).toEqual([]);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it("that is another charge's attempt makes no payment more of a charge's than it was", ({
    expect,
  }) => {
    const more = fc.record({
      amountMinor: fc.constantFrom(5000, 7000),
      intentSeq: fc.constantFrom(1, 15, 25, 44),
      outcome: fc.constantFrom(...OUTCOMES),
      doubtEndedAtMs: fc.constantFrom(null, ENDED.doubtEndedAtMs),
    });
    fc.assert(
      fc.property(cases, more, (one, change) => {
        const added = judgedOf({ ...change, chargeId: "charge-9", tag: null });
        const all = [...one.attempts, added].toSorted((a, b) => a.intentSeq - b.intentSeq);
        const before = words(judged(one));
        const after = judged({ ...one, attempts: all });
        const told = words(after);
        // Nobody's may be the new one's: nothing of the others is.
        // So may what spoke against a no alone.
        const doubted = new Set(
          judged(one).flatMap((verdict) =>
            verdict.is === "a person's" && verdict.reason === "refused_yet_paid"
              ? [verdict.payment.id]
              : [],
          ),
        );
        const others = new Map(
          [...before].filter(([id, word]) => word !== "nobody's" && !doubted.has(id)),
        );
        expectNoMore(others, told);
        for (const { of, payment } of bySingle(after)) {
          const was = before.get(payment.id);
          const isNew = was === "nobody's" || was === "denied" || doubted.has(payment.id);
          expect(isNew ? of : null).toBe(isNew ? added : null);
        }
        for (const verdict of after) {
          if (verdict.is === "a person's" && before.get(verdict.payment.id) !== "a person's") {
            expect(verdict.fits).toContain("charge-9");
          }
        }
      }),
      { numRuns: 5000 },
    );
  });

  it("that others may have made every one of them leaves none to a charge by its amount alone", ({
    expect,
  }) => {
    always((verdicts, one) => {
      const foreign = judged({ ...one, foreignWriters: true });
      expectNoMore(words(verdicts), words(foreign));
      expect(guessed(foreign)).toEqual([]);
    });
  });
});
