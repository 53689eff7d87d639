/**
 * Owns the reads of payments that are due for their refunds; and the resource itself from our own state. It must never submit anything.
 */
import type { Actor } from "../domain/facts.ts";
import type { Refund } from "../domain/refund.ts";
import { abandonRefund } from "../domain/refund-decide.ts";
import { refundResource } from "../domain/refund-reply.ts";
import type { Reply } from "../domain/reply.ts";
import type { Books } from "./books.ts";
import type { Answer, ReadRefundCommand } from "./commands.ts";
import type { Host } from "./host.ts";
import { failed, found, untimed } from "./reads.ts";
import { dueFirst, pollPayment } from "./upkeep.ts";

export class RefundReads {
  readonly #host: Host;
  readonly #books: Books;
  /** The refund whose attempt a running call of this instance has in flight. */
  readonly #owned: () => string | null;

  constructor(host: Host, books: Books, owned: () => string | null) {
    this.#host = host;
    this.#books = books;
    this.#owned = owned;
  }

  /** An attempt in flight that no running call of this instance owns is in doubt from now on. */
  recover(actor: Actor): void {
    for (const { state, refundId, request } of this.#books.journal.refunds.open()) {
      if (state === "in_flight" && refundId !== this.#owned()) {
        this.#books.step(actor, this.#books.around(request.paymentId), (draft) =>
          abandonRefund(draft, refundId),
        );
      }
    }
  }

  /** Reads the payments of the refunds whose next read is due, the longest due first. */
  async readDue(actor: Actor, isSpent: () => boolean): Promise<void> {
    const open = this.#books.journal.refunds.open();
    for (const { refundId, request } of dueFirst(open, "nextRead", this.#host.now())) {
      if (isSpent()) {
        return;
      }
      const read = { paymentId: request.paymentId, refundId };
      await pollPayment(this.#host, this.#books, read, actor);
    }
  }

  /** The refund resource. Another caller's refund, or one of another payment, is not found. */
  resource({ refundId, caller, id }: ReadRefundCommand): Answer {
    const refund = this.#books.journal.refunds.byId(refundId);
    const paymentId = this.#books.paymentIdOf(caller, id);
    if (refund === null || refund.caller !== caller || refund.request.paymentId !== paymentId) {
      return untimed(failed({ code: "not_found" }));
    }
    return untimed(refundFound(this.#books, refund));
  }
}

/** The refund as it stands. */
export function refundFound(books: Books, refund: Refund): Reply {
  const around = books.aroundRefund(refund);
  const body = JSON.stringify(refundResource(refund, around, (ms) => new Date(ms).toISOString()));
  return found(body, around.owner?.chargeId ?? null);
}
