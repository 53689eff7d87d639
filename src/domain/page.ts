/**
 * Owns what one page of a history, read because a caller asked, means for the books. What it
 * shows exists and is recorded as new; what it leaves out proves nothing, so it counts for no
 * horizon, makes no baseline and gives nobody a payment: a complete look does, soon. Pure.
 */
import { type Draft, nextSeq, note } from "./draft.ts";
import type { LookReport } from "./facts.ts";
import { noticeStatuses, noticeUnlisted, settlePolls } from "./status.ts";

/** Records a page and what it makes known. */
export function learnFromPage(draft: Draft, report: LookReport): void {
  const fresh = report.payments.filter((seen) => !draft.payments.has(seen.id));
  const seq = nextSeq(draft);
  note(draft, {
    type: "looked",
    atMs: draft.view.nowMs,
    chargeId: null,
    attempt: null,
    purpose: "read",
    report,
    newIds: fresh.map(({ id }) => id),
    doubt: null,
    nextLook: null,
  });
  noticeStatuses(draft, report, seq);
  settlePolls(draft);
  noticeUnlisted(
    draft,
    fresh.flatMap(({ id }) => draft.payments.get(id) ?? []),
  );
}
