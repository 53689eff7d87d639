/**
 * What is met on the way to a first start: a shell, folders and ports that are not as they should
 * be. A copy of the project stands below a folder of another project, whose configuration wrangler
 * would take for ours. Starts are `node scripts/start.mjs`, which is what npm runs.
 */
import { createServer, type Server } from "node:http";
import { chmodSync, cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  freePort,
  isReady,
  plainEnvironment,
  printedLines,
  ROOT,
  run,
  shell,
  stop,
  type Run,
} from "./support.ts";
import type { AddressInfo } from "node:net";

/** Long before the minute that a start waits for its gateway. */
const SOON_MS = 15_000;

const LEFT_OUT = new Set(["node_modules", ".git", ".cobro", ".wrangler", "coverage", "dist"]);

let folder: string;
let project: string;
const started: Run[] = [];

beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/cobro-first-`);
  project = `${folder}/cobro`;
  cpSync(ROOT, project, { recursive: true, filter: (path) => !LEFT_OUT.has(basename(path)) });
  symlinkSync(`${ROOT}node_modules`, `${project}/node_modules`);
  writeFileSync(`${folder}/other.js`, "export default { fetch: () => new Response('another') };");
  writeFileSync(
    `${folder}/wrangler.jsonc`,
    '{ "name": "another", "main": "other.js", "compatibility_date": "2026-01-01" }',
  );
});

afterEach(async () => {
  await Promise.all(started.splice(0).map(stop));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a start", () => {
  it("charges, whatever the shell holds and whatever project is above", async () => {
    const asked: string[] = [];
    const proxy = await listening(createServer((request) => void asked.push(request.url ?? "")));
    proxy.on("connect", (request) => asked.push(request.url ?? ""));
    const proxyUrl = `http://127.0.0.1:${portOf(proxy)}`;
    const variables = {
      HARMONY_API_KEY: "of something else",
      NODE_ENV: "production",
      NODE_USE_ENV_PROXY: "1",
      HTTP_PROXY: proxyUrl,
      http_proxy: proxyUrl,
      HTTPS_PROXY: proxyUrl,
      // Not even a person who may write everywhere makes a folder there.
      HOME: "/dev/null/home",
      XDG_CONFIG_HOME: "/dev/null/config",
    };
    const one = start(variables);

    await isReady(one);

    const [charge = ""] = printedLines(one);
    expect(shell(charge, { ...plainEnvironment(), ...variables })).toMatch(/^HTTP\/1\.1 201 /);
    expect(asked).toEqual([]);
    proxy.closeAllConnections();
    proxy.close();
  });

  it(
    "is refused by one clear line, soon, where it cannot succeed",
    async () => {
      writeFileSync(`${folder}/file`, "");
      const taken = await listening(createServer());
      const sandboxTaken = { SANDBOX_PORT: String(portOf(taken)) };
      const refusals: [NodeJS.ProcessEnv, RegExp][] = [
        [
          { HARMONY_BASE_URL: "http://127.0.0.1:9/api" },
          /HARMONY_BASE_URL is set: set HARMONY_API/,
        ],
        [{ PORT: "6000" }, /port 6000 cannot be used \(bad port\); set PORT to a free one/],
        [{ PORT: "8787", SANDBOX_PORT: "8787" }, /PORT and SANDBOX_PORT are both 8787/],
        [sandboxTaken, /cannot be used \(EADDRINUSE\); set SANDBOX_PORT to a free one/],
        [{ STATE_DIR: `${folder}/file/state` }, /file\/state cannot be written \(ENOTDIR\)/],
        [{ TMPDIR: "/dev/null" }, /\/dev\/null cannot be written \(EEXIST\); set TMPDIR to/],
      ];

      const ends = await Promise.all(refusals.map(([variables]) => start(variables).ended));

      ends.forEach(({ code, output }, index) => {
        expect(output).toMatch(/^cannot start: .+\n$/);
        expect(output).toMatch(refusals[index]?.[1] ?? /^$/);
        expect(code).toBe(1);
      });
      taken.close();
    },
    SOON_MS,
  );

  it("is refused where somebody else's files lie in its state", async () => {
    const state = mkdtempSync(`${tmpdir()}/cobro-state-`);
    writeFileSync(`${state}/ledger.sqlite`, "");
    chmodSync(`${state}/ledger.sqlite`, 0o444);
    chmodSync(state, 0o777);
    // Whoever may write everywhere becomes nobody for it, after the modules are read.
    const ask = `
      const { requireWritable } = await import("${ROOT}scripts/lib/writable.mjs");
      if (process.getuid() === 0) process.setuid(65534);
      requireWritable(process.argv[1], "set STATE_DIR", { deep: true });`;

    const words = [process.execPath, "--input-type=module", "-e", ask, state];
    const { output } = await run(words, { env: plainEnvironment() }).ended;

    rmSync(state, { recursive: true });
    expect(output).toContain("ledger.sqlite cannot be written (EACCES); set STATE_DIR");
  });

  it("is hindered by nothing that is gone again once it was listed", async () => {
    const { requireWritable } = (await import(`${ROOT}scripts/lib/writable.mjs`)) as {
      requireWritable: (folder: string, what: string, options: object) => void;
    };
    const state = mkdtempSync(`${tmpdir()}/cobro-state-`);
    // Listed, and not there: as the journal of a database that another start has just closed.
    symlinkSync(`${state}/gone`, `${state}/book.sqlite-journal`);

    const required = () => requireWritable(state, "set STATE_DIR", { deep: true });

    expect(required).not.toThrow();
    rmSync(state, { recursive: true });
  });

  it("says what it waits for, and gives up with that", async () => {
    const { ready } = (await import(`${ROOT}scripts/lib/ready.mjs`)) as {
      ready: (options: object) => Promise<void>;
    };
    const other = await listening(createServer((_, answer) => answer.writeHead(404).end()));
    const url = `http://127.0.0.1:${portOf(other)}`;
    const gateway = { exitCode: null, signalCode: null };
    const told: string[] = [];
    const tell = (line: string): void => void told.push(line);

    const waited = ready({ url, gateway, tell, readyMsMax: 1000, tellMs: 600 });

    await expect(waited).rejects.toThrow(`within 1 s: ${url}/healthz answers 404`);
    expect(told).toEqual([`still waiting for the gateway: ${url}/healthz answers 404`]);
    other.close();
  });

  it("is the only one of three on the same state, and the others say so", async () => {
    const state = { STATE_DIR: `${folder}/same` };

    const { ready, refused } = await outcomes([start(state), start(state), start(state)]);

    expect(ready).toHaveLength(1);
    expect(refused).toHaveLength(2);
    for (const output of refused) {
      expect(output).toMatch(/^cannot start: .*is in use by another start; .*\n$/);
    }
  });

  it("never says ready for the gateway of another start, where both want one port", async () => {
    const PORT = String(await freePort());

    const { ready, refused } = await outcomes([start({ PORT }), start({ PORT }), start({})]);

    expect(ready).toHaveLength(2);
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatch(/cannot start: .+/);
  });
});

it("`npm run deploy -- --dry-run` builds this project's Worker and no other's", async () => {
  const words = [process.execPath, "scripts/deploy.mjs", "--dry-run"];
  const env = { ...plainEnvironment(), HOME: "/dev/null/home" };

  const { code, output } = await run(words, { cwd: project, env }).ended;

  expect(output).toContain("env.PAYMENT_METHODS");
  expect(code).toBe(0);
});

/** On free ports and a state of its own, unless said otherwise. */
function start(variables: NodeJS.ProcessEnv): Run {
  const defaults = { PORT: "0", SANDBOX_PORT: "0", STATE_DIR: mkdtempSync(`${folder}/state-`) };
  const env = { ...plainEnvironment(), ...defaults, ...variables };
  const one = run([process.execPath, "scripts/start.mjs"], { cwd: project, env });
  started.push(one);
  return one;
}

/** Waits for each to be ready or to end; gives what they say. */
async function outcomes(runs: Run[]): Promise<{ ready: string[]; refused: string[] }> {
  const refused: string[] = [];
  await Promise.all(
    runs.map(async (one) => {
      await isReady(one).catch(async () => refused.push((await one.ended).output));
    }),
  );
  const ready = runs.map((one) => one.output()).filter((output) => output.includes("Ctrl-C"));
  return { ready, refused };
}

async function listening(server: Server): Promise<Server> {
  server.listen(0, "127.0.0.1");
  await vi.waitFor(() => expect(server.listening).toBe(true));
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
