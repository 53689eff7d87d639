/**
 * Owns the look: one read of the whole history, and its recording. Must be called with the queue
 * held, so that looks on one method never overlap. What a look means is look.ts's.
 */
import { isUnexplained } from "../domain/charge.ts";
import { type Draft, nextSeq } from "../domain/draft.ts";
import type { Actor, LookPurpose, LookReport } from "../domain/facts.ts";
import type { Payment } from "../domain/outcome.ts";
import { learnFromLook } from "../domain/look.ts";
import { type Comparison, compareBooks, isComparable } from "../domain/reconcile.ts";
import { escalateUnreadable, isRefused } from "../domain/unreadable.ts";
import { type Books, type Load, ownersOf } from "./books.ts";
import type { Host } from "./host.ts";
import { pollPayment, type Read } from "./upkeep.ts";

/** Payments read by id before one look, and after it; the next look asks for more. */
const READS_MAX = 3;

/** A guess is most likely none: what hangs must leave the look its time, of the five seconds of a refusal. */
const GUESSES_MS = 2000;

export class Looker {
  readonly #host: Host;
  readonly #books: Books;

  constructor(host: Host, books: Books) {
    this.#host = host;
    this.#books = books;
  }

  /**
   * Looks and records what it found, whatever the state is by then; `seq` is its entry's. With
   * `limitMs` it ends by then, the reads around it included.
   */
  async look(
    purpose: LookPurpose,
    chargeId: string | null,
    actor: Actor,
    limitMs = Infinity,
  ): Promise<LookReport & { readonly seq: number }> {
    const endsAtMs = this.#host.now() + limitMs;
    await this.readGuesses(actor, endsAtMs);
    const report = await this.#read(endsAtMs - this.#host.now());
    const load = { ...loadOf(report), ...(chargeId === null ? {} : { chargeId }) };
    const seq = this.#books.step(actor, load, (draft) => {
      const lookSeq = nextSeq(draft);
      this.#learn(draft, report, purpose, chargeId);
      return lookSeq;
    });
    await this.#readMissing(report, actor, endsAtMs);
    return { ...report, seq };
  }

  /** What errors have named, and no read has answered for yet, is read before the history is. */
  async readGuesses(actor: Actor, endsAtMs = Infinity): Promise<void> {
    const nowMs = this.#host.now();
    const guesses = this.#books.journal.charges.guesses(
      nowMs - (this.#host.rules.lateMs.at(-1) ?? 0),
    );
    await this.#readAll(guesses, actor, Math.min(endsAtMs, nowMs + GUESSES_MS));
  }

  /** What a look lacks is asked for by id: what is gone for good, no later look has to list. */
  async #readMissing({ missing }: LookReport, actor: Actor, endsAtMs = Infinity): Promise<void> {
    const reads = missing.map((paymentId) => ({ paymentId, askedFor: null }));
    await this.#readAll(reads, actor, endsAtMs);
  }

  async #readAll(reads: readonly Read[], actor: Actor, endsAtMs: number): Promise<void> {
    for (const read of reads.slice(0, READS_MAX)) {
      const limitMs = endsAtMs - this.#host.now();
      if (limitMs > 0) {
        await pollPayment(this.#host, this.#books, { ...read, limitMs }, actor);
      }
    }
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
    await this.#readMissing(report, actor);
    return { report, comparison };
  }

  async #read(limitMs = Infinity): Promise<LookReport> {
    const { harmony, paymentMethodId } = this.#host;
    const { journal } = this.#books;
    const known = journal.listedPaymentIds();
    const read = await harmony.look(paymentMethodId, known, journal.lastSeq, limitMs);
    const ids = read.payments.map((payment) => payment.id).sort();
    return { ...read, idsHash: read.complete ? this.#host.hashIds(ids) : null };
  }

  #learn(draft: Draft, report: LookReport, purpose: LookPurpose, chargeId: string | null): void {
    learnFromLook(draft, report, purpose, chargeId);
    if (isRefused(report) && this.#books.journal.method.inactive?.forGood === true) {
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
          ((isUnexplained(one) || one.noAtMs !== null) && amountsMinor.has(one.amountMinor)),
      );
      return [...concerned.map(({ chargeId }) => chargeId), ...ownersOf(view, report.payments)];
    },
  };
}
