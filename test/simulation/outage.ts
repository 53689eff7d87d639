/**
 * Owns the outage of a day: ten minutes without Harmony, thirty charges a second over twenty
 * thousand cards that were charged before, callers that try again. Counts the cards that the
 * outage froze, and what the recovering Harmony is asked. Must not judge a single charge.
 */
import { createHarmony as createSandbox } from "../../sandbox/core.ts";
import { SharedBrake } from "../../src/payment-method/shared-brake.ts";
import { type Call, chargeCommand, type Shared, World } from "../support/fake-host.ts";
import { NodeLedger } from "../support/node-ledger.ts";
import { VirtualTime } from "../support/virtual-time.ts";
import { Chance } from "./chance.ts";

/** How Harmony is out, and how many cards may be frozen by it. */
export const OUTAGES = [
  { mode: "refuse", frozenMax: 99 },
  { mode: "error500", frozenMax: 99 },
  { mode: "hang", frozenMax: 299 },
] as const;

const CARDS = 20_000;
const CHARGES_PER_SECOND = 30;
const OUTAGE_MS = 600_000;
const AFTER_MS = 3_600_000;
const LOOKS_PER_SECOND_MAX = 20;
const RETRIES = 3;

interface Figures {
  readonly frozen: number;
  readonly looksPerSecond: number;
  readonly refused: number;
  readonly charges: number;
  readonly releasedAfterMs: number;
}

export interface Verdict {
  readonly line: string;
  readonly isHeld: boolean;
}

/** Lives through one outage. The cards that it will meet have been charged once before it. */
export async function outageOf(
  { mode, frozenMax }: (typeof OUTAGES)[number],
  seed: number,
): Promise<Verdict> {
  const figures = await new Outage(seed).run(mode);
  const { frozen, looksPerSecond, refused, charges, releasedAfterMs } = figures;
  const isHeld = frozen <= frozenMax && looksPerSecond <= LOOKS_PER_SECOND_MAX;
  return {
    isHeld,
    line:
      `${isHeld ? "held" : "BROKEN"}  ${mode}: ${charges} charges in the outage, ${refused} answers 503, ` +
      `${frozen} cards frozen (at most ${frozenMax}), ` +
      `${looksPerSecond} looks in the busiest second after it (at most ${LOOKS_PER_SECOND_MAX}), ` +
      `first charge again ${(releasedAfterMs / 1000).toFixed(1)} s after it`,
  };
}

class Outage {
  readonly #chance: Chance;
  readonly #shared: Shared;
  readonly #brake = new SharedBrake(() => undefined);
  readonly #cards = new Map<number, World>();
  #requests = 0;
  #refused = 0;
  #firstAgainMs = Number.POSITIVE_INFINITY;

  constructor(seed: number) {
    this.#chance = new Chance(seed);
    const time = new VirtualTime();
    let ids = 0;
    const sandbox = createSandbox({
      now: () => time.nowMs,
      uuid: () => {
        ids += 1;
        return `bbbbbbbb-0000-4000-8000-${ids.toString(16).padStart(12, "0")}`;
      },
      schedule: (afterMs, run) => time.after(afterMs, run),
    });
    const ledger = new NodeLedger();
    this.#shared = { time, random: this.#chance.random, sandbox, ledger };
  }

  async run(mode: (typeof OUTAGES)[number]["mode"]): Promise<Figures> {
    const { time, sandbox } = this.#shared;
    const charges = (OUTAGE_MS / 1000) * CHARGES_PER_SECOND;
    const plan = Array.from({ length: charges }, () => this.#chance.between(0, CARDS - 1));
    await this.#warmUp(new Set(plan));
    const [world] = this.#cards.values();
    const beganAtMs = time.nowMs;
    world?.outage(mode);
    for (const [index, card] of plan.entries()) {
      const atMs = (index * 1000) / CHARGES_PER_SECOND;
      time.after(atMs, () => this.#charge(card, `outage-${index}`, RETRIES));
    }
    await time.advance(OUTAGE_MS);
    const endedAtMs = time.nowMs;
    world?.outage("none");
    this.#watch(endedAtMs);
    await time.advance(AFTER_MS);
    const looks = new Map<number, number>();
    for (const { kind, beganAt } of sandbox.exchanges.list(null)) {
      if (kind === "look" && beganAt >= endedAtMs) {
        const second = Math.floor(beganAt / 1000);
        looks.set(second, (looks.get(second) ?? 0) + 1);
      }
    }
    return {
      frozen: this.#frozenSince(beganAtMs, endedAtMs),
      looksPerSecond: Math.max(0, ...looks.values()),
      refused: this.#refused,
      charges,
      releasedAfterMs: this.#firstAgainMs - endedAtMs,
    };
  }

  /** Each card's first charge, long enough before: what is new about a card is none of the outage. */
  async #warmUp(cards: ReadonlySet<number>): Promise<void> {
    const { time } = this.#shared;
    for (const card of cards) {
      this.#charge(card, `first-${card}`, 0);
      await time.advance(1000 / CHARGES_PER_SECOND);
    }
    await time.advance(600_000);
    this.#refused = 0;
  }

  #charge(card: number, key: string, patience: number): void {
    const world = this.#worldOf(card);
    this.#requests += 1;
    const command = chargeCommand({
      key,
      description: `for ${key} of a shop`,
      requestId: `request-${this.#requests}`,
      paymentMethodId: world.paymentMethodId,
    });
    world.send(command, (call: Call) => {
      if (call.answer?.reply.status !== 503) {
        return;
      }
      this.#refused += 1;
      if (patience > 0) {
        const pauseMs = this.#chance.between(5000, 60_000);
        world.time.after(pauseMs, () => this.#charge(card, key, patience - 1));
      }
    });
  }

  #worldOf(card: number): World {
    const known = this.#cards.get(card);
    if (known !== undefined) {
      return known;
    }
    const method = { status: "ACTIVE", externalId: null, expiresAt: null, standing: null } as const;
    const world = new World({
      shared: this.#shared,
      brake: this.#brake,
      paymentMethodId: this.#shared.sandbox.book.addMethod(method).id,
      latencyMs: (random) => 1 + Math.floor(random() * 80),
    });
    this.#cards.set(card, world);
    return world;
  }

  /** Notes when the first new charge is made after the outage. */
  #watch(endedAtMs: number): void {
    const { time, sandbox } = this.#shared;
    const look = (): void => {
      const [again] = sandbox.book
        .payments()
        .filter(({ createdAt }) => createdAt > endedAtMs)
        .map(({ createdAt }) => createdAt);
      if (again === undefined) {
        time.after(1000, look);
      } else {
        this.#firstAgainMs = again;
      }
    };
    time.after(1000, look);
  }

  #frozenSince(fromMs: number, toMs: number): number {
    let frozen = 0;
    for (const { paymentMethodId } of this.#cards.values()) {
      const wasFrozen = this.#shared.ledger
        .entries(paymentMethodId)
        .some(({ type, occurredAt }) => {
          const atMs = Date.parse(occurredAt);
          return type === "method_frozen" && atMs >= fromMs && atMs <= toMs + 30_000;
        });
      frozen += wasFrozen ? 1 : 0;
    }
    return frozen;
  }
}
