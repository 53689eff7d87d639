/**
 * Owns the comparison: Cobro, the bare object and the sandbox alone, in turns, several rounds, and
 * medians over the rounds. Must not print.
 */
import { load, median, send } from "./load.mjs";
import { cpuMs } from "./probe.mjs";

/** How often the ledger is counted while it grows. */
const POLL_MS = 20;

/** Charges every payment method once: an object's first touch creates its file. */
export async function firstTouches(targets, atOnce) {
  const figures = {};
  for (const { name, ids, connection, charge } of targets) {
    const options = { count: ids.length, atOnce, expected: 201 };
    const { perSecond, p50, p95 } = await load(connection, charge, options);
    figures[name] = { perSecond, p50, p95 };
  }
  return figures;
}

/** Waits until the ledger has had no new entry for a while; how long the growth went on. */
export async function drained(ledger) {
  const startedAt = performance.now();
  const before = ledger.entries();
  let last = before;
  let grownAt = startedAt;
  while (performance.now() - grownAt < 400) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const entries = ledger.entries();
    if (entries !== last) {
      last = entries;
      grownAt = performance.now();
    }
  }
  return { before, after: last, ms: grownAt - startedAt };
}

/** One target's turn: one at a time, then many at once. */
async function turn(target, pid, { single, count, atOnce }) {
  const { connection, charge } = target;
  const one = await load(connection, charge, { count: single, atOnce: 1, expected: 201 });
  // Sockets beyond the first were idle; their first use is not what is measured.
  await load(connection, charge, { count: atOnce * 2, atOnce, expected: 201 });
  const cpuBefore = cpuMs(pid);
  const many = await load(connection, charge, { count, atOnce, expected: 201 });
  const cpuAfter = cpuMs(pid);
  const cpu = cpuBefore === null || cpuAfter === null ? null : (cpuAfter - cpuBefore) / count;
  return { one, many, cpuMsPerCharge: cpu };
}

/** All rounds. Returns each target's turns, and Cobro's backlog after each of its loads. */
export async function compare(targets, pids, ledger, options) {
  const turns = Object.fromEntries(targets.map(({ name }) => [name, []]));
  const backlogs = [];
  for (let round = 0; round < options.rounds; round += 1) {
    for (const target of targets) {
      turns[target.name].push(await turn(target, pids[target.name] ?? null, options));
      if (target.name === "cobro") {
        backlogs.push(await drained(ledger));
      }
    }
  }
  return { turns, backlogs };
}

/** Medians over the rounds, and the ratios that the project aims at, taken round by round. */
export function summarise({ turns, backlogs }) {
  const targets = Object.fromEntries(
    Object.entries(turns).map(([name, list]) => [name, summaryOf(list)]),
  );
  const rounds = turns.cobro.map((_turn, round) => {
    const [cobro, bare, direct] = ["cobro", "bare", "direct"].map((name) => turns[name][round]);
    return {
      throughput: cobro.many.perSecond / bare.many.perSecond,
      addedP50: (cobro.one.p50 - direct.one.p50) / (bare.one.p50 - direct.one.p50),
      addedP95: (cobro.one.p95 - direct.one.p95) / (bare.one.p95 - direct.one.p95),
    };
  });
  const over = (pick) => spread(rounds.map(pick));
  return {
    targets,
    ratios: {
      throughputOfBare: over((round) => round.throughput),
      addedLatencyP50OfBare: over((round) => round.addedP50),
      addedLatencyP95OfBare: over((round) => round.addedP95),
    },
    backlog: {
      entriesLeft: median(backlogs.map(({ before, after }) => after - before)),
      drainMs: median(backlogs.map(({ ms }) => ms)),
    },
  };
}

function summaryOf(list) {
  const over = (pick) => spread(list.map(pick));
  const cpu = list.map((one) => one.cpuMsPerCharge);
  return {
    oneAtATime: { p50: over(({ one }) => one.p50), p95: over(({ one }) => one.p95) },
    atOnce: {
      perSecond: over(({ many }) => many.perSecond),
      p50: over(({ many }) => many.p50),
      p95: over(({ many }) => many.p95),
    },
    cpuMsPerCharge: cpu.includes(null) ? null : median(cpu),
  };
}

function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Payment methods whose requests are counted: the sandbox goes through its book for each. */
const COUNTED_METHODS = 100;

/** What a target was asked for, and all requests that reached the sandbox, for the same methods. */
export async function requestsOf(sandbox, { ids, asked }) {
  let requests = 0;
  let charges = 0;
  for (const id of ids.slice(0, COUNTED_METHODS)) {
    const path = `/sandbox/book?paymentMethodId=${id}`;
    const counts = JSON.parse((await send(sandbox, { path })).text).requests;
    requests += Object.values(counts).reduce((sum, count) => sum + count, 0);
    charges += asked.get(id) ?? 0;
  }
  return { requests, asked: charges };
}
