/**
 * Owns the look: one read of the whole history, and its recording. Must be called with the queue
 * held, so that looks on one method never overlap. What a look means is look.ts's.
 */
import { type Draft, nextSeq } from "../domain/draft.ts";
import { isUnexplained } from "../domain/charge.ts";
import type { Actor, LookPurpose, LookReport } from "../domain/facts.ts";
import type { Payment } from "../domain/outcome.ts";
import { learnFromLook } from "../domain/look.ts";
import { type Comparison, compareBooks, isComparable } from "../domain/reconcile.ts";
import { escalateUnreadable, isRefused } from "../domain/unreadable.ts";
import { type Books, type Load, ownersOf } from "./books.ts";
import type { Host } from "./host.ts";

export class Looker {
  readonly #host: Host;
  readonly #books: Books;

  constructor(host: Host, books: Books) {
    this.#host = host;
    this.#books = books;
  }

  /** Looks and records what it found, whatever the state is by then; `seq` is its entry's. */
  async look(
    purpose: LookPurpose,
    chargeId: string | null,
    actor: Actor,
  ): Promise<LookReport & { readonly seq: number }> {
    const report = await this.#read();
    const load = { ...loadOf(report), ...(chargeId === null ? {} : { chargeId }) };
    const seq = this.#books.step(actor, load, (draft) => {
      const lookSeq = nextSeq(draft);
      this.#learn(draft, report, purpose, chargeId);
      return lookSeq;
    });
    return { ...report, seq };
  }

  /**
   * Looks, and compares the books with it in the same step. What it finds is held against every
   * charge that nothing explains, whose late looks are over included. No comparison where it did
   * not read the whole history.
   */
  async compare(actor: Actor): Promise<{ report: LookReport; comparison: Comparison | null }> {
    const { journal } = this.#books;
    const report = await this.#read();
    const comparison = this.#books.step(actor, loadOf(report), (draft) => {
      this.#learn(draft, report, "reconciliation", null);
      return isComparable(report)
        ? compareBooks(draft, report, {
            paidCharges: (amountsMinor) => journal.comparison.paidCharges(amountsMinor),
            paymentIdOf: (chargeId) => journal.charges.byId(chargeId)?.payment?.id ?? null,
          })
        : null;
    });
    return { report, comparison };
  }

  async #read(): Promise<LookReport> {
    const { journal } = this.#books;
    const known = journal.listedPaymentIds();
    const read = await this.#host.harmony.look(this.#host.paymentMethodId, known, journal.lastSeq);
    const ids = read.payments.map((payment) => payment.id).sort();
    return { ...read, idsHash: read.complete ? this.#host.hashIds(ids) : null };
  }

  #learn(draft: Draft, report: LookReport, purpose: LookPurpose, chargeId: string | null): void {
    learnFromLook(draft, report, purpose, chargeId);
    if (isRefused(report) && this.#books.journal.hasRevoked()) {
      escalateUnreadable(draft);
    }
  }
}

/**
 * What a step loads to judge a look: both lists whole, and the charges that it may change: those whose
 * payment has moved, and those whose attempts a payment of nobody's may speak of.
 */
function loadOf(report: LookReport): Load {
  return {
    payments: "all",
    attempts: true,
    charges: (view) => {
      const isFree = ({ id }: Payment) => view.payments.get(id)?.chargeId == null;
      const free = [...report.payments, ...view.payments.values()].filter(isFree);
      const ids = new Set(free.map(({ id }) => id));
      const tags = new Set(free.map(({ tag }) => tag).filter((tag) => tag !== null));
      const amountsMinor = new Set(free.map(({ amountMinor }) => amountMinor));
      const concerned = view.attempts.filter(
        (one) =>
          (one.tag !== null && tags.has(one.tag)) ||
          (one.namedPaymentId !== null && ids.has(one.namedPaymentId)) ||
          (isUnexplained(one) && amountsMinor.has(one.amountMinor)),
      );
      return [...concerned.map(({ chargeId }) => chargeId), ...ownersOf(view, report.payments)];
    },
  };
}
