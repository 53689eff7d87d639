/**
 * Owns what a payment's status, seen by a look or a poll, means: a pending payment becomes final,
 * older news is dropped and read again, and what contradicts the books is said and not booked; and
 * that what something else than a look shows first is looked for. Must not read Harmony nor storage.
 * Pure.
 */
import {
  attemptRecords,
  type Charge,
  hasPayment,
  isFinal,
  isUnexplained,
  lastAttempt,
  paymentIdsOf,
  stateOf,
} from "./charge.ts";
import { contest, escalate } from "./contest.ts";
import { chargeIn, type Draft, nextSeq, note } from "./draft.ts";
import type { LookReport, RefundWatch } from "./facts.ts";
import { judge } from "./judge.ts";
import { isPaymentStatus, type Payment } from "./outcome.ts";
import { bare, holdsMoney, isContradicted, type PaymentRecord } from "./payment.ts";
import { pollOf } from "./polls.ts";
import { nextPoll, spanMs } from "./schedule.ts";
import { isNewTo } from "./fit.ts";

/** What one read of a payment told us. */
export interface PollReport {
  /** The charge it was made for, null where somebody asked for the payment itself. */
  readonly askedFor: string | null;
  /** The journal's last `seq` when it began: what was recorded since is newer news. */
  readonly beganSeq: number;
  /** The refund it was made for, if it was for one, and what it changes in that. */
  readonly refundId?: string | null;
  readonly watch?: RefundWatch | null;
  readonly paymentId: string;
  readonly seen: Payment | null;
  readonly httpStatus: number | null;
  readonly latencyMs: number;
  readonly failure: string | null;
}

/** Records a poll and what it changes: a status, the charge of a payment that a reply named. */
export function learnFromPoll(draft: Draft, report: PollReport): void {
  const { nowMs, jitter, rules } = draft.view;
  const record = draft.payments.get(report.paymentId);
  const { askedFor, ...read } = report;
  const asker = askedFor === null ? null : (draft.charges.get(askedFor) ?? null);
  const owner = asker ?? ownerOf(draft, report.paymentId, record);
  const due =
    owner?.nextPoll == null
      ? null
      : nextPoll(
          rules,
          owner.polls + 1,
          // What is spoken against is asked for as often, however long it has been settled.
          record?.disputed === true
            ? nowMs
            : (record?.contradictedAtMs ?? owner.doubt?.sinceMs ?? owner.resolvedAtMs ?? nowMs),
          nowMs,
          jitter,
        );
  const evidenceSeq = nextSeq(draft);
  note(draft, {
    type: "polled",
    atMs: nowMs,
    chargeId: owner?.chargeId ?? null,
    ...read,
    nextPoll: due,
  });
  const { seen, beganSeq } = report;
  if (seen === null) {
    if (report.httpStatus === NOT_FOUND) {
      learnNotFound(draft, report.paymentId);
    }
    return;
  }
  const known = draft.payments.get(seen.id);
  if (record?.chargeId != null && known !== undefined) {
    learnStatus(draft, known, seen, { beganSeq, seq: evidenceSeq, isPoll: true });
    settlePolls(draft);
    if (owner !== null && record.chargeId !== owner.chargeId) {
      escalate(draft, owner.chargeId, "named_payment_is_another_charges", [seen.id], false);
    }
    return;
  }
  // No look lists it by this: only what a reply named can be somebody's.
  judge(draft, new Set(), evidenceSeq);
  settlePolls(draft);
  const shown = draft.payments.get(seen.id);
  if (record === undefined && shown !== undefined) {
    noticeUnlisted(draft, [shown]);
  }
}

/** What Harmony answers to a read of a payment that it does not have (harmony.md, Errors). */
const NOT_FOUND = 404;

/**
 * A read has found nothing. A guess was none. What a reply told in any other error counts until its
 * horizon is over. What a 2xx named, and what was there before, no look has to list any more by then;
 * what has become of the money of its charge, a person has to judge.
 */
function learnNotFound(draft: Draft, paymentId: string): void {
  const { nowMs, rules } = draft.view;
  for (const { chargeId, attempts } of draft.charges.values()) {
    const named = attempts.find((one) => one.namedPaymentId === paymentId);
    const isOver = named !== undefined && nowMs >= (named.answeredAtMs ?? nowMs) + spanMs(named);
    if (named?.nameIs === "guess" || (named?.nameIs === "told" && isOver)) {
      note(draft, { type: "name_dropped", atMs: nowMs, chargeId, paymentId });
      lookNow(draft, chargeId);
    } else if (named?.nameIs === "sure" && isOver) {
      escalate(draft, chargeId, "named_payment_missing", [paymentId], false);
    }
  }
  const record = draft.payments.get(paymentId);
  const isOver = record !== undefined && nowMs >= record.statusAtMs + spanMs(rules);
  if (isOver && !record.missing) {
    const missing = { ...record, missing: true, reread: false };
    put(draft, missing);
    if (record.chargeId !== null && holdsMoney(record)) {
      contest(draft, record.chargeId, missing, "named_payment_missing");
    }
  }
  settlePolls(draft);
}

/** Nothing but absence is left to decide by: what is planned far ahead, since a person was asked, is now. */
function lookNow(draft: Draft, chargeId: string): void {
  const charge = chargeIn(draft, chargeId);
  if (charge.state === "in_doubt" && lastAttempt(charge).outcome !== "declined") {
    draft.charges.set(chargeId, { ...charge, nextLook: { atMs: draft.view.nowMs, gapMs: 0 } });
  }
}

/** What the history says of payments that already belong to a charge; `seq` is its entry's. */
export function noticeStatuses(draft: Draft, report: LookReport, seq: number): void {
  for (const seen of report.payments) {
    const record = draft.payments.get(seen.id);
    if (record?.chargeId != null) {
      learnStatus(draft, record, seen, { beganSeq: report.beganSeq, seq, isPoll: false });
    }
  }
}

/**
 * What something else than a look has shown first gives nobody a payment. Where an attempt without an
 * answer may have made it, the next look is now: one charge's is enough, in doubt before late, since a
 * complete look is held against every attempt. What none may have made is somebody else's, so that
 * every later charge looks first.
 */
export function noticeUnlisted(draft: Draft, seen: readonly PaymentRecord[]): void {
  const { nowMs } = draft.view;
  const free = seen.filter(({ chargeId }) => chargeId === null);
  const charges = [...draft.charges.values()];
  const waiting = charges.filter(
    (charge) =>
      charge.state !== "in_flight" &&
      charge.nextLook !== null &&
      free.some((payment) => mayHaveMade(charge, payment)),
  );
  const charge = waiting.find(({ state }) => state === "in_doubt") ?? waiting[0];
  if (charge !== undefined) {
    draft.charges.set(charge.chargeId, { ...charge, nextLook: { atMs: nowMs, gapMs: 0 } });
    draft.changedCharges.add(charge.chargeId);
  }
  draft.foreignSeen ||=
    draft.baselineSeq !== null &&
    free.some((payment) => !charges.some((one) => mayHaveMade(one, payment)));
}

/** Whether a charge has an attempt in flight or without an answer to which this payment is new. */
function mayHaveMade(charge: Charge, payment: PaymentRecord): boolean {
  return attemptRecords(charge).some(
    (one) => (one.outcome === null || isUnexplained(one)) && isNewTo(payment, one),
  );
}

/** The charge a payment belongs to, or whose unanswered attempt was told its name. */
function ownerOf(
  draft: Draft,
  paymentId: string,
  record: PaymentRecord | undefined,
): Charge | null {
  if (record?.chargeId != null) {
    return draft.charges.get(record.chargeId) ?? null;
  }
  for (const charge of draft.charges.values()) {
    if (charge.attempts.some((attempt) => attempt.namedPaymentId === paymentId)) {
      return charge;
    }
  }
  return null;
}

/** When a statement began and which entry holds it. */
interface Statement {
  readonly beganSeq: number;
  readonly seq: number;
  readonly isPoll: boolean;
}

/**
 * What a payment's status, seen again, means. What began before the status was last told is older
 * news: it is dropped, and a read decides. A pending payment becomes final; a confirmed one is
 * refunded; anything else contradicts what is known, and edits nothing.
 */
export function learnStatus(
  draft: Draft,
  record: PaymentRecord,
  seen: Payment,
  { beganSeq, seq, isPoll }: Statement,
): void {
  const { nowMs, jitter, rules } = draft.view;
  const charge = record.chargeId === null ? undefined : draft.charges.get(record.chargeId);
  const sameMoney = record.amountMinor === seen.amountMinor && record.currency === seen.currency;
  // A complete look that listed it, and noted nothing of it, has told its status again.
  const listedSeq = record.listedSeq === null ? 0 : (draft.view.lookedSeq ?? 0);
  const isOlder = beganSeq < Math.max(record.statusSeq, listedSeq);
  if (record.status === seen.status && sameMoney) {
    if (!isOlder && (isPoll || record.reread)) {
      // What was cancelled is read once more when the horizon of that no is over.
      const isEarly = record.status === "CANCELLED" && nowMs < record.statusAtMs + spanMs(rules);
      put(draft, {
        ...record,
        statusSeq: seq,
        reread: record.reread && (isEarly || !isPoll),
        disputed: false,
        // Only a read of this very payment ends what another statement has thrown into doubt.
        contradicted: isPoll ? null : record.contradicted,
      });
    }
    return;
  }
  if (charge === undefined) {
    return;
  }
  const { chargeId } = charge;
  const becomes = stateOf(seen);
  // What was cancelled is paid, or under way, after all; but what was charged and reversed stays that.
  const isUnderWay = becomes === "pending" && seen.status !== "NOT_INITIALIZED";
  const isAlive = becomes === "approved" || (isUnderWay && charge.state !== "approved");
  const isRevived = sameMoney && record.status === "CANCELLED" && isAlive;
  // While a further attempt is in flight its charge is not moved: it is read again after that.
  if (isOlder || (isRevived && charge.state === "in_flight")) {
    put(draft, { ...record, reread: true, disputed: true });
    // The first of them until one is answered: what callers have read before counts for nothing.
    const nextRead = nextPoll(rules, 0, nowMs, nowMs, jitter);
    draft.charges.set(chargeId, { ...charge, polls: 0, nextPoll: nextRead });
    draft.changedCharges.add(chargeId);
    return;
  }
  const payment = bare(seen);
  if (sameMoney && movesForward(record.status, seen.status)) {
    const due = pollOf(draft, payment, charge.polls);
    const from = record.status;
    note(draft, { type: "status_changed", atMs: nowMs, chargeId, payment, from, nextPoll: due });
    return;
  }
  if (isRevived) {
    const isOwn = charge.payment?.id === seen.id || !hasPayment(charge);
    note(draft, {
      type: "late_truth_found",
      atMs: nowMs,
      chargeId,
      attempt: null,
      payment,
      as: isOwn ? "payment" : "duplicate",
      by: "look",
      beside: null,
      nextPoll: pollOf(draft, payment),
    });
    return;
  }
  contradict(draft, record, seen, { beganSeq, seq, isPoll });
}

/** A replica may lag behind for so long: what a read says after that, it says in earnest. */
const LAG_MS = 60_000;

/**
 * What Harmony says contradicts the books. From then on nobody knows, and it is read by the schedule
 * of polls; what a read still says a minute later is put to a person, until one agrees with the books.
 */
function contradict(
  draft: Draft,
  record: PaymentRecord,
  { status, amountMinor, currency }: Payment,
  { seq, isPoll }: Statement,
): void {
  const { nowMs } = draft.view;
  const { chargeId } = record;
  const said = `${status} ${amountMinor} ${currency}`;
  if (chargeId === null || record.judged === said) {
    // A person knows, and has said what is true.
    return;
  }
  const isNew = !isContradicted(record);
  if (isNew || record.contradicted !== said) {
    note(draft, { type: "contradiction_found", atMs: nowMs, chargeId, payment: record, said });
  }
  if (isNew) {
    const due = { atMs: nowMs + LAG_MS, gapMs: LAG_MS };
    draft.charges.set(chargeId, { ...chargeIn(draft, chargeId), nextPoll: due, polls: 0 });
  }
  // What agrees with the books, and began before this was said, is older news than this.
  const told = { ...(draft.payments.get(record.id) ?? record), statusSeq: seq };
  put(draft, told);
  if (isPoll && nowMs >= (told.contradictedAtMs ?? nowMs) + LAG_MS) {
    contest(draft, chargeId, told, "contradicts_the_books");
  }
}

function put(draft: Draft, record: PaymentRecord): void {
  draft.payments.set(record.id, record);
  draft.changedPayments.add(record.id);
}

/**
 * Ends the polls of charges that have nothing left to ask for. One that has only what was cancelled asks
 * when the horizon of that no is over.
 */
export function settlePolls(draft: Draft): void {
  const { nowMs, rules } = draft.view;
  for (const chargeId of draft.changedCharges) {
    const charge = chargeIn(draft, chargeId);
    const open = openPaymentIds(charge, (id) => draft.payments.get(id));
    const records = open.map((id) => draft.payments.get(id));
    const overMs = records.map((one) =>
      one?.status === "CANCELLED" && !one.disputed
        ? Math.min(one.statusAtMs, nowMs) + spanMs(rules)
        : nowMs,
    );
    const atMs = Math.min(...overMs);
    const isNamed = namedIds(charge).length > 0;
    if (charge.nextPoll !== null && !isNamed && (open.length === 0 || atMs > nowMs)) {
      const due = open.length === 0 ? null : { atMs, gapMs: spanMs(rules) };
      draft.charges.set(chargeId, { ...charge, nextPoll: due });
    }
  }
}

/** The charge's payments that are not final, or that older news spoke against: each is polled. */
export function openPaymentIds(
  charge: Charge,
  record: (paymentId: string) => PaymentRecord | null | undefined,
): string[] {
  return paymentIdsOf(charge).filter((id) => {
    const payment = record(id);
    // What is not loaded is not known to be final.
    return payment === undefined || (payment !== null && isToPoll(payment));
  });
}

/** What replies told and nothing explains yet; a guess is read with looks. */
export function namedIds({ attempts }: Charge): string[] {
  return attempts.flatMap(({ namedPaymentId, nameIs, explainedBy }) =>
    namedPaymentId === null || nameIs === "guess" || explainedBy !== null ? [] : [namedPaymentId],
  );
}

function isToPoll(payment: PaymentRecord): boolean {
  return payment.reread || isContradicted(payment) || !isFinal(stateOf(payment));
}

/** Whether a status may follow another without contradicting it (harmony.md, States). */
function movesForward(from: string, to: string): boolean {
  if (!isPaymentStatus(to)) {
    return false;
  }
  if (stateOf({ id: "", status: from, amountMinor: 0, currency: "" }) === "pending") {
    return to !== "NOT_INITIALIZED";
  }
  return from === "CONFIRMED" && to === "REFUNDED";
}
