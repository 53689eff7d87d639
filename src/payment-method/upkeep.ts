/**
 * Owns the work that no caller waits for: recovering attempts that nobody owns, looks, late looks
 * and polls that are due, delivery by alarm. It reads at Harmony; it must never submit anything.
 */
import type { Charge } from "../domain/charge.ts";
import { abandon } from "../domain/decide.ts";
import { learnFromPoll, openPaymentIds } from "../domain/status.ts";
import type { Actor } from "../domain/facts.ts";
import { isDue } from "../domain/schedule.ts";
import { type Books, NOBODY } from "./books.ts";
import type { Host } from "./host.ts";
import type { Looker } from "./looker.ts";
import type { Queue } from "./queue.ts";

export class Upkeep {
  readonly #host: Host;
  readonly #books: Books;
  readonly #queue: Queue;
  readonly #looker: Looker;
  readonly #owned: () => string | null;

  constructor(host: Host, books: Books, queue: Queue, looker: Looker, owned: () => string | null) {
    this.#host = host;
    this.#books = books;
    this.#queue = queue;
    this.#looker = looker;
    this.#owned = owned;
  }

  /** An attempt in flight that no running call of this instance owns is in doubt from now on. */
  recover(): void {
    for (const charge of this.#books.journal.openCharges()) {
      if (charge.state === "in_flight" && charge.chargeId !== this.#owned()) {
        this.#books.step(NOBODY, {}, (draft) => abandon(draft, charge.chargeId));
      }
    }
  }

  /**
   * Does everything that is due. What Harmony and the ledger do is caught where it is asked; a
   * storage error, or a failed re-arm, is thrown, so that the runtime repeats the alarm.
   */
  async alarm(): Promise<void> {
    this.#books.alarmFired();
    this.recover();
    const nowMs = this.#host.now();
    const due = this.#books.journal.openCharges();
    await Promise.all([
      this.#books.relay.deliver(),
      this.#lookForAll(due.filter((charge) => isDue(charge.nextLook, nowMs))),
      this.#pollAll(due.filter((charge) => isDue(charge.nextPoll, nowMs))),
    ]);
    await this.#books.relay.deliver();
    this.#books.storeMark();
    await this.#books.rearm();
  }

  /** The first look for a charge just come into doubt, and a poll of what its reply named. */
  async findNow(chargeId: string, actor: Actor): Promise<void> {
    const charge = this.#books.journal.chargeById(chargeId);
    if (charge?.nextPoll != null && this.#host.rules.reconcileMs[0] === 0) {
      await this.poll(charge, actor);
    }
    const after = this.#books.journal.chargeById(chargeId);
    if (after?.state === "in_doubt" && this.#host.rules.reconcileMs[0] === 0) {
      await this.#looker.look("doubt", chargeId, actor);
    }
  }

  async #lookForAll(charges: readonly Charge[]): Promise<void> {
    for (const { chargeId } of charges) {
      await this.#queue.run(async () => {
        // Loaded again at the head of the queue: an earlier look may have settled it.
        const charge = this.#books.journal.chargeById(chargeId);
        if (charge !== null && isDue(charge.nextLook, this.#host.now())) {
          await this.#looker.look(charge.state === "in_doubt" ? "doubt" : "late", chargeId, NOBODY);
        }
      });
    }
  }

  async #pollAll(charges: readonly Charge[]): Promise<void> {
    for (const charge of charges) {
      await this.poll(charge, NOBODY);
    }
  }

  /** Reads the payment that a charge waits for, and records what it says. */
  async poll(charge: Charge, actor: Actor): Promise<void> {
    const { journal } = this.#books;
    const own = openPaymentIds(charge, (id) => journal.payment(id));
    const named = charge.payment === null ? charge.attempts.at(-1)?.namedPaymentId : null;
    for (const paymentId of named == null ? own : [named]) {
      await pollPayment(this.#host, this.#books, { paymentId, askedFor: charge.chargeId }, actor);
    }
  }
}

/** One recorded read of a payment. */
export async function pollPayment(
  host: Host,
  books: Books,
  { paymentId, askedFor }: { paymentId: string; askedFor: string | null },
  actor: Actor,
) {
  const { journal } = books;
  const beganSeq = journal.lastSeq;
  const read = await host.harmony.readPayment(host.paymentMethodId, paymentId);
  const chargeId = journal.payment(paymentId)?.chargeId ?? null;
  const owner = chargeId === null ? null : journal.chargeById(chargeId);
  const siblings = owner === null ? [] : [owner.payment?.id ?? paymentId, ...owner.duplicates];
  books.step(
    actor,
    {
      payments: [...new Set([paymentId, ...siblings])],
      ...(chargeId === null ? {} : { chargeId }),
    },
    (draft) =>
      learnFromPoll(draft, {
        paymentId,
        askedFor,
        beganSeq,
        seen: read.payment,
        httpStatus: read.httpStatus,
        latencyMs: read.latencyMs,
        failure: read.failure,
      }),
  );
  return read;
}
