/**
 * `npm run bench`: what Cobro costs, beside a bare object and the sandbox alone, in one run on
 * this machine. Owns the order of measurements and the options:
 *
 *   --quick        fewer methods and rounds, under half a minute
 *   --json FILE    the figures, for machines
 *   --dir DIR      where the state is kept while it runs (a temporary directory)
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ablate, syncsPerCharge } from "./ablation.mjs";
import { compare, drained, firstTouches, requestsOf, summarise } from "./compare.mjs";
import { FREE_LEDGER } from "./free-ledger.mjs";
import { buildCobro, openLedger, startBare, startCobro, startSandbox } from "./hosts.mjs";
import { connect } from "./load.mjs";
import { report } from "./report.mjs";
import { addMethods, bareTarget, cobroTarget, directTarget } from "./targets.mjs";

const FULL = {
  methods: 1000,
  freeMethods: 100,
  rounds: 4,
  single: 150,
  count: 1000,
  atOnce: 64,
  ablation: { rounds: 2, single: 60, count: 500 },
};
const QUICK = {
  methods: 100,
  freeMethods: 50,
  rounds: 2,
  single: 50,
  count: 300,
  atOnce: 64,
  ablation: { rounds: 1, single: 30, count: 200 },
};
const TMPFS = 0x01021994;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    dir: { type: "string", default: tmpdir() },
  },
});
const options = values.quick ? QUICK : FULL;
const startedAt = performance.now();
/** What else ran: a shared machine moves every figure, CPU time least. */
const [loadBefore = 0] = loadavg();
const directory = mkdtempSync(join(values.dir, "cobro-bench-"));
const running = [];
const started = (host) => {
  running.push(host);
  return host;
};
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    rmSync(directory, { recursive: true, force: true });
    process.exit(1);
  });
}
try {
  const result = await measure();
  const full = { machine: machine(), ...result, seconds: (performance.now() - startedAt) / 1000 };
  console.log(report(full));
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify(full, null, 2)}\n`);
  }
} finally {
  for (const host of running.toReversed()) {
    await host.stop();
  }
  rmSync(directory, { recursive: true, force: true });
}

async function measure() {
  const context = await start();
  const { cobro, bare, direct, free, pids, ledger, sandbox } = context;
  const touched = await firstTouches([cobro, bare], options.atOnce);
  await firstTouches([free, direct], options.atOnce);
  await drained(ledger);
  const before = await requestsOf(sandbox, cobro);
  const compared = await compare([cobro, bare, direct], pids, ledger, options);
  const after = await requestsOf(sandbox, cobro);
  const charges = after.asked - before.asked;
  const upstream = { charges, perCharge: (after.requests - before.requests) / charges };
  const ablation = await ablate(context, { ...options.ablation, atOnce: options.atOnce });
  const syncs = await syncsPerCharge(context, options.single / 2);
  return {
    firstTouches: touched,
    comparison: summarise(compared),
    turns: compared.turns,
    upstream,
    syncs,
    ablation,
  };
}

async function start() {
  const sandboxHost = started(await startSandbox(directory));
  const built = await buildCobro(directory);
  const startOne = async (name, modules) =>
    started(await startCobro(name, directory, sandboxHost.url, modules));
  const cobroHost = await startOne("cobro", { "index.js": built });
  const freeHost = await startOne("free", { "free.js": FREE_LEDGER, "index.js": built });
  const bareHost = started(await startBare(directory, sandboxHost.url));
  const sandbox = connect(sandboxHost.url);
  const ids = async (count) => addMethods(sandbox, count);
  const urls = { cobro: cobroHost.url, bare: bareHost.url };
  return {
    sandbox,
    urls,
    pids: { cobro: cobroHost.pid, bare: bareHost.pid, free: freeHost.pid },
    ledger: openLedger(cobroHost),
    cobro: cobroTarget(urls.cobro, await ids(options.methods)),
    free: { ...cobroTarget(freeHost.url, await ids(options.freeMethods)), name: "free" },
    bare: bareTarget(urls.bare, await ids(options.methods)),
    direct: directTarget(sandboxHost.url, await ids(options.methods)),
  };
}

function machine() {
  const git = (...words) => execFileSync("git", words, { encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "src", "sandbox", "migrations") !== "";
  return {
    commit: `${git("rev-parse", "--short", "HEAD")}${changed ? " with changes" : ""}`,
    cpus: cpus().length,
    cpu: cpus()[0]?.model ?? "unknown",
    loadBefore,
    disk: statfsSync(directory).type === TMPFS ? "tmpfs" : "disk",
    rounds: options.rounds,
    methods: options.methods,
    atOnce: options.atOnce,
  };
}
