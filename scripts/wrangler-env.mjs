/**
 * Runs a program of this project's packages in an environment that keeps wrangler off the network:
 * `node scripts/wrangler-env.mjs vitest run`. Must not change what the program does.
 */
import "./lib/loopback.mjs";
import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { QUIET, ROOT } from "./lib/wrangler.mjs";

const [program, ...args] = process.argv.slice(2);
const bin = `${ROOT}node_modules/.bin`;
const child = spawn(`${bin}/${program}`, args, {
  stdio: "inherit",
  env: {
    ...process.env,
    ...QUIET,
    // This Node, not the machine's own: `#!/usr/bin/env node` takes the first.
    PATH: `${dirname(process.execPath)}:${bin}:${process.env.PATH}`,
  },
});
for (const signal of ["SIGTERM", "SIGHUP"]) {
  process.on(signal, () => child.kill(signal));
}
// A terminal sends it to the whole group; a second one would mean "at once" to many programs.
process.on("SIGINT", () => undefined);
child.once("error", (error) => {
  console.error(`cannot run ${program}: ${error.message}`);
  process.exitCode = 1;
});
child.once("exit", (code, signal) => {
  if (signal === null) {
    process.exitCode = code;
    return;
  }
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
