/**
 * Owns what a no of Harmony's is, to the charge that a payment was made by: when it was told, how long
 * it is fresh, and whether a look has shown since that it was none. It rests on the book, on what was
 * heard of each submission and on when looks were complete. Must not judge.
 */
import type { Payment } from "../../../sandbox/book.ts";
import type { Submission } from "../../support/fake-host.ts";
import { holdsMoney, listedFrom, statusAt } from "../book-times.ts";
import { keyOf } from "../shop.ts";
import { type Facts, HORIZON_MS, isUnreadable, LOOK_MS } from "./facts.ts";

/** With which Harmony says that nothing was charged. */
const NOES: readonly (number | null)[] = [400, 401, 402, 403, 404, 422, 429];
/** From when a request leaves until it arrives, and its answer until it is read, at the most. */
const WAY_MS = 1000;

/** Whether what was heard of a submission says, in one voice, that nothing was charged. */
export function tellsNo({ httpStatus, body }: Submission): boolean {
  if (httpStatus === 201) {
    const statuses = [...(body ?? "").matchAll(/"status":"(\w+)"/g)].map(([, status]) => status);
    const ids = [...(body ?? "").matchAll(/"id":/g)];
    return ids.length === 1 && statuses.length === 1 && statuses[0] === "CANCELLED";
  }
  return NOES.includes(httpStatus) && (body ?? "").startsWith("{");
}

/** Whether it is Harmony's word about the card, which nobody may ask for again under the same key. */
export function isRefusal({ httpStatus }: Submission): boolean {
  return httpStatus === 402 || httpStatus === 422 || httpStatus === 400;
}

/** Whether a no was told of its price: what holds no money may be what that has left. */
export function isBesideANo({ world, payments }: Facts, { id, amountMinor }: Payment): boolean {
  const isTold = world.submissions.some(
    (one) => Math.round(one.amount * 100) === amountMinor && tellsNo(one),
  );
  return (
    isTold ||
    payments.some(
      (one) =>
        one.id !== id &&
        one.amountMinor === amountMinor &&
        one.statusHistory.some(({ status }) => status === "CANCELLED"),
    )
  );
}

/** The submission that made a payment of ours. */
export function submissionFor({ world }: Facts, payment: Payment): Submission | undefined {
  const askedAtMs = payment.askedAt ?? payment.createdAt;
  return world.submissions.findLast(
    ({ description, atMs }) => description === payment.description && atMs <= askedAtMs,
  );
}

/** The ids that a body names, wherever one would stand. */
export function namedIn({ body }: Submission): string[] {
  return [...(body ?? "").matchAll(/"(?:id|paymentId)":"([^"]+)"/g)].flatMap(([, id]) => id ?? []);
}

/**
 * Whether an error has named this payment to a charge that did not make it, before any look had listed
 * it: to the gateway it is as one of that charge's own.
 */
export function isMisnamedTo(facts: Facts, payment: Payment, key: string): boolean {
  return (
    keyOf(payment) !== key &&
    facts.world.submissions.some(
      (submission) =>
        keyOf(submission) === key &&
        namedIn(submission).includes(payment.id) &&
        !facts.looks.some(
          ({ atMs, newIds }) => atMs < submission.atMs && newIds.includes(payment.id),
        ),
    )
  );
}

/** Whether a charge that was refused has left it behind. */
export function isLeftBehind({ world }: Facts, { createdAt }: Payment): boolean {
  return world.sandbox.exchanges
    .list(world.paymentMethodId)
    .some(({ step, beganAt }) => step === "refuse_leaving_payments" && beganAt === createdAt);
}

/** Whether the horizon of a no is over by the machine's clock, which may have leapt. */
export function isStale({ world }: Facts, noMs: number, atMs: number): boolean {
  const leaptMs = world.jumps
    .filter((jump) => jump.byMs > 0 && noMs < jump.atMs && jump.atMs <= atMs)
    .reduce((sum, { byMs }) => sum + byMs, 0);
  return atMs - noMs + leaptMs >= HORIZON_MS - WAY_MS;
}

/**
 * When it was told, at the earliest, that the charge of a payment took nothing, though it did: by
 * Harmony's answer, or since another payment of its price that is cancelled was listed in its place.
 */
export function deniedAt(facts: Facts, payment: Payment, byMs: number): number | null {
  const { card, payments } = facts;
  const submission = submissionFor(facts, payment);
  const answeredAtMs = submission?.answeredAtMs ?? Infinity;
  if (submission !== undefined && tellsNo(submission) && answeredAtMs <= byMs) {
    return answeredAtMs;
  }
  const askedAtMs = payment.askedAt ?? payment.createdAt;
  const mistaken = payments.filter(
    (other) =>
      other.id !== payment.id &&
      other.amountMinor === payment.amountMinor &&
      other.statusHistory.some(({ status, at }) => status === "CANCELLED" && at <= byMs) &&
      listedFrom(other, card.history) > askedAtMs - LOOK_MS &&
      listedFrom(other, card.history) <= byMs,
  );
  return mistaken.length > 0
    ? Math.max(askedAtMs, Math.min(...mistaken.map((one) => listedFrom(one, card.history))))
    : null;
}

/** When a complete look has first shown it, holding money, since then; infinite where none has. */
export function shownSince(facts: Facts, payment: Payment, sinceMs = 0): number {
  // What has not begun speaks against no no.
  const isAlive = (status: string) => holdsMoney(status) && status !== "NOT_INITIALIZED";
  const fromMs = Math.max(sinceMs, listedFrom(payment, facts.card.history));
  const atMs = facts.looks.find(
    ({ atMs: lookedAtMs, newIds }) =>
      isAlive(statusAt(payment, lookedAtMs - LOOK_MS)) &&
      // Where pages lie throughout, a look shows what it has listed, and nothing else.
      ((!isUnreadable(facts.card) && lookedAtMs >= fromMs + LOOK_MS) ||
        (lookedAtMs >= sinceMs && newIds.includes(payment.id))),
  )?.atMs;
  // Where a clock has leapt, an entry's time is not always told: no look shows what is not there yet.
  return atMs === undefined || atMs > (payment.goneAt ?? Infinity)
    ? Infinity
    : Math.max(atMs, fromMs);
}

/** A payment that Harmony forgot before anybody had seen it: nobody can know. */
export function isForgottenUnseen(facts: Facts, payment: Payment): boolean {
  const { goneAt } = payment;
  const wasRead = facts.seen.some(
    ({ paymentId, status, toldAtMs }) =>
      paymentId === payment.id && holdsMoney(status) && toldAtMs <= (goneAt ?? Infinity),
  );
  return goneAt !== undefined && shownSince(facts, payment) === Infinity && !wasRead;
}
