/**
 * Owns an act that takes its turn among the charges of its method and that a caller waits for:
 * withdrawn where its turn does not come within the wait, and otherwise done to its end, whoever
 * still waits. Must not know what the act is.
 */
import { type Reply, RETRY_AFTER_SECONDS } from "../domain/reply.ts";
import type { Answer } from "./commands.ts";
import type { Host } from "./host.ts";
import type { Queue } from "./queue.ts";
import { failed, untimed } from "./reads.ts";

/** `underWay` is the answer where the wait is over before the act is. */
export async function inTurn(
  host: Pick<Host, "timer">,
  queue: Queue,
  waitMs: number,
  act: () => Promise<Reply>,
  underWay: () => Reply,
): Promise<Answer> {
  const turn: { stage: "queued" | "acting" | "withdrawn" } = { stage: "queued" };
  const done = queue.run(async () => {
    if (turn.stage === "withdrawn") {
      return null;
    }
    turn.stage = "acting";
    return act();
  });
  // Whoever waits sees a failure below; that nobody waits any more is none of its own.
  done.catch(() => undefined);
  const timer = host.timer(waitMs);
  const reply = await Promise.race([done, timer.done.then(() => null)]);
  timer.cancel();
  if (reply !== null) {
    return untimed(reply);
  }
  if (turn.stage === "queued") {
    turn.stage = "withdrawn";
    return untimed(failed({ code: "payment_method_busy", retryAfterSeconds: RETRY_AFTER_SECONDS }));
  }
  return untimed(underWay());
}
