/**
 * Runs a program of this project's packages in an environment that keeps wrangler off the network:
 * `node scripts/wrangler-env.mjs vitest run`. Must not change what the program does.
 */
import { spawn } from "node:child_process";
import { QUIET, ROOT } from "./lib/wrangler.mjs";

const [program, ...args] = process.argv.slice(2);
const child = spawn(`${ROOT}node_modules/.bin/${program}`, args, {
  stdio: "inherit",
  env: { ...process.env, ...QUIET },
});
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
child.on("exit", (code) => process.exit(code ?? 1));
