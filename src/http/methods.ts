/**
 * Owns the calls that manage payment methods: their queries and bodies are checked here, then
 * Harmony or the object is asked. Must not know Harmony's wire.
 */
import { GATEWAY_CHAIN_ID } from "../domain/entries.ts";
import { PAYMENT_STATUSES } from "../domain/outcome.ts";
import { createMethods, type Methods } from "../harmony/methods.ts";
import { NETWORK } from "../harmony/network.ts";
import { mayHaveBeenCreated } from "../payment-method/create.ts";
import { failed, found } from "../payment-method/reads.ts";
import { unreadAnswer } from "../payment-method/unread.ts";
import { askObject, GRACE_MS } from "./ask-object.ts";
import type { Caller } from "./auth.ts";
import { readBody } from "./body.ts";
import { actorOf, type Context, waitMsOf } from "./context.ts";
import { readMethodBody } from "./method-body.ts";
import { readPageQuery } from "./page-query.ts";
import { answerResponse, problemResponse, replyResponse } from "./problem.ts";

/** The statuses of a payment method that Harmony documents. */
const METHOD_STATUSES = ["PENDING", "ACTIVE", "EXPIRED", "REVOKED"];

/** A deadline that is over: the object is asked, and not again. */
const ASK_ONCE = 0;

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

/**
 * `POST /api/payment-method`. Asked once: no key protects it, and a repeat would make another.
 */
export async function postMethod(context: Context, caller: Caller): Promise<Response> {
  const body = await readBody(context.request);
  if (body.type !== "ok") {
    return replyResponse(failed({ code: body.code }), body.rest.headers);
  }
  const wanted = readMethodBody(body.bytes);
  if (wanted.type === "invalid") {
    return replyResponse(failed({ code: wanted.code, errors: wanted.errors }));
  }
  try {
    const answer = await askObject(
      context,
      {
        v: 1,
        type: "create_method",
        paymentMethodId: GATEWAY_CHAIN_ID,
        ...wanted.value,
        actor: actorOf(context, caller),
      },
      ASK_ONCE,
    );
    return replyResponse(answer.reply);
  } catch (error) {
    // The object may have asked Harmony before it was lost.
    const { requestId } = context;
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    console.error(JSON.stringify({ level: "alert", event: "create_lost", requestId, message }));
    return replyResponse(mayHaveBeenCreated(502));
  }
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
