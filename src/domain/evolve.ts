/**
 * Owns what a fact changes: the next state of a charge and of a payment's record. Must not
 * decide whether the fact may happen (decide.ts, judge.ts, look.ts). Pure and total: knowledge only
 * increases, and only a late truth moves a final state.
 */
import {
  type Attempt,
  type Charge,
  hasPayment,
  isUnexplained,
  lastAttempt,
  type ResolvedBy,
  stateOf,
  unreachable,
} from "./charge.ts";
import type { Fact } from "./facts.ts";
import type { Outcome, Payment } from "./outcome.ts";
import { bindReply } from "./reply.ts";
import { newDoubt } from "./schedule.ts";

/**
 * The charge after a fact about it; `seq` is the number of the fact's entry. The first final
 * state binds the bytes that are replayed for ever.
 */
export function evolve(charge: Charge | null, fact: Fact, seq: number): Charge {
  const next = leaveDoubt(charge, change(charge, fact, seq), fact.atMs);
  if (next.boundReply !== null) {
    return next;
  }
  const refusal =
    fact.type === "attempt_answered" && fact.outcome.kind === "declined"
      ? fact.outcome.upstream
      : null;
  return { ...next, boundReply: bindReply(next, refusal) };
}

/** From the end of its doubt on, time closes what an attempt may have made (whose.ts). */
function leaveDoubt(before: Charge | null, after: Charge, atMs: number): Charge {
  if (before?.state !== "in_doubt" || after.state === "in_doubt") {
    return after;
  }
  const attempts = after.attempts.map((one) => ({
    ...one,
    doubtEndedAtMs: one.doubtEndedAtMs ?? atMs,
  }));
  return { ...after, attempts };
}

function change(charge: Charge | null, fact: Fact, seq: number): Charge {
  if (fact.type === "attempt_intended") {
    return intended(charge, fact, seq);
  }
  if (charge === null) {
    throw new Error(`Bug: ${fact.type} about a charge that does not exist`);
  }
  switch (fact.type) {
    case "attempt_answered":
      return answered(charge, fact, seq);
    case "looked":
      if (fact.purpose === "late") {
        // A look that was not complete has not looked: it is made again.
        return {
          ...charge,
          lateLooks: charge.lateLooks + (fact.report.complete ? 1 : 0),
          nextLook: fact.nextLook,
        };
      }
      return fact.purpose === "doubt"
        ? { ...charge, doubt: fact.doubt, nextLook: fact.nextLook }
        : charge;
    case "polled":
      return { ...charge, polls: charge.polls + 1, nextPoll: fact.nextPoll };
    case "payment_adopted":
      return {
        ...resolved(charge, fact.payment, "look", fact.atMs),
        attempts: explain(charge, fact.attempt, fact.payment.id),
        nextLook: fact.nextLook,
        nextPoll: fact.nextPoll,
      };
    case "status_changed":
      return statusChanged(charge, fact);
    case "not_charged_by_rule":
      return {
        ...charge,
        state: "not_charged",
        resolvedAtMs: fact.atMs,
        resolvedBy: "rule",
        escalated: false,
        doubt: fact.doubt,
        lateLooks: 0,
        nextLook: fact.nextLook,
        nextPoll: null,
      };
    case "operator_resolved":
      return operatorResolved(charge, fact);
    case "charge_escalated":
      return { ...charge, escalated: true, nextLook: fact.nextLook };
    case "payment_contested":
      return { ...charge, contested: [...charge.contested, fact.payment.id] };
    case "contest_ended":
      return { ...charge, contested: charge.contested.filter((id) => id !== fact.payment.id) };
    case "late_truth_found":
      return lateTruth(charge, fact);
    case "refund_answered":
      return fact.outcome.kind === "refunded" ? refunded(charge, fact.outcome.payment) : charge;
    case "contradiction_found":
    case "replayed":
    case "key_mismatched":
    case "method_frozen":
    case "method_unfrozen":
    case "method_created":
    case "method_create_failed":
    case "method_revoked":
    case "method_revoke_failed":
    case "payment_unattributed":
    case "refund_intended":
    case "refund_resolved":
    case "refund_escalated":
    case "method_resumed":
    case "reconciliation_recorded":
    case "delivery_refused":
      return charge;
    default:
      return unreachable(fact);
  }
}

function intended(
  charge: Charge | null,
  fact: Fact & { type: "attempt_intended" },
  seq: number,
): Charge {
  const attempt: Attempt = {
    ...fact.attempt,
    intendedAtMs: fact.atMs,
    intentSeq: seq,
    answeredAtMs: null,
    answeredSeq: null,
    outcome: null,
    httpStatus: null,
    latencyMs: null,
    namedPaymentId: null,
    explainedBy: null,
    doubtEndedAtMs: null,
  };
  if (charge !== null) {
    return {
      ...charge,
      state: "in_flight",
      attempts: [...charge.attempts, attempt],
      resolvedAtMs: null,
      resolvedBy: null,
      doubt: null,
    };
  }
  return {
    v: 1,
    ...fact.identity,
    state: "in_flight",
    attempts: [attempt],
    payment: null,
    createdAtMs: fact.atMs,
    resolvedAtMs: null,
    resolvedBy: null,
    escalated: false,
    doubt: null,
    nextLook: null,
    lateLooks: 0,
    nextPoll: null,
    polls: 0,
    duplicates: [],
    contested: [],
    boundReply: null,
  };
}

function answered(charge: Charge, fact: Fact & { type: "attempt_answered" }, seq: number): Charge {
  const { outcome } = fact;
  const attempts = charge.attempts.map((attempt) =>
    attempt.attempt === fact.attempt
      ? {
          ...attempt,
          answeredAtMs: fact.atMs,
          answeredSeq: seq,
          outcome: outcome.kind,
          httpStatus: fact.httpStatus,
          latencyMs: fact.latencyMs,
          namedPaymentId: namedIn(outcome),
          explainedBy: paymentOf(outcome)?.id ?? null,
        }
      : attempt,
  );
  const told = { ...charge, attempts };
  const open = charge.state === "in_flight" || charge.state === "in_doubt";
  if (!open || lastAttempt(charge).attempt !== fact.attempt) {
    return told;
  }
  switch (outcome.kind) {
    case "approved":
    case "pending":
      return {
        ...resolved(told, outcome.payment, "reply", fact.atMs),
        nextLook: fact.nextLook,
        nextPoll: fact.nextPoll,
      };
    case "declined":
      return {
        ...told,
        state: "declined",
        payment: outcome.payment,
        resolvedAtMs: fact.atMs,
        resolvedBy: "reply",
        escalated: false,
        doubt: null,
        nextLook: fact.nextLook,
        nextPoll: null,
      };
    case "not_sent":
      return {
        ...told,
        state: "not_charged",
        resolvedAtMs: fact.atMs,
        resolvedBy: "reply",
        escalated: false,
        doubt: null,
        nextLook: fact.nextLook,
        nextPoll: null,
      };
    case "indeterminate":
    case "contradictory":
      return {
        ...told,
        state: "in_doubt",
        doubt: charge.doubt ?? newDoubt(fact.atMs),
        nextLook: fact.nextLook,
        nextPoll: fact.nextPoll,
        polls: 0,
      };
    default:
      return unreachable(outcome);
  }
}

function operatorResolved(charge: Charge, fact: Fact & { type: "operator_resolved" }): Charge {
  const { resolution, attempt, atMs, nextLook, nextPoll } = fact;
  if (resolution.decision === "charged" && hasPayment(charge)) {
    // It made one more: what it is answered with stays.
    const attempts = explain(charge, attempt, resolution.payment.id);
    return {
      ...charge,
      attempts,
      duplicates: withDuplicate(charge, resolution.payment.id),
      nextLook: attempts.some(isUnexplained) ? charge.nextLook : null,
      nextPoll: nextPoll ?? charge.nextPoll,
    };
  }
  if (resolution.decision === "charged") {
    return {
      ...resolved(charge, resolution.payment, "operator", atMs),
      attempts: explain(charge, attempt, resolution.payment.id),
      nextLook,
      nextPoll,
    };
  }
  if (charge.state !== "in_doubt" && charge.state !== "not_charged") {
    // What it was told to be stands: only the payments beside it were judged.
    return charge;
  }
  return {
    ...charge,
    state: "not_charged",
    resolvedAtMs: atMs,
    resolvedBy: "operator",
    escalated: false,
    lateLooks: 0,
    nextLook,
    nextPoll,
  };
}

function resolved(charge: Charge, payment: Payment, by: ResolvedBy, atMs: number): Charge {
  return {
    ...charge,
    state: stateOf(payment),
    payment,
    resolvedAtMs: atMs,
    resolvedBy: by,
    escalated: false,
    doubt: null,
    polls: 0,
  };
}

function explain(charge: Charge, attempt: number | null, paymentId: string): readonly Attempt[] {
  return charge.attempts.map((one) =>
    one.attempt === attempt ? { ...one, explainedBy: paymentId } : one,
  );
}

function statusChanged(charge: Charge, fact: Fact & { type: "status_changed" }): Charge {
  if (charge.payment?.id !== fact.payment.id) {
    return { ...charge, nextPoll: fact.nextPoll };
  }
  return {
    ...charge,
    payment: fact.payment,
    state: charge.state === "pending" ? stateOf(fact.payment) : charge.state,
    nextPoll: fact.nextPoll,
  };
}

/** The refund of a duplicate leaves the charge's own payment as it is. */
function refunded(charge: Charge, payment: Payment): Charge {
  return charge.payment?.id === payment.id ? { ...charge, payment } : charge;
}

function withDuplicate({ duplicates }: Charge, paymentId: string): readonly string[] {
  return duplicates.includes(paymentId) ? duplicates : [...duplicates, paymentId];
}

function lateTruth(charge: Charge, fact: Fact & { type: "late_truth_found" }): Charge {
  const attempts = explain(charge, fact.attempt, fact.payment.id);
  const nextLook = attempts.some(isUnexplained) ? charge.nextLook : null;
  if (fact.as === "cancelled") {
    return { ...charge, attempts, nextLook };
  }
  if (fact.as === "duplicate") {
    const duplicates = withDuplicate(charge, fact.payment.id);
    return { ...charge, attempts, duplicates, nextLook, nextPoll: fact.nextPoll };
  }
  return {
    ...charge,
    attempts,
    state: stateOf(fact.payment),
    payment: fact.payment,
    duplicates: charge.duplicates.filter((id) => id !== fact.payment.id),
    resolvedAtMs: fact.atMs,
    resolvedBy: fact.by,
    escalated: false,
    doubt: null,
    nextLook,
    nextPoll: fact.nextPoll,
    polls: 0,
  };
}

/** The payment that an outcome attributes to its attempt, if it does. */
export function paymentOf(outcome: Outcome): Payment | null {
  switch (outcome.kind) {
    case "approved":
    case "pending":
    case "declined":
      return outcome.payment;
    case "not_sent":
    case "indeterminate":
    case "contradictory":
      return null;
    default:
      return unreachable(outcome);
  }
}

function namedIn(outcome: Outcome): string | null {
  if (outcome.kind === "indeterminate") {
    return outcome.namedPaymentId;
  }
  return outcome.kind === "contradictory" && !outcome.knownBefore ? outcome.namedPaymentId : null;
}
