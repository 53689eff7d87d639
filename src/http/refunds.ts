/**
 * Owns the calls about refunds: checks in the contract's order of precedence, then one command to
 * the object. Must not know Harmony.
 */
import { ERRORS } from "../domain/errors.ts";
import { isPaymentId } from "../harmony/wire.ts";
import { askObject, GRACE_MS } from "./ask-object.ts";
import type { Caller } from "./auth.ts";
import { readOptionalBody } from "./body.ts";
import { actorOf, type Context, waitMsOf } from "./context.ts";
import { readKeyed } from "./keyed.ts";
import { answerResponse, problemResponse } from "./problem.ts";
import { readRefundBody } from "./schemas.ts";

/** `POST /api/payment-method/{id}/payment/{paymentId}/refund`; a chargeId serves as payment id. */
export async function postRefund(
  context: Context,
  caller: Caller,
  id: string,
  paymentId: string,
): Promise<Response> {
  const { startedAtMs } = context;
  const keyed = await readKeyed(context, readOptionalBody);
  if (keyed.type === "problem") {
    return keyed.response;
  }
  const body = readRefundBody(keyed.bytes);
  if (body.type === "invalid") {
    return problemResponse(context, body.code, { errors: body.errors });
  }
  if (!isPaymentId(paymentId)) {
    return problemResponse(context, "payment_not_found");
  }
  const waitMs = waitMsOf(context);
  const answer = await askObject(
    context,
    {
      v: 1,
      type: "refund",
      paymentMethodId: id,
      caller: caller.callerId,
      idempotencyKey: keyed.key,
      id: paymentId,
      reason: body.value.reason,
      actor: actorOf(context, caller),
      waitMs,
    },
    keyed.readAtMs + waitMs + GRACE_MS,
  );
  return answerResponse(answer, Date.now() - startedAtMs);
}

/** `GET /api/payment-method/{id}/payment/{paymentId}/refund/{refundId}`, from our own state. */
export async function getRefund(
  context: Context,
  caller: Caller,
  id: string,
  of: { readonly paymentId: string; readonly refundId: string },
): Promise<Response> {
  const { startedAtMs, config } = context;
  const answer = await askObject(
    context,
    {
      v: 1,
      type: "read_refund",
      paymentMethodId: id,
      caller: caller.callerId,
      id: of.paymentId,
      refundId: of.refundId,
    },
    startedAtMs + config.waitMs,
  );
  if (answer.reply.status === ERRORS.not_found.status) {
    return problemResponse(context, "not_found");
  }
  return answerResponse(answer, Date.now() - startedAtMs);
}
