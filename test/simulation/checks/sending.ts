/**
 * Owns the checks of what left for Harmony: never two at once, nothing beside a payment that is
 * shown, one answer to each attempt. Must not change anything.
 */
import { keyOf } from "../shop.ts";
import { attributed } from "../../payment-method/promises.ts";
import {
  type Facts,
  HORIZON_MS,
  isLiedTo,
  LOOK_MS,
  namedForeign,
  shownAt,
  submissionOf,
} from "./facts.ts";

export function assertNeverTwoAtOnce({ world }: Facts): void {
  const { exchanges } = world.sandbox;
  const { perMethod } = exchanges.maxConcurrent(world.paymentMethodId);
  if (perMethod > 1) {
    throw new Error(`${perMethod} charges were open at once`);
  }
  const acts = exchanges
    .list(world.paymentMethodId)
    .filter(({ kind }) => kind === "charge" || kind === "refund" || kind === "revoke");
  for (const [index, { kind, beganSeq }] of acts.entries()) {
    const before = acts[index - 1];
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
  const { world, journal, payments, card, life } = facts;
  const foreign = namedForeign(journal);
  const owners = attributed(journal);
  for (const payment of payments.filter(({ id }) => !foreign.has(id))) {
    const key = keyOf(payment);
    const owner = owners.get(payment.id) ?? key;
    if (owner !== key && isLiedTo(facts)) {
      // Harmony's own reply gave it to another charge.
      continue;
    }
    const sent = world.submissions
      .filter(({ description }) => description.startsWith(`for ${key} `))
      .map(({ atMs }) => atMs);
    const cause = sent.findLast((atMs) => atMs <= payment.createdAt) ?? 0;
    const origin = life.plan.tag ? submissionOf(world, payment) : cause;
    const horizonMs = life.plan.rules.horizonMs === null ? Infinity : HORIZON_MS;
    const isWithin = shownAt(payment, card) <= origin + horizonMs;
    const isPlain = life.plan.tag || payment.origin === "charge";
    for (const atMs of sent) {
      if (atMs > shownAt(payment, card) + LOOK_MS) {
        throw new Error(`${key} was submitted beside ${payment.id}, which is shown`);
      }
      if (isPlain && isWithin && atMs > origin) {
        throw new Error(`${key} was submitted again within the horizon of ${payment.id}`);
      }
    }
  }
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
