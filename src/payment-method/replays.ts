/**
 * Owns the entries about repeats of an answered key: one at the first, then at most one a minute
 * with their count, and never in the way of a reply. Must not answer anything.
 */
import { note } from "../domain/draft.ts";
import type { Actor } from "../domain/facts.ts";
import type { Refund } from "../domain/refund.ts";
import type { Books } from "./books.ts";
import type { Host } from "./host.ts";

const MINUTE_MS = 60_000;
/** Keys remembered at once; beyond, the oldest simply gets its next entry early. */
const REMEMBERED_MAX = 1000;

/** Whose key was repeated. */
export type Subject = { readonly chargeId: string } | { readonly refund: Refund };

interface Repeats {
  readonly subject: Subject;
  count: number;
  actor: Actor;
}

export class Replays {
  readonly #host: Host;
  readonly #books: Books;
  readonly #repeats = new Map<string, Repeats>();

  constructor(host: Host, books: Books) {
    this.#host = host;
    this.#books = books;
  }

  /** Counts one repeat. Counts still in memory when the object is reset are lost: they are a floor. */
  note(subject: Subject, actor: Actor): void {
    const id = "refund" in subject ? subject.refund.refundId : subject.chargeId;
    const known = this.#repeats.get(id);
    if (known !== undefined) {
      known.count += 1;
      known.actor = actor;
      return;
    }
    this.#repeats.set(id, { subject, count: 1, actor });
    if (this.#repeats.size > REMEMBERED_MAX) {
      const [oldest] = this.#repeats.keys();
      this.#flush(oldest);
      this.#repeats.delete(oldest ?? "");
    }
    this.#schedule(id, 0);
  }

  #schedule(id: string, delayMs: number): void {
    this.#host.defer(delayMs, async () => {
      if (this.#flush(id)) {
        this.#schedule(id, MINUTE_MS);
      } else {
        this.#repeats.delete(id);
      }
    });
  }

  /** Writes the entry of the repeats counted so far; false where there were none. */
  #flush(id: string | undefined): boolean {
    const repeats = id === undefined ? undefined : this.#repeats.get(id);
    if (repeats === undefined || repeats.count === 0) {
      return false;
    }
    const { subject, count, actor } = repeats;
    repeats.count = 0;
    const about = aboutSubject(this.#books, subject);
    this.#books.step(actor, about.load, (draft) =>
      note(draft, { type: "replayed", atMs: draft.view.nowMs, count, ...about.fact }),
    );
    return true;
  }
}

/** What a fact about a used key loads, and which charge or refund it names. */
export function aboutSubject(books: Books, subject: Subject) {
  if ("chargeId" in subject) {
    const { chargeId } = subject;
    return { load: { chargeId }, fact: { chargeId } };
  }
  const { refundId, request } = subject.refund;
  const chargeId = books.journal.payment(request.paymentId)?.chargeId ?? null;
  return {
    load: { ...(chargeId === null ? {} : { chargeId }), refundsOf: request.paymentId },
    fact: { chargeId, refundId },
  };
}
