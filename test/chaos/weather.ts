/**
 * What goes wrong at Harmony while the gateway is killed: the steps of charges, looks and polls,
 * how each method's history reads, and outages. Drawn from the seed. Owns the gateway's times too,
 * because the two belong together: nothing here may need a person in the end, so that a charge left
 * open or a method left frozen is a finding. Hence no payment shows later than within the horizon,
 * no answer lies about money, and looks fail in storms only, with more than a horizon between them:
 * a gateway that sees no history for that long rightly calls for a person.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { outage, type ScenarioInput, setScenario } from "../support/sandbox.ts";
import type { Random } from "./random.ts";

type ChargeStep = NonNullable<ScenarioInput["charges"]>[number];
type ReadStep = NonNullable<ScenarioInput["looks"]>[number];
type History = NonNullable<ScenarioInput["history"]>;

const TIMEOUT_MS = 1000;
/** A charge made this long after its request, shown this long after that: within any horizon here. */
const LATE_MS_MAX = 2500;
const VISIBLE_AFTER_MS_MAX = 1500;

/** In a storm looks fail, and once in it Harmony is out; then there is none for the rest of this. */
const STORM_EVERY_MS = 45_000;
const STORM_MS = 6000;
const OUTAGE_MS_MAX = 1000;
const OUTAGES = ["refuse", "hang", "error500"] as const;

/** More than a method uses up before it gets new ones, with every storm and after it. */
const STEPS = 60;

/** The gateway's own times. Seconds, so that what is in doubt has its end while one can wait. */
export function variables(horizonSeconds: number): Readonly<Record<string, string>> {
  return {
    HARMONY_TIMEOUT_MS: String(TIMEOUT_MS),
    WAIT_SECONDS: "2",
    RECONCILE_SECONDS: "0,1",
    HORIZON_SECONDS: String(horizonSeconds),
    LATE_SECONDS: "1,4",
    POLL_SECONDS: "1",
    ALLOW_SHORT_HORIZON: "yes",
  };
}

export class Weather {
  readonly #url: string;
  readonly #random: Random;
  readonly #startedAtMs = Date.now();
  #isStormy = false;
  #outages = 0;
  #outage: Promise<void> = Promise.resolve();

  constructor(sandboxUrl: string, random: Random) {
    this.#url = sandboxUrl;
    this.#random = random;
  }

  get outages(): number {
    return this.#outages;
  }

  /** To be called often: lets a storm begin or end when it is time. The first is there at once. */
  async turn(methods: readonly string[]): Promise<void> {
    const isStormy = (Date.now() - this.#startedAtMs) % STORM_EVERY_MS < STORM_MS;
    if (isStormy === this.#isStormy) {
      return;
    }
    this.#isStormy = isStormy;
    const random = this.#random;
    if (isStormy) {
      this.#outages += 1;
      this.#outage = this.#breakFor(
        random.pick(OUTAGES),
        random.between(500, 3000),
        random.between(300, OUTAGE_MS_MAX),
      );
    }
    await Promise.all(
      methods.map(async (id, index) =>
        setScenario(this.#url, id, {
          charges: Array.from({ length: STEPS }, () => chargeStep(random)),
          looks: isStormy ? Array.from({ length: STEPS }, () => readStep(random)) : [],
          reads: Array.from({ length: STEPS }, () => readStep(random)),
          history: this.#historyOf(index),
        }),
      ),
    );
  }

  /** No faults any more, from now on. How a history reads is no fault, and stays. */
  async calm(methods: readonly string[]): Promise<void> {
    await this.#outage;
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

function readStep(random: Random): ReadStep {
  return random.weighed<ReadStep>([
    [6, { kind: "ok", latencyMs: random.between(0, 150) }],
    [1, { kind: "error", status: random.pick([429, 500, 503] as const) }],
    [1, "hang"],
    [1, "reset"],
    [1, "garbage"],
    [1, "empty"],
  ]);
}
