/**
 * Owns the SQL that adds up what the methods of a run came to, and picks the rows that are kept.
 * Must not write. It reads sums and bounded lists, whatever the number of methods. Never throws.
 */
import {
  DIFFERENCES,
  type Difference,
  type DifferenceRow,
  type Tally,
} from "../domain/reconcile.ts";
import {
  type Figures,
  type NotCompared,
  REPORT_ROWS_MAX,
  type ReportRow,
} from "../domain/reconciliation.ts";
import { ask, type LedgerDatabase } from "./database.ts";
import { map, type Result } from "./reconciliations.ts";

export interface Progress {
  readonly done: number;
  readonly total: number;
}

const HOLDINGS = ["harmony", "books", "earlier"] as const;

/** Of JSON, hence `total`: amounts that nobody has, added up, must not overflow a statement. */
const SUMS = [
  ...DIFFERENCES.flatMap((kind) =>
    ["count", "booksMinor", "harmonyMinor"].map((part) => `differences.${kind}.${part}`),
  ),
  ...HOLDINGS.flatMap((who) => ["payments", "confirmedMinor"].map((part) => `${who}.${part}`)),
];

const FIGURES = `SELECT count(*) AS total, total(status <> 'open') AS done,
  total(status = 'compared') AS compared, total(status = 'not_compared') AS notCompared,
  ${SUMS.map((path) => `total(result ->> '$.${path}') AS "${path}"`).join(", ")}
  FROM reconciliation_method WHERE reconciliation_id = ?`;

/** How far a run is, and what it has come to so far. */
export async function figuresOf(
  db: LedgerDatabase,
  id: string,
  timeoutMs: number,
): Promise<Result<{ progress: Progress; figures: Figures }>> {
  const answer = await ask<Record<string, number>>(db, FIGURES, [id], timeoutMs);
  if (answer.type === "unavailable") {
    return answer;
  }
  const row = answer.rows[0] ?? {};
  // An entry holds safe integers only.
  const at = (path: string) => Math.min(Number.MAX_SAFE_INTEGER, Math.round(row[path] ?? 0));
  const tally = (kind: Difference): Tally => ({
    count: at(`differences.${kind}.count`),
    booksMinor: at(`differences.${kind}.booksMinor`),
    harmonyMinor: at(`differences.${kind}.harmonyMinor`),
  });
  const holdings = (who: (typeof HOLDINGS)[number]) => ({
    payments: at(`${who}.payments`),
    confirmedMinor: at(`${who}.confirmedMinor`),
  });
  const figures: Figures = {
    compared: at("compared"),
    notCompared: at("notCompared"),
    differences: {
      unexplained: tally("unexplained"),
      missing: tally("missing"),
      amount_differs: tally("amount_differs"),
      status_differs: tally("status_differs"),
      duplicate: tally("duplicate"),
    },
    harmony: holdings("harmony"),
    books: holdings("books"),
    earlier: holdings("earlier"),
    rowCount: DIFFERENCES.reduce((sum, kind) => sum + at(`differences.${kind}.count`), 0),
  };
  return { type: "ok", value: { progress: { done: at("done"), total: at("total") }, figures } };
}

/** The first rows by payment method, so that the same run always keeps the same ones. */
export async function rowsOf(
  db: LedgerDatabase,
  id: string,
  timeoutMs: number,
): Promise<Result<readonly ReportRow[]>> {
  const answer = await ask<{ paymentMethodId: string; row: string }>(
    db,
    `SELECT payment_method_id AS paymentMethodId, one.value AS row
     FROM reconciliation_method, json_each(result, '$.rows') AS one
     WHERE reconciliation_id = ? ORDER BY payment_method_id, one.key LIMIT ?`,
    [id, REPORT_ROWS_MAX],
    timeoutMs,
  );
  return map(answer, (rows) =>
    rows.map(({ paymentMethodId, row }) => ({
      paymentMethodId,
      ...(JSON.parse(row) as DifferenceRow),
    })),
  );
}

/** The first methods that were not compared, and why. */
export async function notComparedOf(
  db: LedgerDatabase,
  id: string,
  timeoutMs: number,
): Promise<Result<readonly NotCompared[]>> {
  const answer = await ask<NotCompared>(
    db,
    `SELECT payment_method_id AS paymentMethodId, reason FROM reconciliation_method
     WHERE reconciliation_id = ? AND status = 'not_compared' ORDER BY payment_method_id LIMIT ?`,
    [id, REPORT_ROWS_MAX],
    timeoutMs,
  );
  return map(answer, (rows) => rows);
}
