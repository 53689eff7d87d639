/**
 * Owns what it means that Harmony does not show a history whole. Of a payment method that was revoked
 * no look can decide what is in doubt any more, so a person must, at once; where somebody wants to charge
 * it, a person is told after an hour. Pure.
 */
import { escalate } from "./contest.ts";
import { type Draft, note } from "./draft.ts";
import type { Fact, LookPurpose, LookReport } from "./facts.ts";

/** A history that is not whole for so long, while somebody wants to charge, is for a person to see. */
const UNREADABLE_MS = 3_600_000;

/** PERSISTED CONTRACT. Since when no look was whole that a charge had to wait for. */
export interface Unreadable {
  readonly sinceMs: number;
  /** A person was told. */
  readonly told: boolean;
}

/** What is known after these facts; any complete look ends it. */
export function unreadableAfter(
  before: Unreadable | null,
  facts: readonly Fact[],
): Unreadable | null {
  return facts.reduce((unreadable, fact) => {
    if (fact.type === "history_unreadable") {
      return { sinceMs: fact.sinceMs, told: true };
    }
    if (fact.type !== "looked") {
      return unreadable;
    }
    if (fact.report.complete) {
      return null;
    }
    return isWanted(fact.purpose)
      ? (unreadable ?? { sinceMs: fact.atMs, told: false })
      : unreadable;
  }, before);
}

/** Tells a person, once, that a history cannot be read, and that it can be again. */
export function noteUnreadable(draft: Draft, report: LookReport, purpose: LookPurpose): void {
  const { nowMs: atMs, unreadable } = draft.view;
  if (unreadable === null) {
    return;
  }
  const { sinceMs, told } = unreadable;
  if (report.complete && told) {
    note(draft, { type: "history_readable", atMs, chargeId: null, sinceMs });
  }
  const isLong = atMs - sinceMs >= UNREADABLE_MS;
  if (isLong && !told && isWanted(purpose) && isOfHistory(draft, report)) {
    const { why, httpStatus } = report;
    note(draft, { type: "history_unreadable", atMs, chargeId: null, sinceMs, why, httpStatus });
  }
}

/** Whether a charge waits for such a look. */
function isWanted(purpose: LookPurpose): boolean {
  return purpose === "baseline" || purpose === "before_attempt";
}

/** A card that Harmony has never shown is the caller's mistake; a refused key is about every card. */
function isOfHistory({ baselineSeq }: Draft, { complete, httpStatus }: LookReport): boolean {
  return (
    !complete &&
    httpStatus !== 401 &&
    httpStatus !== 403 &&
    !(httpStatus === 404 && baselineSeq === null)
  );
}

/** Refusals that are about the key or the moment, not about the payment method. */
const PASSING: readonly number[] = [401, 403, 408, 429];

/** Whether a look ended in a refusal that will not pass. */
export function isRefused({ complete, httpStatus }: LookReport): boolean {
  return !complete && isLastingRefusal(httpStatus);
}

/** Whether Harmony's answer to a read is a refusal that will not pass. */
export function isLastingRefusal(httpStatus: number | null): boolean {
  return (
    httpStatus !== null && httpStatus >= 400 && httpStatus <= 499 && !PASSING.includes(httpStatus)
  );
}

/** Hands every charge in doubt to a person; hourly looks go on. */
export function escalateUnreadable(draft: Draft): void {
  for (const { chargeId, state } of draft.charges.values()) {
    if (state === "in_doubt") {
      escalate(draft, chargeId, "history_refused_after_revoke", [], false);
    }
  }
}
