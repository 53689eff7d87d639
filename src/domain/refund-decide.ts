/**
 * Owns the decision whether a refund may be sent and what an answer to it means. Must not read a
 * clock, a random number or storage: everything it needs is in the view. One of the files that can
 * lose money: nothing else may allow a refund, or tell a key that it made one. Pure.
 */
import { unreachable } from "./charge.ts";
import type { ExchangeFigures } from "./decide.ts";
import { chargeIn, type Draft, note, refundIn } from "./draft.ts";
import type { RefundIdentity } from "./facts.ts";
import type { Payment } from "./outcome.ts";
import { bare, type PaymentRecord } from "./payment.ts";
import {
  differingRefundMembers,
  hasUnexplainedAttempt,
  isPastRefunding,
  isRefundUndecided,
  lastRefundAttempt,
  type Refund,
  type RefundOutcome,
  type RefundRequest,
} from "./refund.ts";
import { newDoubt, nextLateLook, nextLook } from "./schedule.ts";
import { learnFromPoll, type PollReport } from "./status.ts";

export type RefundLookUp =
  | { readonly type: "unknown" }
  | { readonly type: "mismatch"; readonly differing: readonly string[] }
  /** Refunded or refused: what is known is the answer. */
  | { readonly type: "answered" }
  | { readonly type: "in_doubt" }
  | { readonly type: "in_flight" }
  /** Known to have given nothing back: a further attempt may follow, after a read. */
  | { readonly type: "refundable" };

/** What a key means for a refund: keys bind at the durable intent, for ever, in every state. */
export function lookUpRefund(refund: Refund | null, request: RefundRequest): RefundLookUp {
  if (refund === null) {
    return { type: "unknown" };
  }
  const differing = differingRefundMembers(refund.request, request);
  if (differing.length > 0) {
    return { type: "mismatch", differing };
  }
  switch (refund.state) {
    case "refunded":
    case "refused":
      return { type: "answered" };
    case "in_doubt":
      return { type: "in_doubt" };
    case "in_flight":
      return { type: "in_flight" };
    case "not_refunded":
      return { type: "refundable" };
    default:
      return unreachable(refund.state);
  }
}

export type RefundAdmission =
  | { readonly type: "submit"; readonly payment: Payment }
  | { readonly type: "frozen" }
  /** The payment must be read first: it is not on record, or not as refundable, or was long ago. */
  | { readonly type: "read" }
  /** The payment is known not to be refundable (any more): nothing is sent. */
  | { readonly type: "refuse"; readonly payment: Payment }
  /** An earlier attempt of this very refund has turned out to have made it. */
  | { readonly type: "explain"; readonly payment: Payment };

/**
 * Whether a refund may be sent now, decided at the head of the queue. `others` are the further
 * refunds of that payment; `readFresh`: this very request has already read the payment, and
 * nothing awaited anything since.
 */
export function admitRefund(
  refund: Refund | null,
  others: readonly Refund[],
  record: PaymentRecord | null,
  readFresh: boolean,
): RefundAdmission {
  if (others.some(isRefundUndecided)) {
    return { type: "frozen" };
  }
  const done = others.find((other) => other.state === "refunded");
  if (done !== undefined) {
    // Whatever Harmony says of it now: one payment is given back once, and that one key has it.
    return { type: "refuse", payment: done.payment };
  }
  if (record?.status === "REFUNDED") {
    const payment = bare(record);
    const ours = refund !== null && hasUnexplainedAttempt(refund);
    return ours ? { type: "explain", payment } : { type: "refuse", payment };
  }
  if (record === null || (!readFresh && (refund !== null || record.status !== "CONFIRMED"))) {
    return { type: "read" };
  }
  const payment = bare(record);
  return record.status === "CONFIRMED" ? { type: "submit", payment } : { type: "refuse", payment };
}

/** Notes the intent of the next attempt of a refund; it is durable before anything is sent. */
export function intendRefund(draft: Draft, identity: RefundIdentity, payment: Payment): Refund {
  const { refundId } = identity;
  const refund = draft.refunds.get(refundId) ?? null;
  if (refund !== null && refund.state !== "not_refunded") {
    throw new Error(`Bug: an attempt of refund ${refundId} in state ${refund.state}`);
  }
  note(draft, {
    type: "refund_intended",
    atMs: draft.view.nowMs,
    chargeId: ownerIdOf(draft, payment.id),
    refundId,
    identity,
    attempt: {
      attempt: (refund === null ? 0 : (lastRefundAttempt(refund)?.attempt ?? 0)) + 1,
      horizonMs: draft.view.rules.horizonMs,
    },
    payment,
  });
  return refundIn(draft, refundId);
}

/** Binds what is known without asking Harmony: the payment was refunded, by this key or not, or never can be. */
export function concludeRefund(
  draft: Draft,
  identity: RefundIdentity,
  as: "refunded" | "refused",
  payment: Payment,
): void {
  const refund = draft.refunds.get(identity.refundId);
  const told = draft.payments.get(payment.id)?.statusSeq;
  note(draft, {
    type: "refund_resolved",
    atMs: draft.view.nowMs,
    chargeId: ownerIdOf(draft, payment.id),
    refundId: identity.refundId,
    identity,
    attempt: refund === undefined ? null : (lastRefundAttempt(refund)?.attempt ?? null),
    as,
    by: "read",
    payment,
    evidence: told === undefined ? [] : [told],
    doubt: null,
    horizonMs: null,
    nextRead: null,
  });
}

/**
 * Records the answer to an attempt. `reading` is the read of the payment that follows a refusal:
 * Harmony says the same to one who refunds twice and to one whose own refund it never answered.
 */
export function answerRefund(
  draft: Draft,
  refundId: string,
  attempt: number,
  outcome: RefundOutcome,
  figures: ExchangeFigures,
  reading: PollReport | null,
): void {
  const { nowMs } = draft.view;
  if (reading !== null) {
    learnFromPoll(draft, { ...reading, refundId });
  }
  const refund = refundIn(draft, refundId);
  const becomes = meaningOf(draft, refund, outcome);
  note(draft, {
    type: "refund_answered",
    atMs: nowMs,
    chargeId: ownerIdOf(draft, refund.request.paymentId),
    refundId,
    attempt,
    outcome,
    becomes,
    payment: "payment" in outcome ? outcome.payment : null,
    ...figures,
    nextRead: readAfter(draft, refund, becomes),
  });
  settleRefunds(draft);
}

/** An attempt in flight that no running call owns has ended for us without an answer. */
export function abandonRefund(draft: Draft, refundId: string): void {
  const { attempt } = lastRefundAttempt(refundIn(draft, refundId)) ?? { attempt: 0 };
  answerRefund(
    draft,
    refundId,
    attempt,
    { kind: "indeterminate", reason: "interrupted" },
    { httpStatus: null, latencyMs: null, excerpt: null },
    null,
  );
}

/**
 * A refund in doubt whose payment is known to be REFUNDED is done, whoever saw it. No other refund
 * of that payment can have done it: while this one was in flight or in doubt, none was sent.
 */
export function settleRefunds(draft: Draft): void {
  for (const refund of draft.refunds.values()) {
    const record = draft.payments.get(refund.request.paymentId);
    if (refund.state === "in_doubt" && record?.status === "REFUNDED") {
      concludeRefund(draft, identityOf(refund), "refunded", bare(record));
    }
  }
}

/**
 * Whether a refund of this payment, seen now, is this one's: it has an attempt of its own that
 * nothing explains, and no other key was told, or may still be told, that it made it.
 */
export function mayHaveRefunded(draft: Draft, refund: Refund): boolean {
  const claimed = othersOf(draft, refund).some(
    (other) => other.state === "refunded" || isRefundUndecided(other),
  );
  return hasUnexplainedAttempt(refund) && !claimed;
}

export function identityOf(refund: Refund): RefundIdentity {
  const { refundId, paymentMethodId, caller, idempotencyKey, request } = refund;
  return { refundId, paymentMethodId, caller, idempotencyKey, request };
}

/** The charge whose payment this is, where there is one; it must be loaded. */
export function ownerIdOf(draft: Draft, paymentId: string): string | null {
  const chargeId = draft.payments.get(paymentId)?.chargeId ?? null;
  return chargeId === null ? null : chargeIn(draft, chargeId).chargeId;
}

function othersOf(draft: Draft, refund: Refund): Refund[] {
  return [...draft.refunds.values()].filter(
    (other) =>
      other.refundId !== refund.refundId && other.request.paymentId === refund.request.paymentId,
  );
}

function meaningOf(
  draft: Draft,
  refund: Refund,
  outcome: RefundOutcome,
): "refunded" | "refused" | "in_doubt" | "not_refunded" {
  switch (outcome.kind) {
    case "refunded":
      return "refunded";
    case "indeterminate":
      return "in_doubt";
    case "not_sent":
      return "not_refunded";
    case "refused": {
      const unexplained = hasUnexplainedAttempt(refund);
      if (outcome.payment.status === "REFUNDED") {
        // In doubt for a moment: `settleRefunds` then says on what evidence it is done.
        return mayHaveRefunded(draft, refund) ? "in_doubt" : "refused";
      }
      // Refused, perhaps since an earlier attempt of this key is under way: not for ever.
      return unexplained && !isPastRefunding(outcome.payment.status) ? "not_refunded" : "refused";
    }
    default:
      return unreachable(outcome);
  }
}

function readAfter(draft: Draft, refund: Refund, becomes: Refund["state"]) {
  const { nowMs, jitter, rules } = draft.view;
  if (becomes === "in_doubt") {
    return nextLook(rules, newDoubt(nowMs), { escalated: false, horizonMs: null }, nowMs, jitter);
  }
  return becomes === "not_refunded" && hasUnexplainedAttempt(refund)
    ? nextLateLook(rules, 0, nowMs, nowMs, jitter)
    : null;
}
