/**
 * `npm run sandbox`: the sandbox alone, with its book kept in the state directory. Owns the
 * variables it is configured by, the ready line and a clean stop; nothing else.
 */
import { join } from "node:path";
import { API_KEY } from "./api.ts";
import { startSandbox } from "./server.ts";
import { TEST_CARDS } from "./test-cards.ts";

const port = Number(process.env["SANDBOX_PORT"] ?? 8788);
const stateDir = join(process.env["STATE_DIR"] ?? ".cobro", "sandbox");

const sandbox = await startSandbox({ port, stateDir });
const cards = TEST_CARDS.map(({ id, does }) => `${id} ${does}`).join("; ");
console.log(`sandbox ready at ${sandbox.url}/api, key ${API_KEY}; test cards: ${cards}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void sandbox.close());
}
