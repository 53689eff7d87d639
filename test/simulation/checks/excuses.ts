/**
 * Owns the exceptions to what is promised of money, each tied to the payment that it excuses and to
 * the time in which it does: what no gateway in front of Harmony could know. They rest on the book,
 * on what left for Harmony and on what people and programs were told. Must not judge, nor read whose
 * payment the gateway says it is.
 */
import type { Payment } from "../../../sandbox/book.ts";
import { attributed } from "../../payment-method/promises.ts";
import { holdsMoney, listedFrom, statusAt, wasCancelled } from "../book-times.ts";
import { keyOf } from "../shop.ts";
import { type Facts, HORIZON_MS, isUnreadable, LOOK_MS, namedForeign } from "./facts.ts";
import {
  deniedAt,
  isForgottenUnseen,
  isMisnamedTo,
  isStale,
  shownSince,
  submissionFor,
  tellsNo,
} from "./noes.ts";

/** What one jump of a clock may credit beyond the time that passed: the longest planned delay. */
const JUMP_COST_MS = 120_000;
/** From when a request leaves until Harmony has it, at the most. */
const WAY_MS = 1000;

/** When the request came in that made a payment. */
export function askedAt({ askedAt: atMs, createdAt }: Payment): number {
  return atMs ?? createdAt;
}

/**
 * Whether absence over that span proves anything: the horizon is over, by real time and by what the
 * clock's jumps forward may have credited to it.
 */
export function isBeyondHorizon({ life, world }: Facts, fromMs: number, toMs: number): boolean {
  if (life.plan.rules.horizonMs === null) {
    return false;
  }
  let creditedMs = toMs - fromMs;
  for (const { atMs, byMs } of world.jumps) {
    if (byMs > 0 && fromMs < atMs && atMs <= toMs) {
      creditedMs += Math.min(byMs, JUMP_COST_MS);
    }
  }
  return creditedMs >= HORIZON_MS - WAY_MS;
}

/** Whether somebody was told of a payment that holds money, by a read or a page, in that span. */
export function wasTold({ seen }: Facts, id: string, fromMs: number, toMs: number): boolean {
  return seen.some(
    (one) =>
      one.paymentId === id &&
      holdsMoney(one.status) &&
      fromMs <= one.askedAtMs &&
      one.toldAtMs <= toMs,
  );
}

/**
 * A payment that no look of its horizon could show, nor any read had told of in it: after it, a read
 * alone does not take back what was said, but the next look does.
 */
export function isLate(facts: Facts, payment: Payment, byMs: number): boolean {
  const fromMs = askedAt(payment);
  const shownMs = listedFrom(payment, facts.card.history);
  const isTold = facts.seen.some(
    ({ paymentId, status, toldAtMs }) =>
      paymentId === payment.id &&
      holdsMoney(status) &&
      toldAtMs <= byMs &&
      !isBeyondHorizon(facts, fromMs, toldAtMs),
  );
  return isBeyondHorizon(facts, fromMs, Math.min(shownMs, byMs)) && !isTold;
}

/**
 * A person insisted that it is not this key's, after it was made; or named it foreign for the sake of
 * another key, which no rule may take back. An answer that was lost may have been a yes.
 */
export function isOverridden(facts: Facts, payment: Payment, byMs: number): boolean {
  const isForeign = namedForeign(facts.journal).has(payment.id);
  return facts.resolves.some(({ command, call }) => {
    const { decision, chargeId } = command;
    const charge = facts.charges.find((one) => one.chargeId === chargeId);
    const endedAtMs = call.endedAtMs ?? Infinity;
    // A 504 says that it is still being decided.
    const mayHave = call.answer === null || [200, 504].includes(call.answer.reply.status);
    return (
      decision.decision === "not_charged" &&
      decision.override &&
      mayHave &&
      (isForeign || charge?.idempotencyKey === keyOf(payment)) &&
      payment.createdAt <= endedAtMs &&
      endedAtMs <= byMs
    );
  });
}

/**
 * Harmony has said of this payment that it is cancelled, and took it back: nobody can know before it
 * does. What it took back by then shows to one who looks first.
 */
export function hasComeBack(
  facts: Facts,
  payment: Payment,
  byMs: number,
  knownMs = byMs - LOOK_MS,
): boolean {
  const cancelledMs = payment.statusHistory.findLast(
    ({ status, at }) => status === "CANCELLED" && at <= byMs,
  )?.at;
  return (
    cancelledMs !== undefined &&
    (!holdsMoney(statusAt(payment, knownMs)) ||
      // Beyond the horizon of that no, nobody has to look any more.
      isStale(facts, cancelledMs, byMs))
  );
}

/**
 * What a look before a further charge must have shown: a charge that was first asked for after the no
 * has a look of its own, which began later still.
 */
function knownBefore(facts: Facts, further: Payment, noMs: number | null): number {
  const byMs = askedAt(further);
  const key = keyOf(further);
  const firstMs = facts.life.shop.asks.find((ask) => ask.key === key)?.atMs ?? 0;
  const isAfter = noMs !== null && firstMs > noMs && firstMs < byMs;
  return isAfter ? Math.max(firstMs, byMs - LOOK_MS) : byMs - LOOK_MS;
}

/**
 * Harmony has said no to the charge that made it, or showed another's cancelled payment in its place.
 * That excuses a further charge until a look can list it: within the horizon of the no, and under the
 * same key at any time, one is owed. After a look has shown it, and a person has to judge it or its
 * charge is called paid, the clock alone lets another charge of that amount pass.
 */
export function isDenied(facts: Facts, payment: Payment, further: Payment): boolean {
  const byMs = askedAt(further);
  const noMs = deniedAt(facts, payment, byMs);
  if (noMs === null) {
    return false;
  }
  const knownMs = knownBefore(facts, further, noMs);
  const isAlive = ["CONFIRMED", "PENDING"].includes(statusAt(payment, knownMs));
  const isListed = listedFrom(payment, facts.card.history) <= knownMs;
  const isShown = isAlive && isListed && !isUnreadable(facts.card);
  // A caller that changed its mind asks for another amount: to that, the no says nothing.
  const isOther = further.amountMinor !== payment.amountMinor;
  const isOver = isStale(facts, noMs, byMs) && keyOf(further) !== keyOf(payment);
  return isOther || !isShown || isOver;
}

/** Whether what callers are told of a payment's charge is still what Harmony's no has said. */
function isStillDenied(facts: Facts, payment: Payment, byMs: number): boolean {
  const noMs = deniedAt(facts, payment, byMs);
  if (noMs === null) {
    return false;
  }
  const shownMs = shownSince(facts, payment);
  // It was taken for that of another charge in doubt, which fits as well.
  const owner = attributed(facts.journal).get(payment.id) ?? keyOf(payment);
  return (
    owner !== keyOf(payment) || shownMs > byMs - LOOK_MS || isBeyondItsNo(facts, noMs, shownMs)
  );
}

/**
 * First listed after the horizon of the no, which is not over before one complete look: without a tag
 * it is nobody's, and is reported.
 */
function isBeyondItsNo(facts: Facts, noMs: number, shownMs: number): boolean {
  const { fields, description } = facts.card.history;
  const echoes = facts.life.plan.tag && fields === "full" && (description ?? "echo") === "echo";
  const isLookedAt = facts.looks.some(({ atMs }) => noMs < atMs && atMs < shownMs);
  return !echoes && isLookedAt && isStale(facts, noMs, shownMs);
}

/** Whether no look has shown since, nor a read, that what was cancelled holds money after all. */
function isStillCancelled(facts: Facts, payment: Payment, byMs: number): boolean {
  const { statusHistory } = payment;
  const backMs = statusHistory.findLast(({ status, at }) => holdsMoney(status) && at <= byMs)?.at;
  return (
    backMs !== undefined &&
    wasCancelled(payment, byMs) &&
    shownSince(facts, payment, backMs) > byMs - LOOK_MS &&
    !wasTold(facts, payment.id, backMs, byMs - LOOK_MS)
  );
}

/** Each payment that a person was alerted to by name, with the time of it. */
export function alertedAt({ world, journal }: Facts): ReadonlyMap<string, number> {
  const alerted = new Map<string, number>();
  for (const { seq, type, paymentId } of journal) {
    // A step that was rolled back may have logged under the same number before.
    const alert = world.logged.findLast(
      ({ level, event, fields }) => level === "alert" && event === type && fields["seq"] === seq,
    );
    if (alert !== undefined && paymentId !== null && !alerted.has(paymentId)) {
      alerted.set(paymentId, alert.atMs);
    }
  }
  return alerted;
}

/**
 * Why nobody could know by then that this payment holds money; null where it was to be known.
 * `further` is the payment that was asked for then, where it is one.
 */
export function excuseOf(
  facts: Facts,
  payment: Payment,
  byMs: number,
  further: Payment | null = null,
): string | null {
  if (isOverridden(facts, payment, byMs)) {
    return "overridden";
  }
  const cancelledMs =
    payment.statusHistory.find(({ status }) => status === "CANCELLED")?.at ?? null;
  const knownMs = further === null ? byMs - LOOK_MS : knownBefore(facts, further, cancelledMs);
  if (hasComeBack(facts, payment, byMs, knownMs)) {
    return "come_back";
  }
  if (isForgottenUnseen(facts, payment)) {
    return "forgotten";
  }
  // A charge of another amount has no look of its own: it goes by what is known.
  const isOther = further !== null && further.amountMinor !== payment.amountMinor;
  const isExcused =
    further === null
      ? isStillDenied(facts, payment, byMs) || isStillCancelled(facts, payment, byMs)
      : isDenied(facts, payment, further) || (isOther && isStillCancelled(facts, payment, byMs));
  if (isExcused) {
    return "denied";
  }
  const isLied = facts.lies.some(
    ({ made, named }) => (made.id === payment.id || named === payment.id) && made.createdAt <= byMs,
  );
  if (isLied) {
    return "lied_about";
  }
  return isLate(facts, payment, byMs) ? "late" : null;
}

/**
 * The exception that the design names: somebody else's payment of exactly that amount, first listed
 * by then, which neither tag nor time tells apart; or one that Harmony's own answer named. What was
 * known before the attempt is never excused: `assertNothingKnownIsTaken` sees to that.
 */
export function mayBeTaken(facts: Facts, id: string | null, key: string, byMs: number): boolean {
  const payment = facts.payments.find((one) => one.id === id);
  const isLied = facts.lies.some(({ made, named }) => keyOf(made) === key && named === id);
  return (
    isLied ||
    (payment !== undefined && isMisnamedTo(facts, payment, key)) ||
    (payment !== undefined &&
      isPriced(facts, payment, key) &&
      listedFrom(payment, facts.card.history) <= byMs &&
      (payment.origin === "foreign" || isDisowned(facts, payment)))
  );
}

function isPriced({ life, charges }: Facts, { amountMinor }: Payment, key: string): boolean {
  const asked = charges.find((charge) => charge.idempotencyKey === key)?.request.amountMinor;
  return (
    asked === amountMinor ||
    life.shop.orders.some(
      (order) =>
        order.key === key &&
        // A caller that changed its mind asks for a peso more.
        (order.amountMinor === amountMinor || order.amountMinor + 100 === amountMinor),
    )
  );
}

/**
 * One of ours that nobody waits for any more: Harmony's own answer has disowned it, or its key was
 * told of somebody else's payment in its place. To the next of its amount it is as a foreign one is.
 */
function isDisowned(facts: Facts, payment: Payment, trail: readonly Payment[] = []): boolean {
  const key = keyOf(payment);
  const submission = submissionFor(facts, payment);
  const isRefused = submission !== undefined && tellsNo(submission);
  if (isRefused || facts.lies.some(({ made }) => made.id === payment.id)) {
    return true;
  }
  const owners = attributed(facts.journal);
  // One request made several, and its charge has another of them.
  const isFurther = facts.payments.some(
    (other) =>
      other.id !== payment.id &&
      other.createdAt === payment.createdAt &&
      keyOf(other) === key &&
      owners.get(other.id) === key,
  );
  const { history } = facts.card;
  const isBelated = facts.payments.some(
    (other) =>
      other.origin === "foreign" &&
      key !== null &&
      isPriced(facts, other, key) &&
      askedAt(payment) <= listedFrom(other, history) &&
      listedFrom(other, history) <= listedFrom(payment, history),
  );
  return (
    // Somebody else's of its amount was listed before it, and is taken for it.
    isBelated ||
    isFurther ||
    (key !== null &&
      facts.told.some(({ order, toldAtMs, reply }) => {
        const told =
          reply.status === 201 ? (JSON.parse(reply.body) as { id: string }).id.toLowerCase() : null;
        const other = facts.payments.find(({ id }) => id === told);
        if (order.key !== key || other === undefined || keyOf(other) === key) {
          return false;
        }
        // One that was disowned in its turn: a chain of them begins with somebody else's.
        const path = [...trail, payment];
        const isOthers =
          other.origin === "foreign" || (!path.includes(other) && isDisowned(facts, other, path));
        return (
          isOthers &&
          isPriced(facts, other, key) &&
          listedFrom(other, facts.card.history) <= toldAtMs
        );
      }))
  );
}
