/**
 * Owns a local installation from start to stop: the lock of its state directory, the sandbox, the
 * prepared ledger, the gateway and its clock. Must not print, read the environment's ports, nor
 * handle signals: start.mjs and demo.mjs do.
 */
import "./loopback.mjs";
import { readFileSync } from "node:fs";
import { devNull, tmpdir } from "node:os";
import { resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { API_KEY } from "../../sandbox/api.ts";
import { startSandbox } from "../../sandbox/server.ts";
import { prepareLedger, probeLedger } from "./ledger.mjs";
import { freePort, unusable } from "./ports.mjs";
import { hasEnded, ready } from "./ready.mjs";
import { harmonyOf, variableArguments } from "./settings.mjs";
import { requireWritable } from "./writable.mjs";
import { CONFIG, localEnvironment, ROOT, wrangler } from "./wrangler.mjs";

/** Two starts in the same moment are in each other's way for a millisecond, and one of them wins. */
const LOCK_MS_MAX = 500;
const SQLITE_BUSY = 5;
/** wrangler takes well under a second to end its own processes. */
const STOP_MS_MAX = 10_000;
/** What a cron trigger of every minute means. */
const CRON_MS = 60_000;

/**
 * Starts everything. Gives the URLs, a promise of the gateway's end, and a way to stop. Throws
 * with a reason a person can act on, with nothing left running; also when `signal` is aborted.
 * `tell` is given lines on what a start that takes long is waiting for.
 */
export async function startLocal({ port, sandboxPort, stateDir, environment, signal, tell }) {
  await using started = new AsyncDisposableStack();
  const harmony = harmonyOf(environment);
  const state = resolve(stateDir);
  requireFolders(state);
  const lock = lockState(state);
  started.defer(() => lock.close());
  const gatewayPort = await freePort(port, "PORT");
  const sandbox = await openSandbox(await freePort(sandboxPort, "SANDBOX_PORT"), state);
  started.defer(() => sandbox.close());
  const probeKey = prepareLedger(state);
  const gateway = startGateway({
    port: gatewayPort,
    state,
    harmony: harmony ?? { baseUrl: `${sandbox.url}/api`, key: API_KEY },
    environment,
  });
  const ended = new Promise((gone) => gateway.once("exit", gone));
  started.defer(() => endGateway(gateway, ended));
  const url = `http://127.0.0.1:${gatewayPort}`;
  await ready({ url, gateway, signal, tell });
  await probeLedger(url, probeKey);
  const clock = startClock(url);
  started.defer(() => clearInterval(clock));
  const running = started.move();
  const harmonyUrl = harmony?.baseUrl ?? null;
  return {
    url,
    sandboxUrl: sandbox.url,
    harmonyUrl,
    ended,
    stop: async () => running.disposeAsync(),
  };
}

/** Every folder that a start writes into. */
function requireFolders(state) {
  requireWritable(state, "set STATE_DIR to a folder that can be", { deep: true });
  const temporary = "wrangler keeps its build there";
  requireWritable(`${ROOT}.wrangler/tmp`, temporary);
  requireWritable(tmpdir(), "set TMPDIR to a folder that can be");
}

/** An exclusive transaction that the system ends with this process, however it ends. */
function lockState(state) {
  const lock = new DatabaseSync(`${state}/lock.sqlite`, { timeout: LOCK_MS_MAX });
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if (error.errcode !== SQLITE_BUSY) {
      throw new Error(`${state}/lock.sqlite: ${error.message}`, { cause: error });
    }
    throw new Error(`${state} is in use by another start; stop that one, or set STATE_DIR`, {
      cause: error,
    });
  }
  return lock;
}

/** Another start may have taken the port since it was found free. */
async function openSandbox(port, state) {
  try {
    return await startSandbox({ port, stateDir: `${state}/sandbox` });
  } catch (error) {
    throw error.syscall === "listen" ? unusable(port, "SANDBOX_PORT", error.code) : error;
  }
}

function startGateway({ port, state, harmony, environment }) {
  const args = ["dev", "--ip", "127.0.0.1", "--port", String(port), "--persist-to", state];
  // The environment alone: a .dev.vars that lies about would win over it, the API key included.
  const noFile = ["--env-file", devNull];
  // Any free one: the one that wrangler would look for may be taken by another start meanwhile.
  const inspector = ["--inspector-port", "0"];
  const variables = variableArguments(environment, harmony.baseUrl);
  // At `warn`, alerts of the Worker are shown, and one line for each request is not.
  const level = ["--log-level", "warn"];
  return wrangler([...args, ...noFile, ...inspector, ...level, ...variables], {
    env: { ...localEnvironment(state), HARMONY_API_KEY: harmony.key },
  });
}

/** Cron triggers never fire by themselves in a local run. A call that fails is the gateway's log. */
function startClock(url) {
  if (!/^crons = \[.*\]$/m.test(readFileSync(CONFIG, "utf8"))) {
    return undefined;
  }
  const cron = encodeURIComponent("* * * * *");
  const tick = () =>
    fetch(`${url}/cdn-cgi/handler/scheduled?cron=${cron}`, {
      signal: AbortSignal.timeout(CRON_MS),
    }).then(
      (answer) => answer.body?.cancel(),
      () => undefined,
    );
  void tick();
  return setInterval(() => void tick(), CRON_MS);
}

async function endGateway(gateway, ended) {
  if (hasEnded(gateway)) {
    return;
  }
  const harder = setTimeout(() => gateway.kill("SIGKILL"), STOP_MS_MAX);
  gateway.kill("SIGTERM");
  await ended;
  clearTimeout(harder);
}
