/**
 * Owns how the ledger is spoken to: the few calls of D1 that are used, and a deadline on each.
 * Must not know any table.
 */

/** The part of a D1 statement that the ledger uses. */
export interface LedgerStatement {
  bind(...values: unknown[]): LedgerStatement;
  all(): Promise<{ readonly results: unknown[] }>;
}

interface LedgerSession {
  prepare(sql: string): LedgerStatement;
}

/**
 * The part of D1 that the ledger uses. A `D1Database` is one; so is an adapter over another
 * SQLite, which lets the same SQL run without the Workers runtime.
 */
export interface LedgerDatabase extends LedgerSession {
  withSession(constraint: "first-primary"): LedgerSession;
}

/** What an exchange with D1 gives: rows, or the reason in words why there are none. */
export type Answer<Row> =
  | { readonly type: "rows"; readonly rows: readonly Row[] }
  | { readonly type: "unavailable"; readonly message: string };

/**
 * Runs one statement against the primary and never throws.
 *
 * The primary, always: a replica that lags would answer "no such key" of a key just made, or end
 * a pinned list before its end. A statement that did not answer within `timeoutMs` counts as
 * failed, though it may yet commit: whoever repeats it must be able to.
 */
export async function ask<Row>(
  db: LedgerDatabase,
  sql: string,
  values: readonly (string | number | null)[],
  timeoutMs: number,
): Promise<Answer<Row>> {
  const late = Promise.withResolvers<Answer<Row>>();
  const timer = setTimeout(() => {
    late.resolve({ type: "unavailable", message: `no answer within ${timeoutMs} ms` });
  }, timeoutMs);
  try {
    return await Promise.race([answer<Row>(db, sql, values), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function answer<Row>(
  db: LedgerDatabase,
  sql: string,
  values: readonly (string | number | null)[],
): Promise<Answer<Row>> {
  try {
    const statement = db.withSession("first-primary").prepare(sql);
    const { results } = await statement.bind(...values).all();
    return { type: "rows", rows: results as Row[] };
  } catch (error) {
    return { type: "unavailable", message: error instanceof Error ? error.message : String(error) };
  }
}
