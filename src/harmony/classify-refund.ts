/**
 * Owns the reading of Harmony's answer to a refund. Total: any status, any bytes, any failure gives
 * one of four outcomes, and the default is `indeterminate`. One of the files that can lose money:
 * a refund taken for refused may have been made. Pure.
 */
import { UNNAMED_SECONDS } from "./limits.ts";
import { OUTSIDE_TEXT_MAX } from "../domain/entries.ts";
import type { Payment } from "../domain/outcome.ts";
import type { RefundNotSentReason, RefundOutcome } from "../domain/refund.ts";
import type { Exchange } from "./classify.ts";
import { isJsonObject, namesIn, parseJson, parsePayment } from "./wire.ts";

/**
 * Classifies the answer to one submission. `asked` is the payment as it was known before, `read`
 * the payment as it was read after a refusal; null where there was none, or it could not be read.
 */
export function classifyRefund(
  exchange: Exchange,
  asked: Payment,
  read: Payment | null,
): RefundOutcome {
  if (exchange.type === "failed") {
    return indeterminate(exchange.reason);
  }
  const { httpStatus, body } = exchange;
  const json = parseJson(body);
  if (httpStatus >= 200 && httpStatus <= 299) {
    return classifySuccess(json, asked);
  }
  if (namesIn(json).length > 0) {
    // An error that names the payment may speak of a refund that was made all the same.
    return indeterminate(`status_${httpStatus}_names_a_payment`);
  }
  return isJsonObject(json)
    ? classifyRefusal(exchange, read)
    : indeterminate(`status_${httpStatus}_without_json`);
}

/** Whether this answer refuses the refund itself, so that the payment has to be read. */
export function isRefundRefusal(exchange: Exchange): boolean {
  return exchange.type === "answered" && [400, 402, 422].includes(exchange.httpStatus);
}

function classifySuccess(json: unknown, asked: Payment): RefundOutcome {
  const payment = parsePayment(json);
  if (payment === null) {
    return indeterminate("success_does_not_parse");
  }
  if (payment.id !== asked.id) {
    return indeterminate("names_another_payment");
  }
  if (payment.amountMinor !== asked.amountMinor || payment.currency !== asked.currency) {
    return indeterminate("payment_differs");
  }
  return payment.status === "REFUNDED"
    ? { kind: "refunded", payment }
    : indeterminate("not_refunded_at_once");
}

function classifyRefusal(
  exchange: Exchange & { type: "answered" },
  read: Payment | null,
): RefundOutcome {
  switch (exchange.httpStatus) {
    case 400:
    case 402:
    case 422:
      return read === null
        ? notSent("upstream_unavailable")
        : { kind: "refused", payment: read, upstream: exchange.body.slice(0, OUTSIDE_TEXT_MAX) };
    case 401:
    case 403:
      return notSent("upstream_unauthorized");
    case 404:
      return notSent("payment_not_found");
    case 429:
      return notSent("upstream_unavailable", exchange.retryAfterSeconds ?? UNNAMED_SECONDS);
    default:
      return indeterminate(`status_${exchange.httpStatus}`);
  }
}

function indeterminate(reason: string): RefundOutcome {
  return { kind: "indeterminate", reason };
}

function notSent(
  reason: RefundNotSentReason,
  retryAfterSeconds: number | null = null,
): RefundOutcome {
  return { kind: "not_sent", reason, retryAfterSeconds };
}
