/**
 * Owns `npm run deploy`: the ledger's migrations, then the Worker. With `--dry-run` it only builds
 * and says how large the bundle is. Further arguments go to `wrangler deploy`.
 */
import { wranglerOutput } from "./lib/wrangler.mjs";

const args = process.argv.slice(2);
try {
  if (!args.includes("--dry-run")) {
    console.log(await wranglerOutput(["d1", "migrations", "apply", "LEDGER", "--remote"]));
  }
  console.log(await wranglerOutput(["deploy", ...args]));
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
