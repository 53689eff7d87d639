/**
 * A short run of `npm run chaos`, with what a longer one is for said there. It prints its seed and
 * keeps the state where it finds something.
 */
import { expect, it } from "vitest";
import { runChaos } from "./run.ts";

const KILLS = 6;
/** Longer than the kills last, so that no doubt can grow old enough for a person in the storm. */
const HORIZON_SECONDS = 12;
/** Far longer than a run that finds nothing: one that does must come to its end and say what. */
const TIMEOUT_MS = 400_000;

it(
  "kills under load, with Harmony failing, lose nothing and charge nobody twice",
  async () => {
    const seed = String(Date.now() % 1_000_000);
    const { findings, figures, stateDir } = await runChaos({
      kills: KILLS,
      seed,
      horizonSeconds: HORIZON_SECONDS,
      log: () => {},
    });

    expect(findings, `seed ${seed}, state kept in ${stateDir}`).toEqual([]);
    expect(figures).toMatchObject({ kills: KILLS, doubleCharges: 0, lostEntries: 0 });
    // Else the moments, or the load, were chosen badly.
    expect(figures?.killsInFlight).toBeGreaterThan(0);
    expect(figures?.payments).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
