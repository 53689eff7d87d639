/**
 * Owns the checks of what a person decided by hand: each decision is one entry of that person's, with
 * reason and evidence, and stands until another attempt or a late truth. Must not change anything.
 */
import type { Entry } from "../../../src/domain/entries.ts";
import type { Facts } from "./facts.ts";
import { TELLING } from "./questions.ts";

/** Every decision that was told is entered, and nothing is entered that nobody decided. */
export function assertDecisionsAreEntered({ journal, resolves }: Facts): void {
  const entered = journal.filter(
    ({ type, refundId }) => type === "operator_resolved" && refundId === null,
  );
  for (const { command, call } of resolves) {
    const { chargeId, decision } = command;
    const isThis = (entry: Entry) =>
      entry.chargeId === chargeId && entry.outcome === decision.decision;
    if (call.answer?.reply.status === 200 && !entered.some(isThis)) {
      throw new Error(`${decision.decision} of ${chargeId} was told, and is on no one's books`);
    }
  }
  const acts = new Set<string>();
  for (const { seq, requestId, chargeId, outcome, keyId, caller, detail } of entered) {
    const asked = resolves.find(({ command }) => command.actor.requestId === requestId)?.command;
    if (asked?.chargeId !== chargeId || asked.decision.decision !== outcome) {
      throw new Error(`entry ${seq}: nobody decided that`);
    }
    const { actor, decision } = asked;
    const evidence = (detail?.["evidence"] ?? []) as number[];
    const isWhole = caller === actor.caller && keyId === actor.keyId && evidence.length > 0;
    if (!isWhole || detail?.["reason"] !== decision.reason || acts.has(requestId ?? "")) {
      throw new Error(
        `entry ${seq}: a decision without actor, reason or evidence, or a second one`,
      );
    }
    if (detail?.["override"] === false && detail["foreignCount"] !== 0) {
      throw new Error(`entry ${seq}: payments speak against it, and nobody has insisted`);
    }
    acts.add(requestId ?? "");
  }
}

/** What a person decided is not taken back by a look that was under way. */
export function assertDecisionsStand({ journal, charges }: Facts): void {
  const decided = new Map<string, Entry>();
  for (const entry of journal) {
    const { type, chargeId, refundId, seq, detail } = entry;
    if (chargeId === null || refundId !== null) {
      continue;
    }
    if (type === "operator_resolved") {
      decided.set(chargeId, entry);
    }
    if (type === "attempt_intended") {
      decided.delete(chargeId);
    }
    const standing = detail?.["charge"] as { state?: string } | undefined;
    if (decided.has(chargeId) && standing?.state === "in_doubt") {
      throw new Error(`entry ${seq}: ${chargeId} is in doubt again after a person decided`);
    }
  }
  for (const { chargeId, state, payment, duplicates } of charges) {
    const decision = decided.get(chargeId);
    const id = decision?.outcome === "charged" ? decision.paymentId : null;
    // What Harmony has cancelled since is none any more: a further one that is the charge's is its payment.
    const isCancelled =
      journal.findLast((one) => one.paymentId === id && TELLING.includes(one.type))
        ?.paymentStatus === "CANCELLED";
    const isLost = id !== null && payment?.id !== id && !duplicates.includes(id) && !isCancelled;
    if (decision !== undefined && (state === "in_doubt" || isLost)) {
      throw new Error(`entry ${decision.seq}: the decision is lost, ${chargeId} is ${state}`);
    }
  }
}
