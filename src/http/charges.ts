/**
 * Owns the calls about charges and payments: checks in the contract's order of precedence, then
 * one command to the object. Must not know Harmony.
 */
import type { ReadChargeCommand } from "../payment-method/commands.ts";
import { misnamed } from "../audit/parameters.ts";
import { ERRORS, type InputError } from "../domain/errors.ts";
import { isPaymentId } from "../harmony/wire.ts";
import { askObject, GRACE_MS } from "./ask-object.ts";
import type { Caller } from "./auth.ts";
import { actorOf, type Context, waitMsOf } from "./context.ts";
import { readIdempotencyKey, readQueryKey } from "../domain/idempotency-key.ts";
import { headerOf } from "./headers.ts";
import { readKeyed } from "./keyed.ts";
import { answerResponse, problemResponse } from "./problem.ts";
import { readChargeBody } from "./schemas.ts";

/** `POST /api/payment-method/{id}/payment`. */
export async function postCharge(context: Context, caller: Caller, id: string): Promise<Response> {
  const { startedAtMs } = context;
  const keyed = await readKeyed(context);
  if (keyed.type === "problem") {
    return keyed.response;
  }
  const charge = readChargeBody(keyed.bytes);
  if (charge.type === "invalid") {
    return problemResponse(context, charge.code, { errors: charge.errors });
  }
  const waitMs = waitMsOf(context);
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
    keyed.readAtMs + waitMs + GRACE_MS,
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
  const owner = auditor(caller) ? null : caller.callerId;
  return readCharge(context, caller, { id, owner, by: { chargeId } });
}

/**
 * `GET /api/payment-method/{id}/charge?idempotencyKey=`, or with the key's own header; an auditor may
 * name another's `caller=`.
 */
export async function findCharge(context: Context, caller: Caller, id: string): Promise<Response> {
  const { url, request } = context;
  const names = ["idempotencyKey", ...(auditor(caller) ? ["caller"] : [])];
  const errors: InputError[] = misnamed(url.searchParams, names);
  const inQuery = readQueryKey(url.searchParams.get("idempotencyKey"));
  const inHeader = readIdempotencyKey(headerOf(request, "idempotency-key"));
  const [key, other] = inQuery.type === "missing" ? [inHeader, inQuery] : [inQuery, inHeader];
  if (key.type !== "key") {
    const detail = key.type === "missing" ? "is required, or its header" : key.detail;
    errors.push({ parameter: "idempotencyKey", detail });
  } else if (other.type === "invalid" || (other.type === "key" && other.key !== key.key)) {
    errors.push({ header: "Idempotency-Key", detail: "is another key than the query's" });
  }
  if (key.type !== "key" || errors.length > 0) {
    return problemResponse(context, "invalid_request", { errors });
  }
  const owner = url.searchParams.get("caller") ?? caller.callerId;
  const by = { caller: owner, idempotencyKey: key.key };
  const detail = `No charge is known under this spelling of the key: ${JSON.stringify(key.key)}. In a query \`+\` is a blank; write it as \`%2B\`. This does not say that nothing was charged.`;
  return readCharge(context, caller, { id, owner, by }, detail);
}

async function readCharge(
  context: Context,
  { scopes }: Caller,
  { id, owner, by }: { id: string; owner: string | null; by: ReadChargeCommand["by"] },
  notFound: string = ERRORS.not_found.explanation,
): Promise<Response> {
  const { startedAtMs, config } = context;
  const isOperated = scopes.includes("operate") || scopes.includes("audit");
  const answer = await askObject(
    context,
    { v: 1, type: "read_charge", paymentMethodId: id, caller: owner, isOperated, by },
    startedAtMs + config.waitMs,
  );
  if (answer.reply.status === ERRORS.not_found.status) {
    return problemResponse(context, "not_found", { detail: notFound });
  }
  return answerResponse(answer, Date.now() - startedAtMs);
}

function auditor(caller: Caller): boolean {
  return caller.scopes.includes("audit");
}
