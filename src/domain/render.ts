/**
 * Owns how a fact reads as a ledger entry. Must not number or hash it: the journal does.
 * PERSISTED CONTRACT: what `detail` holds for a type may grow, never change its meaning. Pure.
 */
import { type Charge, type Due, isFreezing, unreachable } from "./charge.ts";
import type { Noted } from "./draft.ts";
import { type Detail, type DetailValue, type EntryContent, outsideText } from "./entries.ts";
import { paymentOf } from "./evolve.ts";
import type { Actor, Fact, LookReport } from "./facts.ts";
import type { Outcome, Payment } from "./outcome.ts";
import type { RefundOutcome } from "./refund.ts";

/** An entry names at most this many ids; counts and a hash stand for the rest. */
const IDS_MAX = 20;

interface Particulars {
  readonly attempt?: number | null;
  readonly payment?: Payment | null;
  readonly amountMinor?: number | null;
  readonly paymentId?: string | null;
  readonly paymentStatus?: string | null;
  readonly outcome?: string;
  readonly httpStatus?: number | null;
  readonly latencyMs?: number | null;
  readonly detail?: Detail;
}

/** The entry of a noted fact, caused by `actor`, without its place in the chain. */
export function entryOf(
  noted: Noted,
  paymentMethodId: string,
  actor: Actor,
  occurredAt: string,
  iso: (ms: number) => string,
): EntryContent {
  const { fact, charge, refund, effectMinor } = noted;
  const said = particulars(fact, iso);
  const payment = said.payment ?? null;
  const standing = standingOf(noted, iso);
  return {
    v: 1,
    paymentMethodId,
    type: isDecision(fact) ? "operator_resolved" : fact.type,
    occurredAt,
    chargeId: fact.chargeId,
    refundId: refund?.refundId ?? null,
    attempt: said.attempt ?? null,
    idempotencyKey: (refund ?? charge)?.idempotencyKey ?? null,
    reference: charge?.request.reference ?? null,
    caller: actor.caller ?? (refund ?? charge)?.caller ?? null,
    keyId: actor.keyId,
    requestId: actor.requestId,
    traceId: actor.traceId,
    origin: actor.origin,
    amountMinor:
      said.amountMinor ?? refund?.payment.amountMinor ?? charge?.request.amountMinor ?? null,
    effectMinor,
    currency: payment?.currency ?? (refund?.payment ?? charge?.request)?.currency ?? null,
    paymentId: said.paymentId ?? payment?.id ?? refund?.request.paymentId ?? null,
    paymentStatus: said.paymentStatus ?? payment?.status ?? null,
    outcome: said.outcome ?? null,
    httpStatus: said.httpStatus ?? null,
    latencyMs: said.latencyMs ?? null,
    detail: standing === null ? (said.detail ?? null) : { ...said.detail, ...standing },
  };
}

/**
 * What the entry made of its charge or refund: the ledger's list of what is open is made of this
 * alone (migrations/0006_open.sql). A repeat of a request makes nothing of it.
 */
function standingOf(noted: Noted, iso: (ms: number) => string): Detail | null {
  const { fact, charge, refund } = noted;
  if (fact.type === "replayed" || fact.type === "key_mismatched") {
    return null;
  }
  if (refund !== null) {
    const { state, escalated, nextRead } = refund;
    const nextAt = nextRead === null ? null : iso(nextRead.atMs);
    return { refund: state === "in_doubt" ? { state, escalated, nextAt } : { state } };
  }
  return charge === null ? null : { charge: chargeStanding(charge, iso) };
}

function chargeStanding(charge: Charge, iso: (ms: number) => string): Detail {
  const { state, escalated, nextLook, nextPoll } = charge;
  const at = (due: Due | null) => (due === null ? null : iso(due.atMs));
  switch (state) {
    case "in_doubt":
      return { state, escalated, nextAt: at(nextLook), freezes: isFreezing(charge) };
    case "pending":
      return { state, nextAt: at(nextPoll) };
    case "in_flight":
    case "approved":
    case "declined":
    case "not_charged":
      return { state };
    default:
      return unreachable(state);
  }
}

function particulars(fact: Fact, iso: (ms: number) => string): Particulars {
  switch (fact.type) {
    case "attempt_intended":
      return {
        attempt: fact.attempt.attempt,
        detail: {
          tag: fact.attempt.tag,
          horizonSeconds: seconds(fact.attempt.horizonMs),
          description: fact.identity.request.description,
        },
      };
    case "attempt_answered":
      return {
        attempt: fact.attempt,
        payment: paymentOf(fact.outcome),
        outcome: fact.outcome.kind,
        httpStatus: fact.httpStatus,
        latencyMs: fact.latencyMs,
        detail: outcomeDetail(fact.outcome, fact.excerpt),
      };
    case "looked":
      return {
        attempt: fact.attempt,
        outcome: fact.report.complete ? "complete" : "incomplete",
        httpStatus: fact.report.httpStatus,
        latencyMs: Math.max(0, fact.report.endedAtMs - fact.report.beganAtMs),
        detail: lookDetail(fact.report, fact),
      };
    case "polled":
      return {
        paymentId: fact.paymentId,
        payment: fact.seen,
        outcome: fact.seen === null ? "unanswered" : "answered",
        httpStatus: fact.httpStatus,
        latencyMs: fact.latencyMs,
        detail: { failure: fact.failure },
      };
    case "payment_adopted":
      return {
        attempt: fact.attempt,
        payment: fact.payment,
        detail: { by: fact.by, evidence: [fact.evidenceSeq] },
      };
    case "status_changed":
      return { payment: fact.payment, detail: { from: fact.from } };
    case "not_charged_by_rule":
      return {
        attempt: fact.attempt,
        detail: {
          rule: "absent_for_the_horizon",
          horizonSeconds: seconds(fact.horizonMs),
          creditedSeconds: seconds(fact.doubt.creditedMs),
          completeLooks: fact.doubt.countedLooks,
          evidence: [...new Set([fact.doubt.firstCountedSeq, fact.doubt.lastCountedSeq])],
        },
      };
    case "charge_escalated":
      return {
        attempt: fact.attempt,
        detail: { reason: outsideText(fact.reason), candidates: [...fact.candidates] },
      };
    case "operator_resolved":
      return operatorResolved(fact);
    case "payment_contested":
      return {
        payment: fact.payment,
        detail: {
          reason: outsideText(fact.reason),
          paymentAmountMinor: fact.payment.amountMinor,
          payment: { state: "contested" },
        },
      };
    case "refusal_checked":
      return {
        attempt: fact.attempt,
        outcome: fact.complete ? "complete" : "incomplete",
        detail: {},
      };
    case "name_dropped":
      return { paymentId: fact.paymentId, detail: {} };
    case "contest_ended":
      return { payment: fact.payment, detail: fact.isOpen ? {} : { payment: { state: "judged" } } };
    case "late_truth_found":
      return {
        attempt: fact.attempt,
        payment: fact.payment,
        detail: { as: fact.as, beside: fact.beside },
      };
    case "contradiction_found":
      return { payment: fact.payment, detail: { said: outsideText(fact.said) } };
    case "payment_unattributed":
      return {
        payment: fact.payment,
        detail: {
          paymentAmountMinor: fact.payment.amountMinor,
          // The decision's entry says who named it foreign, and why.
          ...(fact.decisionSeq === null ? {} : { by: "operator", evidence: [fact.decisionSeq] }),
        },
      };
    case "replayed":
      return { detail: { count: fact.count } };
    case "key_mismatched":
      return { amountMinor: fact.amountMinor, detail: { differing: [...fact.differing] } };
    case "refund_intended":
      return {
        attempt: fact.attempt.attempt,
        payment: fact.payment,
        detail: {
          horizonSeconds: seconds(fact.attempt.horizonMs),
          reason: fact.identity.request.reason,
        },
      };
    case "refund_answered":
      return {
        attempt: fact.attempt,
        payment: fact.payment,
        outcome: fact.outcome.kind,
        httpStatus: fact.httpStatus,
        latencyMs: fact.latencyMs,
        detail: refundOutcomeDetail(fact.outcome, fact.excerpt),
      };
    case "refund_resolved":
      return {
        attempt: fact.attempt,
        payment: fact.payment,
        outcome: fact.as,
        detail:
          fact.decision === null
            ? { by: fact.by, evidence: [...fact.evidence] }
            : {
                ...decided(fact.decision.reason, fact.evidence),
                override: fact.decision.override,
              },
      };
    case "refund_escalated":
      return { attempt: fact.attempt, detail: { reason: outsideText(fact.reason) } };
    case "method_frozen":
    case "method_unfrozen":
      return {};
    case "method_created":
    case "method_create_failed":
    case "method_revoked":
    case "method_revoke_failed":
      return { ...methodAct(fact), httpStatus: fact.httpStatus, latencyMs: fact.latencyMs };
    case "method_resumed":
      return { detail: { reason: outsideText(fact.reason), halted: outsideText(fact.halted) } };
    case "reconciliation_recorded":
      return { outcome: fact.outcome, detail: fact.summary };
    case "history_unreadable":
      return {
        httpStatus: fact.httpStatus,
        detail: { since: iso(fact.sinceMs), why: textOf(fact.why) },
      };
    case "history_readable":
      return { detail: { since: iso(fact.sinceMs) } };
    case "delivery_refused":
      return { detail: { reason: outsideText(fact.reason) } };
    default:
      return unreachable(fact);
  }
}

/** A person's decisions are of one type, whatever they are about. */
function isDecision(fact: Fact): boolean {
  return fact.type === "refund_resolved" && fact.decision !== null;
}

function operatorResolved(fact: Fact & { type: "operator_resolved" }): Particulars {
  const { attempt, resolution } = fact;
  const why = decided(fact.reason, fact.evidence);
  if (resolution.decision === "charged") {
    return { attempt, payment: resolution.payment, outcome: "charged", detail: why };
  }
  const { override, foreign, own } = resolution;
  const [ids, foreignCount] = [foreign.slice(0, IDS_MAX), foreign.length];
  return {
    attempt,
    outcome: "not_charged",
    detail: {
      ...why,
      override,
      foreign: ids,
      foreignCount,
      ...(own.length === 0 ? {} : { own: own.slice(0, IDS_MAX) }),
    },
  };
}

/** What every decision of a person says. */
function decided(reason: string, evidence: readonly number[]) {
  return { act: "resolution", reason: outsideText(reason), evidence: [...evidence] };
}

type MethodAct = Extract<Fact, { type: `method_${"create" | "revoke"}${string}` }>;

function methodAct(fact: MethodAct): Particulars {
  switch (fact.type) {
    case "method_created": {
      const { paymentMethodId, externalId } = fact;
      return { outcome: "created", detail: { paymentMethodId, externalId: textOf(externalId) } };
    }
    case "method_create_failed": {
      const { outcome, externalId } = fact;
      return {
        outcome,
        detail: { failure: outsideText(fact.failure), externalId: textOf(externalId) },
      };
    }
    case "method_revoked":
      return { outcome: "revoked", detail: { by: fact.by, tries: fact.tries } };
    case "method_revoke_failed": {
      const { outcome, methodStatus, tries } = fact;
      return { outcome, detail: { failure: outsideText(fact.failure), methodStatus, tries } };
    }
    default:
      return unreachable(fact);
  }
}

function outcomeDetail(outcome: Outcome, excerpt: string | null): Detail {
  const said = textOf(excerpt);
  switch (outcome.kind) {
    case "approved":
    case "pending":
      return { said };
    case "declined":
      return { said, named: outcome.namedPaymentId };
    case "not_sent":
      return {
        reason: outcome.reason,
        paymentMethodStatus: outcome.paymentMethodStatus,
        named: outcome.namedPaymentId,
        said,
      };
    case "indeterminate":
    case "contradictory":
      return { reason: outsideText(outcome.reason), named: outcome.namedPaymentId, said };
    default:
      return unreachable(outcome);
  }
}

function refundOutcomeDetail(outcome: RefundOutcome, excerpt: string | null): Detail {
  const reason = "reason" in outcome ? outsideText(outcome.reason) : null;
  return { reason, said: textOf(excerpt) };
}

function lookDetail(report: LookReport, fact: Fact & { type: "looked" }): Detail {
  return {
    purpose: fact.purpose,
    why: textOf(report.why),
    pages: report.pages,
    count: report.count,
    payments: report.payments.length,
    new: fact.newIds.slice(0, IDS_MAX),
    newCount: fact.newIds.length,
    idsHash: report.idsHash,
  };
}

function textOf(text: string | null): string | null {
  return text === null ? null : outsideText(text);
}

function seconds(ms: number | null): DetailValue {
  return ms === null ? null : Math.round(ms / 1000);
}
