/**
 * Owns the work that no caller waits for: recovering attempts that nobody owns, looks, late looks
 * and polls that are due, delivery by alarm. It reads at Harmony; it must never submit anything.
 */
import {
  type Charge,
  type Due,
  isRefusalOpen,
  lastAttempt,
  paymentIdsOf,
} from "../domain/charge.ts";
import { abandon } from "../domain/decide.ts";
import { learnFromRefundRead } from "../domain/refund-doubt.ts";
import { learnFromPoll, namedIds, openPaymentIds, type PollReport } from "../domain/status.ts";
import { nextSeq } from "../domain/draft.ts";
import type { Actor } from "../domain/facts.ts";
import { isDue } from "../domain/schedule.ts";
import type { PaymentReading } from "../harmony/client.ts";
import { type Books, NOBODY } from "./books.ts";
import type { Host, Timer } from "./host.ts";
import type { Looker } from "./looker.ts";
import type { Queue } from "./queue.ts";
import type { RefundReads } from "./refund-reads.ts";
import type { Standing } from "./standing.ts";

/**
 * One pass begins no look or poll after this long; what is left stays due, and is next. With the
 * last look and the deliveries a pass ends within five minutes; the runtime allows fifteen.
 */
const PASS_MS = 60_000;

/** A refusal waits no longer than this for the look that it is told after. */
const REFUSAL_LOOK_MS = 5000;

/** The time of a pass: by a timer, since a clock that goes back would lengthen it. */
class Budget {
  readonly spent: Promise<void>;
  #isSpent = false;

  constructor(timer: Timer) {
    this.spent = this.#spend(timer);
  }

  get isSpent(): boolean {
    return this.#isSpent;
  }

  async #spend(timer: Timer): Promise<void> {
    await timer.done;
    this.#isSpent = true;
  }
}

export class Upkeep {
  readonly #host: Host;
  readonly #books: Books;
  readonly #queue: Queue;
  readonly #looker: Looker;
  readonly #standing: Standing;
  readonly #refundReads: RefundReads;
  readonly #owned: () => string | null;
  /** The pass under way, which alarm and cron share. */
  #pass: Promise<void> | null = null;

  constructor(
    host: Host,
    books: Books,
    parts: { queue: Queue; looker: Looker; refundReads: RefundReads; standing: Standing },
    owned: () => string | null,
  ) {
    this.#host = host;
    this.#books = books;
    this.#queue = parts.queue;
    this.#looker = parts.looker;
    this.#refundReads = parts.refundReads;
    this.#standing = parts.standing;
    this.#owned = owned;
  }

  /** An attempt in flight that no running call of this instance owns is in doubt from now on. */
  recover(actor: Actor): void {
    for (const charge of this.#books.journal.charges.open()) {
      if (charge.state === "in_flight" && charge.chargeId !== this.#owned()) {
        this.#books.step(actor, {}, (draft) => abandon(draft, charge.chargeId));
      }
    }
    this.#refundReads.recover(actor);
  }

  /**
   * Does everything that is due. What Harmony and the ledger do is caught where it is asked; a
   * storage error, or a failed re-arm, is thrown, so that the runtime repeats the alarm.
   */
  async alarm(): Promise<void> {
    this.#books.forgetAlarm();
    await this.#passOnce(NOBODY);
    await this.#books.rearm();
  }

  /** The same for the cron, which comes where the runtime has dropped the alarm for good. */
  async wake(actor: Actor): Promise<void> {
    this.#books.forgetAlarm();
    this.#standing.forget();
    await this.#passOnce(actor);
    await this.#books.rearm();
  }

  async #passOnce(actor: Actor): Promise<void> {
    this.#pass ??= this.#run(actor).finally(() => {
      this.#pass = null;
    });
    await this.#pass;
  }

  async #run(actor: Actor): Promise<void> {
    const nowMs = this.#host.now();
    this.recover(actor);
    const open = this.#books.journal.charges.open();
    const timer = this.#host.timer(PASS_MS);
    const budget = new Budget(timer);
    await Promise.all([
      this.#deliver(),
      this.#lookForAll(dueFirst(open, "nextLook", nowMs), budget, actor),
      this.#pollAll(dueFirst(open, "nextPoll", nowMs), budget, actor),
      this.#refundReads.readDue(actor, () => budget.isSpent),
    ]);
    timer.cancel();
    await this.#deliver();
    this.#books.storeMark();
    await this.#standing.report();
  }

  /** Waits for a delivery, but no longer than for a look: it goes on by itself, and has its alarm. */
  async #deliver(): Promise<void> {
    const timer = this.#host.timer(PASS_MS);
    await Promise.race([this.#books.relay.deliver(), timer.done]);
    timer.cancel();
  }

  /** The first look for a charge just come into doubt, and a poll of what its reply named. */
  async findNow(chargeId: string, actor: Actor): Promise<void> {
    const { charges } = this.#books.journal;
    const charge = charges.byId(chargeId);
    if (charge !== null && isRefusalOpen(charge)) {
      await this.#looker.look("doubt", chargeId, actor, REFUSAL_LOOK_MS);
      return;
    }
    if (charge !== null && lastAttempt(charge).nameIs === "guess") {
      await this.#looker.readGuesses(actor);
    }
    if (this.#host.rules.reconcileMs[0] !== 0) {
      return;
    }
    if (charge !== null && namedIds(charge).length > 0) {
      await this.poll(charge, actor);
    }
    if (charges.byId(chargeId)?.state === "in_doubt") {
      await this.#looker.look("doubt", chargeId, actor);
    }
  }

  async #lookForAll(charges: readonly Charge[], budget: Budget, actor: Actor): Promise<void> {
    for (const { chargeId } of charges) {
      await this.#inTurn(budget, async () => {
        // Loaded again at the head of the queue: an earlier look may have settled it.
        const charge = this.#books.journal.charges.byId(chargeId);
        if (charge !== null && isDue(charge.nextLook, this.#host.now())) {
          await this.#looker.look(charge.state === "in_doubt" ? "doubt" : "late", chargeId, actor);
        }
      });
    }
  }

  /** Runs work in the queue if its turn comes in time: then to its end, otherwise not at all. */
  async #inTurn(budget: Budget, work: () => Promise<void>): Promise<void> {
    let hasBegun = false;
    const done = this.#queue.run(async () => {
      if (!budget.isSpent) {
        hasBegun = true;
        await work();
      }
    });
    await Promise.race([done, budget.spent.then(async () => (hasBegun ? done : undefined))]);
  }

  async #pollAll(charges: readonly Charge[], budget: Budget, actor: Actor): Promise<void> {
    for (const charge of charges) {
      if (budget.isSpent) {
        return;
      }
      await this.poll(charge, actor);
    }
  }

  /** Reads the payment that a charge waits for, and records what it says. */
  async poll(charge: Charge, actor: Actor): Promise<void> {
    const { journal } = this.#books;
    const own = openPaymentIds(charge, (id) => journal.payment(id));
    const ids = new Set([...own, ...namedIds(charge)]);
    // With nothing left to ask for, one more read ends the polls.
    for (const paymentId of ids.size === 0 ? paymentIdsOf(charge).slice(0, 1) : ids) {
      await pollPayment(this.#host, this.#books, { paymentId, askedFor: charge.chargeId }, actor);
    }
  }
}

/** Those with such work due, the longest due first, so that a full pass starves none. */
export function dueFirst<Work extends string, T extends Readonly<Record<Work, Due | null>>>(
  all: readonly T[],
  work: Work,
  nowMs: number,
): T[] {
  return all
    .filter((one) => isDue(one[work], nowMs))
    .sort((a, b) => (a[work]?.atMs ?? 0) - (b[work]?.atMs ?? 0));
}

/** A read to be made: of which payment, for which charge or refund, and how long it may take. */
export interface Read {
  readonly paymentId: string;
  readonly askedFor?: string | null;
  readonly refundId?: string | null;
  readonly limitMs?: number;
}

/** One recorded read of a payment; `seq` is its entry's. */
export async function pollPayment(
  host: Host,
  books: Books,
  { paymentId, askedFor, refundId, limitMs }: Read,
  actor: Actor,
): Promise<PaymentReading & { readonly seq: number }> {
  const beganSeq = books.journal.lastSeq;
  const spelt = books.speltOf(paymentId);
  const read = await host.harmony.readPayment(host.paymentMethodId, spelt, limitMs);
  const report = { ...reportOf(paymentId, beganSeq, read), askedFor: askedFor ?? null };
  const seq = books.step(actor, books.around(paymentId), (draft) => {
    const pollSeq = nextSeq(draft);
    if (refundId == null) {
      learnFromPoll(draft, report);
    } else {
      learnFromRefundRead(draft, refundId, report);
    }
    return pollSeq;
  });
  return { ...read, seq };
}

/** A read of a payment as a decision takes it. */
export function reportOf(
  paymentId: string,
  beganSeq: number,
  { payment: seen, httpStatus, latencyMs, failure }: PaymentReading,
): PollReport {
  return { askedFor: null, beganSeq, paymentId, seen, httpStatus, latencyMs, failure };
}
