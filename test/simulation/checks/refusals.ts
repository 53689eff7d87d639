/**
 * Owns the checks of what Harmony refuses: a no that is fresh is looked at before the next charge, a
 * payment that speaks against one holds every further charge back, a plain decline costs little, and
 * the number of a request freezes nothing. Must not change anything.
 */
import { ENTRY_TYPES, type Entry } from "../../../src/domain/entries.ts";
import { holdsMoney, statusAt } from "../book-times.ts";
import type { Submission } from "../../support/fake-host.ts";
import { keyOf } from "../shop.ts";
import { isOverridden } from "./excuses.ts";
import { type Facts, LOOK_MS } from "./facts.ts";
import { isRefusal, isStale, namedIn, shownSince, submissionFor, tellsNo } from "./noes.ts";

const KNOWN_TYPES: ReadonlySet<string> = new Set(ENTRY_TYPES);
/** Entries about a charge that others cause, whatever Harmony said. */
const OTHERS_DOING: readonly string[] = ["replayed", "key_mismatched"];
const JUDGED: readonly string[] = [
  "contest_ended",
  "late_truth_found",
  "operator_resolved",
  "payment_adopted",
  "payment_contested",
  "payment_unattributed",
  "status_changed",
];
/** Beside the answer: the look, and that the refusal stands. */
const DECLINE_ENTRIES_MAX = 2;
/** So long a caller waits for the read of what a refusal named and for the look at it. */
const REFUSAL_LOOK_MS = 5000;

export function assertTypesKnown({ journal }: Facts): void {
  const unknown = journal.find(({ type }) => !KNOWN_TYPES.has(type));
  if (unknown !== undefined) {
    throw new Error(`entry ${unknown.seq}: ${unknown.type} is no type of an entry`);
  }
}

/** Within the horizon of a no, each charge of that amount has a look of its own before it is sent. */
export function assertFreshNoesAreLookedAt(facts: Facts): void {
  const { world, life, journal } = facts;
  // What was lost before it was written down is as a reply that never came.
  const isWritten = ({ description, httpStatus, answeredAtMs }: Submission) =>
    journal.some(
      (entry) =>
        entry.type === "attempt_answered" &&
        entry.idempotencyKey === keyOf({ description }) &&
        entry.httpStatus === httpStatus &&
        (facts.times.get(entry.seq) ?? 0) >= (answeredAtMs ?? 0),
    );
  const looks = world.sandbox.exchanges
    .list(world.paymentMethodId)
    .filter(
      ({ kind, ended, httpStatus }) =>
        kind === "look" && ended === "answered" && httpStatus === 200,
    );
  for (const [index, { atMs, amount, description }] of world.submissions.entries()) {
    const earlier = world.submissions.slice(0, index);
    const noes = earlier.filter(
      (one) =>
        one.amount === amount &&
        tellsNo(one) &&
        isWritten(one) &&
        !isStale(facts, one.answeredAtMs ?? 0, atMs),
    );
    if (noes.length === 0) {
      continue;
    }
    const key = keyOf({ description });
    const askedAtMs = life.shop.asks.find((ask) => ask.key === key)?.atMs ?? 0;
    const sinceMs = Math.max(
      askedAtMs,
      earlier.at(-1)?.atMs ?? 0,
      ...noes.map((one) => one.answeredAtMs ?? 0),
    );
    const isLookedAt = looks.some(
      ({ beganAt, endedAt }) => beganAt >= sinceMs && (endedAt ?? Infinity) <= atMs,
    );
    if (!isLookedAt) {
      throw new Error(`${key} left at ${atMs} beside a fresh no, without a look`);
    }
  }
}

/** Who is told of a refusal is told after a look, whatever that look has shown. */
export function assertRefusalsAreLookedAt({ world, told, journal }: Facts): void {
  if (world.sandbox.exchanges.dropped > 0) {
    // So many that the first of them are kept no more.
    return;
  }
  const looks = world.sandbox.exchanges
    .list(world.paymentMethodId)
    .filter(({ kind }) => kind === "look");
  for (const { order, toldAtMs, reply } of told) {
    const submission = world.submissions.findLast(
      (one) => keyOf(one) === order.key && (one.answeredAtMs ?? Infinity) <= toldAtMs,
    );
    const isRefused = reply.status === 402 && submission !== undefined && tellsNo(submission);
    const answeredAtMs = submission?.answeredAtMs ?? 0;
    const isLookedAt = looks.some(({ beganAt }) => beganAt >= answeredAtMs && beganAt <= toldAtMs);
    // The read of what it named, or a process that stood still, has used up the time of both: the look
    // is entered as one that took too long, and late looks follow.
    const isTimeUp =
      toldAtMs - answeredAtMs >= REFUSAL_LOOK_MS &&
      journal.some(
        ({ type, detail, idempotencyKey }) =>
          type === "looked" && idempotencyKey === order.key && detail?.["why"] === "took_too_long",
      );
    if (isRefused && !isLookedAt && !isTimeUp) {
      throw new Error(`${order.key} was told that it is refused, and nobody has looked`);
    }
  }
}

/** Nothing of a payment's amount leaves while a person has to judge whose it is. */
export function assertNothingBesideAContest(facts: Facts): void {
  const { journal, life, payments, times, world } = facts;
  if (life.plan.troubles.has("clock_back")) {
    // The entries' times repeat some hours there: what came first cannot be told by them.
    return;
  }
  const judged = journal.filter(
    ({ type, paymentId }) => paymentId !== null && JUDGED.includes(type),
  );
  for (const payment of payments) {
    const own = judged.filter(({ paymentId }) => paymentId === payment.id);
    for (const { atMs, amount, description } of world.submissions) {
      const before = atMs - LOOK_MS;
      const last = own.findLast(({ seq }) => (times.get(seq) ?? Infinity) <= atMs);
      // What contradicts the books is its own charge's beyond doubt, and forbids no other.
      const isContested =
        last?.type === "payment_contested" &&
        last.detail?.["reason"] !== "contradicts_the_books" &&
        (times.get(last.seq) ?? Infinity) <= before;
      const isPriced = Math.round(amount * 100) === payment.amountMinor;
      const isAlive = holdsMoney(statusAt(payment, before)) && payment.goneAt === undefined;
      if (isContested && isPriced && isAlive && !isOverridden(facts, payment, atMs)) {
        const key = keyOf({ description });
        throw new Error(`${key} left at ${atMs} while ${payment.id} is for a person to judge`);
      }
    }
  }
}

/** The entries about a charge from an answer to it until its refusal stands; null where it does not. */
function whileChecked(journal: readonly Entry[], answer: Entry): readonly Entry[] | null {
  const { chargeId, attempt, seq } = answer;
  const own = journal.filter(
    (one) => one.chargeId === chargeId && one.seq > seq && !OTHERS_DOING.includes(one.type),
  );
  const end = own.findIndex((one) => one.type === "refusal_checked" && one.attempt === attempt);
  return end === -1 ? null : own.slice(0, end + 1);
}

/** A plain decline freezes nothing, and costs one look and two entries at the most. */
export function assertDeclinesAreCheap({ journal, world }: Facts): void {
  if (world.crashes > 0) {
    // A look between whose answer and entry the instance was gone is had again.
    return;
  }
  for (const answer of journal) {
    const isDeclined = answer.type === "attempt_answered" && answer.outcome === "declined";
    const checked = isDeclined && answer.paymentId === null ? whileChecked(journal, answer) : null;
    if (checked === null || checked.some(({ type }) => JUDGED.includes(type))) {
      continue;
    }
    if (checked.some(({ type }) => type === "method_frozen")) {
      throw new Error(`entry ${answer.seq}: a refusal that stands has frozen the card`);
    }
    const looks = checked.filter(({ type }) => type === "looked").length;
    const isPlain = answer.detail?.["named"] == null;
    if (looks > 1 || (isPlain && checked.length > DECLINE_ENTRIES_MAX)) {
      const types = checked.map(({ type }) => type).join();
      throw new Error(`entry ${answer.seq}: a plain decline costs ${types}`);
    }
  }
}

/** A no whose body names nothing that exists on this card leaves the card as it is. */
export function assertRequestIdsFreezeNothing(facts: Facts): void {
  const { journal, charges, payments, world } = facts;
  if (world.crashes > 0) {
    return;
  }
  for (const submission of world.submissions) {
    const { httpStatus, amount, description } = submission;
    const key = keyOf({ description });
    const isNo = tellsNo(submission) && httpStatus !== 201;
    const named = namedIn(submission);
    const isOnly = world.submissions.filter((one) => keyOf(one) === key).length === 1;
    const isPriced = payments.some(({ amountMinor }) => amountMinor === Math.round(amount * 100));
    const isKnown = payments.some(({ id }) => named.includes(id));
    if (!isNo || named.length === 0 || !isOnly || isPriced || isKnown) {
      continue;
    }
    const chargeId = charges.find((charge) => charge.idempotencyKey === key)?.chargeId;
    const frozen = journal.find((one) => one.type === "method_frozen" && one.chargeId === chargeId);
    if (frozen !== undefined && submission.answeredAtMs !== null) {
      throw new Error(`entry ${frozen.seq}: ${httpStatus} naming ${named.join()} froze the card`);
    }
  }
}

/** Where a payment turns out to be that of a charge which Harmony has refused, a person hears of it. */
export function assertRefusedYetPaidIsAlerted(facts: Facts): void {
  const { journal, charges, payments, world } = facts;
  for (const payment of payments) {
    const key = keyOf(payment);
    const submission = submissionFor(facts, payment);
    const chargeId = charges.find((charge) => charge.idempotencyKey === key)?.chargeId;
    const isBelied = submission !== undefined && isRefusal(submission) && tellsNo(submission);
    const isNo = ({ type, outcome, chargeId: of }: Entry) =>
      type === "attempt_answered" && of === chargeId && outcome === "declined";
    const refused = journal.find(isNo)?.attempt ?? null;
    const isTaken = journal.some(
      (one) =>
        one.paymentId === payment.id &&
        one.chargeId === chargeId &&
        // Found late, it may be taken for that of an earlier attempt, which was lost.
        (one.attempt === null || one.attempt === refused) &&
        ["late_truth_found", "payment_adopted", "payment_contested"].includes(one.type) &&
        // What fits an attempt without an answer as well is a person's for that reason.
        (one.detail?.["reason"] ?? "refused_yet_paid") === "refused_yet_paid" &&
        holdsMoney(one.paymentStatus ?? "") &&
        one.paymentStatus !== "NOT_INITIALIZED",
    );
    // Where what was cancelled is paid after all, it is the late truth that a person hears of.
    const wasNo = payment.statusHistory.some(({ status }) => status === "CANCELLED");
    if (key === null || wasNo || !isBelied || !isTaken || shownSince(facts, payment) === Infinity) {
      continue;
    }
    const isAlerted = world.logged.some(
      ({ level, event, fields }) =>
        level === "alert" && event === "refused_yet_paid" && fields["chargeId"] === chargeId,
    );
    if (refused !== null && !isAlerted) {
      throw new Error(`${key} was refused, ${payment.id} was paid, and nobody was alerted`);
    }
  }
}
