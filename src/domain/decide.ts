/**
 * Owns the decision whether a charge may be sent and what an answer to it means for the charge.
 * Must not read a clock, a random number or storage: everything it needs is in the view. One of
 * the files that can lose money: nothing else in this project may allow a submission. Pure.
 */
import {
  type AttemptRecord,
  type Charge,
  type ChargeRequest,
  differingMembers,
  isFreezing,
  isRefusalOpen,
  isUnexplained,
  lastAttempt,
  unreachable,
} from "./charge.ts";
import { escalate } from "./contest.ts";
import { chargeIn, type Draft, note } from "./draft.ts";
import { paymentOf } from "./evolve.ts";
import type { ChargeIdentity } from "./facts.ts";
import type { Money, Outcome } from "./outcome.ts";
import { pollOf } from "./polls.ts";
import { newDoubt, nextLateLook, nextLook, nextPoll, spanMs } from "./schedule.ts";

export type LookUp =
  | { readonly type: "unknown" }
  | { readonly type: "mismatch"; readonly differing: readonly string[] }
  /** Approved, declined or pending: what is known is the answer. */
  | { readonly type: "answered" }
  | { readonly type: "in_doubt" }
  | { readonly type: "in_flight" }
  /** Known to have moved no money: a further attempt may follow, after a look. */
  | { readonly type: "chargeable" };

/** What a key means for a request: keys bind at the durable intent, for ever, in every state. */
export function lookUp(charge: Charge | null, request: ChargeRequest): LookUp {
  if (charge === null) {
    return { type: "unknown" };
  }
  const differing = differingMembers(charge.request, request);
  if (differing.length > 0) {
    return { type: "mismatch", differing };
  }
  switch (charge.state) {
    case "approved":
    case "declined":
    case "pending":
      return { type: "answered" };
    case "in_doubt":
      return { type: "in_doubt" };
    case "in_flight":
      return { type: "in_flight" };
    case "not_charged":
      return { type: "chargeable" };
    default:
      return unreachable(charge.state);
  }
}

export type Admission =
  | { readonly type: "submit" }
  | { readonly type: "frozen" }
  /** A complete look must be had first; `purpose` says what it is for. */
  | { readonly type: "look"; readonly purpose: "baseline" | "before_attempt" };

/**
 * Whether a charge may be sent now, decided at the head of the queue (design.md, Before
 * sending). `lookedFresh`: this very request has already had its complete look, and nothing
 * awaited anything since.
 */
export function admit(
  charges: Iterable<Charge>,
  charge: Charge | null,
  method: {
    baseline: boolean;
    foreignSeen: boolean;
    foreignWriters: boolean;
    /** A no of this amount is fresh, or a payment of it is for a person to judge. */
    isDoubted: boolean;
  },
  lookedFresh: boolean,
): Admission {
  for (const other of charges) {
    // A refusal is looked at first, by whoever it was sent for, or by the alarm after a crash.
    const isUnchecked = isRefusalOpen(other) && other.contested.length === 0;
    if (isFreezing(other) || isUnchecked || other.state === "in_flight") {
      return { type: "frozen" };
    }
  }
  if (lookedFresh) {
    return { type: "submit" };
  }
  if (!method.baseline) {
    return { type: "look", purpose: "baseline" };
  }
  return charge !== null || method.isDoubted || method.foreignSeen || method.foreignWriters
    ? { type: "look", purpose: "before_attempt" }
    : { type: "submit" };
}

/** What an attempt's no is measured by. */
interface Freshness {
  readonly nowMs: number;
  readonly lookedSeq: number | null;
  readonly lateMs: readonly number[];
}

/**
 * Whether an attempt that was told no has been paid after all, and its horizon is not over: that of the
 * no, nor as long again since the truth was found. What another attempt of its charge took is another
 * matter: its caller was told of that under its own key.
 */
export function isPaidAfterAll(
  attempt: AttemptRecord,
  charge: Charge,
  money: Money,
  nowMs: number,
): boolean {
  const foundMs = charge.resolvedAtMs ?? nowMs;
  return (
    attempt.explainedBy !== null &&
    (money === "charged" || money === "pending") &&
    (isFresh(attempt, nowMs) || nowMs < foundMs + spanMs(attempt))
  );
}

/** Whether a no is not yet over: within its horizon no later charge of that amount believes it. */
function isFresh(attempt: AttemptRecord, nowMs: number): boolean {
  return attempt.noAtMs !== null && nowMs < attempt.noAtMs + spanMs(attempt);
}

/** Whether a charge of that amount is looked for first: a no is fresh, or no look was complete since. */
export function isQuestioned(
  attempt: AttemptRecord,
  { nowMs, lookedSeq, lateMs }: Freshness,
): boolean {
  const { noAtMs, answeredSeq } = attempt;
  const isUnseen = noAtMs !== null && (lookedSeq ?? 0) < (answeredSeq ?? 0);
  return isFresh(attempt, nowMs) || (isUnseen && nowMs < noAtMs + (lateMs.at(-1) ?? 0));
}

/** Notes the intent of the next attempt of a charge; it is durable before anything is sent. */
export function intend(draft: Draft, identity: ChargeIdentity, tag: string | null): Charge {
  const charge = draft.charges.get(identity.chargeId) ?? null;
  if (charge !== null && charge.state !== "not_charged") {
    throw new Error(`Bug: an attempt of ${charge.chargeId} in state ${charge.state}`);
  }
  const noted = note(draft, {
    type: "attempt_intended",
    atMs: draft.view.nowMs,
    chargeId: identity.chargeId,
    identity,
    attempt: {
      attempt: (charge === null ? 0 : lastAttempt(charge).attempt) + 1,
      tag,
      horizonMs: draft.view.rules.horizonMs,
    },
  });
  if (noted.charge === null) {
    throw new Error("Bug: an intent without a charge");
  }
  return noted.charge;
}

/** What came back over the wire, for the entry. */
export interface ExchangeFigures {
  readonly httpStatus: number | null;
  readonly latencyMs: number | null;
  /** The first of what Harmony said, where it was no plain success. */
  readonly excerpt: string | null;
}

/**
 * Records the answer to an attempt, in whatever state its charge is by then: it resolves a
 * doubt, becomes late truth, or stands beside what is known.
 */
export function answer(
  draft: Draft,
  chargeId: string,
  attempt: number,
  outcome: Outcome,
  figures: ExchangeFigures,
): void {
  const { nowMs, jitter, rules } = draft.view;
  const charge = chargeIn(draft, chargeId);
  const open = charge.state === "in_flight" || charge.state === "in_doubt";
  const doubtful = outcome.kind === "indeterminate" || outcome.kind === "contradictory";
  const doubt = charge.doubt ?? newDoubt(nowMs);
  const payment = paymentOf(outcome);
  // A guess is read with looks, and nothing is planned for it.
  const isNamed =
    outcome.kind === "contradictory"
      ? !outcome.knownBefore
      : outcome.kind === "indeterminate" && outcome.nameIs !== null && outcome.nameIs !== "guess";
  const stillOpen = charge.attempts.some((a) => a.attempt !== attempt && isUnexplained(a));
  // A refusal is looked at in its own request; where that ends with a crash, now.
  const isRefused = outcome.kind === "declined" && payment === null;
  note(draft, {
    type: "attempt_answered",
    atMs: nowMs,
    chargeId,
    attempt,
    outcome,
    ...figures,
    nextLook: isRefused
      ? { atMs: nowMs, gapMs: 0 }
      : doubtful
        ? nextLook(rules, doubt, { escalated: false, horizonMs: null }, nowMs, jitter)
        : stillOpen
          ? nextLateLook(rules, charge.lateLooks, nowMs, nowMs, jitter)
          : null,
    nextPoll: isNamed
      ? nextPoll(rules, 0, nowMs, nowMs, jitter)
      : payment === null
        ? null
        : pollOf(draft, payment),
  });
  if (open && outcome.kind === "contradictory") {
    escalate(draft, chargeId, outcome.reason, [outcome.namedPaymentId], true);
  }
  const tells = outcome.kind === "approved" || outcome.kind === "pending";
  if (!open && tells && charge.payment?.id !== outcome.payment.id) {
    const settled = charge.state === "approved" || charge.state === "pending";
    note(draft, {
      type: "late_truth_found",
      atMs: nowMs,
      chargeId,
      attempt,
      payment: outcome.payment,
      as: settled ? "duplicate" : "payment",
      by: "reply",
      beside: null,
      nextPoll: pollOf(draft, outcome.payment),
    });
  }
}

/** An attempt in flight that no running call owns has ended for us without an answer. */
export function abandon(draft: Draft, chargeId: string): void {
  answer(
    draft,
    chargeId,
    lastAttempt(chargeIn(draft, chargeId)).attempt,
    { kind: "indeterminate", reason: "interrupted", namedPaymentId: null, nameIs: null },
    { httpStatus: null, latencyMs: null, excerpt: null },
  );
}
