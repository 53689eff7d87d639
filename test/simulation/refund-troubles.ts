/**
 * Owns what follows a refund that was told of: others who ask once the horizon of a lost one is over,
 * while somebody reads the payment; a person who decides what is in doubt, mostly rightly; Harmony, which
 * takes back what it has refunded, under a slow read. It draws from a chance of its own. Must not look
 * into the gateway.
 */
import type { Payment } from "../../sandbox/book.ts";
import type { RefundStep } from "../../sandbox/kinds.ts";
import type { RefundDecision } from "../../src/domain/refund-doubt.ts";
import type { ResolveRefundCommand } from "../../src/payment-method/commands.ts";
import type { Call, World } from "../support/fake-host.ts";
import type { Chance } from "./chance.ts";
import { type Door, READER } from "./door.ts";
import type { Log } from "./log.ts";
import type { RefundWish } from "./refunder.ts";

/** One decision about a refund, and how it ended. */
export interface RefundResolve {
  readonly card: number;
  readonly command: ResolveRefundCommand;
  readonly call: Call;
}

const MINUTE_MS = 60_000;
/** Within the horizon, and beyond it. */
const PAUSES_MS = [1000, 5 * MINUTE_MS, 16 * MINUTE_MS, 16 * MINUTE_MS, 40 * MINUTE_MS];
/** What becomes of the refund that is asked for next to one in doubt. */
const NEXT: readonly (RefundStep | null)[] = [
  null,
  { kind: "approve", latencyMs: 6000 },
  { kind: "lose_before_charging", how: "reset", latencyMs: 0 },
  { kind: "lose_reply_after_charging", how: "hang", latencyMs: 0 },
  { kind: "error_after_charging", status: 400, latencyMs: 0 },
  { kind: "decline", as: 400, latencyMs: 0 },
  { kind: "refuse", status: 429, retryAfter: 3, body: "{}", latencyMs: 0 },
];
const SLOW_MS = 3000;
const SHARE_OF_OTHERS = 0.3;
/** What no charge of any life asks for. */
const OTHERS_MINOR = 99_999_901;

export class RefundTroubles {
  readonly resolves: RefundResolve[] = [];
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #door: Door;
  readonly #worlds: readonly World[];
  /** Somebody wants a payment back under a new key. */
  readonly #ask: (wish: RefundWish) => void;
  readonly #touched = new Set<string>();
  #isQuiet = false;

  constructor(
    chance: Chance,
    log: Log,
    door: Door,
    worlds: readonly World[],
    ask: (wish: RefundWish) => void,
  ) {
    this.#chance = chance;
    this.#log = log;
    this.#door = door;
    this.#worlds = worlds;
    this.#ask = ask;
  }

  /** In some lives others have paid something that no charge costs, and somebody gives it back. */
  begin(busyMs: number): void {
    if (!this.#chance.yes(SHARE_OF_OTHERS)) {
      return;
    }
    for (let times = this.#chance.between(1, 3); times > 0; times -= 1) {
      const card = this.#chance.between(0, this.#worlds.length - 1);
      const world = this.#world({ card });
      const step = this.#chance.pick(NEXT);
      world.time.after(this.#chance.between(0, busyMs), () => {
        const { id: paymentId } = world.sandbox.book.addPayment({
          paymentMethodId: world.paymentMethodId,
          amountMinor: OTHERS_MINOR,
          description: null,
          status: "CONFIRMED",
          origin: "foreign",
        });
        this.#prepend(world, step);
        this.#ask({ card, caller: "main", key: "", of: paymentId, paymentId });
      });
    }
  }

  /** Nothing begins from here on. */
  end(): void {
    this.#isQuiet = true;
  }

  heard(wish: RefundWish, { answer }: Call): void {
    const reply = answer?.reply;
    if (this.#isQuiet || reply?.refundId === undefined) {
      return;
    }
    const { refundId, status } = reply;
    if (status === 202 && this.#isFirst(`asked ${wish.paymentId}`) && this.#chance.yes(0.7)) {
      this.#askBeside(wish);
    }
    if (status === 202 && this.#chance.yes(0.3)) {
      this.#later(wish, refundId, 2);
    }
    if (status === 201 && this.#isFirst(`back ${wish.paymentId}`) && this.#chance.yes(0.8)) {
      this.#takeBack(wish);
    }
  }

  #isFirst(what: string): boolean {
    const isFirst = !this.#touched.has(what);
    this.#touched.add(what);
    return isFirst;
  }

  /** Another key, now and then twice, each with the fate that was drawn; the payment is read meanwhile. */
  #askBeside(wish: RefundWish): void {
    const world = this.#world(wish);
    let afterMs = 0;
    for (let times = this.#chance.between(1, 2); times > 0; times -= 1) {
      afterMs += this.#chance.pick(PAUSES_MS);
      const step = this.#chance.pick(NEXT);
      const isRead = this.#chance.yes(0.5);
      world.time.after(afterMs, () => {
        this.#log.fire("asked_beside_a_doubt", { paymentId: wish.paymentId });
        this.#prepend(world, step);
        this.#ask(wish);
      });
      if (isRead) {
        world.time.after(afterMs + this.#chance.between(100, 5000), () => this.#read(wish));
      }
    }
  }

  /** What others paid and got back is theirs again; a read of before is still on its way. */
  #takeBack(wish: RefundWish): void {
    const world = this.#world(wish);
    const payment = this.#paymentOf(wish);
    if (payment?.origin !== "foreign") {
      return;
    }
    const step = this.#chance.pick(NEXT);
    world.time.after(this.#chance.pick([5000, MINUTE_MS, 20 * MINUTE_MS]), () => {
      world.sandbox.book.method(world.paymentMethodId)?.scenario.reads.unshift({
        kind: "ok",
        latencyMs: SLOW_MS,
      });
      this.#read(wish);
      world.time.after(200, () => {
        if (payment.status === "REFUNDED" && payment.goneAt === undefined) {
          this.#log.fire("refund_taken_back", { id: payment.id });
          world.sandbox.book.setPaymentStatus(payment, "CONFIRMED");
          this.#prepend(world, step);
          this.#ask(wish);
        }
      });
    });
  }

  #later(wish: RefundWish, refundId: string, patience: number): void {
    this.#world(wish).time.after(this.#chance.pick(PAUSES_MS), () =>
      this.#decide(wish, refundId, patience),
    );
  }

  #decide(wish: RefundWish, refundId: string, patience: number): void {
    const world = this.#world(wish);
    const decision = this.#decision(wish);
    if (decision === null) {
      return;
    }
    const { reason: _, ...said } = decision;
    this.#log.note("decide the refund", { key: wish.key, ...said });
    const command: ResolveRefundCommand = {
      v: 1,
      type: "resolve_refund",
      paymentMethodId: world.paymentMethodId,
      id: wish.of,
      refundId,
      decision,
      actor: {
        caller: "back-office",
        keyId: "anna",
        requestId: this.#door.requestId(),
        traceId: null,
        origin: "192.0.2.3",
      },
      waitMs: this.#chance.pick([1000, 25_000]),
    };
    const call = this.#door.send(world, command, ({ answer }) => {
      const status = answer?.reply.status ?? "lost";
      this.#log.note("told of the decision", { key: wish.key, status });
      if (patience > 0 && status !== 200) {
        this.#later(wish, refundId, patience - 1);
      }
    });
    this.resolves.push({ card: wish.card, command, call });
  }

  /**
   * What the book says, insisting or not; nothing while Harmony may still come to it. Now and then what
   * is wrong, which must be refused where nobody insists.
   */
  #decision(wish: RefundWish): RefundDecision | null {
    const { book } = this.#world(wish).sandbox;
    const payment = this.#paymentOf(wish);
    const isComing = book
      .lateActs()
      .some(({ act, paymentId }) => act === "refund" && paymentId === wish.paymentId);
    if (payment === undefined || payment.pending !== null || isComing) {
      return null;
    }
    const isBack = payment.status === "REFUNDED";
    const isWrong = this.#chance.yes(0.2);
    const decision = isBack === isWrong ? "not_refunded" : "refunded";
    const override = !isWrong && this.#chance.yes(0.5);
    this.#log.fire(`operator_says_${decision}${isWrong ? "_wrongly" : ""}`);
    return { decision, override, reason: "seen in Harmony's book" };
  }

  #read({ card, paymentId: id }: RefundWish): void {
    const world = this.#world({ card });
    const { paymentMethodId } = world;
    const command = { v: 1, type: "read_payment", paymentMethodId, caller: "main" } as const;
    this.#door.send(world, { ...command, id, actor: READER });
  }

  #prepend(world: World, step: RefundStep | null): void {
    if (step !== null) {
      world.sandbox.book.method(world.paymentMethodId)?.scenario.refunds.unshift(step);
    }
  }

  #paymentOf(wish: RefundWish): Payment | undefined {
    return this.#world(wish).sandbox.book.payment(wish.paymentId);
  }

  #world({ card }: Pick<RefundWish, "card">): World {
    const world = this.#worlds[card];
    if (world === undefined) {
      throw new Error(`there is no card ${card}`);
    }
    return world;
  }
}
