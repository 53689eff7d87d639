/**
 * Owns the checks of how lost charges are found: by few looks, complete ones alone, never a payment
 * that was known or another's, and absence only where it was proven. Must not change anything.
 */
import type { Payment } from "../../../sandbox/book.ts";
import type { Entry } from "../../../src/domain/entries.ts";
import type { Trouble } from "../plan.ts";
import { keyOf } from "../shop.ts";
import { isBeyondHorizon } from "./excuses.ts";
import { isStale } from "./noes.ts";
import { holdsMoney, statusAt } from "../book-times.ts";
import {
  type Facts,
  HOUR_MS,
  isUnreadable,
  LOOK_MS,
  namedForeign,
  shownAt,
  submissionOf,
} from "./facts.ts";

const LOOKS_IN_FIRST_HOUR_MAX = 30;

/** Beyond any life's: a look in five minutes for each doubt, over its days, beside those of callers. */
const LOOKS_MAX = 2000;

export function assertFewLooks({ life, journal, charges }: Facts): void {
  const all = journal.filter(
    ({ type, detail }) => type === "looked" && detail?.["purpose"] !== "read",
  );
  const asks = life.shop.asks.length;
  if (all.length > LOOKS_MAX + asks) {
    throw new Error(`${all.length} looks in a life with ${asks} charges asked for`);
  }
  if (life.plan.troubles.has("clock_back") || life.plan.troubles.has("clock_leaps")) {
    // The entries' times repeat an hour there.
    return;
  }
  for (const { chargeId, attempts } of charges) {
    for (const { attempt, answeredAtMs } of attempts) {
      const looks = journal.filter(
        (entry) =>
          entry.type === "looked" &&
          entry.chargeId === chargeId &&
          entry.attempt === attempt &&
          entry.detail?.["purpose"] === "doubt" &&
          answeredAtMs !== null &&
          Date.parse(entry.occurredAt) - answeredAtMs < HOUR_MS,
      );
      if (looks.length > LOOKS_IN_FIRST_HOUR_MAX) {
        throw new Error(`${looks.length} looks in the first hour of ${chargeId}`);
      }
    }
  }
}

/** A complete look shows every payment that an earlier one has shown, and all of ours. */
export function assertCompleteLooksShowAll(facts: Facts): void {
  const { journal, payments, times } = facts;
  // What Harmony has forgotten for good, no look can show.
  const gone = new Set(payments.flatMap(({ id, goneAt }) => (goneAt === undefined ? [] : [id])));
  const isBaseline = ({ type, outcome }: Entry) => type === "looked" && outcome === "complete";
  const intended = journal.findIndex(({ type }) => type === "attempt_intended");
  if (intended >= 0 && !journal.slice(0, intended).some(isBaseline)) {
    throw new Error("the first charge left before any look was complete");
  }
  // What Harmony itself no longer knows after the horizon, no look has to show.
  const known = new Map<string, number>();
  for (const entry of journal) {
    const atMs = times.get(entry.seq) ?? 0;
    const sinceMs = known.get(entry.paymentId ?? "");
    if (entry.type === "polled" && entry.httpStatus === 404 && sinceMs !== undefined) {
      if (isStale(facts, sinceMs, atMs)) {
        known.delete(entry.paymentId ?? "");
      }
    }
    const isComplete = entry.type === "looked" && entry.outcome === "complete";
    const shown = Number(entry.detail?.["payments"] ?? 0);
    if (isComplete) {
      for (const id of (entry.detail?.["new"] ?? []) as string[]) {
        if (!gone.has(id)) {
          known.set(id, known.get(id) ?? atMs);
        }
      }
    }
    if (isComplete && shown < known.size) {
      throw new Error(`entry ${entry.seq}: a complete look shows ${shown} of ${known.size}`);
    }
    if (
      entry.type === "attempt_answered" &&
      entry.paymentId !== null &&
      !gone.has(entry.paymentId)
    ) {
      known.set(entry.paymentId, known.get(entry.paymentId) ?? atMs);
    }
  }
}

/** What was seen before an attempt was intended is never taken for its payment. */
export function assertNothingKnownIsTaken({ journal }: Facts): void {
  const seen = new Map<string, number>();
  const intended = new Map<string, number>();
  for (const { type, seq, chargeId, attempt, paymentId, outcome, detail } of journal) {
    const isShown = type === "looked" && (outcome === "complete" || detail?.["purpose"] === "read");
    const ids = isShown ? ((detail?.["new"] ?? []) as string[]) : [];
    const isPolled = type === "polled" && outcome === "answered";
    for (const id of isPolled && paymentId !== null ? [paymentId] : ids) {
      seen.set(id, Math.min(seq, seen.get(id) ?? seq));
    }
    if (type === "attempt_intended") {
      intended.set(`${chargeId} ${attempt}`, seq);
    }
    const takes =
      type === "payment_adopted" ||
      type === "late_truth_found" ||
      (type === "operator_resolved" && outcome === "charged") ||
      (type === "attempt_answered" && outcome !== "contradictory");
    const intentSeq = intended.get(`${chargeId} ${attempt}`);
    if (takes && paymentId !== null && intentSeq !== undefined) {
      if ((seen.get(paymentId) ?? seq) < intentSeq) {
        throw new Error(`entry ${seq}: ${paymentId} was known before the attempt`);
      }
    }
    if (takes && paymentId !== null) {
      seen.set(paymentId, Math.min(seq, seen.get(paymentId) ?? seq));
    }
  }
}

/** Whether pages that call themselves the whole history leave it out: its absence is proven to anybody. */
function isLeftOut({ card, looks }: Facts, { id }: Payment, byMs: number): boolean {
  return (
    isUnreadable(card) && !looks.some(({ atMs, newIds }) => atMs <= byMs && newIds.includes(id))
  );
}

/** Another's payment is never taken for one of ours that Harmony shows as well. */
export function assertOwnIsPreferred(facts: Facts): void {
  const { life, journal, payments, card } = facts;
  if (
    ["clock_forward", "clock_back", "clock_leaps"].some((name) =>
      life.plan.troubles.has(name as Trouble),
    )
  ) {
    // The entries' times are not the payments' there.
    return;
  }
  for (const { type, paymentId, idempotencyKey, occurredAt, seq } of journal) {
    const isOwn = (payment: Payment) => keyOf(payment) === idempotencyKey;
    const adopted = payments.find(({ id }) => id === paymentId);
    if (type !== "payment_adopted" || adopted === undefined || isOwn(adopted)) {
      continue;
    }
    const before = Date.parse(occurredAt) - LOOK_MS;
    const isShown = (payment: Payment) =>
      shownAt(payment, card) < before &&
      (payment.goneAt ?? Infinity) > before &&
      !isLeftOut(facts, payment, before + LOOK_MS);
    if (payments.some((payment) => isOwn(payment) && isShown(payment))) {
      throw new Error(`entry ${seq}: ${adopted.id} was adopted, and the own one is shown`);
    }
  }
}

/** No rule calls an attempt not charged whose payment was named, or shows within the horizon. */
export function assertAbsenceWasProven(facts: Facts): void {
  const { journal, payments, world, card } = facts;
  const foreign = namedForeign(journal);
  for (const { type, chargeId, attempt, seq } of journal) {
    if (type !== "not_charged_by_rule") {
      continue;
    }
    const own = journal.filter((one) => one.chargeId === chargeId && one.attempt === attempt);
    const answer = own.find((one) => one.type === "attempt_answered");
    // Of an error, a name counts only where there is such a payment.
    const named = answer?.detail?.["named"] ?? null;
    const atMs = facts.times.get(seq) ?? 0;
    const isNamed =
      named !== null &&
      payments.some(({ id, goneAt }) => id === named && (goneAt ?? Infinity) > atMs);
    if (isNamed || answer?.outcome === "contradictory") {
      throw new Error(`entry ${seq}: the reply had said yes or named a payment`);
    }
    const tag = own.find((one) => one.type === "attempt_intended")?.detail?.["tag"] ?? null;
    const payment = payments.find(
      ({ id, description, origin }) =>
        !foreign.has(id) &&
        origin !== "foreign" &&
        typeof tag === "string" &&
        description?.includes(`[cobro:${tag}]`) === true,
    );
    const isForgotten = (payment?.goneAt ?? Infinity) <= atMs;
    // What is cancelled took nothing, whosever the rules call it.
    const isHeld = payment !== undefined && holdsMoney(statusAt(payment, atMs));
    if (isHeld && !isForgotten && !isLeftOut(facts, payment, atMs)) {
      const sentAtMs = submissionOf(world, payment);
      if (!isBeyondHorizon(facts, sentAtMs, shownAt(payment, card))) {
        throw new Error(`entry ${seq}: ${payment.id} was shown within the horizon`);
      }
    }
  }
}
