/**
 * Owns the checks of what became of each charge: every payment on somebody's books, every charge
 * settled or with a person for a cause, every caller told what is true. Must not change anything.
 */
import type { Payment } from "../../../sandbox/book.ts";
import { type Charge, lastAttempt } from "../../../src/domain/charge.ts";
import { attributed } from "../../payment-method/promises.ts";
import type { Life } from "../life.ts";
import { keyOf } from "../shop.ts";
import { type Facts, isLiedTo, isUnreadable, mayBeMistaken } from "./facts.ts";

/** Each payment of ours is attributed to its charge, or in a person's hands by name. */
export function assertEveryPaymentIsKnown(facts: Facts): void {
  const { journal, payments, charges } = facts;
  const owners = attributed(journal);
  const named = new Set(
    journal.flatMap((entry) =>
      entry.type === "charge_escalated"
        ? ((entry.detail?.["candidates"] ?? []) as string[])
        : entry.type === "payment_unattributed" && entry.paymentId !== null
          ? [entry.paymentId]
          : [],
    ),
  );
  for (const payment of payments) {
    const key = keyOf(payment);
    const owner = owners.get(payment.id);
    const charge = charges.find(({ idempotencyKey }) => idempotencyKey === key);
    if (owner !== undefined && owner !== key && !mayBeMistaken(facts)) {
      throw new Error(`${payment.id} of ${key} is said to be ${owner}'s`);
    }
    const isHeld =
      named.has(payment.id) ||
      (charge?.state === "in_doubt" && charge.escalated) ||
      // Another's payment was taken for it; its own is found when the books are compared.
      (mayBeMistaken(facts) && charge?.payment != null) ||
      // No look is complete where pages lie, and so none finds a late truth.
      isUnreadable(facts.card);
    if (key !== null && owner === undefined && !isHeld) {
      throw new Error(`${payment.id} of ${key} is on no one's books`);
    }
    const isFree = charge?.state === "not_charged" && owner === undefined;
    if (isFree && !named.has(payment.id) && !isUnreadable(facts.card)) {
      throw new Error(`${key} is said to be not charged, though ${payment.id} exists`);
    }
  }
}

/** No charge stays as it is for ever without a cause that a person must judge. */
export function assertSettled(facts: Facts): void {
  for (const charge of facts.charges) {
    const { idempotencyKey, state, escalated } = charge;
    const isSettled = state === "approved" || state === "declined" || state === "not_charged";
    if (isSettled) {
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
  const { amountMinor } = charge.request;
  const { plan } = life;
  const { fields, description } = card.history;
  const echoes = plan.tag && fields === "full" && (description ?? "echo") === "echo";
  const clock = ["clock_forward", "clock_back"] as const;
  return (
    wasShownAnotherMerchants(facts) ||
    card.history.createdAt === "skewed" ||
    plan.rules.horizonMs === null ||
    // A payment that was given back before it was found is for a person.
    payments.some((one) => one.amountMinor === amountMinor && one.status === "REFUNDED") ||
    lastAttempt(charge).namedPaymentId !== null ||
    lastAttempt(charge).outcome === "contradictory" ||
    (plan.rules.foreignWriters === true && !echoes) ||
    isUnreadable(card) ||
    payments.filter((payment) => payment.amountMinor === amountMinor).length > 1 ||
    charges.filter(({ request }) => request.amountMinor === amountMinor).length > 1 ||
    clock.some((trouble) => plan.troubles.has(trouble))
  );
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

/** What callers were told is true by the book, or a reported late truth contradicts it. */
export function assertAnswersTrue(facts: Facts): void {
  const { told, payments, journal } = facts;
  const late = new Set(
    journal.flatMap(({ type, paymentId }) =>
      (type === "late_truth_found" || type === "payment_unattributed") && paymentId !== null
        ? [paymentId]
        : [],
    ),
  );
  const final = new Map<string, string>();
  for (const { order, toldAtMs, reply } of told) {
    const own = payments.filter((payment) => keyOf(payment) === order.key);
    const isSame = new RegExp(`"amount":${order.amountMinor / 100}[,}]`);
    if ((reply.status === 201 || reply.status === 202) && !isSame.test(reply.body)) {
      throw new Error(`${order.key} wished ${order.amountMinor} and got ${reply.body}`);
    }
    if (reply.status === 422 && order.key.startsWith("refund-")) {
      // It speaks of the refund that has the key.
      continue;
    }
    const isConfirmed = ({ statusHistory }: Payment) =>
      statusHistory.some(({ status, at }) => status === "CONFIRMED" && at <= toldAtMs);
    if (reply.money === "charged" && !own.some(isConfirmed) && !mayBeMistaken(facts)) {
      throw new Error(`${order.key} was told it is charged, and no payment is confirmed`);
    }
    if (reply.money === "not_charged" && reply.status !== 422) {
      const taken = own.find((payment) => isConfirmed(payment) && !late.has(payment.id));
      if (taken !== undefined && !isUnreadable(facts.card) && !isLiedTo(facts)) {
        throw new Error(`${order.key} was told it is not charged, and ${taken.id} was`);
      }
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
