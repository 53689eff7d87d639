/**
 * Owns the look: one read of the whole history, and its recording. Must be called with the queue
 * held, so that looks on one method never overlap. What a look means is find.ts's.
 */
import { type Draft, nextSeq } from "../domain/draft.ts";
import type { Actor, LookPurpose, LookReport } from "../domain/facts.ts";
import { learnFromLook } from "../domain/find.ts";
import {
  type Comparison,
  compareBooks,
  isComparable,
  strangeAmounts,
} from "../domain/reconcile.ts";
import { escalateUnreadable, isRefused } from "../domain/unreadable.ts";
import { type Books, type Load, unclaimedTags } from "./books.ts";
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
    const load: Load = {
      ...loadOf(report),
      amountsMinor: ({ payments }) => strangeAmounts(payments, report),
    };
    const comparison = this.#books.step(actor, load, (draft) => {
      this.#learn(draft, report, "reconciliation", null);
      return isComparable(report)
        ? compareBooks(draft, report, {
            paidCharges: (amountsMinor) => journal.comparison.paidCharges(amountsMinor),
            paymentIdOf: (chargeId) => journal.chargeById(chargeId)?.payment?.id ?? null,
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

/** What a step loads to learn from a look. */
function loadOf(report: LookReport): Load {
  return {
    payments: "all",
    tags: (view) => {
      const seen = report.payments
        .filter(({ id }) => view.payments.get(id)?.chargeId == null)
        .flatMap(({ tag }) => (tag === null ? [] : [tag]));
      return new Set([...seen, ...unclaimedTags(view)]);
    },
    owners: (view) =>
      report.payments
        .filter((seen) => {
          const record = view.payments.get(seen.id);
          return record?.status !== seen.status || record.amountMinor !== seen.amountMinor;
        })
        .map((seen) => seen.id),
  };
}
