/**
 * The situations of docs/states.md as values: charges in each of them, in their variants, which the
 * tables are checked with. Owns no expectation.
 */
import { type Charge, hasPayment, isRefusalOpen, lastAttempt } from "../../src/domain/charge.ts";
import type { Payment } from "../../src/domain/outcome.ts";
import { bindReply } from "../../src/domain/reply.ts";
import { attemptOf, chargeOf, T0 } from "../domain/builders.ts";

/** What a charge is, as far as its caller is told something else, or a refusal of it is open. */
export const SITUATIONS = [
  "in_flight",
  "in_doubt",
  "in_doubt+refused",
  "pending",
  "pending+missing",
  "approved",
  "approved+missing",
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
  const { state, payment, contested } = charge;
  const isMissing = payment !== null && contested.includes(payment.id);
  const isContested = contested.length > 0 && (isMissing || !hasPayment(charge));
  switch (state) {
    case "in_doubt":
      return isRefusalOpen(charge) ? "in_doubt+refused" : "in_doubt";
    case "pending":
      return isContested ? "pending+missing" : "pending";
    case "approved":
      if (payment?.status === "CONFIRMED") {
        return isContested ? "approved+missing" : "approved";
      }
      return isContested ? "reversed+contested" : "reversed";
    case "declined": {
      const hasDuplicate = charge.duplicates.length > 0;
      return isContested ? "declined+contested" : hasDuplicate ? "declined+dup" : "declined";
    }
    case "not_charged":
      return isContested ? "not_charged+contested" : "not_charged";
    case "in_flight":
      return "in_flight";
  }
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
  return { ...charge, boundReply: bindReply(charge, lastAttempt(charge).refusal) };
}

const DUPLICATE = ["payment-2"];
/** A payment that is contested, where one is; no event is about it but `contest_ended`. */
export const CONTESTED_ID = "payment-4";
const CONTESTED = [CONTESTED_ID];
/** It, and a second one. */
const TWO_CONTESTED = [CONTESTED_ID, "payment-5"];

/** Its own payment, which is found no more. */
const OWN_MISSING = ["payment-1"];
const OWN_AND_ANOTHER = ["payment-1", CONTESTED_ID];
/** Harmony's no, in an error that names no payment, or something that may be one, or leaves one. */
const REFUSED = attemptOf({
  outcome: "declined",
  httpStatus: 402,
  nameIs: null,
  noAtMs: T0 + 1000,
  refusal: "no funds",
});
const NAMED_IN_REFUSAL = { namedPaymentId: "payment-1", nameIs: "guess" } as const;
const LEFT_CANCELLED = { ...REFUSED, explainedBy: "payment-1" };

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
    chargeOf({
      attempts: [attemptOf({ namedPaymentId: "payment-1", nameIs: "told" })],
      nextPoll: DUE,
    }),
  ],
  "in_doubt+refused": [
    chargeOf({ attempts: [REFUSED] }),
    chargeOf({ attempts: [{ ...REFUSED, ...NAMED_IN_REFUSAL }] }),
    chargeOf({ attempts: [REFUSED], escalated: true, contested: CONTESTED }),
    chargeOf({ attempts: [LEFT_CANCELLED], payment: paid("CANCELLED"), nextPoll: DUE }),
  ],
  pending: ["PENDING", "NOT_INITIALIZED", "SOMETHING_NEW"].flatMap((status) => [
    settled("pending", { payment: paid(status), nextPoll: DUE }),
    settled("pending", { payment: paid(status), nextPoll: DUE, duplicates: DUPLICATE }),
    settled("pending", { payment: paid(status), nextPoll: DUE, contested: CONTESTED }),
  ]),
  "pending+missing": ["PENDING", "NOT_INITIALIZED", "SOMETHING_NEW"].flatMap((status) => [
    settled("pending", { payment: paid(status), contested: OWN_MISSING }),
    settled("pending", { payment: paid(status), contested: OWN_AND_ANOTHER }),
  ]),
  approved: [
    settled("approved", { payment: paid("CONFIRMED") }),
    settled("approved", { payment: paid("CONFIRMED"), duplicates: DUPLICATE }),
    settled("approved", { payment: paid("CONFIRMED"), contested: CONTESTED }),
  ],
  "approved+missing": [
    settled("approved", { payment: paid("CONFIRMED"), contested: OWN_MISSING }),
    settled("approved", { payment: paid("CONFIRMED"), contested: OWN_AND_ANOTHER }),
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
    settled("declined", { payment: null, resolvedBy: "reply", attempts: [REFUSED] }),
    settled("declined", {
      payment: paid("CANCELLED"),
      resolvedBy: "reply",
      attempts: [LEFT_CANCELLED],
      nextPoll: DUE,
    }),
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
    settled("declined", {
      payment: null,
      resolvedBy: "reply",
      attempts: [REFUSED],
      contested: TWO_CONTESTED,
    }),
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

/** Nothing explains it, and an error that answered it named something. */
const EARLIER = attemptOf({ namedPaymentId: "payment-9", nameIs: "told" });

/** Charges of a situation: tried once, and tried a second time after an attempt nothing explains. */
export function examplesOf(situation: Situation): readonly Charge[] {
  return ONCE_TRIED[situation].flatMap((charge) => [
    charge,
    {
      ...charge,
      attempts: [EARLIER, ...charge.attempts.map((one) => ({ ...one, attempt: 2 }))],
    },
  ]);
}
