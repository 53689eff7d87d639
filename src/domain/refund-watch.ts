/**
 * Owns what a read of the payment means for the refund that it was made for: done, not done by the
 * horizon rule, or for a person. Must not read Harmony nor storage. One of the files that can lose
 * money: it alone may call a refund not refunded by rule. Pure.
 */
import { type Draft, nextSeq, note, refundIn } from "./draft.ts";
import type { RefundWatch } from "./facts.ts";
import type { Payment } from "./outcome.ts";
import { bare } from "./payment.ts";
import { lastRefundAttempt, type Refund, type RefundAttempt } from "./refund.ts";
import {
  concludeRefund,
  identityOf,
  mayHaveRefunded,
  ownerIdOf,
  settleRefunds,
} from "./refund-decide.ts";
import {
  doubtAfter,
  horizonReached,
  mustEscalate,
  nextLateLook,
  nextLook,
  repeatLateLook,
} from "./schedule.ts";
import { learnFromPoll, type PollReport } from "./status.ts";

/** A read of the payment that was made for a refund. Such reads never overlap. */
export interface RefundRead extends PollReport {
  readonly beganAtMs: number;
}

/** Records a read and everything it makes known of the refund it was made for. */
export function learnFromRefundRead(draft: Draft, refundId: string, read: RefundRead): void {
  const { beganAtMs, ...report } = read;
  const refund = refundIn(draft, refundId);
  const attempt = lastRefundAttempt(refund);
  const { seen, beganSeq } = report;
  // A read counts only for the attempt that had ended when it began.
  const counts =
    refund.state === "in_doubt" && attempt?.answeredSeq != null && attempt.answeredSeq <= beganSeq;
  const unmoved = seen !== null && isUnmoved(refund, seen);
  const watch = counts
    ? watchInDoubt(draft, refund, unmoved, beganAtMs)
    : refund.state === "not_refunded"
      ? watchLate(draft, refund, seen !== null)
      : null;
  learnFromPoll(draft, { ...report, refundId, watch });
  settleRefunds(draft);
  if (seen?.status === "REFUNDED" && refund.state === "not_refunded") {
    learnLate(draft, refund);
  }
  if (counts) {
    applyHorizon(draft, refundId, attempt, unmoved);
  }
}

/** Absence of the refund is shown by nothing but the payment itself, CONFIRMED as it was. */
function isUnmoved({ payment }: Refund, seen: Payment): boolean {
  return (
    seen.status === "CONFIRMED" &&
    seen.amountMinor === payment.amountMinor &&
    seen.currency === payment.currency
  );
}

function watchInDoubt(
  draft: Draft,
  refund: Refund,
  complete: boolean,
  beganAtMs: number,
): RefundWatch {
  const { nowMs, jitter, rules } = draft.view;
  const read = { complete, beganAtMs, seq: nextSeq(draft) };
  const { escalated } = refund;
  const watch = { escalated, horizonMs: lastRefundAttempt(refund)?.horizonMs ?? null };
  const doubt = doubtAfter(rules, refund.doubt, read, watch, nowMs);
  const nextRead = nextLook(rules, doubt, watch, nowMs, jitter);
  return { doubt, nextRead, lateReads: refund.lateReads };
}

function watchLate(draft: Draft, refund: Refund, answered: boolean): RefundWatch {
  const { nowMs, jitter, rules } = draft.view;
  const { doubt, nextRead } = refund;
  if (nextRead === null) {
    return { doubt, nextRead, lateReads: refund.lateReads };
  }
  if (!answered) {
    // A read that failed has not read: it is made again.
    return { doubt, nextRead: repeatLateLook(nowMs, jitter), lateReads: refund.lateReads };
  }
  const lateReads = refund.lateReads + 1;
  const since = refund.resolvedAtMs ?? nowMs;
  return { doubt, nextRead: nextLateLook(rules, lateReads, since, nowMs, jitter), lateReads };
}

/** Harmony made it after the horizon: the key that asked for it is told so, if no other key was. */
function learnLate(draft: Draft, { refundId }: Refund): void {
  const refund = refundIn(draft, refundId);
  const record = draft.payments.get(refund.request.paymentId);
  if (record?.status === "REFUNDED" && mayHaveRefunded(draft, refund)) {
    concludeRefund(draft, identityOf(refund), "refunded", bare(record));
  }
}

function applyHorizon(
  draft: Draft,
  refundId: string,
  attempt: RefundAttempt,
  unmoved: boolean,
): void {
  const { nowMs, jitter, rules } = draft.view;
  const refund = refundIn(draft, refundId);
  const { doubt } = refund;
  if (refund.state !== "in_doubt" || doubt === null) {
    return;
  }
  const about = {
    atMs: nowMs,
    chargeId: ownerIdOf(draft, refund.request.paymentId),
    refundId,
    attempt: attempt.attempt,
  };
  // Nothing that a refund's answer names could change the payment that it is about.
  const rule = { horizonMs: attempt.horizonMs, nameIs: null };
  if (unmoved && horizonReached(rule, doubt.creditedMs)) {
    const [first, last] = [doubt.firstCountedSeq, doubt.lastCountedSeq];
    note(draft, {
      type: "refund_resolved",
      ...about,
      identity: identityOf(refund),
      as: "not_refunded",
      by: "rule",
      payment: refund.payment,
      evidence: [...new Set([first, last])].flatMap((seq) => seq ?? []),
      doubt,
      horizonMs: attempt.horizonMs,
      nextRead: nextLateLook(rules, 0, nowMs, nowMs, jitter),
    });
    return;
  }
  if (!refund.escalated && mustEscalate(rule, doubt, nowMs)) {
    const watch = { escalated: true, horizonMs: attempt.horizonMs };
    const nextRead = nextLook(rules, doubt, watch, nowMs, jitter);
    note(draft, { type: "refund_escalated", ...about, reason: "no_rule_decides", nextRead });
  }
}
