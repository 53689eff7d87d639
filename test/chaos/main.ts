/**
 * `npm run chaos`: kills the real local runtime under load and checks that nothing is lost.
 *
 *   --kills N      how often (50)
 *   --seed N       what is drawn: faults, callers, moments (any, printed)
 */
import { parseArgs } from "node:util";
import { printed } from "./figures.ts";
import { runChaos } from "./run.ts";

const FINDINGS_PRINTED_MAX = 50;
/** Shorter than the calm between two storms, longer than kills can keep all looks from ending. */
const HORIZON_SECONDS = 30;

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const kills = Number(values.kills);
if (!Number.isSafeInteger(kills) || kills < 1) {
  throw new Error("--kills takes a whole number from 1");
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => stop.abort());
}

const { seed } = values;
console.log(`seed ${seed}, ${kills} kills`);
try {
  const result = await runChaos({
    kills,
    seed,
    horizonSeconds: HORIZON_SECONDS,
    log: console.log,
    signal: stop.signal,
  });
  if (result.figures !== null) {
    console.log(printed(result.figures));
  }
  if (result.findings.length > 0) {
    const more = result.findings.length - FINDINGS_PRINTED_MAX;
    console.log(result.findings.slice(0, FINDINGS_PRINTED_MAX).join("\n"));
    console.log(more > 0 ? `and ${more} more` : "");
    console.log(`FAILED with seed ${seed}; the state is kept in ${result.stateDir}`);
    process.exitCode = 1;
  }
} catch (error) {
  console.error(stop.signal.aborted ? "stopped" : error);
  process.exitCode = stop.signal.aborted ? 130 : 1;
}
