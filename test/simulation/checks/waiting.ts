/**
 * Owns the checks of what the gateway does while nobody asks it: it looks for each charge in doubt
 * often enough to notice that an outage is over and to have observed absence soon, and reads again what
 * older news has spoken against. Must not change anything.
 */
import type { Entry } from "../../../src/domain/entries.ts";
import type { LaterTrouble, Trouble } from "../plan.ts";
import { type Facts, HORIZON_MS, LOOK_MS, personsOwn } from "./facts.ts";
import { TELLING } from "./questions.ts";

/** The longest planned delay between two looks, and how far failures stretch it. */
const PLANNED_MAX_MS = 120_000;
const FAILED_MAX_MS = 300_000;
/** The share of jitter, and what looks, submissions and alarms before it in the queue may take. */
const GAP_MAX_MS = 1.1 * FAILED_MAX_MS + 3 * 60_000;
/** What puts any work off, that of looks as well. */
const PUTTING_OFF: readonly (Trouble | LaterTrouble)[] = [
  "alarm_dropped",
  "alarm_late",
  "clock_back",
  "clock_forward",
  "clock_leaps",
  "crash",
  "storage_fails",
  "suspended",
];
/** How a doubt about an attempt ends. */
const ENDING: readonly string[] = [
  "attempt_intended",
  "late_truth_found",
  "not_charged_by_rule",
  "operator_resolved",
  "payment_adopted",
];

/** Until absence was observed for the horizon, a look follows each look within minutes. */
export function assertDoubtsAreLookedAt(facts: Facts): void {
  const { journal, life, times } = facts;
  if (PUTTING_OFF.some((name) => life.plan.troubles.has(name as Trouble)) || facts.isHalted) {
    return;
  }
  for (const answer of journal) {
    const { type, seq, chargeId, outcome } = answer;
    if (type !== "attempt_answered" || !/indeterminate|contradictory/.test(outcome ?? "")) {
      continue;
    }
    const own = journal.filter((one) => one.seq > seq && one.chargeId === chargeId);
    const end = own.findIndex((one) => ENDING.includes(one.type));
    const doubt = end === -1 ? own : own.slice(0, end + 1);
    const endMs = end === -1 ? life.bookedAtMs : (times.get(doubt.at(-1)?.seq ?? 0) ?? 0);
    let lastMs = times.get(seq) ?? 0;
    let countedMs: number | null = null;
    let creditedMs = 0;
    const assertSoon = (atMs: number) => {
      // From then on an hourly look is enough, if a person is asked.
      if (creditedMs < HORIZON_MS && atMs - lastMs > GAP_MAX_MS) {
        throw new Error(
          `after entry ${seq} nobody looks for ${chargeId} from ${lastMs} to ${atMs}`,
        );
      }
    };
    for (const look of doubt.filter(isOwnLook)) {
      const atMs = times.get(look.seq) ?? 0;
      assertSoon(atMs);
      lastMs = atMs;
      if (look.outcome === "complete") {
        creditedMs += countedMs === null ? 0 : Math.min(atMs - countedMs + LOOK_MS, PLANNED_MAX_MS);
        countedMs = atMs;
      }
    }
    assertSoon(endMs);
  }
}

function isOwnLook({ type, detail }: Entry): boolean {
  return type === "looked" && detail?.["purpose"] === "doubt";
}

const SETTLED: readonly (string | null)[] = ["CANCELLED", "CONFIRMED"];

/** Where a read says otherwise than the books and they stay as they are, it is older news: one more decides. */
export function assertOlderNewsIsReadAgain(facts: Facts): void {
  const { journal, isHalted, times, life, lies } = facts;
  // What an answer about another payment said of one its own reads contradict: that is no news of it.
  const named = new Set([...lies.map((lie) => lie.named), ...personsOwn(facts)]);
  for (const { type, seq, paymentId, paymentStatus } of journal) {
    const isNews = type === "polled" && SETTLED.includes(paymentStatus);
    if (!isNews || isHalted || named.has(paymentId ?? "")) {
      continue;
    }
    const booked = journal.findLast(
      (one) =>
        one.seq < seq &&
        one.paymentId === paymentId &&
        one.chargeId !== null &&
        TELLING.includes(one.type) &&
        // One that was refused says how its payment stood when it was asked for, and books nothing.
        (one.type !== "refund_answered" || one.outcome === "refunded"),
    );
    // What a read changes is the next entry.
    const next = journal[seq];
    const isBooked = next?.paymentId === paymentId && next?.type !== "polled";
    const isOther =
      booked !== undefined &&
      SETTLED.includes(booked.paymentStatus) &&
      booked.paymentStatus !== paymentStatus;
    const isReadAgain = journal.some(
      (one) =>
        one.seq > seq &&
        one.paymentId === paymentId &&
        one.type === "polled" &&
        (times.get(one.seq) ?? 0) < life.bookedAtMs,
    );
    if (isOther && !isBooked && !isReadAgain && (times.get(seq) ?? 0) < life.bookedAtMs) {
      throw new Error(
        `entry ${seq}: ${paymentId} is ${booked.paymentStatus}, a read said ${paymentStatus}, and nobody has read it again`,
      );
    }
  }
}
