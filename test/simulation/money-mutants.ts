/** Owns the planted bugs of what is known of the money, beside those of charges in mutants.ts. */
import type { Mutant } from "./plant.ts";

export const MONEY_MUTANTS: readonly Mutant[] = [
  {
    name: "what Harmony takes back is told as it was",
    edits: [
      {
        file: "domain/known.ts",
        from: `(isContradicted(payment) || refunds.some(isRefundUndecided))`,
        to: `refunds.some(isRefundUndecided)`,
      },
    ],
  },
  {
    name: "what Harmony takes back for good is put to nobody",
    edits: [
      {
        file: "domain/status.ts",
        from: `contest(draft, chargeId, told, "contradicts_the_books");`,
        to: `void told;`,
      },
    ],
  },
  {
    name: "what is in doubt is read no more once a person is asked",
    edits: [
      {
        file: "domain/status.ts",
        from: `return payment.reread || isContradicted(payment) ||`,
        to: `return payment.reread ||`,
      },
    ],
  },
  {
    name: "an older statement that agrees ends what a later one contradicts",
    edits: [
      {
        file: "domain/status.ts",
        from: `record), statusSeq: seq };`,
        to: `record) };`,
      },
    ],
  },
];
