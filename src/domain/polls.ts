/**
 * Owns when a payment is polled next after its status was told. Must not read a clock. Pure.
 */
import { type Due, stateOf } from "./charge.ts";
import type { Draft } from "./draft.ts";
import type { Payment } from "./outcome.ts";
import { nextPoll, spanMs } from "./schedule.ts";

/** By the schedule while it is not final; once more after a no, when its horizon is over; else never. */
export function pollOf({ view }: Draft, payment: Payment, polls = 0): Due | null {
  const { nowMs, jitter, rules } = view;
  const state = stateOf(payment);
  if (state === "pending") {
    return nextPoll(rules, polls, nowMs, nowMs, jitter);
  }
  const gapMs = spanMs(rules);
  return state === "declined" ? { atMs: nowMs + gapMs, gapMs } : null;
}
