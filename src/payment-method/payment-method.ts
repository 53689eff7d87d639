/**
 * Owns what a payment method does with a charge, from the queue to the reply: the one path on
 * which any charge is submitted. Host-free: storage, clock, Harmony, ledger and alarm are handed
 * in. Must not hold rules: decide.ts, whose.ts, look.ts and classify.ts do. One of the files that can lose
 * money: after every `await` it loads again, and only `#send` submits.
 */
import { type Charge, lastAttempt } from "../domain/charge.ts";
import {
  type Admission,
  admit,
  answer,
  intend,
  isPaidAfterAll,
  isQuestioned,
  lookUp,
} from "../domain/decide.ts";
import { ERRORS } from "../domain/errors.ts";
import { heldBack } from "../domain/not-sent.ts";
import type { Outcome } from "../domain/outcome.ts";
import { type Reply, RETRY_AFTER_MAX_SECONDS, secondsUntil } from "../domain/reply.ts";
import {
  aboutCharge,
  firstUse,
  answerAfter,
  AWAKE,
  BRAKED,
  CONTESTED,
  haltedAnswer,
  limited,
  lookFailed,
  notActive,
  notCharged,
  problem,
  RETRY,
  unsent,
} from "./answers.ts";
import { classify } from "../harmony/classify.ts";
import { contest } from "../domain/contest.ts";
import { paymentsAgainst } from "../domain/look.ts";
import { Books, NOBODY } from "./books.ts";
import { type Answer, type ChargeCommand, type Command, isRegistered } from "./commands.ts";
import type { Host } from "./host.ts";
import { UnknownStateError } from "./unknown-state.ts";
import { readHistory } from "./history.ts";
import { Looker } from "./looker.ts";
import { createMethod, knowCreated } from "./create.ts";
import { statusOfInactive } from "./inactive.ts";
import { chargeKeyReused, refundKeyReused } from "./mismatch.ts";
import { resolveCharge } from "./resolve.ts";
import { resolveRefundByHand } from "./resolve-refund.ts";
import { resumeMethod } from "./resume.ts";
import { recordReconciliation, reconcileMethod } from "./reconcile.ts";
import { revokeMethod } from "./revoke.ts";
import { Queue, type Settlement, settledWithin, type Ticket, type Waiter } from "./queue.ts";
import { readCharge, readPayment } from "./reads.ts";
import { Refunds } from "./refunds.ts";
import { Replays } from "./replays.ts";
import { Standing } from "./standing.ts";
import { Upkeep } from "./upkeep.ts";

export class PaymentMethod {
  readonly #host: Host;
  readonly #books: Books;
  readonly #queue = new Queue();
  readonly #looker: Looker;
  readonly #replays: Replays;
  readonly #standing: Standing;
  readonly #refunds: Refunds;
  readonly #upkeep: Upkeep;
  /** The charge whose attempt a running call of this instance has in flight. */
  #owned: string | null = null;

  /** `armedAtMs` is the time the alarm is set to, null where none is. */
  constructor(host: Host, armedAtMs: number | null) {
    this.#host = host;
    this.#books = new Books(host, armedAtMs);
    this.#looker = new Looker(host, this.#books);
    this.#replays = new Replays(host, this.#books);
    this.#refunds = new Refunds(host, this.#books, this.#queue, this.#replays);
    this.#standing = new Standing(host, this.#books);
    const parts = {
      queue: this.#queue,
      looker: this.#looker,
      refundReads: this.#refunds.reads,
      standing: this.#standing,
    };
    this.#upkeep = new Upkeep(host, this.#books, parts, () => this.#owned);
    this.#upkeep.recover(NOBODY);
    this.#books.start();
  }

  /** Answers a command of the Worker's. Throws only for bugs and storage errors. */
  async execute(command: Command): Promise<Answer> {
    try {
      return await this.#execute(command);
    } catch (error) {
      if (error instanceof UnknownStateError) {
        return haltedAnswer(this.#host, error);
      }
      throw error;
    }
  }

  async #execute(command: Command): Promise<Answer> {
    if (isRegistered(command)) {
      this.#standing.touched();
    }
    this.#upkeep.recover(command.type === "wake" ? command.actor : NOBODY);
    switch (command.type) {
      case "wake":
        await this.#upkeep.wake(command.actor);
        return AWAKE;
      case "charge":
        return this.#charge(command);
      case "refund":
        return this.#refunds.refund(command);
      case "read_refund":
        return this.#refunds.reads.resource(command);
      case "read_payment":
        return readPayment(this.#host, this.#books, command);
      case "read_charge":
        return readCharge(this.#books, command);
      case "read_history":
        return readHistory(this.#host, this.#books, command);
      case "create_method":
        return createMethod(this.#host, this.#books, command);
      case "know_created":
        return knowCreated(this.#host, this.#books);
      case "revoke_method":
        return revokeMethod(this.#host, this.#books, this.#queue, command);
      case "resolve_charge": {
        const parts = { host: this.#host, books: this.#books, looker: this.#looker };
        return resolveCharge(parts, this.#queue, command);
      }
      case "resolve_refund":
        return resolveRefundByHand(this.#host, this.#books, this.#queue, command);
      case "resume_method":
        return resumeMethod(this.#host, this.#books, command);
      case "reconcile":
        return reconcileMethod(this.#host, this.#queue, this.#looker, command);
      case "record_reconciliation":
        return recordReconciliation(this.#books, command);
    }
  }

  async alarm(): Promise<void> {
    await this.#upkeep.alarm();
  }

  async #charge(command: ChargeCommand): Promise<Answer> {
    const startedAtMs = this.#host.now();
    const known = this.#answerFromBooks(command);
    if (known !== null) {
      return {
        reply: this.#asReplay(known, command),
        timing: { queueMs: 0, harmonyMs: 0 },
      };
    }
    const ticket = this.#queue.find(command) ?? this.#enqueue(command);
    if (ticket === null) {
      return { reply: problem("payment_method_busy", RETRY), timing: { queueMs: 0, harmonyMs: 0 } };
    }
    const waiter: Waiter = { requestId: command.actor.requestId };
    const settled = await settledWithin(ticket, waiter, this.#host.timer(command.waitMs));
    const reply = settled === null ? this.#waitedOut(ticket, command) : settled.reply;
    const answered = ticket.sender === waiter ? reply : this.#asReplay(reply, command);
    const endedAtMs = ticket.startedAtMs ?? this.#host.now();
    return {
      reply: answered,
      timing: { queueMs: Math.max(0, endedAtMs - startedAtMs), harmonyMs: settled?.harmonyMs ?? 0 },
    };
  }

  /** What is known under the key without waiting; null where the request has to be queued or joined. */
  #answerFromBooks(command: ChargeCommand): Reply | null {
    const charge = this.#books.journal.charges.byKey(command.caller, command.idempotencyKey);
    const reused = this.#keyReused(command, charge);
    if (reused !== null || charge === null) {
      return reused;
    }
    switch (lookUp(charge, command.request).type) {
      case "answered":
      case "in_doubt":
        return this.#books.about(charge, true);
      case "chargeable":
        // Until its wait is over the books answer, and nothing is asked of Harmony.
        return heldBack(charge, this.#host.now()) !== null && this.#isPlain(charge)
          ? notCharged(this.#books, charge)
          : null;
      case "in_flight":
      case "mismatch":
      case "unknown":
        return null;
    }
  }

  /** The answer where the key is bound to a refund, or to a charge that was asked differently. */
  #keyReused(command: ChargeCommand, charge: Charge | null): Reply | null {
    const { caller, idempotencyKey, actor, request } = command;
    const { amountMinor } = request;
    const refund = this.#books.journal.refunds.byKey(caller, idempotencyKey);
    if (refund !== null) {
      const differing = ["operation"];
      return refundKeyReused(this.#books, refund, { actor, differing, amountMinor });
    }
    const found = lookUp(charge, request);
    return charge === null || found.type !== "mismatch"
      ? null
      : chargeKeyReused(this.#books, charge, { actor, amountMinor, differing: found.differing });
  }

  /** A ticket of its own at the end of the queue; null where the queue is full and the key unknown. */
  #enqueue(command: ChargeCommand): Ticket | null {
    const { journal } = this.#books;
    const isKnown = journal.charges.byKey(command.caller, command.idempotencyKey) !== null;
    if (this.#queue.isFull && !isKnown) {
      return null;
    }
    return this.#queue.add(command, (ticket) => this.#serve(ticket));
  }

  /** Marks an answer about a charge that this request did not send; a mismatch is no replay. */
  #asReplay(reply: Reply, command: ChargeCommand): Reply {
    if (reply.chargeId === null || reply.status === ERRORS.idempotency_key_reused.status) {
      return reply;
    }
    this.#replays.note({ chargeId: reply.chargeId }, command.actor);
    return { ...reply, replayed: true };
  }

  /** Whether nothing stands beside it that may be its payment. */
  #isPlain(charge: Charge): boolean {
    return this.#books.moneyOf(charge) === "not_charged";
  }

  #waitedOut(ticket: Ticket, command: ChargeCommand): Reply {
    const charge = this.#books.journal.charges.byKey(command.caller, command.idempotencyKey);
    const reused = this.#keyReused(command, charge);
    if (reused !== null) {
      // Another request was bound to the key meanwhile: what became of it is not this one's.
      return reused;
    }
    if (charge !== null && charge.state === "not_charged") {
      // The key is known, so it is never busy: no money has moved, and a repeat tries further.
      return this.#isPlain(charge)
        ? notCharged(this.#books, charge)
        : problem("payment_contested", { ...CONTESTED, chargeId: charge.chargeId });
    }
    if (charge !== null) {
      return this.#books.about(charge, false);
    }
    return problem(
      ticket.stage === "queued" ? "payment_method_busy" : "upstream_unavailable",
      RETRY,
    );
  }

  /** Serves a ticket at the head of the queue. Never throws but for storage errors and bugs. */
  async #serve(ticket: Ticket): Promise<Settlement> {
    const { command } = ticket;
    const { journal } = this.#books;
    ticket.startedAtMs = this.#host.now();
    let lookedFresh = false;
    for (;;) {
      const charge = journal.charges.byKey(command.caller, command.idempotencyKey);
      const known = this.#answerFromBooks(command);
      if (known !== null) {
        return unsent(known);
      }
      if (ticket.waiters.size === 0) {
        // Everyone's wait is over: what nobody waits for any more is not sent.
        return unsent(
          problem("payment_method_busy", { ...aboutCharge(this.#books, charge), ...RETRY }),
        );
      }
      const paid = this.#paidEarlier(command, charge);
      if (paid !== null) {
        return unsent(paid);
      }
      const about = aboutCharge(this.#books, charge);
      if (journal.method.inactive !== null) {
        const status = await statusOfInactive(this.#host, this.#books);
        if (status !== null) {
          return unsent(notActive(this.#books, status, about));
        }
        lookedFresh = false;
        continue;
      }
      const admission = this.#admission(command, charge, lookedFresh);
      if (admission.type !== "frozen" && journal.method.halted !== null) {
        return unsent(problem("halted", { ...about, money: "unknown" }));
      }
      const leftMs = this.#host.harmony.leftMs("submission", command.paymentMethodId);
      if (admission.type !== "frozen" && leftMs > 0) {
        return unsent(limited(leftMs, about));
      }
      if (admission.type !== "frozen" && this.#host.brake?.permits(this.#host.now()) === false) {
        // Harmony is out: a charge sent now would only freeze one more card.
        return unsent(problem("upstream_unavailable", { ...about, ...BRAKED }));
      }
      switch (admission.type) {
        case "frozen":
          return unsent(
            problem("payment_method_in_doubt", { ...about, ...this.#frozenBy(command.caller) }),
          );
        case "submit":
          return this.#send(ticket, charge);
        case "look": {
          ticket.stage = "reading";
          const missing = await this.#lookBefore(command, charge, admission.purpose);
          if (missing !== null) {
            return unsent(missing);
          }
          lookedFresh = true;
        }
      }
    }
  }

  #admission({ request }: ChargeCommand, charge: Charge | null, lookedFresh: boolean): Admission {
    const { journal } = this.#books;
    const { baselineSeq, foreignSeen, lookedSeq } = journal.method;
    const { foreignWriters, lateMs } = this.#host.rules;
    const freshness = { nowMs: this.#host.now(), lookedSeq, lateMs };
    const isDoubted =
      journal.charges.noesOf(request).some((attempt) => isQuestioned(attempt, freshness)) ||
      journal.contestedOf(request).length > 0;
    const baseline = baselineSeq !== null;
    const method = { baseline, foreignSeen, foreignWriters, isDoubted };
    return admit(journal.charges.open(), charge, method, lookedFresh);
  }

  /**
   * The answer where a charge of this caller of this amount that was told no has just turned out to be
   * paid after all: what is asked now is most likely the same wish.
   */
  #paidEarlier({ caller, request }: ChargeCommand, charge: Charge | null): Reply | null {
    const { journal } = this.#books;
    const nowMs = this.#host.now();
    for (const attempt of journal.charges.noesOf(request)) {
      const isOther = attempt.caller === caller && attempt.chargeId !== charge?.chargeId;
      const first = isOther ? journal.charges.byId(attempt.chargeId) : null;
      if (first !== null && isPaidAfterAll(attempt, first, this.#books.moneyOf(first), nowMs)) {
        return problem("earlier_charge_paid", {
          ...aboutCharge(this.#books, charge),
          first: firstUse(this.#books, first),
        });
      }
    }
    return null;
  }

  /** The look before a submission; the error to answer where it does not allow one. */
  async #lookBefore(
    command: ChargeCommand,
    charge: Charge | null,
    purpose: "baseline" | "before_attempt",
  ): Promise<Reply | null> {
    const chargeId = charge?.chargeId ?? null;
    const report = await this.#looker.look(purpose, chargeId, command.actor);
    if (!report.complete) {
      const leftMs = this.#host.harmony.leftMs("query", command.paymentMethodId);
      return leftMs > 0
        ? limited(leftMs, aboutCharge(this.#books, charge))
        : lookFailed(this.#books, report, charge);
    }
    const { request } = command;
    if (chargeId === null) {
      return this.#books.journal.contestedOf(request).length === 0
        ? null
        : problem("payment_contested", { ...CONTESTED, money: "not_charged" });
    }
    // A payment that may be this charge's forbids a further attempt until a person decides.
    const isContested = this.#books.step(command.actor, { chargeId, payments: "all" }, (draft) => {
      const now = draft.charges.get(chargeId);
      const against = now?.state === "not_charged" ? paymentsAgainst(draft, now) : [];
      for (const payment of against) {
        contest(draft, chargeId, payment, "forbids_a_further_attempt");
      }
      return against.length > 0;
    });
    if (this.#books.journal.charges.byId(chargeId)?.state !== "not_charged") {
      // This very look has found what it has made: the books say it.
      return null;
    }
    if (isContested) {
      return problem("payment_contested", { ...CONTESTED, chargeId });
    }
    // Another charge's question forbids this one, too: nobody knows whose it is.
    return this.#books.journal.contestedOf(request).length > 0
      ? problem("payment_contested", { ...CONTESTED, chargeId, money: "not_charged" })
      : null;
  }

  /** Which charge freezes the method, as far as it is the caller's own, and when it is looked for next. */
  #frozenBy(caller: string): { detail: string; retryAfterSeconds: number } {
    const nowMs = this.#host.now();
    const freezing = this.#books.journal.charges
      .open()
      .filter(({ state }) => state === "in_doubt" || state === "in_flight");
    const waits = freezing.map(({ nextLook }) => secondsUntil(nextLook?.atMs ?? null, nowMs));
    const own = freezing.find((one) => one.caller === caller);
    const which = own === undefined ? "another charge" : `charge ${own.chargeId}`;
    return {
      detail: `The outcome of ${which} on this payment method is not known yet. Until it is, no further charge is sent on it. Nothing was sent for this one.`,
      retryAfterSeconds: Math.min(...waits, RETRY_AFTER_MAX_SECONDS),
    };
  }

  /** Intent, submission, outcome: the only place from which a charge leaves. */
  async #send(ticket: Ticket, earlier: Charge | null): Promise<Settlement> {
    const { command } = ticket;
    const chargeId = earlier?.chargeId ?? this.#host.newId();
    const { paymentMethodId, caller, idempotencyKey } = command;
    const request = earlier?.request ?? command.request;
    const identity = { chargeId, paymentMethodId, caller, idempotencyKey, request };
    const tag = this.#host.tag ? this.#host.tagId() : null;
    const ended = this.#host.brake?.begin(paymentMethodId, this.#host.now());
    try {
      this.#owned = chargeId;
      const { attempt, intentSeq } = this.#books.step(command.actor, { chargeId }, (draft) =>
        lastAttempt(intend(draft, identity, tag)),
      );
      ticket.stage = "sent";
      ticket.sender = [...ticket.waiters][0] ?? null;
      const submission = await this.#host.harmony.submit(paymentMethodId, request, tag);
      const outcome = this.#record(command, { chargeId, attempt, intentSeq }, submission);
      this.#owned = null;
      const doubtful = outcome.kind === "indeterminate" || outcome.kind === "contradictory";
      ended?.(this.#host.now(), !doubtful);
      if (outcome.kind !== "approved") {
        await this.#upkeep.findNow(chargeId, command.actor);
      }
      const { latencyMs } = submission.exchange;
      const charge = this.#books.journal.charges.byId(chargeId);
      if (charge === null) {
        throw new Error(`Bug: charge ${chargeId} vanished`);
      }
      return { reply: answerAfter(this.#books, charge), harmonyMs: latencyMs };
    } finally {
      // Whatever went wrong, an attempt that nobody waits for any more is nobody's.
      this.#owned = null;
      ended?.(this.#host.now(), false);
    }
  }

  #record(
    command: ChargeCommand,
    sent: { chargeId: string; attempt: number; intentSeq: number },
    { exchange, method }: Awaited<ReturnType<Host["harmony"]["submit"]>>,
  ): Outcome {
    const { journal } = this.#books;
    const isKnown = (paymentId: string): boolean => {
      const record = journal.payment(paymentId);
      const isRecorded =
        record !== null &&
        (record.recordedSeq < sent.intentSeq ||
          (record.chargeId !== null && record.chargeId !== sent.chargeId));
      // What another reply has named, one left over from that charge may name again.
      return isRecorded || journal.charges.isNamed(paymentId, sent.intentSeq);
    };
    const { amountMinor, currency } = command.request;
    const outcome = classify(exchange, method, { amountMinor, currency, isKnown });
    const answered = exchange.type === "answered";
    const plain = outcome.kind === "approved" || outcome.kind === "pending";
    const figures = {
      httpStatus: answered ? exchange.httpStatus : null,
      latencyMs: exchange.latencyMs,
      excerpt: answered && !plain ? exchange.body : null,
    };
    const payments = "payment" in outcome && outcome.payment !== null ? [outcome.payment.id] : [];
    try {
      this.#books.step(command.actor, { chargeId: sent.chargeId, payments }, (draft) =>
        answer(draft, sent.chargeId, sent.attempt, outcome, figures),
      );
    } catch (error) {
      // The attempt stays in flight in storage, hence in doubt; what Harmony said is in this line.
      this.#host.log("alert", "outcome_not_recorded", { ...sent, outcome });
      throw error;
    }
    return outcome;
  }
}
