/**
 * The situations of docs/states.md as values: charges in each of them, in their variants, which the
 * tables are checked with. Owns no expectation.
 */
import { type Charge, hasPayment } from "../../src/domain/charge.ts";
import type { Payment } from "../../src/domain/outcome.ts";
import { bindReply } from "../../src/domain/reply.ts";
import { attemptOf, chargeOf, T0 } from "../domain/builders.ts";

/** What a charge is, as far as its caller is told something else: a state, three of them divided. */
export const SITUATIONS = [
  "in_flight",
  "in_doubt",
  "pending",
  "approved",
  "reversed",
  "reversed+contested",
  "declined",
  "declined+dup",
  "declined+contested",
  "not_charged",
  "not_charged+contested",
] as const;

export type Situation = (typeof SITUATIONS)[number];

export function situationOf(charge: Charge): Situation {
  const isContested = charge.contested.length > 0 && !hasPayment(charge);
  if (charge.state === "approved") {
    const isReversed = charge.payment?.status !== "CONFIRMED";
    return isContested ? "reversed+contested" : isReversed ? "reversed" : "approved";
  }
  if (charge.state === "declined") {
    const hasDuplicate = charge.duplicates.length > 0;
    return isContested ? "declined+contested" : hasDuplicate ? "declined+dup" : "declined";
  }
  return charge.state === "not_charged" && isContested ? "not_charged+contested" : charge.state;
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
/**
 * A payment that is contested, where one is; no event is about it but `contest_ended`, and the
 * decision of a person about a charge that has a payment of its own.
 */
export const CONTESTED_ID = "payment-4";
const CONTESTED = [CONTESTED_ID];
/** It, and a second one. */
const TWO_CONTESTED = [CONTESTED_ID, "payment-5"];

const ONCE_TRIED: Readonly<Record<Situation, readonly Charge[]>> = {
  // No attempt leaves while anything is contested, and nothing comes to be in flight.
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
    chargeOf({ escalated: true, contested: CONTESTED }),
    chargeOf({ attempts: [attemptOf({ namedPaymentId: "payment-1" })], nextPoll: DUE }),
  ],
  pending: ["PENDING", "NOT_INITIALIZED", "SOMETHING_NEW"].flatMap((status) => [
    settled("pending", { payment: paid(status), nextPoll: DUE }),
    settled("pending", { payment: paid(status), nextPoll: DUE, duplicates: DUPLICATE }),
    settled("pending", { payment: paid(status), nextPoll: DUE, contested: CONTESTED }),
  ]),
  approved: [
    settled("approved", { payment: paid("CONFIRMED") }),
    settled("approved", { payment: paid("CONFIRMED"), duplicates: DUPLICATE }),
    settled("approved", { payment: paid("CONFIRMED"), contested: CONTESTED }),
  ],
  reversed: [
    ...["REFUNDED", "CANCELLED"].flatMap((status) => [
      settled("approved", { payment: paid(status) }),
      settled("approved", { payment: paid(status), duplicates: DUPLICATE }),
    ]),
    settled("approved", { payment: paid("REFUNDED"), contested: CONTESTED }),
  ],
  "reversed+contested": [
    settled("approved", { payment: paid("CANCELLED"), contested: CONTESTED }),
    settled("approved", {
      payment: paid("CANCELLED"),
      contested: TWO_CONTESTED,
      duplicates: DUPLICATE,
    }),
  ],
  declined: [
    settled("declined", { payment: paid("CANCELLED") }),
    settled("declined", { payment: null, resolvedBy: "reply" }),
  ],
  "declined+dup": [
    settled("declined", { payment: paid("CANCELLED"), duplicates: DUPLICATE }),
    settled("declined", { payment: paid("CANCELLED"), duplicates: DUPLICATE, nextPoll: DUE }),
  ],
  "declined+contested": [
    settled("declined", { payment: paid("CANCELLED"), contested: CONTESTED }),
    settled("declined", {
      payment: paid("CANCELLED"),
      contested: CONTESTED,
      duplicates: DUPLICATE,
    }),
    settled("declined", { payment: null, resolvedBy: "reply", contested: TWO_CONTESTED }),
  ],
  not_charged: [
    settled("not_charged", { resolvedBy: "rule", nextLook: DUE }),
    settled("not_charged", { resolvedBy: "reply" }),
  ],
  "not_charged+contested": [
    settled("not_charged", { resolvedBy: "rule", nextLook: DUE, contested: CONTESTED }),
    settled("not_charged", { resolvedBy: "reply", contested: TWO_CONTESTED }),
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
