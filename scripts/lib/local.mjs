/**
 * Owns the local installation that `npm start` runs: its state directory and lock, the sandbox, the
 * migrated and seeded ledger, the gateway. Must not print but through `say`.
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { startSandbox } from "../../sandbox/server.ts";
import { ROOT, wrangler, wranglerOutput } from "./wrangler.mjs";

const ALL = ["charge", "refund", "read", "manage", "audit", "operate"];
/** Local-only keys: they are seeded here and nowhere else. */
const KEYS = {
  cobro_test_storefront: ["charge", "refund", "read"],
  cobro_test_manager: ["manage", "read"],
  cobro_test_auditor: ["audit"],
  cobro_test_operator: ALL,
};
/** The gateway's variables that are taken from the environment (docs/operating.md). */
const VARIABLES = [
  "HARMONY_TIMEOUT_MS",
  "WAIT_SECONDS",
  "RECONCILE_SECONDS",
  "HORIZON_SECONDS",
  "ALLOW_SHORT_HORIZON",
  "LATE_SECONDS",
  "POLL_SECONDS",
  "FOREIGN_WRITERS",
  "TAG",
  "LOCATION_HINT",
];
const READY_MS = 60_000;

/** Starts everything; gives the URLs and a way to stop. Throws with a reason a person can act on. */
export async function startLocal({ port, sandboxPort, stateDir, say }) {
  const state = resolve(stateDir);
  mkdirSync(state, { recursive: true });
  const lock = lockState(state);
  await portFree(port, "PORT");
  await portFree(sandboxPort, "SANDBOX_PORT");
  say(`state in ${stateDir}`);
  const sandbox = await startSandbox({ port: sandboxPort, stateDir: state });
  try {
    say("applying the ledger's migrations");
    await prepareLedger(state);
    const gateway = startGateway({ port, state, sandboxUrl: sandbox.url });
    const url = `http://127.0.0.1:${port}`;
    await ready(url, gateway);
    const stop = async () => {
      await ended(gateway);
      await sandbox.close();
      lock.close();
    };
    return { url, sandboxUrl: sandbox.url, gateway, stop };
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}

/** An exclusive transaction that the system ends with this process, however it ends. */
function lockState(state) {
  const lock = new DatabaseSync(`${state}/lock.sqlite`, { timeout: 0 });
  try {
    lock.exec("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch {
    throw new Error(`${state} is in use by another start; stop that one or set STATE_DIR`);
  }
  return lock;
}

async function portFree(port, name) {
  await new Promise((free, busy) => {
    const probe = createServer();
    probe.once("error", () => busy(new Error(`port ${port} is in use; set ${name} to a free one`)));
    probe.listen(port, "127.0.0.1", () => probe.close(free));
  });
}

async function prepareLedger(state) {
  const local = ["--local", "--persist-to", state];
  await wranglerOutput(["d1", "migrations", "apply", "LEDGER", ...local]);
  const file = `${state}/seed.sql`;
  writeFileSync(file, seedSql());
  await wranglerOutput(["d1", "execute", "LEDGER", ...local, "--yes", "--file", file]);
}

function seedSql() {
  return Object.entries(KEYS)
    .map(([key, scopes]) => {
      const keyId = key.slice("cobro_".length);
      const hash = createHash("sha256").update(key).digest("hex");
      return `INSERT INTO api_key (key_id, hash, caller_id, name, scopes, created_at)
        SELECT '${keyId}', '${hash}', 'main', '${keyId}', '${JSON.stringify(scopes)}', '2026-01-01T00:00:00.000Z'
        WHERE NOT EXISTS (SELECT 1 FROM api_key WHERE key_id = '${keyId}');`;
    })
    .join("\n");
}

function startGateway({ port, state, sandboxUrl }) {
  const variables = {
    HARMONY_BASE_URL: process.env.HARMONY_BASE_URL ?? `${sandboxUrl}/api`,
  };
  for (const name of VARIABLES) {
    if (process.env[name] !== undefined) {
      variables[name] = process.env[name];
    }
  }
  const vars = Object.entries(variables).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  return wrangler(
    [
      "dev",
      "--ip",
      "127.0.0.1",
      "--port",
      String(port),
      "--persist-to",
      state,
      "--log-level",
      "warn",
      ...vars,
    ],
    { cwd: ROOT, env: { HARMONY_API_KEY: process.env.HARMONY_API_KEY ?? "sandbox" } },
  );
}

async function ready(url, gateway) {
  const deadline = Date.now() + READY_MS;
  while (Date.now() < deadline) {
    if (gateway.exitCode !== null) {
      throw new Error("the gateway ended while starting; its own words are above");
    }
    const health = await fetch(`${url}/healthz`).catch(() => null);
    if (health?.ok) {
      return;
    }
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error("the gateway did not get ready within a minute");
}

async function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const exit = new Promise((gone) => child.once("exit", gone));
  child.kill("SIGTERM");
  await exit;
}
