/**
 * One run: load on the real local runtime, its process group killed at random moments and started
 * again on the same state, faults at Harmony; then quiet, then the checks. Owns the order of it and
 * the figures. The seed repeats the faults, the callers' habits and the delays before the kills; how
 * real processes interleave, nothing repeats.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Sandbox, startSandbox } from "../../sandbox/server.ts";
import { type Runtime, startRuntime } from "../support/runtime.ts";
import { createMethod } from "../support/sandbox.ts";
import { Callers } from "./callers.ts";
import { findings } from "./checks.ts";
import { eachOf, type Evidence, gather, lastPosition, resourceOf } from "./evidence.ts";
import { type Figures, figuresOf, type Kill } from "./figures.ts";
import { finalsOf, type Order } from "./orders.ts";
import { Random } from "./random.ts";
import { variables, Weather } from "./weather.ts";

export interface ChaosOptions {
  readonly kills: number;
  readonly seed: string;
  /** How long absence proves nothing; longer than looks can fail in a row (weather.ts). */
  readonly horizonSeconds: number;
  readonly log: (line: string) => void;
  /** Stops the run early, with nothing left over. */
  readonly signal?: AbortSignal;
}

export interface ChaosResult {
  readonly findings: readonly string[];
  /** Null where the run broke before there were any. */
  readonly figures: Figures | null;
  /** Kept where something was found, else null. */
  readonly stateDir: string | null;
}

const METHODS = 40;
const CALLERS = 24;
const KILL_AFTER_MS_MAX = 1500;
/** Everything has its end well within this: the horizon, then the late looks. */
const QUIET_MS_MAX = 60_000;
/** What it takes at most to ask for one key, beside that. */
const KEY_MS_MAX = 20;
/** A ledger that grew for so long by nothing has everything. Longer than a late look is off. */
const STILL_MS = 6000;

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const startedAtMs = Date.now();
  const sandbox = await startSandbox({ port: 0, stateDir: null });
  let runtime: Runtime | null = null;
  let kept: string | null = null;
  try {
    runtime = await startRuntime({
      sandboxUrl: sandbox.url,
      variables: variables(options.horizonSeconds),
    });
    const { evidence, kills, callers, outages } = await play(runtime, sandbox, options);
    const found = findings(evidence);
    const figures = figuresOf(evidence, {
      kills,
      requests: callers.requests,
      lost: callers.lost,
      outages,
      durationMs: Date.now() - startedAtMs,
    });
    kept = found.length === 0 ? null : keep(runtime, found, evidence);
    return { findings: found, figures, stateDir: kept };
  } catch (error) {
    if (runtime === null || options.signal?.aborted === true) {
      throw error;
    }
    const found = [`the run broke: ${String(error)}`];
    kept = keep(runtime, found, null);
    return { findings: found, figures: null, stateDir: kept };
  } finally {
    await (kept === null ? runtime?.remove() : runtime?.kill());
    await sandbox.close();
  }
}

async function play(runtime: Runtime, sandbox: Sandbox, options: ChaosOptions) {
  const { signal, log } = options;
  const random = new Random(options.seed);
  const methods: string[] = [];
  for (let index = 0; index < METHODS; index += 1) {
    methods.push(await createMethod(sandbox.url));
  }
  const weather = new Weather(sandbox.url, random.fork("weather"));
  const callers = new Callers(runtime, methods, random.fork("callers"));
  const kills: Kill[] = [];
  const delays = random.fork("kills");
  await weather.turn(methods);
  const load = callers.run(CALLERS);
  try {
    while (kills.length < options.kills) {
      signal?.throwIfAborted();
      const afterMs = delays.between(5, KILL_AFTER_MS_MAX);
      await underLoad(callers);
      await weather.turn(methods);
      await sleep(afterMs);
      kills.push({ afterMs, inFlight: callers.inFlight });
      await runtime.kill();
      await runtime.start();
      if (kills.length % 20 === 0) {
        log(`${kills.length} kills, ${callers.requests} requests, ${callers.orders.length} keys`);
      }
    }
  } finally {
    callers.close();
    await weather.calm(methods);
    await load;
  }
  await runtime.restart();
  log("no faults any more; waiting until it is quiet");
  await settled(runtime, callers.orders, signal);
  await finish(callers, signal);
  await settled(runtime, callers.orders, signal);
  await still(runtime, signal);
  const evidence = await gather(runtime, methods, callers.orders);
  return { evidence, kills, callers, outages: weather.outages };
}

/** The load has begun again: a request was sent since the runtime listens. */
async function underLoad(callers: Callers): Promise<void> {
  const before = callers.requests;
  while (callers.requests <= before) {
    await sleep(2);
  }
}

/** Until no charge is in flight, in doubt or pending. What stays so, or waits for a person, is
 * for the checks to find. */
async function settled(
  runtime: Runtime,
  orders: readonly Order[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const deadlineAtMs = Date.now() + QUIET_MS_MAX + KEY_MS_MAX * orders.length;
  // Whoever has its final answer needs no asking: that it stays true is for the checks.
  let open = orders.filter((order) => finalsOf(order).length === 0);
  while (open.length > 0 && Date.now() < deadlineAtMs) {
    const left: Order[] = [];
    await eachOf(open, async (order) => {
      signal?.throwIfAborted();
      const resource = await resourceOf(runtime, order);
      const isOpen = ["in_flight", "in_doubt", "pending"].includes(resource?.state ?? "");
      if (isOpen && resource?.escalated !== true) {
        left.push(order);
      }
    });
    open = left;
    await sleep(500);
  }
}

/** Everyone who has not vanished comes back for its final answer, and has had it twice in the end. */
async function finish(callers: Callers, signal: AbortSignal | undefined): Promise<void> {
  const deadlineAtMs = Date.now() + QUIET_MS_MAX + KEY_MS_MAX * callers.orders.length;
  await eachOf(callers.orders, async (order) => {
    const isNew = finalsOf(order).length === 0;
    if (order.vanished && isNew) {
      return;
    }
    for (;;) {
      signal?.throwIfAborted();
      const answer = await callers.send(order);
      if (answer?.text != null || Date.now() > deadlineAtMs) {
        break;
      }
      await sleep(200);
    }
    if (isNew) {
      await callers.send(order);
    }
  });
}

/** Until the ledger has not grown for a while. */
async function still(runtime: Runtime, signal: AbortSignal | undefined): Promise<void> {
  const deadlineAtMs = Date.now() + QUIET_MS_MAX;
  let sinceMs = Date.now();
  let position = await lastPosition(runtime);
  while (Date.now() - sinceMs < STILL_MS && Date.now() < deadlineAtMs) {
    signal?.throwIfAborted();
    await sleep(250);
    const now = await lastPosition(runtime);
    sinceMs = now === position ? sinceMs : Date.now();
    position = now;
  }
}

/** Beside the state: what was found, what the callers were told, the book and the Worker's log. */
function keep(runtime: Runtime, found: readonly string[], evidence: Evidence | null): string {
  const told =
    evidence === null
      ? {}
      : {
          orders: evidence.orders,
          resources: [...evidence.resources.values()],
          book: evidence.book,
        };
  const text = JSON.stringify({ found, ...told }, null, 1);
  writeFileSync(join(runtime.stateDir, "evidence.json"), text);
  writeFileSync(join(runtime.stateDir, "worker.log"), runtime.log.join("\n"));
  return runtime.stateDir;
}
