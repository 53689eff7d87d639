/**
 * What goes wrong at Harmony while the gateway is killed: the steps of charges, looks and polls,
 * how each method's history reads, and outages. Drawn from the seed. Owns the gateway's times too,
 * because the two belong together: nothing here may need a person in the end, so that a charge left
 * open or a method left frozen is a finding. Hence no payment shows later than within the horizon,
 * no look fails so often in a row that the gateway escalates, and no answer lies about money.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { outage, type ScenarioInput, setScenario } from "../support/sandbox.ts";
import type { Random } from "./random.ts";

type ChargeStep = NonNullable<ScenarioInput["charges"]>[number];
type ReadStep = NonNullable<ScenarioInput["looks"]>[number];
type History = NonNullable<ScenarioInput["history"]>;

const TIMEOUT_MS = 1000;
const HORIZON_SECONDS = 12;
/** A charge made this long after its request, shown this long after that: well within the horizon. */
const LATE_MS_MAX = 2500;
const VISIBLE_AFTER_MS_MAX = 1500;

export const VARIABLES = {
  HARMONY_TIMEOUT_MS: String(TIMEOUT_MS),
  WAIT_SECONDS: "2",
  RECONCILE_SECONDS: "0,1",
  HORIZON_SECONDS: String(HORIZON_SECONDS),
  LATE_SECONDS: "1,4",
  POLL_SECONDS: "1",
  ALLOW_SHORT_HORIZON: "yes",
} as const;

/** An outage makes doubts that only the horizon ends, and a look of each may fail by it: seldom. */
const OUTAGE_EVERY_MS = 25_000;
const OUTAGE_MS_MAX = 1000;
const OUTAGES = ["refuse", "hang", "error500"] as const;

/** More than a method has between two kills, so that the faults last as long as the kills do. */
const CHARGES_A_KILL = 4;
const READS_A_KILL = 6;

export class Weather {
  readonly #url: string;
  readonly #random: Random;
  #outages = 0;
  #nextOutageAtMs = 0;
  #ending: Promise<void> = Promise.resolve();

  constructor(sandboxUrl: string, random: Random) {
    this.#url = sandboxUrl;
    this.#random = random;
  }

  get outages(): number {
    return this.#outages;
  }

  /** Faults for every method, enough for so many kills. */
  async begin(methods: readonly string[], kills: number): Promise<void> {
    await Promise.all(
      methods.map(async (id, index) => {
        const random = this.#random.fork(`method ${index}`);
        await setScenario(this.#url, id, {
          charges: Array.from({ length: 50 + CHARGES_A_KILL * kills }, () => chargeStep(random)),
          looks: spacedReads(random, 50 + READS_A_KILL * kills),
          reads: spacedReads(random, 50 + READS_A_KILL * kills),
          history: this.#historyOf(index),
        });
      }),
    );
  }

  /** Sometimes a short outage, soon, which ends by itself. */
  turn(): void {
    if (Date.now() >= this.#nextOutageAtMs) {
      this.#nextOutageAtMs = Date.now() + OUTAGE_EVERY_MS;
      this.#outages += 1;
      this.#ending = this.#breakFor(
        this.#random.pick(OUTAGES),
        this.#random.between(100, 600),
        this.#random.between(300, OUTAGE_MS_MAX),
      );
    }
  }

  /** No faults any more, from now on. How a history reads is no fault, and stays. */
  async calm(methods: readonly string[]): Promise<void> {
    await this.#ending;
    await outage(this.#url, "none");
    await Promise.all(
      methods.map(async (id, index) =>
        setScenario(this.#url, id, { history: this.#historyOf(index) }),
      ),
    );
  }

  async #breakFor(mode: (typeof OUTAGES)[number], afterMs: number, forMs: number): Promise<void> {
    await sleep(afterMs);
    await outage(this.#url, mode);
    await sleep(forMs);
    await outage(this.#url, "none");
  }

  /** The same for the whole run: a payment that was shown and then is not is another fault. */
  #historyOf(index: number): History {
    const random = this.#random.fork(`history ${index}`);
    return {
      fields: random.pick(["minimal", "createdAt", "full"] as const),
      description: random.pick(["echo", "cut", "altered"] as const),
      createdAt: random.pick(["utc", "local"] as const),
      order: random.pick(["newest", "oldest"] as const),
      visibleAfterMs: random.isLucky(0.5) ? 0 : random.between(200, VISIBLE_AFTER_MS_MAX),
    };
  }
}

function chargeStep(random: Random): ChargeStep {
  const how = random.pick(["reset", "hang", "truncate"] as const);
  const status = random.pick([500, 502, 503] as const);
  // Long enough that a kill finds some on their way.
  const latencyMs = random.between(5, 400);
  return random.weighed<ChargeStep>([
    [40, { kind: "approve", latencyMs }],
    // Longer than the timeout: the reply comes to nobody.
    [3, { kind: "approve", latencyMs: random.between(TIMEOUT_MS, TIMEOUT_MS + 800) }],
    [9, { kind: "lose_reply_after_charging", how, latencyMs: random.between(0, 200) }],
    [4, { kind: "error_after_charging", status }],
    [2, { kind: "error_naming_payment", status }],
    [2, "garbage_after_charging"],
    [2, "html_after_charging"],
    [2, "unknown_status_after_charging"],
    // What never charged keeps its method frozen for the horizon: seldom, or nothing else happens.
    [0.6, { kind: "lose_before_charging", how }],
    [0.4, { kind: "error_before_charging", status }],
    [0.4, { kind: "redirect", status: random.pick([301, 302, 303, 307, 308] as const) }],
    [1.5, { kind: "late", chargeAfterMs: random.between(50, LATE_MS_MAX) }],
    [
      5,
      {
        kind: "pending",
        polls: random.between(1, 3),
        then: random.pick(["CONFIRMED", "CONFIRMED", "CANCELLED"] as const),
        latencyMs,
      },
    ],
    [6, { kind: "decline", as: random.pick(["cancelled", 400, 402, 404, 422] as const) }],
    [3, { kind: "refuse", status: random.pick([401, 403, 429] as const) }],
  ]);
}

/** One fault at most in any three reads: see the horizon above. */
function spacedReads(random: Random, count: number): ReadStep[] {
  const steps: ReadStep[] = [];
  while (steps.length < count) {
    steps.push("ok", "ok");
    steps.push(
      random.weighed<ReadStep>([
        [4, { kind: "ok", latencyMs: random.between(0, 150) }],
        [1, { kind: "error", status: random.pick([429, 500, 503] as const) }],
        [1, "hang"],
        [1, "reset"],
        [1, "garbage"],
        [1, "empty"],
      ]),
    );
  }
  return steps;
}
