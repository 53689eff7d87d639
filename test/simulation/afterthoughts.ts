/**
 * Owns what Harmony does after it has said something: it takes a no back once the caller was told to
 * ask anew, lists somebody's cancelled payment of the price during a doubt, and forgets for good what
 * it has listed. Must not know what the gateway makes of it.
 */
import type { World } from "../support/fake-host.ts";
import type { Chance } from "./chance.ts";
import type { Log } from "./log.ts";
import type { LaterTrouble, Plan } from "./plan.ts";
import { keyOf, type Order, type Ordered, type Told } from "./shop.ts";

const MINUTE_MS = 60_000;
/** A payment is forgotten only after so long: whoever looks at all has seen it by then. */
const LISTED_MS = MINUTE_MS;
const FORGOTTEN_MAX = 3;
/** From when on what is taken back holds money: at once, in time, or after every horizon. */
/** When it is listed that somebody else has paid the price: within the horizon of a no, or after it. */
const LISTED_AFTER_MS = [0, MINUTE_MS, 17 * MINUTE_MS, 17 * MINUTE_MS];
/** More than a caller changes its mind by. */
const COPIED_MINOR = 77_700;
const DAY_MS = 24 * 60 * MINUTE_MS;
const TAKEN_BACK_MS = [0, 500, 5000, MINUTE_MS, 5 * MINUTE_MS, 20 * MINUTE_MS];

export class Afterthoughts {
  readonly #plan: Plan;
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #worlds: readonly World[];
  readonly #order: (ordered: Ordered) => void;
  readonly #takenBack = new Set<string>();
  readonly #denied = new Set<string>();
  #isQuiet = false;

  /** `order` is of somebody who wishes something of that price later. */
  constructor(
    plan: Plan,
    chance: Chance,
    log: Log,
    worlds: readonly World[],
    order: (ordered: Ordered) => void,
  ) {
    this.#order = order;
    this.#plan = plan;
    this.#chance = chance;
    this.#log = log;
    this.#worlds = worlds;
  }

  begin(): void {
    if (!this.#has("forgotten")) {
      return;
    }
    for (let times = this.#chance.between(1, FORGOTTEN_MAX); times > 0; times -= 1) {
      const world = this.#chance.pick(this.#worlds);
      world.time.after(this.#chance.between(0, this.#plan.busyMs), () => this.#forget(world));
    }
  }

  /** Nothing begins from here on. */
  end(): void {
    this.#isQuiet = true;
  }

  heard({ order, reply }: Told): void {
    if (this.#isQuiet) {
      return;
    }
    if (this.#has("taken_back") && reply.retry === "new_key") {
      this.#takeBack(order);
    }
    if (this.#plan.copied && this.#chance.yes(0.3)) {
      this.#copy(order);
    }
    if (reply.money === "not_charged" && !this.#denied.has(order.key)) {
      this.#denied.add(order.key);
      this.#afterNo(order, reply.status === 402);
    }
    if (this.#has("cancelled_strays") && reply.status === 202 && this.#chance.yes(0.4)) {
      this.#stray(order);
    }
  }

  #has(trouble: LaterTrouble): boolean {
    return this.#plan.laterTroubles.has(trouble);
  }

  /** What was cancelled, or never begun, holds the customer's money after all. */
  #takeBack({ key, card }: Order): void {
    const world = this.#worlds[card];
    const payment = world?.sandbox.book
      .paymentsOf(world.paymentMethodId)
      .find((one) => keyOf(one) === key && /CANCELLED|NOT_INITIALIZED/.test(one.status));
    if (world === undefined || payment === undefined || this.#takenBack.has(payment.id)) {
      return;
    }
    this.#takenBack.add(payment.id);
    if (this.#chance.yes(0.3)) {
      return;
    }
    world.time.after(this.#chance.pick(TAKEN_BACK_MS), () => {
      this.#log.fire(`taken_back_${payment.status.toLowerCase()}`, { id: payment.id });
      world.sandbox.book.setPaymentStatus(payment, "CONFIRMED");
    });
  }

  /** Somebody else's, cancelled, at the price of a charge in doubt; it carries no tag of ours. */
  #stray({ card, amountMinor }: Order): void {
    const world = this.#worlds[card];
    if (world === undefined) {
      return;
    }
    const { book } = world.sandbox;
    const stray = book.addPayment({
      paymentMethodId: world.paymentMethodId,
      amountMinor,
      description: null,
      status: "CANCELLED",
      origin: "foreign",
    });
    stray.visibleAt = stray.createdAt + this.#chance.pick([0, 10_000, 2 * MINUTE_MS]);
    book.changedPayment(stray);
    this.#log.fire("stray_cancelled_in_a_doubt", { id: stray.id });
  }

  /** What is asked of that price after a no, and what is listed by then. */
  #afterNo({ card, amountMinor, caller }: Order, isRefused: boolean): void {
    const world = this.#worlds[card];
    const again = (afterMs: number) =>
      world?.time.after(afterMs, () => this.#order({ card, amountMinor, caller }));
    if (world === undefined) {
      return;
    }
    if (this.#plan.belated && this.#chance.yes(0.7)) {
      again(this.#belate(world, amountMinor, isRefused) + this.#chance.pick([1000, 2 * MINUTE_MS]));
    }
    if (this.#plan.unlooked && isRefused && this.#chance.yes(0.7)) {
      this.#log.fire("ordered_after_a_refusal");
      again(this.#chance.between(15, 20) * MINUTE_MS);
    }
    if (this.#has("cancelled_strays") && isRefused && this.#chance.yes(0.5)) {
      this.#log.fire("lost_after_a_refusal");
      const scenario = world.sandbox.book.method(world.paymentMethodId)?.scenario;
      scenario?.charges.unshift({ kind: "lose_before_charging", how: "reset", latencyMs: 0 });
      again(1000);
    }
  }

  /** Somebody else's of the price, old or of now, and when it is listed. */
  #belate(world: World, amountMinor: number, isRefused: boolean): number {
    const { book } = world.sandbox;
    const { nowMs } = world.time;
    // One that is cancelled may be what a refusal has left, but for where others charge the card.
    const isCancelled = this.#plan.rules.foreignWriters === true && isRefused;
    const afterMs = this.#chance.pick(isCancelled ? [0, MINUTE_MS] : LISTED_AFTER_MS);
    const isOld = !isCancelled && afterMs <= MINUTE_MS;
    world.foreignPayment(777.77);
    const payment = book.addPayment({
      paymentMethodId: world.paymentMethodId,
      amountMinor,
      description: null,
      status: isCancelled ? "CANCELLED" : "CONFIRMED",
      origin: "foreign",
      createdAt: nowMs - this.#chance.pick(isOld ? [2, 30] : [0]) * DAY_MS,
    });
    payment.visibleAt = nowMs + afterMs;
    book.changedPayment(payment);
    this.#log.fire(`belated_after_${afterMs / MINUTE_MS}_minutes`, { id: payment.id });
    return afterMs;
  }

  /** Of another amount, with our own tag in it. */
  #copy({ key, card, amountMinor }: Order): void {
    const world = this.#worlds[card];
    const sent = world?.submissions.findLast((one) => keyOf(one) === key);
    if (world !== undefined && sent !== undefined) {
      const { description } = sent;
      this.#log.fire("copied", { key });
      world.sandbox.book.addPayment({
        paymentMethodId: world.paymentMethodId,
        amountMinor: amountMinor + COPIED_MINOR,
        description,
        status: "CONFIRMED",
        origin: "foreign",
      });
    }
  }

  #forget(world: World): void {
    const { book } = world.sandbox;
    const nowMs = world.time.nowMs;
    const listed = book
      .paymentsOf(world.paymentMethodId)
      .filter(
        ({ goneAt, createdAt, visibleAt }) =>
          goneAt === undefined && (visibleAt ?? createdAt) + LISTED_MS < nowMs,
      );
    if (listed.length === 0) {
      return;
    }
    const payment = this.#chance.pick(listed);
    this.#log.fire("payment_forgotten", { id: payment.id });
    book.forgetPayment(payment);
  }
}
