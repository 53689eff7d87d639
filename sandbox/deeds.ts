/**
 * What charging, refunding and revoking do to the book, and Harmony's own checks before each. Owns
 * the rules of the documented API; what a scenario makes of them is acts.ts.
 */
import { play } from "./acts.ts";
import { refuseLeaving } from "./refusals.ts";
import { isObject } from "./scenario.ts";
import { chargeableMinor, fourFields, methodItem, parseJson, refusal } from "./wire.ts";
import { respond } from "./wire.ts";
import { isRedirected, plain, played, REDIRECTED } from "./world.ts";
import type { Deed } from "./acts.ts";
import type { LateAct, Payment, PaymentMethod } from "./book.ts";
import type { ChargeStep, PaymentMethodStatus, PaymentStatus, Scenario } from "./kinds.ts";
import type { Action, HarmonyRequest } from "./wire.ts";
import type { Played, World } from "./world.ts";

const APPROVE = { kind: "approve", latencyMs: 0 } as const;

export function charge(world: World, method: PaymentMethod, request: HarmonyRequest): Played {
  const step = takeStep(world, method, "charges", request);
  if (method.status !== "ACTIVE") {
    return plain(refusal(400, `payment method is ${method.status}`));
  }
  const body = parseJson(request.body);
  if (!isObject(body)) {
    return plain(refusal(400, "the body must be a JSON object"));
  }
  const amountMinor = chargeableMinor(body["amount"]);
  if (amountMinor === null) {
    return plain(refusal(400, "amount must be at least 1 with at most two decimals"));
  }
  if ((body["currency"] ?? "MXN") !== "MXN") {
    return plain(refusal(400, "currency must be MXN"));
  }
  const description = body["description"] ?? null;
  if (description !== null && typeof description !== "string") {
    return plain(refusal(400, "description must be a string"));
  }
  const made: Payment[] = [];
  const deed = chargeDeed(world, method, amountMinor, description, request, made);
  const action = chargeAction(world, method, step ?? APPROVE, deed, made);
  return played(step, action);
}

function chargeAction(
  world: World,
  method: PaymentMethod,
  step: ChargeStep,
  deed: ChargeDeed,
  made: readonly Payment[],
): Action {
  const before = world.chargeAnswers.get(method.id);
  const own =
    step.kind === "refuse_leaving_payments"
      ? refuseLeaving(world, method, step, deed.make, made)
      : play(step.kind === "answer_of_the_charge_before" ? APPROVE : step, deed);
  const [first] = made;
  // What nobody got to read was answered all the same, and may lie in wait on the connection.
  const answer =
    own.kind === "respond" || first === undefined ? own : respond(201, fourFields(first));
  if (answer.kind === "respond") {
    world.chargeAnswers.set(method.id, answer);
  }
  if (step.kind !== "answer_of_the_charge_before" || before === undefined) {
    return own;
  }
  const body = before.kind === "respond" ? parseJson(before.body) : null;
  const named = isObject(body) && typeof body["id"] === "string" ? body["id"].toLowerCase() : null;
  if (first !== undefined && named !== null) {
    first.answeredAs = world.book.payment(named) === undefined ? null : named;
    world.book.changedPayment(first);
  }
  return before;
}

export function refund(
  world: World,
  method: PaymentMethod,
  payment: Payment,
  request: HarmonyRequest,
): Played {
  const step = takeStep(world, method, "refunds", request);
  if (payment.status !== "CONFIRMED") {
    return plain(refusal(400, `payment is ${payment.status}, not CONFIRMED`));
  }
  const deed: Deed<PaymentStatus> = {
    okStatus: 201,
    redirectTo: `${request.path}?${REDIRECTED}`,
    perform: () => world.book.setPaymentStatus(payment, "REFUNDED"),
    decline: () => {},
    pend: (polls, becomes) => {
      payment.pending = { pollsLeft: polls, becomes };
      world.book.changedPayment(payment);
      return { ...fourFields(payment), status: "PENDING" };
    },
    performLater: (afterMs) => {
      addLateAct(world, afterMs, { act: "refund", method, payment, amountMinor: 0 });
    },
    answer: () => fourFields(payment),
    touchedId: () => payment.id,
    knownId: () => otherPaymentId(world, payment),
  };
  return played(step, play(step ?? APPROVE, deed));
}

export function revoke(world: World, method: PaymentMethod, request: HarmonyRequest): Played {
  const step = takeStep(world, method, "revokes", request);
  if (method.status !== "ACTIVE") {
    return plain(refusal(400, `payment method is ${method.status}, not ACTIVE`));
  }
  const deed: Deed<PaymentMethodStatus> = {
    okStatus: 200,
    redirectTo: `${request.path}?${REDIRECTED}`,
    perform: () => world.book.setMethodStatus(method, "REVOKED"),
    decline: () => {},
    pend: (polls, becomes) => {
      method.pending = { pollsLeft: polls, becomes };
      world.book.changedMethod(method);
      return methodItem(method);
    },
    performLater: (afterMs) => {
      addLateAct(world, afterMs, { act: "revoke", method, payment: null, amountMinor: 0 });
    },
    answer: () => methodItem(method),
    touchedId: () => method.id,
    knownId: () => world.book.methods().find(({ id }) => id !== method.id)?.id ?? method.id,
  };
  return played(step, play(step ?? APPROVE, deed));
}

/** Does what was put off; a refund or revoke that became impossible meanwhile is left undone. */
export function performLateAct(world: World, late: LateAct): void {
  switch (late.act) {
    case "charge": {
      const { paymentMethodId, amountMinor, description, askedAt } = late;
      const made = { paymentMethodId, amountMinor, description, status: "CONFIRMED" } as const;
      world.book.addPayment({
        ...made,
        origin: "late",
        ...(askedAt === undefined ? {} : { askedAt }),
      });
      break;
    }
    case "refund": {
      const payment = late.paymentId === null ? undefined : world.book.payment(late.paymentId);
      if (payment?.status === "CONFIRMED") {
        world.book.setPaymentStatus(payment, "REFUNDED");
      }
      break;
    }
    case "revoke": {
      const method = world.book.method(late.paymentMethodId);
      if (method?.status === "ACTIVE") {
        world.book.setMethodStatus(method, "REVOKED");
      }
      break;
    }
  }
}

/** A charge may make more than one payment. */
interface ChargeDeed extends Deed<PaymentStatus> {
  make: (status: PaymentStatus) => Payment;
}

/** `made` is what it has made so far. */
function chargeDeed(
  world: World,
  method: PaymentMethod,
  amountMinor: number,
  description: string | null,
  request: HarmonyRequest,
  made: Payment[],
): ChargeDeed {
  const make = (status: PaymentStatus): Payment => {
    const origin = "charge";
    const wanted = {
      paymentMethodId: method.id,
      amountMinor,
      description,
      status,
      origin,
    } as const;
    const payment = world.book.addPayment(wanted);
    made.push(payment);
    return payment;
  };
  const theMade = (): Payment => {
    const payment = made.at(-1);
    if (payment === undefined) {
      throw new Error("answered before anything was charged");
    }
    return payment;
  };
  return {
    make,
    okStatus: 201,
    redirectTo: `${request.path}?${REDIRECTED}`,
    perform: () => void make("CONFIRMED"),
    decline: () => void make("CANCELLED"),
    pend: (polls, becomes) => {
      const payment = make("PENDING");
      // It is new in this request, so the book saves it as it is by the end of it.
      payment.pending = { pollsLeft: polls, becomes };
      return fourFields(payment);
    },
    performLater: (afterMs) => {
      const payment = null;
      addLateAct(world, afterMs, { act: "charge", method, payment, amountMinor, description });
    },
    answer: () => fourFields(theMade()),
    touchedId: () => theMade().id,
    knownId: () => otherPaymentId(world, theMade()),
  };
}

/** The latest other payment of the method, else any other; with none at all, the method's id. */
function otherPaymentId(world: World, payment: Payment): string {
  const isOther = ({ id }: Payment): boolean => id !== payment.id;
  const other =
    world.book.paymentsOf(payment.paymentMethodId).findLast(isOther) ??
    world.book.payments().findLast(isOther);
  return other?.id ?? payment.paymentMethodId;
}

function addLateAct(
  world: World,
  afterMs: number,
  act: {
    act: LateAct["act"];
    method: PaymentMethod;
    payment: Payment | null;
    amountMinor: number;
    description?: string | null;
  },
): void {
  const added = world.book.addLateAct({
    act: act.act,
    dueAt: world.now() + afterMs,
    paymentMethodId: act.method.id,
    paymentId: act.payment?.id ?? null,
    amountMinor: act.amountMinor,
    description: act.description ?? null,
    askedAt: world.now(),
  });
  world.scheduleLateAct(added.id, afterMs);
}

/**
 * Every authenticated request uses a step up, also one that is then refused for its own sake; but
 * not one that follows our redirect, which is served as if nothing had been told to the method.
 */
function takeStep<List extends "charges" | "refunds" | "revokes">(
  world: World,
  method: PaymentMethod,
  list: List,
  request: HarmonyRequest,
): Scenario[List][number] | undefined {
  if (isRedirected(request)) {
    return undefined;
  }
  const step = method.scenario[list].shift();
  if (step !== undefined) {
    world.book.changedMethod(method);
    return step;
  }
  return list === "charges" ? (method.standing ?? undefined) : undefined;
}
