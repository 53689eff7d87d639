/**
 * Owns the answers to questions: the charge from our own state, a payment fresh from Harmony.
 * Must not submit anything, nor wait in the queue.
 */
import type { Charge } from "../domain/charge.ts";
import { ERRORS, type Problem } from "../domain/errors.ts";
import { chargeFields, fourFields, type Reply, replyProblem } from "../domain/reply.ts";
import type { Books } from "./books.ts";
import type { Answer, ReadChargeCommand, ReadPaymentCommand } from "./commands.ts";
import type { Host } from "./host.ts";
import { foldId } from "../domain/ids.ts";
import { pollPayment } from "./upkeep.ts";

/** The charge resource, from our own state. Another caller's charge is not found. */
export function readCharge(books: Books, command: ReadChargeCommand): Answer {
  const { by, caller } = command;
  const { journal } = books;
  const charge =
    "chargeId" in by
      ? journal.charges.byId(by.chargeId)
      : journal.charges.byKey(by.caller, by.idempotencyKey);
  if (charge === null || (caller !== null && charge.caller !== caller)) {
    return untimed(failed({ code: "not_found" }));
  }
  return untimed(found(books.resourceOf(charge, command.isOperated === true), charge.chargeId));
}

/** A payment's four fields, fresh from Harmony and recorded; a chargeId serves as payment id. */
export async function readPayment(
  host: Host,
  books: Books,
  command: ReadPaymentCommand,
): Promise<Answer> {
  const charge = books.journal.charges.byId(foldId(command.id));
  if (charge !== null && charge.caller !== command.caller) {
    return untimed(failed({ code: "payment_not_found" }));
  }
  if (charge !== null && charge.payment === null) {
    return untimed(found(withoutPayment(books, charge), charge.chargeId));
  }
  const paymentId = charge?.payment?.id ?? foldId(command.id);
  const before = books.journal.payment(paymentId);
  const read = await pollPayment(
    host,
    books,
    { paymentId, askedFor: charge?.chargeId ?? null },
    command.actor,
  );
  if (read.payment !== null) {
    const now = charge === null ? null : books.journal.charges.byId(charge.chargeId);
    // That one payment of it is cancelled says nothing while another may be its.
    const isOpen =
      now !== null && read.payment.status === "CANCELLED" && books.moneyOf(now) === "unknown";
    const body = isOpen ? withoutPayment(books, now) : fourFields(read.payment);
    return untimed(found(body, charge?.chargeId ?? null));
  }
  if (read.httpStatus === 404 && before === null) {
    return untimed(failed({ code: "payment_not_found" }));
  }
  return untimed(
    failed({
      code: "upstream_error",
      status: read.failure === "timeout" ? 504 : 502,
      lastKnown:
        before === null
          ? null
          : { status: before.status, at: new Date(before.statusAtMs).toISOString() },
    }),
  );
}

/** Without a payment, Harmony's four fields speak of the charge itself. */
function withoutPayment(books: Books, charge: Charge): string {
  return chargeFields(charge, books.moneyOf(charge) === "not_charged" ? "CANCELLED" : "PENDING");
}

export function found(body: string, chargeId: string | null): Reply {
  return {
    status: 200,
    contentType: "application/json",
    body,
    money: null,
    retry: null,
    chargeId,
    location: null,
    retryAfterSeconds: null,
    replayed: false,
  };
}

export function failed(error: Pick<Problem, "code"> & Partial<Problem>): Reply {
  const reply = replyProblem({
    detail: ERRORS[error.code].explanation,
    // A question that failed says nothing of any money.
    money: "unknown",
    ...error,
  });
  return { ...reply, money: null, retry: null };
}

export function untimed(reply: Reply): Answer {
  return { reply, timing: null };
}
