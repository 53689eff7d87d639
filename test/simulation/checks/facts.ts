/**
 * Owns what one card's life comes down to, for the checks: its journal, its charges and refunds, the
 * book's payments, what callers asked and were told; and the exceptions that the design names. Must
 * not judge.
 */
import type { Payment } from "../../../sandbox/book.ts";
import type { Charge } from "../../../src/domain/charge.ts";
import type { Entry } from "../../../src/domain/entries.ts";
import type { Refund } from "../../../src/domain/refund.ts";
import { journalOf } from "../../payment-method/promises.ts";
import { refundsOf } from "../../payment-method/refund-promises.ts";
import type { World } from "../../support/fake-host.ts";
import { listedFrom } from "../book-times.ts";
import type { Life } from "../life.ts";
import type { Card } from "../plan.ts";
import type { Resolve } from "../operator.ts";
import type { RefundResolve } from "../refund-troubles.ts";
import type { RefundAsk } from "../refunder.ts";
import type { Revoke } from "../revoker.ts";
import type { Seen, Told } from "../shop.ts";
import { type Lie, liesOf } from "./lies.ts";
import { type CompleteLook, timesOf } from "./times.ts";

export const HOUR_MS = 3_600_000;
export const HORIZON_MS = 900_000;
/** A look may have begun this long before the payment showed: latency, slow pages, one deadline. */
export const LOOK_MS = 25_000;

/** What one card's life comes down to. */
export interface Facts {
  readonly life: Life;
  readonly world: World;
  readonly card: Card;
  readonly index: number;
  readonly journal: readonly Entry[];
  readonly charges: readonly Charge[];
  readonly refunds: readonly Refund[];
  readonly payments: readonly Payment[];
  readonly told: readonly Told[];
  /** What reads of charges told. */
  readonly read: readonly Told[];
  /** What callers were told of payments, by reads and pages. */
  readonly seen: readonly Seen[];
  readonly lies: readonly Lie[];
  /** When each entry was made, by the time of the simulation. */
  readonly times: ReadonlyMap<number, number>;
  /** The looks that were complete, in order; what callers read is none. */
  readonly looks: readonly CompleteLook[];
  readonly refundResolves: readonly RefundResolve[];
  readonly refundAsks: readonly RefundAsk[];
  readonly revokes: readonly Revoke[];
  readonly resolves: readonly Resolve[];
  readonly isHalted: boolean;
  readonly isRestored: boolean;
}

export function factsOf(life: Life, world: World, index: number): Facts {
  const journal = journalOf(world);
  const has = journal.length > 0;
  const rows = has ? world.storage.sql.exec("SELECT body FROM charge").toArray() : [];
  const [method] = has ? world.storage.sql.exec("SELECT halted FROM method").toArray() : [];
  const card = life.plan.cards[index];
  if (card === undefined) {
    throw new Error(`there is no card ${index}`);
  }
  const times = timesOf(world, journal);
  const payments = life.worlds[0]?.sandbox.book.paymentsOf(world.paymentMethodId) ?? [];
  return {
    life,
    world,
    card,
    index,
    journal,
    charges: rows.map((row) => JSON.parse(String(row["body"])) as Charge),
    refunds: refundsOf(world),
    payments,
    seen: life.shop.seen.filter(({ card: one }) => one === index),
    lies: liesOf(world, payments),
    times,
    looks: journal.flatMap(({ seq, type, outcome, detail }) =>
      type === "looked" && outcome === "complete" && detail?.["purpose"] !== "read"
        ? [{ atMs: times.get(seq) ?? Infinity, newIds: (detail?.["new"] ?? []) as string[] }]
        : [],
    ),
    read: life.shop.read.filter(({ order }) => order.card === index),
    told: life.shop.told.filter(({ order }) => order.card === index),
    refundResolves: life.refundTroubles.resolves.filter(({ card: one }) => one === index),
    refundAsks: life.refunder.asks.filter(({ wish }) => wish.card === index),
    resolves: life.operator.resolves.filter(({ card: one }) => one === index),
    revokes: life.revoker.revokes.filter(({ card: one }) => one === index),
    isHalted: method?.["halted"] != null,
    isRestored: life.restored.has(world),
  };
}

export function shownAt(payment: Payment, { history }: Card): number {
  return listedFrom(payment, history);
}

/** When the submission left that made a payment: its tag stands in both. */
export function submissionOf(world: World, payment: Payment): number {
  return (
    world.submissions.find(({ description }) => description === payment.description)?.atMs ?? 0
  );
}

/** A reply that names another payment as ours is believed where nobody has seen that one yet. */
export function isLiedTo({ lies }: Facts): boolean {
  return lies.length > 0;
}

/** Pages that lie throughout, or leave out again what they have listed: few looks are complete. */
export function isUnreadable({ history }: Card): boolean {
  const { dropItem, countIsPage, pageShift, hideStatuses } = history;
  const forgets = hideStatuses?.some((status) => status === "CANCELLED" || status === "REFUNDED");
  return dropItem === true || countIsPage === true || (pageShift ?? 0) !== 0 || forgets === true;
}

/** Whether the history says of each payment when it was made, by a true clock. */
export function isDated({ history: { fields, createdAt } }: Card): boolean {
  return (fields === "full" || fields === "createdAt") && (createdAt ?? "utc") === "utc";
}

/** The payments that a person has named foreign, rightly or not: no rule takes them for ours again. */
export function namedForeign(journal: readonly Entry[]): ReadonlySet<string | null> {
  return new Set(
    journal.flatMap(({ type, paymentId, detail }) =>
      type === "payment_unattributed" && detail?.["by"] === "operator" ? [paymentId] : [],
    ),
  );
}

/**
 * The payments of ours that the books cannot follow: Harmony contradicts what is booked and a person has to
 * say which is true, or one has said it.
 */
export function personsOwn({ charges, journal }: Facts): Set<string> {
  const own = ({ payment, duplicates }: Charge) => [payment?.id ?? "", ...duplicates];
  const asked = charges.flatMap((one) => one.contested.filter((id) => own(one).includes(id)));
  const said = journal
    .filter(({ type }) => type === "operator_resolved")
    .flatMap(({ paymentId, detail }) => [
      paymentId ?? "",
      ...((detail?.["own"] ?? []) as string[]),
    ]);
  return new Set([...asked, ...said, ...contradicted(journal)]);
}

/** The payments of which Harmony's last word is not what is booked. */
function contradicted(journal: Facts["journal"]): string[] {
  return journal
    .filter(
      ({ type, seq, paymentId, paymentStatus }) =>
        type === "contradiction_found" &&
        !journal.some(
          (one) =>
            one.seq > seq &&
            one.paymentId === paymentId &&
            (["status_changed", "late_truth_found"].includes(one.type) ||
              (one.type === "polled" && one.paymentStatus === paymentStatus)),
        ),
    )
    .map(({ paymentId }) => paymentId ?? "");
}
