/**
 * Owns the callers of a life: they order, deliver the same order many times, change their mind,
 * reuse keys, read at bad moments and vanish. What they were told is kept, to be held against the
 * book. Must not look into the gateway.
 */
import type { Reply } from "../../src/domain/reply.ts";
import { type Call, chargeCommand, type World } from "../support/fake-host.ts";
import type { Chance } from "./chance.ts";
import { CALLER, type Door, READER } from "./door.ts";
import type { Log } from "./log.ts";

export interface Order {
  readonly key: string;
  /** What a customer wishes once, under however many keys it is asked for. */
  readonly wish: string;
  readonly card: number;
  readonly amountMinor: number;
  readonly caller: string;
}

/** What a new order is of: a wish of its own, unless it is one that was asked for before. */
export type Ordered = Pick<Order, "card" | "amountMinor"> & Partial<Pick<Order, "wish" | "caller">>;

/** A payment that a caller was shown, by its own read or on a page. */
export interface Seen {
  readonly card: number;
  readonly paymentId: string;
  readonly status: string;
  readonly askedAtMs: number;
  readonly toldAtMs: number;
}

/** One answer to one wish to charge. */
export interface Told {
  readonly order: Order;
  readonly askedAtMs: number;
  readonly toldAtMs: number;
  readonly reply: Reply;
}

type Shown = { readonly id?: string; readonly status?: string };

const MINUTE_MS = 60_000;
/** When a program asks again under a new key: at once, or when the customer comes back. */
const AGAIN_AFTER_MS = [0, 0, 0, 1000, MINUTE_MS, 8 * MINUTE_MS, 16 * MINUTE_MS, 25 * MINUTE_MS];
/** What a caller waits before it asks again, where nobody told it. */
const PAUSES_MS = [50, 1000, 7000, MINUTE_MS, 6 * MINUTE_MS, 21 * MINUTE_MS];

/** The key that a payment was really made for; null for one that others made. */
export function keyOf({
  origin,
  description,
}: {
  origin?: string;
  description: string | null;
}): string | null {
  return origin === "foreign" ? null : (/^for (\S+)/.exec(description ?? "")?.[1] ?? null);
}

export class Shop {
  readonly told: Told[] = [];
  /** What was read of charges: it is about money, too. */
  readonly read: Told[] = [];
  readonly seen: Seen[] = [];
  /** Every key that a charge was asked for under, with what was first asked. */
  readonly orders: Order[] = [];
  /** When a charge was asked for, whether or not anybody heard the answer. */
  readonly asks: { readonly key: string; readonly atMs: number }[] = [];
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #door: Door;
  readonly #worlds: readonly World[];
  /** Hears of every answer. */
  readonly #onTold: (told: Told) => void;
  #keys = 0;
  /** Keys in whose place their wish was asked for under another one. */
  readonly #orderedAgain = new Set<string>();
  /** Keys of which a caller was told that their wish was paid before: nobody asks for them again. */
  readonly #closed = new Set<string>();

  constructor(
    chance: Chance,
    log: Log,
    door: Door,
    worlds: readonly World[],
    onTold: (told: Told) => void,
  ) {
    this.#chance = chance;
    this.#log = log;
    this.#door = door;
    this.#worlds = worlds;
    this.#onTold = onTold;
  }

  /** A new order, delivered once or many times within the span. */
  order(ordered: Ordered, spanMs: number): Order {
    this.#keys += 1;
    const key = `order-${this.#keys}`;
    const order: Order = { wish: key, caller: CALLER, ...ordered, key };
    const deliveries = this.#chance.pick([1, 1, 1, 2, 3, 6]);
    for (let index = 0; index < deliveries; index += 1) {
      const afterMs =
        index === 0 ? 0 : this.#chance.between(0, this.#chance.pick([40, 5000, spanMs]));
      this.#time(order).after(afterMs, () => this.ask(order, this.#chance.between(0, 8)));
    }
    return order;
  }

  /** Wishes the charge; `patience` is how often the caller asks again before it gives up. */
  ask(order: Order, patience: number): void {
    const { key, card, amountMinor } = order;
    const changed = this.#chance.yes(0.06);
    const asked = changed ? { ...order, amountMinor: amountMinor + 100 } : order;
    const world = this.#world(card);
    const askedAtMs = world.time.nowMs;
    if (this.#closed.has(key)) {
      return;
    }
    this.asks.push({ key, atMs: askedAtMs });
    if (!this.orders.some((one) => one.key === key)) {
      this.orders.push(order);
    }
    const command = chargeCommand({
      key,
      caller: order.caller,
      amountMinor: asked.amountMinor,
      description: `for ${key} of a shop`,
      waitMs: this.#chance.pick([1000, 5000, 25_000, 25_000]),
      requestId: this.#door.requestId(),
      paymentMethodId: world.paymentMethodId,
    });
    this.#log.note("ask", { card, key, amountMinor: asked.amountMinor });
    if (changed) {
      this.#log.fire("caller_changed_its_mind", { key });
    }
    this.#door.send(world, command, (call) => this.#heard(asked, askedAtMs, call, patience));
    for (let reads = this.#chance.pick([0, 0, 0, 0, 1, 1, 4]); reads > 0; reads -= 1) {
      world.time.after(this.#chance.between(0, 30_000), () => this.#read(order));
    }
  }

  #heard(order: Order, askedAtMs: number, call: Call, patience: number): void {
    const reply = call.answer?.reply ?? null;
    this.#log.note("told", {
      key: order.key,
      status: reply?.status ?? (call.lost ? "lost" : "error"),
      money: reply?.money ?? null,
      retry: reply?.retry ?? null,
      body: reply?.body ?? null,
    });
    if (reply !== null) {
      const told = { order, askedAtMs, toldAtMs: this.#time(order).nowMs, reply };
      this.told.push(told);
      if (reply.body.includes('"code":"earlier_charge_paid"')) {
        this.#closed.add(order.key);
      }
      this.#onTold(told);
    }
    if (reply?.status === 201 && reply.money === "pending") {
      // Reads that overtake one another.
      const { id } = JSON.parse(reply.body) as { id: string };
      for (let reads = this.#chance.pick([0, 3]); reads > 0; reads -= 1) {
        const afterMs = this.#chance.between(0, 4000);
        this.#time(order).after(afterMs, () => this.readPayment(order.card, id));
      }
    }
    if (patience === 0 || this.#chance.yes(0.1)) {
      this.#log.fire("caller_vanished", { key: order.key });
      return;
    }
    this.#goOn(order, reply, patience - 1);
  }

  #goOn(order: Order, reply: Reply | null, patience: number): void {
    const done = reply !== null && reply.status < 500 && reply.retry !== "same_key";
    // Under one new key, however often it was told: two would be two wishes.
    const share = 0.8;
    if (
      reply?.retry === "new_key" &&
      !this.#orderedAgain.has(order.key) &&
      this.#chance.yes(share)
    ) {
      this.#orderedAgain.add(order.key);
      const afterMs = this.#chance.pick(AGAIN_AFTER_MS);
      if (afterMs === 0) {
        this.order(order, MINUTE_MS);
      } else {
        this.#time(order).after(afterMs, () => void this.order(order, MINUTE_MS));
      }
      return;
    }
    if (done && this.#chance.yes(0.7)) {
      return;
    }
    const wishedMs = (reply?.retryAfterSeconds ?? 0) * 1000;
    const pauseMs =
      reply === null
        ? this.#chance.between(20, 1500)
        : Math.max(wishedMs, this.#chance.pick(PAUSES_MS));
    this.#time(order).after(pauseMs, () => this.ask(order, patience));
  }

  /** Reads the charge, or a payment: of the charge, or any that Harmony shows. */
  #read(order: Order): void {
    const world = this.#world(order.card);
    const { paymentMethodId } = world;
    const { caller } = order;
    const by = { caller, idempotencyKey: order.key };
    if (this.#chance.yes(0.3)) {
      const command = { v: 1, type: "read_charge", paymentMethodId, caller, by } as const;
      const askedAtMs = world.time.nowMs;
      this.#door.send(world, command, ({ answer }) => {
        if (answer !== null) {
          this.read.push({ order, askedAtMs, toldAtMs: world.time.nowMs, reply: answer.reply });
        }
      });
      return;
    }
    if (this.#chance.yes(0.4)) {
      const page = this.#chance.pick([null, 1, 2]);
      const query = { status: null, page, pageSize: this.#chance.pick([null, 1, 50]) };
      this.#log.note("read a page", { page });
      const command = {
        v: 1,
        type: "read_history",
        paymentMethodId,
        query,
        actor: READER,
      } as const;
      this.#door.send(world, command, this.#sees(order.card));
      return;
    }
    // Of another card now and then: nobody's business here.
    const ofAnyCard = this.#chance.yes(0.05);
    const { book } = world.sandbox;
    const shown = ofAnyCard ? book.payments() : book.paymentsOf(paymentMethodId);
    if (shown.length > 0) {
      this.readPayment(order.card, this.#chance.pick(shown).id);
    }
  }

  /** Reads every payment of every card. */
  readAll(): void {
    for (const [card, world] of this.#worlds.entries()) {
      for (const { id } of world.sandbox.book.paymentsOf(world.paymentMethodId)) {
        this.readPayment(card, id);
      }
    }
  }

  readPayment(card: number, id: string): void {
    const world = this.#world(card);
    const { paymentMethodId } = world;
    this.#log.note("read", { id });
    const command = { v: 1, type: "read_payment", paymentMethodId, caller: CALLER } as const;
    this.#door.send(world, { ...command, id, actor: READER }, this.#sees(card));
  }

  /** Keeps what an answer shows of payments: whoever was told of one has a right to rely on it. */
  #sees(card: number): (call: Call) => void {
    const { time } = this.#world(card);
    const askedAtMs = time.nowMs;
    return ({ answer }) => {
      if (answer?.reply.status !== 200) {
        return;
      }
      const body = JSON.parse(answer.reply.body) as { items?: Shown[] } & Partial<Shown>;
      for (const { id, status } of body.items ?? [body]) {
        if (id !== undefined && status !== undefined) {
          const told = { askedAtMs, toldAtMs: time.nowMs };
          // A UUID is the same in any letter case.
          this.seen.push({ card, paymentId: id.toLowerCase(), status, ...told });
        }
      }
    };
  }

  #world(card: number): World {
    const world = this.#worlds[card];
    if (world === undefined) {
      throw new Error(`there is no card ${card}`);
    }
    return world;
  }

  #time(order: Order): World["time"] {
    return this.#world(order.card).time;
  }
}
