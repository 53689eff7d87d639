/**
 * Owns the calls about charges and payments: checks in the contract's order of precedence, then
 * one command to the object. Must not know Harmony.
 */
import { ERRORS } from "../domain/errors.ts";
import { isPaymentId } from "../harmony/wire.ts";
import { askObject, GRACE_MS } from "./ask-object.ts";
import type { Caller } from "./auth.ts";
import { actorOf, type Context, waitMsOf } from "./context.ts";
import { readKeyed } from "./keyed.ts";
import { answerResponse, problemResponse } from "./problem.ts";
import { readChargeBody } from "./schemas.ts";

/** `POST /api/payment-method/{id}/payment`. */
export async function postCharge(context: Context, caller: Caller, id: string): Promise<Response> {
  const { request, config, startedAtMs } = context;
  const keyed = await readKeyed(context);
  if (keyed.type === "problem") {
    return keyed.response;
  }
  const charge = readChargeBody(keyed.bytes);
  if (charge.type === "invalid") {
    return problemResponse(context, charge.code, { errors: charge.errors });
  }
  const waitMs = waitMsOf(request.headers.get("prefer"), config);
  const answer = await askObject(
    context,
    {
      v: 1,
      type: "charge",
      paymentMethodId: id,
      caller: caller.callerId,
      idempotencyKey: keyed.key,
      request: charge.value,
      actor: actorOf(context, caller),
      waitMs,
    },
    startedAtMs + waitMs + GRACE_MS,
  );
  return answerResponse(answer, Date.now() - startedAtMs);
}

/** `GET /api/payment-method/{id}/payment/{paymentId}`: a live, recorded poll; a chargeId serves. */
export async function getPayment(
  context: Context,
  caller: Caller,
  id: string,
  paymentId: string,
): Promise<Response> {
  if (!isPaymentId(paymentId)) {
    return problemResponse(context, "payment_not_found");
  }
  const { startedAtMs, config } = context;
  const answer = await askObject(
    context,
    {
      v: 1,
      type: "read_payment",
      paymentMethodId: id,
      caller: caller.callerId,
      id: paymentId,
      actor: actorOf(context, caller),
    },
    startedAtMs + config.harmonyTimeoutMs + GRACE_MS,
  );
  return answerResponse(answer, Date.now() - startedAtMs);
}

/** `GET /api/payment-method/{id}/charge/{chargeId}`. */
export async function getCharge(
  context: Context,
  caller: Caller,
  id: string,
  chargeId: string,
): Promise<Response> {
  return readCharge(context, id, auditor(caller) ? null : caller.callerId, {
    chargeId: chargeId.toLowerCase(),
  });
}

/** `GET /api/payment-method/{id}/charge?idempotencyKey=`; an auditor may name another's `caller=`. */
export async function findCharge(context: Context, caller: Caller, id: string): Promise<Response> {
  const { url } = context;
  const errors = [...new Set(url.searchParams.keys())]
    .filter((name) => name !== "idempotencyKey" && !(name === "caller" && auditor(caller)))
    .map((name) => ({ pointer: name, detail: "is not a parameter of this call" }));
  const idempotencyKey = url.searchParams.get("idempotencyKey");
  if (idempotencyKey === null || idempotencyKey === "") {
    errors.push({ pointer: "idempotencyKey", detail: "is required" });
  }
  if (idempotencyKey === null || errors.length > 0) {
    return problemResponse(context, "invalid_request", { errors });
  }
  const owner = url.searchParams.get("caller") ?? caller.callerId;
  return readCharge(context, id, owner, { caller: owner, idempotencyKey });
}

async function readCharge(
  context: Context,
  id: string,
  owner: string | null,
  by: { readonly chargeId: string } | { readonly caller: string; readonly idempotencyKey: string },
): Promise<Response> {
  const { startedAtMs, config } = context;
  const answer = await askObject(
    context,
    { v: 1, type: "read_charge", paymentMethodId: id, caller: owner, by },
    startedAtMs + config.waitMs,
  );
  if (answer.reply.status === ERRORS.not_found.status) {
    return problemResponse(context, "not_found");
  }
  return answerResponse(answer, Date.now() - startedAtMs);
}

function auditor(caller: Caller): boolean {
  return caller.scopes.includes("audit");
}
