/**
 * Owns what a payment's status, seen by a look or a poll, means: a pending payment becomes final,
 * a reply's named payment is adopted, and what contradicts the books is said and not booked. Must
 * not read Harmony nor storage. Pure.
 */
import { type Charge, isFinal, isUnexplained, lastAttempt, stateOf } from "./charge.ts";
import { escalate } from "./decide.ts";
import { chargeIn, type Draft, nextSeq, note } from "./draft.ts";
import { statusSeqOf } from "./evolve.ts";
import type { RefundWatch } from "./facts.ts";
import { fits, type PaymentRecord } from "./match.ts";
import { isPaymentStatus, type Payment } from "./outcome.ts";
import { nextLateLook, nextPoll } from "./schedule.ts";

/** What one read of a payment told us. */
export interface PollReport {
  /** The charge it was made for, null where somebody asked for the payment itself. */
  readonly askedFor: string | null;
  /** The journal's last `seq` when it began: what was recorded since is newer news. */
  readonly beganSeq: number;
  /** The refund it was made for, if it was for one, and what it changes in that. */
  readonly refundId?: string | null;
  readonly watch?: RefundWatch | null;
  readonly paymentId: string;
  readonly seen: Payment | null;
  readonly httpStatus: number | null;
  readonly latencyMs: number;
  readonly failure: string | null;
}

/** Records a poll and what it changes: a status, an adoption by name, or a contradiction. */
export function learnFromPoll(draft: Draft, report: PollReport): void {
  const { nowMs, jitter, rules } = draft.view;
  const record = draft.payments.get(report.paymentId);
  const { askedFor, beganSeq, ...read } = report;
  const asker = askedFor === null ? null : (draft.charges.get(askedFor) ?? null);
  const owner = asker ?? ownerOf(draft, report.paymentId, record);
  const due =
    owner?.nextPoll == null
      ? null
      : nextPoll(
          rules,
          owner.polls + 1,
          owner.doubt?.sinceMs ?? owner.resolvedAtMs ?? nowMs,
          nowMs,
          jitter,
        );
  const evidenceSeq = nextSeq(draft);
  note(draft, {
    type: "polled",
    atMs: nowMs,
    chargeId: owner?.chargeId ?? null,
    ...read,
    nextPoll: due,
  });
  const { seen } = report;
  if (seen === null) {
    return;
  }
  if (record?.chargeId != null) {
    learnStatus(draft, record, seen, beganSeq);
    if (owner !== null && record.chargeId !== owner.chargeId) {
      escalate(draft, owner.chargeId, "named_payment_is_another_charges", [seen.id], false);
    }
    return;
  }
  if (owner !== null && owner.state === "in_doubt") {
    adoptNamed(draft, owner.chargeId, seen, evidenceSeq);
  }
}

/** The charge a payment belongs to, or whose unanswered attempt was told its name. */
function ownerOf(
  draft: Draft,
  paymentId: string,
  record: PaymentRecord | undefined,
): Charge | null {
  if (record?.chargeId != null) {
    return draft.charges.get(record.chargeId) ?? null;
  }
  for (const charge of draft.charges.values()) {
    if (charge.attempts.some((attempt) => attempt.namedPaymentId === paymentId)) {
      return charge;
    }
  }
  return null;
}

/** A payment that the reply itself named is ours, if it is what was asked. */
function adoptNamed(draft: Draft, chargeId: string, seen: Payment, evidenceSeq: number): void {
  const { nowMs, jitter, rules } = draft.view;
  const charge = chargeIn(draft, chargeId);
  const attempt = lastAttempt(charge);
  const record = draft.payments.get(seen.id);
  const adoptable = isPaymentStatus(seen.status) && seen.status !== "REFUNDED";
  if (record === undefined || attempt.namedPaymentId !== seen.id || !adoptable) {
    return;
  }
  if (!fits(record, charge.request, attempt)) {
    escalate(draft, chargeId, "named_payment_differs", [seen.id], false);
    return;
  }
  const others = charge.attempts.some((a) => a.attempt !== attempt.attempt && isUnexplained(a));
  note(draft, {
    type: "payment_adopted",
    atMs: nowMs,
    chargeId,
    attempt: attempt.attempt,
    payment: seen,
    by: "named",
    evidenceSeq,
    nextLook: others ? nextLateLook(rules, 0, nowMs, nowMs, jitter) : null,
    nextPoll: stateOf(seen) === "pending" ? nextPoll(rules, 0, nowMs, nowMs, jitter) : null,
  });
}

/**
 * What a payment's status, seen again, means. A pending payment becomes final; a confirmed one is
 * refunded or reversed; anything else contradicts what is known: an entry and an alert, once,
 * and not an edit.
 */
export function learnStatus(
  draft: Draft,
  record: PaymentRecord,
  seen: Payment,
  beganSeq: number,
): void {
  const { nowMs, jitter, rules } = draft.view;
  const charge = record.chargeId === null ? undefined : draft.charges.get(record.chargeId);
  const sameMoney = record.amountMinor === seen.amountMinor && record.currency === seen.currency;
  if (charge === undefined || (record.status === seen.status && sameMoney)) {
    return;
  }
  const { chargeId } = charge;
  const payment = bare(seen);
  const becomes = stateOf(payment);
  if (sameMoney && movesForward(record.status, seen.status)) {
    const open = !isFinal(becomes) || othersAreOpen(draft, charge, seen.id);
    const due = open ? nextPoll(rules, charge.polls, nowMs, nowMs, jitter) : null;
    const from = record.status;
    note(draft, { type: "status_changed", atMs: nowMs, chargeId, payment, from, nextPoll: due });
    return;
  }
  const revived = record.status === "CANCELLED" && becomes === "approved";
  if (sameMoney && revived && charge.payment?.id === seen.id) {
    note(draft, {
      type: "late_truth_found",
      atMs: nowMs,
      chargeId,
      attempt: null,
      payment,
      as: "payment",
      by: "look",
      nextPoll: othersAreOpen(draft, charge, seen.id) ? charge.nextPoll : null,
    });
    return;
  }
  if (statusSeqOf(record) > beganSeq) {
    // It was read before the recorded status was told: older news contradicts nothing.
    return;
  }
  const said = `${seen.status} ${seen.amountMinor} ${seen.currency}`;
  if (record.contradicted !== said) {
    note(draft, { type: "contradiction_found", atMs: nowMs, chargeId, payment: record, said });
  }
}

/** The charge's payments that are not final: each is polled. */
export function openPaymentIds(
  charge: Charge,
  record: (paymentId: string) => PaymentRecord | null | undefined,
): string[] {
  const own = charge.payment === null ? [] : [charge.payment.id];
  return [...own, ...charge.duplicates].filter((id) => {
    const payment = record(id);
    return payment != null && !isFinal(stateOf(payment));
  });
}

function othersAreOpen(draft: Draft, charge: Charge, paymentId: string): boolean {
  return openPaymentIds(charge, (id) => draft.payments.get(id)).some((id) => id !== paymentId);
}

/** Whether a status may follow another without contradicting it (harmony.md, States). */
function movesForward(from: string, to: string): boolean {
  if (!isPaymentStatus(to)) {
    return false;
  }
  if (stateOf({ id: "", status: from, amountMinor: 0, currency: "" }) === "pending") {
    return to !== "NOT_INITIALIZED";
  }
  return from === "CONFIRMED" && (to === "REFUNDED" || to === "CANCELLED");
}

/** The four fields of a payment, without what else is recorded of it. */
export function bare(payment: Payment): Payment {
  return {
    id: payment.id,
    status: payment.status,
    amountMinor: payment.amountMinor,
    currency: payment.currency,
  };
}
