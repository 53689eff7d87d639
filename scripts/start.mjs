/**
 * Owns `npm start`: gateway and simulated Harmony on embedded state, a ready line with what a
 * newcomer needs, and one way to stop both. Must not hold what starting takes: lib/local.mjs does.
 */
import { startLocal } from "./lib/local.mjs";

const CARD = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const parent = process.ppid;

const port = Number(process.env.PORT ?? 8787);
const sandboxPort = Number(process.env.SANDBOX_PORT ?? 8788);
const stateDir = process.env.STATE_DIR ?? ".cobro";

try {
  const local = await startLocal({ port, sandboxPort, stateDir, say: console.log });
  let stopping = false;
  const stop = async (code) => {
    if (!stopping) {
      stopping = true;
      await local.stop();
      process.exit(code);
    }
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => void stop(0));
  }
  // npm that is killed outright leaves us with another parent: end with it.
  setInterval(() => process.ppid !== parent && void stop(1), 500).unref();
  local.gateway.once("exit", () => void stop(1));
  console.log(readyText(local));
} catch (error) {
  console.error(`cannot start: ${error.message}`);
  process.exit(1);
}

function readyText({ url, sandboxUrl }) {
  const charge = `curl -i ${url}/api/payment-method/${CARD}/payment -H 'x-api-key: cobro_test_storefront' -H 'content-type: application/json' -H 'idempotency-key: order-1001' -d '{"amount":129.50,"description":"Order 1001"}'`;
  return `
Cobro is ready at ${url} (simulated Harmony at ${sandboxUrl})

  a charge            ${charge}
  the same, a replay  ${charge}
  what the ledger has curl -s '${url}/ledger/entries?idempotencyKey=order-1001' -H 'x-api-key: cobro_test_auditor'

Keys: cobro_test_storefront, cobro_test_manager, cobro_test_auditor, cobro_test_operator. Ctrl-C stops both.`;
}
