/**
 * Owns finding out that a port can be used before anything is started on it: that nobody listens
 * there, and that this machine reaches itself there. Must not keep it.
 */
import { createServer } from "node:http";

/** On this machine an answer takes a millisecond; whatever takes this long is held up. */
const REACH_MS_MAX = 5000;

/** The port itself, or any for 0. Throws with the name of the variable that is to be changed. */
export async function freePort(port, name) {
  const probe = createServer((_, response) => response.writeHead(204).end());
  await new Promise((free, busy) => {
    probe.once("error", (error) => busy(unusable(port, name, error.code)));
    probe.listen(port, "127.0.0.1", free);
  });
  const taken = probe.address().port;
  try {
    const { status } = await fetch(`http://127.0.0.1:${taken}`, {
      headers: { connection: "close" },
      signal: AbortSignal.timeout(REACH_MS_MAX),
    });
    if (status !== 204) {
      throw new Error(`something else answers ${status}`);
    }
  } catch (error) {
    throw unusable(taken, name, reasonOf(error));
  } finally {
    await new Promise((closed) => {
      probe.close(closed);
      probe.closeAllConnections();
    });
  }
  return taken;
}

export function unusable(port, name, reason) {
  return new Error(`port ${port} cannot be used (${reason}); set ${name} to a free one`);
}

/** Why a fetch failed: Node keeps what can be acted on below the error. */
export function reasonOf(error) {
  return error.cause?.code ?? error.cause?.message ?? error.message;
}
