/**
 * The paths under `/sandbox`: what a test, a demo or a curious person uses to set scenarios, to
 * alter the book behind everyone's back and to read it. Owns the validation of those requests.
 * Never part of what Harmony offers; needs no key and is no exchange of the book.
 */
import * as z from "zod";
import { paymentView, view } from "./book-view.ts";
import { EXCHANGE_KINDS } from "./exchanges.ts";
import { PAYMENT_METHOD_STATUSES, PAYMENT_STATUSES } from "./kinds.ts";
import { parseChargeStep, parseScenario } from "./scenario.ts";
import { parseJson, refusal, respond, respondText, toMinor } from "./wire.ts";
import { OUTAGE_MODES } from "./world.ts";
import type { PaymentMethod } from "./book.ts";
import type { Action, HarmonyRequest, Reply } from "./wire.ts";
import type { World } from "./world.ts";

const amount = z.number().transform((pesos, context) => {
  const amountMinor = toMinor(pesos);
  if (amountMinor === null) {
    context.addIssue("must be pesos with at most two decimals");
    return z.NEVER;
  }
  return amountMinor;
});
const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const description = z.string().nullable();
const status = z.enum(PAYMENT_STATUSES);
const methodStatus = z.enum(PAYMENT_METHOD_STATUSES);

const newMethod = z.strictObject({
  status: methodStatus.default("ACTIVE"),
  externalId: z.string().nullable().default(null),
  /** One charge step for every charge, as the test cards have. */
  standing: z.unknown().optional(),
});
const methodPatch = z.strictObject({ status: methodStatus });
const newPayment = z.strictObject({
  paymentMethodId: z.string(),
  amount,
  status: status.default("CONFIRMED"),
  description: description.default(null),
  createdAt: time.optional(),
});
const paymentPatch = z.strictObject({
  amount: amount.optional(),
  status: status.optional(),
  description: description.optional(),
  createdAt: time.optional(),
  visibleAt: time.nullable().optional(),
});
/** Of these kinds of call only, or of everything: a history can be out while charges go on. */
const outage = z.strictObject({
  mode: z.enum(OUTAGE_MODES),
  kinds: z.array(z.enum(EXCHANGE_KINDS)).nullable().default(null),
});

export function handleControl(world: World, request: HarmonyRequest): Reply {
  return { ...answer(world, request), delayMs: 0, exchange: null };
}

function answer(world: World, request: HarmonyRequest): Action {
  const [noun = "", id = "", member, ...rest] = request.path.split("/").slice(2);
  const depth = [noun, id, member].filter((part) => (part ?? "") !== "").length;
  switch (rest.length > 0 ? "" : `${request.method} ${noun} ${depth}${member ?? ""}`) {
    case "POST payment-methods 1":
      return parsed(request, newMethod, (body) => addMethod(world, body));
    case "PATCH payment-methods 2":
      return parsed(request, methodPatch, (body) =>
        found(world.book.method(id), (method) => {
          world.book.setMethodStatus(method, body.status);
          return respond(200, { id, status: method.status });
        }),
      );
    case "PUT payment-methods 3scenario":
      return found(world.book.method(id), (method) => putScenario(world, method, request));
    case "GET checkout 2":
      return found(world.book.method(id), (method) => checkout(world, method));
    case "POST payments 1":
      return parsed(request, newPayment, (body) => addPayment(world, body));
    case "PATCH payments 2":
      return parsed(request, paymentPatch, (body) => patchPayment(world, id, body));
    case "DELETE payments 2":
      return found(world.book.payment(id), (payment) => {
        world.book.deletePayment(payment);
        return respond(200, { id });
      });
    case "GET book 1":
      return respond(200, view(world, request.query["paymentMethodId"] ?? null));
    case "POST reset 1":
      world.book.reset();
      world.exchanges.reset();
      world.chargeAnswers.clear();
      world.outage = "none";
      world.outageKinds = null;
      return respond(200, {});
    case "PUT outage 1":
      return parsed(request, outage, ({ mode, kinds }) => {
        world.outage = mode;
        world.outageKinds = kinds;
        return respond(200, { mode });
      });
    default:
      return refusal(404, "not found");
  }
}

function addMethod(world: World, body: z.output<typeof newMethod>): Action {
  const standing = (body.standing ?? null) === null ? null : parseChargeStep(body.standing);
  if (standing?.ok === false) {
    return refusal(400, `standing: ${standing.message}`);
  }
  const { status: wanted, externalId } = body;
  const method = world.book.addMethod({
    status: wanted,
    externalId,
    expiresAt: null,
    standing: standing?.value ?? null,
  });
  return respond(201, { id: method.id });
}

/** Replaces all of it: a list that is not given is empty, an option that is not given is default. */
function putScenario(world: World, method: PaymentMethod, request: HarmonyRequest): Action {
  const scenario = parseScenario(parseJson(request.body));
  if (!scenario.ok) {
    return refusal(400, scenario.message);
  }
  method.scenario = scenario.value;
  world.book.changedMethod(method);
  return respond(200, { id: method.id });
}

function checkout(world: World, method: PaymentMethod): Action {
  if (method.status === "PENDING") {
    world.book.setMethodStatus(method, "ACTIVE");
  }
  return respondText(200, `The card is ${method.status}.\n`, "text/plain; charset=utf-8");
}

function addPayment(world: World, body: z.output<typeof newPayment>): Action {
  return found(world.book.method(body.paymentMethodId), (method) => {
    const payment = world.book.addPayment({
      paymentMethodId: method.id,
      amountMinor: body.amount,
      description: body.description,
      status: body.status,
      origin: "foreign",
      ...(body.createdAt === undefined ? {} : { createdAt: body.createdAt }),
    });
    return respond(201, paymentView(world, payment));
  });
}

function patchPayment(world: World, id: string, body: z.output<typeof paymentPatch>): Action {
  return found(world.book.payment(id), (payment) => {
    payment.amountMinor = body.amount ?? payment.amountMinor;
    payment.createdAt = body.createdAt ?? payment.createdAt;
    if (body.description !== undefined) {
      payment.description = body.description;
    }
    if (body.visibleAt !== undefined) {
      payment.visibleAt = body.visibleAt;
    }
    if (body.status === undefined) {
      world.book.changedPayment(payment);
    } else {
      world.book.setPaymentStatus(payment, body.status);
    }
    return respond(200, paymentView(world, payment));
  });
}

function parsed<Schema extends z.ZodType>(
  request: HarmonyRequest,
  schema: Schema,
  then: (body: z.output<Schema>) => Action,
): Action {
  const result = schema.safeParse(parseJson(request.body === "" ? "{}" : request.body));
  return result.success ? then(result.data) : refusal(400, z.prettifyError(result.error));
}

function found<T>(thing: T | undefined, then: (thing: T) => Action): Action {
  return thing === undefined ? refusal(404, "not found in the book") : then(thing);
}
