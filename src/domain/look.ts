/**
 * Owns what a look means for the charges of a method: its payments are judged, the next look is
 * planned, and absence over the whole horizon is concluded from. MONEY: it alone may call a charge not
 * charged by rule. Must not read Harmony nor storage. Pure.
 */
import { attemptRecords, type Charge, type Doubt, lastAttempt } from "./charge.ts";
import { applyRefusal, contest, endContests, escalate } from "./contest.ts";
import { attemptsIn, chargeIn, type Draft, nextSeq, note } from "./draft.ts";
import type { LookPurpose, LookReport } from "./facts.ts";
import { judge } from "./judge.ts";
import type { PaymentRecord } from "./payment.ts";
import {
  doubtAfter,
  horizonReached,
  mustEscalate,
  newDoubt,
  nextLateLook,
  nextLook,
  repeatLateLook,
} from "./schedule.ts";
import { noticeStatuses, settlePolls } from "./status.ts";
import { forbids } from "./fit.ts";
import { noteUnreadable } from "./unreadable.ts";

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
  const watch = { escalated: charge?.escalated ?? false, horizonMs: attempt?.horizonMs ?? null };
  const doubt = counts ? doubtAfter(rules, charge.doubt, look, watch, nowMs) : null;
  const newIds = report.complete
    ? report.payments.filter((seen) => !draft.payments.has(seen.id)).map((seen) => seen.id)
    : [];
  note(draft, {
    type: "looked",
    atMs: nowMs,
    chargeId: charge?.chargeId ?? null,
    attempt: attempt?.attempt ?? null,
    purpose: counts || purpose !== "doubt" ? purpose : "before_attempt",
    report,
    newIds,
    doubt,
    nextLook: plannedLook(draft, charge, doubt, purpose, report.complete),
  });
  noteUnreadable(draft, report, purpose);
  if (report.complete) {
    noticeStatuses(draft, report, evidenceSeq);
    if (!isBaseline) {
      const listed = new Set(report.payments.map(({ id }) => id));
      const verdicts = judge(draft, listed, evidenceSeq);
      // Row 3 judges nothing, and so ends nothing.
      if (attemptsIn(draft).every(({ outcome }) => outcome !== null)) {
        endContests(draft, ({ id }, of) =>
          verdicts.some(
            (one) => one.is === "a person's" && one.payment.id === id && one.fits.includes(of),
          ),
        );
      }
    }
  }
  settlePolls(draft);
  if (counts && attempt.outcome === "declined") {
    applyRefusal(draft, charge.chargeId, report.complete);
  } else if (counts) {
    applyHorizon(draft, charge.chargeId, attempt.attempt, report, doubt ?? newDoubt(nowMs));
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
    const { escalated } = charge;
    const watch = { escalated, horizonMs: lastAttempt(charge).horizonMs };
    return nextLook(rules, doubt, watch, nowMs, jitter);
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

/**
 * Absence proves that no money moved once it was observed, by complete looks, for the horizon, and
 * nothing gives the charge a payment. What something else than a look has shown is for a person.
 */
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
  if (report.complete && horizonReached(attempt, doubt.creditedMs)) {
    const seen = paymentsAgainst(draft, charge);
    for (const payment of seen) {
      contest(draft, chargeId, payment, "seen_and_not_listed");
    }
    if (seen.length === 0 && charge.contested.length === 0) {
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
  }
  if (mustEscalate(attempt, doubt, nowMs)) {
    escalate(draft, chargeId, "no_rule_decides", [], false);
  }
}

/** The payments, listed or seen otherwise, that forbid a further attempt of a charge. */
export function paymentsAgainst(draft: Draft, charge: Charge): PaymentRecord[] {
  const attempts = attemptRecords(charge);
  return [...draft.payments.values()].filter(
    (payment) => charge.contested.includes(payment.id) || forbids(payment, attempts),
  );
}
