/**
 * What must hold after any run: each check is held against the sandbox's book, which alone knows
 * what was really paid, and says in words what it found. Pure; empty lists mean that all is well.
 */
import { chainProblems, type LedgerEntry } from "../support/runtime-ledger.ts";
import type { PaymentView } from "../support/sandbox.ts";
import type { Evidence } from "./evidence.ts";
import { type Answer, finalsOf, keyIn } from "./orders.ts";

/** What a caller's own request may rightly be answered with, whatever happens behind it. */
const RIGHTFUL: readonly number[] = [201, 202, 402, 404, 409, 429, 500, 502, 503];
/** Harmony never contradicts itself here, D1 never falls back, and nobody else charges. */
const UNWANTED: readonly string[] = [
  "contradiction_found",
  "delivery_refused",
  "payment_unattributed",
];
/** An entry of the last moments may still be on its way to D1. */
const DELIVERY_MS_MAX = 5000;

export function findings(evidence: Evidence): string[] {
  const checks = {
    ...bookChecks(evidence),
    ...ledgerChecks(evidence),
    ...answerChecks(evidence),
  };
  return Object.entries(checks).flatMap(([name, found]) => found.map((one) => `${name}: ${one}`));
}

/** The charges by what Harmony really did. */
function bookChecks(evidence: Evidence): Record<string, string[]> {
  const { orders, resources, book } = evidence;
  const paymentsOf = paymentsByKey(evidence);
  const keys = new Set(orders.map(({ key }) => key));
  return {
    "charged twice": [...paymentsOf]
      .filter(([, payments]) => payments.length > 1)
      .map(([key, payments]) => `${key} has ${payments.map(({ id }) => id).join(" and ")}`),
    "a payment that nobody asked for": book.payments
      .filter(({ description }) => !keys.has(keyIn(description)))
      .map(({ id, description }) => `${id}: ${description}`),
    "another amount or method": orders.flatMap(({ key, amountMinor, paymentMethodId }) =>
      (paymentsOf.get(key) ?? [])
        .filter((p) => p.amountMinor !== amountMinor || p.paymentMethodId !== paymentMethodId)
        .map((p) => `${key}: ${p.amountMinor} on ${p.paymentMethodId}`),
    ),
    "a state that is not so": orders.flatMap((order) => {
      const [payment] = paymentsOf.get(order.key) ?? [];
      const resource = resources.get(order.key);
      const told = resource?.state ?? "unknown to the gateway";
      return told === stateBy(payment, told) && resource?.payment?.id === payment?.id
        ? []
        : [`${order.key} is ${told}, its payment ${payment?.id ?? "none"} ${payment?.status}`];
    }),
    "left to a person": [...resources]
      .filter(([, { escalated, duplicates }]) => escalated || duplicates.length > 0)
      .map(([key, { state }]) => `${key}, ${state}`),
    "frozen at the end": [
      ...new Set(
        orders
          .filter(({ key }) => resources.get(key)?.methodFrozen === true)
          .map(({ paymentMethodId }) => paymentMethodId),
      ),
    ],
    "charges at the same time":
      book.maxConcurrent.perMethod > 1 ? [`${book.maxConcurrent.perMethod} on one method`] : [],
  };
}

/** The state that the book calls for, given the one told where the book has nothing. */
function stateBy(payment: PaymentView | undefined, told: string): string {
  switch (payment?.status) {
    case undefined:
      return ["not_charged", "declined", "unknown to the gateway"].includes(told)
        ? told
        : "not_charged";
    case "CONFIRMED":
    case "REFUNDED":
      return "approved";
    case "CANCELLED":
      return "declined";
    case "PENDING":
    case "NOT_INITIALIZED":
      return "final";
  }
}

/** The ledger as the auditor reads it, against the book and the objects' own journals. */
function ledgerChecks(evidence: Evidence): Record<string, string[]> {
  const { methods, entries, book, journals, resources, verifySays } = evidence;
  const chains = Map.groupBy(entries, (entry) => String(entry["paymentMethodId"]));
  const attributions = Map.groupBy(entries.filter(attributes), ({ paymentId }) => paymentId);
  const intended = new Set(
    entries.filter(({ type }) => type === "attempt_intended").map((entry) => entry["chargeId"]),
  );
  return {
    "a broken chain": [...chains].flatMap(([id, chain]) =>
      chainProblems(chain).map((problem) => `${id}: ${problem}`),
    ),
    "the verify script": verifySays === null ? [] : [verifySays],
    "a gap in the positions": entries.flatMap((entry, index) =>
      entry["position"] === index + 1 ? [] : [`${String(entry["position"])} after ${index}`],
    ),
    "a lost entry": lostEntries(evidence).map(
      (entry) => `${String(entry["paymentMethodId"])} seq ${entry.seq} ${entry.type}`,
    ),
    "an entry without a journal": [...chains].flatMap(([id, chain]) => {
      const journal = journals.find(([first]) => first?.["paymentMethodId"] === id) ?? [];
      return journal.length < chain.length ? [`${id}: ${chain.length} over ${journal.length}`] : [];
    }),
    "a payment without its one entry": book.payments.flatMap(({ id, description }) => {
      const by = attributions.get(id) ?? [];
      const keys = by.map((entry) => String(entry["idempotencyKey"]));
      return keys.length === 1 && keys[0] === keyIn(description)
        ? []
        : [`${id} of ${keyIn(description)}: ${by.length} entries, for ${keys.join() || "nobody"}`];
    }),
    "a charge without its intent": [...resources]
      .filter(([, { chargeId }]) => !intended.has(chargeId))
      .map(([key]) => key),
    "another net": methods.flatMap((id) => {
      const told = (chains.get(id) ?? []).reduce((sum, e) => sum + Number(e["effectMinor"]), 0);
      const net = book.payments
        .filter((payment) => payment.paymentMethodId === id && payment.status === "CONFIRMED")
        .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
      return told === net ? [] : [`${id}: the entries make ${told}, the book ${net}`];
    }),
    "an unwanted entry": entries
      .filter(({ type }) => UNWANTED.includes(type))
      .map((entry) => `${String(entry["paymentMethodId"])} seq ${entry.seq} ${entry.type}`),
  };
}

/** What an object has written and the ledger does not have, or has otherwise. */
export function lostEntries({ entries, journals, readAtMs }: Evidence): LedgerEntry[] {
  const delivered = new Set(entries.map((entry) => entry["hash"]));
  return journals
    .flat()
    .filter(
      (entry) =>
        !delivered.has(entry["hash"]) &&
        Date.parse(String(entry["occurredAt"])) < readAtMs - DELIVERY_MS_MAX,
    );
}

/** What the callers were told, by what was true. */
function answerChecks(evidence: Evidence): Record<string, string[]> {
  const { orders } = evidence;
  const paymentsOf = paymentsByKey(evidence);
  const told = orders.flatMap((order) => order.answers.map((answer) => ({ order, answer })));
  return {
    "a final answer that changed": orders.flatMap((order) => {
      const texts = new Set(finalsOf(order).map(({ status, text }) => `${status} ${text}`));
      return texts.size > 1 ? [`${order.key}: ${[...texts].join(" then ")}`] : [];
    }),
    "no final answer in the end": orders
      .filter((order) => !order.vanished && order.answers.at(-1)?.text == null)
      .map(({ key, answers }) => `${key}: ${answers.at(-1)?.status} ${answers.at(-1)?.code}`),
    "two charges under one key": orders.flatMap(({ key, answers }) => {
      const ids = new Set(answers.flatMap(({ chargeId }) => chargeId ?? []));
      return ids.size > 1 ? [`${key}: ${[...ids].join(" and ")}`] : [];
    }),
    "an answer that must not be": told
      .filter(({ answer }) => !isRightful(answer))
      .map(({ order, answer }) => `${order.key}: ${answer.status} ${answer.code}`),
    "a claim of money that is not so": told.flatMap(({ order, answer }) => {
      const why = untruth(answer, paymentsOf.get(order.key) ?? []);
      return why === null
        ? []
        : [`${order.key}: ${answer.status} ${answer.money}, ${answer.retry}: ${why}`];
    }),
  };
}

function isRightful({ altered, status, code, money }: Answer): boolean {
  if (code === "halted" || money === null) {
    return false;
  }
  return altered ? status === 422 || status >= 500 : RIGHTFUL.includes(status);
}

/** Why what was said of the money was false when it was said, or null. */
function untruth(answer: Answer, payments: readonly PaymentView[]): string | null {
  const real = payments.filter(({ status }) => status !== "CANCELLED");
  switch (answer.money) {
    case "not_charged": {
      // Another copy of the request may charge meanwhile: what was there before it was sent counts.
      const before = real.filter(({ createdAt }) => Date.parse(createdAt) < answer.sentAtMs);
      const contradicting = answer.retry === "new_key" ? real : before;
      return contradicting.length === 0 ? null : `${contradicting[0]?.id} was made`;
    }
    case "charged": {
      const isHis = real.some(({ id }) => answer.status !== 201 || id === answer.id);
      return isHis ? null : `no such payment`;
    }
    case "pending":
      return payments.length > 0 ? null : "no payment at all";
    case null:
    default:
      return null;
  }
}

/** Whether the entry says for the first time whose a payment is. */
export function attributes({ type, outcome, paymentId }: LedgerEntry): boolean {
  return (
    paymentId !== null &&
    (type === "payment_adopted" ||
      type === "late_truth_found" ||
      (type === "attempt_answered" && ["approved", "pending", "declined"].includes(outcome ?? "")))
  );
}

function paymentsByKey({ book }: Evidence): Map<string, PaymentView[]> {
  return Map.groupBy(book.payments, ({ description }) => keyIn(description));
}
