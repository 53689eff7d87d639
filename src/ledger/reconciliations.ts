/**
 * Owns the SQL on the runs that hold the books against Harmony: their beginning, the list of their
 * methods, who compares which, and what they came to. Must not compare, nor decide what runs next.
 * Never throws. Each statement can be repeated; a step of a run that was taken is not taken back.
 */
import { GATEWAY_CHAIN_ID } from "../domain/entries.ts";
import { ask, type Answer, type LedgerDatabase } from "./database.ts";
import { boundsStatement } from "./plan.ts";

export type RunStatus = "listing" | "comparing" | "recording" | "done";

/** A run as it stands. */
export interface Run {
  readonly id: string;
  readonly status: RunStatus;
  readonly begunBy: "request" | "daily";
  readonly paymentMethodId: string | null;
  readonly fromAt: string | null;
  readonly toAt: string | null;
  readonly fromPosition: number;
  readonly toPosition: number;
  readonly listedPosition: number;
  /** JSON of whoever began it. */
  readonly actor: string;
  readonly startedAtMs: number;
  /** JSON of the report, from `recording` on. */
  readonly report: string | null;
  readonly entrySeq: number | null;
}

export type Result<T> =
  | { readonly type: "ok"; readonly value: T }
  | { readonly type: "unavailable"; readonly message: string };

/** Positions whose entries one statement reads for the list of methods. */
export const LIST_POSITIONS = 50_000;
/** The first daily run waits until there are books of a day. */
export const DAY_MS = 86_400_000;

/**
 * How long a method with an attempt without an answer is compared each day: longer than a customer's
 * bank takes to say that something was paid.
 */
const UNANSWERED_MS = 90 * DAY_MS;

/** Entries of attempts without an answer, from a time on; later news of them is not asked for. */
const UNANSWERED = `outcome IN ('indeterminate', 'contradictory') AND +type = 'attempt_answered'
  AND +occurred_at >=`;

const RUN = `reconciliation_id AS id, status, begun_by AS begunBy,
  payment_method_id AS paymentMethodId, from_at AS fromAt, to_at AS toAt,
  from_position AS fromPosition, to_position AS toPosition, listed_position AS listedPosition,
  actor, started_at AS startedAtMs, report, entry_seq AS entrySeq`;

export interface NewRun {
  readonly id: string;
  readonly scope:
    | { readonly paymentMethodId: string }
    | { readonly from: string; readonly to: string };
  readonly actor: string;
  readonly startedAtMs: number;
}

/** Begins a run that somebody asked for. Two statements at most. */
export async function beginRun(
  db: LedgerDatabase,
  { id, scope, actor, startedAtMs }: NewRun,
  timeoutMs: number,
): Promise<Result<Run | null>> {
  const range = "from" in scope ? scope : null;
  const bounds = boundsStatement({
    equal: {},
    occurredFrom: range?.from ?? null,
    occurredTo: range?.to ?? null,
    recordedFrom: null,
    recordedTo: null,
    minAmountMinor: null,
    maxAmountMinor: null,
  });
  const found = await ask<{ last: number; occurredLo?: number | null; occurredHi?: number | null }>(
    db,
    bounds.sql,
    bounds.values,
    timeoutMs,
  );
  if (found.type === "unavailable") {
    return found;
  }
  const { last = 0, occurredLo = null, occurredHi = null } = found.rows[0] ?? {};
  const after = range === null ? last : (occurredLo ?? last + 1) - 1;
  const to = range === null ? last : Math.max(after, Math.min(last, occurredHi ?? 0));
  const answer = await ask<Run>(
    db,
    `INSERT INTO reconciliation (reconciliation_id, status, begun_by, payment_method_id, from_at,
       to_at, from_position, to_position, listed_position, actor, started_at)
     VALUES (?, 'listing', 'request', ?, ?, ?, ?, ?, ?, ?, ?) RETURNING ${RUN}`,
    [
      id,
      "paymentMethodId" in scope ? scope.paymentMethodId : null,
      range?.from ?? null,
      range?.to ?? null,
      after,
      to,
      after,
      actor,
      startedAtMs,
    ],
    timeoutMs,
  );
  return first(answer);
}

/**
 * Begins the day's run where it is time and something has happened since the last, or an attempt has
 * had no answer; null where not.
 * One statement, so that two sweeps never begin two. A look changes no books, so that the looks of
 * one day's run are no reason for the next.
 */
export async function beginDaily(
  db: LedgerDatabase,
  { id, actor, startedAtMs }: Omit<NewRun, "scope">,
  timeoutMs: number,
): Promise<Result<Run | null>> {
  const dayAgo = startedAtMs - DAY_MS;
  const answer = await ask<Run>(
    db,
    `INSERT INTO reconciliation (reconciliation_id, status, begun_by, from_position, to_position,
       listed_position, actor, started_at)
     SELECT ?1, 'listing', 'daily', since, (SELECT max(position) FROM entry), since, ?2, ?3
     FROM (SELECT coalesce((SELECT to_position FROM reconciliation WHERE begun_by = 'daily'
       ORDER BY started_at DESC LIMIT 1), 0) AS since)
     WHERE NOT EXISTS (SELECT 1 FROM reconciliation WHERE begun_by = 'daily'
         AND (started_at > ?4 AND started_at <= ?3 OR status <> 'done'))
       AND (SELECT recorded_at FROM entry WHERE position = 1) <= ?5
       AND (EXISTS (SELECT 1 FROM entry WHERE position > since AND +type <> 'looked'
           AND +payment_method_id <> '${GATEWAY_CHAIN_ID}')
         OR EXISTS (SELECT 1 FROM entry WHERE ${UNANSWERED} ?6))
     RETURNING ${RUN}`,
    [id, actor, startedAtMs, dayAgo, isoOf(dayAgo), isoOf(startedAtMs - UNANSWERED_MS)],
    timeoutMs,
  );
  return first(answer);
}

export async function readRun(
  db: LedgerDatabase,
  id: string,
  timeoutMs: number,
): Promise<Result<Run | null>> {
  const sql = `SELECT ${RUN} FROM reconciliation WHERE reconciliation_id = ?`;
  return first(await ask<Run>(db, sql, [id], timeoutMs));
}

/** The runs that are not done, the oldest first. */
export async function openRuns(
  db: LedgerDatabase,
  limit: number,
  timeoutMs: number,
): Promise<Result<readonly string[]>> {
  const answer = await ask<{ id: string }>(
    db,
    `SELECT reconciliation_id AS id FROM reconciliation WHERE status <> 'done'
     ORDER BY started_at LIMIT ?`,
    [limit],
    timeoutMs,
  );
  return map(answer, (rows) => rows.map(({ id }) => id));
}

/** Lists the methods of the next entries, or the one asked for; at the end they are to be compared. */
export async function listMethods(
  db: LedgerDatabase,
  run: Run,
  timeoutMs: number,
): Promise<Result<null>> {
  const upTo = Math.min(run.toPosition, run.listedPosition + LIST_POSITIONS);
  const listed =
    run.paymentMethodId === null
      ? await ask(
          db,
          `INSERT OR IGNORE INTO reconciliation_method (reconciliation_id, payment_method_id)
           SELECT DISTINCT ?1, +payment_method_id FROM entry
           WHERE position > ?2 AND position <= ?3 AND +type <> 'looked'
             AND +payment_method_id <> '${GATEWAY_CHAIN_ID}'
             AND (?4 IS NULL OR occurred_at >= ?4) AND (?5 IS NULL OR occurred_at < ?5)`,
          [run.id, run.listedPosition, upTo, run.fromAt, run.toAt],
          timeoutMs,
        )
      : await ask(
          db,
          `INSERT OR IGNORE INTO reconciliation_method (reconciliation_id, payment_method_id)
           VALUES (?, ?)`,
          [run.id, run.paymentMethodId],
          timeoutMs,
        );
  const unanswered =
    run.begunBy === "daily" && upTo === run.toPosition
      ? await ask(
          db,
          `INSERT OR IGNORE INTO reconciliation_method (reconciliation_id, payment_method_id)
           SELECT DISTINCT ?, payment_method_id FROM entry WHERE ${UNANSWERED} ?`,
          [run.id, isoOf(run.startedAtMs - UNANSWERED_MS)],
          timeoutMs,
        )
      : listed;
  for (const answer of [listed, unanswered]) {
    if (answer.type === "unavailable") {
      return answer;
    }
  }
  const moved = await ask(
    db,
    `UPDATE reconciliation SET listed_position = ?,
       status = CASE WHEN to_position <= ? THEN 'comparing' ELSE 'listing' END
     WHERE reconciliation_id = ? AND status = 'listing' AND listed_position = ?`,
    [upTo, upTo, run.id, run.listedPosition],
    timeoutMs,
  );
  return map(moved, () => null);
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

export interface ClaimedMethod {
  readonly paymentMethodId: string;
  /** How often it was claimed, this time included. */
  readonly tries: number;
}

/** Takes methods that nobody is at work on: two drivers never take the same one while both live. */
export async function claimMethods(
  db: LedgerDatabase,
  claim: { id: string; nowMs: number; untilMs: number; limit: number },
  timeoutMs: number,
): Promise<Result<readonly ClaimedMethod[]>> {
  const answer = await ask<ClaimedMethod>(
    db,
    `UPDATE reconciliation_method SET claimed_until = ?, tries = tries + 1
     WHERE rowid IN (SELECT rowid FROM reconciliation_method
       WHERE reconciliation_id = ? AND status = 'open' AND claimed_until <= ?
       ORDER BY claimed_until LIMIT ?)
     RETURNING payment_method_id AS paymentMethodId, tries`,
    [claim.untilMs, claim.id, claim.nowMs, claim.limit],
    timeoutMs,
  );
  return map(answer, (rows) => rows);
}

/** What became of a method. */
export type Settled =
  | { readonly status: "compared"; readonly result: string }
  | { readonly status: "not_compared"; readonly reason: string };

/** The first one to settle a method has: a second comparison of it is dropped, not mixed in. */
export async function settleMethod(
  db: LedgerDatabase,
  place: { id: string; paymentMethodId: string },
  settled: Settled,
  timeoutMs: number,
): Promise<Result<null>> {
  const answer = await ask(
    db,
    `UPDATE reconciliation_method SET status = ?, reason = ?, result = ?
     WHERE reconciliation_id = ? AND payment_method_id = ? AND status = 'open'`,
    [
      settled.status,
      settled.status === "not_compared" ? settled.reason : null,
      settled.status === "compared" ? settled.result : null,
      place.id,
      place.paymentMethodId,
    ],
    timeoutMs,
  );
  return map(answer, () => null);
}

/** Gives a claimed method back, for another driver that can wait longer. */
export async function releaseMethod(
  db: LedgerDatabase,
  place: { id: string; paymentMethodId: string },
  timeoutMs: number,
): Promise<Result<null>> {
  const answer = await ask(
    db,
    `UPDATE reconciliation_method SET claimed_until = 0, tries = tries - 1
     WHERE reconciliation_id = ? AND payment_method_id = ? AND status = 'open'`,
    [place.id, place.paymentMethodId],
    timeoutMs,
  );
  return map(answer, () => null);
}

/** Keeps the report of a run whose methods are all settled, and only the first such report. */
export async function keepReport(
  db: LedgerDatabase,
  id: string,
  report: string,
  timeoutMs: number,
): Promise<Result<null>> {
  const answer = await ask(
    db,
    `UPDATE reconciliation SET report = ?, status = 'recording'
     WHERE reconciliation_id = ? AND status = 'comparing' AND NOT EXISTS (
       SELECT 1 FROM reconciliation_method WHERE reconciliation_id = ? AND status = 'open')`,
    [report, id, id],
    timeoutMs,
  );
  return map(answer, () => null);
}

/** Ends a run whose entry is in the chain, and drops its methods. Two statements. */
export async function endRun(
  db: LedgerDatabase,
  id: string,
  entrySeq: number,
  timeoutMs: number,
): Promise<Result<null>> {
  const ended = await ask(
    db,
    `UPDATE reconciliation SET status = 'done', entry_seq = ?
     WHERE reconciliation_id = ? AND status = 'recording'`,
    [entrySeq, id],
    timeoutMs,
  );
  if (ended.type === "unavailable") {
    return ended;
  }
  const dropped = await ask(
    db,
    `DELETE FROM reconciliation_method WHERE reconciliation_id IN
       (SELECT reconciliation_id FROM reconciliation WHERE reconciliation_id = ? AND status = 'done')`,
    [id],
    timeoutMs,
  );
  return map(dropped, () => null);
}

function first(answer: Answer<Run>): Result<Run | null> {
  return map(answer, (rows) => rows[0] ?? null);
}

export function map<Row, T>(answer: Answer<Row>, to: (rows: readonly Row[]) => T): Result<T> {
  return answer.type === "rows" ? { type: "ok", value: to(answer.rows) } : answer;
}
