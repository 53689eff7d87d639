/**
 * Owns the calls by which a person decides what no rule may: their bodies are checked here, then
 * the object is asked. Must not decide anything.
 */
import type { Command, ResolveRefundCommand } from "../payment-method/commands.ts";
import { askObject, GRACE_MS } from "./ask-object.ts";
import type { Caller } from "./auth.ts";
import { readBody } from "./body.ts";
import { actorOf, type Context, waitMsOf } from "./context.ts";
import { readRefundResolutionBody, readResolutionBody, readResumeBody } from "./operate-body.ts";
import { problemResponse, replyResponse } from "./problem.ts";
import type { BodyReading } from "./schemas.ts";

/** `POST /api/payment-method/{id}/charge/{chargeId}/resolution`. */
export async function postResolution(
  context: Context,
  caller: Caller,
  id: string,
  chargeId: string,
): Promise<Response> {
  return decided(context, caller, readResolutionBody, (decision, by) => ({
    ...by,
    type: "resolve_charge",
    paymentMethodId: id,
    chargeId,
    decision,
  }));
}

/** `POST /api/payment-method/{id}/payment/{paymentId}/refund/{refundId}/resolution`. */
export async function postRefundResolution(
  context: Context,
  caller: Caller,
  id: string,
  of: { readonly paymentId: string; readonly refundId: string },
): Promise<Response> {
  return decided(context, caller, readRefundResolutionBody, (decision, by) => ({
    ...by,
    type: "resolve_refund",
    paymentMethodId: id,
    id: of.paymentId,
    refundId: of.refundId,
    decision,
  }));
}

/** Who decides, and how long they wait. */
type By = Pick<ResolveRefundCommand, "v" | "actor" | "waitMs">;

async function decided<T>(
  context: Context,
  caller: Caller,
  read: (bytes: Uint8Array) => BodyReading<T>,
  commandOf: (decision: T, by: By) => Command,
): Promise<Response> {
  const body = await readBody(context.request);
  if (body.type !== "ok") {
    return problemResponse(context, body.code, body.rest);
  }
  const decision = read(body.bytes);
  if (decision.type === "invalid") {
    return problemResponse(context, decision.code, { errors: decision.errors });
  }
  const waitMs = waitMsOf(context);
  const command = commandOf(decision.value, { v: 1, actor: actorOf(context, caller), waitMs });
  const answer = await askObject(context, command, Date.now() + waitMs + GRACE_MS);
  return replyResponse(answer.reply);
}

/** `POST /api/payment-method/{id}/resume`. */
export async function postResume(context: Context, caller: Caller, id: string): Promise<Response> {
  return decided(context, caller, readResumeBody, ({ reason }, { v, actor }) => ({
    v,
    type: "resume_method",
    paymentMethodId: id,
    reason,
    actor,
  }));
}
