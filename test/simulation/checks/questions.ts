/**
 * Owns the checks of what stands on the books beside a no: a person is asked only of what may belie
 * it, nothing is taken that neither tag nor name proves, a no is followed by the looks and reads that
 * it is owed, and a name is believed as long as it may be true. Must not change anything.
 */
import type { Payment } from "../../../sandbox/book.ts";
import type { Entry } from "../../../src/domain/entries.ts";
import { keyOf } from "../shop.ts";
import { type Facts, HORIZON_MS, isDated, isUnreadable } from "./facts.ts";
import { isStale } from "./noes.ts";

const DAY_MS = 24 * 3_600_000;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const TAKING: readonly string[] = ["payment_adopted", "late_truth_found"];
const DEAD: readonly (string | null)[] = ["CANCELLED", "REFUNDED", "NOT_INITIALIZED"];

export function isCompleteLook({ type, outcome, detail }: Entry): boolean {
  return type === "looked" && outcome === "complete" && detail?.["purpose"] !== "read";
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Whether Harmony said no to an attempt and left no payment of it. */
export function isAnsweredNo({ type, outcome, paymentId }: Entry): boolean {
  const isSaid = outcome === "declined" || outcome === "not_sent";
  return type === "attempt_answered" && isSaid && paymentId === null;
}

/** The entries by which a charge has been told no, or what it made was found to be cancelled. */
function isNo(entry: Entry, journal: readonly Entry[]): boolean {
  const { type, outcome, paymentStatus } = entry;
  const isOperators = type === "operator_resolved" && outcome === "not_charged";
  const isFound =
    paymentStatus === "CANCELLED" &&
    !isBesideItsPayment(entry, journal) &&
    ["attempt_answered", "payment_adopted", "late_truth_found", "status_changed"].includes(type);
  return isAnsweredNo(entry) || type === "not_charged_by_rule" || isOperators || isFound;
}

/**
 * Whether what is noted as cancelled is no no of its attempt, since that has another payment. Where it
 * has none, a look has told now that what it left is cancelled: its no begins again.
 */
function isBesideItsPayment(entry: Entry, journal: readonly Entry[]): boolean {
  const { seq, chargeId, attempt, paymentId, detail } = entry;
  return (
    detail?.["as"] === "cancelled" &&
    journal.some(
      (one) =>
        one.seq < seq &&
        one.chargeId === chargeId &&
        one.attempt === attempt &&
        one.paymentId !== null &&
        one.paymentId !== paymentId &&
        TELLING.includes(one.type),
    )
  );
}

/** What is put to a person beside a no is alive, of its time, and was first listed within its horizon. */
export function assertNoesAreBeliedInTime(facts: Facts): void {
  const { journal, card, payments, world } = facts;
  if (world.jumps.some(({ byMs }) => byMs < 0)) {
    return;
  }
  const isTrulyDated = isDated(card);
  for (const { type, seq, chargeId, detail, paymentId, paymentStatus } of journal) {
    if (type !== "payment_contested" || detail?.["reason"] !== "refused_yet_paid") {
      continue;
    }
    if (DEAD.includes(paymentStatus)) {
      throw new Error(`entry ${seq}: ${paymentId} is ${paymentStatus}, and a person is asked`);
    }
    const own = journal.filter((entry) => entry.chargeId === chargeId && entry.seq < seq);
    const intendedAtMs = timeOf(
      facts,
      own.findLast((entry) => entry.type === "attempt_intended"),
    );
    const payment = payments.find(({ id }) => id === paymentId);
    if (isTrulyDated && payment !== undefined && payment.createdAt < intendedAtMs - DAY_MS) {
      throw new Error(`entry ${seq}: ${paymentId} is older than the charge, and a person is asked`);
    }
    const listed = journal.find(
      (entry) => isCompleteLook(entry) && newIds(entry).includes(paymentId ?? ""),
    );
    const answered = own.findLast(isAnsweredNo);
    const noMs = timeOf(
      facts,
      own.findLast((entry) => isNo(entry, journal)),
    );
    const isLookedAt = journal.some(
      (entry) =>
        isCompleteLook(entry) &&
        entry.seq > (answered?.seq ?? Infinity) &&
        entry.seq < (listed?.seq ?? 0),
    );
    // An attempt of the same charge that nobody has answered has a window of its own, until its late looks end.
    const isInDoubt = own.some(
      (entry) => entry.type === "attempt_answered" && entry.outcome === "indeterminate",
    );
    if (!isInDoubt && isLookedAt && isStale(facts, noMs, timeOf(facts, listed) - 2 * WAY_MS)) {
      throw new Error(`entry ${seq}: ${paymentId} was listed after the horizon of the no`);
    }
  }
}

/** A look's pages may take so long. */
const WAY_MS = 25_000;

function newIds({ detail }: Entry): readonly string[] {
  return (detail?.["new"] ?? []) as string[];
}

function timeOf({ times }: Facts, entry: Entry | undefined): number {
  return entry === undefined ? 0 : (times.get(entry.seq) ?? 0);
}

/**
 * What is alive is never taken for the payment of an attempt that Harmony has answered no, nor anything
 * where others charge the card, unless its tag or a reply says so.
 */
export function assertTakenIsProven(facts: Facts): void {
  const { journal, payments, life } = facts;
  for (const entry of journal.filter(({ type }) => TAKING.includes(type))) {
    const { seq, chargeId, attempt, paymentId, paymentStatus } = entry;
    const payment = payments.find(({ id }) => id === paymentId);
    const answer = journal.find(
      (one) =>
        one.type === "attempt_answered" && one.chargeId === chargeId && one.attempt === attempt,
    );
    if (attempt === null || payment === undefined || isProven(facts, entry, payment)) {
      continue;
    }
    if (answer !== undefined && isAnsweredNo(answer) && paymentStatus !== "CANCELLED") {
      throw new Error(`entry ${seq}: ${paymentId} was taken beside a no that nothing belies`);
    }
    if (life.plan.rules.foreignWriters === true) {
      throw new Error(`entry ${seq}: ${paymentId} was taken, and others charge the card`);
    }
  }
}

/** Whether its tag, which the history shows, or a reply says that it is that key's. */
export function isProven(
  { world, card, life }: Facts,
  { idempotencyKey }: Entry,
  payment: Payment,
): boolean {
  const isTagged = life.plan.tag && card.history.fields === "full";
  return (
    (isTagged && keyOf(payment) === idempotencyKey) ||
    world.submissions.some(
      ({ description, body }) =>
        keyOf({ description }) === idempotencyKey &&
        (body ?? "").toLowerCase().includes(payment.id),
    )
  );
}

/** What is cancelled and was listed within the horizon of a no says nothing of a doubt beside it. */
export function assertCancelledStaysWithItsNo(facts: Facts): void {
  const { journal, charges, payments, world } = facts;
  if (world.jumps.some(({ byMs }) => byMs < 0)) {
    return;
  }
  const chargeOf = new Map(charges.map((charge) => [charge.chargeId, charge] as const));
  for (const entry of journal) {
    const { seq, type, chargeId, paymentId, paymentStatus } = entry;
    const payment = payments.find(({ id }) => id === paymentId);
    const isTaken = type === "payment_adopted" && paymentStatus === "CANCELLED";
    if (!isTaken || payment === undefined || isProven(facts, entry, payment)) {
      continue;
    }
    const shown = journal.find(
      (one) =>
        newIds(one).includes(payment.id) || (one.paymentId === payment.id && one.type === "polled"),
    );
    const no = journal.find(
      (one) =>
        one.seq < seq &&
        one.chargeId !== chargeId &&
        isAnsweredNo(one) &&
        chargeOf.get(one.chargeId ?? "")?.request.amountMinor === payment.amountMinor &&
        chargeOf.get(one.chargeId ?? "")?.payment == null &&
        chargeOf.get(one.chargeId ?? "")?.attempts.length === 1 &&
        (shown?.seq ?? 0) > one.seq &&
        !isStale(facts, timeOf(facts, one), timeOf(facts, entry)),
    );
    if (no !== undefined) {
      throw new Error(
        `entry ${seq}: ${payment.id} ended a doubt, and may be what ${no.chargeId} left`,
      );
    }
  }
}

/** Of several that carry the tag of one attempt, one that holds money is its payment. */
export function assertMoneyIsTakenFirst(facts: Facts): void {
  const { journal, payments, card, life } = facts;
  const { fields, description } = card.history;
  if (!life.plan.tag || fields !== "full" || (description ?? "echo") !== "echo") {
    return;
  }
  for (const { type, seq, paymentId, paymentStatus } of journal) {
    const look = journal.findLast((one) => one.seq < seq && isCompleteLook(one));
    const own = payments.find(({ id }) => id === paymentId);
    if (type !== "payment_adopted" || paymentStatus !== "CANCELLED" || look === undefined) {
      continue;
    }
    const other = payments.find(
      (one) =>
        one.id !== paymentId &&
        one.description === own?.description &&
        one.amountMinor === own.amountMinor &&
        newIds(look).includes(one.id) &&
        one.statusHistory.every(({ status }) => status === "CONFIRMED"),
    );
    if (other !== undefined) {
      throw new Error(
        `entry ${seq}: ${paymentId} was taken, which is cancelled, and not ${other.id}`,
      );
    }
  }
}

/** A refusal stands alone, freezes nothing, and its key is never sent again. */
export function assertRefusalsStandAlone({ journal }: Facts): void {
  const contested = new Map<string, Set<string>>();
  const refused = new Set<string>();
  for (const { type, seq, chargeId, paymentId, outcome } of journal) {
    if (chargeId === null) {
      continue;
    }
    const own = contested.get(chargeId) ?? new Set();
    contested.set(chargeId, own);
    if (type === "payment_contested") {
      own.add(paymentId ?? "");
    }
    if (type === "contest_ended") {
      own.delete(paymentId ?? "");
    }
    if (type === "attempt_answered" && outcome === "declined" && paymentId === null) {
      refused.add(chargeId);
    }
    if (type === "refusal_checked" && own.size > 0) {
      throw new Error(`entry ${seq}: a refusal stands beside ${[...own].join()}`);
    }
    if (type === "method_frozen" && refused.has(chargeId)) {
      throw new Error(`entry ${seq}: a refusal freezes the card`);
    }
    if (type === "attempt_intended" && refused.has(chargeId)) {
      throw new Error(`entry ${seq}: ${chargeId} was refused, and is sent again`);
    }
  }
}

/** A refusal is looked at in the request that it answers, and again after a look that has seen nothing. */
export function assertRefusalsAreLookedAtInTheirRequest(facts: Facts): void {
  const { journal, card, world } = facts;
  for (const { seq, type, chargeId, requestId, outcome } of journal) {
    const later = journal.slice(seq);
    const answer = journal[seq - 1];
    const isRefused = type === "attempt_answered" && answer !== undefined && isAnsweredNo(answer);
    if (isRefused && outcome === "declined" && world.crashes === 0) {
      const look = later.find((one) => one.type === "looked" && one.chargeId === chargeId);
      if (look?.requestId !== requestId) {
        throw new Error(`entry ${seq}: ${chargeId} is refused, and its caller is told nothing`);
      }
    }
    // What a read of its name has shown, before or after, ends the looks.
    const isFound = journal.some(
      (one) => one.chargeId === chargeId && one.type === "late_truth_found",
    );
    const isUnseen = type === "refusal_checked" && outcome === "incomplete" && !isFound;
    // Where pages leave out what they have listed no look is complete; but looks are made.
    const isLookedFor = later.some(
      (one) =>
        isCompleteLook(one) ||
        (one.type === "looked" && one.chargeId === chargeId && one.detail?.["purpose"] === "late"),
    );
    if (isUnseen && !isUnreadable(card) && !isLookedFor) {
      throw new Error(`entry ${seq}: nobody has looked again after an incomplete look`);
    }
  }
}

/** After a no that is fresh, whoever told it, each charge of that amount has a look of its own. */
export function assertEachNoIsLookedAt(facts: Facts): void {
  const { journal, charges, world } = facts;
  if (world.jumps.some(({ byMs }) => byMs < 0)) {
    return;
  }
  const amountOf = new Map(
    charges.map(({ chargeId, request }) => [chargeId, request.amountMinor] as const),
  );
  const noes: Entry[] = [];
  let lastIntentSeq = 0;
  for (const entry of journal) {
    const { type, seq, chargeId } = entry;
    if (type === "attempt_intended") {
      const amountMinor = amountOf.get(chargeId ?? "");
      const atMs = (facts.times.get(seq) ?? 0) + WAY_MS;
      const isUnseen = (no: Entry) =>
        isAnsweredNo(no) &&
        atMs - timeOf(facts, no) < DAY_MS &&
        !journal.slice(no.seq, seq).some(isCompleteLook);
      const isFresh = noes.some(
        (no) =>
          amountOf.get(no.chargeId ?? "") === amountMinor &&
          (!isStale(facts, timeOf(facts, no), atMs) || isUnseen(no)),
      );
      const isLookedAt = journal
        .slice(lastIntentSeq, seq)
        .some(
          (one) =>
            isCompleteLook(one) &&
            ["before_attempt", "baseline"].includes(text(one.detail?.["purpose"])),
        );
      if (isFresh && !isLookedAt) {
        throw new Error(`entry ${seq}: ${chargeId} left beside a fresh no, without a look`);
      }
      lastIntentSeq = seq;
    }
    const isOperators = type === "operator_resolved";
    if (chargeId !== null && isNo(entry, journal) && !isOperators) {
      noes.push(entry);
    }
  }
}

/** What is cancelled is read once more when the horizon of that no is over. */
export function assertCancelledIsReadAgain(facts: Facts): void {
  const { journal, isHalted } = facts;
  for (const { type, seq, paymentId, paymentStatus, chargeId } of journal) {
    const isBooked =
      TAKING.includes(type) || type === "status_changed" || type === "attempt_answered";
    if (isHalted || chargeId === null || !isBooked || paymentStatus !== "CANCELLED") {
      continue;
    }
    // Told before it was anybody's, its horizon began then.
    const atMs = facts.times.get(seq) ?? 0;
    const payment = facts.payments.find(({ id }) => id === paymentId);
    const noMs = payment?.statusHistory.findLast(({ at }) => at <= atMs)?.at ?? atMs;
    const isRead = journal.some(
      (one) =>
        one.type === "polled" &&
        one.paymentId === paymentId &&
        (one.httpStatus === 200 || one.httpStatus === 404) &&
        (facts.times.get(one.seq) ?? 0) < facts.life.bookedAtMs &&
        isStale(facts, noMs, facts.times.get(one.seq) ?? 0),
    );
    const isMoved = journal.some(
      (one) =>
        one.seq > seq &&
        one.paymentId === paymentId &&
        one.paymentStatus !== "CANCELLED" &&
        one.paymentStatus !== null,
    );
    // What is told at the end of a life, that life does not see the horizon of.
    const isLast = atMs + HORIZON_MS > facts.life.bookedAtMs;
    if (!isRead && !isMoved && !isLast) {
      throw new Error(`entry ${seq}: ${paymentId} is cancelled, and nobody has read it again`);
    }
  }
}

/** A name in an error is a UUID, is read at once in a 4xx, and counts until a read says it is none. */
export function assertNamesAreRead(facts: Facts): void {
  const { journal } = facts;
  for (const answer of journal.filter(({ type }) => type === "attempt_answered")) {
    const { seq, httpStatus, chargeId } = answer;
    const named = answer.detail?.["named"] ?? null;
    if (named === null || httpStatus === null || httpStatus < 300) {
      continue;
    }
    if (!UUID.test(text(named))) {
      throw new Error(`entry ${seq}: ${text(named)} is believed to be a payment`);
    }
    const isGuess = httpStatus >= 400 && httpStatus < 500;
    const about = journal.filter((one) => one.seq > seq && one.paymentId === named);
    if (isGuess && !about.some(({ type }) => type === "polled")) {
      throw new Error(`entry ${seq}: nobody has read ${text(named)}`);
    }
    const dropped = about.find((one) => one.type === "name_dropped" && one.chargeId === chargeId);
    const missed = about.find(({ type, httpStatus: of }) => type === "polled" && of === 404);
    const isLate = (dropped?.seq ?? Infinity) > (missed?.seq ?? Infinity) + about.length;
    if (isGuess && missed !== undefined && isLate) {
      throw new Error(`entry ${missed.seq}: there is no ${text(named)}, and it counts`);
    }
    const earlier = journal.findLast(
      (one) =>
        one.seq < seq &&
        ((one.type === "attempt_answered" && one.detail?.["named"] === named) ||
          (one.type === "name_dropped" && one.paymentId === named)),
    );
    if (earlier?.type === "attempt_answered" && earlier.outcome !== "contradictory") {
      throw new Error(`entry ${seq}: ${text(named)} was named before, and counts as new`);
    }
    const fromMs = facts.times.get(seq) ?? 0;
    const isOver = about.some(
      (one) =>
        one.type === "polled" &&
        one.httpStatus === 404 &&
        isStale(facts, fromMs, timeOf(facts, one) - HORIZON_MS),
    );
    if (isOver && dropped === undefined && !isGuess) {
      throw new Error(`entry ${seq}: there is no ${text(named)}, and it counts for ever`);
    }
    const droppedMs = dropped === undefined ? null : timeOf(facts, dropped);
    if (!isGuess && droppedMs !== null && !isStale(facts, fromMs, droppedMs)) {
      throw new Error(`entry ${dropped?.seq}: ${text(named)} was dropped within its horizon`);
    }
  }
}

/** Entries that tell the status of a payment of ours. */
export const TELLING: readonly string[] = [
  "attempt_answered",
  "payment_adopted",
  "late_truth_found",
  "operator_resolved",
  "refund_answered",
  "status_changed",
];

/** What was there is missed only once the horizon of what was told of it is over. */
export function assertNothingIsMissedEarly(facts: Facts): void {
  const { journal, payments, times, world } = facts;
  if (world.jumps.length > 0) {
    // The horizon is measured by the clock that has jumped.
    return;
  }
  for (const { type, seq, paymentId, detail } of journal) {
    if (type !== "payment_contested" || detail?.["reason"] !== "named_payment_missing") {
      continue;
    }
    const atMs = times.get(seq) ?? 0;
    // By what anybody was told first: others may have changed it since, or a read have shown it before.
    const told = journal.findLast(
      (one) =>
        one.seq < seq &&
        one.paymentId === paymentId &&
        one.paymentStatus !== null &&
        TELLING.includes(one.type),
    );
    const payment = payments.find(({ id }) => id === paymentId);
    const goneMs = Math.min(atMs, payment?.goneAt ?? Infinity);
    const hadMs = payment?.statusHistory.findLast(({ at }) => at <= goneMs)?.at ?? 0;
    const sinceMs = Math.min(hadMs, times.get(told?.seq ?? 0) ?? 0);
    if (!isStale(facts, sinceMs, atMs) && atMs - sinceMs < HORIZON_MS) {
      throw new Error(`entry ${seq}: ${paymentId} is missed within its horizon`);
    }
  }
}
