/**
 * Owns what ends the doubt about a refund, and how long it is read for: a read of REFUNDED, the answer
 * to another refund, a person. Must not send anything nor read Harmony or storage. One of the files
 * that can lose money: nothing else may tell a key that it made a refund without its own answer. Pure.
 */
import { chargeIn, type Draft, note, type Noted, refundIn } from "./draft.ts";
import type { Fact, RefundIdentity } from "./facts.ts";
import type { Payment } from "./outcome.ts";
import { bare } from "./payment.ts";
import { lastRefundAttempt, type Refund, underWayUntilMs } from "./refund.ts";
import { DAY_MS, nextPoll } from "./schedule.ts";
import { learnFromPoll, type PollReport } from "./status.ts";

/** The facts that could have ended a refund's doubt. */
const TELLING: ReadonlySet<Fact["type"]> = new Set(["polled", "refund_answered"]);

/** What becomes of a refund by something else than the answer to its own attempt. */
type Conclusion = Pick<Resolved, "as" | "by" | "payment" | "evidence"> &
  Partial<Pick<Resolved, "decision">>;
type Resolved = Fact & { type: "refund_resolved" };

/** Notes what a read, another refund's answer or a person makes of a refund; a refused one may be new. */
export function concludeRefund(
  draft: Draft,
  identity: RefundIdentity,
  conclusion: Conclusion,
): void {
  const refund = draft.refunds.get(identity.refundId);
  note(draft, {
    type: "refund_resolved",
    atMs: draft.view.nowMs,
    chargeId: ownerIdOf(draft, conclusion.payment.id),
    refundId: identity.refundId,
    identity,
    attempt: refund === undefined ? null : (lastRefundAttempt(refund)?.attempt ?? null),
    decision: null,
    ...conclusion,
  });
}

/**
 * Records a read of the payment that was made for a refund. What it shows ends the doubt or does not
 * (`settleRefunds`); the reads go on by a plain schedule.
 */
export function learnFromRefundRead(draft: Draft, refundId: string, report: PollReport): void {
  const { nowMs, jitter, rules } = draft.view;
  const { state, doubt, attempts } = refundIn(draft, refundId);
  const looks = (doubt?.looks ?? 0) + 1;
  const sinceMs = attempts.at(-1)?.answeredAtMs ?? nowMs;
  const nextRead = nextPoll(rules, looks, sinceMs, nowMs, jitter);
  const watch =
    state === "in_doubt" && doubt !== null ? { doubt: { ...doubt, looks }, nextRead } : null;
  learnFromPoll(draft, { ...report, refundId, watch });
}

/**
 * A statement of this step that a payment is REFUNDED ends each of its refunds in doubt, whoever asked
 * for it. One that began before a refund's last attempt is older than that; and while another attempt
 * is in flight, its answer says first who has done it. Whichever was read or answered in this step, and
 * is in doubt still, is a person's as well once the doubt is a day old.
 */
export function settleRefunds(draft: Draft): void {
  for (const noted of draft.noted) {
    for (const { payment, beganSeq } of refundsStatedIn(noted)) {
      const isInFlight = refundsIn(draft, "in_flight", payment.id).length > 0;
      for (const refund of refundsIn(draft, "in_doubt", payment.id)) {
        const isNewer = beganSeq >= (lastRefundAttempt(refund)?.intentSeq ?? 0);
        if (isNewer && isSameMoney(refund.payment, payment) && !isInFlight) {
          const as = { as: "refunded", by: "read", payment, evidence: [noted.seq] } as const;
          concludeRefund(draft, identityOf(refund), as);
        }
      }
    }
  }
  const told = draft.noted.filter(({ fact }) => TELLING.has(fact.type));
  for (const refundId of new Set(told.map(({ refund }) => refund?.refundId))) {
    const refund = refundId === undefined ? undefined : draft.refunds.get(refundId);
    if (refund !== undefined && isAPersons(refund, draft.view.nowMs)) {
      note(draft, {
        type: "refund_escalated",
        atMs: draft.view.nowMs,
        chargeId: ownerIdOf(draft, refund.request.paymentId),
        refundId: refund.refundId,
        attempt: lastRefundAttempt(refund)?.attempt ?? null,
        reason: "in_doubt_for_a_day",
      });
    }
  }
}

function isAPersons({ state, escalated, doubt }: Refund, nowMs: number): boolean {
  return state === "in_doubt" && !escalated && doubt !== null && nowMs - doubt.sinceMs >= DAY_MS;
}

/** What a person says became of a refund that is in doubt. */
export interface RefundDecision {
  readonly decision: "refunded" | "not_refunded";
  readonly override: boolean;
  readonly reason: string;
}

/** What becomes of it: `unchanged`, where it is just that already; `unproven`, where Harmony does not show it. */
export type RefundVerdict = "decided" | "unchanged" | "not_resolvable" | "unproven";

/** What can be said before Harmony is asked; null where it has to be. */
export function foreclosedRefund(
  { state }: Refund,
  { decision }: RefundDecision,
): RefundVerdict | null {
  return state === "in_doubt" ? null : state === decision ? "unchanged" : "not_resolvable";
}

/**
 * Decides on what Harmony has just shown of the payment (null: it has none), which is on the books
 * already, with all that follows: a read of REFUNDED comes before a person's word. Not refunded is
 * proven by CONFIRMED, once no attempt can be under way; anything else is the person's `override`.
 */
export function resolveRefund(
  draft: Draft,
  refundId: string,
  decision: RefundDecision,
  { seen, seq }: { readonly seen: Payment | null; readonly seq: number },
): RefundVerdict {
  const refund = refundIn(draft, refundId);
  const early = foreclosedRefund(refund, decision);
  if (early !== null) {
    return early;
  }
  const { decision: as, override, reason } = decision;
  const isOver = draft.view.nowMs >= underWayUntilMs(refund);
  const isProven = as === "not_refunded" && isOver && seen?.status === "CONFIRMED";
  if (!isProven && !override) {
    return "unproven";
  }
  const known = seen === null ? refund.payment : bare(seen);
  // The answer that is bound says what the person said.
  const payment = as === "refunded" ? { ...refund.payment, status: "REFUNDED" } : known;
  concludeRefund(draft, identityOf(refund), {
    as,
    by: "operator",
    payment,
    evidence: [seq],
    decision: { override, reason },
  });
  return "decided";
}

/** What a read or a look says is REFUNDED, and the journal's last `seq` when it began. */
function refundsStatedIn({ fact }: Noted): { payment: Payment; beganSeq: number }[] {
  const report =
    fact.type === "looked"
      ? fact.report
      : fact.type === "polled" && fact.seen !== null
        ? { payments: [fact.seen], beganSeq: fact.beganSeq }
        : { payments: [], beganSeq: 0 };
  const { beganSeq } = report;
  return report.payments
    .filter(({ status }) => status === "REFUNDED")
    .map((payment) => ({ payment: bare(payment), beganSeq }));
}

/** The refunds of a payment that are in this state. */
export function refundsIn(draft: Draft, state: Refund["state"], paymentId: string): Refund[] {
  return [...draft.refunds.values()].filter(
    (refund) => refund.state === state && refund.request.paymentId === paymentId,
  );
}

function isSameMoney(a: Payment, b: Payment): boolean {
  return a.amountMinor === b.amountMinor && a.currency === b.currency;
}

/** Who a refund belongs to and what it asks, as its facts carry it. */
export function identityOf(refund: Refund): RefundIdentity {
  const { refundId, paymentMethodId, caller, idempotencyKey, request } = refund;
  return { refundId, paymentMethodId, caller, idempotencyKey, request };
}

/** The charge whose payment this is, where there is one; it must be loaded. */
export function ownerIdOf(draft: Draft, paymentId: string): string | null {
  const chargeId = draft.payments.get(paymentId)?.chargeId ?? null;
  return chargeId === null ? null : chargeIn(draft, chargeId).chargeId;
}
