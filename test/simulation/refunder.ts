/**
 * Owns the callers who want money back: under one key many times, under many keys at once, under a
 * key that is taken, for another payment than before, for payments of others, by the charge's id;
 * they ask again and vanish. What they were told is kept, to be held against the book. Must not look
 * into the gateway.
 */
import { type Call, refundCommand, type World } from "../support/fake-host.ts";
import type { Chance } from "./chance.ts";
import type { Door } from "./door.ts";
import type { Log } from "./log.ts";
import type { Plan } from "./plan.ts";
import type { Order, Told } from "./shop.ts";

export interface RefundWish {
  readonly key: string;
  readonly caller: string;
  readonly card: number;
  /** What the caller names: Harmony's payment id, or the id of the charge. */
  readonly of: string;
  readonly paymentId: string;
}

/** One request for a refund, and how it ended. */
export interface RefundAsk {
  readonly wish: RefundWish;
  readonly askedAtMs: number;
  readonly call: Call;
}

const MINUTE_MS = 60_000;
/** From how many wishes for refunds on, a life's callers wish for no more because they were refused. */
const WISHES_MAX = 100;
const PAUSES_MS = [50, 1000, 7000, MINUTE_MS, 6 * MINUTE_MS, 21 * MINUTE_MS];
/** A payment that Harmony has never heard of. */
const NO_PAYMENT = "cccccccc-0000-4000-8000-000000000000";

export class Refunder {
  readonly asks: RefundAsk[] = [];
  readonly wishes: RefundWish[] = [];
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #door: Door;
  readonly #worlds: readonly World[];
  readonly #plan: Plan;
  /** Hears of every answer. */
  readonly #heard: (wish: RefundWish, ended: Call) => void;
  /** The keys of the charges that a caller has thought about giving back. */
  readonly #considered = new Set<string>();

  constructor(
    chance: Chance,
    log: Log,
    door: Door,
    worlds: readonly World[],
    plan: Plan,
    heard: (wish: RefundWish, ended: Call) => void,
  ) {
    this.#heard = heard;
    this.#chance = chance;
    this.#log = log;
    this.#door = door;
    this.#worlds = worlds;
    this.#plan = plan;
  }

  /**
   * A caller was told of a charge. One that went well is perhaps given back, sooner or later;
   * `orderAgain` places the same order under another key.
   */
  heard({ order, reply }: Told, orderAgain: (order: Order) => void): void {
    // The first answer's bytes stay, and may name what was cancelled.
    const isCharged =
      reply.status === 201 && reply.money === "charged" && /"CONFIRMED"/.test(reply.body);
    if (!isCharged || this.#considered.has(order.key)) {
      return;
    }
    this.#considered.add(order.key);
    if (!this.#chance.yes(this.#plan.refundShare)) {
      return;
    }
    const { id } = JSON.parse(reply.body) as { id: string };
    const of = this.#chance.yes(0.25) ? (reply.chargeId ?? id) : id;
    // A UUID is the same in any letter case.
    const paymentId = id.toLowerCase();
    const afterMs = this.#chance.between(0, this.#chance.pick([200, MINUTE_MS, 15 * MINUTE_MS]));
    this.#time(order.card).after(afterMs, () => {
      const { card, caller } = order;
      const key = this.#refund({ card, caller, of, paymentId });
      this.#mistake(order, { key, card, caller, of, paymentId }, orderAgain);
    });
  }

  /** Asks for a refund; `patience` is how often the caller asks again before it gives up. */
  ask(wish: RefundWish, patience: number): void {
    const { key, caller, card, of } = wish;
    const world = this.#world(card);
    const command = refundCommand({
      key,
      caller,
      of,
      reason: this.#chance.pick([null, "the customer's wish", "another reason"]),
      waitMs: this.#chance.pick([1000, 5000, 25_000, 25_000]),
      requestId: this.#door.requestId(),
      paymentMethodId: world.paymentMethodId,
    });
    this.#log.note("ask to refund", { card, key, of });
    const askedAtMs = world.time.nowMs;
    const call = this.#door.send(world, command, (ended) => this.#told(wish, ended, patience));
    this.asks.push({ wish, askedAtMs, call });
  }

  /** One or more keys for one payment, each delivered once or more; gives the first of them. */
  #refund(about: Omit<RefundWish, "key">): string {
    const keys = this.#chance.pick([1, 1, 1, 1, 2, 3, 20]);
    const spreadMs = this.#chance.pick([0, 40, 5000, 20 * MINUTE_MS]);
    const first = `refund-${this.wishes.length + 1}`;
    for (let index = 0; index < keys; index += 1) {
      const wish = { ...about, key: `refund-${this.wishes.length + 1}` };
      this.wishes.push(wish);
      const deliveries = keys > 3 ? 1 : this.#chance.pick([1, 1, 2, 4]);
      for (let delivery = 0; delivery < deliveries; delivery += 1) {
        const afterMs = this.#chance.between(0, spreadMs);
        this.#time(about.card).after(afterMs, () =>
          this.ask(wish, keys > 3 ? this.#chance.between(0, 1) : this.#chance.between(0, 8)),
        );
      }
    }
    return first;
  }

  /** What a caller does wrong: each must be told so, and change nothing. */
  #mistake(order: Order, wish: RefundWish, orderAgain: (order: Order) => void): void {
    const { card } = wish;
    const payments = this.#world(card).sandbox.book.paymentsOf(this.#world(card).paymentMethodId);
    const any = this.#chance.pick([...payments.map(({ id }) => id), NO_PAYMENT]);
    const later = (fault: string, run: () => void) => {
      if (this.#chance.yes(0.12)) {
        this.#time(card).after(this.#chance.pick([0, 5000, 4 * MINUTE_MS]), () => {
          this.#log.fire(fault, { key: wish.key });
          run();
        });
      }
    };
    later("refund_under_the_charges_key", () => this.ask({ ...wish, key: order.key }, 0));
    later("refund_of_another_payment", () => this.ask({ ...wish, of: any, paymentId: any }, 1));
    later("charge_under_a_refunds_key", () =>
      orderAgain({ ...order, key: wish.key, wish: wish.key }),
    );
    later("refund_of_any_payment", () => {
      this.askFor(order, any);
    });
  }

  /** Some caller wants a payment back, whosoever it is. */
  askFor({ card, caller }: Pick<Order, "card" | "caller">, paymentId: string): void {
    const key = `refund-${this.wishes.length + 1}`;
    const wish = { card, caller, key, of: paymentId, paymentId };
    this.wishes.push(wish);
    this.ask(wish, 4);
  }

  #told(wish: RefundWish, ended: Call, patience: number): void {
    const { answer, lost } = ended;
    this.#heard(wish, ended);
    const { key, caller, card, of } = wish;
    const reply = answer?.reply ?? null;
    this.#log.note("told of the refund", {
      key,
      status: reply?.status ?? (lost ? "lost" : "error"),
      money: reply?.money ?? null,
      retry: reply?.retry ?? null,
      body: reply?.body ?? null,
    });
    const refundId = reply?.refundId ?? null;
    if (refundId !== null && this.#chance.yes(0.1)) {
      const world = this.#world(card);
      const { paymentMethodId } = world;
      const read = { v: 1, type: "read_refund", paymentMethodId, caller } as const;
      this.#door.send(world, { ...read, id: of, refundId });
    }
    if (patience === 0 || this.#chance.yes(0.1)) {
      return;
    }
    const done = reply !== null && reply.status < 500 && reply.retry !== "same_key";
    // Each new key may breed more than one; where none can ever be refunded, there is an end to it.
    const isPatient = this.wishes.length < WISHES_MAX;
    if (reply?.retry === "new_key" && isPatient && this.#chance.yes(0.3)) {
      this.#refund({ card, caller, of, paymentId: wish.paymentId });
    }
    if (done && this.#chance.yes(0.6)) {
      return;
    }
    const wishedMs = (reply?.retryAfterSeconds ?? 0) * 1000;
    const pauseMs = Math.max(wishedMs, this.#chance.pick(PAUSES_MS));
    this.#time(card).after(pauseMs, () => this.ask(wish, patience - 1));
  }

  #world(card: number): World {
    const world = this.#worlds[card];
    if (world === undefined) {
      throw new Error(`there is no card ${card}`);
    }
    return world;
  }

  #time(card: number): World["time"] {
    return this.#world(card).time;
  }
}
