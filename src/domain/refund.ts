/**
 * Owns the nouns of a refund: its request, its attempts, its states and what they mean for the
 * payment's money. Must not decide anything (refund-decide.ts) nor change anything
 * (refund-evolve.ts). Pure.
 */
import {
  type BoundReply,
  type Charge,
  type Doubt,
  type Due,
  moneyOf,
  stateOf,
  unreachable,
} from "./charge.ts";
import { isPaymentStatus, type Money, type Payment, type Retry } from "./outcome.ts";

/** PERSISTED CONTRACT: states are stored in objects for ever; add, never rename. */
export const REFUND_STATES = [
  "in_flight",
  "refunded",
  "refused",
  "in_doubt",
  "not_refunded",
] as const;

export type RefundState = (typeof REFUND_STATES)[number];

/** What the caller wishes: the whole payment back. Only the payment is compared for a mismatch. */
export interface RefundRequest {
  /** Harmony's payment id, also where the caller named a charge of ours. */
  readonly paymentId: string;
  readonly reason: string | null;
}

/** Why Harmony took no refund, where it said so itself. */
export type RefundNotSentReason =
  | "upstream_unauthorized"
  | "payment_not_found"
  | "upstream_unavailable";

/**
 * What one submission of a refund told us. The default of everything that reads the outside world
 * is `indeterminate`: nothing is known, and nothing may be concluded.
 */
export type RefundOutcome =
  | { readonly kind: "refunded"; readonly payment: Payment }
  /** Harmony refused, and `payment` is how the payment stood when it was read after that. */
  | { readonly kind: "refused"; readonly payment: Payment; readonly upstream: string }
  | {
      readonly kind: "not_sent";
      readonly reason: RefundNotSentReason;
      readonly retryAfterSeconds: number | null;
    }
  | { readonly kind: "indeterminate"; readonly reason: string };

/** PERSISTED CONTRACT. One submission of a refund. */
export interface RefundAttempt {
  readonly attempt: number;
  readonly intendedAtMs: number;
  readonly intentSeq: number;
  /** The horizon in force when it was sent, in ms; null means `never`. */
  readonly horizonMs: number | null;
  readonly answeredAtMs: number | null;
  /** `seq` of the entry that ended it; a read counts only if it began after that. */
  readonly answeredSeq: number | null;
  readonly outcome: RefundOutcome["kind"] | null;
  readonly httpStatus: number | null;
  readonly latencyMs: number | null;
}

export type RefundResolvedBy = "reply" | "read" | "rule" | "operator";

/** PERSISTED CONTRACT. A caller's wish to give a payment back; one per caller and key. */
export interface Refund {
  readonly v: 1;
  readonly refundId: string;
  readonly paymentMethodId: string;
  readonly caller: string;
  readonly idempotencyKey: string;
  readonly request: RefundRequest;
  /** The payment as it stood when a fact about this refund last told it. */
  readonly payment: Payment;
  readonly state: RefundState;
  /** None where it was refused without asking Harmony: the payment was known not to be CONFIRMED. */
  readonly attempts: readonly RefundAttempt[];
  readonly createdAtMs: number;
  readonly resolvedAtMs: number | null;
  readonly resolvedBy: RefundResolvedBy | null;
  readonly escalated: boolean;
  readonly doubt: Doubt | null;
  /** When the payment is read next for this refund, in doubt or late. */
  readonly nextRead: Due | null;
  /** How many late reads were made since it was called not refunded by rule. */
  readonly lateReads: number;
  readonly boundReply: BoundReply | null;
}

/** The last attempt; null where Harmony was never asked. */
export function lastRefundAttempt(refund: Refund): RefundAttempt | null {
  return refund.attempts.at(-1) ?? null;
}

/** Whether an attempt of it may have given the money back without our hearing of it. */
export function hasUnexplainedAttempt(refund: Refund): boolean {
  return refund.attempts.some((attempt) => attempt.outcome === "indeterminate");
}

/** Whether its outcome is not known yet: no other refund of that payment may be sent. */
export function isRefundUndecided({ state }: Refund): boolean {
  return state === "in_flight" || state === "in_doubt";
}

/** Whether it waits for something: an answer or a read. */
export function isRefundOpen(refund: Refund): boolean {
  return isRefundUndecided(refund) || refund.nextRead !== null;
}

/** Whether the outcome is known for good; its answer is bound then. */
export function isRefundFinal(state: RefundState): boolean {
  return state === "refunded" || state === "refused";
}

/** Whether a payment of this status can never be refunded any more, or has been. */
export function isPastRefunding(status: string): boolean {
  return status === "REFUNDED" || status === "CANCELLED";
}

/** What is known of a payment's money, by its status alone. */
export function moneyOfPayment(payment: Payment): Money {
  if (payment.status === "REFUNDED") {
    return "refunded";
  }
  if (!isPaymentStatus(payment.status)) {
    return "unknown";
  }
  const state = stateOf(payment);
  return state === "approved" ? "charged" : state === "declined" ? "not_charged" : "pending";
}

/**
 * What is known of the money that a refund is about: by the refund itself, and where that has
 * moved none, by the payment and the charge it is of.
 */
export function refundMoney(refund: Refund, payment: Payment, owner: Charge | null): Money {
  switch (refund.state) {
    case "refunded":
      return "refunded";
    case "in_flight":
    case "in_doubt":
      return "unknown";
    case "refused":
    case "not_refunded":
      return owner?.payment?.id === payment.id ? moneyOf(owner) : moneyOfPayment(payment);
    default:
      return unreachable(refund.state);
  }
}

/** What the caller may do next: a refused key is bound, so a refund that may still be made needs a new one. */
export function refundRetry(refund: Refund, payment: Payment): Retry {
  switch (refund.state) {
    case "refunded":
      return "never";
    case "refused":
      return isPastRefunding(payment.status) ? "never" : "new_key";
    case "in_flight":
    case "in_doubt":
    case "not_refunded":
      return "same_key";
    default:
      return unreachable(refund.state);
  }
}

/** Names the compared members in which a repeated refund differs from the first under its key. */
export function differingRefundMembers(first: RefundRequest, second: RefundRequest): string[] {
  return first.paymentId === second.paymentId ? [] : ["paymentId"];
}
