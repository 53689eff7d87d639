/**
 * What Harmony answers to a GET: a payment, a payment method, a method's history, the list of
 * methods. Owns what the reads and looks of a scenario mean. A read changes the book in one way
 * only: it may be the poll that a pending payment or revoke waited for.
 */
import { historyPage } from "./history.ts";
import { PAYMENT_METHOD_STATUSES, PAYMENT_STATUSES } from "./kinds.ts";
import { doubledText, fourFields, garbage, methodItem, parsePage } from "./wire.ts";
import { refusal, respond, respondDoubled, respondText } from "./wire.ts";
import { toMinor, toPesos, unreachable } from "./wire.ts";
import { isObject } from "./scenario.ts";
import { plain, played } from "./world.ts";
import type { Payment, PaymentMethod } from "./book.ts";
import type { Doubling, ReadStep } from "./kinds.ts";
import type { Action, HarmonyRequest, Json } from "./wire.ts";
import type { Played, World } from "./world.ts";

export function readPayment(world: World, method: PaymentMethod, payment: Payment): Played {
  const step = takeStep(world, method, "reads");
  if (payment.pending !== null) {
    payment.pending.pollsLeft -= 1;
    if (payment.pending.pollsLeft <= 0) {
      world.book.setPaymentStatus(payment, payment.pending.becomes);
    }
    world.book.changedPayment(payment);
  }
  return played(
    step,
    playRead(step, {
      ok: () => respond(200, fourFields(payment)),
      doubled: (how) => respondDoubled(200, fourFields(payment), how, world.uuid()),
      empty: () => respondText(200, "", "application/json; charset=utf-8"),
      foreign: (amounts) => respond(200, foreignPayment(world, amounts[0] ?? 1)),
    }),
  );
}

export function readMethod(world: World, method: PaymentMethod): Played {
  const step = takeStep(world, method, "reads");
  if (method.pending !== null) {
    method.pending.pollsLeft -= 1;
    if (method.pending.pollsLeft <= 0) {
      world.book.setMethodStatus(method, method.pending.becomes);
    }
    world.book.changedMethod(method);
  }
  return played(
    step,
    playRead(step, {
      ok: () => respond(200, methodItem(method)),
      doubled: (how) => respondDoubled(200, methodItem(method), how, world.uuid()),
      empty: () => respondText(200, "", "application/json; charset=utf-8"),
      foreign: () => respond(200, { ...methodItem(method), id: world.uuid() }),
    }),
  );
}

export function look(world: World, method: PaymentMethod, request: HarmonyRequest): Played {
  const step = takeStep(world, method, "looks");
  const page = parsePage(request.query);
  if (!page.ok) {
    return plain(refusal(400, page.message));
  }
  const status = parseStatus(request.query["status"], PAYMENT_STATUSES);
  if (status === undefined) {
    return plain(refusal(400, `status must be one of ${PAYMENT_STATUSES.join(", ")}`));
  }
  const payments = world.book.paymentsOf(method.id);
  const query = { page: page.page, pageSize: page.pageSize, status };
  const list = (count: number, items: Json[]): Action =>
    respond(200, { count, page: page.page, pageSize: page.pageSize, items });
  return played(
    step,
    playRead(step, {
      ok: () => respond(200, historyPage(payments, method.scenario.history, query, world.now())),
      doubled: (how) =>
        doubledPage(
          historyPage(payments, method.scenario.history, query, world.now()),
          how,
          world.uuid(),
        ),
      empty: () => list(0, []),
      foreign: (amounts) => {
        const items = page.page === 1 ? amounts.map((amount) => foreignPayment(world, amount)) : [];
        return list(amounts.length, items);
      },
    }),
  );
}

/** Newest first, as the history is by default. */
export function listMethods(world: World, request: HarmonyRequest): Action {
  const page = parsePage(request.query);
  if (!page.ok) {
    return refusal(400, page.message);
  }
  const status = parseStatus(request.query["status"], PAYMENT_METHOD_STATUSES);
  if (status === undefined) {
    return refusal(400, `status must be one of ${PAYMENT_METHOD_STATUSES.join(", ")}`);
  }
  const methods = world.book
    .methods()
    .filter((method) => status === null || method.status === status)
    .toReversed();
  const start = (page.page - 1) * page.pageSize;
  return respond(200, {
    count: methods.length,
    page: page.page,
    pageSize: page.pageSize,
    items: methods.slice(start, start + page.pageSize).map(methodItem),
  });
}

/** The page whose first item says one member twice; one without items is whole. */
function doubledPage(page: Record<string, Json>, how: Doubling, otherId: string): Action {
  const { items, ...figures } = page;
  const [first, ...others] = Array.isArray(items) ? items : [];
  if (!isObject(first)) {
    return respond(200, page);
  }
  const texts = [doubledText(first, how, otherId)];
  texts.push(...others.map((item) => JSON.stringify(item)));
  const head = JSON.stringify(figures).slice(0, -1);
  return respondText(
    200,
    `${head},"items":[${texts.join(",")}]}`,
    "application/json; charset=utf-8",
  );
}

interface Answers {
  ok(): Action;
  doubled(how: Doubling): Action;
  empty(): Action;
  foreign(amounts: number[]): Action;
}

function playRead(step: ReadStep | undefined, answers: Answers): Action {
  switch (step?.kind) {
    case undefined:
    case "ok":
      return answers.ok();
    case "error":
      return refusal(step.status, "an error");
    case "hang":
    case "reset":
      return { kind: "sever", how: step.kind };
    case "garbage":
      return garbage(200);
    case "doubled_member":
      return answers.doubled(step);
    case "empty":
      return answers.empty();
    case "foreign":
      return answers.foreign(step.amounts);
  }
  return unreachable(step);
}

function foreignPayment(world: World, amount: number): Record<string, Json> {
  const shown = toPesos(toMinor(amount) ?? 100);
  return { id: world.uuid(), status: "CONFIRMED", amount: shown, currency: "MXN" };
}

function takeStep(
  world: World,
  method: PaymentMethod,
  list: "reads" | "looks",
): ReadStep | undefined {
  const step = method.scenario[list].shift();
  if (step !== undefined) {
    world.book.changedMethod(method);
  }
  return step;
}

/** Null where none was asked for, undefined where there is no such status. */
function parseStatus<Status extends string>(
  asked: string | undefined,
  known: readonly Status[],
): Status | null | undefined {
  return asked === undefined ? null : known.find((status) => status === asked);
}
