/**
 * Owns one thread that lives through seeds as they come, with or without a planted bug. Must be
 * the one that loads the gateway, so that the bug is in all of it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { MUTANTS } from "./mutants.ts";
import { plant } from "./plant.ts";

/** What came of one seed. */
export interface Result {
  readonly seed: number;
  readonly failures: readonly string[];
  readonly fired: ReadonlyMap<string, number>;
  readonly virtualMs: number;
  readonly payments: number;
  readonly entries: number;
  readonly charges: number;
}

/** Null: no bug but those that are really there. */
const { mutant } = workerData as { mutant: string | null };
const planted = MUTANTS.find(({ name }) => name === mutant);
if (planted !== undefined) {
  plant(planted);
}
const { liveAndCheck } = await import("./run.ts");

parentPort?.on("message", (seed: number) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  void liveAndCheck(seed).then((result) => parentPort?.postMessage(result));
});
