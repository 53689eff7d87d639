/**
 * Owns the cron's part in runs that hold the books against Harmony: the day's run is begun, and those
 * that are not done get a step. Must not compare, nor drive by itself. Never throws.
 */
import { v7 as uuidv7 } from "uuid";
import { configOf, type Env } from "../env.ts";
import type { Actor } from "../domain/facts.ts";
import { beginDaily, openRuns, type Result } from "../ledger/reconciliations.ts";
import type { Reach } from "./context.ts";
import { log } from "./log.ts";
import { drive, type Pace, STATEMENT_TIMEOUT_MS } from "./reconcile-drive.ts";

/** Of the cron, each minute: a look may take two minutes and wait for its turn before that. */
const CRON_STEP: Pace = {
  budgetMs: 25_000,
  methodsMax: 200,
  methodMs: 240_000,
  givesUp: true,
};

/** Runs that one sweep drives, the oldest first. */
const RUNS_MAX = 20;

const CRON: Actor = { caller: null, keyId: null, requestId: null, traceId: null, origin: "cron" };

/** Each minute: begins the day's run where it is time, and drives those that are not done. */
export async function reconcileDue(env: Env, execution: Reach["execution"]): Promise<void> {
  const config = configOf(env);
  if (!config.ok) {
    // The sweep of overdue methods says so.
    return;
  }
  const daily = { id: uuidv7(), actor: JSON.stringify(CRON), startedAtMs: Date.now() };
  const begun = await beginDaily(env.LEDGER, daily, STATEMENT_TIMEOUT_MS);
  const open = await openRuns(env.LEDGER, RUNS_MAX, STATEMENT_TIMEOUT_MS);
  if (begun.type === "unavailable" || open.type === "unavailable") {
    log("warn", "reconciliation_failed", { message: messageOf(begun) ?? messageOf(open) });
    return;
  }
  const reach = { env, config: config.config, execution };
  // One after another, so that together they take no more than one step may.
  const endsAtMs = Date.now() + CRON_STEP.budgetMs;
  let methodsMax = CRON_STEP.methodsMax;
  for (const id of open.value) {
    const budgetMs = endsAtMs - Date.now();
    if (budgetMs <= 0 || methodsMax <= 0) {
      return;
    }
    methodsMax -= await drive(reach, id, { ...CRON_STEP, budgetMs, methodsMax });
  }
}

function messageOf(result: Result<unknown>): string | null {
  return result.type === "unavailable" ? result.message : null;
}
