/**
 * Owns the reads of a payment that are made for its refund: the first after a lost reply, those by
 * alarm, and the resource itself from our own state. It must never submit anything.
 */
import { ERRORS } from "../domain/errors.ts";
import type { Actor } from "../domain/facts.ts";
import type { Refund } from "../domain/refund.ts";
import { abandonRefund } from "../domain/refund-decide.ts";
import { refundResource } from "../domain/refund-reply.ts";
import { learnFromRefundRead } from "../domain/refund-watch.ts";
import { isDue } from "../domain/schedule.ts";
import { learnFromPoll } from "../domain/status.ts";
import type { PaymentReading } from "../harmony/client.ts";
import type { Books } from "./books.ts";
import type { Answer, ReadRefundCommand } from "./commands.ts";
import type { Host } from "./host.ts";
import { problem } from "./answers.ts";

export class RefundReads {
  readonly #host: Host;
  readonly #books: Books;
  /** The refund whose attempt a running call of this instance has in flight. */
  readonly #owned: () => string | null;
  /** The reads under way, by refund: they must not overlap, or time would be credited twice. */
  readonly #reading = new Map<string, Promise<PaymentReading>>();

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
    const nowMs = this.#host.now();
    const due = this.#books.journal.refunds
      .open()
      .filter(({ nextRead }) => isDue(nextRead, nowMs))
      .sort((a, b) => (a.nextRead?.atMs ?? 0) - (b.nextRead?.atMs ?? 0));
    for (const refund of due) {
      if (isSpent()) {
        return;
      }
      await this.read(refund, actor);
    }
  }

  /** The first read for a refund just come into doubt, if the schedule has it at once. */
  async readNow(refundId: string, actor: Actor): Promise<void> {
    const refund = this.#books.journal.refunds.byId(refundId);
    if (refund?.state === "in_doubt" && this.#host.rules.reconcileMs[0] === 0) {
      await this.read(refund, actor);
    }
  }

  /** One recorded read of the payment of a refund; joins one that is under way. */
  async read(refund: Refund, actor: Actor): Promise<PaymentReading> {
    const { refundId } = refund;
    const read =
      this.#reading.get(refundId) ??
      this.#readAlone(refund, actor).finally(() => this.#reading.delete(refundId));
    this.#reading.set(refundId, read);
    return read;
  }

  async #readAlone({ refundId, request }: Refund, actor: Actor): Promise<PaymentReading> {
    const { paymentId } = request;
    const [beganAtMs, beganSeq] = [this.#host.now(), this.#books.journal.lastSeq];
    const read = await this.#ask(paymentId);
    const report = { ...reportOf(paymentId, beganSeq, read), beganAtMs };
    this.#books.step(actor, this.#books.around(paymentId), (draft) =>
      learnFromRefundRead(draft, refundId, report),
    );
    return read;
  }

  async #ask(paymentId: string): Promise<PaymentReading> {
    const { harmony, paymentMethodId } = this.#host;
    return harmony.readPayment(paymentMethodId, this.#books.speltOf(paymentId));
  }

  /** One recorded read of a payment that no refund is known of yet. */
  async readUnrefunded(paymentId: string, actor: Actor): Promise<PaymentReading> {
    const beganSeq = this.#books.journal.lastSeq;
    const read = await this.#ask(paymentId);
    this.#books.step(actor, this.#books.around(paymentId), (draft) =>
      learnFromPoll(draft, reportOf(paymentId, beganSeq, read)),
    );
    return read;
  }

  /** The refund resource. Another caller's refund, or one of another payment, is not found. */
  resource({ refundId, caller, id }: ReadRefundCommand): Answer {
    const refund = this.#books.journal.refunds.byId(refundId);
    const paymentId = this.#books.paymentIdOf(caller, id);
    if (refund === null || refund.caller !== caller || refund.request.paymentId !== paymentId) {
      const reply = problem("not_found", { detail: ERRORS.not_found.explanation });
      return { reply: { ...reply, money: null, retry: null }, timing: null };
    }
    const around = this.#books.aroundRefund(refund);
    const body = JSON.stringify(refundResource(refund, around, (ms) => new Date(ms).toISOString()));
    return {
      reply: {
        status: 200,
        contentType: "application/json",
        body,
        money: null,
        retry: null,
        chargeId: around.owner?.chargeId ?? null,
        location: null,
        retryAfterSeconds: null,
        replayed: false,
      },
      timing: null,
    };
  }
}

/** A read of a payment as a decision takes it. */
export function reportOf(paymentId: string, beganSeq: number, read: PaymentReading) {
  return {
    askedFor: null,
    beganSeq,
    paymentId,
    seen: read.payment,
    httpStatus: read.httpStatus,
    latencyMs: read.latencyMs,
    failure: read.failure,
  };
}
