/**
 * Owns waiting for the gateway that was just started: that it is ready, or why it is not, as soon
 * as that is known. Must not start or stop anything.
 */
import { reasonOf } from "./ports.mjs";

/** A loaded machine takes ten seconds; beyond a minute something is wrong. */
const READY_MS_MAX = 60_000;
/** Longer than a start takes; from then on a person wonders what is going on. */
const TELL_MS = 10_000;
/** One request; the gateway holds it until the Worker is there. */
const ASK_MS_MAX = 5000;
const ASK_AGAIN_MS = 50;

/**
 * Resolves once /healthz answers 200. `tell` is given a line on what is waited for, at most every
 * ten seconds. Throws with the reason where the gateway has ended or refuses its configuration,
 * or once a minute is over.
 */
export async function ready({
  url,
  gateway,
  signal,
  tell,
  readyMsMax = READY_MS_MAX,
  tellMs = TELL_MS,
}) {
  const begun = Date.now();
  let toldAt = begun;
  for (;;) {
    signal?.throwIfAborted();
    if (hasEnded(gateway)) {
      throw new Error("the gateway ended while starting; its own words are above");
    }
    const waitingFor = await problemOf(url);
    if (waitingFor === null) {
      return;
    }
    if (Date.now() - begun > readyMsMax) {
      const seconds = readyMsMax / 1000;
      throw new Error(`the gateway did not get ready within ${seconds} s: ${waitingFor}`);
    }
    if (Date.now() - toldAt > tellMs) {
      toldAt = Date.now();
      tell?.(`still waiting for the gateway: ${waitingFor}`);
    }
    await new Promise((wake) => setTimeout(wake, ASK_AGAIN_MS));
  }
}

export function hasEnded(child) {
  return child.exitCode !== null || child.signalCode !== null;
}

/** What stands between the gateway and ready, null for nothing. Throws where waiting is in vain. */
async function problemOf(url) {
  const asked = fetch(`${url}/healthz`, { signal: AbortSignal.timeout(ASK_MS_MAX) });
  const health = await asked.catch((error) => error);
  if (health instanceof Error) {
    return `${url} does not answer (${reasonOf(health)})`;
  }
  const text = await health.text();
  if (health.status === 503) {
    throw new Error(`the gateway refuses its configuration: ${text}`);
  }
  return health.status === 200 ? null : `${url}/healthz answers ${health.status}`;
}
