/**
 * Owns the order of charges on one payment method: first in, first out, in memory. The durable
 * intent, not this queue, is the truth. It never rejects, and must not decide what a charge may do.
 */
import type { ChargeCommand } from "./commands.ts";
import type { Reply } from "../domain/reply.ts";

/** More tickets than this waiting on one card are turned away: nobody would get an answer in time. */
export const WAITING_MAX = 128;

/** What became of a ticket; every waiter gets the same. */
export interface Settlement {
  readonly reply: Reply;
  readonly harmonyMs: number;
}

/** One caller's request that waits. Duplicates of it wait on the same ticket. */
export interface Waiter {
  readonly requestId: string | null;
}

export interface Ticket {
  readonly id: string;
  readonly command: ChargeCommand;
  /** Who still waits, in order of arrival. Nothing is sent for a ticket that nobody waits for. */
  readonly waiters: Set<Waiter>;
  /** Queued, reading what must be known first, or sent. */
  stage: "queued" | "reading" | "sent";
  /** The waiter whose request sent the attempt: its answer is no replay. */
  sender: Waiter | null;
  startedAtMs: number | null;
  readonly settled: Promise<Settlement>;
}

export class Queue {
  #tail: Promise<void> = Promise.resolve();
  readonly #tickets = new Map<string, Ticket>();
  #queued = 0;

  /** The ticket that a repeat of this request joins, if it is still waiting or being sent. */
  find(command: ChargeCommand): Ticket | null {
    return this.#tickets.get(ticketId(command)) ?? null;
  }

  get isFull(): boolean {
    return this.#queued >= WAITING_MAX;
  }

  /** Lines up a new ticket; `serve` runs when all before it are done. */
  add(command: ChargeCommand, serve: (ticket: Ticket) => Promise<Settlement>): Ticket {
    const id = ticketId(command);
    const { promise, resolve, reject } = Promise.withResolvers<Settlement>();
    // A failure is every waiter's to see; that nobody waits any more is no failure of its own.
    promise.catch(() => undefined);
    const ticket: Ticket = {
      id,
      command,
      waiters: new Set(),
      stage: "queued",
      sender: null,
      startedAtMs: null,
      settled: promise,
    };
    this.#tickets.set(id, ticket);
    this.#queued += 1;
    void this.run(async () => {
      this.#queued -= 1;
      await serve(ticket).then(resolve, reject);
      this.#tickets.delete(id);
    });
    return ticket;
  }

  /** Runs other work that must not overlap a charge: a look. Never rejects the queue itself. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work);
    this.#tail = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }
}

/** Requests with the same id are the same wish: same caller, key and compared members. */
function ticketId(command: ChargeCommand): string {
  const { amountMinor, currency, description } = command.request;
  return JSON.stringify([
    command.caller,
    command.idempotencyKey,
    amountMinor,
    currency,
    description,
  ]);
}
