/**
 * Owns the nouns of a charge: its request, its attempts, its states and what they mean for the
 * caller's money. Must not decide anything (decide.ts) nor change anything (evolve.ts). Pure.
 */
import type { NameIs, NotSentReason, OutcomeKind, Payment } from "./outcome.ts";

/** PERSISTED CONTRACT: states are stored in objects for ever; add, never rename. */
export const CHARGE_STATES = [
  "in_flight",
  "approved",
  "declined",
  "pending",
  "in_doubt",
  "not_charged",
] as const;

export type ChargeState = (typeof CHARGE_STATES)[number];

/** What the caller wishes, parsed; every member is compared for a mismatch. */
export interface ChargeRequest {
  readonly amountMinor: number;
  readonly currency: string;
  readonly description: string | null;
  /** The caller's own order number; not sent to Harmony. */
  readonly reference: string | null;
}

/** PERSISTED CONTRACT. Why Harmony took no charge, as it said so. */
export interface NotSent {
  readonly reason: NotSentReason;
  readonly paymentMethodStatus: string | null;
  readonly retryAfterSeconds: number | null;
}

/** PERSISTED CONTRACT. One submission of a charge. */
export interface Attempt {
  readonly attempt: number;
  /** The short id that travels in Harmony's description, null where tags are off. */
  readonly tag: string | null;
  readonly intendedAtMs: number;
  /** `seq` of the intent's entry: payments recorded before it are known to this attempt. */
  readonly intentSeq: number;
  /** The horizon in force when it was sent, in ms; null means `never`. */
  readonly horizonMs: number | null;
  readonly answeredAtMs: number | null;
  /** `seq` of the entry that ended it; a look counts only if it began after that. */
  readonly answeredSeq: number | null;
  readonly outcome: OutcomeKind | null;
  readonly httpStatus: number | null;
  readonly latencyMs: number | null;
  /** A payment id that the reply named, and what that is worth. */
  readonly namedPaymentId: string | null;
  readonly nameIs: NameIs | null;
  /** The name as Harmony spelt it, where that differs. */
  readonly namedAs?: string;
  /** When it was known last that it took nothing: by Harmony's answer, a rule or a person. */
  readonly noAtMs: number | null;
  /** Harmony's text, where it refused. */
  readonly refusal: string | null;
  /** Why it was not sent; absent where it was, and in attempts that were stored before this was. */
  readonly notSent?: NotSent;
  /** The payment that this attempt turned out to have made. */
  readonly explainedBy: string | null;
  /** When its charge last left the doubt about it; null while there is one, or where there was none. */
  readonly doubtEndedAtMs: number | null;
}

/** PERSISTED CONTRACT. An attempt with what of its charge says whose a payment is (whose.ts). */
export interface AttemptRecord extends Attempt {
  readonly chargeId: string;
  readonly caller: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly reference: string | null;
}

/**
 * PERSISTED CONTRACT. A planned time with the gap it was planned over: farther ahead than that
 * gap means that a clock went back, and the work is due now.
 */
export interface Due {
  readonly atMs: number;
  readonly gapMs: number;
}

/** PERSISTED CONTRACT. What looks have established about the attempt that is in doubt. */
export interface Doubt {
  readonly sinceMs: number;
  readonly looks: number;
  /** Incomplete looks in a row; each doubles the next delay. */
  readonly failures: number;
  /** When the last counted (complete) look began. */
  readonly countedAtMs: number | null;
  /** The delay that was planned after the last counted look. */
  readonly plannedGapMs: number;
  /** Time credited towards the horizon, from the first complete look on. */
  readonly creditedMs: number;
  /** Entries of the first and the last counted look, and how many there were: the evidence. */
  readonly countedLooks: number;
  readonly firstCountedSeq: number | null;
  readonly lastCountedSeq: number | null;
}

/** PERSISTED CONTRACT. The bytes of the first final answer, replayed for ever. */
export interface BoundReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export type ResolvedBy = "reply" | "look" | "rule" | "operator";

/** PERSISTED CONTRACT. A caller's wish to take an amount once; one per caller and key. */
export interface Charge {
  readonly v: 1;
  readonly chargeId: string;
  readonly paymentMethodId: string;
  readonly caller: string;
  readonly idempotencyKey: string;
  readonly request: ChargeRequest;
  readonly state: ChargeState;
  readonly attempts: readonly Attempt[];
  readonly payment: Payment | null;
  readonly createdAtMs: number;
  readonly resolvedAtMs: number | null;
  readonly resolvedBy: ResolvedBy | null;
  readonly escalated: boolean;
  readonly doubt: Doubt | null;
  /** When the history is looked at next for this charge, in doubt or late. */
  readonly nextLook: Due | null;
  /** How many late looks were made since it was called not charged by rule or person. */
  readonly lateLooks: number;
  /** When the payment (or the one a reply named) is polled next, and how often it was. */
  readonly nextPoll: Due | null;
  readonly polls: number;
  /** Further payments that turned out to be of this charge. */
  readonly duplicates: readonly string[];
  /** Payments of this charge that were cancelled, beside the one that it is answered with. */
  readonly cancelled: readonly string[];
  /** Payments that may be this charge's, which a person has to judge. */
  readonly contested: readonly string[];
  readonly boundReply: BoundReply | null;
}

/** The last attempt; a charge is born with its first. */
export function lastAttempt(charge: Charge): Attempt {
  const attempt = charge.attempts.at(-1);
  if (attempt === undefined) {
    throw new Error(`Bug: charge ${charge.chargeId} has no attempt`);
  }
  return attempt;
}

/** Whether an attempt may have moved money that no recorded payment explains. */
export function isUnexplained(attempt: Attempt): boolean {
  return (
    attempt.explainedBy === null &&
    (attempt.outcome === "indeterminate" || attempt.outcome === "contradictory")
  );
}

/** Whether an error named a payment which no read has shown yet, nor shown not to be there. */
export function isUnread({ nameIs, explainedBy }: Attempt): boolean {
  return nameIs === "guess" && explainedBy === null;
}

/** The attempts of a charge as they are judged. */
export function attemptRecords({ chargeId, caller, request, attempts }: Charge): AttemptRecord[] {
  const { amountMinor, currency, reference } = request;
  const shared = { chargeId, caller, amountMinor, currency, reference };
  return attempts.map((attempt) => ({ ...attempt, ...shared }));
}

/** Whether Harmony refused a charge and a look has yet to say, or a person, that it took nothing. */
export function isRefusalOpen(charge: Charge): boolean {
  return charge.state === "in_doubt" && lastAttempt(charge).outcome === "declined";
}

/**
 * Whether no other charge of the method may be sent: a second unknown payment could not be found. A
 * refusal that a person has to judge freezes nothing: what speaks against it is known, and its amount
 * is looked for first.
 */
export function isFreezing(charge: Charge): boolean {
  return charge.state === "in_doubt" && !isRefusalOpen(charge);
}

/** The payments that a charge has made: its own, further ones, and those that were cancelled. */
export function paymentIdsOf({ payment, duplicates, cancelled }: Charge): string[] {
  return [...new Set([...(payment === null ? [] : [payment.id]), ...duplicates, ...cancelled])];
}

/** Whether a charge has a payment of its own; a cancelled one is none. */
export function hasPayment({ payment }: Charge): boolean {
  return payment !== null && payment.status !== "CANCELLED";
}

/** The state of a charge whose payment has this status. An unknown status is not final. */
export function stateOf(payment: Payment): ChargeState {
  switch (payment.status) {
    case "CONFIRMED":
    case "REFUNDED":
      return "approved";
    case "CANCELLED":
      return "declined";
    default:
      return "pending";
  }
}

/** Whether a charge's outcome is known for good, late truth excepted. */
export function isFinal(state: ChargeState): boolean {
  return state === "approved" || state === "declined";
}

/** Names the members in which a repeated request differs from the first under its key. */
export function differingMembers(first: ChargeRequest, second: ChargeRequest): string[] {
  const amount = first.amountMinor === second.amountMinor ? [] : ["amount"];
  const others = (["currency", "description", "reference"] as const).filter(
    // Bound before `""` was folded, a text is still nothing.
    (member) => (first[member] || null) !== (second[member] || null),
  );
  return [...amount, ...others];
}

/** For the default arm of an exhaustive switch: reached only by a bug or corrupted state. */
export function unreachable(value: never): never {
  throw new Error(`Bug! Unhandled value: ${JSON.stringify(value)}`);
}
