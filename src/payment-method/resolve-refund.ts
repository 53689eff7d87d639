/**
 * Owns what is done for a person's decision about a refund: its turn in the queue, the payment read
 * now, the decision and its entry in one commit. Must not decide: domain/refund-doubt.ts does, on state
 * loaded again after every `await`.
 */
import { foreclosedRefund, type RefundVerdict, resolveRefund } from "../domain/refund-doubt.ts";
import type { Reply } from "../domain/reply.ts";
import { isLastingRefusal } from "../domain/unreadable.ts";
import type { Books } from "./books.ts";
import type { Answer, ResolveRefundCommand } from "./commands.ts";
import type { Host } from "./host.ts";
import type { Queue } from "./queue.ts";
import { failed } from "./reads.ts";
import { refundFound } from "./refund-reads.ts";
import { inTurn } from "./turn.ts";
import { pollPayment } from "./upkeep.ts";

export async function resolveRefundByHand(
  host: Host,
  books: Books,
  queue: Queue,
  command: ResolveRefundCommand,
): Promise<Answer> {
  const { refundId, waitMs } = command;
  const detail = "Harmony is being asked for this decision: read the refund to learn how it ends.";
  const underWay = () => failed({ code: "upstream_error", status: 504, detail, refundId });
  return inTurn(host, queue, waitMs, async () => decided(host, books, command), underWay);
}

async function decided(
  host: Host,
  books: Books,
  { id, refundId, decision, actor }: ResolveRefundCommand,
): Promise<Reply> {
  const { journal } = books;
  const refund = journal.refunds.byId(refundId);
  const paymentId = refund === null ? null : books.paymentIdOf(refund.caller, id);
  if (refund === null || refund.request.paymentId !== paymentId) {
    return failed({ code: "not_found" });
  }
  const early = foreclosedRefund(refund, decision);
  if (early !== null) {
    return replyTo(books, refundId, early);
  }
  if (journal.method.halted !== null) {
    return failed({ code: "halted", refundId });
  }
  const read = await pollPayment(host, books, { paymentId, refundId }, actor);
  if (read.payment === null && !isLastingRefusal(read.httpStatus)) {
    // Nothing is decided on an answer that was not had.
    const status = read.failure === "timeout" ? 504 : 502;
    return failed({ code: "upstream_error", status, lastKnown: null, refundId });
  }
  if (journal.method.halted !== null) {
    return failed({ code: "halted", refundId });
  }
  const shown = { seen: read.payment, seq: read.seq };
  const verdict = books.step(actor, books.around(paymentId), (draft) =>
    resolveRefund(draft, refundId, decision, shown),
  );
  return replyTo(books, refundId, verdict, read.payment?.status);
}

/** A refusal by its code, with what the refund is now. */
const REFUSALS = {
  not_resolvable: "refund_not_resolvable",
  unproven: "refund_unproven",
} as const;

function replyTo(
  books: Books,
  refundId: string,
  verdict: RefundVerdict,
  paymentStatus?: string,
): Reply {
  const refund = books.journal.refunds.get(refundId);
  if (verdict === "decided" || verdict === "unchanged") {
    return refundFound(books, refund);
  }
  return failed({
    code: REFUSALS[verdict],
    refundId,
    state: refund.state,
    ...(paymentStatus === undefined ? {} : { paymentStatus }),
  });
}
