/**
 * Owns the checks of the customer's money: by what the simulated Harmony's book knows of who asked,
 * and by what callers were told, never by what the gateway says whose payment is. Each exception is
 * tied to the payment that it excuses (excuses.ts). Must not change anything.
 */
import type { Payment } from "../../../sandbox/book.ts";
import { holdsMoney, listedFrom, statusAt } from "../book-times.ts";
import { keyOf, type Told } from "../shop.ts";
import {
  alertedAt,
  askedAt,
  excuseOf,
  hasComeBack,
  isOverridden,
  mayBeTaken,
  wasTold,
} from "./excuses.ts";
import { type Facts, isUnreadable, LOOK_MS } from "./facts.ts";
import { deniedAt, isBesideANo, isForgottenUnseen, isLeftBehind, shownSince } from "./noes.ts";
import { TAKING } from "./questions.ts";

/** Entries that name a payment to whoever reads the books. */
const NAMING: readonly string[] = [
  "late_truth_found",
  "operator_resolved",
  "payment_adopted",
  "payment_contested",
  "payment_unattributed",
];

/** Each wish of a customer holds one payment at the most, under however many keys it was asked. */
export function assertOnePaymentPerWish(facts: Facts): void {
  const wishOf = new Map(facts.life.shop.orders.map(({ key, wish }) => [key, wish]));
  const byWish = Map.groupBy(
    facts.payments.filter((payment) => holdsMoney(payment.status) && !isUnbegun(facts, payment)),
    (payment) => wishOf.get(keyOf(payment) ?? "") ?? keyOf(payment),
  );
  for (const [wish, payments] of byWish) {
    if (wish === null) {
      continue;
    }
    const inOrder = payments.toSorted((a, b) => askedAt(a) - askedAt(b));
    for (const [index, further] of inOrder.entries()) {
      // What one request made twice, no gateway could have held back.
      const before = inOrder.slice(0, index).filter((one) => askedAt(one) < askedAt(further));
      for (const earlier of before) {
        assertExcused(facts, wish, earlier, further);
      }
    }
  }
}

/** Another payment of its price was taken for it: nothing told them apart, and nobody has looked on. */
function isMistaken({ journal, payments }: Facts, payment: Payment): boolean {
  const key = keyOf(payment);
  return journal.some(({ type, idempotencyKey, paymentId }) => {
    const taken = payments.find(({ id }) => id === paymentId);
    return (
      TAKING.includes(type) &&
      idempotencyKey === key &&
      taken !== undefined &&
      taken.amountMinor === payment.amountMinor &&
      keyOf(taken) !== key
    );
  });
}

/** What a refusal has left behind without ever asking for the money. */
function isUnbegun(facts: Facts, payment: Payment): boolean {
  return payment.status === "NOT_INITIALIZED" && isLeftBehind(facts, payment);
}

/** A further payment is excused only where the earlier one could not be known when it was asked for. */
function assertExcused(facts: Facts, wish: string, earlier: Payment, further: Payment): void {
  const byMs = askedAt(further);
  const excuse = excuseOf(facts, earlier, byMs, further);
  const isShown =
    listedFrom(earlier, facts.card.history) <= byMs - LOOK_MS ||
    wasTold(facts, earlier.id, askedAt(earlier), byMs - LOOK_MS);
  if (excuse === null || (excuse === "late" && isShown)) {
    throw new Error(`${wish} holds ${earlier.id} and ${further.id}`);
  }
  const isListable = listedFrom(earlier, facts.card.history) < Infinity;
  const isReadable = isListable && !isUnreadable(facts.card);
  const isUnseen =
    ["denied", "come_back", "overridden"].includes(excuse ?? "") &&
    shownSince(facts, earlier) === Infinity;
  const isKnown =
    isUnseen ||
    isReported(facts, earlier) ||
    // The earlier one is a charge's own, and it is the further one that came too late.
    (isReported(facts, further) && isOwn(facts, earlier)) ||
    isForgottenUnseen(facts, earlier) ||
    isMistaken(facts, earlier);
  if (excuse !== "lied_about" && isReadable && !isKnown) {
    throw new Error(`${wish} holds ${further.id} beside ${earlier.id}, which nobody was told of`);
  }
}

/** What a person or the books were told of a payment that came too late, or that fits too much. */
export function reportedIds({ journal }: Pick<Facts, "journal">): ReadonlySet<string> {
  const ids = journal.flatMap(({ type, paymentId, detail }) => {
    const candidates = (detail?.["candidates"] ?? []) as string[];
    return [
      ...(NAMING.includes(type) && paymentId !== null ? [paymentId] : []),
      ...(type === "charge_escalated" ? candidates : []),
    ];
  });
  return new Set(ids);
}

function isOwn({ charges }: Facts, { id }: Payment): boolean {
  return charges.some(({ payment }) => payment?.id === id);
}

function isReported(facts: Facts, payment: Payment): boolean {
  return reportedIds(facts).has(payment.id);
}

/** What callers were told of the money was true by the book, or could not be known. */
export function assertToldTrue(facts: Facts): void {
  const known = { reported: reportedIds(facts), alerted: alertedAt(facts) };
  for (const told of [...facts.told, ...facts.read]) {
    const { order, reply } = told;
    // A mismatch speaks of the request that first had the key, a refund's key of the refund.
    if (reply.status === 422) {
      continue;
    }
    const said = JSON.parse(reply.body) as { money?: string };
    // A charge that is read says it in its body alone.
    const money = reply.money ?? said.money;
    if (money === "charged") {
      assertCharged(facts, told);
    }
    if (money === "not_charged") {
      assertNotCharged(facts, known, order.key, told.toldAtMs);
    }
  }
}

/** Where an answer names a payment: Harmony's four fields, or a charge with its payment. */
interface Named {
  readonly id?: string;
  readonly payment?: { readonly id?: string } | null;
}

function assertCharged(facts: Facts, { order, toldAtMs, reply }: Told): void {
  const isConfirmed = ({ statusHistory }: Payment) =>
    statusHistory.some(({ status, at }) => status === "CONFIRMED" && at <= toldAtMs);
  const own = facts.payments.filter((payment) => keyOf(payment) === order.key);
  const { id, payment } = JSON.parse(reply.body) as Named;
  // A bound refusal names none: then it is the one that the charge has.
  const charge = facts.charges.find(({ idempotencyKey }) => idempotencyKey === order.key);
  const named = (payment?.id ?? id)?.toLowerCase() ?? charge?.payment?.id ?? null;
  if (!own.some(isConfirmed) && !mayBeTaken(facts, named, order.key, toldAtMs)) {
    throw new Error(`${order.key} was told it is charged, and no payment is confirmed`);
  }
}

/** Payments that people were told of by name, at all and since when. */
interface Known {
  readonly reported: ReadonlySet<string>;
  readonly alerted: ReadonlyMap<string, number>;
}

function assertNotCharged(
  facts: Facts,
  { reported, alerted }: Known,
  key: string,
  toldAtMs: number,
): void {
  for (const payment of facts.payments.filter((one) => keyOf(one) === key)) {
    if (statusAt(payment, toldAtMs) !== "CONFIRMED" || payment.createdAt > toldAtMs) {
      continue;
    }
    const excuse = excuseOf(facts, payment, toldAtMs);
    const isReadable =
      listedFrom(payment, facts.card.history) < Infinity && !isUnreadable(facts.card);
    // It is late only until a person has heard of it: then it is known.
    const isHeard = (alerted.get(payment.id) ?? Infinity) <= toldAtMs - LOOK_MS;
    // Row 4: what was given back before a look has listed it, beside a no, is left alone.
    const shownMs = facts.looks.find(({ newIds }) => newIds.includes(payment.id))?.atMs ?? 0;
    const isGivenBack =
      statusAt(payment, shownMs - LOOK_MS) === "REFUNDED" && isBesideANo(facts, payment);
    const isLeftSo = (reported.has(payment.id) && !isHeard) || isGivenBack;
    const isTold = excuse !== "late" || !isReadable || isLeftSo;
    if (excuse === null || !isTold) {
      throw new Error(`${key} was told it is not charged, and ${payment.id} was`);
    }
  }
}

/** Harmony has said no to its charge, and no look has shown since that it holds money. */
export function isUnseenNo(facts: Facts, payment: Payment): boolean {
  const isDenied = deniedAt(facts, payment, facts.world.time.nowMs) !== null;
  return isDenied && (isUnbegun(facts, payment) || shownSince(facts, payment) === Infinity);
}

/** No charge ends as one that moved no money while a payment of its key holds it, and nobody knows. */
export function assertNothingIsForgotten(facts: Facts): void {
  const reported = reportedIds(facts);
  for (const { idempotencyKey, state, duplicates, payment: taken } of facts.charges) {
    if (state !== "declined" && state !== "not_charged") {
      continue;
    }
    for (const payment of facts.payments.filter((one) => keyOf(one) === idempotencyKey)) {
      const isKnown =
        reported.has(payment.id) || duplicates.includes(payment.id) || taken?.id === payment.id;
      const nowMs = facts.world.time.nowMs;
      const isExcused =
        isUnreadable(facts.card) ||
        // What no history ever lists, and nobody reads, is known to Harmony alone.
        listedFrom(payment, facts.card.history) > nowMs ||
        hasComeBack(facts, payment, nowMs) ||
        isForgottenUnseen(facts, payment) ||
        isUnseenNo(facts, payment) ||
        isOverridden(facts, payment, nowMs) ||
        facts.lies.some(({ made, named }) => made.id === payment.id || named === payment.id);
      if (holdsMoney(payment.status) && !isKnown && !isExcused) {
        throw new Error(`${idempotencyKey} ends ${state}, and ${payment.id} holds its money`);
      }
    }
  }
}
