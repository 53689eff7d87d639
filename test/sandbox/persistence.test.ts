import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startSandbox } from "../../sandbox/server.ts";
import { book, createMethod, reset, setScenario } from "../support/sandbox.ts";
import { charge } from "./harmony-client.ts";
import type { ChildProcess } from "node:child_process";

let stateDir: string;
let child: ChildProcess | null = null;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "sandbox-"));
});
afterEach(async () => {
  await end("SIGKILL");
  rmSync(stateDir, { recursive: true });
});

async function start(): Promise<string> {
  const main = new URL("../../sandbox/main.ts", import.meta.url).pathname;
  child = spawn(process.execPath, [main], {
    env: { ...process.env, SANDBOX_PORT: "0", STATE_DIR: stateDir },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout ?? child, "data")) as [Buffer];
  const url = /http:\/\/[\d.:]+/.exec(line.toString())?.[0];
  if (url === undefined) {
    throw new Error(`no URL in the ready line: ${line.toString()}`);
  }
  return url;
}

async function end(signal: "SIGKILL" | "SIGTERM" | "SIGINT"): Promise<number | null> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) {
    return child?.exitCode ?? null;
  }
  const exited = once(child, "exit") as Promise<[number | null]>;
  child.kill(signal);
  return (await exited)[0];
}

describe("the book in a directory", () => {
  it("has every payment whose reply has left, after each of several SIGKILLs under load", async () => {
    const answered: string[] = [];
    let id = "";
    for (const round of [1, 2, 3, 4]) {
      const url = await start();
      id = round === 1 ? await createMethod(url) : id;
      const enough = answered.length + 60;
      const caller = async (): Promise<void> => {
        for (;;) {
          const answer = await charge(url, id).catch(() => null);
          if (answer === null) {
            return;
          }
          answered.push(String(answer.json["id"]));
          if (answered.length === enough) {
            child?.kill("SIGKILL");
          }
        }
      };
      await Promise.all([caller(), caller(), caller(), caller()]);
      await end("SIGKILL");
    }
    const { payments } = await book(await start(), id);
    const kept = payments.map((payment) => payment.id);
    expect(answered.length).toBeGreaterThanOrEqual(240);
    expect(kept.filter((paymentId) => answered.includes(paymentId))).toHaveLength(answered.length);
    const times = payments.map(({ createdAt }) => createdAt);
    expect(times).toEqual(times.toSorted());
  });

  it("keeps the rest of a scenario and a late charge that came due meanwhile", async () => {
    const url = await start();
    const id = await createMethod(url);
    await setScenario(url, id, {
      charges: [
        { kind: "late", chargeAfterMs: 1 },
        { kind: "decline", as: 402 },
      ],
    });
    // The process may die before or after the late charge is made; both leave exactly one.
    const open = charge(url, id).catch(() => null);
    await expect
      .poll(async () => (await book(url, id)).requests.charge, { timeout: 10_000 })
      .toBe(1);
    await end("SIGKILL");
    await open;
    const again = await start();
    await expect
      .poll(async () => (await book(again, id)).payments.length, { timeout: 10_000 })
      .toBe(1);
    expect((await charge(again, id)).status).toBe(402);
    expect((await charge(again, id)).status).toBe(201);
  });

  it("stays empty after a reset", async () => {
    const url = await start();
    const id = await createMethod(url);
    await charge(url, id);
    await reset(url);
    await end("SIGKILL");
    const { payments, paymentMethods } = await book(await start());
    expect(payments).toEqual([]);
    expect(paymentMethods).toHaveLength(6);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("is closed by %s, at once", async (signal) => {
    const url = await start();
    await charge(url, await createMethod(url));
    expect(await end(signal)).toBe(0);
    expect((await book(await start())).payments).toHaveLength(1);
  });

  it("is open in one sandbox at a time", async () => {
    const sandbox = await startSandbox({ port: 0, stateDir });
    await expect(startSandbox({ port: 0, stateDir })).rejects.toThrow("is it in use?");
    await sandbox.close();
    const next = await startSandbox({ port: 0, stateDir });
    await next.close();
  });
});
