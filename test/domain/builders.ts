/**
 * Charges, attempts and payments as the tests of the core need them: plain values with defaults.
 * Owns no expectation.
 */
import type { Attempt, AttemptRecord, Charge } from "../../src/domain/charge.ts";
import { openDraft } from "../../src/domain/draft.ts";
import type { Draft, Rules, View } from "../../src/domain/draft.ts";
import type { LookReport, SeenPayment } from "../../src/domain/facts.ts";
import type { PaymentRecord } from "../../src/domain/payment.ts";
import type { Refund, RefundAttempt } from "../../src/domain/refund.ts";
import { newDoubt } from "../../src/domain/schedule.ts";

export const T0 = 1_800_000_000_000;
export const METHOD_ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

const seconds = (...list: number[]): number[] => list.map((one) => one * 1000);

/** The configuration's own defaults. */
export const RULES: Rules = {
  reconcileMs: seconds(0, 2, 5, 15, 60, 120),
  lateMs: seconds(3600, 21_600, 86_400),
  pollMs: seconds(2, 5, 15, 60, 300, 900, 3600),
  horizonMs: 900_000,
  foreignWriters: false,
};

export function attemptOf(change: Partial<Attempt> = {}): Attempt {
  return {
    attempt: 1,
    tag: "aaaaaaaa",
    intendedAtMs: T0,
    intentSeq: 10,
    horizonMs: RULES.horizonMs,
    answeredAtMs: T0 + 1000,
    answeredSeq: 11,
    outcome: "indeterminate",
    httpStatus: null,
    latencyMs: 1000,
    namedPaymentId: null,
    nameIs: null,
    noAtMs: null,
    refusal: null,
    explainedBy: null,
    doubtEndedAtMs: null,
    ...change,
  };
}

/** An attempt that Harmony refused, unless told otherwise. */
export function refusedOf(change: Partial<Attempt> = {}): Attempt {
  return attemptOf({
    outcome: "declined",
    httpStatus: 402,
    noAtMs: T0 + 1000,
    refusal: '{"message":"no"}',
    ...change,
  });
}

/** An attempt of `chargeOf()` as it is judged, unless told otherwise. */
export function judgedOf(change: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    ...attemptOf(),
    chargeId: "charge-1",
    caller: "main",
    amountMinor: 5000,
    currency: "MXN",
    reference: null,
    ...change,
  };
}

/** A charge in doubt since one second, unless told otherwise. */
export function chargeOf(change: Partial<Charge> = {}): Charge {
  return {
    v: 1,
    chargeId: "charge-1",
    paymentMethodId: METHOD_ID,
    caller: "main",
    idempotencyKey: "key-1",
    request: { amountMinor: 5000, currency: "MXN", description: null, reference: null },
    state: "in_doubt",
    attempts: [attemptOf()],
    payment: null,
    createdAtMs: T0,
    resolvedAtMs: null,
    resolvedBy: null,
    escalated: false,
    doubt: newDoubt(T0 + 1000),
    nextLook: { atMs: T0 + 1000, gapMs: 0 },
    lateLooks: 0,
    nextPoll: null,
    polls: 0,
    duplicates: [],
    cancelled: [],
    contested: [],
    boundReply: null,
    ...change,
  };
}

export function refundAttemptOf(change: Partial<RefundAttempt> = {}): RefundAttempt {
  return {
    attempt: 1,
    intendedAtMs: T0,
    intentSeq: 10,
    horizonMs: RULES.horizonMs,
    answeredAtMs: T0 + 1000,
    answeredSeq: 11,
    outcome: "indeterminate",
    httpStatus: null,
    latencyMs: 1000,
    ...change,
  };
}

/** A refund of `recordOf()`'s payment, in doubt since one second, unless told otherwise. */
export function refundOf(change: Partial<Refund> = {}): Refund {
  return {
    v: 1,
    refundId: "refund-1",
    paymentMethodId: METHOD_ID,
    caller: "main",
    idempotencyKey: "refund-key-1",
    request: { paymentId: "payment-1", reason: null },
    payment: { id: "payment-1", status: "CONFIRMED", amountMinor: 5000, currency: "MXN" },
    state: "in_doubt",
    attempts: [refundAttemptOf()],
    createdAtMs: T0,
    resolvedAtMs: null,
    resolvedBy: null,
    escalated: false,
    doubt: { sinceMs: T0 + 1000, looks: 0 },
    nextRead: { atMs: T0 + 1000, gapMs: 0 },
    boundReply: null,
    ...change,
  };
}

/** A confirmed payment that fits `chargeOf()`, unless told otherwise. */
export function recordOf(change: Partial<PaymentRecord> = {}): PaymentRecord {
  return {
    id: "payment-1",
    status: "CONFIRMED",
    amountMinor: 5000,
    currency: "MXN",
    statusAtMs: T0 + 2000,
    statusSeq: 20,
    recordedSeq: 20,
    chargeId: null,
    tag: null,
    createdAtMs: null,
    listedSeq: null,
    listedAtMs: null,
    absentAtMs: null,
    absentSeq: null,
    read: false,
    reread: false,
    disputed: false,
    unattributed: false,
    contradicted: null,
    notOf: [],
    missing: false,
    foreign: false,
    ...change,
  };
}

export function seenOf(change: Partial<SeenPayment> = {}): SeenPayment {
  return {
    id: "payment-1",
    status: "CONFIRMED",
    amountMinor: 5000,
    currency: "MXN",
    tag: null,
    createdAtMs: null,
    ...change,
  };
}

export function reportOf(change: Partial<LookReport> = {}): LookReport {
  const payments = change.payments ?? [];
  return {
    beganAtMs: T0 + 2000,
    endedAtMs: T0 + 2100,
    beganSeq: 1_000_000,
    complete: true,
    why: null,
    httpStatus: null,
    pages: 1,
    count: payments.length,
    payments,
    missing: [],
    idsHash: null,
    ...change,
  };
}

export interface Given {
  readonly charges?: readonly Charge[];
  readonly payments?: readonly PaymentRecord[];
  readonly refunds?: readonly Refund[];
  readonly nowMs?: number;
  readonly nextSeq?: number;
  readonly baselineSeq?: number | null;
  readonly lookedAtMs?: number | null;
  readonly lookedSeq?: number | null;
  readonly unreadable?: View["unreadable"];
  /** Attempts of charges that the step has not loaded. */
  readonly attempts?: readonly AttemptRecord[];
  readonly rules?: Partial<Rules>;
}

export function viewOf(given: Given = {}): View {
  return {
    nowMs: given.nowMs ?? T0 + 2000,
    jitter: 0,
    rules: { ...RULES, ...given.rules },
    nextSeq: given.nextSeq ?? 30,
    baselineSeq: given.baselineSeq === undefined ? 1 : given.baselineSeq,
    lookedAtMs: given.lookedAtMs ?? null,
    lookedSeq: given.lookedSeq ?? null,
    unreadable: given.unreadable ?? null,
    attempts: given.attempts ?? [],
    charges: new Map((given.charges ?? []).map((charge) => [charge.chargeId, charge])),
    payments: new Map((given.payments ?? []).map((payment) => [payment.id, payment])),
    refunds: new Map((given.refunds ?? []).map((refund) => [refund.refundId, refund])),
  };
}

export function draftOf(given: Given = {}): Draft {
  return openDraft(viewOf(given));
}

/** What a step noted, in order. */
export function typesOf(draft: Draft): string[] {
  return draft.noted.map(({ fact }) => fact.type);
}
