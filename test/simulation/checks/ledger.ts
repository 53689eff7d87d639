/**
 * Owns the checks of the entries: in the ledger exactly once, in order, final where a status is,
 * their effects the net of the book, alarms kept, and a person alerted where one is needed. Must not
 * change anything.
 */
import type { Charge } from "../../../src/domain/charge.ts";
import type { Entry } from "../../../src/domain/entries.ts";
import { assertSound, attributed } from "../../payment-method/promises.ts";
import type { Life } from "../life.ts";
import { hasFlapped, isTakenBack } from "../book-times.ts";
import { type Facts, isLiedTo, personsOwn } from "./facts.ts";

export function assertPositions({ ledger, worlds }: Life): void {
  const positions = worlds
    .flatMap(({ paymentMethodId }) => ledger.entries(paymentMethodId))
    .map(({ position }) => position)
    .toSorted((a, b) => a - b);
  if (positions.some((position, index) => position !== index + 1)) {
    throw new Error("positions in the ledger have gaps");
  }
}

/** Every entry is in the ledger exactly once; after a restore, at least nothing there is changed. */
export function assertDelivered({ life, world, journal, isHalted, isRestored }: Facts): void {
  const ledger = life.ledger.entries(world.paymentMethodId);
  assertSound(journal);
  assertSound(ledger);
  if (isHalted && !isRestored) {
    throw new Error("halted without cause");
  }
  const hashes = (entries: readonly Entry[]) => entries.map(({ hash }) => hash).join();
  // An object that went back and has written nothing since does not know of it yet.
  const own = isRestored ? ledger.slice(0, journal.length) : ledger;
  // Nor does one whose ledger went back, as long as it has nothing new to deliver.
  const wentBackAt = life.ledgerRestoredAt.get(world);
  // Where D1 refused the registration and the alarm was lost for good, nobody comes (ADR 6).
  const { troubles } = life.plan;
  const isForgotten = troubles.has("ledger_fails") && troubles.has("alarm_dropped");
  const isUnaware =
    isForgotten || wentBackAt === journal.length || (isRestored && wentBackAt !== undefined);
  const expected = isUnaware ? journal.slice(0, own.length) : journal;
  if (!isHalted && hashes(own) !== hashes(expected)) {
    throw new Error(`the ledger has ${ledger.length} entries, the journal ${journal.length}`);
  }
}

/** No alarm was put off by waking up, nor lost: what is due needs neither caller nor cron. */
export function assertAlarms({ life, world, isRestored }: Facts): void {
  if (world.alarmsPutOff > 0) {
    throw new Error(`${world.alarmsPutOff} alarms were called off by a constructor`);
  }
  if (life.alarmsLost.has(world) && !isRestored) {
    throw new Error("work was stored, and no alarm for it");
  }
}

/** What the ledger lists as open is what the books have open: nothing, once all is settled. */
export function assertOpenIsExact(facts: Facts): void {
  const { life, world, charges, refunds, isHalted } = facts;
  if (isHalted || life.ledgerRestoredAt.has(world)) {
    return;
  }
  const isOpen = (state: string) => ["in_flight", "in_doubt", "pending"].includes(state);
  const items = [...life.ledger.openItems(world.paymentMethodId)];
  const own = new Set<string>([
    ...charges.map(({ chargeId }) => chargeId),
    ...refunds.map(({ refundId }) => refundId),
    world.paymentMethodId,
  ]);
  assertPaymentsOpen(
    charges,
    items.flatMap(([id]) => (own.has(id) ? [] : [id])),
  );
  const expected = [
    ...charges.map(({ chargeId, state }) => [chargeId, state] as const),
    ...refunds.map(({ refundId, state }) => [refundId, state] as const),
    ...(isUnreadable(facts) ? [[world.paymentMethodId, "unreadable"] as const] : []),
  ].filter(([, state]) => isOpen(state) || state === "unreadable");
  const listed = items.filter(([id]) => own.has(id));
  const text = (pairs: readonly (readonly [string, string])[]) =>
    pairs.map(String).toSorted().join();
  if (text(listed) !== text(expected)) {
    throw new Error(`open are ${text(expected) || "none"}, listed are ${text(listed) || "none"}`);
  }
}

/** A history that could not be read is an item of its own until a complete look of any kind. */
function isUnreadable({ journal }: Facts): boolean {
  const toldAt = journal.findLastIndex(({ type }) => type === "history_unreadable");
  const isWhole = ({ type, outcome }: (typeof journal)[number]) =>
    type === "looked" && outcome === "complete";
  return toldAt >= 0 && !journal.slice(toldAt).some(isWhole);
}

/** A payment that is a person's is an item of its own, until it is one no more. */
function assertPaymentsOpen(charges: readonly Charge[], listed: readonly string[]): void {
  const contested = new Set(charges.flatMap((charge) => charge.contested));
  const expected = [...contested].toSorted().join();
  if (listed.toSorted().join() !== expected) {
    throw new Error(`contested are ${expected || "none"}, listed are ${listed.join() || "none"}`);
  }
}

/** A final payment never goes back to one that is not. */
export function assertFinalStays({ journal, payments, lies }: Facts): void {
  // Harmony contradicts itself where it takes a final word back.
  const flapped = new Set(
    payments.filter((one) => hasFlapped(one) || isTakenBack(one)).map(({ id }) => id),
  );
  for (const { type, paymentId, paymentStatus, detail, seq } of journal) {
    const isOpen = paymentStatus === "PENDING" || paymentStatus === "NOT_INITIALIZED";
    const wasFinal = ["CONFIRMED", "CANCELLED", "REFUNDED"].some((one) => one === detail?.["from"]);
    if (type === "status_changed" && isOpen && wasFinal) {
      throw new Error(`entry ${seq}: a final payment is ${paymentStatus} again`);
    }
    const isTrue = lies.length > 0 || flapped.has(paymentId ?? "");
    if (type === "contradiction_found" && !isTrue) {
      throw new Error(`entry ${seq}: Harmony contradicted itself, which it never does here`);
    }
  }
}

/** The effects of all entries sum up to the money of the payments that are on our books. */
export function assertMoney(facts: Facts): void {
  const { journal, payments } = facts;
  if (isLiedTo(facts)) {
    return;
  }
  const owners = attributed(journal);
  // What became of a payment that Harmony has forgotten, or contradicts itself about, nobody can know.
  const forgotten = payments.flatMap(({ id, goneAt }) => (goneAt === undefined ? [] : [id]));
  const gone = new Set([...forgotten, ...personsOwn(facts)]);
  const taken = payments
    .filter(({ id, status }) => owners.has(id) && status === "CONFIRMED" && !gone.has(id))
    .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  const effect = journal
    .filter(({ paymentId }) => !gone.has(paymentId ?? ""))
    .reduce((sum, { effectMinor }) => sum + effectMinor, 0);
  if (effect !== taken) {
    throw new Error(`the entries make ${effect} known, the book has ${taken}`);
  }
}

/** What only a person can judge. */
const ALERTED: readonly string[] = [
  "charge_escalated",
  "late_truth_found",
  "payment_contested",
  "payment_unattributed",
  "refund_escalated",
];

/** A person hears of everything that only a person can judge. */
export function assertAlerts({ world, journal }: Facts): void {
  for (const type of ALERTED) {
    const entries = journal.filter(
      // That a further payment was cancelled is only noted.
      (entry) =>
        entry.type === type && (type !== "late_truth_found" || entry.paymentStatus !== "CANCELLED"),
    ).length;
    const alerts = world.logged.filter(({ level, event }) => level === "alert" && event === type);
    if (alerts.length < entries) {
      throw new Error(`${entries} entries ${type}, ${alerts.length} alerts`);
    }
  }
}
