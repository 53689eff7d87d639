/**
 * Owns what a payment method does with a refund, from the queue to the reply: the one path on which
 * any refund is submitted. Must not hold rules: refund-decide.ts, refund-doubt.ts and
 * classify-refund.ts do. One of the files that can lose money: after every `await` it loads again,
 * only `#send` submits, and only for a request that waits.
 */
import { ERRORS } from "../domain/errors.ts";
import type { Payment } from "../domain/outcome.ts";
import type { Refund, RefundOutcome } from "../domain/refund.ts";
import {
  admitRefund,
  answerRefund,
  intendRefund,
  lookUpRefund,
  refuseRefund,
  type RefundLookUp,
} from "../domain/refund-decide.ts";
import type { Reply } from "../domain/reply.ts";
import { classifyRefund } from "../harmony/classify-refund.ts";
import type { RefundSubmission } from "../harmony/client.ts";
import { RETRY, unsent } from "./answers.ts";
import type { Books } from "./books.ts";
import type { Answer, RefundCommand } from "./commands.ts";
import type { Host } from "./host.ts";
import { chargeKeyReused, refundKeyReused } from "./mismatch.ts";
import { type Queue, type Settlement, settledWithin, type Ticket, type Waiter } from "./queue.ts";
import { RefundAnswers } from "./refund-answers.ts";
import { RefundReads } from "./refund-reads.ts";
import type { Replays } from "./replays.ts";
import { pollPayment, reportOf } from "./upkeep.ts";

export class Refunds {
  readonly reads: RefundReads;
  readonly #host: Host;
  readonly #books: Books;
  readonly #queue: Queue;
  readonly #replays: Replays;
  readonly #answers: RefundAnswers;
  /** The refund whose attempt a running call of this instance has in flight. */
  #owned: string | null = null;

  constructor(host: Host, books: Books, queue: Queue, replays: Replays) {
    this.#host = host;
    this.#books = books;
    this.#queue = queue;
    this.#replays = replays;
    this.#answers = new RefundAnswers(host, books);
    this.reads = new RefundReads(host, books, () => this.#owned);
  }

  async refund(command: RefundCommand): Promise<Answer> {
    const startedAtMs = this.#host.now();
    const known = this.#answerFromBooks(command);
    if (known !== null) {
      return { reply: this.#asReplay(known, command), timing: { queueMs: 0, harmonyMs: 0 } };
    }
    const ticket = this.#queue.find(command) ?? this.#enqueue(command);
    if (ticket === null) {
      return { reply: this.#answers.busy(command), timing: { queueMs: 0, harmonyMs: 0 } };
    }
    const waiter: Waiter = { requestId: command.actor.requestId };
    const settled = await settledWithin(ticket, waiter, this.#host.timer(command.waitMs));
    const reply = settled === null ? this.#waitedOut(ticket, command) : settled.reply;
    const answered = ticket.sender === waiter ? reply : this.#asReplay(reply, command);
    const queueMs = Math.max(0, (ticket.startedAtMs ?? this.#host.now()) - startedAtMs);
    return { reply: answered, timing: { queueMs, harmonyMs: settled?.harmonyMs ?? 0 } };
  }

  #refundByKey({ caller, idempotencyKey }: RefundCommand): Refund | null {
    return this.#books.journal.refunds.byKey(caller, idempotencyKey);
  }

  #lookUp(refund: Refund | null, { caller, id, reason }: RefundCommand): RefundLookUp {
    const paymentId = this.#books.paymentIdOf(caller, id) ?? id;
    return lookUpRefund(refund, { paymentId, reason }, this.#host.now());
  }

  /** What is known under the key without waiting; null where the request has to be queued or joined. */
  #answerFromBooks(command: RefundCommand): Reply | null {
    const reused = this.#keyReused(command);
    const refund = this.#refundByKey(command);
    if (reused !== null || refund === null) {
      return reused;
    }
    const { type } = this.#lookUp(refund, command);
    return type === "answered" || type === "in_doubt" ? this.#answers.about(refund, true) : null;
  }

  /** The answer where the key is bound to a charge, or to the refund of another payment. */
  #keyReused(command: RefundCommand): Reply | null {
    const { caller, idempotencyKey, actor } = command;
    const charge = this.#books.journal.charges.byKey(caller, idempotencyKey);
    if (charge !== null) {
      const differing = ["operation"];
      return chargeKeyReused(this.#books, charge, { actor, differing, amountMinor: null });
    }
    const refund = this.#refundByKey(command);
    if (refund === null || this.#lookUp(refund, command).type !== "mismatch") {
      return null;
    }
    const differing = ["paymentId"];
    return refundKeyReused(this.#books, refund, { actor, differing, amountMinor: null });
  }

  #enqueue(command: RefundCommand): Ticket<RefundCommand> | null {
    if (this.#queue.isFull && this.#refundByKey(command) === null) {
      return null;
    }
    return this.#queue.add(command, async (ticket) => this.#serve(ticket));
  }

  /** Marks an answer about a refund that this request did not send; a mismatch is no replay. */
  #asReplay(reply: Reply, command: RefundCommand): Reply {
    const refund = this.#refundByKey(command);
    const isAbout = refund !== null && reply.refundId === refund.refundId;
    if (!isAbout || reply.status === ERRORS.idempotency_key_reused.status) {
      return reply;
    }
    this.#replays.note({ refund }, command.actor);
    return { ...reply, replayed: true };
  }

  #waitedOut(ticket: Ticket<RefundCommand>, command: RefundCommand): Reply {
    const reused = this.#keyReused(command);
    if (reused !== null) {
      // Another request was bound to the key meanwhile: its outcome is not this one's.
      return reused;
    }
    const refund = this.#refundByKey(command);
    if (refund !== null) {
      return this.#answers.about(refund, false);
    }
    return ticket.stage === "queued"
      ? this.#answers.busy(command)
      : this.#answers.unsent(command, "upstream_unavailable", RETRY);
  }

  /** Serves a ticket at the head of the queue. Never throws but for storage errors and bugs. */
  async #serve(ticket: Ticket<RefundCommand>): Promise<Settlement> {
    const { command } = ticket;
    const { journal } = this.#books;
    ticket.startedAtMs = this.#host.now();
    let readAs: string | null = null;
    for (;;) {
      const known = this.#answerFromBooks(command);
      if (known !== null) {
        return unsent(known);
      }
      const refund = this.#refundByKey(command);
      if (refund?.state === "in_flight") {
        // Not ours to send beside: whoever owns it, or the next recovery, says what became of it.
        return unsent(this.#answers.about(refund, true));
      }
      if (ticket.waiters.size === 0) {
        // Everyone's wait is over: what nobody waits for any more is not sent.
        return unsent(this.#answers.busy(command));
      }
      const paymentId = this.#books.paymentIdOf(command.caller, command.id);
      if (paymentId === null) {
        return unsent(this.#answers.noPayment(command));
      }
      const refunds = journal.refunds.ofPayment(paymentId);
      const others = refunds.filter(({ refundId }) => refundId !== refund?.refundId);
      const record = journal.payment(paymentId);
      const admission = admitRefund(refund, others, record, readAs, this.#host.now());
      if (admission.type !== "frozen" && journal.method.halted !== null) {
        return unsent(this.#answers.unsent(command, "halted", { money: "unknown" }));
      }
      switch (admission.type) {
        case "frozen":
        case "in_doubt":
          return unsent(
            refund?.state === "in_doubt"
              ? this.#answers.about(refund, true)
              : this.#answers.frozen(command, refunds),
          );
        case "submit": {
          const leftMs = this.#host.harmony.leftMs("submission", command.paymentMethodId);
          if (leftMs > 0) {
            return unsent(this.#answers.limited(command, leftMs));
          }
          return this.#send(ticket, refund, admission.payment);
        }
        case "refuse":
          return unsent(this.#refuse(ticket, refund, admission.payment));
        case "read": {
          ticket.stage = "reading";
          const asked = { paymentId, refundId: refund?.refundId ?? null };
          const read = await pollPayment(this.#host, this.#books, asked, command.actor);
          if (read.payment === null) {
            return unsent(this.#unread(command, read.httpStatus));
          }
          readAs = read.payment.status;
        }
      }
    }
  }

  /** The payment could not be read: what is in doubt, or no more, is as it is; anything else was not sent. */
  #unread(command: RefundCommand, httpStatus: number | null): Reply {
    const refund = this.#refundByKey(command);
    return refund === null || refund.state === "not_refunded"
      ? this.#answers.unread(command, httpStatus)
      : this.#answers.about(refund, true);
  }

  /** Binds that the payment cannot be refunded, as it was just read. */
  #refuse(ticket: Ticket<RefundCommand>, earlier: Refund | null, payment: Payment): Reply {
    const { command } = ticket;
    const identity = this.#identity(command, earlier, payment.id);
    this.#books.step(command.actor, this.#books.around(payment.id), (draft) =>
      refuseRefund(draft, identity, payment),
    );
    if (earlier === null) {
      // This very request is what the answer was made for; it repeats nothing.
      ticket.sender = [...ticket.waiters][0] ?? null;
    }
    return this.#answers.about(this.#books.journal.refunds.get(identity.refundId), false);
  }

  #identity(command: RefundCommand, earlier: Refund | null, paymentId: string) {
    const { paymentMethodId, caller, idempotencyKey, reason } = command;
    const refundId = earlier?.refundId ?? this.#host.newId();
    const request = earlier?.request ?? { paymentId, reason };
    return { refundId, paymentMethodId, caller, idempotencyKey, request };
  }

  /** Intent, submission, outcome: the only place from which a refund leaves. */
  async #send(
    ticket: Ticket<RefundCommand>,
    earlier: Refund | null,
    payment: Payment,
  ): Promise<Settlement> {
    const { command } = ticket;
    const identity = this.#identity(command, earlier, payment.id);
    const { refundId, paymentMethodId, request } = identity;
    try {
      this.#owned = refundId;
      const refund = this.#books.step(command.actor, this.#books.around(payment.id), (draft) =>
        intendRefund(draft, identity, payment),
      );
      ticket.stage = "sent";
      ticket.sender = [...ticket.waiters][0] ?? null;
      const { harmony } = this.#host;
      const submission = await harmony.refund(
        paymentMethodId,
        this.#books.speltOf(payment.id),
        request.reason,
      );
      const outcome = this.#record(command, refund, submission);
      this.#owned = null;
      if (outcome.kind === "indeterminate") {
        const read = { paymentId: payment.id, refundId };
        await pollPayment(this.#host, this.#books, read, command.actor);
      }
      const reply = this.#answers.afterSending(
        this.#books.journal.refunds.get(refundId),
        outcome,
        submission,
      );
      return { reply, harmonyMs: submission.exchange.latencyMs };
    } finally {
      // Whatever went wrong, an attempt that nobody waits for any more is nobody's.
      this.#owned = null;
    }
  }

  #record(
    command: RefundCommand,
    { refundId, payment, attempts }: Refund,
    { exchange, reading }: RefundSubmission,
  ): RefundOutcome {
    const sent = attempts.at(-1);
    if (sent === undefined) {
      throw new Error(`Bug: refund ${refundId} was sent without an attempt`);
    }
    const outcome = classifyRefund(exchange, payment, reading?.payment ?? null);
    const answered = exchange.type === "answered";
    const figures = {
      httpStatus: answered ? exchange.httpStatus : null,
      latencyMs: exchange.latencyMs,
      excerpt: answered && outcome.kind !== "refunded" ? exchange.body : null,
    };
    const report = reading === null ? null : reportOf(payment.id, sent.intentSeq, reading);
    try {
      this.#books.step(command.actor, this.#books.around(payment.id), (draft) =>
        answerRefund(draft, refundId, sent.attempt, outcome, figures, report),
      );
    } catch (error) {
      // The attempt stays in flight in storage, hence in doubt; what Harmony said is in this line.
      this.#host.log("alert", "outcome_not_recorded", { refundId, outcome });
      throw error;
    }
    return outcome;
  }
}
