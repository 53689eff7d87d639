/**
 * Owns the calls by which a person decides what no rule may: their bodies are checked here, then
 * the object is asked. Must not decide anything.
 */
import { askObject, GRACE_MS } from "./ask-object.ts";
import type { Caller } from "./auth.ts";
import { readBody } from "./body.ts";
import { actorOf, type Context, waitMsOf } from "./context.ts";
import { readResolutionBody, readResumeBody } from "./operate-body.ts";
import { problemResponse, replyResponse } from "./problem.ts";

/** `POST /api/payment-method/{id}/charge/{chargeId}/resolution`. */
export async function postResolution(
  context: Context,
  caller: Caller,
  id: string,
  chargeId: string,
): Promise<Response> {
  const { request, startedAtMs, config } = context;
  const body = await readBody(request);
  if (body.type !== "ok") {
    return problemResponse(context, body.type);
  }
  const decision = readResolutionBody(body.bytes);
  if (decision.type === "invalid") {
    return problemResponse(context, decision.code, { errors: decision.errors });
  }
  const waitMs = waitMsOf(request.headers.get("prefer"), config);
  const answer = await askObject(
    context,
    {
      v: 1,
      type: "resolve_charge",
      paymentMethodId: id,
      chargeId: chargeId.toLowerCase(),
      decision: decision.value,
      actor: actorOf(context, caller),
      waitMs,
    },
    startedAtMs + waitMs + GRACE_MS,
  );
  return replyResponse(answer.reply);
}

/** `POST /api/payment-method/{id}/resume`. */
export async function postResume(context: Context, caller: Caller, id: string): Promise<Response> {
  const { request, startedAtMs, config } = context;
  const body = await readBody(request);
  if (body.type !== "ok") {
    return problemResponse(context, body.type);
  }
  const read = readResumeBody(body.bytes);
  if (read.type === "invalid") {
    return problemResponse(context, read.code, { errors: read.errors });
  }
  const answer = await askObject(
    context,
    {
      v: 1,
      type: "resume_method",
      paymentMethodId: id,
      reason: read.value.reason,
      actor: actorOf(context, caller),
    },
    startedAtMs + config.waitMs + GRACE_MS,
  );
  return replyResponse(answer.reply);
}
