/**
 * Owns the nouns of a refund: its request, its attempts, its states and what they mean for the
 * payment's money. Must not decide anything (refund-decide.ts) nor change anything
 * (refund-evolve.ts). Pure.
 */
import { type BoundReply, type Doubt, type Due, unreachable } from "./charge.ts";
import type { Money, Payment, Retry } from "./outcome.ts";
import { spanMs } from "./schedule.ts";

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
  /** `seq` of the entry that ended it. */
  readonly answeredSeq: number | null;
  readonly outcome: RefundOutcome["kind"] | null;
  readonly httpStatus: number | null;
  readonly latencyMs: number | null;
}

export type RefundResolvedBy = "reply" | "read" | "rule" | "operator";

/** PERSISTED CONTRACT. Since when it is in doubt, and how often it was read for since its last attempt. */
export type RefundDoubt = Pick<Doubt, "sinceMs" | "looks">;

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
  /** Null while no attempt of it is without an answer, or what became of that is decided. */
  readonly doubt: RefundDoubt | null;
  /** When the payment is read next for this refund; null where it is not in doubt. */
  readonly nextRead: Due | null;
  readonly boundReply: BoundReply | null;
}

/** The last attempt; null where Harmony was never asked. */
export function lastRefundAttempt(refund: Refund): RefundAttempt | null {
  return refund.attempts.at(-1) ?? null;
}

/** Whether its outcome is not known yet: it waits for an answer or a read. */
export function isRefundUndecided({ state }: Refund): boolean {
  return state === "in_flight" || state === "in_doubt";
}

/**
 * Until when an attempt of it may be under way, so that no other is sent beside it: until its answer,
 * or for the horizon after it ended without one. What was answered is not under way.
 */
export function underWayUntilMs({ state, attempts }: Refund): number {
  const lost = attempts.filter(({ outcome }) => outcome === "indeterminate");
  const overMs = lost.map((one) => (one.answeredAtMs ?? one.intendedAtMs) + spanMs(one));
  return state === "in_flight" ? Infinity : state === "in_doubt" ? Math.max(0, ...overMs) : 0;
}

/**
 * When it pays to ask again while some of a payment's refunds are in doubt: at the next planned read
 * of it, or when another attempt may be made, whichever is sooner. Null where none is in doubt.
 */
export function nextUseAtMs(refunds: readonly Refund[], nowMs: number): number | null {
  const doubts = refunds.filter(({ state }) => state === "in_doubt");
  const readMs = doubts.flatMap(({ nextRead }) => nextRead?.atMs ?? []);
  const overMs = Math.max(0, ...doubts.map(underWayUntilMs));
  const times = overMs > nowMs ? [...readMs, overMs] : readMs;
  return times.length === 0 ? null : Math.min(...times);
}

/** Whether the outcome is known for good; its answer is bound then. */
export function isRefundFinal(state: RefundState): boolean {
  return state === "refunded" || state === "refused";
}

/** Whether a payment of this status can never be refunded any more, or has been. */
export function isPastRefunding(status: string): boolean {
  return status === "REFUNDED" || status === "CANCELLED";
}

/** Whether a person has said that it was made: that stands against a read. */
export function isVouched({ state, resolvedBy }: Refund): boolean {
  return state === "refunded" && resolvedBy === "operator";
}

/** What the caller may do next: a bound key sends nothing more, so what may still be refunded needs a new one. */
export function refundRetry(refund: Refund, payment: Payment, money: Money): Retry {
  const isPast = isPastRefunding(payment.status);
  switch (refund.state) {
    case "refunded":
      return money === "refunded" || isPast || isVouched(refund) ? "never" : "new_key";
    case "refused":
      return isPast ? "never" : "new_key";
    case "in_flight":
    case "in_doubt":
    case "not_refunded":
      return "same_key";
    default:
      return unreachable(refund.state);
  }
}
