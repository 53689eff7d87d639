/**
 * Owns the SQL on the registry of payment methods: which objects may have work, and when to wake
 * them. Must not touch the ledger's entries, nor wake anyone: src/http/sweep does. Never throws.
 *
 * Two write it who do not wait for each other: the Worker beside a command, the object after its
 * work. So while a registration is recent, no report puts the time off further than that
 * registration did: the command registered may be one that the object has not seen yet.
 */
import { ask } from "./database.ts";
import type { LedgerDatabase } from "./database.ts";

/** An object has this long for what is due before the cron wakes it. */
export const OVERDUE_AFTER_MS = 15 * 60_000;

/** A caller's command is registered at most this often for one method and isolate. */
export const REGISTER_EVERY_MS = 60_000;

/**
 * How long a registration bounds what is reported. More than `REGISTER_EVERY_MS`, a command's
 * longest way into the object (the longest wait of a caller) and what two clocks differ.
 */
export const UNSETTLED_MS = 120_000;

/** One that could not be woken is tried again this much later, behind those overdue for longer. */
const CLAIM_MS = 5 * 60_000;

export type RegisterResult =
  | { readonly type: "registered" }
  | { readonly type: "unavailable"; readonly message: string };

/** Notes that the method is about to get work. Never puts its time off. */
export async function registerMethod(
  db: LedgerDatabase,
  paymentMethodId: string,
  nowMs: number,
  timeoutMs: number,
): Promise<RegisterResult> {
  const answer = await ask(
    db,
    `INSERT INTO method (payment_method_id, wake_at, registered_at) VALUES (?, ?, ?)
     ON CONFLICT (payment_method_id) DO UPDATE SET registered_at = excluded.registered_at,
       wake_at = min(coalesce(method.wake_at, excluded.wake_at), excluded.wake_at)`,
    [paymentMethodId, nowMs + OVERDUE_AFTER_MS, nowMs],
    timeoutMs,
  );
  return answer.type === "rows" ? { type: "registered" } : answer;
}

export type ReportResult =
  /** What is stored now: earlier than what was reported where a registration is recent. */
  | { readonly type: "stored"; readonly wakeAtMs: number | null }
  | { readonly type: "unavailable"; readonly message: string };

/**
 * Stores when an object wants to be woken; null where it has nothing to do. A registration that
 * lies in the future, after a clock went back, bounds nothing for longer than a recent one.
 */
export async function reportMethod(
  db: LedgerDatabase,
  report: {
    paymentMethodId: string;
    wakeAtMs: number | null;
    nowMs: number;
    /** Why it sends nothing until a person has looked at it; null where it is not halted. */
    halted: string | null;
  },
  timeoutMs: number,
): Promise<ReportResult> {
  const { paymentMethodId, wakeAtMs, nowMs, halted } = report;
  const answer = await ask<{ wakeAtMs: number | null }>(
    db,
    `INSERT INTO method (payment_method_id, wake_at, reported_at, halted, halted_since)
     VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (payment_method_id) DO UPDATE SET reported_at = excluded.reported_at,
       overdue_since = NULL, halted = excluded.halted,
       halted_since = CASE WHEN excluded.halted IS NOT NULL
         THEN coalesce(method.halted_since, excluded.halted_since) END,
       wake_at = CASE WHEN abs(excluded.reported_at - method.registered_at) < ?
         THEN min(coalesce(excluded.wake_at, method.registered_at + ?), method.registered_at + ?)
         ELSE excluded.wake_at END
     RETURNING wake_at AS wakeAtMs`,
    [
      paymentMethodId,
      wakeAtMs,
      nowMs,
      halted,
      halted === null ? null : nowMs,
      UNSETTLED_MS,
      OVERDUE_AFTER_MS,
      OVERDUE_AFTER_MS,
    ],
    timeoutMs,
  );
  return answer.type === "rows"
    ? { type: "stored", wakeAtMs: answer.rows[0]?.wakeAtMs ?? null }
    : answer;
}

export type ClaimResult =
  | { readonly type: "claimed"; readonly paymentMethodIds: readonly string[] }
  | { readonly type: "unavailable"; readonly message: string };

/**
 * Takes the methods that are overdue for the longest, at most `limit`, and moves their time on in
 * the same statement: two sweeps never take the same one, and those that fail block nobody.
 */
export async function claimOverdue(
  db: LedgerDatabase,
  nowMs: number,
  limit: number,
  timeoutMs: number,
): Promise<ClaimResult> {
  const answer = await ask<{ paymentMethodId: string }>(
    db,
    `UPDATE method SET wake_at = ?, overdue_since = coalesce(overdue_since, wake_at)
     WHERE payment_method_id IN
       (SELECT payment_method_id FROM method WHERE wake_at <= ? ORDER BY wake_at LIMIT ?)
     RETURNING payment_method_id AS paymentMethodId`,
    [nowMs + CLAIM_MS, nowMs, limit],
    timeoutMs,
  );
  return answer.type === "rows"
    ? { type: "claimed", paymentMethodIds: answer.rows.map((row) => row.paymentMethodId) }
    : answer;
}
