/**
 * Owns the processes that are measured: the sandbox, Cobro and the bare object, each in a process
 * of its own, with its state below one directory. Plain workerd by Miniflare's API, reached by the
 * direct socket: no proxy in Node stands in the path. Must not measure.
 */
import "../scripts/lib/loopback.mjs";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const COMPATIBILITY_DATE = "2026-11-02";

export const HARMONY_KEY = "sandbox";
export const CHARGE_KEY = "cobro_bench_charge";
/** May read only: its charges are answered 403, which is the Worker with its checks and no object. */
export const READ_KEY = "cobro_bench_read";

/** wrangler's registry, telemetry and `cf.json` calls are all switched off. */
const QUIET = {
  DO_NOT_TRACK: "1",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_NO_SKILLS_UPDATE_PROMPTS: "true",
};
Object.assign(process.env, QUIET);

/** Builds Cobro as a deployment would and gives the text of its one module. */
export async function buildCobro(directory) {
  const deploy = join(ROOT, "scripts/deploy.mjs");
  const words = [deploy, "--dry-run", "--outdir", join(directory, "build")];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) {
    throw new Error(`Cobro does not build:\n${output}`);
  }
  return readFileSync(join(directory, "build", "index.js"), "utf8");
}

/** The sandbox in its own process, so that it does not share the load generator's loop. */
export async function startSandbox(directory) {
  const env = { ...process.env, SANDBOX_PORT: "0", STATE_DIR: directory };
  const child = spawn(process.execPath, [join(ROOT, "sandbox/main.ts")], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  // Whatever ends this process, the sandbox must not outlive it.
  process.once("exit", () => child.kill());
  const url = await new Promise((resolve, reject) => {
    let output = "";
    child.once("exit", (code) => reject(new Error(`the sandbox ended with ${code}`)));
    child.stdout.on("data", (chunk) => {
      output += chunk;
      const found = /ready at (http:\S+)\/api/.exec(output);
      if (found !== null) {
        resolve(found[1]);
      }
    });
  });
  const stop = async () => {
    if (child.exitCode === null) {
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGTERM");
      await ended;
    }
  };
  return { url, pid: child.pid, stop };
}

/**
 * Cobro with the migrations applied and two keys. Harmony's timeout is the longest allowed: an
 * alarm, which is due five seconds after it, then never falls into another target's turn.
 */
export async function startCobro(name, directory, sandboxUrl, modules, variables = {}) {
  const host = await startWorker(name, directory, modules, {
    bindings: {
      HARMONY_API_KEY: HARMONY_KEY,
      HARMONY_BASE_URL: `${sandboxUrl}/api`,
      HARMONY_TIMEOUT_MS: "120000",
      HORIZON_SECONDS: "1200",
      ...variables,
    },
    durableObjects: {
      PAYMENT_METHODS: { className: "PaymentMethod", useSQLite: true },
      CARD_SHARDS: { className: "CardShard", useSQLite: true },
    },
    d1Databases: { LEDGER: "ledger" },
  });
  const ledger = await host.miniflare.getD1Database("LEDGER");
  const migrations = join(ROOT, "migrations");
  for (const file of readdirSync(migrations).toSorted()) {
    await ledger.prepare(readFileSync(join(migrations, file), "utf8")).run();
  }
  await addKey(ledger, CHARGE_KEY, ["charge", "read"]);
  await addKey(ledger, READ_KEY, ["read"]);
  return host;
}

export async function addKey(ledger, text, scopes) {
  const hash = createHash("sha256").update(text).digest("hex");
  const insert = ledger.prepare(
    `INSERT INTO api_key (key_id, hash, caller_id, name, scopes, created_at)
     VALUES (?, ?, 'bench', ?, ?, '2026-11-01T00:00:00.000Z')`,
  );
  await insert.bind(text, hash, text, JSON.stringify(scopes)).run();
}

export async function startBare(directory, sandboxUrl) {
  const contents = readFileSync(new URL("bare/worker.js", import.meta.url), "utf8");
  return startWorker(
    "bare",
    directory,
    { "worker.js": contents },
    {
      bindings: { HARMONY_API_KEY: HARMONY_KEY, HARMONY_BASE_URL: `${sandboxUrl}/api` },
      durableObjects: { BARE: { className: "Bare", useSQLite: true } },
    },
  );
}

/** `modules` is text by file name, the entry first. */
async function startWorker(name, directory, modules, bound) {
  const state = join(directory, name);
  const before = new Set(childrenOf(process.pid));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      name,
      compatibilityDate: COMPATIBILITY_DATE,
      modulesRoot: "/",
      modules: Object.entries(modules).map(([path, contents]) => {
        return { type: "ESModule", path: `/${path}`, contents };
      }),
      resourcePersistencePath: state,
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0, proxy: false }],
      unsafeLocalExplorer: false,
      unsafeObservability: false,
      log: new Log(LogLevel.WARN),
      ...bound,
    }),
  );
  const url = (await miniflare.unsafeGetDirectURL(name)).href;
  const pid = childrenOf(process.pid).find((child) => !before.has(child)) ?? null;
  return { name, state, url, pid, miniflare, stop: () => miniflare.dispose() };
}

/** Where /proc is missing nothing is found, and what is counted by process is not reported. */
function childrenOf(pid) {
  const list = `/proc/${pid}/task/${pid}/children`;
  const text = existsSync(list) ? readFileSync(list, "utf8").trim() : "";
  return text === "" ? [] : text.split(" ").map(Number);
}

/** Opens Cobro's ledger beside workerd, read-only, so that counting costs workerd nothing. */
export function openLedger({ state }) {
  const directory = readdirSync(state, { recursive: true })
    .map((path) => join(state, path))
    .find((path) => path.endsWith("D1DatabaseObject"));
  const file = readdirSync(directory ?? state).find((path) => /^[0-9a-f]+\.sqlite$/.test(path));
  if (directory === undefined || file === undefined) {
    throw new Error("the ledger's file is not found");
  }
  const db = new DatabaseSync(join(directory, file), { readOnly: true });
  const count = db.prepare("SELECT coalesce(max(position), 0) AS entries FROM entry");
  return { entries: () => Number(count.get().entries), close: () => db.close() };
}
