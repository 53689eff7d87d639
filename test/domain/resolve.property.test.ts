/**
 * A person's decision as a pure function, over random charges, payments and looks: what it may
 * never do whatever is asked, and what it leaves behind where it decides.
 */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { CHARGE_STATES, type Charge, moneyOf } from "../../src/domain/charge.ts";
import { type Draft, finish } from "../../src/domain/draft.ts";
import { fittingPayments } from "../../src/domain/find.ts";
import { fits, type PaymentRecord } from "../../src/domain/match.ts";
import { type Decision, resolve, type Verdict } from "../../src/domain/resolve.ts";
import { newDoubt } from "../../src/domain/schedule.ts";
import { attemptOf, chargeOf, draftOf, recordOf, reportOf, T0 } from "./builders.ts";

const STATUSES = ["CONFIRMED", "PENDING", "CANCELLED", "REFUNDED", "UNDER_REVIEW"];
/** What the doubt began with, so that a look at `LOOK_MS` credits what a case says. */
const LOOK_MS = T0 + 10_000_000;

const records: fc.Arbitrary<PaymentRecord> = fc
  .record({
    status: fc.constantFrom(...STATUSES),
    amountMinor: fc.constantFrom(5000, 5000, 7000),
    recordedSeq: fc.constantFrom(5, 20),
    chargeId: fc.constantFrom(null, null, null, "charge-2"),
    tag: fc.constantFrom(null, null, "aaaaaaaa", "bbbbbbbb"),
    foreign: fc.boolean(),
  })
  .map((change) => recordOf(change));

interface Case {
  readonly charge: Charge;
  readonly payments: readonly PaymentRecord[];
  readonly decision: Decision;
  readonly complete: boolean;
  readonly refused: boolean;
  readonly moved: boolean;
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    state: fc.constantFrom(...CHARGE_STATES, "in_doubt" as const, "not_charged" as const),
    payments: fc.array(records, { maxLength: 4 }),
    horizonMs: fc.constantFrom(900_000, null),
    creditedMs: fc.constantFrom(0, 899_999, 900_000),
    named: fc.boolean(),
    charged: fc.boolean(),
    override: fc.boolean(),
    complete: fc.boolean(),
    refused: fc.boolean(),
    moved: fc.boolean(),
  })
  .map((one) => {
    const payments = one.payments.map((record, index) => ({ ...record, id: `payment-${index}` }));
    const attempt = attemptOf({
      horizonMs: one.horizonMs,
      namedPaymentId: one.named ? "payment-0" : null,
    });
    const doubt = { ...newDoubt(T0), creditedMs: one.creditedMs, countedAtMs: LOOK_MS };
    const reason = "said so";
    return {
      charge: chargeOf({ state: one.state, attempts: [attempt], doubt, escalated: true }),
      payments,
      decision:
        one.charged && payments.length > 0
          ? { decision: "charged", paymentId: "payment-0", reason }
          : { decision: "not_charged", override: one.override, reason },
      complete: one.complete,
      refused: one.refused,
      moved: one.moved,
    };
  });

/** Another charge of the method, whose tag and payment are its own. */
const OTHER = chargeOf({
  chargeId: "charge-2",
  idempotencyKey: "key-2",
  state: "approved",
  attempts: [attemptOf({ tag: "bbbbbbbb", outcome: "approved", explainedBy: "payment-x" })],
  nextLook: null,
});

function played(one: Case): { draft: Draft; verdict: Verdict } {
  const draft = draftOf({ charges: [one.charge, OTHER], payments: one.payments });
  const look = reportOf({
    beganAtMs: LOOK_MS,
    complete: one.complete,
    httpStatus: one.refused && !one.complete ? 404 : null,
  });
  const before = one.moved ? { ...one.charge, resolvedAtMs: 1 } : one.charge;
  const verdict = resolve(draft, one.decision, { before, look, evidence: [28, 29] });
  finish(draft);
  return { draft, verdict };
}

function chargeAfter(draft: Draft): Charge {
  const charge = draft.charges.get("charge-1");
  if (charge === undefined) {
    throw new Error("gone");
  }
  return charge;
}

function always(promise: (one: Case, played: { draft: Draft; verdict: Verdict }) => void): void {
  fc.assert(
    fc.property(cases, (one) => promise(one, played(one))),
    { numRuns: 3000 },
  );
}

describe("a person's decision", () => {
  it("changes nothing at all where it is refused", ({ expect }) => {
    always((one, { draft, verdict }) => {
      if (verdict.type !== "decided") {
        expect(draft.noted).toEqual([]);
        expect(chargeAfter(draft)).toEqual(one.charge);
      }
    });
  });

  it("is about a charge in doubt or not charged, and one that has not moved", ({ expect }) => {
    always((one, { verdict }) => {
      if (verdict.type === "decided") {
        expect(["in_doubt", "not_charged"]).toContain(one.charge.state);
        expect(one.moved).toBe(false);
      }
    });
  });

  it("never takes a payment from another charge, nor one that contradicts it", ({ expect }) => {
    always((one, { draft, verdict }) => {
      for (const record of one.payments) {
        if (record.chargeId !== null) {
          expect(draft.payments.get(record.id)).toEqual(record);
        }
      }
      if (verdict.type === "decided" && one.decision.decision === "charged") {
        const [record] = one.payments;
        expect(record).toMatchObject({ chargeId: null, recordedSeq: 20 });
        expect(record?.status).not.toBe("CANCELLED");
        expect(record?.tag).not.toBe("bbbbbbbb");
        expect(record?.amountMinor === 5000 || record?.tag === "aaaaaaaa").toBe(true);
        expect(chargeAfter(draft).payment?.id).toBe("payment-0");
        expect(moneyOf(chargeAfter(draft))).not.toBe("not_charged");
      }
    });
  });

  it("calls nothing not charged against a fitting payment or before the horizon, but by override", ({
    expect,
  }) => {
    always((one, { draft, verdict }) => {
      if (verdict.type !== "decided" || one.decision.decision !== "not_charged") {
        return;
      }
      const [attempt] = one.charge.attempts;
      const speaks = one.payments.filter(
        (record) =>
          attempt !== undefined &&
          record.tag !== "bbbbbbbb" &&
          fits(record, one.charge.request, attempt),
      );
      if (!one.decision.override) {
        expect(one.complete).toBe(true);
        expect(speaks).toEqual([]);
        const { horizonMs, namedPaymentId } = attempt ?? {};
        const credited = one.charge.doubt?.creditedMs ?? 0;
        const proven = horizonMs !== null && namedPaymentId === null && credited >= 900_000;
        expect(proven || one.charge.state === "not_charged").toBe(true);
      }
      expect(one.complete || one.refused).toBe(true);
      for (const { id } of speaks) {
        expect(draft.payments.get(id)).toMatchObject({ foreign: true, unattributed: true });
      }
      expect(fittingPayments(draft, chargeAfter(draft))).toEqual([]);
    });
  });

  it("leaves one entry, late looks where no money moved, and no freeze of its own", ({
    expect,
  }) => {
    always((one, { draft, verdict }) => {
      if (verdict.type !== "decided") {
        return;
      }
      const types = draft.noted.map(({ fact }) => fact.type);
      const after = chargeAfter(draft);
      expect(types.filter((type) => type === "operator_resolved")).toHaveLength(1);
      expect(types.includes("method_unfrozen")).toBe(one.charge.state === "in_doubt");
      expect(after).toMatchObject({ resolvedBy: "operator", escalated: false });
      const isAbsent = one.decision.decision === "not_charged";
      expect(after.state === "not_charged").toBe(isAbsent);
      expect([after.nextLook !== null, after.lateLooks]).toEqual([isAbsent, 0]);
    });
  });

  it("makes known exactly the money of the payment that it attributes", ({ expect }) => {
    always((one, { draft, verdict }) => {
      const effect = draft.noted.reduce((sum, { effectMinor }) => sum + effectMinor, 0);
      const [record] = one.payments;
      const isTaken = verdict.type === "decided" && one.decision.decision === "charged";
      const confirmed = isTaken && record?.status === "CONFIRMED" ? record.amountMinor : 0;
      expect(effect).toBe(confirmed);
    });
  });
});
