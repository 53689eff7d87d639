/**
 * Owns what an attempt that Harmony did not take means for those who ask again: the word, how long they
 * wait, and until when the books answer instead of a further attempt. Must not decide that nothing was
 * charged (classify.ts). Pure.
 */
import type { Charge, NotSent } from "./charge.ts";
import type { Retry } from "./outcome.ts";
import { RETRY_AFTER_MAX_SECONDS, RETRY_AFTER_SECONDS, SLOW_SECONDS } from "./reply.ts";

/** Statuses that a payment method does not come back from (harmony.md, Saved cards). */
export const ENDED_STATUSES: readonly string[] = ["REVOKED", "EXPIRED"];

/**
 * What the caller may do. `isKnown`: Harmony is known to have had the payment method, so that its 404 is
 * most likely a replica's; an unknown one is no other after a wait.
 */
export function retryOfNotSent({ reason, paymentMethodStatus }: NotSent, isKnown: boolean): Retry {
  switch (reason) {
    case "payment_method_not_active":
      return paymentMethodStatus === "PENDING" ? "same_key" : "never";
    case "payment_method_not_found":
      return isKnown ? "same_key" : "never";
    case "upstream_unauthorized":
    case "upstream_unavailable":
      return "same_key";
  }
}

/** The wait after the first attempt that was not sent, in seconds. */
export function firstWaitSeconds({ reason, retryAfterSeconds }: NotSent): number {
  return reason === "upstream_unavailable"
    ? Math.max(retryAfterSeconds ?? 0, RETRY_AFTER_SECONDS)
    : SLOW_SECONDS;
}

/**
 * Why its last attempt was not sent, and until when that is the answer, in ms: the wait doubles with
 * each attempt in a row, up to an hour. Null where a further attempt may follow now.
 */
export function heldBack(
  { state, attempts }: Charge,
  nowMs: number,
): { readonly notSent: NotSent; readonly untilMs: number } | null {
  const last = attempts.at(-1);
  const notSent = last?.notSent ?? null;
  if (state !== "not_charged" || notSent === null) {
    return null;
  }
  const inARow = attempts.length - 1 - attempts.findLastIndex((one) => one.notSent == null);
  const seconds = Math.min(RETRY_AFTER_MAX_SECONDS, firstWaitSeconds(notSent) * 2 ** (inARow - 1));
  const sinceMs = last?.answeredAtMs ?? nowMs;
  const untilMs = sinceMs + seconds * 1000;
  // A clock that went back holds nothing back.
  return nowMs >= sinceMs && nowMs < untilMs ? { notSent, untilMs } : null;
}
