/**
 * Owns what is done for a person's decision about a charge: its turn in the queue, Harmony asked
 * now, the decision and its entries in one commit. Must not decide: domain/resolve.ts does, on
 * state loaded again after every `await`.
 */
import { type Charge, isUnexplained, paymentIdsOf } from "../domain/charge.ts";
import { ERRORS, type Problem } from "../domain/errors.ts";
import type { Reply } from "../domain/reply.ts";
import { foreclosed, isVouchedFor, resolve, type Verdict } from "../domain/resolve.ts";
import type { Books } from "./books.ts";
import type { Answer, ResolveChargeCommand } from "./commands.ts";
import type { Host } from "./host.ts";
import type { Looker } from "./looker.ts";
import type { Queue } from "./queue.ts";
import { failed, found } from "./reads.ts";
import { inTurn } from "./turn.ts";
import { pollPayment } from "./upkeep.ts";

interface Parts {
  readonly host: Host;
  readonly books: Books;
  readonly looker: Looker;
}

export async function resolveCharge(
  parts: Parts,
  queue: Queue,
  command: ResolveChargeCommand,
): Promise<Answer> {
  return inTurn(
    parts.host,
    queue,
    command.waitMs,
    async () => decided(parts, command),
    () =>
      failed({
        code: "upstream_error",
        status: 504,
        detail: "Harmony is being asked for this decision: read the charge to learn how it ends.",
        chargeId: command.chargeId,
      }),
  );
}

async function decided(parts: Parts, command: ResolveChargeCommand): Promise<Reply> {
  const { books, looker } = parts;
  const { journal } = books;
  const { chargeId, decision, actor } = command;
  const before = journal.charges.byId(chargeId);
  if (before === null) {
    return failed({ code: "not_found" });
  }
  const early = foreclosed(before, decision);
  if (early !== null) {
    return replyTo(books, chargeId, early);
  }
  if (journal.method.halted !== null) {
    return failed({ code: "halted", chargeId });
  }
  const look = await looker.look("operator", chargeId, actor);
  const evidence = [look.seq];
  const gone: string[] = [];
  for (const paymentId of idsToRead(journal, before, command)) {
    const read = await pollPayment(parts.host, books, { paymentId, askedFor: null }, actor);
    evidence.push(read.seq);
    if (read.payment !== null) {
      continue;
    }
    if (read.httpStatus !== ERRORS.payment_not_found.status) {
      return unanswered(chargeId, read.failure);
    }
    gone.push(paymentId);
    const record = journal.payment(paymentId);
    if (decision.decision === "charged" && !isVouchedFor(before, paymentId, record)) {
      return failed({ code: "payment_not_found", chargeId });
    }
  }
  if (journal.method.halted !== null) {
    return failed({ code: "halted", chargeId });
  }
  const verdict = books.step(actor, { chargeId, payments: "all", attempts: true }, (draft) =>
    resolve(draft, decision, { before, look, evidence, gone }),
  );
  if (verdict.type === "look_incomplete") {
    return unanswered(chargeId, look.why);
  }
  return replyTo(books, chargeId, verdict);
}

/** Nothing is decided on an answer that was not had; what became of the charge is as open as before. */
function unanswered(chargeId: string, failure: string | null): Reply {
  const status = failure === "timeout" ? 504 : 502;
  return failed({ code: "upstream_error", status, lastKnown: null, chargeId });
}

/** What Harmony has to say of single payments: of the one decided on, of those a reply has named. */
function idsToRead(
  journal: Books["journal"],
  charge: Charge,
  { decision }: ResolveChargeCommand,
): string[] {
  const { contested, state } = charge;
  const named = charge.attempts.filter(isUnexplained).map((attempt) => attempt.namedPaymentId);
  const own = paymentIdsOf(charge).filter((id) => contested.includes(id) || state === "pending");
  const ids = decision.decision === "charged" ? [decision.paymentId] : [...named, ...own];
  return (
    [...new Set(ids)]
      .filter((id) => id !== null)
      // Of what is known to be missing, a person's word is all there is.
      .filter((id) => journal.payment(id)?.missing !== true || !contested.includes(id))
  );
}

/** A refusal by its code, with what the charge is now. */
const REFUSALS = {
  not_resolvable: "charge_not_resolvable",
  moved: "charge_moved",
  payment_of_another_charge: "payment_of_another_charge",
  payment_not_fitting: "payment_not_fitting",
  payments_fit: "payments_fit",
  horizon_not_reached: "horizon_not_reached",
  history_incomplete: "history_incomplete",
} as const satisfies Partial<Record<Verdict["type"], Problem["code"]>>;

function replyTo(
  books: Books,
  chargeId: string,
  verdict: Exclude<Verdict, { type: "look_incomplete" }>,
): Reply {
  const charge = books.journal.charges.byId(chargeId);
  if (charge === null) {
    throw new Error(`Bug: charge ${chargeId} vanished`);
  }
  if (verdict.type === "decided" || verdict.type === "unchanged") {
    return found(books.resourceOf(charge, true), chargeId);
  }
  return failed({
    code: REFUSALS[verdict.type],
    money: books.moneyOf(charge),
    chargeId,
    state: charge.state,
    ...(verdict.type === "payments_fit" ? { candidates: verdict.candidates } : {}),
    ...(verdict.type === "history_incomplete"
      ? { why: verdict.why, missing: verdict.missing }
      : {}),
  });
}
