/**
 * Owns what happens in a life that is made for one coincidence, once a charge is in doubt or refused:
 * somebody else's payment of its price, an outage of the history, a read at a bad moment. Must not know
 * what the gateway makes of it.
 */
import type { World } from "../support/fake-host.ts";
import type { Chance } from "./chance.ts";
import type { Coincidence, FatedPlan } from "./coincidence-plan.ts";
import type { Log } from "./log.ts";
import { keyOf, type Order, type Ordered, type Told } from "./shop.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Longer than any clock is off, up to yesterday's and last month's. */
const LONG_AGO_MS = [15 * MINUTE_MS, 2 * HOUR_MS, DAY_MS, 30 * DAY_MS];
/** When a look is due that shows nothing, and when the rival is listed: after the last late look. */
const AFTER_ALL_MS = 27 * HOUR_MS;
const LISTED_AFTER_ALL_MS = 28 * HOUR_MS;
/** Prices that nobody else asks for: each brings a doubt with looks of its own. */
const FURTHER_MINOR = [711_300, 711_900];
const LOST = { kind: "lose_before_charging", how: "reset", latencyMs: 0 } as const;
const SLOW_MS = 15_000;

export class Coincidences {
  readonly #plan: FatedPlan;
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #world: World | undefined;
  readonly #order: (ordered: Ordered) => void;
  readonly #read: (paymentId: string) => void;
  /** Orders that it has befallen: each at the most once. */
  readonly #befallen = new Set<string>();

  /** `order` and `read` are of anybody, on the only card that such a life has. */
  constructor(
    plan: FatedPlan,
    chance: Chance,
    log: Log,
    worlds: readonly World[],
    others: { readonly order: (ordered: Ordered) => void; readonly read: (id: string) => void },
  ) {
    this.#plan = plan;
    this.#chance = chance;
    this.#log = log;
    [this.#world] = worlds;
    this.#order = others.order;
    this.#read = others.read;
  }

  heard({ order, reply }: Told): void {
    const { coincidence } = this.#plan;
    const isRefused = coincidence === "read_in_flight";
    const isMet = isRefused ? reply.money === "not_charged" : reply.status === 202;
    if (coincidence !== null && isMet && !this.#befallen.has(order.key)) {
      this.#befallen.add(order.key);
      this.#befall(coincidence, order);
    }
  }

  #befall(coincidence: Coincidence, order: Order): void {
    switch (coincidence) {
      case "rival_of_a_name":
        this.#rival(order, this.#chance.pick([0, 1, MINUTE_MS]), 0);
        return;
      case "rival_of_long_ago":
        this.#rival(order, this.#chance.pick(LONG_AGO_MS), this.#chance.pick([0, MINUTE_MS]));
        return;
      case "rival_after_the_window":
        this.#rivalAfterAll(order);
        return;
      case "history_out_in_a_doubt":
        this.#historyOut();
        return;
      case "read_in_flight":
        this.#readInFlight(order);
    }
  }

  /** Somebody else's, of the price: made so long ago, listed so much later. */
  #rival({ amountMinor }: Order, agoMs: number, listedAfterMs: number): void {
    const world = this.#world;
    if (world === undefined) {
      return;
    }
    const { book } = world.sandbox;
    const rival = book.addPayment({
      paymentMethodId: world.paymentMethodId,
      amountMinor,
      description: null,
      status: "CONFIRMED",
      origin: "foreign",
      createdAt: world.time.nowMs - agoMs,
    });
    rival.visibleAt = world.time.nowMs + listedAfterMs;
    book.changedPayment(rival);
    this.#log.fire(this.#plan.coincidence ?? "", { id: rival.id });
  }

  /** A doubt of another price looks before it and after it. */
  #rivalAfterAll(order: Order): void {
    const time = this.#world?.time;
    const [before = 0, after = 0] = FURTHER_MINOR;
    if (this.#befallen.size === 1) {
      time?.after(AFTER_ALL_MS, () => this.#orderLost(before));
      time?.after(LISTED_AFTER_ALL_MS + MINUTE_MS, () => this.#orderLost(after));
      time?.after(LISTED_AFTER_ALL_MS, () => this.#rival(order, 0, 0));
    }
  }

  #historyOut(): void {
    const minutes = this.#chance.pick([40, 70, 120]);
    if (this.#befallen.size === 1) {
      this.#log.fire("history_out_in_a_doubt", { minutes });
      this.#world?.outage(this.#chance.pick(["hang", "error500"] as const), ["look"]);
      this.#world?.time.after(minutes * MINUTE_MS, () => this.#world?.outage("none"));
    }
  }

  /** Another charge leaves at once and takes long; meanwhile somebody reads what the refusal has made. */
  #readInFlight({ key }: Order): void {
    const world = this.#world;
    const made = world?.sandbox.book
      .paymentsOf(world.paymentMethodId)
      .find((one) => keyOf(one) === key);
    const scenario = world?.sandbox.book.method(world.paymentMethodId)?.scenario;
    if (world === undefined || made === undefined || scenario === undefined) {
      return;
    }
    this.#log.fire("read_in_flight", { id: made.id });
    scenario.charges.unshift({ kind: "approve", latencyMs: SLOW_MS });
    this.#order({ card: 0, amountMinor: FURTHER_MINOR[this.#befallen.size % 2] ?? 0 });
    for (const afterMs of [2000, 5000]) {
      world.time.after(afterMs, () => {
        scenario.reads.length = 0;
        this.#read(made.id);
      });
    }
  }

  #orderLost(amountMinor: number): void {
    const world = this.#world;
    world?.sandbox.book.method(world.paymentMethodId)?.scenario.charges.unshift(LOST);
    this.#order({ card: 0, amountMinor });
  }
}
