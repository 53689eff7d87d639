/**
 * Owns the one answer to what is known of the money of a charge or of a payment, and to what its caller
 * may do next: by its payment, its refunds and the last that Harmony said of it. Must not decide
 * anything. Pure.
 */
import { type Charge, hasPayment, stateOf, unreachable } from "./charge.ts";
import { isPaymentStatus, type Money, type Payment, type Retry } from "./outcome.ts";
import { isContradicted, type PaymentRecord } from "./payment.ts";
import { isRefundUndecided, isVouched, type Refund } from "./refund.ts";

/** All that says what became of somebody's money. */
export interface Evidence {
  /** The charge whose payment it is; null for a payment of others. */
  readonly charge: Charge | null;
  /** The charge's own payment, or the one that is asked about; null where there is none. */
  readonly payment: (Payment & Partial<PaymentRecord>) | null;
  /** Every refund of that payment. */
  readonly refunds: readonly Refund[];
}

/** What is known of the money now (contract.md, A charge). Never more than all the evidence says. */
export function moneyOf({ charge, payment, refunds }: Evidence): Money {
  if (payment !== null && (isContradicted(payment) || refunds.some(isRefundUndecided))) {
    return "unknown";
  }
  if (refunds.some(isVouched)) {
    return "refunded";
  }
  if (payment !== null && isTakenBack(refunds, payment)) {
    return "unknown";
  }
  if (charge !== null && (payment === null || payment.id === charge.payment?.id)) {
    return moneyOfCharge(charge);
  }
  return payment === null ? "unknown" : moneyOfPayment(payment);
}

/** Whether one was made, and its payment says otherwise now: of others no contradiction is kept. */
function isTakenBack(
  refunds: readonly Refund[],
  { status, judged }: Partial<PaymentRecord>,
): boolean {
  return (
    status !== "REFUNDED" && judged == null && refunds.some(({ state }) => state === "refunded")
  );
}

/** What is known of a payment's money, by its status alone. */
export function moneyOfPayment(payment: Payment): Money {
  if (payment.status === "REFUNDED") {
    return "refunded";
  }
  if (!isPaymentStatus(payment.status)) {
    return "unknown";
  }
  const state = stateOf(payment);
  return state === "approved" ? "charged" : state === "declined" ? "not_charged" : "pending";
}

function moneyOfCharge(charge: Charge): Money {
  const { payment, contested } = charge;
  const isMissing = payment !== null && contested.includes(payment.id);
  if (contested.length > 0 && (isMissing || !hasPayment(charge))) {
    // A payment may be its, or its own is found no more: nobody may conclude anything.
    return "unknown";
  }
  switch (charge.state) {
    case "approved":
      // Where a person has said of a confirmed payment that it was reversed, it has gone back as well.
      return payment?.status === "CONFIRMED" ? "charged" : "refunded";
    case "declined":
      // Another attempt of it turned out to have made a payment: nobody may conclude "not charged".
      return charge.duplicates.length > 0 ? "unknown" : "not_charged";
    case "not_charged":
      return "not_charged";
    case "pending":
      return "pending";
    case "in_flight":
    case "in_doubt":
      return "unknown";
    default:
      return unreachable(charge.state);
  }
}

/** What the caller may do next (contract.md, Errors). */
export function retryOf({ state }: Charge, money: Money): Retry {
  switch (state) {
    case "approved":
      return money === "unknown" ? "same_key" : "never";
    case "declined":
      return money === "not_charged" ? "new_key" : "never";
    case "not_charged":
    case "pending":
    case "in_flight":
    case "in_doubt":
      return "same_key";
    default:
      return unreachable(state);
  }
}
