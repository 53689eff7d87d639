/**
 * Owns the order of charges and refunds on one payment method: first in, first out, in memory. The durable
 * intent, not this queue, is the truth. It never rejects, and must not decide what a charge may do.
 */
import type { ChargeCommand, RefundCommand } from "./commands.ts";
import type { Timer } from "./host.ts";
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

type Queued = ChargeCommand | RefundCommand;

export interface Ticket<C extends Queued = ChargeCommand> {
  readonly id: string;
  readonly command: C;
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
  readonly #tickets = new Map<string, Ticket<Queued>>();
  #queued = 0;

  /** The ticket that a repeat of this request joins, if it is still waiting or being sent. */
  find<C extends Queued>(command: C): Ticket<C> | null {
    // The id begins with the command's type, so that a ticket found is one of this type.
    return (this.#tickets.get(ticketId(command)) as Ticket<C> | undefined) ?? null;
  }

  get isFull(): boolean {
    return this.#queued >= WAITING_MAX;
  }

  /** Lines up a new ticket; `serve` runs when all before it are done. */
  add<C extends Queued>(command: C, serve: (ticket: Ticket<C>) => Promise<Settlement>): Ticket<C> {
    const id = ticketId(command);
    const { promise, resolve, reject } = Promise.withResolvers<Settlement>();
    // A failure is every waiter's to see; that nobody waits any more is no failure of its own.
    promise.catch(() => undefined);
    const ticket: Ticket<C> = {
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

/** What became of a ticket; null where the waiter's wait was over first. */
export async function settledWithin(
  ticket: Ticket<Queued>,
  waiter: Waiter,
  timer: Timer,
): Promise<Settlement | null> {
  ticket.waiters.add(waiter);
  const settled = await Promise.race([ticket.settled, timer.done.then(() => null)]);
  timer.cancel();
  ticket.waiters.delete(waiter);
  return settled;
}

/** Requests with the same id are the same wish: same caller, key and compared members. */
function ticketId(command: Queued): string {
  const { type, caller, idempotencyKey } = command;
  if (command.type === "refund") {
    return JSON.stringify([type, caller, idempotencyKey, command.id]);
  }
  const { amountMinor, currency, description, reference } = command.request;
  const members = [amountMinor, currency, description, reference];
  return JSON.stringify([type, caller, idempotencyKey, ...members]);
}
