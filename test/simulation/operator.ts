/**
 * Owns the person who decides by hand about charges that are in doubt: with Harmony's own book in
 * view, mostly rightly; what is wrong must be refused. Must not look into the gateway.
 */
import type { Decision } from "../../src/domain/resolve.ts";
import type { ResolveChargeCommand } from "../../src/payment-method/commands.ts";
import type { Call, World } from "../support/fake-host.ts";
import { listedFrom } from "./book-times.ts";
import type { Chance } from "./chance.ts";
import type { Door } from "./door.ts";
import type { Log } from "./log.ts";
import type { Plan } from "./plan.ts";
import { keyOf, type Order, type Told } from "./shop.ts";

/** One decision, and how it ended. */
export interface Resolve {
  readonly card: number;
  readonly command: ResolveChargeCommand;
  readonly call: Call;
}

const MINUTE_MS = 60_000;
const PAUSES_MS = [0, 20, 1000, 2000, 7000, 2 * MINUTE_MS, 20 * MINUTE_MS, 60 * MINUTE_MS];

export class Operator {
  readonly resolves: Resolve[] = [];
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #door: Door;
  readonly #worlds: readonly World[];
  readonly #share: number;

  constructor(chance: Chance, log: Log, door: Door, worlds: readonly World[], plan: Plan) {
    this.#chance = chance;
    this.#log = log;
    this.#door = door;
    this.#worlds = worlds;
    this.#share = plan.operatorShare;
  }

  /** A caller was told of a charge: what is in doubt, or not charged, a person may decide. */
  heard({ order, reply }: Told): void {
    const isUnknown = reply.status === 202 || reply.money === "unknown";
    const isOpen = reply.status !== 422 && (isUnknown || reply.money === "not_charged");
    if (isOpen && reply.chargeId !== null && this.#chance.yes(this.#share)) {
      this.#later(order, reply.chargeId, this.#chance.between(0, 3));
    }
  }

  #later(order: Order, chargeId: string, patience: number): void {
    const world = this.#worlds[order.card];
    world?.time.after(this.#chance.pick(PAUSES_MS), () =>
      this.#decide(world, order, chargeId, patience),
    );
  }

  #decide(world: World, order: Order, chargeId: string, patience: number): void {
    const { paymentMethodId } = world;
    const decision = this.#decision(world, order);
    const { reason: _, ...said } = decision;
    this.#log.note("decide", { key: order.key, ...said });
    const command: ResolveChargeCommand = {
      v: 1,
      type: "resolve_charge",
      paymentMethodId,
      chargeId,
      decision,
      actor: {
        caller: "back-office",
        keyId: "anna",
        requestId: this.#door.requestId(),
        traceId: null,
        origin: "192.0.2.3",
      },
      waitMs: this.#chance.pick([1000, 25_000, 25_000]),
    };
    const call = this.#door.send(world, command, ({ answer }) => {
      const status = answer?.reply.status ?? "lost";
      this.#log.note("told of the decision", { key: order.key, status });
      if (patience > 0 && (status !== 200 || this.#chance.yes(0.2))) {
        this.#later(order, chargeId, patience - 1);
      }
    });
    this.resolves.push({ card: order.card, command, call });
  }

  /**
   * What the book says: the payment, where there is one; not charged, where there is none and none
   * is on its way. Now and then another's payment, or that there is none though there is one, which
   * Harmony shows: that is wrong, and insisting on it names that payment foreign.
   */
  #decision(world: World, order: Order): Decision {
    const { sandbox, paymentMethodId } = world;
    const payments = sandbox.book.paymentsOf(paymentMethodId);
    const own = payments.findLast((payment) => keyOf(payment) === order.key);
    const other = payments.find(({ amountMinor }) => amountMinor !== order.amountMinor);
    const reason = "seen in Harmony's book";
    if (other !== undefined && this.#chance.yes(0.1)) {
      this.#log.fire("operator_names_another_payment");
      return { decision: "charged", paymentId: other.id, reason };
    }
    if (own !== undefined && own.status !== "CANCELLED" && this.#chance.yes(0.75)) {
      this.#log.fire("operator_says_charged");
      return { decision: "charged", paymentId: own.id, reason };
    }
    const isComing = sandbox.book
      .lateActs()
      .some(({ act, description }) => act === "charge" && keyOf({ description }) === order.key);
    const history = sandbox.book.method(paymentMethodId)?.scenario.history;
    const isShown =
      own === undefined || (history !== undefined && listedFrom(own, history) <= world.time.nowMs);
    const override = isShown && !isComing && this.#chance.yes(0.5);
    this.#log.fire(override ? "operator_overrides" : "operator_says_not_charged");
    return { decision: "not_charged", override, reason };
  }
}
