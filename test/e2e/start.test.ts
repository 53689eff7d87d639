/**
 * `npm start` and `npm run demo` as a person runs them: real processes on free ports and a state
 * directory of their own. One start serves all tests but those of a start that is refused, and the
 * last test stops it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  freePort,
  isReady,
  plainEnvironment,
  printedLines,
  processesOf,
  run,
  shell,
  type Run,
} from "./support.ts";

const STOP_MS_MAX = 15_000;

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
    const [charge = "", replay = "", read = ""] = printedLines(started);

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

function npm(command: string, variables: NodeJS.ProcessEnv): Run {
  return run(["npm", ...command.split(" ")], { env: { ...environment, ...variables } });
}

function url(): string {
  return `http://127.0.0.1:${environment["PORT"]}`;
}

function bodyOf(response: string): string | undefined {
  return response.split("\r\n\r\n")[1];
}
