/** Owns one seed from its life to the verdict. */
import { failuresOf } from "./checks.ts";
import { type Life, live } from "./life.ts";
import type { Result } from "./worker.ts";

export async function liveAndCheck(seed: number): Promise<Result> {
  try {
    const life = await live(seed);
    return resultOf(seed, life);
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const nothing = { virtualMs: 0, payments: 0, entries: 0, charges: 0 };
    return { seed, failures: [`broke off: ${message}`], fired: new Map(), ...nothing };
  }
}

function resultOf(seed: number, life: Life): Result {
  const { log, worlds, virtualMs, ledger } = life;
  const [world] = worlds;
  for (const { kind, step } of world?.sandbox.exchanges.list(null) ?? []) {
    if (step !== null && step !== "ok" && step !== "approve") {
      log.count(`${kind}_${step}`);
    }
  }
  return {
    seed,
    failures: failuresOf(life),
    fired: log.fired,
    virtualMs,
    payments: world?.sandbox.book.payments().length ?? 0,
    entries: ledger.lastPosition(),
    charges: worlds.reduce((sum, { submissions }) => sum + submissions.length, 0),
  };
}

/** Every line of a life, and every entry that it left: the same bytes each time. */
export async function logOf(seed: number): Promise<string[]> {
  const { log, worlds, plan } = await live(seed);
  const troubles = [...plan.troubles].join(" ") || "none";
  const entries = worlds.flatMap((world) =>
    world.lastSeq === 0
      ? []
      : world.storage.sql
          .exec("SELECT body FROM entry ORDER BY seq")
          .toArray()
          .map(({ body }) => `entry ${String(body)}`),
  );
  return [`seed ${seed}, troubles: ${troubles}`, ...log.lines, ...entries];
}
