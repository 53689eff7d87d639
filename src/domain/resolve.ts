/**
 * Owns a person's decision about a charge that no rule decides: whether what Harmony just showed
 * allows it, and what it makes of the charge. Must not read Harmony nor storage. One of the files
 * that can lose money: after `not_charged` the same key may be sent again. Pure.
 */
import {
  type AttemptRecord,
  type Charge,
  hasPayment,
  isUnexplained,
  lastAttempt,
  paymentIdsOf,
  stateOf,
} from "./charge.ts";
import { pollOf } from "./polls.ts";
import { endContest } from "./contest.ts";
import { attemptsIn, chargeIn, type Draft, nextSeq, note } from "./draft.ts";
import type { LookReport, Resolution } from "./facts.ts";
import { paymentsAgainst } from "./look.ts";
import { bare, evolvePayment, holdsMoney, type PaymentRecord } from "./payment.ts";
import { creditedMs, horizonReached, newDoubt, nextLateLook, nextPoll } from "./schedule.ts";
import { isRefused } from "./unreadable.ts";
import { forbids, isNewTo, proves } from "./fit.ts";

/** What a person says became of a charge. */
export type Decision =
  | { readonly decision: "charged"; readonly paymentId: string; readonly reason: string }
  | { readonly decision: "not_charged"; readonly override: boolean; readonly reason: string };

/** What Harmony showed for the sake of the decision. */
export interface Shown {
  /** The charge as it was before Harmony was asked. */
  readonly before: Charge;
  readonly look: LookReport;
  /** `seq` of the look and of the reads. */
  readonly evidence: readonly number[];
  /** Payments that Harmony did not find when they were read for this decision. */
  readonly gone: readonly string[];
}

export type Verdict =
  /** Noted. */
  | { readonly type: "decided" }
  /** A person has decided just this already: a repeat, which changes nothing. */
  | { readonly type: "unchanged" }
  | { readonly type: "not_resolvable" }
  | { readonly type: "moved" }
  /** Harmony did not answer. */
  | { readonly type: "look_incomplete" }
  /** It did, and what it showed is not all: `missing` names what it had to list, 20 at most. */
  | {
      readonly type: "history_incomplete";
      readonly why: string;
      readonly missing: readonly string[];
    }
  | { readonly type: "payment_of_another_charge" }
  | { readonly type: "payment_not_fitting" }
  | { readonly type: "payments_fit"; readonly candidates: readonly string[] }
  | { readonly type: "horizon_not_reached" };

/** Why a history that Harmony has shown is not complete (harmony/client.ts). */
const ODD: readonly string[] = [
  "known_payment_missing",
  "count_differs",
  "too_many_pages",
  "page_is_cached",
  "page_does_not_parse",
];

/** What can be said before Harmony is asked; null where it has to be. */
export function foreclosed(
  charge: Charge,
  decision: Decision,
): Extract<Verdict, { type: "unchanged" | "not_resolvable" }> | null {
  const isRepeat =
    decision.decision === "charged" &&
    charge.resolvedBy === "operator" &&
    charge.payment?.id === decision.paymentId &&
    charge.payment.status !== "CANCELLED" &&
    !charge.contested.includes(decision.paymentId);
  // A pending payment may be gone for good: whether it is, a read says.
  const isOpen = ["in_doubt", "not_charged", "pending"].includes(charge.state);
  if (!isRepeat && (isOpen || charge.contested.length > 0)) {
    return null;
  }
  return isRepeat ? { type: "unchanged" } : { type: "not_resolvable" };
}

/**
 * Decides on what Harmony showed, or says why not. The look and the reads are on the books already,
 * with all that follows from them: what they made of the charge stands before a person's word.
 */
export function resolve(draft: Draft, decision: Decision, shown: Shown): Verdict {
  const charge = chargeIn(draft, shown.before.chargeId);
  if (fingerprint(charge) !== fingerprint(shown.before)) {
    return { type: "moved" };
  }
  const early = foreclosed(charge, decision);
  if (early !== null) {
    return early;
  }
  return decision.decision === "charged"
    ? resolveCharged(draft, charge, decision, shown)
    : resolveNotCharged(draft, charge, decision, shown);
}

/** Everything of a charge that a decision about it rests on; schedules may move meanwhile. */
function fingerprint({ state, payment, attempts, resolvedAtMs, resolvedBy }: Charge): string {
  return JSON.stringify([state, payment, attempts, resolvedAtMs, resolvedBy]);
}

function resolveCharged(
  draft: Draft,
  charge: Charge,
  { paymentId, reason }: Decision & { decision: "charged" },
  shown: Shown,
): Verdict {
  const { nowMs, jitter, rules } = draft.view;
  // The read of that very payment is had already; no look proves more of it.
  if (!wasHad(shown.look)) {
    return { type: "look_incomplete" };
  }
  const record = draft.payments.get(paymentId) ?? missingPayment(draft, charge, paymentId);
  if (record === null) {
    throw new Error(`Bug: payment ${paymentId} was not read`);
  }
  const isOwn = isOwnInQuestion(charge, record, shown) || isVouchedFor(charge, paymentId, null);
  if (record.chargeId !== null && !isOwn) {
    const isSettled = record.chargeId === charge.chargeId;
    return { type: isSettled ? "not_resolvable" : "payment_of_another_charge" };
  }
  if (charge.state === "pending" && !isOwn && charge.contested.length === 0) {
    return { type: "not_resolvable" };
  }
  const made = charge.attempts.find(({ explainedBy }) => explainedBy === paymentId);
  const attempt = isOwn ? (made ?? lastAttempt(charge)) : attemptThatMade(draft, charge, record);
  const isDenied = stateOf(record) === "declined" || record.contradicted?.startsWith("CANCELLED ");
  if (attempt === null || isDenied === true) {
    return { type: "payment_not_fitting" };
  }
  // Of its own payment that Harmony contradicts or has lost, a person says that it holds the money.
  const payment = isOwn ? { ...bare(record), status: "CONFIRMED" } : bare(record);
  const others = charge.attempts.some((a) => a.attempt !== attempt.attempt && isUnexplained(a));
  decide(draft, charge, shown, {
    attempt: attempt.attempt,
    reason,
    resolution: { decision: "charged", payment },
    nextLook: others ? nextLateLook(rules, 0, nowMs, nowMs, jitter) : null,
    nextPoll: stateOf(payment) === "pending" ? nextPoll(rules, 0, nowMs, nowMs, jitter) : null,
  });
  const decided = draft.payments.get(paymentId);
  if (record.missing && decided !== undefined) {
    // No look has to list what a person vouches for.
    draft.payments.set(paymentId, { ...decided, missing: true });
  }
  for (const id of charge.contested) {
    const other = draft.payments.get(id);
    const isProven = attemptsIn(draft).some((one) => other !== undefined && proves(other, one));
    if (other !== undefined && (id === paymentId ? isOwn : !isProven)) {
      // Its amount alone spoke for it, and this charge has its payment now.
      endContest(draft, charge.chargeId, other);
    }
  }
  return { type: "decided" };
}

/**
 * Whether a person may say of a payment of this very charge what has become of it: a rule has put it to
 * one, or it is pending and Harmony has it no more.
 */
function isOwnInQuestion(charge: Charge, record: PaymentRecord, { gone }: Shown): boolean {
  const isLost = charge.state === "pending" && gone.includes(record.id);
  return record.chargeId === charge.chargeId && (charge.contested.includes(record.id) || isLost);
}

/** What Harmony had by its own word and does not have any more: of it, a person's word is all there is. */
export function isVouchedFor(
  charge: Charge,
  paymentId: string,
  record: PaymentRecord | null,
): boolean {
  return (
    record?.chargeId === charge.chargeId ||
    (record === null &&
      charge.attempts.some((one) => one.nameIs === "sure" && one.namedPaymentId === paymentId))
  );
}

/** Whether Harmony has shown a history, be it in part or at odds with itself. */
function wasHad(look: LookReport): boolean {
  return look.complete || isRefused(look) || ODD.includes(look.why ?? "");
}

function missingPayment(draft: Draft, charge: Charge, paymentId: string): PaymentRecord | null {
  const { amountMinor, currency } = charge.request;
  const payment = { id: paymentId, status: "CONFIRMED", amountMinor, currency };
  const told = { seq: nextSeq(draft), atMs: draft.view.nowMs, missing: true };
  return isVouchedFor(charge, paymentId, null) ? evolvePayment(null, payment, told) : null;
}

/**
 * The attempt that could have made this payment: the one whose tag it carries, else the last one; none
 * where a tag or a reply says that it is another charge's. That a person once named it foreign binds
 * rules only: a person may find that it was a mistake.
 */
function attemptThatMade(
  draft: Draft,
  { chargeId }: Charge,
  record: PaymentRecord,
): AttemptRecord | null {
  const attempts = attemptsIn(draft);
  const hasNoPayment = ({ explainedBy }: AttemptRecord) =>
    explainedBy === null || draft.payments.get(explainedBy)?.status === "CANCELLED";
  const isProven = (one: AttemptRecord) => proves(record, one);
  if (attempts.some((one) => one.chargeId !== chargeId && isProven(one))) {
    return null;
  }
  const able = attempts.filter(
    (one) =>
      one.chargeId === chargeId &&
      hasNoPayment(one) &&
      // What proves it ours makes up for another amount, which a person may know the reason of.
      (isNewTo(record, one) || (isProven(one) && record.recordedSeq > one.intentSeq)),
  );
  return able.find(isProven) ?? able.findLast(isUnexplained) ?? able.at(-1) ?? null;
}

function resolveNotCharged(
  draft: Draft,
  charge: Charge,
  { override, reason }: Decision & { decision: "not_charged" },
  shown: Shown,
): Verdict {
  const { nowMs, jitter, rules } = draft.view;
  const { complete, why, missing } = shown.look;
  if (!wasHad(shown.look)) {
    return { type: "look_incomplete" };
  }
  // A history that cannot be read whole proves nothing: then only a person's word can.
  if (!complete && !override) {
    return { type: "history_incomplete", why: why ?? "", missing };
  }
  const own = paymentIdsOf(charge)
    .flatMap((id) => draft.payments.get(id) ?? [])
    .filter((record) => isOwnInQuestion(charge, record, shown));
  const candidates = against(draft, charge).filter((id) => !own.some((one) => one.id === id));
  if (own.length + candidates.length === 0 && charge.state === "pending") {
    return { type: "not_resolvable" };
  }
  if (own.length + candidates.length > 0 && !override) {
    return { type: "payments_fit", candidates: [...own.map(({ id }) => id), ...candidates] };
  }
  if (!override && !isAbsenceProven(charge, shown.look)) {
    return { type: "horizon_not_reached" };
  }
  if (candidates.length === 0 && isDecidedByPerson(charge)) {
    return { type: "unchanged" };
  }
  const decisionSeq = nextSeq(draft);
  decide(draft, charge, shown, {
    attempt: lastAttempt(charge).attempt,
    reason,
    resolution: {
      decision: "not_charged",
      override,
      foreign: candidates,
      own: own.map(({ id }) => id),
    },
    nextLook: charge.attempts.some(isUnexplained)
      ? nextLateLook(rules, 0, nowMs, nowMs, jitter)
      : null,
    nextPoll: null,
  });
  for (const id of candidates) {
    deny(draft, charge.chargeId, id, decisionSeq);
  }
  for (const { id } of own) {
    tookNothing(draft, charge.chargeId, id);
  }
  return { type: "decided" };
}

/** A person's no to a payment of its own: what was given back stays that, and nothing else took money. */
function tookNothing(draft: Draft, chargeId: string, paymentId: string): void {
  const record = draft.payments.get(paymentId);
  if (record === undefined) {
    return;
  }
  if (holdsMoney(record)) {
    const payment = { ...bare(record), status: "CANCELLED" };
    const about = { atMs: draft.view.nowMs, chargeId };
    // A no is read once more when its horizon is over, whoever said it.
    const due = pollOf(draft, payment);
    note(draft, { type: "status_changed", ...about, payment, from: record.status, nextPoll: due });
  }
  if (chargeIn(draft, chargeId).contested.includes(paymentId)) {
    endContest(draft, chargeId, draft.payments.get(paymentId) ?? record);
  }
}

/** A person's no: foreign, once no other charge contests it or may have made it. */
function deny(draft: Draft, chargeId: string, paymentId: string, decisionSeq: number): void {
  const record = draft.payments.get(paymentId);
  if (record === undefined) {
    return;
  }
  const payment = { ...record, notOf: [...record.notOf, chargeId] };
  draft.payments.set(paymentId, payment);
  draft.changedPayments.add(paymentId);
  const contesting = [...draft.charges.values()].filter(({ contested }) =>
    contested.includes(paymentId),
  );
  const isAnothers =
    contesting.some((one) => one.chargeId !== chargeId) ||
    attemptsIn(draft).some((one) => one.explainedBy === null && forbids(payment, [one]));
  if (!isAnothers) {
    const about = { atMs: draft.view.nowMs, chargeId: null };
    note(draft, { type: "payment_unattributed", ...about, payment, decisionSeq });
  }
  if (contesting.some((one) => one.chargeId === chargeId)) {
    endContest(draft, chargeId, payment);
  }
}

/** The payments that speak against it: contested, forbidding a further attempt, named by a reply. */
function against(draft: Draft, charge: Charge): string[] {
  if (hasPayment(charge)) {
    return [...charge.contested];
  }
  const ids = new Set([...charge.contested, ...paymentsAgainst(draft, charge).map(({ id }) => id)]);
  for (const { namedPaymentId } of charge.attempts) {
    const record = namedPaymentId === null ? undefined : draft.payments.get(namedPaymentId);
    const isOpen = record !== undefined && record.chargeId === null && !record.foreign;
    if (isOpen && !record.notOf.includes(charge.chargeId)) {
      ids.add(record.id);
    }
  }
  return [...ids];
}

/** By the rule's own measure. What is in no doubt was proven so, or said by Harmony. */
function isAbsenceProven(charge: Charge, look: LookReport): boolean {
  if (charge.state !== "in_doubt") {
    return true;
  }
  const doubt = charge.doubt ?? newDoubt(look.beganAtMs);
  return horizonReached(lastAttempt(charge), creditedMs(doubt, look.beganAtMs));
}

function isDecidedByPerson({ state, resolvedBy }: Charge): boolean {
  return state === "not_charged" && resolvedBy === "operator";
}

function decide(
  draft: Draft,
  { chargeId }: Charge,
  { evidence }: Shown,
  said: {
    readonly attempt: number;
    readonly reason: string;
    readonly resolution: Resolution;
    readonly nextLook: Charge["nextLook"];
    readonly nextPoll: Charge["nextPoll"];
  },
): void {
  const atMs = draft.view.nowMs;
  note(draft, { type: "operator_resolved", atMs, chargeId, evidence, ...said });
}
