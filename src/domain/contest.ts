/**
 * Owns what a person has to judge: payments that a charge may have made, and charges that no rule
 * decides. Must not decide whose a payment is: whose.ts does. Pure.
 */
import {
  attemptRecords,
  hasPayment,
  isRefusalOpen,
  isUnread,
  isUnexplained,
  lastAttempt,
} from "./charge.ts";
import { chargeIn, type Draft, note } from "./draft.ts";
import { isContradicted, type PaymentRecord } from "./payment.ts";
import { newDoubt, nextLateLook, nextLook } from "./schedule.ts";
import { forbids } from "./fit.ts";

/** An entry names at most this many payments; more says nothing new to the person who reads it. */
const CANDIDATES_MAX = 20;

/** Puts a payment beside a charge as one that may be its, once; a charge in doubt goes to a person. */
export function contest(
  draft: Draft,
  chargeId: string,
  payment: PaymentRecord,
  reason: string,
): void {
  const { nowMs } = draft.view;
  if (!chargeIn(draft, chargeId).contested.includes(payment.id)) {
    note(draft, { type: "payment_contested", atMs: nowMs, chargeId, payment, reason });
  }
  escalate(draft, chargeId, reason, chargeIn(draft, chargeId).contested, false);
}

/**
 * Ends what is contested no more: the payment has got its charge, or a person named it foreign, or no
 * row of whose.ts makes it a person's (`isPersons`) and it forbids its charge no further attempt.
 */
export function endContests(
  draft: Draft,
  isPersons: (payment: PaymentRecord, chargeId: string) => boolean = () => true,
): void {
  for (const { chargeId, contested } of draft.charges.values()) {
    for (const id of contested) {
      const payment = draft.payments.get(id);
      // What is not loaded has not changed.
      if (payment !== undefined && !stands(draft, chargeId, payment, isPersons)) {
        endContest(draft, chargeId, payment);
      }
    }
  }
}

/** Ends one; the item that is open for the payment ends with the last of them. */
export function endContest(draft: Draft, chargeId: string, payment: PaymentRecord): void {
  const isOpen = [...draft.charges.values()].some(
    (other) => other.chargeId !== chargeId && other.contested.includes(payment.id),
  );
  note(draft, { type: "contest_ended", atMs: draft.view.nowMs, chargeId, payment, isOpen });
  // Perhaps nothing speaks against a refusal any more.
  applyRefusal(draft, chargeId, true);
}

/**
 * A refusal stands unless its look has given the charge a payment, or a person has to judge one. A look
 * that was not complete has seen nothing, nor has a read that failed of what the refusal named: later
 * looks may.
 */
export function applyRefusal(draft: Draft, chargeId: string, complete: boolean): void {
  const { nowMs, jitter, rules } = draft.view;
  const charge = chargeIn(draft, chargeId);
  if (!isRefusalOpen(charge) || charge.contested.length > 0) {
    return;
  }
  const { attempt } = lastAttempt(charge);
  const isLookedFor = !complete || charge.attempts.some((a) => isUnexplained(a) || isUnread(a));
  note(draft, {
    type: "refusal_checked",
    atMs: nowMs,
    chargeId,
    attempt,
    complete,
    nextLook: isLookedFor ? nextLateLook(rules, 0, nowMs, nowMs, jitter) : null,
  });
}

function stands(
  draft: Draft,
  chargeId: string,
  payment: PaymentRecord,
  isPersons: (payment: PaymentRecord, chargeId: string) => boolean,
): boolean {
  if (payment.chargeId === chargeId) {
    return payment.missing || isContradicted(payment);
  }
  if (payment.chargeId !== null || payment.foreign || payment.notOf.includes(chargeId)) {
    return false;
  }
  const charge = chargeIn(draft, chargeId);
  const isForbidding = !hasPayment(charge) && forbids(payment, attemptRecords(charge));
  return isPersons(payment, chargeId) || isForbidding;
}

/**
 * Hands a charge in doubt to a person, once. `lookSoon` keeps the planned look, where the
 * history may still show at once what the reply did not.
 */
export function escalate(
  draft: Draft,
  chargeId: string,
  reason: string,
  candidates: readonly string[],
  lookSoon: boolean,
): void {
  const { nowMs, jitter, rules } = draft.view;
  const charge = chargeIn(draft, chargeId);
  if (charge.escalated || charge.state !== "in_doubt") {
    return;
  }
  const { attempt, horizonMs } = lastAttempt(charge);
  const doubt = charge.doubt ?? newDoubt(nowMs);
  const watch = { escalated: true, horizonMs };
  note(draft, {
    type: "charge_escalated",
    atMs: nowMs,
    chargeId,
    attempt,
    reason,
    candidates: candidates.slice(0, CANDIDATES_MAX),
    nextLook: lookSoon ? charge.nextLook : nextLook(rules, doubt, watch, nowMs, jitter),
  });
}
