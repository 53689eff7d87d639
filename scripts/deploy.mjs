/**
 * Owns `npm run deploy`: the ledger's migrations, then the Worker, since new code may need new
 * columns and old code ignores them. With `--dry-run` it only builds. Further arguments go to
 * `wrangler deploy`. Ends with how large the bundle is.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { localEnvironment, runWrangler } from "./lib/wrangler.mjs";

const args = process.argv.slice(2);
try {
  const output = await (args.includes("--dry-run") ? build() : deploy());
  const size = /gzip: ([\d.]+) KiB/.exec(output)?.[1];
  if (size === undefined) {
    throw new Error("wrangler did not say how large the bundle is");
  }
  console.log(`bundle: ${size} KiB gzipped`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

async function deploy() {
  await runWrangler(["d1", "migrations", "apply", "LEDGER", "--remote"]);
  return runWrangler(["deploy", ...args]);
}

async function build() {
  const folder = mkdtempSync(`${tmpdir()}/cobro-deploy-`);
  try {
    return await runWrangler(["deploy", ...args], localEnvironment(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
