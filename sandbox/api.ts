/**
 * Harmony's paths under `/api`: which call a request is, whether it may be answered at all, and who
 * answers it. Owns routing, the API key, outages and the saving of cards. Free of Node.
 */
import { charge, refund, revoke } from "./deeds.ts";
import { listMethods, look, readMethod, readPayment } from "./reads.ts";
import { isObject } from "./scenario.ts";
import { parseJson, refusal, respond, unreachable } from "./wire.ts";
import { plain } from "./world.ts";
import type { Payment, PaymentMethod } from "./book.ts";
import type { ExchangeKind } from "./exchanges.ts";
import type { Action, HarmonyRequest, Reply } from "./wire.ts";
import type { OutageMode, Played, World } from "./world.ts";

export const API_KEY = "sandbox";

/** As documented by Harmony. */
const TTL_MINUTES_DEFAULT = 2880;

/** By method and the number of path segments after `/api/payment-method`. */
const calls: Record<string, ExchangeKind> = {
  "POST 0": "method_create",
  "GET 0": "method_list",
  "GET 1": "method_read",
  "DELETE 1": "revoke",
  "POST 2": "charge",
  "GET 2": "look",
  "GET 3": "read",
  "POST 4": "refund",
};

interface Call {
  kind: ExchangeKind;
  paymentMethodId: string | null;
  paymentId: string | null;
}

export function handleApi(world: World, request: HarmonyRequest): Reply {
  const call = callOf(request);
  const exchange = world.exchanges.begin(call.kind, call.paymentMethodId);
  const { action, step, delayMs } = answer(world, call, request);
  exchange.step = step;
  exchange.httpStatus = action.kind === "respond" ? action.status : null;
  return { ...action, delayMs, exchange };
}

function answer(world: World, call: Call, request: HarmonyRequest): Played {
  if (world.outage !== "none" && (world.outageKinds?.includes(call.kind) ?? true)) {
    return { action: outageAction(world.outage), step: "outage", delayMs: 0 };
  }
  if (request.headers["x-api-key"] !== API_KEY) {
    return plain(refusal(401, "missing or invalid API key"));
  }
  const ofMethod = (then: (method: PaymentMethod) => Played): Played => {
    const method = world.book.method(call.paymentMethodId ?? "");
    return method === undefined ? plain(refusal(404, "payment method not found")) : then(method);
  };
  const ofPayment = (then: (method: PaymentMethod, payment: Payment) => Played): Played =>
    ofMethod((method) => {
      // A UUID is the same in any letter case.
      const payment = world.book.payment(call.paymentId?.toLowerCase() ?? "");
      return payment?.paymentMethodId === method.id && payment.goneAt === undefined
        ? then(method, payment)
        : plain(refusal(404, "payment not found"));
    });
  switch (call.kind) {
    case "charge":
      return ofMethod((method) => charge(world, method, request));
    case "refund":
      return ofPayment((method, payment) => refund(world, method, payment, request));
    case "revoke":
      return ofMethod((method) => revoke(world, method, request));
    case "read":
      return ofPayment((method, payment) => readPayment(world, method, payment));
    case "look":
      return ofMethod((method) => look(world, method, request));
    case "method_read":
      return ofMethod((method) => readMethod(world, method));
    case "method_list":
      return plain(listMethods(world, request));
    case "method_create":
      return plain(createMethod(world, request));
    case "other":
      return plain(refusal(404, "not found"));
  }
  return unreachable(call.kind);
}

function outageAction(mode: Exclude<OutageMode, "none">): Action {
  switch (mode) {
    case "refuse":
      return { kind: "sever", how: "reset" };
    case "hang":
      return { kind: "sever", how: "hang" };
    case "error500":
      return refusal(500, "outage");
  }
  return unreachable(mode);
}

function callOf(request: HarmonyRequest): Call {
  const [root, api, resource, ...parts] = request.path.split("/");
  const [paymentMethodId = null, payments = "payment", paymentId = null, verb = "refund"] = parts;
  const isHarmonys =
    `${root}/${api}/${resource}` === "/api/payment-method" &&
    payments === "payment" &&
    verb === "refund";
  const kind = isHarmonys ? calls[`${request.method} ${parts.length}`] : undefined;
  return kind === undefined
    ? { kind: "other", paymentMethodId: null, paymentId: null }
    : { kind, paymentMethodId, paymentId };
}

/** The checkout page stands for the person who types in the card: to open it is to have done so. */
function createMethod(world: World, request: HarmonyRequest): Action {
  const body = parseJson(request.body === "" ? "{}" : request.body);
  if (!isObject(body)) {
    return refusal(400, "the body must be a JSON object");
  }
  const { externalId = null, ttlMinutes = TTL_MINUTES_DEFAULT } = body;
  if (externalId !== null && typeof externalId !== "string") {
    return refusal(400, "externalId must be a string");
  }
  if (typeof ttlMinutes !== "number" || !(ttlMinutes >= 1)) {
    return refusal(400, "ttlMinutes must be at least 1");
  }
  const expiresAt = world.now() + ttlMinutes * 60_000;
  const wanted = { status: "PENDING", externalId, expiresAt, standing: null } as const;
  const { id } = world.book.addMethod(wanted);
  const host = String(request.headers["host"] ?? "localhost");
  return respond(201, { id, checkoutUrl: `http://${host}/sandbox/checkout/${id}` });
}
