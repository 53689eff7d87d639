/**
 * Owns `npm run simulate`: many seeds on all cores, one seed with its log, or the planted bugs and
 * the seed that finds each. Must not judge a life: checks.ts does.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { MUTANTS } from "./mutants.ts";
import { OUTAGES, outageOf } from "./outage.ts";
import { liveAndCheck, logOf } from "./run.ts";
import type { Result } from "./worker.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    log: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
    mutant: { type: "string" },
    outages: { type: "boolean", default: false },
  },
});
const from = whole(values.from, "from");
const seeds = whole(values.seeds, "seeds");
const HOUR_MS = 3_600_000;

function whole(text: string, name: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new Error(`--${name} must be a whole number, not ${text}`);
  }
  return number;
}

/** Lives through seeds on one thread each, until `until` says that it is enough. */
async function onThreads(
  threads: number,
  mutant: string | null,
  until: (result: Result) => boolean,
): Promise<void> {
  let next = from;
  let enough = false;
  await Promise.all(
    Array.from({ length: threads }, async () => {
      const worker = new Worker(new URL("worker.ts", import.meta.url), { workerData: { mutant } });
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const go = (): void => {
        if (enough || next >= from + seeds) {
          resolve();
          return;
        }
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
        worker.postMessage(next);
        next += 1;
      };
      worker.on("message", (result: Result) => {
        enough ||= until(result);
        go();
      });
      worker.on("error", reject);
      go();
      await promise.finally(async () => worker.terminate());
    }),
  );
}

async function simulateAll(): Promise<boolean> {
  const startedAtMs = Date.now();
  const sums = { virtualMs: 0, payments: 0, entries: 0, charges: 0 };
  const fired = new Map<string, number>();
  const failed: Result[] = [];
  await onThreads(availableParallelism(), null, (result) => {
    for (const name of ["virtualMs", "payments", "entries", "charges"] as const) {
      sums[name] += result[name];
    }
    for (const [fault, times] of result.fired) {
      fired.set(fault, (fired.get(fault) ?? 0) + times);
    }
    if (result.failures.length > 0) {
      failed.push(result);
      console.log(`seed ${result.seed}: ${result.failures.join("\n  ")}`);
      console.log(`  replay: npm run simulate -- --seed ${result.seed} --log`);
    }
    return false;
  });
  const kinds = [...fired].toSorted(([a], [b]) => a.localeCompare(b));
  console.log(`faults fired, ${kinds.length} kinds:`);
  console.log(kinds.map(([fault, times]) => `  ${fault} ${times}`).join("\n"));
  const seconds = ((Date.now() - startedAtMs) / 1000).toFixed(0);
  console.log(
    `${seeds} seeds from ${from}: ${seeds - failed.length} passed, ${failed.length} failed; ` +
      `${(sums.virtualMs / HOUR_MS).toFixed(0)} virtual hours, ${sums.charges} submissions, ` +
      `${sums.payments} payments, ${sums.entries} entries; ${seconds} s`,
  );
  return failed.length === 0;
}

/** Finds, for each planted bug, the first seed that gives it away. */
async function findMutants(): Promise<boolean> {
  const waiting = MUTANTS.filter(
    ({ name }) => values.mutant === undefined || name === values.mutant,
  );
  let missed = 0;
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const found: Result[] = [];
        await onThreads(1, mutant.name, (result) => {
          if (result.failures.length > 0) {
            found.push(result);
          }
          return found.length > 0;
        });
        const [by] = found;
        missed += by === undefined ? 1 : 0;
        console.log(
          by === undefined
            ? `MISSED   ${mutant.name}`
            : `${`seed ${by.seed}`.padEnd(9)}${mutant.name}: ${by.failures[0]?.split("\n")[0] ?? ""}`,
        );
      }
    }),
  );
  console.log(`${missed} planted bugs missed within ${seeds} seeds`);
  return missed === 0;
}

async function one(seed: number): Promise<boolean> {
  if (values.log) {
    console.log((await logOf(seed)).join("\n"));
  }
  const { failures } = await liveAndCheck(seed);
  console.log(failures.length === 0 ? `seed ${seed} passed` : failures.join("\n"));
  return failures.length === 0;
}

async function outages(): Promise<boolean> {
  let held = true;
  for (const outage of OUTAGES) {
    const { line, isHeld } = await outageOf(outage, from);
    held &&= isHeld;
    console.log(line);
  }
  return held;
}

async function run(): Promise<boolean> {
  if (values.seed !== undefined) {
    return one(whole(values.seed, "seed"));
  }
  if (values.outages) {
    return outages();
  }
  return values.mutants || values.mutant !== undefined ? findMutants() : simulateAll();
}

process.exitCode = (await run()) ? 0 : 1;
