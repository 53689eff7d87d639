/**
 * Owns `npm start`: a ready block with what a newcomer needs, and one way to stop everything,
 * whoever asks for it and whenever. Must not hold what starting takes: lib/local.mjs does.
 */
import { TEST_CARDS } from "../sandbox/test-cards.ts";
import { startLocal } from "./lib/local.mjs";
import { isCurlProxied } from "./lib/loopback.mjs";
import { localSettings } from "./lib/settings.mjs";

/** The one that approves. */
const CARD = TEST_CARDS[0].id;

/** As lib/end-with-parent.mjs, but this process has something to put in order first. */
const WATCH_MS = 500;

const parent = process.ppid;
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => stopping.abort());
}
// npm that is killed outright leaves us with another parent.
setInterval(() => process.ppid !== parent && stopping.abort(), WATCH_MS).unref();
// A terminal that is gone must not keep us from stopping what we started.
process.stdout.on("error", () => stopping.abort());

// Nothing is left to wait for: a connection that hangs somewhere must not keep us here.
process.exit(await run());

async function run() {
  try {
    const settings = localSettings(process.env);
    const { signal } = stopping;
    const tell = (line) => console.error(line);
    const local = await startLocal({ ...settings, environment: process.env, signal, tell });
    const stopped = new Promise((stop) => {
      signal.addEventListener("abort", stop);
      if (signal.aborted) {
        stop();
      }
    });
    console.log(readyText(local, settings));
    await Promise.race([stopped, local.ended]);
    const failed = !signal.aborted;
    await local.stop();
    if (failed) {
      console.error("the gateway ended by itself; its own words are above");
    }
    return failed ? 1 : 0;
  } catch (error) {
    if (stopping.signal.aborted) {
      return 0;
    }
    console.error(`cannot start: ${error.message}`);
    return 1;
  }
}

/** Can be pasted into a shell as a whole. The key is new at each start, so that it charges. */
function readyText({ url, sandboxUrl, harmonyUrl }, { stateDir }) {
  const key = `order-${Date.now().toString(36)}`;
  const curl = isCurlProxied ? "curl --noproxy '*'" : "curl";
  const charge = [
    `${curl} -i ${url}/api/payment-method/${CARD}/payment -H 'x-api-key: cobro_test_storefront'`,
    `-H 'content-type: application/json' -H 'idempotency-key: ${key}'`,
    `-d '{"amount":129.50,"description":"An order"}'`,
  ].join(" ");
  const harmony = harmonyUrl === null ? "" : ` in front of ${harmonyUrl}`;
  return `
Cobro is ready at ${url}${harmony}, a simulated Harmony at ${sandboxUrl}, their state in ${stateDir}.

# A charge to the test card that approves:
${charge}

# The same line again is a replay: the same body, Idempotent-Replayed: true, nothing charged.
${charge}

# What the ledger says of both:
${curl} -s '${url}/ledger/entries?idempotencyKey=${key}' -H 'x-api-key: cobro_test_auditor'

Ctrl-C stops everything.`;
}
