/**
 * Owns the troubles that follow an order, since only what meets a doubt tries the rules: old payments
 * of the same price that no look lists and somebody reads, clocks that leap while a charge is in doubt,
 * statuses that Harmony takes back under slow reads. Must not know what the gateway makes of it.
 */
import type { Payment } from "../../sandbox/book.ts";
import type { World } from "../support/fake-host.ts";
import type { Chance } from "./chance.ts";
import type { Log } from "./log.ts";
import type { Plan } from "./plan.ts";
import type { Order, Told } from "./shop.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Later than any life: the history has forgotten it for good. */
const NEVER_MS = 10_000 * DAY_MS;
/** More would cost a doubt its whole horizon, which nobody promises to withstand. */
const LEAPS_MAX = 6;
/** How long a slow read takes: the quick ones of the same time overtake it. */
const SLOW_MS = 3000;

/** How those who feel the unrest are reached. */
export interface Touched {
  /** Somebody reads a payment of this card by its id. */
  readonly read: (card: number, paymentId: string) => void;
  /** Somebody wants one back. */
  readonly refund: (order: Order, paymentId: string) => void;
}

export class Unrest {
  readonly #plan: Plan;
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #worlds: readonly World[];
  readonly #touched: Touched;
  readonly #leaps = new Map<World, number>();
  readonly #flapping = new Set<string>();
  #isQuiet = false;

  constructor(plan: Plan, chance: Chance, log: Log, worlds: readonly World[], touched: Touched) {
    this.#plan = plan;
    this.#chance = chance;
    this.#log = log;
    this.#worlds = worlds;
    this.#touched = touched;
  }

  /** Nothing begins from here on. */
  end(): void {
    this.#isQuiet = true;
  }

  ordered(order: Order): void {
    if (this.#plan.troubles.has("strays") && this.#chance.yes(0.6)) {
      this.#stray(order);
    }
  }

  heard({ order, reply }: Told): void {
    if (this.#isQuiet) {
      return;
    }
    if (this.#plan.troubles.has("clock_leaps") && reply.status === 202) {
      this.#leap(this.#world(order.card));
    }
    if (this.#plan.troubles.has("flapping") && reply.status === 201) {
      const { id } = JSON.parse(reply.body) as { id: string };
      this.#flap(order.card, id);
    }
  }

  /** Somebody else's, mostly old, at the order's price: the history lists it later, or never. */
  #stray({ card, caller, amountMinor, ...order }: Order): void {
    const world = this.#world(card);
    const { book } = world.sandbox;
    const { nowMs } = world.time;
    const isLater = this.#chance.yes(0.3);
    // One that is cancelled, undated and listed while a charge is in doubt is taken for that charge's
    // (docs/testing.md, What is not proven).
    const status = this.#chance.pick(
      isLater ? (["CONFIRMED"] as const) : (["CONFIRMED", "CONFIRMED", "CANCELLED"] as const),
    );
    const stray = book.addPayment({
      paymentMethodId: world.paymentMethodId,
      amountMinor,
      description: null,
      status,
      origin: "foreign",
      createdAt: nowMs - this.#chance.pick([0, 1, 30, 200]) * DAY_MS,
    });
    stray.visibleAt = nowMs + (isLater ? this.#chance.between(0, 30 * MINUTE_MS) : NEVER_MS);
    book.changedPayment(stray);
    this.#log.fire(`stray_${status.toLowerCase()}_${isLater ? "later" : "never"}`, {
      id: stray.id,
    });
    const spanMs = this.#chance.pick([5000, MINUTE_MS, 20 * MINUTE_MS]);
    for (let reads = this.#chance.pick([1, 2, 5]); reads > 0; reads -= 1) {
      world.time.after(this.#chance.between(0, spanMs), () => {
        this.#log.count("stray_read");
        this.#touched.read(card, stray.id);
      });
    }
    if (this.#chance.yes(0.15)) {
      world.time.after(this.#chance.between(0, spanMs), () => {
        this.#log.fire("stray_refunded", { id: stray.id });
        this.#touched.refund({ card, caller, amountMinor, ...order }, stray.id);
      });
    }
  }

  /** The clock leaps forward, mostly once a minute, far or near. */
  #leap(world: World): void {
    const before = this.#leaps.get(world) ?? 0;
    const leaps = Math.min(this.#chance.between(1, LEAPS_MAX), LEAPS_MAX - before);
    this.#leaps.set(world, before + leaps);
    const gapMs = this.#chance.pick([20_000, MINUTE_MS, 130_000]);
    for (let leap = 1; leap <= leaps; leap += 1) {
      world.time.after(leap * gapMs + this.#chance.between(0, 5000), () => {
        this.#log.fire("clock_leapt");
        world.jumpClock(this.#chance.pick([10_000, 130_000, 20 * MINUTE_MS, 3 * HOUR_MS]));
      });
    }
  }

  /** Harmony takes a final status back, once or twice, while somebody reads it slowly and quickly. */
  #flap(card: number, id: string): void {
    const world = this.#world(card);
    const payment = world.sandbox.book.payment(id.toLowerCase());
    if (payment === undefined || this.#flapping.has(id) || this.#chance.yes(0.4)) {
      return;
    }
    this.#flapping.add(id);
    const times = this.#chance.between(1, 3);
    let afterMs = 0;
    for (let index = 0; index < times; index += 1) {
      afterMs += this.#chance.pick([2000, 10_000, 5 * MINUTE_MS]);
      this.#readAround(world, card, id, afterMs);
      world.time.after(afterMs, () => this.#takeBack(world, payment));
    }
  }

  #takeBack(world: World, payment: Payment): void {
    const becomes = {
      CONFIRMED: "CANCELLED",
      CANCELLED: "CONFIRMED",
      PENDING: "CANCELLED",
    } as const;
    const { status } = payment;
    if (status === "REFUNDED" || status === "NOT_INITIALIZED") {
      return;
    }
    this.#log.fire(`flapped_to_${becomes[status].toLowerCase()}`, { id: payment.id });
    world.sandbox.book.setPaymentStatus(payment, becomes[status]);
  }

  /** A slow read just before the change, quick ones just after: the older news arrives last. */
  #readAround(world: World, card: number, id: string, afterMs: number): void {
    const read = (atMs: number, latencyMs: number) =>
      world.time.after(atMs, () => {
        const method = world.sandbox.book.method(world.paymentMethodId);
        method?.scenario.reads.unshift({ kind: "ok", latencyMs });
        this.#touched.read(card, id);
      });
    read(afterMs - 100 - this.#chance.between(0, 900), SLOW_MS);
    for (let quick = this.#chance.between(1, 2); quick > 0; quick -= 1) {
      read(afterMs + 10 + this.#chance.between(0, 1500), 0);
    }
  }

  #world(card: number): World {
    const world = this.#worlds[card];
    if (world === undefined) {
      throw new Error(`there is no card ${card}`);
    }
    return world;
  }
}
