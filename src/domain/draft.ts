/**
 * Owns a step in the making: the loaded state, the facts noted so far and what they changed,
 * numbered as their entries will be. The journal writes a draft whole or not at all. Must not
 * decide: decide.ts and look.ts do, and note what they decided here. Pure.
 */
import {
  type AttemptRecord,
  attemptRecords,
  type Charge,
  isFreezing,
  unreachable,
} from "./charge.ts";
import { evolve, paymentOf } from "./evolve.ts";
import type { Fact, SeenPayment } from "./facts.ts";
import type { Payment } from "./outcome.ts";
import { evolvePayment, isContradicted, type PaymentRecord, type Told } from "./payment.ts";
import type { Refund } from "./refund.ts";
import { evolveRefund, refundIdOf } from "./refund-evolve.ts";
import type { Schedules } from "./schedule.ts";
import type { Unreadable } from "./unreadable.ts";

/** What of the configuration decisions depend on. */
export interface Rules extends Schedules {
  /** Null means `never`. */
  readonly horizonMs: number | null;
  readonly foreignWriters: boolean;
}

/** The stored state of a method, as far as a step needs it. */
export interface View {
  readonly nowMs: number;
  /** A random number from 0 to 1, for the delays that this step plans. */
  readonly jitter: number;
  readonly rules: Rules;
  /** The `seq` that the next entry gets. */
  readonly nextSeq: number;
  /** `seq` of the baseline's look; null before there is one. */
  readonly baselineSeq: number | null;
  /** When the last complete look began, and its entry; null before there was one. */
  readonly lookedAtMs: number | null;
  readonly lookedSeq: number | null;
  /** That no look was complete lately which a charge had to wait for. */
  readonly unreadable: Unreadable | null;
  /** Every attempt of the method, where a look is judged; else those of `charges` alone count. */
  readonly attempts: readonly AttemptRecord[];
  /** Every open charge (in flight, in doubt, pending, late looks to come) and those asked for. */
  readonly charges: ReadonlyMap<string, Charge>;
  /** The payments' records that this step may touch. */
  readonly payments: ReadonlyMap<string, PaymentRecord>;
  /** Every open refund (in flight, in doubt, late reads to come) and those asked for. */
  readonly refunds: ReadonlyMap<string, Refund>;
}

export interface Noted {
  readonly seq: number;
  readonly fact: Fact;
  /** The centavos that this fact first makes known as moved. */
  readonly effectMinor: number;
  /** The charge the fact is about, as it is after it. */
  readonly charge: Charge | null;
  /** The refund the fact is about, likewise. */
  readonly refund: Refund | null;
}

export interface Draft {
  readonly view: View;
  readonly charges: Map<string, Charge>;
  readonly payments: Map<string, PaymentRecord>;
  readonly refunds: Map<string, Refund>;
  readonly changedRefunds: Set<string>;
  readonly changedCharges: Set<string>;
  readonly changedPayments: Set<string>;
  readonly noted: Noted[];
  baselineSeq: number | null;
  lookedAtMs: number | null;
  lookedSeq: number | null;
  foreignSeen: boolean;
}

export function openDraft(view: View): Draft {
  return {
    view,
    charges: new Map(view.charges),
    payments: new Map(view.payments),
    refunds: new Map(view.refunds),
    changedRefunds: new Set(),
    changedCharges: new Set(),
    changedPayments: new Set(),
    noted: [],
    baselineSeq: view.baselineSeq,
    lookedAtMs: view.lookedAtMs,
    lookedSeq: view.lookedSeq,
    foreignSeen: false,
  };
}

/** The `seq` that the next noted fact will have. */
export function nextSeq(draft: Draft): number {
  return draft.view.nextSeq + draft.noted.length;
}

export function chargeIn(draft: Draft, chargeId: string): Charge {
  const charge = draft.charges.get(chargeId);
  if (charge === undefined) {
    throw new Error(`Bug: charge ${chargeId} was not loaded`);
  }
  return charge;
}

/** The attempts as they are by now: of the charges that this step has loaded, and of all others. */
export function attemptsIn({ view, charges }: Draft): AttemptRecord[] {
  return [
    ...view.attempts.filter(({ chargeId }) => !charges.has(chargeId)),
    ...[...charges.values()].flatMap(attemptRecords),
  ].sort((a, b) => a.intentSeq - b.intentSeq);
}

export function refundIn(draft: Draft, refundId: string): Refund {
  const refund = draft.refunds.get(refundId);
  if (refund === undefined) {
    throw new Error(`Bug: refund ${refundId} was not loaded`);
  }
  return refund;
}

/** Notes a fact: gives it its number, applies it, and works out what money it makes known. */
export function note(draft: Draft, fact: Fact): Noted {
  const seq = nextSeq(draft);
  const effectMinor = applyToPayments(draft, fact, seq);
  const charge = applyToCharge(draft, fact, seq);
  const refund = applyToRefund(draft, fact, seq);
  if (fact.type === "looked" && fact.report.complete) {
    draft.baselineSeq ??= seq;
    draft.lookedAtMs = fact.report.beganAtMs;
    draft.lookedSeq = seq;
  }
  if (fact.type === "payment_unattributed") {
    draft.foreignSeen = true;
  }
  const noted = { seq, fact, effectMinor, charge, refund };
  draft.noted.push(noted);
  return noted;
}

function applyToCharge(draft: Draft, fact: Fact, seq: number): Charge | null {
  if (fact.chargeId === null) {
    return null;
  }
  const charge = evolve(draft.charges.get(fact.chargeId) ?? null, fact, seq);
  draft.charges.set(charge.chargeId, charge);
  draft.changedCharges.add(charge.chargeId);
  return charge;
}

function applyToRefund(draft: Draft, fact: Fact, seq: number): Refund | null {
  const refundId = refundIdOf(fact);
  if (refundId === null) {
    return null;
  }
  const refund = evolveRefund(draft.refunds.get(refundId) ?? null, fact, seq);
  draft.refunds.set(refundId, refund);
  draft.changedRefunds.add(refundId);
  return refund;
}

/**
 * Ends a step: the freeze of the method is noted where its charges in doubt came or went. It is
 * derived from their states, never stored beside them.
 */
export function finish(draft: Draft): Draft {
  const before = firstFreezing(draft.view.charges);
  const after = firstFreezing(draft.charges);
  const atMs = draft.view.nowMs;
  if (before === null && after !== null) {
    note(draft, { type: "method_frozen", atMs, chargeId: after });
  }
  if (before !== null && after === null) {
    note(draft, { type: "method_unfrozen", atMs, chargeId: before });
  }
  return draft;
}

function firstFreezing(charges: ReadonlyMap<string, Charge>): string | null {
  for (const charge of charges.values()) {
    if (isFreezing(charge)) {
      return charge.chargeId;
    }
  }
  return null;
}

/**
 * What of a payment counts as moved by our charges. The money of others was never booked as taken,
 * so that giving it back books nothing either: the sum stays the net of what was booked.
 */
function settledMinor(record: PaymentRecord | undefined): number {
  return record !== undefined && record.chargeId !== null && record.status === "CONFIRMED"
    ? record.amountMinor
    : 0;
}

/**
 * A status that is booked ends what contradicted the one before. What was cancelled is read once more, when
 * the horizon of that no is over: it may be paid after all.
 */
function rereadOf({ status }: Payment): Partial<PaymentRecord> {
  return { reread: status === "CANCELLED", disputed: false, contradicted: null };
}

/** A person has judged what Harmony last said of it: until it says something else, that is no news. */
function judgedOf({ contradicted, judged }: Partial<PaymentRecord> = {}): Partial<PaymentRecord> {
  return { judged: contradicted ?? judged ?? null, contradicted: null, reread: false };
}

function applyToPayments(draft: Draft, fact: Fact, seq: number): number {
  const set: SetPayment = (payment, change) => {
    const before = draft.payments.get(payment.id);
    const after = evolvePayment(before ?? null, payment, {
      seq,
      atMs: draft.view.nowMs,
      ...change,
    });
    draft.payments.set(payment.id, after);
    draft.changedPayments.add(payment.id);
    return settledMinor(after) - settledMinor(before);
  };
  switch (fact.type) {
    case "attempt_answered": {
      const payment = paymentOf(fact.outcome);
      // A reply about a payment that is the charge's already is older than what is recorded.
      return payment === null || draft.payments.get(payment.id)?.chargeId === fact.chargeId
        ? 0
        : set(payment, { chargeId: fact.chargeId, ...rereadOf(payment) });
    }
    case "payment_adopted":
    case "late_truth_found":
      return set(fact.payment, { chargeId: fact.chargeId, ...rereadOf(fact.payment) });
    case "status_changed":
      return set(fact.payment, rereadOf(fact.payment));
    case "refund_answered":
      return fact.outcome.kind === "refunded"
        ? set(fact.outcome.payment, { missing: false, contradicted: null })
        : 0;
    case "contradiction_found":
      return set(fact.payment, {
        contradicted: fact.said,
        ...(isContradicted(fact.payment) ? {} : { contradictedAtMs: fact.atMs }),
        disputed: false,
        ...(fact.payment.status === "CANCELLED" ? {} : { reread: false }),
      });
    case "payment_unattributed":
      return set(fact.payment, {
        unattributed: true,
        ...(fact.decisionSeq === null ? {} : { foreign: true }),
      });
    case "operator_resolved": {
      const { resolution, chargeId } = fact;
      if (resolution.decision === "charged") {
        const own = {
          chargeId,
          foreign: false,
          ...judgedOf(draft.payments.get(resolution.payment.id)),
        };
        return set(resolution.payment, own);
      }
      for (const id of resolution.own) {
        const record = draft.payments.get(id);
        if (record !== undefined) {
          set(record, judgedOf(record));
        }
      }
      return 0;
    }
    case "looked":
      if (fact.report.complete || fact.purpose === "read") {
        for (const seen of fact.report.payments) {
          const by = fact.report.complete ? "look" : "page";
          const { beganSeq, beganAtMs } = fact.report;
          recordSeen(draft, seen, { by, seq, beganSeq, listedAtMs: beganAtMs }, set);
        }
      }
      return 0;
    case "polled":
      if (fact.seen !== null) {
        const seen = { ...fact.seen, tag: null, createdAtMs: null };
        recordSeen(
          draft,
          seen,
          { by: "poll", seq, beganSeq: fact.beganSeq, listedAtMs: null },
          set,
        );
      }
      return 0;
    case "attempt_intended":
    case "not_charged_by_rule":
    case "charge_escalated":
    case "payment_contested":
    case "contest_ended":
    case "refusal_checked":
    case "name_dropped":
    case "replayed":
    case "key_mismatched":
    case "method_frozen":
    case "method_unfrozen":
    case "method_created":
    case "method_create_failed":
    case "method_revoked":
    case "method_revoke_failed":
    case "refund_intended":
    case "refund_resolved":
    case "refund_escalated":
    case "method_resumed":
    case "reconciliation_recorded":
    case "history_unreadable":
    case "history_readable":
    case "delivery_refused":
      return 0;
    default:
      return unreachable(fact);
  }
}

/** What has shown a payment: which entry, when it began, and when a look that lists it began. */
interface Showing {
  readonly by: "look" | "poll" | "page";
  readonly seq: number;
  readonly beganSeq: number;
  readonly listedAtMs: number | null;
}

type SetPayment = (payment: Payment, change: Omit<Told, "seq" | "atMs">) => number;

/**
 * Records a payment that a look, a poll or a page has shown. A payment attributed to a charge keeps its
 * stored status here: its change is a fact of its own, which books the money. So does any other against
 * a statement that began before its status was last told.
 */
function recordSeen(
  draft: Draft,
  seen: SeenPayment,
  { by, seq, beganSeq, listedAtMs }: Showing,
  set: SetPayment,
): void {
  const before = draft.payments.get(seen.id);
  if (before?.chargeId != null) {
    if (before.missing) {
      set(before, { missing: false });
    }
    return;
  }
  const isFirstListed = by === "look" && (before?.listedSeq ?? null) === null;
  const { tag, createdAtMs } = seen;
  const told = {
    tag,
    createdAtMs,
    missing: false,
    ...(isFirstListed
      ? {
          listedSeq: seq,
          listedAtMs,
          absentAtMs: draft.view.lookedAtMs,
          absentSeq: draft.view.lookedSeq,
        }
      : {}),
    ...(by === "poll" ? { read: true } : {}),
  };
  const isOlder = before !== undefined && before.statusSeq > beganSeq;
  const after = evolvePayment(before ?? null, isOlder ? before : seen, { seq, atMs: 0, ...told });
  if (before === undefined || !isSame(before, after)) {
    set(isOlder ? before : seen, told);
  }
}

/** Whether anything is different but when it was told. */
function isSame(before: PaymentRecord, after: PaymentRecord): boolean {
  return (
    before.status === after.status &&
    before.amountMinor === after.amountMinor &&
    before.currency === after.currency &&
    before.tag === after.tag &&
    before.createdAtMs === after.createdAtMs &&
    before.listedSeq === after.listedSeq &&
    before.missing === after.missing &&
    before.read === after.read
  );
}
