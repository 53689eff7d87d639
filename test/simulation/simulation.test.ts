/**
 * A short run of the simulator, so that every change is lived through; `npm run simulate` does
 * the long ones. Owns no check: checks.ts does.
 */
import { readFileSync } from "node:fs";
import { describe, it } from "vitest";
import { MUTANTS } from "./mutants.ts";
import { liveAndCheck, logOf } from "./run.ts";

const FIRST_SEED = Number(process.env["SEED"] ?? 1);
const SEEDS = Number(process.env["LIVES"] ?? 100);
/** Each of these must be met even in a short run. */
const FAULTS_MIN = 25;

describe("the simulator", () => {
  it("lives through many seeds, faults of all kinds, and finds nothing wrong", async ({
    expect,
  }) => {
    const fired = new Set<string>();
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
      const result = await liveAndCheck(seed);
      expect(result.failures, `npm run simulate -- --seed ${seed} --log`).toEqual([]);
      for (const fault of result.fired.keys()) {
        fired.add(fault);
      }
    }
    expect(fired.size).toBeGreaterThanOrEqual(FAULTS_MIN);
  });

  it("gives the same log for the same seed, byte for byte", async ({ expect }) => {
    for (const seed of [3, 8, 21]) {
      const first = await logOf(seed);
      expect(first.length).toBeGreaterThan(10);
      expect(await logOf(seed)).toEqual(first);
    }
  });

  it("finds the place of every planted bug in the source exactly once", ({ expect }) => {
    for (const { name, edits } of MUTANTS) {
      for (const { file, from, to } of edits) {
        const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), "utf8");
        expect(source.split(from).length - 1, `${name} in ${file}`).toBe(1);
        expect(to).not.toBe(from);
      }
    }
  });
});
