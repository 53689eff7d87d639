/**
 * Owns a person's decision about a charge that no rule decides: whether what Harmony just showed
 * allows it, and what it makes of the charge. Must not read Harmony nor storage. One of the files
 * that can lose money: after `not_charged` the same key may be sent again. Pure.
 */
import { type Attempt, type Charge, isUnexplained, lastAttempt, stateOf } from "./charge.ts";
import { chargeIn, type Draft, nextSeq, note } from "./draft.ts";
import type { LookReport, Resolution } from "./facts.ts";
import { contextOf, fittingPayments } from "./find.ts";
import { candidatesOf, type PaymentRecord } from "./match.ts";
import { creditedMs, horizonReached, newDoubt, nextLateLook, nextPoll } from "./schedule.ts";
import { bare } from "./status.ts";
import { isRefused } from "./unreadable.ts";

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
}

export type Verdict =
  /** Noted. */
  | { readonly type: "decided" }
  /** A person has decided just this already: a repeat, which changes nothing. */
  | { readonly type: "unchanged" }
  | { readonly type: "not_resolvable" }
  | { readonly type: "moved" }
  | { readonly type: "look_incomplete" }
  | { readonly type: "payment_of_another_charge" }
  | { readonly type: "payment_not_fitting" }
  | { readonly type: "payments_fit"; readonly candidates: readonly string[] }
  | { readonly type: "horizon_not_reached" };

/** What can be said before Harmony is asked; null where it has to be. */
export function foreclosed(
  charge: Charge,
  decision: Decision,
): Extract<Verdict, { type: "unchanged" | "not_resolvable" }> | null {
  if (charge.state === "in_doubt" || charge.state === "not_charged") {
    return null;
  }
  const isRepeat =
    decision.decision === "charged" &&
    charge.resolvedBy === "operator" &&
    charge.payment?.id === decision.paymentId;
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
  if (!shown.look.complete && !isRefused(shown.look)) {
    return { type: "look_incomplete" };
  }
  const record = draft.payments.get(paymentId);
  if (record === undefined) {
    throw new Error(`Bug: payment ${paymentId} was not read`);
  }
  if (record.chargeId !== null) {
    return { type: "payment_of_another_charge" };
  }
  const attempt = attemptThatMade(draft, charge, record);
  if (attempt === null || stateOf(record) === "declined") {
    return { type: "payment_not_fitting" };
  }
  const payment = bare(record);
  const others = charge.attempts.some((a) => a.attempt !== attempt.attempt && isUnexplained(a));
  decide(draft, charge, shown, {
    attempt: attempt.attempt,
    reason,
    resolution: { decision: "charged", payment },
    nextLook: others ? nextLateLook(rules, 0, nowMs, nowMs, jitter) : null,
    nextPoll: stateOf(payment) === "pending" ? nextPoll(rules, 0, nowMs, nowMs, jitter) : null,
  });
  return { type: "decided" };
}

/**
 * The attempt that could have made this payment: the one whose tag it carries, else the last one.
 * That a person once named it foreign binds rules only: a person may find that it was a mistake.
 */
function attemptThatMade(draft: Draft, charge: Charge, record: PaymentRecord): Attempt | null {
  const claimed = [{ ...record, foreign: false }];
  const able = charge.attempts.filter((attempt) => {
    const context = contextOf(draft, charge, attempt);
    const isOpen = attempt.explainedBy === null;
    return isOpen && candidatesOf(charge.request, attempt, claimed, context).length > 0;
  });
  const tagged = able.find(({ tag }) => tag !== null && tag === record.tag);
  return tagged ?? able.at(-1) ?? null;
}

function resolveNotCharged(
  draft: Draft,
  charge: Charge,
  { override, reason }: Decision & { decision: "not_charged" },
  shown: Shown,
): Verdict {
  const { nowMs, jitter, rules } = draft.view;
  // A history that Harmony will never show again can prove nothing: then only a person's word can.
  if (!shown.look.complete && !(override && isRefused(shown.look))) {
    return { type: "look_incomplete" };
  }
  const candidates = against(draft, charge);
  if (candidates.length > 0 && !override) {
    return { type: "payments_fit", candidates };
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
    resolution: { decision: "not_charged", override, foreign: candidates },
    nextLook: charge.attempts.some(isUnexplained)
      ? nextLateLook(rules, 0, nowMs, nowMs, jitter)
      : null,
    nextPoll: null,
  });
  for (const id of candidates) {
    const payment = draft.payments.get(id);
    if (payment !== undefined) {
      const about = { atMs: nowMs, chargeId: null };
      note(draft, { type: "payment_unattributed", ...about, payment, decisionSeq });
    }
  }
  return { type: "decided" };
}

/** The payments that speak against it: those that fit, and what a reply to it named. */
function against(draft: Draft, charge: Charge): string[] {
  const ids = new Set(fittingPayments(draft, charge));
  for (const { namedPaymentId } of charge.attempts) {
    const record = namedPaymentId === null ? undefined : draft.payments.get(namedPaymentId);
    if (record !== undefined && record.chargeId === null && record.foreign !== true) {
      ids.add(record.id);
    }
  }
  return [...ids];
}

/** By the rule's own measure. What is not charged already was proven so, or said by Harmony. */
function isAbsenceProven(charge: Charge, look: LookReport): boolean {
  if (charge.state === "not_charged") {
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
