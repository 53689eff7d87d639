/**
 * `npm start` and `npm run demo` as a person runs them: real processes on free ports and a state
 * directory of their own. One start serves all tests but those of a start that is refused, and the
 * last test stops it.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { AddressInfo } from "node:net";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const READY_MS_MAX = 90_000;
const STOP_MS_MAX = 15_000;

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

interface Run {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  output(): string;
}

let environment: NodeJS.ProcessEnv;
let stateDir: string;
let started: Run;

beforeAll(async () => {
  stateDir = mkdtempSync(`${tmpdir()}/cobro-start-`);
  const [port, sandboxPort] = [String(await freePort()), String(await freePort())];
  environment = { ...plainEnvironment(), PORT: port, SANDBOX_PORT: sandboxPort };
  started = npm("start", { STATE_DIR: stateDir });
  await isReady(started);
});

afterAll(() => {
  if (processesOf(started.pid).length > 0) {
    process.kill(-started.pid, "SIGKILL");
  }
  rmSync(stateDir, { recursive: true, force: true });
});

describe("npm start", () => {
  it("prints a line that charges, the same as a replay, and one that reads both", async () => {
    const [charge = "", replay = "", read = ""] = printedLines();

    expect(replay).toBe(charge);
    const first = shell(charge);
    expect(first).toMatch(/^HTTP\/1\.1 201 /);
    expect(first).not.toMatch(/^idempotent-replayed/im);
    const second = shell(replay);
    expect(second).toMatch(/^HTTP\/1\.1 201 /);
    expect(second).toMatch(/^idempotent-replayed: true\r$/im);
    expect(bodyOf(second)).toBe(bodyOf(first));
    await vi.waitFor(
      () => {
        const { entries } = JSON.parse(shell(read)) as { entries: { type: string }[] };
        expect(entries.map((entry) => entry.type)).toEqual([
          "attempt_intended",
          "attempt_answered",
          "replayed",
        ]);
      },
      { timeout: 10_000 },
    );
  });

  it("seeds the four local keys, each with its own scopes", async () => {
    const statuses = async (path: string): Promise<number[]> =>
      Promise.all(
        ["storefront", "manager", "auditor", "operator", "nobody"].map(async (name) => {
          const headers = { "x-api-key": `cobro_test_${name}` };
          return (await fetch(`${url()}${path}`, { headers })).status;
        }),
      );

    expect(await statuses("/ledger/entries")).toEqual([403, 403, 200, 200, 401]);
    const unknown = "/api/payment-method/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee/charge/none";
    expect(await statuses(unknown)).toEqual([404, 404, 404, 404, 401]);
  });

  it("refuses a second start on the same state", async () => {
    const ports = { PORT: String(await freePort()), SANDBOX_PORT: String(await freePort()) };

    const { code, output } = await npm("start", { ...ports, STATE_DIR: stateDir }).ended;

    expect(output).toContain("is in use by another start");
    expect(code).toBe(1);
  });

  it("names the variable of a port that is taken", async () => {
    const otherDir = mkdtempSync(`${tmpdir()}/cobro-start-`);

    const { code, output } = await npm("start", { STATE_DIR: otherDir }).ended;

    rmSync(otherDir, { recursive: true, force: true });
    expect(output).toContain("set PORT to a free one");
    expect(code).toBe(1);
  });

  it("carries a demo, whose every step does what it should", async () => {
    const { code, output } = await npm("run demo", {}).ended;

    expect(output).not.toContain("✗");
    expect(output).toContain(`The gateway at ${url()}`);
    expect(output).toContain("Every step did what it should.");
    expect(code).toBe(0);
  });

  it("leaves nothing after one signal to its group", async () => {
    process.kill(-started.pid, "SIGTERM");

    await started.ended;
    await vi.waitFor(() => expect(processesOf(started.pid)).toEqual([]), { timeout: STOP_MS_MAX });
    await expect(fetch(`${url()}/healthz`)).rejects.toThrow("fetch failed");
  });
});

/** A group of its own, as a terminal gives one. */
function npm(command: string, variables: NodeJS.ProcessEnv): Run {
  const child = spawn("npm", command.split(" "), {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...environment, ...variables },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
  if (child.pid === undefined) {
    throw new Error("npm cannot be run");
  }
  return { pid: child.pid, ended, output: () => output };
}

async function isReady(run: Run): Promise<void> {
  const early = run.ended.then(({ output }) => {
    throw new Error(`npm start ended:\n${output}`);
  });
  const ready = vi.waitFor(() => expect(run.output()).toContain("Ctrl-C"), {
    timeout: READY_MS_MAX,
  });
  // Once it is ready, its end is what the last test is about.
  early.catch(() => undefined);
  await Promise.race([ready, early]);
}

/** Without what the test runner puts there, which no person's shell has. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const own = /^(VITEST|NODE_ENV$|TEST$|MODE$|DEV$|PROD$|SSR$|HARMONY_|npm_)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
}

function url(): string {
  return `http://127.0.0.1:${environment["PORT"]}`;
}

function printedLines(): string[] {
  return started
    .output()
    .split("\n")
    .filter((line) => line.startsWith("curl "));
}

/** What a shell makes of a printed line. */
function shell(line: string): string {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", line], { encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return stdout;
}

function bodyOf(response: string): string | undefined {
  return response.split("\r\n\r\n")[1];
}

/** The processes of a group that are alive; one that nobody has waited for yet is not. */
function processesOf(group: number): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        const [state, , processGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return Number(processGroup) === group && state !== "Z" ? [stat] : [];
      } catch {
        // It ended meanwhile.
        return [];
      }
    });
}

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
