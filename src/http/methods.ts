/**
 * Owns the calls that list, read and revoke payment methods: their queries are checked here, then
 * Harmony or the object is asked. Must not know Harmony's wire.
 */
import { PAYMENT_STATUSES } from "../domain/outcome.ts";
import { createMethods, type Methods } from "../harmony/methods.ts";
import { NETWORK } from "../harmony/network.ts";
import { found } from "../payment-method/reads.ts";
import { unreadAnswer } from "../payment-method/unread.ts";
import { askObject, GRACE_MS } from "./ask-object.ts";
import type { Caller } from "./auth.ts";
import { actorOf, type Context, waitMsOf } from "./context.ts";
import { readPageQuery } from "./page-query.ts";
import { answerResponse, problemResponse, replyResponse } from "./problem.ts";

/** The statuses of a payment method that Harmony documents. */
const METHOD_STATUSES = ["PENDING", "ACTIVE", "EXPIRED", "REVOKED"];

/** `GET /api/payment-method`: Harmony's own list. */
export async function listMethods(context: Context): Promise<Response> {
  const query = readPageQuery(context.url.searchParams, METHOD_STATUSES);
  if (query.type === "invalid") {
    return problemResponse(context, "invalid_request", { errors: query.errors });
  }
  const read = await methodsAt(context).list(query.value);
  if (read.type === "list") {
    return replyResponse(found(read.body, null));
  }
  // A list that is not found is no payment method that is not.
  return replyResponse(
    unreadAnswer(read.httpStatus === 404 ? { ...read, httpStatus: null } : read),
  );
}

/** `GET /api/payment-method/{id}`, fresh from Harmony. */
export async function getMethod(context: Context, id: string): Promise<Response> {
  const read = await methodsAt(context).read(id);
  return replyResponse(read.type === "method" ? found(read.body, null) : unreadAnswer(read));
}

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

/** `DELETE /api/payment-method/{id}`: for good, and again without harm. */
export async function deleteMethod(
  context: Context,
  caller: Caller,
  id: string,
): Promise<Response> {
  const { startedAtMs } = context;
  const waitMs = waitMsOf(context);
  const answer = await askObject(
    context,
    {
      v: 1,
      type: "revoke_method",
      paymentMethodId: id,
      actor: actorOf(context, caller),
      waitMs,
    },
    startedAtMs + waitMs + GRACE_MS,
  );
  return replyResponse(answer.reply);
}

/** Harmony for what no object is needed for: a read that changes nothing of ours. */
function methodsAt({ config }: Context): Methods {
  const { harmonyBaseUrl: baseUrl, harmonyApiKey: apiKey, harmonyTimeoutMs: timeoutMs } = config;
  return createMethods({ baseUrl, apiKey, timeoutMs }, NETWORK);
}
