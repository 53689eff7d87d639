/**
 * A person's decision as a pure function, over random charges, payments and looks: what it may
 * never do whatever is asked, and what it leaves behind where it decides.
 */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import {
  CHARGE_STATES,
  type Charge,
  isFreezing,
  isRefusalOpen,
  isUnexplained,
} from "../../src/domain/charge.ts";
import { type Draft, finish } from "../../src/domain/draft.ts";
import { paymentsAgainst } from "../../src/domain/look.ts";
import type { PaymentRecord } from "../../src/domain/payment.ts";
import { type Decision, resolve, type Verdict } from "../../src/domain/resolve.ts";
import { newDoubt } from "../../src/domain/schedule.ts";
import { forbids } from "../../src/domain/fit.ts";
import { attemptOf, chargeOf, draftOf, judgedOf, recordOf, reportOf, T0 } from "./builders.ts";
import { moneyOf } from "./known.ts";

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
    foreign: fc.constantFrom(false, false, true),
    notOf: fc.constantFrom([], [], ["charge-1"], ["charge-2"]),
  })
  .map((change) => recordOf(change));

interface Case {
  readonly charge: Charge;
  readonly payments: readonly PaymentRecord[];
  readonly decision: Decision;
  readonly complete: boolean;
  readonly refused: boolean;
  readonly moved: boolean;
  readonly other: Charge;
}

const NAMED = { namedPaymentId: "payment-0", nameIs: "told" } as const;
const REFUSED = { outcome: "declined", noAtMs: T0 + 1000, refusal: "no" } as const;

/** Another charge of the method, whose tag and payment are its own. */
const OTHER = chargeOf({
  chargeId: "charge-2",
  idempotencyKey: "key-2",
  state: "approved",
  attempts: [attemptOf({ tag: "bbbbbbbb", outcome: "approved", explainedBy: "payment-x" })],
  nextLook: null,
});

const cases: fc.Arbitrary<Case> = fc
  .record({
    state: fc.constantFrom(...CHARGE_STATES, "in_doubt" as const, "not_charged" as const),
    payments: fc.array(records, { maxLength: 4 }),
    horizonMs: fc.constantFrom(900_000, null),
    creditedMs: fc.constantFrom(0, 899_999, 900_000),
    named: fc.boolean(),
    /** Harmony refused it. */
    refused402: fc.boolean(),
    /** Payments that a person has to judge, of this charge and of the other. */
    contested: fc.subarray(["payment-0", "payment-1", "payment-2"]),
    contestedOther: fc.subarray(["payment-0", "payment-1"]),
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
      ...(one.named ? NAMED : {}),
      ...(one.refused402 ? REFUSED : {}),
    });
    // What a person has named foreign, or a charge has, is contested no more.
    const open = payments.filter(({ chargeId, foreign }) => chargeId === null && !foreign);
    const contestedOf = (chargeId: string, ids: readonly string[]) =>
      open.flatMap(({ id, notOf }) => (ids.includes(id) && !notOf.includes(chargeId) ? [id] : []));
    const doubt = { ...newDoubt(T0), creditedMs: one.creditedMs, countedAtMs: LOOK_MS };
    const reason = "said so";
    return {
      charge: chargeOf({
        state: one.state,
        attempts: [attempt],
        doubt,
        escalated: true,
        contested: contestedOf("charge-1", one.contested),
      }),
      other: { ...OTHER, contested: contestedOf("charge-2", one.contestedOther) },
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

function played(one: Case): { draft: Draft; verdict: Verdict } {
  const draft = draftOf({ charges: [one.charge, one.other], payments: one.payments });
  const look = reportOf({
    beganAtMs: LOOK_MS,
    complete: one.complete,
    httpStatus: one.refused && !one.complete ? 404 : null,
  });
  const before = one.moved ? { ...one.charge, resolvedAtMs: 1 } : one.charge;
  const verdict = resolve(draft, one.decision, { before, look, evidence: [28, 29], gone: [] });
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

  it("is about a charge in doubt, pending, not charged or contested, that has not moved", ({
    expect,
  }) => {
    always((one, { verdict }) => {
      if (verdict.type === "decided") {
        const isContested = one.charge.contested.length > 0;
        expect(
          isContested || ["in_doubt", "pending", "not_charged"].includes(one.charge.state),
        ).toBe(true);
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
        // Another amount is taken only where a tag or a reply proves the payment this charge's.
        const isProven =
          record?.tag === "aaaaaaaa" || one.charge.attempts[0]?.namedPaymentId === "payment-0";
        expect(isProven || record?.amountMinor === 5000).toBe(true);
        expect(chargeAfter(draft).payment?.id).toBe("payment-0");
        // That a person once named it foreign was a mistake.
        expect(draft.payments.get("payment-0")).toMatchObject({
          chargeId: "charge-1",
          foreign: false,
        });
        expect(moneyOf(chargeAfter(draft))).not.toBe("not_charged");
      }
    });
  });

  it("calls nothing not charged against a payment that may be its, nor early, but by override", ({
    expect,
  }) => {
    always((one, { draft, verdict }) => {
      if (verdict.type !== "decided" || one.decision.decision !== "not_charged") {
        return;
      }
      const [attempt] = one.charge.attempts;
      const speaks = one.payments.filter(
        (record) =>
          forbids(record, [judgedOf(attempt)]) || one.charge.contested.includes(record.id),
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
        expect(draft.payments.get(id)?.notOf).toContain("charge-1");
      }
      expect(paymentsAgainst(draft, chargeAfter(draft))).toEqual([]);
      expect(chargeAfter(draft).contested).toEqual([]);
    });
  });

  it("is a no for this charge alone: foreign only where no other charge may have made it", ({
    expect,
  }) => {
    always((one, { draft, verdict }) => {
      if (verdict.type !== "decided") {
        return;
      }
      for (const was of one.payments) {
        const is = draft.payments.get(was.id);
        const denied = is?.notOf.length !== was.notOf.length;
        const isOthers = one.other.contested.includes(was.id);
        if (one.decision.decision === "not_charged") {
          expect(is?.foreign).toBe(was.foreign || (denied && !isOthers));
          expect(is?.notOf.filter((id) => id !== "charge-1")).toEqual(
            was.notOf.filter((id) => id !== "charge-1"),
          );
        }
      }
      const other = draft.charges.get("charge-2");
      expect(other).toEqual(one.other);
    });
  });

  it("says no of a payment once, and is a repeat where it was said of all of them", ({
    expect,
  }) => {
    always((_one, { draft }) => {
      for (const record of draft.payments.values()) {
        expect(new Set(record.notOf).size).toBe(record.notOf.length);
      }
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
      expect(types.includes("method_unfrozen")).toBe(isFreezing(one.charge));
      const isAbsent = one.decision.decision === "not_charged";
      const isOpen = one.charge.state === "in_doubt" || one.charge.state === "not_charged";
      if (isAbsent && !isOpen) {
        // What it was told to be stands: only the payments beside it were judged.
        expect(after).toMatchObject({ state: one.charge.state, resolvedBy: one.charge.resolvedBy });
        return;
      }
      expect(after).toMatchObject({ resolvedBy: "operator", escalated: false });
      const isRefused = isAbsent && isRefusalOpen(one.charge);
      expect(after.state === "not_charged").toBe(isAbsent && !isRefused);
      const isLookedFor = isAbsent && after.attempts.some(isUnexplained);
      expect([after.nextLook !== null, after.lateLooks]).toEqual([isLookedFor, 0]);
    });
  });

  it("lets an open refusal stand, its 402 bound as Harmony said it, where it is `not_charged`", ({
    expect,
  }) => {
    always((one, { draft, verdict }) => {
      const isAbsent = verdict.type === "decided" && one.decision.decision === "not_charged";
      if (isAbsent && isRefusalOpen(one.charge)) {
        const after = chargeAfter(draft);
        expect(after).toMatchObject({ state: "declined", payment: null, contested: [] });
        expect(after.boundReply).toMatchObject({ status: 402 });
        expect(JSON.parse(after.boundReply?.body ?? "")).toMatchObject({ upstream: "no" });
        expect(moneyOf(after)).toBe("not_charged");
      }
    });
  });

  it("is a no from now on where it is `not_charged`, told before or not", ({ expect }) => {
    always((one, { draft, verdict }) => {
      if (verdict.type === "decided" && one.decision.decision === "not_charged") {
        expect(chargeAfter(draft).attempts[0]?.noAtMs).toBe(draft.view.nowMs);
      }
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
