/**
 * Owns the answer to a charge, byte for byte (contract.md, A charge): which status, which body,
 * what the headers say of the money. Must not build a Response; the object binds these bytes. Pure.
 */
import { type BoundReply, type Charge, isFinal } from "./charge.ts";
import {
  ERRORS,
  problemBody,
  problemStatus,
  PROBLEM_CONTENT_TYPE,
  type Problem,
} from "./errors.ts";
import { retryOf } from "./known.ts";
import { centavosToPesos } from "./money.ts";
import type { Money, Payment, Retry } from "./outcome.ts";

/** An answer on its way from the object to the wire. */
export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** Null for answers that are about no charge's money. */
  readonly money: Money | null;
  readonly retry: Retry | null;
  readonly chargeId: string | null;
  /** Present where the answer is about a refund that exists. */
  readonly refundId?: string;
  readonly location: string | null;
  readonly retryAfterSeconds: number | null;
  readonly replayed: boolean;
}

export const JSON_CONTENT_TYPE = "application/json";

/** How long a caller is asked to wait before it looks again, where nothing better is known. */
export const RETRY_AFTER_SECONDS = 5;

/** What a person or Harmony's replicas have to mend is not mended by asking every five seconds. */
export const SLOW_SECONDS = 60;

/** The four fields of Harmony's answer, exactly these, as Harmony gave them. */
export function fourFields(payment: Payment): string {
  return JSON.stringify({
    id: payment.spelt ?? payment.id,
    status: payment.status,
    amount: centavosToPesos(payment.amountMinor),
    currency: payment.currency,
  });
}

/** A charge without a payment in Harmony's four fields, under the charge's own id. */
export function chargeFields(charge: Charge, status: "PENDING" | "CANCELLED"): string {
  const { amountMinor, currency } = charge.request;
  return fourFields({ id: charge.chargeId, status, amountMinor, currency });
}

export function chargePath(charge: Charge): string {
  return `/api/payment-method/${charge.paymentMethodId}/charge/${charge.chargeId}`;
}

function paymentPath(charge: Charge, payment: Pick<Payment, "id">): string {
  return `/api/payment-method/${charge.paymentMethodId}/payment/${payment.id}`;
}

/**
 * The bytes to keep for ever, once a charge is final for the first time; null while it is not.
 * `upstream` is Harmony's text, where the charge was refused: its answer, whatever else it left.
 */
export function bindReply(charge: Charge, upstream: string | null): BoundReply | null {
  if (charge.boundReply !== null) {
    return charge.boundReply;
  }
  if (!isFinal(charge.state)) {
    return null;
  }
  const isRefused = upstream !== null && charge.state === "declined";
  if (charge.payment !== null && !isRefused) {
    return { status: 201, contentType: JSON_CONTENT_TYPE, body: fourFields(charge.payment) };
  }
  const problem: Problem = {
    code: "charge_refused",
    detail: ERRORS.charge_refused.explanation,
    money: "not_charged",
    chargeId: charge.chargeId,
    ...(upstream === null ? {} : { upstream }),
  };
  return {
    status: problemStatus(problem),
    contentType: PROBLEM_CONTENT_TYPE,
    body: problemBody(problem),
  };
}

/** What is answered about a charge that exists. `replayed`: this request sent no attempt itself. */
export function replyAbout(charge: Charge, money: Money, replayed: boolean, nowMs: number): Reply {
  const retry = retryOf(charge, money);
  const retryAfterSeconds =
    retry === "same_key"
      ? secondsUntil((charge.nextLook ?? charge.nextPoll)?.atMs ?? null, nowMs)
      : null;
  const headers = {
    money,
    retry,
    chargeId: charge.chargeId,
    replayed,
  };
  const bound = charge.boundReply;
  if (bound !== null) {
    const location = locationOf(charge);
    return bound.status === ERRORS.charge_refused.status && money !== "not_charged"
      ? { ...bound, ...headers, ...HELD, location }
      : { ...bound, ...headers, location, retryAfterSeconds };
  }
  if (charge.payment !== null && (charge.state === "pending" || isFinal(charge.state))) {
    return {
      ...headers,
      status: 201,
      contentType: JSON_CONTENT_TYPE,
      body: fourFields(charge.payment),
      location: paymentPath(charge, charge.payment),
      retryAfterSeconds,
    };
  }
  return {
    ...headers,
    status: 202,
    contentType: JSON_CONTENT_TYPE,
    body: chargeFields(charge, "PENDING"),
    location: chargePath(charge),
    retryAfterSeconds,
  };
}

/** A refusal is no yes, whatever is found later: who ships by it is told so by its 2xx alone. */
const HELD = { money: "unknown", retry: "never", retryAfterSeconds: null } as const;

/** Its payment, or the first other that turned out to be its or may be. */
function locationOf(charge: Charge): string | null {
  const { payment, duplicates, contested } = charge;
  const id = duplicates[0] ?? contested[0];
  const isTaken = payment !== null && (payment.status !== "CANCELLED" || id === undefined);
  return isTaken
    ? paymentPath(charge, payment)
    : id === undefined
      ? null
      : paymentPath(charge, { id });
}

/** Longest `Retry-After` we give: looks are at most an hour apart. */
export const RETRY_AFTER_MAX_SECONDS = 3600;

/** The `Retry-After` for work that is due then. */
export function secondsUntil(atMs: number | null, nowMs: number): number {
  if (atMs === null) {
    return RETRY_AFTER_SECONDS;
  }
  return Math.min(RETRY_AFTER_MAX_SECONDS, Math.max(1, Math.ceil((atMs - nowMs) / 1000)));
}

/** An error as an answer to a charge. */
export function replyProblem(problem: Problem, replayed = false): Reply {
  const retry = problem.retry ?? ERRORS[problem.code].retry;
  return {
    status: problemStatus(problem),
    contentType: PROBLEM_CONTENT_TYPE,
    body: problemBody(problem),
    money: problem.money,
    retry,
    chargeId: problem.chargeId ?? null,
    ...(problem.refundId === undefined ? {} : { refundId: problem.refundId }),
    location: null,
    // Whoever may repeat is told when.
    retryAfterSeconds: problem.retryAfterSeconds ?? (retry === "same_key" ? waitOf(problem) : null),
    replayed,
  };
}

/** An operator has to mend our key: asking sooner brings nothing. */
function waitOf({ code }: Problem): number {
  return code === "upstream_unauthorized" ? SLOW_SECONDS : RETRY_AFTER_SECONDS;
}

/** How a charge stands, beside what it is. */
export interface Standing {
  readonly money: Money;
  readonly methodFrozen: boolean;
  /** Whether whoever asks may know the payments that a person has to judge, and not their number alone. */
  readonly isOperated: boolean;
}

/** The charge resource (contract.md, The charge). */
export function chargeResource(
  charge: Charge,
  { money, methodFrozen, isOperated }: Standing,
  iso: (ms: number) => string,
) {
  const maybe = (ms: number | null) => (ms === null ? null : iso(ms));
  return {
    chargeId: charge.chargeId,
    paymentMethodId: charge.paymentMethodId,
    idempotencyKey: charge.idempotencyKey,
    caller: charge.caller,
    reference: charge.request.reference,
    state: charge.state,
    money,
    amount: centavosToPesos(charge.request.amountMinor),
    currency: charge.request.currency,
    description: charge.request.description,
    payment:
      charge.payment === null
        ? null
        : (JSON.parse(fourFields(charge.payment)) as Record<string, unknown>),
    attempts: charge.attempts.map((attempt) => ({
      attempt: attempt.attempt,
      intendedAt: iso(attempt.intendedAtMs),
      answeredAt: maybe(attempt.answeredAtMs),
      outcome: attempt.outcome,
      httpStatus: attempt.httpStatus,
      latencyMs: attempt.latencyMs,
    })),
    createdAt: iso(charge.createdAtMs),
    resolvedAt: maybe(charge.resolvedAtMs),
    resolvedBy: charge.resolvedBy,
    escalated: charge.escalated,
    nextLookAt: maybe(charge.nextLook?.atMs ?? null),
    duplicates: charge.duplicates,
    candidateCount: charge.contested.length,
    ...(isOperated ? { candidates: charge.contested } : {}),
    methodFrozen,
  };
}
