/**
 * Owns the calls that manage payment methods: their queries and bodies are checked here, then
 * Harmony or the object is asked. Must not know Harmony's wire.
 */
import { PAYMENT_STATUSES } from "../domain/outcome.ts";
import { askObject, GRACE_MS } from "./ask-object.ts";
import type { Caller } from "./auth.ts";
import { actorOf, type Context } from "./context.ts";
import { answerResponse, problemResponse } from "./problem.ts";
import { readPageQuery } from "./page-query.ts";

/** `GET /api/payment-method/{id}/payment`: one page of Harmony's history; what it shows is recorded. */
export async function getHistory(context: Context, caller: Caller, id: string): Promise<Response> {
  const query = readPageQuery(context.url.searchParams, PAYMENT_STATUSES);
  if (query.type === "invalid") {
    return problemResponse(context, "invalid_request", { errors: query.errors });
  }
  const { startedAtMs, config } = context;
  const answer = await askObject(
    context,
    {
      v: 1,
      type: "read_history",
      paymentMethodId: id,
      query: query.value,
      actor: actorOf(context, caller),
    },
    startedAtMs + config.harmonyTimeoutMs + GRACE_MS,
  );
  return answerResponse(answer, Date.now() - startedAtMs);
}
