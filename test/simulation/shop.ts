/**
 * Owns the callers of a life: they order, deliver the same order many times, change their mind,
 * reuse keys, read at bad moments and vanish. What they were told is kept, to be held against the
 * book. Must not look into the gateway.
 */
import type { Reply } from "../../src/domain/reply.ts";
import { REGISTER_EVERY_MS, registerMethod } from "../../src/ledger/methods.ts";
import { type Call, chargeCommand, type World } from "../support/fake-host.ts";
import type { Chance } from "./chance.ts";
import type { Log } from "./log.ts";

export interface Order {
  readonly key: string;
  readonly card: number;
  readonly amountMinor: number;
}

/** One answer to one wish to charge. */
export interface Told {
  readonly order: Order;
  readonly askedAtMs: number;
  readonly toldAtMs: number;
  readonly reply: Reply;
}

const MINUTE_MS = 60_000;
const LEDGER_TIMEOUT_MS = 10_000;
/** What a caller waits before it asks again, where nobody told it. */
const PAUSES_MS = [50, 1000, 7000, MINUTE_MS, 6 * MINUTE_MS, 21 * MINUTE_MS];

const CALLER = "main";
const READER = {
  caller: CALLER,
  keyId: "test",
  requestId: null,
  traceId: null,
  origin: "192.0.2.2",
};

export class Shop {
  readonly told: Told[] = [];
  /** Errors of our own code that a caller got to see. */
  readonly errors: unknown[] = [];
  open = 0;
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #worlds: readonly World[];
  readonly #registeredAtMs = new Map<string, number>();
  readonly #readEnded = ({ error }: Call): void => {
    if (error !== null) {
      this.errors.push(error);
    }
  };
  #orders = 0;
  #requests = 0;

  constructor(chance: Chance, log: Log, worlds: readonly World[]) {
    this.#chance = chance;
    this.#log = log;
    this.#worlds = worlds;
  }

  /** A new order, delivered once or many times within the span. */
  order(card: number, amountMinor: number, spanMs: number): Order {
    this.#orders += 1;
    const order = { key: `order-${this.#orders}`, card, amountMinor };
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
    this.#requests += 1;
    const world = this.#world(card);
    const askedAtMs = world.time.nowMs;
    const command = chargeCommand({
      key,
      amountMinor: asked.amountMinor,
      description: `for ${key} of a shop`,
      waitMs: this.#chance.pick([1000, 5000, 25_000, 25_000]),
      requestId: `request-${this.#requests}`,
      paymentMethodId: world.paymentMethodId,
    });
    void this.#register(world);
    this.open += 1;
    this.#log.note("ask", { card, key, amountMinor: asked.amountMinor });
    if (changed) {
      this.#log.fire("caller_changed_its_mind", { key });
    }
    world.send(command, (call) => {
      this.open -= 1;
      this.#heard(asked, askedAtMs, call, patience);
    });
    for (let reads = this.#chance.pick([0, 0, 0, 0, 1, 1, 4]); reads > 0; reads -= 1) {
      world.time.after(this.#chance.between(0, 30_000), () => this.#read(order));
    }
  }

  /** As the Worker does beside a command: at most once a minute, and nobody waits for it. */
  async #register({ ledger, time, paymentMethodId }: World): Promise<void> {
    const lastMs = this.#registeredAtMs.get(paymentMethodId) ?? Number.NEGATIVE_INFINITY;
    if (time.nowMs - lastMs >= REGISTER_EVERY_MS) {
      this.#registeredAtMs.set(paymentMethodId, time.nowMs);
      await registerMethod(ledger, paymentMethodId, time.nowMs, LEDGER_TIMEOUT_MS);
    }
  }

  #heard(order: Order, askedAtMs: number, call: Call, patience: number): void {
    if (call.error !== null) {
      this.errors.push(call.error);
    }
    const reply = call.answer?.reply ?? null;
    this.#log.note("told", {
      key: order.key,
      status: reply?.status ?? (call.lost ? "lost" : "error"),
      money: reply?.money ?? null,
      retry: reply?.retry ?? null,
      body: reply?.body ?? null,
    });
    if (reply !== null) {
      this.told.push({ order, askedAtMs, toldAtMs: this.#time(order).nowMs, reply });
    }
    if (reply?.status === 201 && reply.money === "pending") {
      // Reads that overtake one another.
      const { id } = JSON.parse(reply.body) as { id: string };
      for (let reads = this.#chance.pick([0, 3]); reads > 0; reads -= 1) {
        this.#time(order).after(this.#chance.between(0, 4000), () => this.#readPayment(order, id));
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
    if (reply?.retry === "new_key" && this.#chance.yes(0.3)) {
      this.order(order.card, order.amountMinor, MINUTE_MS);
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
    const by = { caller: CALLER, idempotencyKey: order.key };
    if (this.#chance.yes(0.3)) {
      const command = { v: 1, type: "read_charge", paymentMethodId, caller: CALLER, by } as const;
      world.send(command, this.#readEnded);
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
      world.send(command, this.#readEnded);
      return;
    }
    const shown = world.sandbox.book.paymentsOf(paymentMethodId);
    if (shown.length > 0) {
      this.#readPayment(order, this.#chance.pick(shown).id);
    }
  }

  #readPayment(order: Order, id: string): void {
    const world = this.#world(order.card);
    const { paymentMethodId } = world;
    this.#log.note("read", { id });
    world.send(
      { v: 1, type: "read_payment", paymentMethodId, caller: CALLER, id, actor: READER },
      this.#readEnded,
    );
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
