/**
 * Owns when things on the books happened by the time of the simulation, which no clock of a machine
 * follows. Must not judge.
 */
import type { World } from "../../support/fake-host.ts";
import { T0 } from "../../support/virtual-time.ts";

/** One complete look of the gateway's. */
export interface CompleteLook {
  readonly atMs: number;
  readonly newIds: readonly string[];
}

/**
 * When each entry was made, by the time of the simulation: entries have the machine's clock, which jumps.
 * Where it has said the same twice, their order decides.
 */
export function timesOf(
  { clockReads }: Pick<World, "clockReads">,
  journal: readonly { readonly seq: number; readonly occurredAt: string }[],
): ReadonlyMap<number, number> {
  const times = new Map<number, number>();
  let lastMs = T0;
  for (const { seq, occurredAt } of journal) {
    const reads = clockReads.get(Date.parse(occurredAt)) ?? [];
    lastMs = reads.find((atMs) => atMs >= lastMs) ?? lastMs;
    times.set(seq, lastMs);
  }
  return times;
}
