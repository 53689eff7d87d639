/**
 * Owns the calls about runs that hold the books against Harmony: one is begun, and read. Must not
 * drive them (reconcile-drive.ts), but for the first step beside the request that began one.
 */
import { v7 as uuidv7 } from "uuid";
import { failed, found } from "../payment-method/reads.ts";
import { figuresOf, notComparedOf, rowsOf } from "../ledger/reconciliation-figures.ts";
import { beginRun, readRun, type Result, type Run } from "../ledger/reconciliations.ts";
import type { Caller } from "./auth.ts";
import { readBody } from "./body.ts";
import { actorOf, type Context, waitMsOf } from "./context.ts";
import { problemResponse, replyResponse } from "./problem.ts";
import { drive, FIRST_STEP, STATEMENT_TIMEOUT_MS } from "./reconcile-drive.ts";
import { readWanted, reportBody, runningBody } from "./reconciliation-body.ts";

/** When to come back to a run under way: the cron takes its next step within a minute. */
const RETRY_AFTER_SECONDS = 10;

/** `POST /ledger/reconciliations`: 201 with the report where the first step finishes it, else 202. */
export async function postReconciliation(context: Context, caller: Caller): Promise<Response> {
  const { env, request, execution, startedAtMs } = context;
  const body = await readBody(request);
  if (body.type !== "ok") {
    return replyResponse(failed({ code: body.code }), body.rest.headers);
  }
  const wanted = readWanted(body.bytes);
  if (wanted.type === "invalid") {
    return replyResponse(failed({ code: wanted.code, errors: wanted.errors }));
  }
  const id = uuidv7();
  const actor = JSON.stringify(actorOf(context, caller));
  const run = { id, scope: wanted.value, actor, startedAtMs };
  const begun = await beginRun(env.LEDGER, run, STATEMENT_TIMEOUT_MS);
  if (begun.type === "unavailable") {
    return unavailable(begun.message);
  }
  const step = drive(context, id, FIRST_STEP);
  execution.waitUntil(step);
  const over = new AbortController();
  const waitMs = waitMsOf(context);
  const waited = scheduler.wait(waitMs, { signal: over.signal }).catch(() => undefined);
  await Promise.race([step, waited]);
  over.abort();
  return answer(context, id, "begun");
}

/** `GET /ledger/reconciliations/{id}`. */
export async function getReconciliation(context: Context, id: string): Promise<Response> {
  return answer(context, id, "read");
}

async function answer(context: Context, id: string, asked: "begun" | "read"): Promise<Response> {
  const db = context.env.LEDGER;
  const run = await readRun(db, id, STATEMENT_TIMEOUT_MS);
  if (run.type === "unavailable") {
    return unavailable(run.message);
  }
  if (run.value === null) {
    return problemResponse(context, "not_found");
  }
  const body = await bodyOf(context, run.value);
  if (body.type === "unavailable") {
    return unavailable(body.message);
  }
  const isDone = run.value.status === "done";
  const reply = found(JSON.stringify(body.value), null);
  const begun = asked === "begun";
  return replyResponse({
    ...reply,
    status: begun ? (isDone ? 201 : 202) : 200,
    location: begun ? `/ledger/reconciliations/${id}` : null,
    retryAfterSeconds: isDone ? null : RETRY_AFTER_SECONDS,
  });
}

/** What a run has come to, for good or so far. */
async function bodyOf({ env }: Context, run: Run): Promise<Result<unknown>> {
  if (run.report !== null) {
    return { type: "ok", value: reportBody(run, run.report) };
  }
  const db = env.LEDGER;
  const [sums, rows, not] = await Promise.all([
    figuresOf(db, run.id, STATEMENT_TIMEOUT_MS),
    rowsOf(db, run.id, STATEMENT_TIMEOUT_MS),
    notComparedOf(db, run.id, STATEMENT_TIMEOUT_MS),
  ]);
  if (sums.type === "unavailable") {
    return sums;
  }
  if (rows.type === "unavailable") {
    return rows;
  }
  if (not.type === "unavailable") {
    return not;
  }
  const so = { ...sums.value, rows: rows.value, methodsNotCompared: not.value };
  return { type: "ok", value: runningBody(run, so) };
}

function unavailable(message: string): Response {
  console.log(JSON.stringify({ level: "warn", event: "ledger_unavailable", message }));
  return replyResponse(failed({ code: "ledger_unavailable", retryAfterSeconds: 5 }));
}
