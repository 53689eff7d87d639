/**
 * Owns the checks of what is taken by its amount alone, row by row of the page that says whose a
 * payment is: nothing beside what a reply has named, nothing whose date speaks against it, nothing that
 * was first listed after the window, nothing while an attempt is in flight; and of what a person has to
 * judge: it forbids that absence is concluded, and ends when it is judged. Must not change anything.
 */
import type { Payment } from "../../../sandbox/book.ts";
import type { Entry } from "../../../src/domain/entries.ts";
import { listedFrom } from "../book-times.ts";
import { keyOf } from "../shop.ts";
import { askedAt } from "./excuses.ts";
import { type Facts, HORIZON_MS, isDated, LOOK_MS, namedForeign } from "./facts.ts";
import { isAnsweredNo, isCompleteLook, isProven, TAKING } from "./questions.ts";

/** A payment that is dated so long before it was asked for, or after now, is not that charge's. */
const SKEW_MAX_MS = 600_000;
/** From the end of a doubt on, so long may a payment of it still be listed for the first time. */
const WINDOW_MS = 24 * 3_600_000;

/** What was taken for a charge's though nothing but its amount speaks for it. */
interface Taken {
  readonly entry: Entry;
  readonly payment: Payment;
  readonly intent: Entry;
  readonly answer: Entry;
}

function takenUnproven(facts: Facts): Taken[] {
  const { journal, payments } = facts;
  return journal.flatMap((entry) => {
    const { type, chargeId, attempt, paymentId } = entry;
    if (!TAKING.includes(type) || attempt === null) {
      return [];
    }
    const own = journal.filter((one) => one.chargeId === chargeId && one.attempt === attempt);
    const payment = payments.find(({ id }) => id === paymentId);
    const intent = own.find((one) => one.type === "attempt_intended");
    const answer = own.find((one) => one.type === "attempt_answered");
    const isKnown = payment !== undefined && intent !== undefined && answer !== undefined;
    return isKnown && !isAnsweredNo(answer) && !isProven(facts, entry, payment)
      ? [{ entry, payment, intent, answer }]
      : [];
  });
}

/**
 * What the reply to an attempt has named is what that has made: nothing else is taken for it while the
 * name counts, however long nobody can see what was named.
 */
export function assertNothingBesideAName(facts: Facts): void {
  const { journal, payments, times } = facts;
  for (const { entry, payment, intent, answer } of takenUnproven(facts)) {
    const named = answer.detail?.["named"] ?? null;
    const made = payments.find(({ id }) => id === named);
    const isGuess = (answer.httpStatus ?? 0) >= 400 && (answer.httpStatus ?? 0) < 500;
    const isDropped = journal.some(
      (one) => one.type === "name_dropped" && one.paymentId === named && one.seq < entry.seq,
    );
    if (made === undefined || made.goneAt !== undefined || isGuess || isDropped) {
      continue;
    }
    const isTrue =
      keyOf(made) === entry.idempotencyKey && askedAt(made) >= (times.get(intent.seq) ?? 0);
    if (isTrue && made.id !== payment.id && keyOf(payment) !== entry.idempotencyKey) {
      throw new Error(
        `entry ${entry.seq}: ${payment.id} was taken, and the reply named ${made.id}`,
      );
    }
  }
}

/** What its own date speaks against is not taken. Both are what Harmony and the entries say. */
export function assertTimeSpeaksForWhatIsTaken(facts: Facts): void {
  if (!isDated(facts.card)) {
    return;
  }
  for (const { entry, payment, intent } of takenUnproven(facts)) {
    const { createdAt } = payment;
    const isOld = createdAt < Date.parse(intent.occurredAt) - SKEW_MAX_MS;
    if (isOld || createdAt > Date.parse(entry.occurredAt) + SKEW_MAX_MS) {
      throw new Error(`entry ${entry.seq}: ${payment.id} was taken, made at ${createdAt}`);
    }
  }
}

/** What was first listed when the window of a charge had closed, as a look has shown, is not taken. */
export function assertWindowsClose(facts: Facts): void {
  const { journal, times, looks, card, world } = facts;
  if (world.jumps.length > 0) {
    // The window is measured by the clock that has jumped.
    return;
  }
  const { fields, createdAt } = card.history;
  const hasDate = (fields === "full" || fields === "createdAt") && createdAt !== "local";
  for (const { entry, payment, intent } of takenUnproven(facts)) {
    const denied = journal.find(
      (one) =>
        one.type === "not_charged_by_rule" &&
        one.chargeId === entry.chargeId &&
        one.attempt === entry.attempt,
    );
    const closesMs = (times.get(denied?.seq ?? 0) ?? Infinity) + WINDOW_MS;
    const listedMs = listedFrom(payment, card.history);
    const isClosed = looks.some(({ atMs }) => atMs - LOOK_MS >= closesMs && atMs <= listedMs);
    const afterMs = payment.createdAt - (times.get(intent.seq) ?? 0);
    const isInTime =
      hasDate && afterMs >= -2 * SKEW_MAX_MS && afterMs <= HORIZON_MS + 2 * SKEW_MAX_MS;
    if (isClosed && !isInTime) {
      throw new Error(`entry ${entry.seq}: ${payment.id} was taken, listed after the window`);
    }
  }
}

/** Why a payment of the charge itself is put to a person: that judges nothing of the attempt in flight. */
const OWN = ["named_payment_missing", "contradicts_the_books"];

/** While an attempt is in flight, what is seen may be what it makes: it is given to nobody. */
export function assertNothingIsJudgedInFlight({ journal }: Facts): void {
  const inFlight = new Set<string>();
  for (const { type, seq, chargeId, attempt, paymentId, detail } of journal) {
    if (type === "attempt_intended") {
      inFlight.add(`${chargeId} ${attempt}`);
    }
    if (type === "attempt_answered") {
      inFlight.delete(`${chargeId} ${attempt}`);
    }
    const isTaken = TAKING.includes(type) && attempt !== null;
    const isAsked = type === "payment_contested" && !OWN.includes(detail?.["reason"] as string);
    if (inFlight.size > 0 && (isTaken || isAsked)) {
      throw new Error(`entry ${seq}: ${paymentId} is judged while ${[...inFlight].join()} is sent`);
    }
  }
}

/** Absence is not concluded while a person has to judge a payment beside the charge. */
export function assertNoRuleBesideAContest({ journal }: Facts): void {
  const contested = new Set<string>();
  for (const { type, seq, chargeId, paymentId } of journal) {
    const name = `${chargeId} ${paymentId}`;
    if (type === "payment_contested") {
      contested.add(name);
    }
    if (type === "contest_ended") {
      contested.delete(name);
    }
    const open = [...contested].find((one) => one.startsWith(`${chargeId} `));
    if (type === "not_charged_by_rule" && open !== undefined) {
      throw new Error(`entry ${seq}: by rule not charged, and a person has to judge ${open}`);
    }
  }
}

/** What has got its charge, or was named foreign, is no person's question after the next look. */
export function assertContestsEnd(facts: Facts): void {
  const { journal } = facts;
  const lastLook = journal.findLast(isCompleteLook)?.seq ?? 0;
  const foreign = namedForeign(journal);
  for (const { type, seq, chargeId, paymentId, detail } of journal) {
    if (type !== "payment_contested" || detail?.["reason"] === "named_payment_missing") {
      continue;
    }
    const about = journal.filter((one) => one.seq > seq && one.paymentId === paymentId);
    const judged = about.find(
      (one) =>
        TAKING.includes(one.type) ||
        (one.type === "operator_resolved" && one.outcome === "charged") ||
        (one.type === "payment_unattributed" && foreign.has(paymentId)),
    );
    const isEnded = about.some((one) => one.type === "contest_ended" && one.chargeId === chargeId);
    if (judged !== undefined && judged.seq < lastLook && !isEnded) {
      throw new Error(
        `entry ${seq}: ${paymentId} was judged, and ${chargeId} is still asked about`,
      );
    }
  }
}
