/**
 * Owns the wording of a payment method's answers to a refund: as it stands, and what was not sent
 * and why. Must not decide what is sent.
 */
import type { Problem } from "../domain/errors.ts";
import { foldId } from "../domain/ids.ts";
import type { Money } from "../domain/outcome.ts";
import { nextUseAtMs, type Refund, type RefundOutcome } from "../domain/refund.ts";
import { replyAboutRefund } from "../domain/refund-reply.ts";
import { type Reply, RETRY_AFTER_SECONDS, secondsUntil } from "../domain/reply.ts";
import type { RefundSubmission } from "../harmony/client.ts";
import { LIMITED, problem, RETRY } from "./answers.ts";
import type { Books } from "./books.ts";
import type { RefundCommand } from "./commands.ts";
import type { Host } from "./host.ts";

/** What the errors that a charge has as well say of a refund. */
const DETAILS: Partial<Record<Problem["code"], string>> = {
  payment_method_busy:
    "Charges and refunds on one payment method run one after another, and this refund did not get its turn in time. It was withdrawn; nothing was sent for it.",
  payment_method_in_doubt:
    "Another refund of this payment is in doubt, and may be under way. Nothing was sent for this one.",
  upstream_unavailable:
    "Harmony did not answer what must be known before a refund may be sent, or did not take it just now. Nothing was refunded by this request.",
  upstream_unauthorized:
    "The gateway's own API key was refused by Harmony. Nothing was refunded by this request; an operator has to mend it.",
};

/** An error of a refund; the money and the rest are the caller's. */
function refundProblem(code: Problem["code"], rest: Partial<Problem>): Reply {
  const detail = DETAILS[code];
  return problem(code, { ...(detail === undefined ? {} : { detail }), ...rest });
}

export class RefundAnswers {
  readonly #host: Host;
  readonly #books: Books;

  constructor(host: Host, books: Books) {
    this.#host = host;
    this.#books = books;
  }

  about(refund: Refund, replayed: boolean): Reply {
    return replyAboutRefund(refund, this.#books.aroundRefund(refund), replayed);
  }

  /** An error for which nothing went to Harmony; the money is as it was. */
  unsent(command: RefundCommand, code: Problem["code"], rest: Partial<Problem> = {}): Reply {
    const { caller, idempotencyKey } = command;
    const refund = this.#books.journal.refunds.byKey(caller, idempotencyKey);
    const about = refund === null ? {} : { refundId: refund.refundId };
    return refundProblem(code, { money: this.#money(command), ...about, ...rest });
  }

  busy(command: RefundCommand): Reply {
    return this.unsent(command, "payment_method_busy", RETRY);
  }

  /** An attempt of another refund of this payment may be under way. */
  frozen(command: RefundCommand, refunds: readonly Refund[]): Reply {
    const nowMs = this.#host.now();
    const retryAfterSeconds = secondsUntil(nextUseAtMs(refunds, nowMs), nowMs);
    return this.unsent(command, "payment_method_in_doubt", { retryAfterSeconds });
  }

  /** Harmony has asked us to wait: what is left of it. */
  limited(command: RefundCommand, leftMs: number): Reply {
    const retryAfterSeconds = Math.ceil(leftMs / 1000);
    const detail = `${LIMITED} Nothing was refunded by this request.`;
    return this.unsent(command, "upstream_unavailable", { detail, retryAfterSeconds });
  }

  /** The id is no payment's: nothing is refunded of a charge before it is known what it has taken. */
  noPayment(command: RefundCommand): Reply {
    const charge = this.#books.journal.charges.byId(foldId(command.id));
    if (charge?.caller !== command.caller || this.#books.moneyOf(charge) !== "unknown") {
      return this.unsent(command, "payment_not_found");
    }
    const { chargeId, nextLook } = charge;
    const retryAfterSeconds = secondsUntil(nextLook?.atMs ?? null, this.#host.now());
    const detail =
      "What this charge has taken is not known yet, so that nothing can be refunded of it. Nothing was sent.";
    const about = { detail, chargeId, retryAfterSeconds };
    return this.unsent(command, "payment_method_in_doubt", about);
  }

  /** The payment could not be read, so that nothing was sent. */
  unread(command: RefundCommand, httpStatus: number | null): Reply {
    if (httpStatus === 401 || httpStatus === 403) {
      return this.unsent(command, "upstream_unauthorized");
    }
    const leftMs = this.#host.harmony.leftMs("query", command.paymentMethodId);
    if (leftMs > 0) {
      return this.limited(command, leftMs);
    }
    return httpStatus === 404
      ? this.unsent(command, "payment_not_found")
      : this.unsent(command, "upstream_unavailable", RETRY);
  }

  /** What the one who sent the attempt is told, once its outcome is recorded and read for. */
  afterSending(refund: Refund, outcome: RefundOutcome, { reading }: RefundSubmission): Reply {
    const about = this.about(refund, false);
    if (refund.state !== "not_refunded" || outcome.kind !== "not_sent") {
      return about;
    }
    // Refused, and the payment could not be read: it may have been refunded by somebody else.
    const money = reading === null ? (about.money ?? "unknown") : "unknown";
    const { reason, retryAfterSeconds } = outcome;
    const { refundId } = refund;
    return refundProblem(reason, {
      money,
      refundId,
      ...(reason === "upstream_unavailable"
        ? { retryAfterSeconds: retryAfterSeconds ?? RETRY_AFTER_SECONDS }
        : {}),
    });
  }

  /** What is known of the money that a refund is asked for: the payment's, or its charge's. */
  #money({ caller, id }: RefundCommand): Money {
    const { journal } = this.#books;
    const paymentId = this.#books.paymentIdOf(caller, id);
    if (paymentId === null) {
      const charge = journal.charges.byId(foldId(id));
      return charge?.caller === caller ? this.#books.moneyOf(charge) : "unknown";
    }
    const record = journal.payment(paymentId);
    return record === null ? "unknown" : this.#books.moneyOfPayment(record);
  }
}
