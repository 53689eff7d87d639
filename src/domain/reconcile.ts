/**
 * Owns the comparison of a method's books with what one look at Harmony showed: what differs, how,
 * and what it comes to. It changes nothing: what the look means for the books is look.ts's. Pure.
 */
import type { Draft } from "./draft.ts";
import type { LookReport, SeenPayment } from "./facts.ts";
import type { Payment } from "./outcome.ts";
import { holdsMoney, type PaymentRecord } from "./payment.ts";
import { CLOCK_SKEW_MAX_MS } from "./fit.ts";

/** PERSISTED CONTRACT: reports and entries hold these words. Add, never rename. */
export const DIFFERENCES = [
  /** A payment at Harmony that no charge of ours explains. */
  "unexplained",
  /** A payment of ours that Harmony does not show. */
  "missing",
  "amount_differs",
  "status_differs",
  /** A further payment that fits a charge which has one. */
  "duplicate",
] as const;

export type Difference = (typeof DIFFERENCES)[number];

/** One party's word on a payment. */
export type Side = {
  readonly status: string;
  readonly amountMinor: number;
  readonly currency: string;
};

/** PERSISTED CONTRACT: one payment that differs in one way. It may differ in another as well. */
export type DifferenceRow = {
  readonly kind: Difference;
  readonly paymentId: string;
  /** The charge that it belongs to, or that it fits. */
  readonly chargeId: string | null;
  /** Of a duplicate: the payment that the charge has. */
  readonly besidePaymentId: string | null;
  /** As it stood in the books before this look; null where it did not. */
  readonly books: Side | null;
  /** As Harmony showed it; null where it did not. */
  readonly harmony: Side | null;
  /** Whether the books have taken Harmony's word over with this look, so that it differs no more. */
  readonly learned: boolean;
};

/** How many there are, and the centavos of them by either party's word. */
export type Tally = {
  readonly count: number;
  readonly booksMinor: number;
  readonly harmonyMinor: number;
};

/** Payments of one party, and the centavos of those that are CONFIRMED. */
export type Holdings = { readonly payments: number; readonly confirmedMinor: number };

/** PERSISTED CONTRACT: kept in D1 while its run is under way. */
export interface Comparison {
  readonly differences: Readonly<Record<Difference, Tally>>;
  /** Everything that the look showed. */
  readonly harmony: Holdings;
  /** The payments of our charges, as they stood before the look. */
  readonly books: Holdings;
  /** Of what the look showed: what was there before the books began, so that nothing explains it. */
  readonly earlier: Holdings;
  /** The first of the differences; the tallies count all of them. */
  readonly rows: readonly DifferenceRow[];
}

/** A charge that has a payment, as far as a further payment may fit it. */
export interface PaidCharge {
  readonly chargeId: string;
  readonly paymentId: string;
  readonly amountMinor: number;
  readonly currency: string;
  /** Of its first attempt. */
  readonly intentSeq: number;
  readonly intendedAtMs: number;
  readonly tags: readonly string[];
}

/** What of the journal a comparison needs beside the payments' records. */
export interface ChargeReads {
  /** The charges of these amounts that have a payment. */
  paidCharges(amountsMinor: readonly number[]): readonly PaidCharge[];
  /** The payment that a charge is answered with, among several of its own. */
  paymentIdOf(chargeId: string): string | null;
}

/** More differences than this on one method are counted, not kept. */
export const ROWS_MAX = 1000;

/**
 * Why a look that read the whole history was no complete one: a payment that it must show is not
 * there. That proves nothing, and is exactly what a comparison reports.
 */
const MISSING = "known_payment_missing";

/** Whether a look has read all there is to compare with. */
export function isComparable(report: LookReport): boolean {
  return report.complete || report.why === MISSING;
}

/** Compares the books as they were when the step began with the look that the step has learnt from. */
export function compareBooks(draft: Draft, report: LookReport, reads: ChargeReads): Comparison {
  const before = draft.view.payments;
  const ours = [...before.values()].filter(({ chargeId }) => chargeId !== null);
  const strangers = report.payments.filter((seen) => ownerOf(draft, seen.id) === null);
  const earlier = strangers.filter((seen) => isEarlier(draft, seen.id));
  // What a person has named foreign is explained by that decision's entry.
  const isNamed = ({ id }: SeenPayment) => draft.payments.get(id)?.foreign === true;
  const unexplained = strangers.filter((seen) => !isEarlier(draft, seen.id) && !isNamed(seen));
  const rows: DifferenceRow[] = [
    ...unexplained.map((seen) => row("unexplained", seen.id, { harmony: seen })),
    ...missing(draft, report),
    ...differing(draft, report, "amount_differs"),
    ...differing(draft, report, "status_differs"),
    ...ownDuplicates(draft, report, reads),
    ...strangeDuplicates(draft, unexplained, reads),
  ];
  return {
    differences: talliesOf(rows),
    harmony: holdingsOf(report.payments),
    books: holdingsOf(ours),
    earlier: holdingsOf(earlier),
    rows: rows.slice(0, ROWS_MAX),
  };
}

function ownerOf(draft: Draft, paymentId: string): string | null {
  return draft.payments.get(paymentId)?.chargeId ?? null;
}

/** Before the first complete look there were no books that could explain a payment. */
function isEarlier(draft: Draft, paymentId: string): boolean {
  const { baselineSeq } = draft;
  const record = draft.payments.get(paymentId);
  return baselineSeq === null || (record !== undefined && record.recordedSeq <= baselineSeq);
}

/** Ours, and what an earlier complete look has shown, that is not there any more. */
function missing(draft: Draft, report: LookReport): DifferenceRow[] {
  const seen = new Set(report.payments.map(({ id }) => id));
  return [...draft.view.payments.values()]
    .filter(
      ({ id, chargeId, listedSeq, recordedSeq }) =>
        (chargeId !== null || listedSeq !== null) &&
        recordedSeq <= report.beganSeq &&
        !seen.has(id),
    )
    .map((record) => row("missing", record.id, { chargeId: record.chargeId, books: record }));
}

function differing(
  draft: Draft,
  report: LookReport,
  kind: "amount_differs" | "status_differs",
): DifferenceRow[] {
  return report.payments.flatMap((harmony) => {
    const books = draft.view.payments.get(harmony.id);
    if (books?.chargeId == null) {
      return [];
    }
    const differs =
      kind === "amount_differs"
        ? !isSameMoney(books, harmony)
        : // What was told while the look went on is newer than the look.
          books.status !== harmony.status && books.statusSeq <= report.beganSeq;
    const now = draft.payments.get(harmony.id);
    const learned = now !== undefined && now.status === harmony.status && isSameMoney(now, harmony);
    const { chargeId } = books;
    return differs ? [row(kind, harmony.id, { chargeId, books, harmony, learned })] : [];
  });
}

/** Payments that our charges have beside the one that they are answered with. */
function ownDuplicates(draft: Draft, report: LookReport, reads: ChargeReads): DifferenceRow[] {
  const owned = new Map<string, number>();
  for (const { chargeId } of draft.payments.values()) {
    if (chargeId !== null) {
      owned.set(chargeId, (owned.get(chargeId) ?? 0) + 1);
    }
  }
  return report.payments.flatMap((harmony) => {
    const chargeId = ownerOf(draft, harmony.id);
    if (chargeId === null || (owned.get(chargeId) ?? 0) < 2 || !holdsMoney(harmony)) {
      return [];
    }
    const now = draft.charges.get(chargeId);
    const besidePaymentId =
      now === undefined ? reads.paymentIdOf(chargeId) : (now.payment?.id ?? null);
    if (besidePaymentId === harmony.id) {
      return [];
    }
    const books = draft.payments.get(harmony.id);
    return [row("duplicate", harmony.id, { chargeId, besidePaymentId, books, harmony })];
  });
}

/** Payments of nobody's that fit a charge which has a payment already. */
function strangeDuplicates(
  draft: Draft,
  unexplained: readonly SeenPayment[],
  reads: ChargeReads,
): DifferenceRow[] {
  const strangers = unexplained.filter(holdsMoney);
  if (strangers.length === 0) {
    return [];
  }
  const amountsMinor = [...new Set(strangers.map(({ amountMinor }) => amountMinor))];
  const paid = [...reads.paidCharges(amountsMinor)].sort((a, b) => b.intentSeq - a.intentSeq);
  const byTag = new Map(paid.flatMap((charge) => charge.tags.map((tag) => [tag, charge] as const)));
  const byAmount = Map.groupBy(paid, ({ amountMinor }) => amountMinor);
  return strangers.flatMap((harmony) => {
    const record = draft.payments.get(harmony.id);
    const tagged = harmony.tag === null ? undefined : byTag.get(harmony.tag);
    // The charge whose tag it carries; else the last one that it may be a repeat of.
    const fits = (one: PaidCharge) => couldRepeat(harmony, record, one);
    const charge =
      tagged !== undefined && fits(tagged) ? tagged : byAmount.get(harmony.amountMinor)?.find(fits);
    if (charge === undefined) {
      return [];
    }
    const { chargeId, paymentId: besidePaymentId } = charge;
    return [row("duplicate", harmony.id, { chargeId, besidePaymentId, harmony })];
  });
}

function couldRepeat(
  seen: SeenPayment,
  record: PaymentRecord | undefined,
  charge: PaidCharge,
): boolean {
  return (
    charge.amountMinor === seen.amountMinor &&
    charge.currency === seen.currency &&
    (record === undefined || charge.intentSeq < record.recordedSeq) &&
    (seen.createdAtMs === null || seen.createdAtMs >= charge.intendedAtMs - CLOCK_SKEW_MAX_MS)
  );
}

function isSameMoney(a: Payment, b: Payment): boolean {
  return a.amountMinor === b.amountMinor && a.currency === b.currency;
}

interface RowPart {
  readonly chargeId?: string | null;
  readonly besidePaymentId?: string | null;
  readonly books?: Payment | undefined;
  readonly harmony?: Payment | undefined;
  readonly learned?: boolean;
}

function row(kind: Difference, paymentId: string, part: RowPart): DifferenceRow {
  return {
    kind,
    paymentId,
    chargeId: part.chargeId ?? null,
    besidePaymentId: part.besidePaymentId ?? null,
    books: sideOf(part.books),
    harmony: sideOf(part.harmony),
    learned: part.learned ?? false,
  };
}

function sideOf(payment: Payment | undefined): Side | null {
  if (payment === undefined) {
    return null;
  }
  const { status, amountMinor, currency } = payment;
  return { status, amountMinor, currency };
}

function talliesOf(rows: readonly DifferenceRow[]): Record<Difference, Tally> {
  const tallyOf = (kind: Difference): Tally => {
    const own = rows.filter((one) => one.kind === kind);
    return {
      count: own.length,
      booksMinor: sum(own.map(({ books }) => books?.amountMinor ?? 0)),
      harmonyMinor: sum(own.map(({ harmony }) => harmony?.amountMinor ?? 0)),
    };
  };
  return {
    unexplained: tallyOf("unexplained"),
    missing: tallyOf("missing"),
    amount_differs: tallyOf("amount_differs"),
    status_differs: tallyOf("status_differs"),
    duplicate: tallyOf("duplicate"),
  };
}

function holdingsOf(payments: readonly Payment[]): Holdings {
  const confirmed = payments.filter(({ status }) => status === "CONFIRMED");
  return {
    payments: payments.length,
    confirmedMinor: sum(confirmed.map(({ amountMinor }) => amountMinor)),
  };
}

function sum(amountsMinor: readonly number[]): number {
  return amountsMinor.reduce((total, amountMinor) => total + amountMinor, 0);
}
