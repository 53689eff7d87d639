/**
 * Owns a local installation from start to stop: the lock of its state directory, the sandbox, the
 * prepared ledger, the gateway and its clock. Must not print, read the environment's ports, nor
 * handle signals: start.mjs and demo.mjs do.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { devNull } from "node:os";
import { resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { startSandbox } from "../../sandbox/server.ts";
import { prepareLedger, probeLedger } from "./ledger.mjs";
import { variableArguments } from "./settings.mjs";
import { ROOT, wrangler } from "./wrangler.mjs";

/** A loaded machine takes ten seconds; beyond a minute something is wrong. */
const READY_MS_MAX = 60_000;
/** wrangler takes well under a second to end its own processes. */
const STOP_MS_MAX = 10_000;
/** What a cron trigger of every minute means. */
const CRON_MS = 60_000;

/**
 * Starts everything. Gives the URLs, a promise of the gateway's end, and a way to stop. Throws
 * with a reason a person can act on, with nothing left running; also when `signal` is aborted.
 */
export async function startLocal({ port, sandboxPort, stateDir, environment, signal }) {
  await using started = new AsyncDisposableStack();
  const state = resolve(stateDir);
  mkdirSync(state, { recursive: true });
  const lock = lockState(state);
  started.defer(() => lock.close());
  const gatewayPort = await freePort(port, "PORT");
  await freePort(sandboxPort, "SANDBOX_PORT");
  const sandbox = await startSandbox({ port: sandboxPort, stateDir: `${state}/sandbox` });
  started.defer(() => sandbox.close());
  prepareLedger(state);
  const gateway = startGateway({ port: gatewayPort, state, sandbox, environment });
  const ended = new Promise((gone) => gateway.once("exit", gone));
  started.defer(() => endGateway(gateway, ended));
  const url = `http://127.0.0.1:${gatewayPort}`;
  await ready(url, gateway, signal);
  await probeLedger(url);
  const clock = startClock(url);
  started.defer(() => clearInterval(clock));
  const running = started.move();
  return { url, sandboxUrl: sandbox.url, ended, stop: async () => running.disposeAsync() };
}

/** An exclusive transaction that the system ends with this process, however it ends. */
function lockState(state) {
  const lock = new DatabaseSync(`${state}/lock.sqlite`, { timeout: 0 });
  try {
    lock.exec("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch {
    lock.close();
    throw new Error(`${state} is in use by another start; stop that one, or set STATE_DIR`);
  }
  return lock;
}

/** The port itself, or any for 0. Asked for here, since wrangler would say it less clearly. */
async function freePort(port, name) {
  return new Promise((free, busy) => {
    const probe = createServer();
    probe.once("error", ({ code }) => {
      busy(new Error(`port ${port} cannot be used (${code}); set ${name} to a free one`));
    });
    probe.listen(port, "127.0.0.1", () => {
      const taken = probe.address().port;
      probe.close(() => free(taken));
    });
  });
}

function startGateway({ port, state, sandbox, environment }) {
  const args = ["dev", "--ip", "127.0.0.1", "--port", String(port), "--persist-to", state];
  // The environment alone: a .dev.vars that lies about would win over it, the API key included.
  const noFile = ["--env-file", devNull];
  const variables = variableArguments(environment, sandbox.url);
  // At `warn`, alerts of the Worker are shown, and one line for each request is not.
  return wrangler([...args, ...noFile, "--log-level", "warn", ...variables], {
    env: {
      HARMONY_API_KEY: environment.HARMONY_API_KEY ?? "sandbox",
      WRANGLER_LOG_PATH: `${state}/logs`,
    },
  });
}

async function ready(url, gateway, signal) {
  const deadline = Date.now() + READY_MS_MAX;
  while (Date.now() < deadline) {
    signal?.throwIfAborted();
    if (hasEnded(gateway)) {
      throw new Error("the gateway ended while starting; its own words are above");
    }
    const health = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5000) }).catch(
      () => null,
    );
    if (health?.status === 200) {
      return;
    }
    if (health?.status === 503) {
      throw new Error(`the gateway refuses its configuration: ${await health.text()}`);
    }
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new Error("the gateway did not get ready within a minute");
}

/** Cron triggers never fire by themselves in a local run. A call that fails is the gateway's log. */
function startClock(url) {
  if (!/^crons = \[.*\]$/m.test(readFileSync(`${ROOT}wrangler.toml`, "utf8"))) {
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

function hasEnded(child) {
  return child.exitCode !== null || child.signalCode !== null;
}
