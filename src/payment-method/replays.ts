/**
 * Owns the entries about repeats of an answered key: one at the first, then at most one a minute
 * with their count, and never in the way of a reply. Must not answer anything.
 */
import { note } from "../domain/draft.ts";
import type { Actor } from "../domain/facts.ts";
import type { Books } from "./books.ts";
import type { Host } from "./host.ts";

const MINUTE_MS = 60_000;
/** Keys remembered at once; beyond, the oldest simply gets its next entry early. */
const REMEMBERED_MAX = 1000;

interface Repeats {
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
  note(chargeId: string, actor: Actor): void {
    const known = this.#repeats.get(chargeId);
    if (known !== undefined) {
      known.count += 1;
      known.actor = actor;
      return;
    }
    this.#repeats.set(chargeId, { count: 1, actor });
    if (this.#repeats.size > REMEMBERED_MAX) {
      const [oldest] = this.#repeats.keys();
      this.#flush(oldest);
      this.#repeats.delete(oldest ?? "");
    }
    this.#schedule(chargeId, 0);
  }

  #schedule(chargeId: string, delayMs: number): void {
    this.#host.defer(delayMs, async () => {
      if (this.#flush(chargeId)) {
        this.#schedule(chargeId, MINUTE_MS);
      } else {
        this.#repeats.delete(chargeId);
      }
    });
  }

  /** Writes the entry of the repeats counted so far; false where there were none. */
  #flush(chargeId: string | undefined): boolean {
    const repeats = chargeId === undefined ? undefined : this.#repeats.get(chargeId);
    if (chargeId === undefined || repeats === undefined || repeats.count === 0) {
      return false;
    }
    const { count, actor } = repeats;
    repeats.count = 0;
    this.#books.step(actor, { chargeId }, (draft) =>
      note(draft, { type: "replayed", atMs: draft.view.nowMs, chargeId, count }),
    );
    return true;
  }
}
