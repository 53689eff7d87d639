/** Owns what random lives go by: their times, Harmony's statuses, what forbids an attempt. */
import { attemptRecords, type Charge } from "../../src/domain/charge.ts";
import { contest } from "../../src/domain/contest.ts";
import { isQuestioned } from "../../src/domain/decide.ts";
import type { Draft } from "../../src/domain/draft.ts";
import { paymentsAgainst } from "../../src/domain/look.ts";
import { RULES } from "../domain/builders.ts";

/** A horizon that two looks reach, so that short lives get past it. */
export const HASTY = { ...RULES, reconcileMs: [0, 120_000], horizonMs: 120_000 };
export const STATUSES = [
  "NOT_INITIALIZED",
  "PENDING",
  "CONFIRMED",
  "CONFIRMED",
  "CANCELLED",
  "REFUNDED",
  "SOMETHING_NEW",
];
export const WAITS_MS = [0, 1000, 120_000, 240_000, 3_600_000, 86_400_000, -60_000];

/** As the object does before an attempt: what forbids it is a person's, beside whatever charge. */
export function isContested(draft: Draft, chargeId: string): boolean {
  const charge = draft.charges.get(chargeId);
  const against = charge?.state === "not_charged" ? paymentsAgainst(draft, charge) : [];
  for (const payment of against) {
    contest(draft, chargeId, payment, "forbids_a_further_attempt");
  }
  const isAsked = ({ contested }: Charge) =>
    contested.some((id) => draft.payments.get(id)?.chargeId === null);
  return against.length > 0 || [...draft.charges.values()].some(isAsked);
}

/** Whether a no, or what a person has to judge, calls for a look first: all charges are of one amount. */
export function isDoubted(
  charges: ReadonlyMap<string, Charge>,
  nowMs: number,
  lookedSeq: number | null,
): boolean {
  const freshness = { nowMs, lookedSeq, lateMs: HASTY.lateMs };
  return [...charges.values()].some(
    (charge) =>
      charge.contested.length > 0 ||
      attemptRecords(charge).some((attempt) => isQuestioned(attempt, freshness)),
  );
}
