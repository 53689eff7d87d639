/**
 * Owns the way of a comparison through a payment method's queue, and the entry of a run in the chain
 * of the gateway. It reads at Harmony and never submits; what differs is reconcile.ts's of the domain.
 */
import { note } from "../domain/draft.ts";
import type { Books } from "./books.ts";
import type {
  Answer,
  ReconcileAnswer,
  ReconcileCommand,
  RecordedAnswer,
  RecordReconciliationCommand,
} from "./commands.ts";
import type { Host } from "./host.ts";
import type { Looker } from "./looker.ts";
import type { Queue } from "./queue.ts";
import { found, untimed } from "./reads.ts";
import { turnOf } from "./turn.ts";

/** Compares in turn. A halted method is compared as well: nothing is sent. */
export async function reconcileMethod(
  host: Host,
  queue: Queue,
  looker: Looker,
  { actor, waitMs }: ReconcileCommand,
): Promise<Answer> {
  const end = await turnOf(host, queue, waitMs, async (): Promise<ReconcileAnswer> => {
    const { report, comparison } = await looker.compare(actor);
    return comparison === null
      ? { type: "not_compared", reason: report.why ?? "incomplete" }
      : { type: "compared", comparison };
  });
  return answerOf(typeof end === "string" ? { type: end } : end);
}

/** A run whose recording was not heard of is recorded again, which changes nothing. */
export function recordReconciliation(
  books: Books,
  { actor, outcome, summary }: RecordReconciliationCommand,
): Answer {
  const { reconciliationId } = summary;
  const seq =
    books.journal.comparison.reconciliationSeq(reconciliationId) ??
    books.step(actor, {}, (draft) => {
      const atMs = draft.view.nowMs;
      const fact = { atMs, chargeId: null, outcome, summary } as const;
      return note(draft, { type: "reconciliation_recorded", ...fact }).seq;
    });
  return answerOf({ seq });
}

function answerOf(answer: ReconcileAnswer | RecordedAnswer): Answer {
  return untimed(found(JSON.stringify(answer), null));
}
