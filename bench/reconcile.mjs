/**
 * `npm run bench:reconcile`: many charged payment methods held against Harmony in one run, driven
 * as on Cloudflare: a first step beside the request, then the cron's. Only that the cron does not
 * wait for its minute here. Owns the measurement and the options:
 *
 *   --methods N    payment methods (1000)
 *   --payments N   charges on each (20)
 *   --dir DIR      where the state is kept while it runs (a temporary directory)
 *
 * Exits 1 where the report does not say what is so: one payment was made, one taken away and one
 * altered behind Cobro's back.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { drained } from "./compare.mjs";
import { addKey, buildCobro, openLedger, startCobro, startSandbox } from "./hosts.mjs";
import { connect, load, send } from "./load.mjs";
import { addMethods, cobroTarget } from "./targets.mjs";

const OPERATOR_KEY = "cobro_bench_operator";
const AMOUNT_MINOR = 14_950;
const RSS_EVERY_MS = 50;

const { values } = parseArgs({
  options: {
    methods: { type: "string", default: "1000" },
    payments: { type: "string", default: "20" },
    dir: { type: "string", default: tmpdir() },
  },
});
const methods = Number(values.methods);
const payments = Number(values.payments);
const directory = mkdtempSync(join(values.dir, "cobro-reconcile-"));
const running = [];
try {
  process.exitCode = (await measure()) ? 0 : 1;
} finally {
  for (const host of running.toReversed()) {
    await host.stop();
  }
  rmSync(directory, { recursive: true, force: true });
}

async function measure() {
  const sandboxHost = await startSandbox(directory);
  running.push(sandboxHost);
  const sandbox = connect(sandboxHost.url);
  const script = await buildCobro(directory);
  // Charging is not what is measured, so that a machine that is slow at it is no outage.
  const variables = { BRAKE: "off" };
  const host = await startCobro(
    "cobro",
    directory,
    sandboxHost.url,
    { "index.js": script },
    variables,
  );
  running.push(host);
  const d1 = await host.miniflare.getD1Database("LEDGER");
  await addKey(d1, OPERATOR_KEY, ["operate", "audit"]);
  const ids = await addMethods(sandbox, methods);
  const target = cobroTarget(host.url, ids);
  const from = new Date().toISOString();
  const count = methods * payments;
  await load(target.connection, target.charge, { count, atOnce: 32, expected: 201 });
  const ledger = openLedger(host);
  const { after: entries } = await drained(ledger);
  await alter(sandbox, ids);
  const rss = watchRss(host.pid);
  const worker = await host.miniflare.getWorker("cobro");
  const run = await reconcile(target.connection, worker, from);
  await rss.stop();
  ledger.close();
  const { steps, seconds, report } = run;
  console.log(`${methods} methods with ${payments} payments each, ${entries} entries`);
  for (const [index, step] of steps.entries()) {
    const { done, total } = step.progress;
    console.log(`step ${index + 1}: ${step.seconds.toFixed(1)} s, progress ${done} of ${total}`);
  }
  console.log(
    `together ${seconds.toFixed(1)} s, ${(methods / seconds).toFixed(0)} methods a second`,
  );
  console.log(`workerd ${rss.before} MB resident before, at most ${rss.most()} MB while it ran`);
  return isRight(report, count);
}

/** One of each, on three methods. */
async function alter(sandbox, ids) {
  const bookOf = async (id) => {
    const path = `/sandbox/book?paymentMethodId=${id}`;
    return JSON.parse((await send(sandbox, { path })).text).payments;
  };
  const body = JSON.stringify({ paymentMethodId: ids[0], amount: 7 });
  await send(sandbox, { method: "POST", path: "/sandbox/payments", body });
  const [gone] = await bookOf(ids[1]);
  await send(sandbox, { method: "DELETE", path: `/sandbox/payments/${gone.id}` });
  const [other] = await bookOf(ids[2]);
  const patch = { method: "PATCH", path: `/sandbox/payments/${other.id}` };
  await send(sandbox, { ...patch, body: JSON.stringify({ amount: 1 }) });
}

async function reconcile(connection, worker, from) {
  const headers = { "x-api-key": OPERATOR_KEY, "content-type": "application/json" };
  const to = new Date(Date.now() + 60_000).toISOString();
  const steps = [];
  const startedAt = performance.now();
  let stepAt = startedAt;
  const took = (progress) => {
    steps.push({ seconds: (performance.now() - stepAt) / 1000, progress });
    stepAt = performance.now();
  };
  const body = JSON.stringify({ from, to });
  const begun = await send(connection, {
    method: "POST",
    path: "/ledger/reconciliations",
    headers,
    body,
  });
  let report = JSON.parse(begun.text);
  const path = `/ledger/reconciliations/${report.id}`;
  for (took(report.progress); report.status === "running"; took(report.progress)) {
    await worker.scheduled({ cron: "* * * * *" });
    report = JSON.parse((await send(connection, { path, headers })).text);
  }
  return { steps, report, seconds: (performance.now() - startedAt) / 1000 };
}

function isRight({ progress, outcome, differences, harmony, rows, entry }, count) {
  const { unexplained, missing, amount_differs: amount, duplicate } = differences;
  const right =
    progress.done === methods &&
    outcome === "differs" &&
    harmony.payments === count &&
    rows.length === 3 &&
    entry !== null &&
    unexplained.harmonyMinor === 700 &&
    missing.booksMinor === AMOUNT_MINOR &&
    amount.booksMinor === AMOUNT_MINOR &&
    amount.harmonyMinor === 100 &&
    duplicate.count === 0;
  console.log(right ? "the report is right" : `the report is wrong: ${JSON.stringify(rows)}`);
  return right;
}

/** Resident memory of workerd, which is the Worker, every object and D1; 0 where /proc is missing. */
function watchRss(pid) {
  const status = `/proc/${pid}/status`;
  const read = () => {
    const text = existsSync(status) ? readFileSync(status, "utf8") : "";
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(text);
    return Math.round(Number(found?.[1] ?? 0) / 1024);
  };
  const before = read();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, read());
  }, RSS_EVERY_MS);
  return { before, most: () => most, stop: async () => clearInterval(timer) };
}
