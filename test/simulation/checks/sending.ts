/**
 * Owns the checks of what left for Harmony: never two at once, nothing beside a payment that is
 * shown, one answer to each attempt. Must not change anything.
 */
import type { Payment } from "../../../sandbox/book.ts";
import { attributed } from "../../payment-method/promises.ts";
import { statusAt, wasCancelled } from "../book-times.ts";
import { keyOf } from "../shop.ts";
import { askedAt, isBeyondHorizon, isOverridden, mayBeTaken } from "./excuses.ts";
import { type Facts, LOOK_MS, shownAt } from "./facts.ts";
import { deniedAt, isBesideANo, isForgottenUnseen } from "./noes.ts";

export function assertNeverTwoAtOnce({ world }: Facts): void {
  const { exchanges } = world.sandbox;
  const { perMethod } = exchanges.maxConcurrent(world.paymentMethodId);
  if (perMethod > 1) {
    throw new Error(`${perMethod} charges were open at once`);
  }
  const acts = exchanges
    .list(world.paymentMethodId)
    .filter(({ kind }) => kind === "charge" || kind === "refund" || kind === "revoke");
  for (const [index, { kind, beganSeq, endedSeq, ended }] of acts.entries()) {
    const before = acts[index - 1];
    // One that was on its way when its instance was gone: another kind of act need not wait for it, nor
    // does the refund of another payment. What is sent of one payment, its intents keep apart.
    const isOrphan = ended === "abandoned" && endedSeq === beganSeq + 1;
    if (isOrphan && (before?.kind !== kind || kind === "refund")) {
      continue;
    }
    // A revoke is repeatable: one that a crash left at Harmony may still be there for the next.
    const isRepeated = kind === "revoke" && before?.kind === "revoke";
    if (before !== undefined && !isRepeated && (before.endedSeq ?? Infinity) > beganSeq) {
      throw new Error(`a ${kind} came while a ${before.kind} was open`);
    }
  }
  const arrived = exchanges.counts(world.paymentMethodId).charge;
  if (arrived > world.submissions.length) {
    throw new Error(`${world.submissions.length} charges left, ${arrived} arrived`);
  }
}

/**
 * Nothing is submitted for a key that has a payment which Harmony shows; nor after an attempt
 * whose payment shows within the horizon, however late within it.
 */
export function assertNoSubmissionBesideAPayment(facts: Facts): void {
  const { world, payments, card, lies } = facts;
  for (const payment of payments) {
    const key = keyOf(payment);
    if (isForgottenUnseen(facts, payment)) {
      continue;
    }
    if (lies.some(({ made, named }) => made.id === payment.id || named === payment.id)) {
      // Harmony's own reply said that it is another charge's.
      continue;
    }
    const sentAtMs = askedAt(payment);
    const shownMs = shownAt(payment, card);
    for (const { atMs, description } of world.submissions) {
      const isFurther = description.startsWith(`for ${key} `) && atMs > sentAtMs;
      if (!isFurther || isOverridden(facts, payment, atMs) || wasCancelled(payment, atMs)) {
        continue;
      }
      const isNo = deniedAt(facts, payment, atMs) !== null;
      const isGone = (payment.goneAt ?? Infinity) <= atMs;
      const isDenied = isNo || isBesideANo(facts, payment);
      if ((isDenied || isGone) && statusAt(payment, atMs) === "REFUNDED") {
        // Somebody has given it back: nothing speaks against a no, or its absence, any more.
        continue;
      }
      const isTaken = isNo && isTakenForAnothers(facts, payment, atMs);
      if (atMs > shownMs + LOOK_MS && !isTaken) {
        throw new Error(`${key} was submitted beside ${payment.id}, which is shown`);
      }
      if (isNo) {
        // A no is an answer: no horizon has to pass, and what no look lists yet nobody knows.
        continue;
      }
      if (!isBeyondHorizon(facts, sentAtMs, Math.min(atMs, shownMs))) {
        throw new Error(`${key} was submitted again within the horizon of ${payment.id}`);
      }
    }
  }
}

/**
 * Whether another charge has a payment by then, which fits that as well: Harmony had said no to the one
 * that made it, and nothing is left that speaks against the no.
 */
function isTakenForAnothers(facts: Facts, payment: Payment, byMs: number): boolean {
  const { journal, times } = facts;
  const before = journal.filter(({ seq }) => (times.get(seq) ?? Infinity) <= byMs);
  const owner = attributed(before).get(payment.id);
  const isOthers = owner !== undefined && owner !== keyOf(payment);
  return isOthers && mayBeTaken(facts, payment.id, owner, byMs);
}

/** Each attempt ends once, and what ended it stays. */
export function assertOneAnswerEach({ journal }: Facts): void {
  const answered = new Set<string>();
  for (const { type, chargeId, attempt, seq } of journal) {
    const name = `${chargeId} ${attempt}`;
    if (type === "attempt_answered" && answered.has(name)) {
      throw new Error(`entry ${seq}: an attempt is answered a second time`);
    }
    if (type === "attempt_answered") {
      answered.add(name);
    }
  }
}
