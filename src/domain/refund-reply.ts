/**
 * Owns the answer to a refund, byte for byte (contract.md, Errors): Harmony's four fields, or why
 * there is no refund. Must not build a Response; the object binds these bytes. Pure.
 */
import type { BoundReply, Charge } from "./charge.ts";
import { ERRORS, problemBody, PROBLEM_CONTENT_TYPE, problemStatus } from "./errors.ts";
import { centavosToPesos } from "./money.ts";
import { moneyOfPayment } from "./known.ts";
import type { Money, Payment } from "./outcome.ts";
import { isRefundFinal, nextUseAtMs, type Refund, refundRetry } from "./refund.ts";
import { fourFields, JSON_CONTENT_TYPE, type Reply, replyProblem, secondsUntil } from "./reply.ts";

/** What stands around a refund now: its payment, the charge that payment is of, its other refunds. */
export interface RefundSurroundings {
  readonly payment: Payment;
  readonly owner: Charge | null;
  /** Every refund of the payment. */
  readonly refunds: readonly Refund[];
  /** What is known of its money (known.ts). */
  readonly money: Money;
  readonly nowMs: number;
}

export function refundPath({ paymentMethodId, request, refundId }: Refund): string {
  return `/api/payment-method/${paymentMethodId}/payment/${request.paymentId}/refund/${refundId}`;
}

/** The bytes to keep for ever, once a refund is final; null while it is not. */
export function bindRefundReply(refund: Refund): BoundReply | null {
  if (!isRefundFinal(refund.state)) {
    return null;
  }
  if (refund.state === "refunded") {
    return { status: 201, contentType: JSON_CONTENT_TYPE, body: fourFields(refund.payment) };
  }
  const money = moneyOfPayment(refund.payment);
  const problem = {
    code: "payment_not_refundable",
    detail: ERRORS.payment_not_refundable.explanation,
    money,
    retry: refundRetry(refund, refund.payment, money),
    refundId: refund.refundId,
    paymentStatus: refund.payment.status,
  } as const;
  return {
    status: problemStatus(problem),
    contentType: PROBLEM_CONTENT_TYPE,
    body: problemBody(problem),
  };
}

/** What is answered about a refund that exists. `replayed`: this request sent no attempt itself. */
export function replyAboutRefund(
  refund: Refund,
  around: RefundSurroundings,
  replayed: boolean,
): Reply {
  const { payment, owner, refunds, money, nowMs } = around;
  const isInDoubt = refund.state === "in_doubt";
  const headers = {
    money,
    retry: refundRetry(refund, payment, money),
    chargeId: owner?.chargeId ?? null,
    refundId: refund.refundId,
    replayed,
  };
  const location = refundPath(refund);
  if (refund.boundReply !== null) {
    const created = refund.boundReply.status === 201;
    return {
      ...refund.boundReply,
      ...headers,
      location: created ? location : null,
      retryAfterSeconds: null,
    };
  }
  if (refund.state === "not_refunded") {
    const { refundId } = refund;
    const detail = ERRORS.not_refunded.explanation;
    return { ...replyProblem({ code: "not_refunded", detail, money, refundId }), ...headers };
  }
  return {
    ...headers,
    status: 202,
    contentType: JSON_CONTENT_TYPE,
    body: fourFields(payment),
    location,
    retryAfterSeconds: secondsUntil(isInDoubt ? nextUseAtMs(refunds, nowMs) : null, nowMs),
  };
}

/** The refund resource, from our own state. */
export function refundResource(
  refund: Refund,
  { payment, owner, money }: Pick<RefundSurroundings, "payment" | "owner" | "money">,
  iso: (ms: number) => string,
) {
  const maybe = (ms: number | null) => (ms === null ? null : iso(ms));
  return {
    refundId: refund.refundId,
    paymentMethodId: refund.paymentMethodId,
    paymentId: refund.request.paymentId,
    chargeId: owner?.chargeId ?? null,
    idempotencyKey: refund.idempotencyKey,
    caller: refund.caller,
    state: refund.state,
    money,
    amount: centavosToPesos(payment.amountMinor),
    currency: payment.currency,
    reason: refund.request.reason,
    payment: JSON.parse(fourFields(payment)) as Record<string, unknown>,
    attempts: refund.attempts.map((attempt) => ({
      attempt: attempt.attempt,
      intendedAt: iso(attempt.intendedAtMs),
      answeredAt: maybe(attempt.answeredAtMs),
      outcome: attempt.outcome,
      httpStatus: attempt.httpStatus,
      latencyMs: attempt.latencyMs,
    })),
    createdAt: iso(refund.createdAtMs),
    resolvedAt: maybe(refund.resolvedAtMs),
    resolvedBy: refund.resolvedBy,
    escalated: refund.escalated,
    nextReadAt: maybe(refund.nextRead?.atMs ?? null),
  };
}
