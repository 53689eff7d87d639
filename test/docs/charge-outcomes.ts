/** Owns the outcomes of an attempt as values: all kinds of them, and one at random. Expects nothing. */
import type { Outcome, Payment } from "../../src/domain/outcome.ts";
import type { Chance } from "../simulation/chance.ts";
import { paid } from "./charge-situations.ts";

export const OUTCOMES: readonly Outcome[] = [
  { kind: "approved", payment: paid("CONFIRMED") },
  { kind: "pending", payment: paid("PENDING") },
  { kind: "pending", payment: paid("NOT_INITIALIZED") },
  { kind: "declined", payment: paid("CANCELLED"), upstream: null },
  { kind: "declined", payment: null, upstream: "no funds" },
  {
    kind: "not_sent",
    reason: "upstream_unavailable",
    paymentMethodStatus: null,
    retryAfterSeconds: null,
  },
  { kind: "indeterminate", reason: "timeout", namedPaymentId: null },
  { kind: "indeterminate", reason: "status_500", namedPaymentId: "payment-1" },
  { kind: "contradictory", reason: "differs", namedPaymentId: "payment-1", knownBefore: false },
  { kind: "contradictory", reason: "known", namedPaymentId: "payment-0", knownBefore: true },
];

/** An outcome as `classify` could give it: a payment that is another charge's contradicts. */
export function anyOutcome(chance: Chance, payment: Payment, isKnown: boolean): Outcome {
  const named = { reason: "named", namedPaymentId: payment.id };
  if (isKnown) {
    return { kind: "contradictory", ...named, knownBefore: true };
  }
  const status = chance.pick(["CONFIRMED", "PENDING", "NOT_INITIALIZED", "CANCELLED"]);
  const notSent = { paymentMethodStatus: null, retryAfterSeconds: null };
  return chance.pick<Outcome>([
    { kind: "approved", payment: { ...payment, status: "CONFIRMED" } },
    {
      kind: "pending",
      payment: { ...payment, status: status === "PENDING" ? status : "NOT_INITIALIZED" },
    },
    { kind: "declined", payment: { ...payment, status: "CANCELLED" }, upstream: null },
    { kind: "declined", payment: null, upstream: "no" },
    { kind: "not_sent", reason: "upstream_unavailable", ...notSent },
    { kind: "indeterminate", reason: "timeout", namedPaymentId: null },
    { kind: "indeterminate", ...named },
    { kind: "contradictory", ...named, knownBefore: false },
  ]);
}
