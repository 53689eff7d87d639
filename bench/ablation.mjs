/**
 * Owns where the time goes: the same load on ever more of the path, each step once for Cobro and
 * once for the bare object. workerd's clocks are too coarse to time parts of a charge from inside
 * (and a commit happens after the code), so parts are told apart by leaving them out.
 */
import { drained } from "./compare.mjs";
import { load, median } from "./load.mjs";
import { countSyncs, cpuMs } from "./probe.mjs";
import { bareTarget, forbiddenTarget } from "./targets.mjs";

/** The steps, in the order of the path. */
function stepsOf({ cobro, bare, free, direct, urls, pids }) {
  const { ids } = cobro;
  const health = () => ({ method: "GET", path: "/healthz" });
  const bareStep = (what, how, expected) => {
    const { connection, charge } = bareTarget(urls.bare, bare.ids, how);
    return { what, connection, make: charge, expected, pid: pids.bare };
  };
  const forbidden = forbiddenTarget(urls.cobro, ids);
  const ours = { connection: cobro.connection, pid: pids.cobro };
  return [
    { ...ours, what: "Cobro: Worker alone (/healthz)", make: health, expected: 200 },
    { ...ours, what: "Cobro: Worker, key, scope (403)", make: forbidden.charge, expected: 403 },
    { ...ours, what: "Cobro: object, answered key", make: cobro.repeat, expected: 201 },
    {
      what: "Cobro: charge, ledger at no cost",
      connection: free.connection,
      make: free.charge,
      expected: 201,
      pid: pids.free,
    },
    { ...ours, what: "Cobro: charge", make: cobro.charge, expected: 201, ledger: true },
    bareStep("bare: Worker alone", "alone", 200),
    bareStep("bare: object, nothing done", "ping", 200),
    bareStep("bare: object, fetch, no journal", "send", 201),
    bareStep("bare: charge", "charge", 201),
    { what: "direct: sandbox", connection: direct.connection, make: direct.charge, expected: 201 },
  ];
}

/** Runs every step `rounds` times in turns and gives medians. */
export async function ablate(context, { rounds, count, single, atOnce }) {
  const { cobro, ledger } = context;
  // Twice: the first repeat of a key is an entry, the others are only counted.
  for (let time = 0; time < 2; time += 1) {
    await load(cobro.connection, cobro.repeat, { count: cobro.ids.length, atOnce, expected: 201 });
  }
  await drained(ledger);
  const steps = stepsOf(context);
  const seen = steps.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, step] of steps.entries()) {
      const { connection, make, expected, pid = null } = step;
      const one = await load(connection, make, { count: single, atOnce: 1, expected });
      const before = cpuMs(pid);
      const many = await load(connection, make, { count, atOnce, expected });
      const after = cpuMs(pid);
      const cpu = before === null || after === null ? null : (after - before) / count;
      seen[index].push({ p50: one.p50, perSecond: many.perSecond, cpu });
      if (step.ledger) {
        await drained(ledger);
      }
    }
  }
  return steps.map(({ what }, index) => ({
    what,
    p50: median(seen[index].map(({ p50 }) => p50)),
    perSecond: median(seen[index].map(({ perSecond }) => perSecond)),
    cpuMs: seen[index].some(({ cpu }) => cpu === null)
      ? null
      : median(seen[index].map(({ cpu }) => cpu)),
  }));
}

/** fsyncs a charge, one at a time, deliveries included; null where they cannot be counted. */
export async function syncsPerCharge({ cobro, bare, pids, ledger }, count) {
  const of = async ({ connection, charge }, pid, after) => {
    const syncs = await countSyncs(pid, async () => {
      await load(connection, charge, { count, atOnce: 1, expected: 201 });
      await after();
    });
    return syncs === null ? null : syncs / count;
  };
  return {
    cobro: await of(cobro, pids.cobro, () => drained(ledger)),
    bare: await of(bare, pids.bare, () => undefined),
  };
}
