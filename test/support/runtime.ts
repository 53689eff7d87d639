/**
 * The real local runtime for tests that kill it: a process group with persisted state, against a
 * sandbox in the test's own process, which survives. Owns starting, killing and restarting, and the
 * files of its state; must not hold expectations.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const START_MS_MAX = 30_000;
const POLL_MS = 20;
/** Longer than the gateway's own guard of an attempt, with room for a busy machine. */
const DEADLINE_MS = 30_000;

/** The local keys that these tests use, with their scopes. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  cobro_test_storefront: ["charge", "refund", "read"],
  cobro_test_auditor: ["audit"],
  cobro_test_operator: ["charge", "refund", "read", "manage", "audit", "operate"],
};

const WAIT_SECONDS = 4;

/** Short times, so that a test of a hang takes a second and not half a minute. */
const SHORT_TIMES = {
  HARMONY_TIMEOUT_MS: "1500",
  WAIT_SECONDS: String(WAIT_SECONDS),
  ALLOW_SHORT_HORIZON: "yes",
};

/** Neither update checks nor telemetry: tests reach loopback only. */
const NO_NETWORK = {
  DO_NOT_TRACK: "1",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_NO_SKILLS_UPDATE_PROMPTS: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  X_LOCAL_OBSERVABILITY: "false",
  X_LOCAL_EXPLORER: "false",
};

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body; an empty object where it is not JSON. */
  readonly json: Record<string, unknown>;
}

export interface RuntimeOptions {
  readonly sandboxUrl: string;
  /** Variables beside, or instead of, the short times. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** One gateway with its state. Its address changes with each start. */
export class Runtime {
  readonly stateDir = mkdtempSync(join(tmpdir(), "cobro-crash-"));
  readonly sandboxUrl: string;
  readonly #bindings: Readonly<Record<string, string>>;
  readonly #log: string[] = [];
  #child: ChildProcess | null = null;
  #url = "";
  #hasState = false;

  constructor(script: string, { sandboxUrl, variables }: RuntimeOptions) {
    writeFileSync(this.#scriptFile(), script);
    this.sandboxUrl = sandboxUrl;
    this.#bindings = {
      HARMONY_API_KEY: "sandbox",
      HARMONY_BASE_URL: `${sandboxUrl}/api`,
      ...SHORT_TIMES,
      ...variables,
    };
  }

  /** Without a trailing slash. */
  get url(): string {
    return this.#url;
  }

  /** The lines that the Worker has logged since the runtime was made, over all its starts. */
  get log(): readonly string[] {
    return this.#log;
  }

  async start(): Promise<void> {
    const settings = {
      scriptPath: this.#scriptFile(),
      stateDir: this.stateDir,
      bindings: this.#bindings,
      migrations: this.#hasState ? [] : migrations(),
      keys: Object.entries(KEYS).map(([text, scopes]) => ({
        keyId: text.slice("cobro_".length),
        hash: createHash("sha256").update(text).digest("hex"),
        scopes,
      })),
    };
    const script = join(ROOT, "test/support/runtime-child.mjs");
    // Detached makes it the leader of a group of its own, which is killed as one.
    const child = spawn(process.execPath, [script, JSON.stringify(settings)], {
      cwd: ROOT,
      detached: true,
      env: { ...process.env, ...NO_NETWORK },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.#url = await this.#ready(child);
    this.#hasState = true;
  }

  /** Signals the whole group, by its id; resolves once nobody listens any more. */
  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) {
      return;
    }
    this.#child = null;
    const gone =
      child.exitCode !== null || child.signalCode !== null
        ? Promise.resolve()
        : once(child, "exit").then(() => undefined);
    try {
      process.kill(-child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") {
        throw error;
      }
    }
    await gone;
    if (this.#url !== "") {
      await until("the killed runtime is gone", async () => !(await isListening(this.#url)));
    }
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Kills it and removes its state. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.stateDir, { recursive: true, force: true, maxRetries: 5 });
  }

  /** D1's own file. */
  ledgerFile(): string {
    const [file] = databases(join(this.stateDir, "d1"));
    if (file === undefined) {
      throw new Error("D1 has no file yet");
    }
    return file;
  }

  /** The files of the objects touched so far. */
  objectFiles(): string[] {
    return databases(join(this.stateDir, "do"));
  }

  /** Sends any request, as the storefront unless said otherwise. */
  async send(
    path: string,
    { key = "cobro_test_storefront", ...init }: RequestInit & { key?: string | null } = {},
  ): Promise<Answered> {
    const headers = new Headers(init.headers);
    if (key !== null) {
      headers.set("x-api-key", key);
    }
    const response = await fetch(`${this.#url}${path}`, { ...init, headers });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: object(text) };
  }

  async charge(
    paymentMethodId: string,
    idempotencyKey: string,
    { key = "cobro_test_storefront", waitSeconds = WAIT_SECONDS } = {},
  ): Promise<Answered> {
    return this.send(`/api/payment-method/${paymentMethodId}/payment`, {
      key,
      method: "POST",
      headers: {
        "content-type": "application/json",
        "idempotency-key": idempotencyKey,
        prefer: `wait=${waitSeconds}`,
      },
      body: JSON.stringify({ amount: 100 }),
    });
  }

  /** The charge under this key, from the gateway's own state. */
  async chargeResource(paymentMethodId: string, idempotencyKey: string): Promise<Answered> {
    const query = new URLSearchParams({ idempotencyKey }).toString();
    return this.send(`/api/payment-method/${paymentMethodId}/charge?${query}`);
  }

  #scriptFile(): string {
    return join(this.stateDir, "worker.js");
  }

  async #ready(child: ChildProcess): Promise<string> {
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) {
      throw new Error("Bug: the runtime has no output");
    }
    createInterface({ input: stderr }).on("line", (line) => this.#log.push(line));
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        reject(new Error(`the runtime ${why}:\n${this.#log.slice(-30).join("\n")}`));
      };
      const timer = setTimeout(() => fail("did not start in time"), START_MS_MAX);
      child.once("error", reject);
      child.once("exit", () => fail("ended before it was ready"));
      createInterface({ input: stdout }).on("line", (line) => {
        const { ready } = object(line);
        if (typeof ready === "string") {
          clearTimeout(timer);
          resolve(ready);
        } else {
          this.#log.push(line);
        }
      });
    });
  }
}

const made: Runtime[] = [];
let bundle: Promise<string> | null = null;

/** Starts a gateway with empty state. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  bundle ??= build();
  const runtime = new Runtime(await bundle, options);
  made.push(runtime);
  await runtime.start();
  return runtime;
}

/** Ends every gateway started so far and removes its state. For `afterEach`, or `afterAll`. */
export async function removeRuntimes(): Promise<void> {
  await Promise.all(made.splice(0).map((runtime) => runtime.remove()));
}

/** Polls until it holds. The one way to wait in these tests: a deadline, never a fixed sleep. */
export async function until(
  what: string,
  probe: () => boolean | Promise<boolean>,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  await eventually(what, async () => ((await probe()) ? true : null), deadlineMs);
}

/** Polls until the probe finds something, and gives it. */
export async function eventually<T>(
  what: string,
  probe: () => T | null | Promise<T | null>,
  deadlineMs = DEADLINE_MS,
): Promise<T> {
  const deadlineAtMs = Date.now() + deadlineMs;
  for (;;) {
    const found = await probe();
    if (found !== null) {
      return found;
    }
    if (Date.now() > deadlineAtMs) {
      throw new Error(`not within ${deadlineMs} ms: ${what}`);
    }
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/** The text of the Worker as it would be deployed. */
async function build(): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), "cobro-bundle-"));
  const deploy = join(ROOT, "scripts/deploy.mjs");
  try {
    await promisify(execFile)(process.execPath, [deploy, "--dry-run", "--outdir", outDir]);
    return readFileSync(join(outDir, "index.js"), "utf8");
  } finally {
    rmSync(outDir, { recursive: true, force: true });
  }
}

function migrations(): string[] {
  const dir = join(ROOT, "migrations");
  return readdirSync(dir)
    .sort()
    .map((file) => readFileSync(join(dir, file), "utf8"));
}

function databases(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".sqlite") && !file.includes("metadata"))
    .map((file) => join(dir, file));
}

async function isListening(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  }).then((listening) => {
    socket.destroy();
    return listening === true;
  });
}

function object(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
