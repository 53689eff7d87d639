/**
 * What whose.ts says, as a line for each payment, and the attempts that its tests ask about: two of
 * charge-1, one each of charge-2 and charge-3, all of one amount. Owns no expectation.
 */
import type { AttemptRecord } from "../../src/domain/charge.ts";
import type { OutcomeKind } from "../../src/domain/outcome.ts";
import type { PaymentRecord } from "../../src/domain/payment.ts";
import { type Circumstances } from "../../src/domain/fit.ts";
import { whose } from "../../src/domain/whose.ts";
import { judgedOf, recordOf, RULES, T0 } from "./builders.ts";

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export const STATUSES = [
  "NOT_INITIALIZED",
  "PENDING",
  "CONFIRMED",
  "CANCELLED",
  "REFUNDED",
  "UNDER_REVIEW",
];
export const UNANSWERED: readonly OutcomeKind[] = ["indeterminate", "contradictory"];
export const ANSWERED: readonly OutcomeKind[] = ["approved", "pending", "declined", "not_sent"];

export const OURS = "aaaaaaaa";
export const A = judgedOf({ tag: OURS });
export const A2 = judgedOf({ attempt: 2, tag: "a2a2a2a2", intentSeq: 12 });
export const B = judgedOf({ chargeId: "charge-2", tag: "bbbbbbbb", intentSeq: 14 });
export const C = judgedOf({ chargeId: "charge-3", tag: "cccccccc", intentSeq: 16 });

/** A doubt that ended, and the time at which the window of its attempts closes. */
export const ENDED = { doubtEndedAtMs: T0 + 1000 };
export const CLOSED_MS = T0 + 1000 + DAY_MS;

export interface Case extends Partial<Circumstances> {
  readonly attempts?: readonly AttemptRecord[];
  readonly payments?: readonly PaymentRecord[];
  /** The ids that the look lists; all of them where it is left out. */
  readonly listed?: readonly string[];
}

/** What is said of each payment that anything is said of, in the order in which it is said. */
export function said({
  attempts = [A],
  payments = [recordOf()],
  listed = payments.map(({ id }) => id),
  ...change
}: Case): string[] {
  const around = { foreignWriters: false, lateMs: RULES.lateMs, nowMs: T0 + 2 * HOUR_MS };
  const verdicts = whose(attempts, payments, new Set(listed), { ...around, ...change });
  return verdicts.map((verdict) => {
    const { id } = verdict.payment;
    switch (verdict.is) {
      case "a charge's":
        return `${id} is ${verdict.of.chargeId}'s ${verdict.of.attempt} by ${verdict.by}`;
      case "a person's":
        return `${id} is a person's, of ${verdict.fits.join(" or ")}: ${verdict.reason}`;
      case "nobody's":
        return `${id} is nobody's`;
      case "denied":
        return `${id} is denied`;
    }
  });
}
