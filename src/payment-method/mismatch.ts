/**
 * Owns what happens to a request whose key is bound to another one: an entry that names what
 * differs, and the answer. Charges and refunds of a caller share one space of keys. Must not look a
 * key up.
 */
import type { Charge } from "../domain/charge.ts";
import { note } from "../domain/draft.ts";
import type { Actor } from "../domain/facts.ts";
import { centavosToPesos } from "../domain/money.ts";
import type { Refund } from "../domain/refund.ts";
import type { Reply } from "../domain/reply.ts";
import { mismatchAnswer, problem } from "./answers.ts";
import type { Books } from "./books.ts";
import { aboutSubject, type Subject } from "./replays.ts";

/** What was asked for under the key this time. */
export interface Asked {
  readonly actor: Actor;
  readonly differing: readonly string[];
  /** Null for a refund, which names no amount. */
  readonly amountMinor: number | null;
}

/** The key is bound to a charge. */
export function chargeKeyReused(books: Books, charge: Charge, asked: Asked): Reply {
  noteMismatch(books, { chargeId: charge.chargeId }, asked);
  return mismatchAnswer(books, charge, asked.differing);
}

/** The key is bound to a refund. */
export function refundKeyReused(books: Books, refund: Refund, asked: Asked): Reply {
  noteMismatch(books, { refund }, asked);
  const { refundId, state } = refund;
  const { payment, owner, money } = books.aroundRefund(refund);
  const amount = centavosToPesos(payment.amountMinor);
  const request = { ...refund.request };
  const first = { chargeId: owner?.chargeId ?? null, refundId, state, money, amount, request };
  const { differing } = asked;
  return problem("idempotency_key_reused", { money: "unknown", refundId, differing, first });
}

function noteMismatch(books: Books, subject: Subject, asked: Asked): void {
  const { actor, differing, amountMinor } = asked;
  const about = aboutSubject(books, subject);
  books.step(actor, about.load, (draft) =>
    note(draft, {
      type: "key_mismatched",
      atMs: draft.view.nowMs,
      differing,
      amountMinor,
      ...about.fact,
    }),
  );
}
