/**
 * Owns the reading of Harmony's answer to a charge (design.md, What Harmony's answer means).
 * Total: any status, any bytes, any failure gives one of six outcomes, and the default is
 * `indeterminate`. One of the files that can lose money: a charge taken for refused is charged
 * again. Pure.
 */
import { unreachable } from "../domain/charge.ts";
import { OUTSIDE_TEXT_MAX } from "../domain/entries.ts";
import { isPaymentStatus, type NotSentReason, type Outcome } from "../domain/outcome.ts";
import { isJsonObject, namedPaymentId, parseJson, parsePayment } from "./wire.ts";

/** What came over the wire for one request. */
export type Exchange =
  | {
      readonly type: "answered";
      readonly httpStatus: number;
      readonly body: string;
      readonly retryAfterSeconds: number | null;
      /** Whether some cache answered, and not Harmony. */
      readonly isCached: boolean;
      readonly latencyMs: number;
    }
  /** No whole answer: a throw, a deadline, a body that broke off or is too long. */
  | { readonly type: "failed"; readonly reason: string; readonly latencyMs: number };

/** What the read of the method said that follows a 400; null where there was no 400. */
export type MethodReading =
  | { readonly type: "status"; readonly status: string }
  | { readonly type: "unreadable" };

export interface Asked {
  readonly amountMinor: number;
  readonly currency: string;
  /** Whether a payment id was known before the intent, or belongs to another charge. */
  readonly isKnown: (paymentId: string) => boolean;
}

/** Classifies the answer to one submission. */
export function classify(exchange: Exchange, method: MethodReading | null, asked: Asked): Outcome {
  if (exchange.type === "failed") {
    return indeterminate(exchange.reason);
  }
  const { httpStatus, body } = exchange;
  const json = parseJson(body);
  if (httpStatus >= 200 && httpStatus <= 299) {
    return classifySuccess(json, asked);
  }
  // Knowledge only increases: a payment named in an error exists, whatever the status says.
  const named = namedPaymentId(json);
  if (named !== null) {
    return asked.isKnown(named)
      ? {
          kind: "contradictory",
          reason: `status_${httpStatus}_names_a_known_payment`,
          namedPaymentId: named,
          knownBefore: true,
        }
      : indeterminate(`status_${httpStatus}_names_a_payment`, named);
  }
  if (!isJsonObject(json)) {
    return indeterminate(`status_${httpStatus}_without_json`);
  }
  return classifyRefusal(exchange, method);
}

function classifySuccess(json: unknown, asked: Asked): Outcome {
  const payment = parsePayment(json);
  const named = namedPaymentId(json);
  if (payment === null) {
    if (named !== null && asked.isKnown(named)) {
      return {
        kind: "contradictory",
        reason: "known_payment",
        namedPaymentId: named,
        knownBefore: true,
      };
    }
    return indeterminate("success_does_not_parse", named);
  }
  const knownBefore = asked.isKnown(payment.id);
  if (knownBefore) {
    return {
      kind: "contradictory",
      reason: "known_payment",
      namedPaymentId: payment.id,
      knownBefore,
    };
  }
  if (payment.amountMinor !== asked.amountMinor || payment.currency !== asked.currency) {
    return {
      kind: "contradictory",
      reason: "payment_differs",
      namedPaymentId: payment.id,
      knownBefore,
    };
  }
  if (!isPaymentStatus(payment.status)) {
    return indeterminate("unknown_status", payment.id);
  }
  switch (payment.status) {
    case "CONFIRMED":
      return { kind: "approved", payment };
    case "NOT_INITIALIZED":
    case "PENDING":
      return { kind: "pending", payment };
    case "CANCELLED":
      return { kind: "declined", payment, upstream: null };
    case "REFUNDED":
      // Nobody asked for that: the payment exists, and a person should know.
      return indeterminate("refunded_at_once", payment.id);
    default:
      return unreachable(payment.status);
  }
}

function classifyRefusal(
  exchange: Exchange & { type: "answered" },
  method: MethodReading | null,
): Outcome {
  const upstream = exchange.body.slice(0, OUTSIDE_TEXT_MAX);
  switch (exchange.httpStatus) {
    case 400:
      if (method === null || method.type === "unreadable") {
        return notSent("upstream_unavailable", null);
      }
      return method.status === "ACTIVE"
        ? { kind: "declined", payment: null, upstream }
        : notSent("payment_method_not_active", method.status);
    case 402:
    case 422:
      return { kind: "declined", payment: null, upstream };
    case 401:
    case 403:
      return notSent("upstream_unauthorized", null);
    case 404:
      return notSent("payment_method_not_found", null);
    case 429:
      return notSent("upstream_unavailable", null, exchange.retryAfterSeconds);
    default:
      return indeterminate(`status_${exchange.httpStatus}`);
  }
}

function indeterminate(reason: string, named: string | null = null): Outcome {
  return { kind: "indeterminate", reason, namedPaymentId: named };
}

function notSent(
  reason: NotSentReason,
  paymentMethodStatus: string | null,
  retryAfterSeconds: number | null = null,
): Outcome {
  return { kind: "not_sent", reason, paymentMethodStatus, retryAfterSeconds };
}
