/**
 * The programs of a person's shell as processes, for the tests of a start: owns running them in a
 * group of their own, what they say, and their end. Must not hold what they should do.
 */
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, vi } from "vitest";
import type { AddressInfo } from "node:net";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const READY_MS_MAX = 90_000;
/** A printed line is answered at once; one that is not must not hold up what it waits for. */
const LINE_MS_MAX = 10_000;

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

export interface Run {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  output(): string;
}

/** A group of its own, as a terminal gives one. */
export function run(
  [program = "", ...words]: readonly string[],
  { cwd = ROOT, env }: { cwd?: string; env: NodeJS.ProcessEnv },
): Run {
  const child = spawn(program, words, {
    cwd,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env,
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
    throw new Error(`${program} cannot be run`);
  }
  return { pid: child.pid, ended, output: () => output };
}

/** Resolves once a start has printed its ready block; throws with what it said if it ends. */
export async function isReady(started: Run): Promise<void> {
  const early = started.ended.then(({ output }) => {
    throw new Error(`the start ended:\n${output}`);
  });
  const ready = vi.waitFor(() => expect(started.output()).toContain("Ctrl-C"), {
    timeout: READY_MS_MAX,
  });
  // Once it is ready, its end is for the caller to look at.
  early.catch(() => undefined);
  await Promise.race([ready, early]);
}

/** Asks it to stop, as Ctrl-C does, and waits for its end; for one that has ended, nothing. */
export async function stop(started: Run): Promise<void> {
  if (processesOf(started.pid).length > 0) {
    process.kill(-started.pid, "SIGTERM");
  }
  await started.ended;
}

/** Without what the test runner puts there, which no person's shell has. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const own = /^(VITEST|NODE_ENV$|TEST$|MODE$|DEV$|PROD$|SSR$|HARMONY_|npm_|no_proxy$)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
}

/** The lines of the ready block that can be pasted into a shell. */
export function printedLines(started: Run): string[] {
  return started
    .output()
    .split("\n")
    .filter((line) => line.startsWith("curl "));
}

/** What a shell makes of a printed line. */
export function shell(line: string, env: NodeJS.ProcessEnv = plainEnvironment()): string {
  const options = { encoding: "utf8", env, timeout: LINE_MS_MAX } as const;
  const { status, stdout, stderr } = spawnSync("sh", ["-c", `exec ${line}`], options);
  expect(status, stderr).toBe(0);
  return stdout;
}

/** The processes of a group that are alive; one that nobody has waited for yet is not. */
export function processesOf(group: number): string[] {
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

export async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
