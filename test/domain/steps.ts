/**
 * One step of the core over given books, and what it came to: a look, a read of a payment. Owns no
 * expectation.
 */
import { endContests } from "../../src/domain/contest.ts";
import { type Draft, finish } from "../../src/domain/draft.ts";
import type { LookPurpose, LookReport } from "../../src/domain/facts.ts";
import { learnFromLook } from "../../src/domain/look.ts";
import { learnFromPage } from "../../src/domain/page.ts";
import { learnFromPoll, type PollReport } from "../../src/domain/status.ts";
import { chargeOf, draftOf, type Given, reportOf, seenOf, typesOf } from "./builders.ts";

/** A look, whole unless told otherwise, begun for charge-1 in doubt. */
export function looked(
  given: Given,
  report: Partial<LookReport> = {},
  purpose: LookPurpose = "doubt",
  chargeId: string | null = "charge-1",
) {
  const draft = draftOf({ charges: [chargeOf()], ...given });
  learnFromLook(draft, reportOf(report), purpose, chargeId);
  return ended(draft);
}

/** One page of the history that a caller asked for. */
export function paged(given: Given, report: Partial<LookReport>) {
  const draft = draftOf(given);
  learnFromPage(draft, reportOf({ complete: false, ...report }));
  return ended(draft);
}

/** A read of payment-1 that says CONFIRMED and is newer than anything, unless told otherwise. */
export function polled(given: Given, report: Partial<PollReport> = {}) {
  const draft = draftOf(given);
  learnFromPoll(draft, {
    askedFor: null,
    beganSeq: Number.MAX_SAFE_INTEGER,
    paymentId: "payment-1",
    seen: seenOf(),
    httpStatus: 200,
    latencyMs: 5,
    failure: null,
    ...report,
  });
  return ended(draft);
}

/** A read that finds nothing under an id. */
export const GONE = { seen: null, httpStatus: 404, failure: "status_404" } as const;

/** Ends a step as the object does. */
function ended(draft: Draft) {
  endContests(draft);
  finish(draft);
  return { draft, types: typesOf(draft), charge: draft.charges.get("charge-1") };
}

/** The centavos that a step makes known as moved. */
export function effectOf({ noted }: Pick<Draft, "noted">): number {
  return noted.reduce((sum, { effectMinor }) => sum + effectMinor, 0);
}
