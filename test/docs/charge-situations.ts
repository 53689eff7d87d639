/**
 * The situations of docs/states.md as values: charges in each of them, in their variants, which the
 * tables are checked with. Owns no expectation.
 */
import type { Charge } from "../../src/domain/charge.ts";
import type { Payment } from "../../src/domain/outcome.ts";
import { bindReply } from "../../src/domain/reply.ts";
import { attemptOf, chargeOf, T0 } from "../domain/builders.ts";

/** What a charge is, as far as its caller is told something else: a state, two of them divided. */
export const SITUATIONS = [
  "in_flight",
  "in_doubt",
  "pending",
  "approved",
  "reversed",
  "declined",
  "declined+dup",
  "not_charged",
] as const;

export type Situation = (typeof SITUATIONS)[number];

export function situationOf(charge: Charge): Situation {
  if (charge.state === "approved") {
    return charge.payment?.status === "CONFIRMED" ? "approved" : "reversed";
  }
  if (charge.state === "declined") {
    return charge.duplicates.length > 0 ? "declined+dup" : "declined";
  }
  return charge.state;
}

/** A payment that fits `chargeOf()`. */
export function paid(status: string, id = "payment-1"): Payment {
  return { id, status, amountMinor: 5000, currency: "MXN" };
}

/** Planned work, where a charge has some. */
export const DUE = { atMs: T0 + 9000, gapMs: 3000 };

const NO_DOUBT = { doubt: null, nextLook: null, resolvedAtMs: T0 + 3000 };

function settled(state: Charge["state"], change: Partial<Charge>): Charge {
  const charge = chargeOf({ ...NO_DOUBT, state, resolvedBy: "look", ...change });
  return { ...charge, boundReply: bindReply(charge, null) };
}

const DUPLICATE = ["payment-2"];

const ONCE_TRIED: Readonly<Record<Situation, readonly Charge[]>> = {
  in_flight: [
    chargeOf({
      ...NO_DOUBT,
      state: "in_flight",
      resolvedAtMs: null,
      attempts: [attemptOf({ outcome: null, answeredAtMs: null, answeredSeq: null })],
    }),
  ],
  in_doubt: [
    chargeOf(),
    chargeOf({ escalated: true }),
    chargeOf({ attempts: [attemptOf({ namedPaymentId: "payment-1" })], nextPoll: DUE }),
  ],
  pending: ["PENDING", "NOT_INITIALIZED", "SOMETHING_NEW"].flatMap((status) => [
    settled("pending", { payment: paid(status), nextPoll: DUE }),
    settled("pending", { payment: paid(status), nextPoll: DUE, duplicates: DUPLICATE }),
  ]),
  approved: [
    settled("approved", { payment: paid("CONFIRMED") }),
    settled("approved", { payment: paid("CONFIRMED"), duplicates: DUPLICATE }),
  ],
  reversed: ["REFUNDED", "CANCELLED"].flatMap((status) => [
    settled("approved", { payment: paid(status) }),
    settled("approved", { payment: paid(status), duplicates: DUPLICATE }),
  ]),
  declined: [
    settled("declined", { payment: paid("CANCELLED") }),
    settled("declined", { payment: null, resolvedBy: "reply" }),
  ],
  "declined+dup": [
    settled("declined", { payment: paid("CANCELLED"), duplicates: DUPLICATE }),
    settled("declined", { payment: paid("CANCELLED"), duplicates: DUPLICATE, nextPoll: DUE }),
  ],
  not_charged: [
    settled("not_charged", { resolvedBy: "rule", nextLook: DUE }),
    settled("not_charged", { resolvedBy: "reply" }),
  ],
};

/** Charges of a situation: tried once, and tried a second time after an attempt nothing explains. */
export function examplesOf(situation: Situation): readonly Charge[] {
  return ONCE_TRIED[situation].flatMap((charge) => [
    charge,
    {
      ...charge,
      attempts: [attemptOf(), ...charge.attempts.map((one) => ({ ...one, attempt: 2 }))],
    },
  ]);
}
