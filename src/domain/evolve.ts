/**
 * Owns what a fact changes: the next state of a charge and of a payment's record. Must not
 * decide whether the fact may happen (decide.ts, judge.ts, look.ts). Pure and total: knowledge only
 * increases, and only a late truth moves a final state.
 */
import {
  type Attempt,
  type Charge,
  type Due,
  hasPayment,
  isRefusalOpen,
  isUnexplained,
  lastAttempt,
  type NotSent,
  paymentIdsOf,
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
  const changed = leaveDoubt(charge, change(charge, fact, seq), fact.atMs);
  const next = {
    ...changed,
    attempts: denied(changed, fact),
    // Of two planned polls the earlier is right; only what there is left to ask for ends one.
    nextPoll:
      fact.type === "polled"
        ? changed.nextPoll
        : earlier(charge?.nextPoll ?? null, changed.nextPoll),
  };
  if (next.boundReply !== null) {
    return next;
  }
  return { ...next, boundReply: bindReply(next, lastAttempt(next).refusal) };
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
    case "refusal_checked":
      return {
        ...charge,
        state: "declined",
        resolvedAtMs: fact.atMs,
        resolvedBy: "reply",
        escalated: false,
        doubt: null,
        lateLooks: 0,
        nextLook: fact.nextLook,
      };
    case "name_dropped":
      return {
        ...charge,
        attempts: charge.attempts.map((one) =>
          one.namedPaymentId === fact.paymentId ? { ...one, ...UNNAMED } : one,
        ),
      };
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
    case "history_unreadable":
    case "history_readable":
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
    ...UNNAMED,
    noAtMs: null,
    refusal: null,
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
    cancelled: [],
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
          ...namedIn(outcome),
          noAtMs: isNo(outcome) ? fact.atMs : null,
          refusal: outcome.kind === "declined" ? outcome.upstream : null,
          ...(outcome.kind === "not_sent" ? { notSent: notSentOf(outcome) } : {}),
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
    case "declined": {
      const { nextLook, nextPoll } = fact;
      return outcome.payment === null
        ? // A refusal stands once a look has shown nothing that speaks against it.
          { ...told, ...doubtOf(charge, fact) }
        : { ...resolved(told, outcome.payment, "reply", fact.atMs), nextLook, nextPoll };
    }
    case "not_sent":
      return {
        ...told,
        state: "not_charged",
        resolvedAtMs: fact.atMs,
        resolvedBy: "reply",
        escalated: false,
        doubt: null,
        nextLook: fact.nextLook,
        nextPoll: fact.nextPoll,
      };
    case "indeterminate":
    case "contradictory":
      return { ...told, ...doubtOf(charge, fact) };
    default:
      return unreachable(outcome);
  }
}

function doubtOf(charge: Charge, fact: Fact & { type: "attempt_answered" }) {
  const { nextLook, nextPoll, atMs } = fact;
  const doubt = charge.doubt ?? newDoubt(atMs);
  return { state: "in_doubt", doubt, nextLook, nextPoll, polls: 0 } as const;
}

function notSentOf({ reason, paymentMethodStatus, retryAfterSeconds }: NotSent): NotSent {
  return { reason, paymentMethodStatus, retryAfterSeconds };
}

function isNo({ kind }: Outcome): boolean {
  return kind === "declined" || kind === "not_sent";
}

/** The attempts of a charge that were told no by this fact, told so now. */
function denied(charge: Charge, fact: Fact): readonly Attempt[] {
  const { attempts } = charge;
  const isDecided =
    fact.type === "not_charged_by_rule" ||
    (fact.type === "operator_resolved" && fact.resolution.decision === "not_charged");
  // What a refund or a read has found of it again is no news, and no no of now.
  const isTelling =
    fact.type === "payment_adopted" ||
    fact.type === "late_truth_found" ||
    fact.type === "status_changed";
  const cancelled = isTelling && fact.payment.status === "CANCELLED" ? fact.payment.id : null;
  const isTold = ({ explainedBy }: Attempt) =>
    (isDecided && !hasPayment(charge)) || (cancelled !== null && explainedBy === cancelled);
  return attempts.some(isTold)
    ? attempts.map((one) => (isTold(one) ? { ...one, noAtMs: fact.atMs } : one))
    : attempts;
}

function operatorResolved(charge: Charge, fact: Fact & { type: "operator_resolved" }): Charge {
  const { resolution, attempt, atMs, nextLook, nextPoll } = fact;
  const isOwn =
    resolution.decision === "charged" && paymentIdsOf(charge).includes(resolution.payment.id);
  if (isOwn && (hasPayment(charge) || charge.payment?.id === resolution.payment.id)) {
    // Harmony has it no more, or contradicts itself, and a person vouches for it.
    return vouchedFor(charge, resolution.payment, atMs);
  }
  if (resolution.decision === "charged" && hasPayment(charge)) {
    // It made one more: what it is answered with stays.
    const attempts = explain(charge, attempt, resolution.payment.id);
    return {
      ...charge,
      attempts,
      duplicates: withId(charge.duplicates, resolution.payment.id),
      nextLook: attempts.some(isUnexplained) ? charge.nextLook : null,
      nextPoll,
    };
  }
  if (resolution.decision === "charged") {
    return {
      ...resolved(charge, resolution.payment, "operator", atMs),
      attempts: explain(charge, attempt, resolution.payment.id),
      duplicates: charge.duplicates.filter((id) => id !== resolution.payment.id),
      nextLook,
      nextPoll,
    };
  }
  if (charge.state !== "in_doubt" && charge.state !== "not_charged") {
    // What it was told to be stands: the payments beside it were judged, or its own, as the entries tell
    // that follow.
    const isOwnJudged = resolution.own.includes(charge.payment?.id ?? "");
    return isOwnJudged ? { ...charge, resolvedBy: "operator" } : charge;
  }
  return {
    ...charge,
    // A refusal stands: Harmony's own no is the answer to its key.
    state: isRefusalOpen(charge) ? "declined" : "not_charged",
    resolvedAtMs: atMs,
    resolvedBy: "operator",
    escalated: false,
    lateLooks: 0,
    nextLook,
    nextPoll,
  };
}

/** A person has said that a payment of its own holds the money; a pending one is thereby final. */
function vouchedFor(charge: Charge, payment: Payment, atMs: number): Charge {
  if (charge.payment?.id !== payment.id) {
    return charge;
  }
  const told = { ...charge, payment, resolvedBy: "operator" } as const;
  return charge.state === "pending"
    ? { ...told, state: stateOf(payment), resolvedAtMs: atMs, nextPoll: null }
    : told;
}

function resolved(charge: Charge, payment: Payment, by: ResolvedBy, atMs: number): Charge {
  return {
    ...charge,
    state: stateOf(payment),
    ...withPayment(charge, payment),
    resolvedAtMs: atMs,
    resolvedBy: by,
    escalated: false,
    doubt: null,
    polls: 0,
  };
}

/** Its payment from now on; a cancelled one that it takes the place of is still read. */
function withPayment({ payment, cancelled }: Charge, next: Payment) {
  const isReplaced = payment !== null && payment.id !== next.id;
  return { payment: next, cancelled: isReplaced ? withId(cancelled, payment.id) : cancelled };
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

function withId(ids: readonly string[], id: string): readonly string[] {
  return ids.includes(id) ? ids : [...ids, id];
}

function earlier(a: Due | null, b: Due | null): Due | null {
  return a === null || (b !== null && b.atMs < a.atMs) ? b : a;
}

function lateTruth(charge: Charge, fact: Fact & { type: "late_truth_found" }): Charge {
  const attempts = explain(charge, fact.attempt, fact.payment.id);
  const nextLook = attempts.some(isUnexplained) ? charge.nextLook : null;
  if (fact.as === "cancelled") {
    // A refusal's cancelled payment is its payment; whether the refusal stands, its look says.
    const isRefused = lastAttempt(charge).refusal !== null;
    return {
      ...charge,
      // What another attempt, or this one, has made beside it stays.
      attempts: charge.attempts.map((one) =>
        one.attempt === fact.attempt && one.explainedBy === null
          ? { ...one, explainedBy: fact.payment.id }
          : one,
      ),
      payment: charge.payment ?? (isRefused ? fact.payment : null),
      cancelled: withId(charge.cancelled, fact.payment.id),
      nextLook: charge.state === "in_doubt" ? charge.nextLook : nextLook,
      nextPoll: fact.nextPoll,
    };
  }
  if (fact.as === "duplicate") {
    const duplicates = withId(charge.duplicates, fact.payment.id);
    return { ...charge, attempts, duplicates, nextLook, nextPoll: fact.nextPoll };
  }
  return {
    ...charge,
    attempts,
    state: stateOf(fact.payment),
    ...withPayment(charge, fact.payment),
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

const UNNAMED = { namedPaymentId: null, nameIs: null } as const;

function namedIn(outcome: Outcome): Pick<Attempt, "namedPaymentId" | "nameIs" | "namedAs"> {
  if (!("namedPaymentId" in outcome) || outcome.namedPaymentId === null) {
    return UNNAMED;
  }
  const { namedPaymentId, namedAs } = outcome;
  const name = { namedPaymentId, ...(namedAs === undefined ? {} : { namedAs }) };
  switch (outcome.kind) {
    case "declined":
    case "not_sent":
      return { ...name, nameIs: "guess" };
    case "indeterminate":
      return { ...name, nameIs: outcome.nameIs };
    case "contradictory":
      return outcome.knownBefore ? UNNAMED : { ...name, nameIs: "sure" };
    default:
      return unreachable(outcome);
  }
}
