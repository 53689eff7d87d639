/**
 * Owns the troubles of a life: when which of them strikes, and that it ends. Each that really
 * happens is counted. Must not know what the gateway makes of it.
 */
import type { AlarmFate, Crash, World } from "../support/fake-host.ts";
import type { LedgerFailure, NodeLedger } from "../support/node-ledger.ts";
import type { Chance } from "./chance.ts";
import type { Log } from "./log.ts";
import type { Plan, Trouble } from "./plan.ts";

const MINUTE_MS = 60_000;

export class Troubles {
  readonly #plan: Plan;
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #worlds: readonly World[];
  readonly #ledger: NodeLedger;
  /** Cards whose storage went back over something: the design makes an exception of them. */
  readonly restored = new Set<World>();
  /** How many entries each card had when the ledger went back. */
  readonly ledgerRestoredAt = new Map<World, number>();

  readonly #pricesOn: (world: World) => readonly number[];

  /** `pricesOn` gives what was ordered on a card so far, in centavos. */
  constructor(
    plan: Plan,
    chance: Chance,
    log: Log,
    worlds: readonly World[],
    ledger: NodeLedger,
    pricesOn: (world: World) => readonly number[],
  ) {
    this.#pricesOn = pricesOn;
    this.#plan = plan;
    this.#chance = chance;
    this.#log = log;
    this.#worlds = worlds;
    this.#ledger = ledger;
  }

  begin(): void {
    for (const world of this.#worlds) {
      this.#crashes(world);
      this.#alarms(world);
      this.#storage(world);
    }
    this.#ledgerFails();
    this.#moments();
  }

  /** From here on everything goes well, but for what Harmony's history always does. */
  end(): void {
    for (const world of this.#worlds) {
      world.crash = () => null;
      world.alarmFate = () => ({ kind: "fires", lateMs: 0 });
      world.storage.failure = () => false;
    }
    this.#ledger.failure = () => null;
    this.#worlds[0]?.outage("none");
  }

  #has(trouble: Trouble): boolean {
    return this.#plan.troubles.has(trouble);
  }

  #crashes(world: World): void {
    if (!this.#has("crash")) {
      return;
    }
    const share = this.#chance.pick([0.01, 0.05, 0.15]);
    world.crash = () => {
      if (!this.#chance.yes(share)) {
        return null;
      }
      const how = this.#chance.pick<NonNullable<Crash>>(["before", "after", "after_leaving"]);
      this.#log.fire(`crash_${how}`);
      return how;
    };
  }

  #alarms(world: World): void {
    const fates: (() => AlarmFate)[] = [];
    if (this.#has("alarm_late")) {
      fates.push(() => ({ kind: "fires", lateMs: this.#chance.between(1000, 10 * MINUTE_MS) }));
    }
    if (this.#has("alarm_doubled")) {
      fates.push(() => ({ kind: "doubled", againMs: this.#chance.between(0, 3000) }));
    }
    if (this.#has("alarm_dropped")) {
      fates.push(() => ({ kind: "dropped" }));
    }
    if (fates.length === 0) {
      return;
    }
    world.alarmFate = () => {
      if (this.#chance.yes(0.6)) {
        return { kind: "fires", lateMs: 0 };
      }
      const fate = this.#chance.pick(fates)();
      this.#log.fire(`alarm_${fate.kind === "fires" ? "late" : fate.kind}`);
      return fate;
    };
  }

  #storage(world: World): void {
    if (this.#has("storage_fails")) {
      world.storage.failure = () => {
        const failing = this.#chance.yes(0.02);
        if (failing) {
          this.#log.fire("storage_failed");
        }
        return failing;
      };
    }
  }

  #ledgerFails(): void {
    if (!this.#has("ledger_fails")) {
      return;
    }
    const share = this.#chance.pick([0.3, 0.7, 1]);
    this.#ledger.failure = () => {
      if (!this.#chance.yes(share)) {
        return null;
      }
      const how = this.#chance.pick<NonNullable<LedgerFailure>>(["before", "after"]);
      this.#log.fire(`ledger_failed_${how}`);
      return how;
    };
  }

  /** Troubles that strike at a moment, some of them for a while. */
  #moments(): void {
    const times = () => this.#chance.between(1, 3);
    this.#strike("outage", times(), (world) => {
      const mode = this.#chance.pick(["refuse", "hang", "error500"] as const);
      this.#log.fire(`outage_${mode}`);
      world.outage(mode);
      const forMs = this.#chance.pick([3000, MINUTE_MS, 20 * MINUTE_MS]);
      world.time.after(forMs, () => world.outage("none"));
    });
    this.#strike("foreign_other_amount", times(), (world) => {
      this.#log.fire("foreign_other_amount");
      world.foreignPayment(777.77);
    });
    this.#strike("foreign_same_amount", times(), (world) => {
      this.#log.fire("foreign_same_amount");
      // Of a price that was ordered on this very card, if any was.
      const prices = this.#pricesOn(world);
      const amountMinor = this.#chance.pick(prices.length === 0 ? this.#plan.amountsMinor : prices);
      world.foreignPayment(amountMinor / 100);
    });
    this.#strike("history_out", times(), (world) => {
      const mode = this.#chance.pick(["hang", "error500", "error500"] as const);
      const minutes = this.#chance.pick([10, 40, 90, 180]);
      this.#log.fire(`history_out_${minutes}_minutes`, { mode });
      world.outage(mode, ["look"]);
      world.time.after(minutes * MINUTE_MS, () => world.outage("none"));
    });
    this.#strike("refunded_by_others", times(), (world) => this.#refundBehindOurBack(world));
    this.#strike("suspended", times(), (world) => {
      this.#log.fire("suspended");
      world.suspend(this.#chance.pick([2000, 30_000, 8 * MINUTE_MS]));
    });
    this.#strike("clock_forward", times(), (world) => {
      this.#log.fire("clock_forward");
      world.jumpClock(this.#chance.pick([5000, 20 * MINUTE_MS, 3 * 60 * MINUTE_MS]));
    });
    this.#strike("clock_back", times(), (world) => {
      this.#log.fire("clock_back");
      world.jumpClock(-this.#chance.pick([5000, 20 * MINUTE_MS, 3 * 60 * MINUTE_MS]));
    });
    this.#strike("object_restored", 1, (world) => this.#restoreObject(world));
    this.#strike("ledger_restored", 1, () => {
      const position = this.#ledger.lastPosition();
      this.#log.fire("ledger_restored");
      this.#ledger.fallBack(this.#chance.between(0, position));
      for (const world of this.#worlds) {
        this.ledgerRestoredAt.set(world, world.lastSeq);
      }
    });
  }

  #refundBehindOurBack({ sandbox, paymentMethodId }: World): void {
    const [payment] = sandbox.book
      .paymentsOf(paymentMethodId)
      .filter(({ status }) => status === "CONFIRMED");
    if (payment !== undefined) {
      this.#log.fire("refunded_by_others", { id: payment.id });
      sandbox.book.setPaymentStatus(payment, "REFUNDED");
    }
  }

  #restoreObject(world: World): void {
    const snapshot = world.storage.snapshot();
    const { lastSeq } = world;
    world.time.after(this.#chance.between(1000, 10 * MINUTE_MS), () => {
      if (world.lastSeq === lastSeq) {
        return;
      }
      this.#log.fire("object_restored");
      this.restored.add(world);
      world.restore(snapshot);
    });
  }

  #strike(trouble: Trouble, times: number, strike: (world: World) => void): void {
    if (!this.#has(trouble)) {
      return;
    }
    for (let index = 0; index < times; index += 1) {
      const world = this.#chance.pick(this.#worlds);
      world.time.after(this.#chance.between(0, this.#plan.busyMs), () => strike(world));
    }
  }
}
