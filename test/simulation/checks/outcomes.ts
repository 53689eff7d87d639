/**
 * Owns the checks of what became of each charge: every payment on somebody's books, every charge
 * settled or with a person for a cause, every caller told what is true. Must not change anything.
 */
import type { Payment } from "../../../sandbox/book.ts";
import { type Charge, lastAttempt } from "../../../src/domain/charge.ts";
import { attributed } from "../../payment-method/promises.ts";
import type { Life } from "../life.ts";
import { keyOf } from "../shop.ts";
import { holdsMoney, listedFrom } from "../book-times.ts";
import { isBeyondHorizon, askedAt, mayBeTaken, wasTold } from "./excuses.ts";
import { type Facts, isUnreadable, personsOwn } from "./facts.ts";
import { reportedIds, isUnseenNo } from "./money.ts";
import { isBesideANo, isForgottenUnseen, isLeftBehind, submissionFor, tellsNo } from "./noes.ts";

/** Each payment of ours is attributed to its charge, or in a person's hands by name. */
export function assertEveryPaymentIsKnown(facts: Facts): void {
  const { journal, payments, charges } = facts;
  const owners = attributed(journal);
  const named = reportedIds(facts);
  const endMs = facts.world.time.nowMs;
  for (const payment of payments) {
    const key = keyOf(payment);
    const owner = owners.get(payment.id);
    const charge = charges.find(({ idempotencyKey }) => idempotencyKey === key);
    const isMistaken = owner !== undefined && mayBeTaken(facts, payment.id, owner, endMs);
    if (owner !== undefined && owner !== key && !isMistaken) {
      throw new Error(`${payment.id} of ${key} is said to be ${owner}'s`);
    }
    const isHeld =
      named.has(payment.id) ||
      isUnseenNo(facts, payment) ||
      isForgottenUnseen(facts, payment) ||
      // What took nothing and was left behind by a refusal concerns nobody, nor what was given back.
      (/CANCELLED|NOT_INITIALIZED|REFUNDED/.test(payment.status) && isLeftBehind(facts, payment)) ||
      (payment.goneAt !== undefined && !holdsMoney(payment.status)) ||
      // Row 4: beside a no, what holds no money (any more) is left alone.
      (!holdsMoney(payment.status) && isBesideANo(facts, payment)) ||
      (charge?.state === "in_doubt" && charge.escalated) ||
      // Another's payment was taken for it; its own is found when the books are compared.
      (key !== null && ownIds(charge).some((id) => mayBeTaken(facts, id, key, endMs))) ||
      // What no history lists before all is read in the end, and nobody reads, is known to Harmony alone.
      listedFrom(payment, facts.card.history) >= facts.life.bookedAtMs ||
      // No look is complete where pages lie, and so none finds a late truth.
      isUnreadable(facts.card);
    if (key !== null && owner === undefined && !isHeld) {
      throw new Error(`${payment.id} of ${key} is on no one's books`);
    }
    const isFree = charge?.state === "not_charged" && owner === undefined;
    if (isFree && !isHeld) {
      throw new Error(`${key} is said to be not charged, though ${payment.id} exists`);
    }
  }
}

/** The payments that a charge is said to have made. */
function ownIds(charge: Charge | undefined): string[] {
  const own = charge?.payment == null ? [] : [charge.payment.id];
  return [...own, ...(charge?.duplicates ?? [])];
}

/** What a read has shown since the last change is what the books say: no older news takes its place. */
export function assertNewsStays(facts: Facts): void {
  const { life, journal, payments, seen, lies } = facts;
  // Which of Harmony's words is true, a person has to say.
  const named = new Set([...lies.map((lie) => lie.named), ...personsOwn(facts)]);
  // Reads that overlap leave it to one more read, and Harmony has forgotten the payment by then: its
  // money is unknown, and a person is asked where it is.
  const missing = new Set(
    journal.flatMap(({ type, paymentId, detail }) =>
      type === "payment_contested" && detail?.["reason"] === "named_payment_missing"
        ? [paymentId]
        : [],
    ),
  );
  // What an answer about another payment said of one contradicts what its own reads say.
  for (const payment of payments.filter((one) => !named.has(one.id))) {
    const { id, status, statusHistory, goneAt } = payment;
    const changedAtMs = statusHistory.at(-1)?.at ?? 0;
    const isShown = seen.some(
      ({ paymentId, askedAtMs, toldAtMs }) =>
        paymentId === id && askedAtMs > changedAtMs && toldAtMs < life.bookedAtMs,
    );
    const booked = life.booked.get(id);
    const isMissed = goneAt !== undefined && missing.has(id);
    if (isShown && booked !== undefined && booked !== status && !isMissed) {
      throw new Error(`${id} is ${status}, somebody was told so, and the books say ${booked}`);
    }
  }
}

/** No charge stays as it is for ever without a cause that a person must judge. */
export function assertSettled(facts: Facts): void {
  for (const charge of facts.charges) {
    const { idempotencyKey, state, escalated } = charge;
    const isSettled = state === "approved" || state === "declined" || state === "not_charged";
    const own = facts.payments.find(({ id }) => id === charge.payment?.id);
    // One that a refusal has left behind and that is never begun stays as it is, and so does one that
    // Harmony has forgotten: a person is asked where it is.
    const isStuck =
      own !== undefined &&
      (own.goneAt !== undefined || (own.status === "NOT_INITIALIZED" && isLeftBehind(facts, own)));
    if (isSettled || (state === "pending" && isStuck)) {
      continue;
    }
    if (state !== "in_doubt" || !escalated) {
      throw new Error(`${idempotencyKey} is still ${state}`);
    }
    if (!hasCause(facts, charge)) {
      throw new Error(`${idempotencyKey} was left to a person without cause`);
    }
  }
}

function hasCause(facts: Facts, charge: Charge): boolean {
  const { life, card, payments, charges } = facts;
  const { idempotencyKey, request } = charge;
  const { amountMinor } = request;
  const { plan } = life;
  const { fields, description } = card.history;
  const echoes = plan.tag && fields === "full" && (description ?? "echo") === "echo";
  const clock = ["clock_forward", "clock_back", "clock_leaps"] as const;
  const priced = payments.filter((payment) => payment.amountMinor === amountMinor);
  return (
    wasShownAnotherMerchants(facts) ||
    card.history.createdAt === "skewed" ||
    plan.rules.horizonMs === null ||
    // A payment that was given back before it was found is for a person.
    priced.some(({ status }) => status === "REFUNDED") ||
    // So is one of another's, and one that somebody was told of, and that no look of the horizon lists.
    priced.some(
      (one) => keyOf(one) !== idempotencyKey || isUnlisted(facts, one) || one.goneAt !== undefined,
    ) ||
    // And one that Harmony has taken back, or has taken back to have taken it back.
    priced.some(({ statusHistory }) => statusHistory.some((one) => one.status === "CANCELLED")) ||
    isNamed(facts, charge) ||
    priced.some((one) => isPaidAfterANo(facts, one)) ||
    lastAttempt(charge).outcome === "contradictory" ||
    plan.copied ||
    (plan.rules.foreignWriters === true && !echoes) ||
    isUnreadable(card) ||
    isAttributedUnlisted(facts) ||
    priced.length > 1 ||
    charges.filter((one) => one.request.amountMinor === amountMinor).length > 1 ||
    clock.some((trouble) => plan.troubles.has(trouble))
  );
}

/**
 * A name in an error is none where no such payment exists; before, each of them counted. That of its
 * own payment, which the history lists, ends the doubt.
 */
function isNamed({ payments, card }: Facts, charge: Charge): boolean {
  const named = payments.find(({ id }) => id === lastAttempt(charge).namedPaymentId);
  const isOwn =
    named !== undefined &&
    keyOf(named) === charge.idempotencyKey &&
    named.amountMinor === charge.request.amountMinor &&
    named.status === "CONFIRMED" &&
    listedFrom(named, card.history) < Infinity;
  return named !== undefined && !isOwn;
}

/**
 * Whether a charge has a payment by its name, which Harmony reads and no history ever lists: each look
 * lacks it, none is complete, and absence proves nothing of any charge.
 */
function isAttributedUnlisted({ journal, payments, card, world }: Facts): boolean {
  const owners = attributed(journal);
  return payments.some(
    (payment) =>
      owners.has(payment.id) &&
      payment.goneAt === undefined &&
      listedFrom(payment, card.history) > world.time.nowMs,
  );
}

function isPaidAfterANo(facts: Facts, payment: Payment): boolean {
  const submission = submissionFor(facts, payment);
  return submission !== undefined && tellsNo(submission);
}

function isUnlisted(facts: Facts, payment: Payment): boolean {
  const fromMs = askedAt(payment);
  const shownMs = listedFrom(payment, facts.card.history);
  const wasLate = isBeyondHorizon(facts, fromMs, shownMs);
  return wasLate && wasTold(facts, payment.id, fromMs, facts.world.time.nowMs);
}

/**
 * Another merchant's list, shown before any payment of this card was known, cannot be told from a
 * true one; what it showed is then missed in every later look.
 */
function wasShownAnotherMerchants({ journal, payments }: Facts): boolean {
  return journal.some(
    ({ type, outcome, detail }) =>
      type === "looked" &&
      outcome === "complete" &&
      ((detail?.["new"] ?? []) as string[]).some((id) => !payments.some((one) => one.id === id)),
  );
}

/** What callers were told is of their own wish, and what is final stays the same to the byte. */
export function assertAnswersStay({ told }: Facts): void {
  const final = new Map<string, string>();
  for (const { order, reply } of told) {
    const isSame = new RegExp(`"amount":${order.amountMinor / 100}[,}]`);
    if ((reply.status === 201 || reply.status === 202) && !isSame.test(reply.body)) {
      throw new Error(`${order.key} wished ${order.amountMinor} and got ${reply.body}`);
    }
    if (reply.status === 422 && order.key.startsWith("refund-")) {
      // It speaks of the refund that has the key.
      continue;
    }
    if (/"status":"(CONFIRMED|CANCELLED)"|"code":"charge_refused"/.test(reply.body)) {
      const wish = `${order.key} ${order.amountMinor}`;
      const bytes = `${reply.status} ${reply.body}`;
      if ((final.get(wish) ?? bytes) !== bytes) {
        throw new Error(`${order.key} got ${bytes} after ${final.get(wish)}`);
      }
      final.set(wish, bytes);
    }
  }
}

export function assertAnswered({ door }: Life): void {
  if (door.open > 0) {
    throw new Error(`${door.open} callers were never answered`);
  }
  const [error] = door.errors.filter((one) => !/disk I\/O error/.test(String(one)));
  if (error !== undefined) {
    throw new Error("an error of our own", { cause: error });
  }
}
