/**
 * Owns what it means that Harmony no longer shows the history of a payment method that was
 * revoked: no look can decide what is in doubt any more, so a person must, at once. Pure.
 */
import { escalate } from "./contest.ts";
import type { Draft } from "./draft.ts";
import type { LookReport } from "./facts.ts";

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
