/**
 * Callers over HTTP who behave as shops do: they repeat a key after every answer that leaves it
 * open, send one event many times at once, now and then change the amount under a used key, hang up
 * or vanish, and come back to old orders much later. Owns what is sent and what is counted of it;
 * judges nothing.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Runtime } from "../support/runtime.ts";
import { type Answer, answerOf, descriptionOf, finalsOf, isBound, type Order } from "./orders.ts";
import type { Random } from "./random.ts";

/** Longer than any wait of the gateway's; a request that outlasts it is given up. */
const REQUEST_MS_MAX = 10_000;
const WAIT_SECONDS = 2;
/** How often a caller knocks while nobody listens. */
const KNOCK_MS = 20;
/** The first order of a method; the others follow in centavos. */
const AMOUNT_MINOR_FROM = 10_000;

export class Callers {
  readonly orders: Order[] = [];
  readonly #runtime: Runtime;
  readonly #methods: readonly string[];
  readonly #random: Random;
  /** Left open by their callers, who come back some time. */
  #shelf: Order[] = [];
  readonly #amounts = new Map<string, number>();
  #inFlight = 0;
  #requests = 0;
  #lost = 0;
  #isOpen = true;

  constructor(runtime: Runtime, methods: readonly string[], random: Random) {
    this.#runtime = runtime;
    this.#methods = methods;
    this.#random = random;
  }

  /** Charge requests on their way now. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get requests(): number {
    return this.#requests;
  }

  /** Requests whose answer never came: killed, or hung up. */
  get lost(): number {
    return this.#lost;
  }

  /** So many callers at once, until they are closed. */
  async run(count: number): Promise<void> {
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const random = this.#random.fork(`caller ${index}`);
        while (this.#isOpen) {
          await this.#serve(this.#nextOrder(random), random);
          await sleep(random.between(0, 60));
        }
      }),
    );
  }

  /** No new orders; resolves in `run`. */
  close(): void {
    this.#isOpen = false;
  }

  /** Sends the order's request once somebody listens; null where no answer came. */
  async send(
    order: Order,
    { amountMinor = order.amountMinor, hangUpAfterMs = REQUEST_MS_MAX } = {},
  ): Promise<Answer | null> {
    for (;;) {
      const sentAtMs = Date.now();
      this.#inFlight += 1;
      this.#requests += 1;
      try {
        const answered = await this.#runtime.send(
          `/api/payment-method/${order.paymentMethodId}/payment`,
          {
            method: "POST",
            headers: {
              "content-type": "application/json",
              "idempotency-key": order.key,
              prefer: `wait=${WAIT_SECONDS}`,
            },
            body: JSON.stringify({ amount: amountMinor / 100, description: descriptionOf(order) }),
            signal: AbortSignal.timeout(hangUpAfterMs),
          },
        );
        const answer = answerOf(answered, sentAtMs, amountMinor !== order.amountMinor);
        order.answers.push(answer);
        return answer;
      } catch (error) {
        if (!isRefused(error) || !this.#isOpen) {
          this.#lost += 1;
          return null;
        }
        this.#requests -= 1;
      } finally {
        this.#inFlight -= 1;
      }
      await sleep(KNOCK_MS);
    }
  }

  #nextOrder(random: Random): Order {
    if (this.#shelf.length > 0 && random.isLucky(0.35)) {
      const order = random.pick(this.#shelf);
      this.#shelf = this.#shelf.filter((other) => other !== order);
      return order;
    }
    const paymentMethodId = random.pick(this.#methods);
    const amountMinor = this.#amounts.get(paymentMethodId) ?? AMOUNT_MINOR_FROM;
    this.#amounts.set(paymentMethodId, amountMinor + 1);
    const order: Order = {
      key: `order-${this.orders.length + 1}`,
      paymentMethodId,
      amountMinor,
      answers: [],
      vanished: false,
    };
    this.orders.push(order);
    return order;
  }

  async #serve(order: Order, random: Random): Promise<void> {
    if (random.isLucky(0.06)) {
      order.vanished = random.isLucky(0.5);
      await this.send(order, { hangUpAfterMs: random.between(1, 150) });
    } else {
      const copies = random.isLucky(0.15) ? random.between(3, 8) : 1;
      await Promise.all(Array.from({ length: copies }, async () => this.#deliver(order, random)));
    }
    if (isBound(order) && random.isLucky(0.08)) {
      await this.send(order, { amountMinor: order.amountMinor + 100_000 });
    }
    if (order.vanished) {
      return;
    }
    if (finalsOf(order).length === 0) {
      this.#shelf.push(order);
    } else if (random.isLucky(0.1)) {
      await this.send(order);
    }
  }

  /** Repeats the key until its answer is final, or patience is over. */
  async #deliver(order: Order, random: Random): Promise<void> {
    for (let patience = random.between(1, 6); patience > 0 && this.#isOpen; patience -= 1) {
      const answer = await this.send(order);
      if (answer?.text != null) {
        return;
      }
      await sleep(answer === null ? random.between(50, 500) : random.between(20, 300));
    }
  }
}

/** Nobody listened: nothing was sent. */
function isRefused(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: unknown } };
  return cause?.code === "ECONNREFUSED";
}
