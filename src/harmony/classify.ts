/**
 * Owns the reading of Harmony's answer to a charge (design.md, What Harmony's answer means).
 * Total: any status, any bytes, any failure gives one of six outcomes, and the default is
 * `indeterminate`. One of the files that can lose money: a charge taken for refused is charged
 * again. Pure.
 */
import { UNNAMED_SECONDS } from "./limits.ts";
import { unreachable } from "../domain/charge.ts";
import { OUTSIDE_TEXT_MAX } from "../domain/entries.ts";
import { isUuid } from "../domain/ids.ts";
import {
  isPaymentStatus,
  type NameIs,
  type NotSentReason,
  type Outcome,
} from "../domain/outcome.ts";
import { isJsonObject, type Name, namesIn, parseJson, parsePayment } from "./wire.ts";

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
  // A name in an error is a hypothesis: request ids are UUIDs, too.
  const named = namesIn(json).find(({ id }) => isUuid(id) && !asked.isKnown(id)) ?? null;
  if (!isJsonObject(json)) {
    return indeterminate(`status_${httpStatus}_without_json`);
  }
  return classifyRefusal(exchange, method, named);
}

function classifySuccess(json: unknown, asked: Asked): Outcome {
  const payment = parsePayment(json);
  const named = namesIn(json)[0] ?? null;
  if (payment === null) {
    if (named !== null && asked.isKnown(named.id)) {
      return {
        kind: "contradictory",
        reason: "known_payment",
        namedPaymentId: named.id,
        knownBefore: true,
      };
    }
    return indeterminate("success_does_not_parse", named, "sure");
  }
  const { id, spelt } = payment;
  const name = { id, ...(spelt === undefined ? {} : { spelt }) };
  const knownBefore = asked.isKnown(id);
  if (knownBefore) {
    return {
      kind: "contradictory",
      reason: "known_payment",
      namedPaymentId: id,
      knownBefore,
    };
  }
  if (payment.amountMinor !== asked.amountMinor || payment.currency !== asked.currency) {
    return {
      kind: "contradictory",
      reason: "payment_differs",
      ...namedAs(name),
      knownBefore,
    };
  }
  if (!isPaymentStatus(payment.status)) {
    return indeterminate("unknown_status", name, "sure");
  }
  switch (payment.status) {
    case "CONFIRMED":
      return { kind: "approved", payment };
    case "NOT_INITIALIZED":
    case "PENDING":
      return { kind: "pending", payment };
    case "CANCELLED":
      return { kind: "declined", payment, upstream: null, namedPaymentId: null };
    case "REFUNDED":
      // Nobody asked for that: the payment exists, and a person should know.
      return indeterminate("refunded_at_once", name, "sure");
    default:
      return unreachable(payment.status);
  }
}

function classifyRefusal(
  exchange: Exchange & { type: "answered" },
  method: MethodReading | null,
  named: Name | null,
): Outcome {
  const upstream = exchange.body.slice(0, OUTSIDE_TEXT_MAX);
  const refused: Outcome = { kind: "declined", payment: null, upstream, ...namedAs(named) };
  const notSent = (
    reason: NotSentReason,
    paymentMethodStatus: string | null = null,
    retryAfterSeconds: number | null = null,
  ): Outcome => ({
    kind: "not_sent",
    reason,
    paymentMethodStatus,
    retryAfterSeconds,
    ...namedAs(named),
  });
  const { httpStatus } = exchange;
  switch (httpStatus) {
    case 400:
      if (method === null || method.type === "unreadable") {
        return notSent("upstream_unavailable");
      }
      return method.status === "ACTIVE"
        ? refused
        : notSent("payment_method_not_active", method.status);
    case 402:
    case 422:
      return refused;
    case 401:
    case 403:
      return notSent("upstream_unauthorized");
    case 404:
      return notSent("payment_method_not_found");
    case 429:
      return notSent("upstream_unavailable", null, exchange.retryAfterSeconds ?? UNNAMED_SECONDS);
    default: {
      const isGuess = httpStatus >= 400 && httpStatus <= 499;
      return indeterminate(`status_${httpStatus}`, named, isGuess ? "guess" : "told");
    }
  }
}

function indeterminate(
  reason: string,
  named: Name | null = null,
  nameIs: NameIs | null = null,
): Outcome {
  const isNamed = named !== null;
  return { kind: "indeterminate", reason, ...namedAs(named), nameIs: isNamed ? nameIs : null };
}

function namedAs<N extends Name | null>(name: N) {
  const namedPaymentId = (name?.id ?? null) as N extends Name ? string : string | null;
  return { namedPaymentId, ...(name?.spelt === undefined ? {} : { namedAs: name.spelt }) };
}
