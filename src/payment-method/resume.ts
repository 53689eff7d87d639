/**
 * Owns the end of a halt by a person's word: only where the ledger takes, now and as they are, the
 * entries that it refused before. Must not change, drop or renumber an entry: where journal and ledger
 * have parted, no word can mend it, and the method stays halted.
 */
import { note } from "../domain/draft.ts";
import { RETRY_AFTER_SECONDS } from "../domain/reply.ts";
import type { Books } from "./books.ts";
import type { Answer, ResumeMethodCommand } from "./commands.ts";
import type { Host } from "./host.ts";
import { failed, found, untimed } from "./reads.ts";

export async function resumeMethod(
  host: Host,
  books: Books,
  { reason, actor }: ResumeMethodCommand,
): Promise<Answer> {
  const { journal, relay } = books;
  if (journal.method.halted === null) {
    return untimed(failed({ code: "not_halted" }));
  }
  const refusal = await relay.retryHalted();
  if (refusal?.type === "failed") {
    return untimed(failed({ code: "ledger_unavailable", retryAfterSeconds: RETRY_AFTER_SECONDS }));
  }
  if (refusal !== null) {
    host.log("alert", "resume_refused", { reason: refusal.reason, keyId: actor.keyId });
    const detail = `Still halted. The ledger refuses what this payment method has to deliver: ${refusal.reason}.`;
    return untimed(failed({ code: "halted", detail }));
  }
  // Loaded again after the delivery: another person may have been quicker.
  const { halted } = journal.method;
  if (halted === null) {
    return untimed(failed({ code: "not_halted" }));
  }
  journal.resume();
  books.step(actor, {}, (draft) =>
    note(draft, {
      type: "method_resumed",
      atMs: draft.view.nowMs,
      chargeId: null,
      reason,
      halted,
    }),
  );
  return untimed(found(JSON.stringify({ id: host.paymentMethodId, halted: false }), null));
}
