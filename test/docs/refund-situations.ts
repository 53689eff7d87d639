/**
 * The states of a refund as values: refunds in each of them, in their variants, and the answers to
 * their callers, which the tables of docs/states.md are checked with. Owns no expectation.
 */
import type { Charge } from "../../src/domain/charge.ts";
import type { Refund, RefundState } from "../../src/domain/refund.ts";
import { lookUpRefund } from "../../src/domain/refund-decide.ts";
import { bindRefundReply, replyAboutRefund } from "../../src/domain/refund-reply.ts";
import { chargeOf, refundAttemptOf, refundOf, T0 } from "../domain/builders.ts";
import { moneyOf } from "../../src/domain/known.ts";
import { examplesOf, paid, SITUATIONS } from "./charge-situations.ts";

const SETTLED = { doubt: null, nextRead: null, resolvedAtMs: T0 + 3000 };

function bound(change: Partial<Refund>): Refund {
  const refund = refundOf({ ...SETTLED, ...change });
  return { ...refund, boundReply: bindRefundReply(refund) };
}

/** A time at which an attempt may still be under way, and one at which none can be. */
const TIMES = [T0, T0 + 2 * 900_000];

const NOT_SENT = refundAttemptOf({ outcome: "not_sent" });

const EXAMPLES: Readonly<Record<RefundState, readonly Refund[]>> = {
  in_flight: [[], [refundAttemptOf()], [NOT_SENT]].map((earlier) => {
    const open = { outcome: null, answeredAtMs: null, answeredSeq: null };
    const last = refundAttemptOf({ ...open, attempt: earlier.length + 1 });
    const attempts = [...earlier, last];
    return refundOf({ ...SETTLED, state: "in_flight", resolvedAtMs: null, attempts });
  }),
  in_doubt: [
    refundOf(),
    refundOf({ escalated: true }),
    refundOf({ doubt: { sinceMs: T0 - 86_400_000, looks: 9 } }),
    refundOf({ attempts: [NOT_SENT, refundAttemptOf({ attempt: 2 })] }),
  ],
  refunded: [
    bound({ state: "refunded", resolvedBy: "reply", payment: paid("REFUNDED") }),
    bound({ state: "refunded", resolvedBy: "read", payment: paid("REFUNDED") }),
    bound({ state: "refunded", resolvedBy: "operator", payment: paid("REFUNDED") }),
  ],
  refused: ["CONFIRMED", "PENDING", "CANCELLED", "REFUNDED", "SOMETHING_NEW"].flatMap((status) => [
    bound({ state: "refused", resolvedBy: "read", payment: paid(status), attempts: [] }),
    bound({ state: "refused", resolvedBy: "reply", payment: paid(status) }),
  ]),
  not_refunded: [
    refundOf({ ...SETTLED, state: "not_refunded", resolvedBy: "rule" }),
    refundOf({ ...SETTLED, state: "not_refunded", resolvedBy: "operator" }),
    refundOf({ ...SETTLED, state: "not_refunded", resolvedBy: "reply", attempts: [NOT_SENT] }),
  ],
};

export function refundsIn(state: RefundState): readonly Refund[] {
  return EXAMPLES[state];
}

/** What a request about a refund is answered: the status, a problem's code, whether it is kept. */
export function answerIn(state: RefundState): string {
  const answers = EXAMPLES[state].map((refund) => {
    const { payment } = refund;
    const refunds = [refund];
    const money = moneyOf({ charge: null, payment, refunds });
    const around = { payment, owner: null, refunds, money, nowMs: T0 };
    const { status, body } = replyAboutRefund(refund, around, true);
    const { code } = JSON.parse(body) as { code?: string };
    const kept = refund.boundReply === null ? [] : ["bound"];
    return [status, ...(code === undefined ? [] : [code]), ...kept].join(" ");
  });
  return [...new Set(answers)].join(" or ");
}

/** What the key of a refund means to a further request with it. */
export function keyIn(state: RefundState): string {
  const found = EXAMPLES[state].flatMap((refund) =>
    TIMES.map((nowMs) => lookUpRefund(refund, refund.request, nowMs).type),
  );
  return [...new Set(found)].join(" or ");
}

/** The charges whose own payment is of a status. */
function ownersOf(status: string): Charge[] {
  return SITUATIONS.flatMap((situation) => [...examplesOf(situation)]).filter(
    ({ payment }) => payment?.status === status,
  );
}

/**
 * What is told of a refund's money, and what its caller may do next, while its payment is of a
 * status: a payment of a charge's, or one that no charge counts as its own.
 */
export function toldIn(state: RefundState, status: string, ofCharge: boolean): string {
  const payment = paid(status);
  // One that made the payment as a duplicate does not speak for it.
  const others = [null, chargeOf({ payment: paid("CONFIRMED", "payment-2") })];
  const owners = ofCharge ? ownersOf(status) : others;
  const told = EXAMPLES[state].flatMap((refund) =>
    owners.map((owner) => {
      const refunds = [refund];
      const money = moneyOf({ charge: owner, payment, refunds });
      const around = { payment, owner, refunds, money, nowMs: T0 };
      const { retry } = replyAboutRefund(refund, around, true);
      return `${money} ${retry ?? ""}`;
    }),
  );
  return [...new Set(told)].sort().join(" or ");
}
