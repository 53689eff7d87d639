/**
 * Owns `npm run deploy`: the ledger's migrations, then the Worker, since new code may need new
 * columns and old code ignores them. With `--dry-run` it only builds. Further arguments go to
 * `wrangler deploy`. Ends with how large the bundle is.
 */
import { runWrangler } from "./lib/wrangler.mjs";

const args = process.argv.slice(2);
try {
  if (!args.includes("--dry-run")) {
    await runWrangler(["d1", "migrations", "apply", "LEDGER", "--remote"]);
  }
  const output = await runWrangler(["deploy", ...args]);
  const size = /gzip: ([\d.]+) KiB/.exec(output)?.[1];
  if (size === undefined) {
    throw new Error("wrangler did not say how large the bundle is");
  }
  console.log(`bundle: ${size} KiB gzipped`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
