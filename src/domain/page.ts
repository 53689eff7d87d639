/**
 * Owns what one page of a history, read because a caller asked, means for the books. What it
 * shows exists and is recorded as new; what it leaves out proves nothing, so it counts for no
 * horizon, makes no baseline and adopts nothing: a complete look does, soon. Pure.
 */
import { type Charge, isUnexplained } from "./charge.ts";
import { type Draft, nextSeq, note } from "./draft.ts";
import { evolvePayment } from "./evolve.ts";
import type { LookReport, SeenPayment } from "./facts.ts";
import { noticeStatuses, reportUnattributed } from "./find.ts";
import { candidatesOf } from "./match.ts";

/** Whether a look is worth while does not depend on whose else's a payment may be. */
const NOBODY_ELSE = { otherTags: new Set<string>(), otherNames: new Set<string>() };

/** Records a page and what it makes known. */
export function learnFromPage(draft: Draft, report: LookReport): void {
  const { nowMs, baselineSeq } = draft.view;
  const fresh = report.payments.filter((seen) => !draft.payments.has(seen.id));
  const fitted = fittedBy(draft, fresh);
  note(draft, {
    type: "looked",
    atMs: nowMs,
    chargeId: fitted?.chargeId ?? null,
    attempt: null,
    purpose: "read",
    report,
    newIds: fresh.map(({ id }) => id),
    doubt: null,
    nextLook: fitted === null ? null : { atMs: nowMs, gapMs: 0 },
  });
  noticeStatuses(draft, report);
  if (baselineSeq !== null) {
    reportUnattributed(draft);
  }
}

/**
 * The charge whose next look is brought forward: one that a new payment may explain, in doubt
 * before late. One is enough, since a complete look is held against every open charge; and only
 * new payments do it, so that reading a page again causes no more looks.
 */
function fittedBy(draft: Draft, fresh: readonly SeenPayment[]): Charge | null {
  const told = { seq: nextSeq(draft), atMs: draft.view.nowMs };
  const records = fresh.map((seen) => evolvePayment(null, seen, told));
  const fitted = [...draft.charges.values()].filter(
    ({ state, nextLook, attempts, request }) =>
      state !== "in_flight" &&
      nextLook !== null &&
      attempts.some(
        (attempt) =>
          isUnexplained(attempt) && candidatesOf(request, attempt, records, NOBODY_ELSE).length > 0,
      ),
  );
  return fitted.find(({ state }) => state === "in_doubt") ?? fitted[0] ?? null;
}
