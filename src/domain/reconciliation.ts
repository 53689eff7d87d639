/**
 * Owns the words of a run that holds the books against Harmony: what it covers, what its report
 * says, and what of that is entered in the chain. Must not compare anything: reconcile.ts does. Pure.
 */
import type { Difference, DifferenceRow, Holdings, Tally } from "./reconcile.ts";

/** One payment method; those with entries that occurred in a time; those active since the last day's. */
export type Scope =
  | { readonly paymentMethodId: string }
  | { readonly from: string; readonly to: string }
  | { readonly afterPosition: number };

/** More rows than this are counted, not kept. */
export const REPORT_ROWS_MAX = 1000;

export type ReportRow = { readonly paymentMethodId: string } & DifferenceRow;

export interface NotCompared {
  readonly paymentMethodId: string;
  readonly reason: string;
}

/** What a run has come to, so far or for good. */
export interface Figures {
  readonly compared: number;
  readonly notCompared: number;
  readonly differences: Readonly<Record<Difference, Tally>>;
  readonly harmony: Holdings;
  readonly books: Holdings;
  readonly earlier: Holdings;
  /** Over all methods, whether kept or not. */
  readonly rowCount: number;
}

/** PERSISTED CONTRACT: kept in D1 as JSON, and answered as it is. */
export interface Report extends Figures {
  readonly endedAtMs: number;
  readonly rows: readonly ReportRow[];
  readonly methodsNotCompared: readonly NotCompared[];
  /** Lower-case hex SHA-256 of `rows` as compact JSON: the entry says what the rows were. */
  readonly rowsHash: string;
}

/** PERSISTED CONTRACT: the `detail` of a `reconciliation_recorded` entry. */
export type Summary = {
  readonly reconciliationId: string;
  readonly begunBy: "request" | "daily";
  readonly scope: Scope;
  /** The ledger's last position when it began. */
  readonly asOf: number;
  readonly methods: { readonly compared: number; readonly notCompared: number };
  readonly differences: Readonly<Record<Difference, Tally>>;
  readonly harmony: Holdings;
  readonly books: Holdings;
  readonly earlier: Holdings;
  readonly rowCount: number;
  readonly rowsKept: number;
  readonly rowsHash: string;
};

/** `incomplete`: nothing differs, but not every method could be compared. */
export type RunOutcome = "equal" | "differs" | "incomplete";

export function outcomeOf({ rowCount, notCompared }: Figures): RunOutcome {
  if (rowCount > 0) {
    return "differs";
  }
  return notCompared > 0 ? "incomplete" : "equal";
}
