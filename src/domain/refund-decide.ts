/**
 * Owns the decision whether a refund may be sent, and what an answer to it means. Must not read a
 * clock, a random number or storage: everything it needs is in the view. One of the files that can
 * lose money: nothing else may allow a refund. Pure.
 */
import { unreachable } from "./charge.ts";
import type { ExchangeFigures } from "./decide.ts";
import { type Draft, note, refundIn } from "./draft.ts";
import type { RefundIdentity } from "./facts.ts";
import type { Payment } from "./outcome.ts";
import { bare, type PaymentRecord } from "./payment.ts";
import {
  lastRefundAttempt,
  type Refund,
  type RefundOutcome,
  type RefundRequest,
  underWayUntilMs,
} from "./refund.ts";
import { concludeRefund, identityOf, ownerIdOf, refundsIn } from "./refund-doubt.ts";
import { nextPoll } from "./schedule.ts";
import { learnFromPoll, type PollReport } from "./status.ts";

export type RefundLookUp =
  | { readonly type: "unknown" }
  /** The key is bound to the refund of another payment. */
  | { readonly type: "mismatch" }
  /** Refunded or refused: what is known is the answer. */
  | { readonly type: "answered" }
  /** In doubt, and its last attempt may be under way: nothing is sent yet. */
  | { readonly type: "in_doubt" }
  | { readonly type: "in_flight" }
  /** A further attempt may follow, after a read. */
  | { readonly type: "refundable" };

/** What a key means for a refund: keys bind at the durable intent, for ever, in every state. */
export function lookUpRefund(
  refund: Refund | null,
  request: RefundRequest,
  nowMs: number,
): RefundLookUp {
  if (refund === null) {
    return { type: "unknown" };
  }
  if (refund.request.paymentId !== request.paymentId) {
    return { type: "mismatch" };
  }
  switch (refund.state) {
    case "refunded":
    case "refused":
      return { type: "answered" };
    case "in_doubt":
      return { type: nowMs < underWayUntilMs(refund) ? "in_doubt" : "refundable" };
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
  /** An attempt of a refund of that payment may be under way. */
  | { readonly type: "frozen" }
  /** The payment must be read first. */
  | { readonly type: "read" }
  /** The payment is not refundable now: nothing is sent. */
  | { readonly type: "refuse"; readonly payment: Payment }
  /** It is in doubt and stays so: the payment is neither REFUNDED nor can be asked for. */
  | { readonly type: "in_doubt" };

/**
 * Whether a refund may be sent now, decided at the head of the queue. `others` are the further
 * refunds of that payment; `readAs` is the status that this very request has just read, and nothing
 * awaited anything since. Only the first refund of a payment on record as CONFIRMED, against which
 * Harmony has said nothing since, goes unread: for any other what it says now decides, also where a
 * refund was made and taken back.
 */
export function admitRefund(
  refund: Refund | null,
  others: readonly Refund[],
  record: PaymentRecord | null,
  readAs: string | null,
  nowMs: number,
): RefundAdmission {
  const all = refund === null ? others : [refund, ...others];
  if (all.some((one) => nowMs < underWayUntilMs(one))) {
    return { type: "frozen" };
  }
  const isPlain = all.length === 0 && record?.reread === false && record.contradicted === null;
  const status = readAs ?? (isPlain && record.status === "CONFIRMED" ? "CONFIRMED" : null);
  if (record === null || status === null) {
    return { type: "read" };
  }
  const payment = { ...bare(record), status };
  if (status === "CONFIRMED") {
    return { type: "submit", payment };
  }
  return refund?.state === "in_doubt" ? { type: "in_doubt" } : { type: "refuse", payment };
}

/** Notes the intent of the next attempt of a refund; it is durable before anything is sent. */
export function intendRefund(draft: Draft, identity: RefundIdentity, payment: Payment): Refund {
  const { refundId } = identity;
  const refund = draft.refunds.get(refundId) ?? null;
  if (refund !== null && refund.state !== "not_refunded" && refund.state !== "in_doubt") {
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

/** Binds that this key refunds nothing: the payment was read, and cannot be refunded. */
export function refuseRefund(draft: Draft, identity: RefundIdentity, payment: Payment): void {
  const told = draft.payments.get(payment.id)?.statusSeq;
  const evidence = told === undefined ? [] : [told];
  concludeRefund(draft, identity, { as: "refused", by: "read", payment, evidence });
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
  const { nowMs, jitter, rules } = draft.view;
  if (reading !== null) {
    learnFromPoll(draft, { ...reading, refundId });
  }
  const refund = refundIn(draft, refundId);
  const becomes = meaningOf(refund, outcome);
  const { seq } = note(draft, {
    type: "refund_answered",
    atMs: nowMs,
    chargeId: ownerIdOf(draft, refund.request.paymentId),
    refundId,
    attempt,
    outcome,
    becomes,
    payment: "payment" in outcome ? outcome.payment : null,
    ...figures,
    nextRead: becomes === "in_doubt" ? nextPoll(rules, 0, nowMs, nowMs, jitter) : null,
  });
  if (outcome.kind === "refunded") {
    // Harmony refunds once: none that was sent before has done it.
    const { payment } = outcome;
    for (const other of refundsIn(draft, "in_doubt", payment.id)) {
      const as = { as: "not_refunded", by: "rule", payment, evidence: [seq] } as const;
      concludeRefund(draft, identityOf(other), as);
    }
  }
}

/** An attempt in flight that no running call owns has ended for us without an answer. */
export function abandonRefund(draft: Draft, refundId: string): void {
  const { attempt } = lastRefundAttempt(refundIn(draft, refundId)) ?? { attempt: 0 };
  const outcome = { kind: "indeterminate", reason: "interrupted" } as const;
  const figures = { httpStatus: null, latencyMs: null, excerpt: null };
  answerRefund(draft, refundId, attempt, outcome, figures, null);
}

/** While an earlier attempt has no answer, only a yes to this one ends the doubt about its key. */
function meaningOf(
  { doubt }: Refund,
  outcome: RefundOutcome,
): "refunded" | "refused" | "in_doubt" | "not_refunded" {
  if (outcome.kind === "refunded") {
    return "refunded";
  }
  if (outcome.kind === "indeterminate" || doubt !== null) {
    return "in_doubt";
  }
  return outcome.kind === "refused" ? "refused" : "not_refunded";
}
