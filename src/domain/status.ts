/**
 * Owns what a payment's status, seen by a look or a poll, means: a pending payment becomes final,
 * older news is dropped and read again, and what contradicts the books is said and not booked; and
 * that what something else than a look shows first is looked for. Must not read Harmony nor storage.
 * Pure.
 */
import {
  attemptRecords,
  type Charge,
  hasPayment,
  isFinal,
  isUnexplained,
  stateOf,
} from "./charge.ts";
import { escalate } from "./contest.ts";
import { chargeIn, type Draft, nextSeq, note } from "./draft.ts";
import type { LookReport, RefundWatch } from "./facts.ts";
import { judge } from "./judge.ts";
import { isPaymentStatus, type Payment } from "./outcome.ts";
import { bare, type PaymentRecord } from "./payment.ts";
import { nextPoll } from "./schedule.ts";
import { isNewTo } from "./whose.ts";

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

/** Records a poll and what it changes: a status, the charge of a payment that a reply named. */
export function learnFromPoll(draft: Draft, report: PollReport): void {
  const { nowMs, jitter, rules } = draft.view;
  const record = draft.payments.get(report.paymentId);
  const { askedFor, ...read } = report;
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
  const { seen, beganSeq } = report;
  if (seen === null) {
    return;
  }
  if (record?.chargeId != null) {
    learnStatus(draft, record, seen, { beganSeq, seq: evidenceSeq, isPoll: true });
    endPolls(draft, record.chargeId);
    if (owner !== null && record.chargeId !== owner.chargeId) {
      escalate(draft, owner.chargeId, "named_payment_is_another_charges", [seen.id], false);
    }
    return;
  }
  // No look lists it by this: only what a reply named can be somebody's.
  judge(draft, new Set(), evidenceSeq);
  const shown = draft.payments.get(seen.id);
  if (record === undefined && shown !== undefined) {
    noticeUnlisted(draft, [shown]);
  }
}

/** What the history says of payments that already belong to a charge; `seq` is its entry's. */
export function noticeStatuses(draft: Draft, report: LookReport, seq: number): void {
  for (const seen of report.payments) {
    const record = draft.payments.get(seen.id);
    if (record?.chargeId != null) {
      learnStatus(draft, record, seen, { beganSeq: report.beganSeq, seq, isPoll: false });
      if (draft.charges.has(record.chargeId)) {
        endPolls(draft, record.chargeId);
      }
    }
  }
}

/**
 * What something else than a look has shown first gives nobody a payment. Where an attempt without an
 * answer may have made it, the next look is now: one charge's is enough, in doubt before late, since a
 * complete look is held against every attempt. What none may have made is somebody else's, so that
 * every later charge looks first.
 */
export function noticeUnlisted(draft: Draft, seen: readonly PaymentRecord[]): void {
  const { nowMs } = draft.view;
  const free = seen.filter(({ chargeId }) => chargeId === null);
  const charges = [...draft.charges.values()];
  const waiting = charges.filter(
    (charge) =>
      charge.state !== "in_flight" &&
      charge.nextLook !== null &&
      free.some((payment) => mayHaveMade(charge, payment)),
  );
  const charge = waiting.find(({ state }) => state === "in_doubt") ?? waiting[0];
  if (charge !== undefined) {
    draft.charges.set(charge.chargeId, { ...charge, nextLook: { atMs: nowMs, gapMs: 0 } });
    draft.changedCharges.add(charge.chargeId);
  }
  draft.foreignSeen ||=
    draft.baselineSeq !== null &&
    free.some((payment) => !charges.some((one) => mayHaveMade(one, payment)));
}

/** Whether a charge has an attempt in flight or without an answer to which this payment is new. */
function mayHaveMade(charge: Charge, payment: PaymentRecord): boolean {
  return attemptRecords(charge).some(
    (one) => (one.outcome === null || isUnexplained(one)) && isNewTo(payment, one),
  );
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

/** When a statement began and which entry holds it. */
interface Statement {
  readonly beganSeq: number;
  readonly seq: number;
  readonly isPoll: boolean;
}

/**
 * What a payment's status, seen again, means. What began before the status was last told is older
 * news: it is dropped, and a read decides. A pending payment becomes final; a confirmed one is
 * refunded or reversed; anything else contradicts what is known: an entry and an alert, once,
 * and not an edit.
 */
export function learnStatus(
  draft: Draft,
  record: PaymentRecord,
  seen: Payment,
  { beganSeq, seq, isPoll }: Statement,
): void {
  const { nowMs, jitter, rules } = draft.view;
  const charge = record.chargeId === null ? undefined : draft.charges.get(record.chargeId);
  const sameMoney = record.amountMinor === seen.amountMinor && record.currency === seen.currency;
  // A complete look that listed it, and noted nothing of it, has told its status again.
  const listedSeq = record.listedSeq === null ? 0 : (draft.view.lookedSeq ?? 0);
  const isOlder = beganSeq < Math.max(record.statusSeq, listedSeq);
  if (record.status === seen.status && sameMoney) {
    if (!isOlder && (isPoll || record.reread)) {
      put(draft, { ...record, statusSeq: seq, reread: false });
    }
    return;
  }
  if (charge === undefined) {
    return;
  }
  const { chargeId } = charge;
  const becomes = stateOf(seen);
  const isRevived = sameMoney && record.status === "CANCELLED" && becomes === "approved";
  // While a further attempt is in flight its charge is not moved: it is read again after that.
  if (isOlder || (isRevived && charge.state === "in_flight")) {
    put(draft, { ...record, reread: true });
    draft.charges.set(chargeId, { ...charge, nextPoll: nextPoll(rules, 0, nowMs, nowMs, jitter) });
    draft.changedCharges.add(chargeId);
    return;
  }
  const payment = bare(seen);
  if (sameMoney && movesForward(record.status, seen.status)) {
    const open = !isFinal(becomes) || othersAreOpen(draft, charge, seen.id);
    const due = open ? nextPoll(rules, charge.polls, nowMs, nowMs, jitter) : null;
    const from = record.status;
    note(draft, { type: "status_changed", atMs: nowMs, chargeId, payment, from, nextPoll: due });
    return;
  }
  if (isRevived) {
    const isOwn = charge.payment?.id === seen.id || !hasPayment(charge);
    note(draft, {
      type: "late_truth_found",
      atMs: nowMs,
      chargeId,
      attempt: null,
      payment,
      as: isOwn ? "payment" : "duplicate",
      by: "look",
      beside: null,
      nextPoll: othersAreOpen(draft, charge, seen.id) ? charge.nextPoll : null,
    });
    return;
  }
  const said = `${seen.status} ${seen.amountMinor} ${seen.currency}`;
  if (record.contradicted !== said) {
    note(draft, { type: "contradiction_found", atMs: nowMs, chargeId, payment: record, said });
  }
}

function put(draft: Draft, record: PaymentRecord): void {
  draft.payments.set(record.id, record);
  draft.changedPayments.add(record.id);
}

/** Ends the polls of a charge that has nothing left to poll for. */
function endPolls(draft: Draft, chargeId: string): void {
  const charge = chargeIn(draft, chargeId);
  const isOpen = openPaymentIds(charge, (id) => draft.payments.get(id)).length > 0;
  if (charge.nextPoll !== null && !isOpen) {
    draft.charges.set(chargeId, { ...charge, nextPoll: null });
    draft.changedCharges.add(chargeId);
  }
}

/** The charge's payments that are not final, or that older news spoke against: each is polled. */
export function openPaymentIds(
  charge: Charge,
  record: (paymentId: string) => PaymentRecord | null | undefined,
): string[] {
  const own = charge.payment === null ? [] : [charge.payment.id];
  return [...own, ...charge.duplicates].filter((id) => {
    const payment = record(id);
    // What is not loaded is not known to be final.
    return payment === undefined || (payment !== null && isToPoll(payment));
  });
}

function isToPoll(payment: PaymentRecord): boolean {
  return payment.reread || !isFinal(stateOf(payment));
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
