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

/** What came of it; `busy`: its turn did not come; `under_way`: it goes on, and nobody hears of it. */
export async function turnOf<T extends object>(
  host: Pick<Host, "timer">,
  queue: Queue,
  waitMs: number,
  act: () => Promise<T>,
): Promise<T | "busy" | "under_way"> {
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
  const end = await Promise.race([done, timer.done.then(() => null)]);
  timer.cancel();
  if (end !== null) {
    return end;
  }
  if (turn.stage === "acting") {
    return "under_way";
  }
  turn.stage = "withdrawn";
  return "busy";
}

/** The same for what is answered. `underWay` is the answer where the wait is over before the act is. */
export async function inTurn(
  host: Pick<Host, "timer">,
  queue: Queue,
  waitMs: number,
  act: () => Promise<Reply>,
  underWay: () => Reply,
): Promise<Answer> {
  const end = await turnOf(host, queue, waitMs, act);
  if (end === "busy") {
    const code = "payment_method_busy";
    return untimed(failed({ code, retryAfterSeconds: RETRY_AFTER_SECONDS }));
  }
  return untimed(end === "under_way" ? underWay() : end);
}
