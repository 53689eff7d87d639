/**
 * Owns the look: one read of the whole history, and its recording. Must be called with the queue
 * held, so that looks on one method never overlap. What a look means is find.ts's.
 */
import { nextSeq } from "../domain/draft.ts";
import type { Actor, LookPurpose, LookReport } from "../domain/facts.ts";
import { learnFromLook } from "../domain/find.ts";
import { escalateUnreadable, isRefused } from "../domain/unreadable.ts";
import { type Books, unclaimedTags } from "./books.ts";
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
    const { journal } = this.#books;
    const known = journal.listedPaymentIds();
    const read = await this.#host.harmony.look(this.#host.paymentMethodId, known, journal.lastSeq);
    const ids = read.payments.map((payment) => payment.id).sort();
    const report = { ...read, idsHash: read.complete ? this.#host.hashIds(ids) : null };
    const seq = this.#books.step(
      actor,
      {
        ...(chargeId === null ? {} : { chargeId }),
        payments: "all",
        tags: (view) => {
          const seen = report.payments
            .filter(({ id }) => view.payments.get(id)?.chargeId == null)
            .flatMap(({ tag }) => (tag === null ? [] : [tag]));
          return new Set([...seen, ...unclaimedTags(view)]);
        },
        owners: (view) =>
          report.payments
            .filter((seen) => view.payments.get(seen.id)?.status !== seen.status)
            .map((seen) => seen.id),
      },
      (draft) => {
        const lookSeq = nextSeq(draft);
        learnFromLook(draft, report, purpose, chargeId);
        if (isRefused(report) && journal.hasRevoked()) {
          escalateUnreadable(draft);
        }
        return lookSeq;
      },
    );
    return { ...report, seq };
  }
}
