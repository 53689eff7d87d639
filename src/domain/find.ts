/**
 * Owns what a look means for the charges of a method: adoption, the horizon rule,
 * escalation, late truth, payments of nobody. Must not read Harmony nor storage. One of the
 * files that can lose money: it alone may call a charge not charged by rule. Pure.
 */
import {
  type Attempt,
  type Charge,
  type Doubt,
  isCompeting,
  isUnexplained,
  lastAttempt,
  stateOf,
} from "./charge.ts";
import { escalate } from "./decide.ts";
import { chargeIn, type Draft, nextSeq, note } from "./draft.ts";
import type { LookPurpose, LookReport } from "./facts.ts";
import {
  candidatesOf,
  couldExplain,
  match,
  type MatchContext,
  type PaymentRecord,
} from "./match.ts";
import { bare, learnStatus } from "./status.ts";
import {
  doubtAfter,
  horizonReached,
  mustEscalate,
  newDoubt,
  nextLateLook,
  nextLook,
  nextPoll,
  repeatLateLook,
} from "./schedule.ts";

/**
 * Records a look and everything it makes known. `chargeId` is the charge that the look was begun
 * for, null for a baseline; what it *found* is held against every charge that could explain it.
 */
export function learnFromLook(
  draft: Draft,
  report: LookReport,
  purpose: LookPurpose,
  chargeId: string | null,
): void {
  const isBaseline = draft.baselineSeq === null;
  const charge = chargeId === null ? null : (draft.charges.get(chargeId) ?? null);
  const attempt = charge === null ? null : lastAttempt(charge);
  // A look counts only for the attempt that had ended when it began.
  const counts =
    purpose === "doubt" &&
    charge?.state === "in_doubt" &&
    attempt?.answeredSeq != null &&
    attempt.answeredSeq <= report.beganSeq;
  const evidenceSeq = nextSeq(draft);
  const { nowMs, rules } = draft.view;
  const look = { complete: report.complete, beganAtMs: report.beganAtMs, seq: evidenceSeq };
  const doubt = counts ? doubtAfter(rules, charge.doubt, look, charge.escalated, nowMs) : null;
  const newIds = report.complete
    ? report.payments.filter((seen) => !draft.payments.has(seen.id)).map((seen) => seen.id)
    : [];
  note(draft, {
    type: "looked",
    atMs: draft.view.nowMs,
    chargeId:
      counts || (purpose === "late" && charge !== null) ? chargeId : (charge?.chargeId ?? null),
    attempt: attempt?.attempt ?? null,
    purpose: counts || purpose !== "doubt" ? purpose : "before_attempt",
    report,
    newIds,
    doubt,
    nextLook: plannedLook(draft, charge, doubt, purpose, report.complete),
  });
  if (report.complete) {
    noticeStatuses(draft, report);
    if (!isBaseline) {
      attribute(draft, evidenceSeq, purpose === "before_attempt" ? chargeId : null);
      reportUnattributed(draft);
    }
  }
  if (counts) {
    applyHorizon(
      draft,
      charge.chargeId,
      attempt.attempt,
      report,
      doubt ?? newDoubt(draft.view.nowMs),
    );
  }
}

function plannedLook(
  draft: Draft,
  charge: Charge | null,
  doubt: Doubt | null,
  purpose: LookPurpose,
  complete: boolean,
) {
  const { nowMs, jitter, rules } = draft.view;
  if (charge === null) {
    return null;
  }
  if (doubt !== null) {
    return nextLook(rules, doubt, charge.escalated, nowMs, jitter);
  }
  if (purpose === "late" && !complete) {
    return repeatLateLook(nowMs, jitter);
  }
  if (purpose === "late") {
    const resolvedAtMs = charge.resolvedAtMs ?? nowMs;
    return nextLateLook(rules, charge.lateLooks + 1, resolvedAtMs, nowMs, jitter);
  }
  return charge.nextLook;
}

/** What the history says of payments that already belong to a charge. */
export function noticeStatuses(draft: Draft, report: LookReport): void {
  for (const seen of report.payments) {
    const record = draft.payments.get(seen.id);
    if (record?.chargeId != null) {
      learnStatus(draft, record, seen, report.beganSeq);
    }
  }
}

/** Hands every payment of nobody to `match`, for every attempt that nothing explains. */
function attribute(draft: Draft, evidenceSeq: number, before: string | null): void {
  for (const charge of draft.charges.values()) {
    if (charge.state === "in_flight") {
      continue;
    }
    const attempts = charge.attempts.filter(
      (attempt) =>
        isUnexplained(attempt) || (charge.chargeId === before && attempt.outcome === "not_sent"),
    );
    for (const attempt of attempts.toReversed()) {
      attributeTo(draft, charge.chargeId, attempt, evidenceSeq);
    }
  }
}

function attributeTo(draft: Draft, chargeId: string, attempt: Attempt, evidenceSeq: number): void {
  const { nowMs, jitter, rules } = draft.view;
  const charge = chargeIn(draft, chargeId);
  const found = match(
    charge.request,
    attempt,
    draft.payments.values(),
    contextOf(draft, charge, attempt),
  );
  if (found.type === "none") {
    return;
  }
  if (found.type === "escalate") {
    escalate(draft, chargeId, found.reason, found.candidates, false);
    contest(draft, charge, found.candidates);
    return;
  }
  const payment = bare(found.payment);
  const pollDue = stateOf(payment) === "pending" ? nextPoll(rules, 0, nowMs, nowMs, jitter) : null;
  if (charge.state === "in_doubt") {
    const others = charge.attempts.some((a) => a.attempt !== attempt.attempt && isUnexplained(a));
    note(draft, {
      type: "payment_adopted",
      atMs: nowMs,
      chargeId,
      attempt: attempt.attempt,
      payment,
      by: found.by,
      evidenceSeq,
      nextLook: others ? nextLateLook(rules, 0, nowMs, nowMs, jitter) : null,
      nextPoll: pollDue,
    });
    return;
  }
  const settled = charge.state === "approved" || charge.state === "pending";
  note(draft, {
    type: "late_truth_found",
    atMs: nowMs,
    chargeId,
    attempt: attempt.attempt,
    payment,
    as: settled ? "duplicate" : "payment",
    by: "look",
    nextPoll: pollDue ?? (settled ? charge.nextPoll : null),
  });
}

/**
 * Marks payments that `match` could not decide on: no passing of time may decide it later. Where no
 * charge in doubt stands for them, they are reported, so that a person hears of it.
 */
function contest(draft: Draft, charge: Charge, candidates: readonly string[]): void {
  for (const id of candidates) {
    const record = draft.payments.get(id);
    if (record === undefined) {
      continue;
    }
    draft.payments.set(id, { ...record, contested: true });
    draft.changedPayments.add(id);
    if (charge.state !== "in_doubt" && !record.unattributed) {
      note(draft, {
        type: "payment_unattributed",
        atMs: draft.view.nowMs,
        chargeId: null,
        payment: record,
        decisionSeq: null,
      });
    }
  }
}

/** What an attempt's candidates are held against: whose else's they may be. */
export function contextOf(draft: Draft, charge: Charge, attempt: Attempt): MatchContext {
  const otherTags = new Set<string>();
  const otherNames = new Set<string>();
  let competing = false;
  for (const other of draft.charges.values()) {
    for (const one of other.attempts) {
      if (other.chargeId === charge.chargeId && one.attempt === attempt.attempt) {
        continue;
      }
      if (one.tag !== null) {
        otherTags.add(one.tag);
      }
      if (one.namedPaymentId !== null && other.chargeId !== charge.chargeId) {
        otherNames.add(one.namedPaymentId);
      }
    }
    // This very look may be the other's last: what competed when it was loaded competes still.
    const loaded = draft.view.charges.get(other.chargeId);
    const competes =
      isCompeting(other) ||
      (loaded !== undefined && isCompeting(loaded) && other.attempts.some(isUnexplained));
    // Where its late looks are over, nothing tells it from another whose are over as well.
    const isEqual = !isCompeting(charge) && other.attempts.some(isUnexplained);
    competing ||=
      other.chargeId !== charge.chargeId &&
      other.request.amountMinor === charge.request.amountMinor &&
      other.request.currency === charge.request.currency &&
      (competes || isEqual);
  }
  return {
    competing,
    otherTags,
    otherNames,
    // Harmony said that it took nothing: only our own tag may say otherwise.
    foreignWriters: draft.view.rules.foreignWriters || attempt.outcome === "not_sent",
    nowMs: draft.view.nowMs,
  };
}

/** Payments after the baseline that no open charge could have made are somebody else's: say so. */
export function reportUnattributed(draft: Draft): void {
  for (const record of draft.payments.values()) {
    if (record.chargeId !== null || record.unattributed) {
      continue;
    }
    const baseline = draft.baselineSeq ?? 0;
    if (record.recordedSeq <= baseline || couldBeOurs(draft, record)) {
      continue;
    }
    note(draft, {
      type: "payment_unattributed",
      atMs: draft.view.nowMs,
      chargeId: null,
      payment: record,
      decisionSeq: null,
    });
  }
}

function couldBeOurs(draft: Draft, record: PaymentRecord): boolean {
  for (const charge of draft.charges.values()) {
    const last = lastAttempt(charge);
    const open = charge.state === "in_flight" ? [last] : charge.attempts.filter(isUnexplained);
    if (open.some((attempt) => couldExplain(record, charge.request, attempt))) {
      return true;
    }
  }
  return false;
}

/**
 * The candidates that speak against a further attempt: none may be left when it is sent. That one
 * was reported as nobody's decides nothing: it may still be ours.
 */
export function fittingPayments(draft: Draft, charge: Charge): string[] {
  const ids = new Set<string>();
  for (const attempt of charge.attempts) {
    const context = contextOf(draft, charge, attempt);
    for (const { id } of candidatesOf(charge.request, attempt, draft.payments.values(), context)) {
      ids.add(id);
    }
  }
  return [...ids];
}

/** Absence proves that no money moved once it was observed, by complete looks, for the horizon. */
function applyHorizon(
  draft: Draft,
  chargeId: string,
  attemptNumber: number,
  report: LookReport,
  doubt: Doubt,
): void {
  const { nowMs, jitter, rules } = draft.view;
  const charge = chargeIn(draft, chargeId);
  const attempt = lastAttempt(charge);
  if (charge.state !== "in_doubt" || attempt.attempt !== attemptNumber) {
    return;
  }
  const nothingFits = fittingPayments(draft, charge).length === 0;
  if (report.complete && nothingFits && horizonReached(attempt, doubt.creditedMs)) {
    note(draft, {
      type: "not_charged_by_rule",
      atMs: nowMs,
      chargeId,
      attempt: attempt.attempt,
      doubt,
      horizonMs: attempt.horizonMs ?? 0,
      nextLook: nextLateLook(rules, 0, nowMs, nowMs, jitter),
    });
    return;
  }
  if (mustEscalate(attempt, doubt, nowMs)) {
    escalate(draft, chargeId, "no_rule_decides", [], false);
  }
}
