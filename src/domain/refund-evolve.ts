/**
 * Owns what a fact changes in a refund. Must not decide whether the fact may happen
 * (refund-decide.ts). Pure and total: a refund that is refunded or refused stays so.
 */
import type { Fact } from "./facts.ts";
import type { Payment } from "./outcome.ts";
import {
  isRefundFinal,
  type Refund,
  type RefundAttempt,
  type RefundResolvedBy,
  type RefundState,
} from "./refund.ts";
import { bindRefundReply } from "./refund-reply.ts";

/** The refund that a fact is about; null where it is about none. */
export function refundIdOf(fact: Fact): string | null {
  return "refundId" in fact ? (fact.refundId ?? null) : null;
}

/**
 * The refund after a fact about it; `seq` is the number of the fact's entry. The first final
 * state binds the bytes that are replayed for ever.
 */
export function evolveRefund(refund: Refund | null, fact: Fact, seq: number): Refund {
  const next = change(refund, fact, seq);
  return next.boundReply === null ? { ...next, boundReply: bindRefundReply(next) } : next;
}

function change(refund: Refund | null, fact: Fact, seq: number): Refund {
  if (fact.type === "refund_intended") {
    return intended(refund, fact, seq);
  }
  if (fact.type === "refund_resolved") {
    return resolved(refund ?? born(fact, "in_doubt"), fact);
  }
  if (refund === null) {
    throw new Error(`Bug: ${fact.type} about a refund that does not exist`);
  }
  if (fact.type === "refund_answered") {
    return answered(refund, fact, seq);
  }
  if (fact.type === "polled") {
    return fact.watch == null ? refund : { ...refund, ...fact.watch };
  }
  // A replay or a mismatch of its key changes nothing in it.
  return fact.type === "refund_escalated" ? { ...refund, escalated: true } : refund;
}

function born(
  {
    identity,
    payment,
    atMs,
  }: Pick<Fact & { type: "refund_intended" }, "identity" | "payment" | "atMs">,
  state: Refund["state"],
): Refund {
  return {
    v: 1,
    ...identity,
    payment,
    state,
    attempts: [],
    createdAtMs: atMs,
    resolvedAtMs: null,
    resolvedBy: null,
    escalated: false,
    doubt: null,
    nextRead: null,
    boundReply: null,
  };
}

function intended(
  refund: Refund | null,
  fact: Fact & { type: "refund_intended" },
  seq: number,
): Refund {
  const attempt: RefundAttempt = {
    ...fact.attempt,
    intendedAtMs: fact.atMs,
    intentSeq: seq,
    answeredAtMs: null,
    answeredSeq: null,
    outcome: null,
    httpStatus: null,
    latencyMs: null,
  };
  const before = refund ?? born(fact, "in_flight");
  return {
    ...before,
    state: "in_flight",
    payment: fact.payment,
    attempts: [...before.attempts, attempt],
    resolvedAtMs: null,
    resolvedBy: null,
    // A doubt about an earlier attempt goes on.
    nextRead: null,
  };
}

function answered(refund: Refund, fact: Fact & { type: "refund_answered" }, seq: number): Refund {
  const attempts = refund.attempts.map((attempt) =>
    attempt.attempt === fact.attempt
      ? {
          ...attempt,
          answeredAtMs: fact.atMs,
          answeredSeq: seq,
          outcome: fact.outcome.kind,
          httpStatus: fact.httpStatus,
          latencyMs: fact.latencyMs,
        }
      : attempt,
  );
  const told = { ...refund, attempts };
  if (refund.state !== "in_flight") {
    return told;
  }
  const { becomes, payment, nextRead, atMs } = fact;
  if (becomes === "in_doubt") {
    const doubt = { sinceMs: refund.doubt?.sinceMs ?? atMs, looks: 0 };
    return { ...told, state: becomes, doubt, nextRead };
  }
  return decided(told, becomes, "reply", payment ?? refund.payment, atMs);
}

function resolved(refund: Refund, fact: Fact & { type: "refund_resolved" }): Refund {
  if (isRefundFinal(refund.state)) {
    throw new Error(`Bug: refund ${refund.refundId} is ${refund.state} and is resolved again`);
  }
  return decided(refund, fact.as, fact.by, fact.payment, fact.atMs);
}

function decided(
  refund: Refund,
  state: RefundState,
  resolvedBy: RefundResolvedBy,
  payment: Payment,
  resolvedAtMs: number,
): Refund {
  const ended = { escalated: false, doubt: null, nextRead: null };
  return { ...refund, state, payment, resolvedAtMs, resolvedBy, ...ended };
}
