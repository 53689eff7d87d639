/**
 * Owns the outcomes of an attempt as values, all kinds of them and one at random, and the rows of the
 * tables that outcomes and statuses are divided into. Expects nothing.
 */
import type { Charge } from "../../src/domain/charge.ts";
import { paymentOf } from "../../src/domain/evolve.ts";
import { isPaymentStatus, type Outcome, type Payment } from "../../src/domain/outcome.ts";
import { T0 } from "../domain/builders.ts";
import type { Chance } from "../simulation/chance.ts";
import { DUE, paid } from "./charge-situations.ts";

export const OUTCOMES: readonly Outcome[] = [
  { kind: "approved", payment: paid("CONFIRMED") },
  { kind: "pending", payment: paid("PENDING") },
  { kind: "pending", payment: paid("NOT_INITIALIZED") },
  { kind: "declined", payment: paid("CANCELLED"), upstream: null, namedPaymentId: null },
  { kind: "declined", payment: null, upstream: "no funds", namedPaymentId: null },
  { kind: "declined", payment: null, upstream: "no funds", namedPaymentId: "payment-1" },
  notSent(null),
  notSent("payment-1"),
  { kind: "indeterminate", reason: "timeout", namedPaymentId: null, nameIs: null },
  { kind: "indeterminate", reason: "status_409", namedPaymentId: "payment-1", nameIs: "guess" },
  { kind: "indeterminate", reason: "status_500", namedPaymentId: "payment-1", nameIs: "told" },
  { kind: "indeterminate", reason: "unknown_status", namedPaymentId: "payment-1", nameIs: "sure" },
  { kind: "contradictory", reason: "differs", namedPaymentId: "payment-1", knownBefore: false },
  { kind: "contradictory", reason: "known", namedPaymentId: "payment-0", knownBefore: true },
];

function notSent(namedPaymentId: string | null): Outcome {
  const said = { paymentMethodStatus: null, retryAfterSeconds: null, namedPaymentId };
  return { kind: "not_sent", reason: "upstream_unavailable", ...said };
}

/** An outcome as `classify` could give it: a payment that is another charge's contradicts. */
export function anyOutcome(chance: Chance, payment: Payment, isKnown: boolean): Outcome {
  if (isKnown) {
    const known = { reason: "known_payment", namedPaymentId: payment.id, knownBefore: true };
    return { kind: "contradictory", ...known };
  }
  const status = chance.pick(["PENDING", "NOT_INITIALIZED"]);
  const said = { upstream: null, namedPaymentId: null };
  // An error names the payment, or something that is none, or nothing.
  const named = chance.pick([payment.id, `request-${payment.id}`, null]);
  const nameIs = chance.pick(["guess", "told"] as const);
  return chance.pick<Outcome>([
    { kind: "approved", payment: { ...payment, status: "CONFIRMED" } },
    { kind: "pending", payment: { ...payment, status } },
    { kind: "declined", payment: { ...payment, status: "CANCELLED" }, ...said },
    { kind: "declined", payment: null, upstream: "no", namedPaymentId: named },
    notSent(named),
    { kind: "indeterminate", reason: "timeout", namedPaymentId: null, nameIs: null },
    {
      kind: "indeterminate",
      reason: "status_500",
      namedPaymentId: named,
      nameIs: named === null ? null : nameIs,
    },
    { kind: "indeterminate", reason: "strange", namedPaymentId: payment.id, nameIs: "sure" },
    { kind: "contradictory", reason: "named", namedPaymentId: payment.id, knownBefore: false },
  ]);
}

/** The statuses of a payment as rows name them, and examples of each. */
export const STATUS_ROWS: Readonly<Record<string, readonly string[]>> = {
  CONFIRMED: ["CONFIRMED"],
  PENDING: ["PENDING"],
  NOT_INITIALIZED: ["NOT_INITIALIZED"],
  CANCELLED: ["CANCELLED"],
  REFUNDED: ["REFUNDED"],
  unknown: ["SOMETHING_NEW", ""],
};

/** The row of a status. */
export function statusRow(status: string): string {
  return isPaymentStatus(status) ? status : "unknown";
}

/** The row of an answer to the last attempt: a refusal tells of no payment. */
export function answerRow(outcome: Outcome): string {
  const { kind } = outcome;
  const by = paymentOf(outcome) === null ? "by refusal" : "with payment";
  return kind === "declined" ? `declined ${by}` : kind;
}

/** When a fact happens, and of which charge. */
export function about({ chargeId }: Charge): { atMs: number; chargeId: string } {
  return { atMs: T0 + 4000, chargeId };
}

/** The fact that an attempt was answered. */
export function answered(charge: Charge, attempt: number, outcome: Outcome) {
  const figures = { httpStatus: null, latencyMs: 5, excerpt: null };
  const type = "attempt_answered" as const;
  return { type, ...about(charge), attempt, outcome, ...figures, nextLook: DUE, nextPoll: DUE };
}
