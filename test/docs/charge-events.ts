/**
 * The events of docs/states.md as values: facts of every kind and variant, which the tables are
 * checked with, and what `evolve` does with them. Owns no expectation.
 */
import { type Charge, hasPayment, lastAttempt } from "../../src/domain/charge.ts";
import { evolve, paymentOf } from "../../src/domain/evolve.ts";
import type { Fact, LookPurpose } from "../../src/domain/facts.ts";
import type { Outcome, Payment } from "../../src/domain/outcome.ts";
import { foreclosed } from "../../src/domain/resolve.ts";
import { newDoubt } from "../../src/domain/schedule.ts";
import { METHOD_ID, recordOf, reportOf, T0 } from "../domain/builders.ts";
import { recordCommand } from "../support/method-commands.ts";
import { about, answered, answerRow, OUTCOMES, STATUS_ROWS, statusRow } from "./charge-outcomes.ts";
import {
  CONTESTED_ID,
  DUE,
  examplesOf,
  paid,
  type Situation,
  situationOf,
} from "./charge-situations.ts";

type Make<T extends Fact["type"]> = (charge: Charge) => readonly (Fact & { readonly type: T })[];

/** What a fact of a type may be: rows by what follows the type in their name. */
type Kinds<T extends Fact["type"]> = Readonly<Record<string, Make<T>>>;

function answers(
  kind: Outcome["kind"],
  isMeant: (outcome: Outcome) => boolean = () => true,
): Make<"attempt_answered"> {
  return (charge) =>
    OUTCOMES.filter((one) => one.kind === kind && isMeant(one)).map((outcome) =>
      answered(charge, lastAttempt(charge).attempt, outcome),
    );
}

function look(purpose: LookPurpose): Make<"looked"> {
  return (charge) =>
    [true, false].map((complete) => ({
      type: "looked",
      ...about(charge),
      attempt: 1,
      purpose,
      report: reportOf({ complete }),
      newIds: [],
      doubt: purpose === "doubt" ? { ...newDoubt(T0), looks: 1 } : null,
      nextLook: { atMs: T0 + 20_000, gapMs: 1000 },
    }));
}

/** One row for each status. */
function byStatus<T extends Fact["type"]>(
  suffix: string,
  make: (charge: Charge, status: string) => (Fact & { readonly type: T }) | null,
): Kinds<T> {
  return Object.fromEntries(
    Object.entries(STATUS_ROWS).map(([row, statuses]): [string, Make<T>] => [
      `${row}${suffix}`,
      (charge) => statuses.map((status) => make(charge, status)).filter((fact) => fact !== null),
    ]),
  );
}

const ON_METHOD = { atMs: T0, chargeId: null, httpStatus: 200, latencyMs: 5 };

/** Every fact there is: a new one without an entry here does not compile. */
const EVENTS: {
  // A refund's own facts are of the refund's table.
  readonly [T in Exclude<Fact["type"], `refund_${string}`>]: Kinds<T>;
} = {
  attempt_intended: {
    "": (charge) => {
      const { chargeId, caller, idempotencyKey, request } = charge;
      const identity = { chargeId, paymentMethodId: METHOD_ID, caller, idempotencyKey, request };
      const attempt = { attempt: 3, tag: "cccccccc", horizonMs: 900_000 };
      return [{ type: "attempt_intended", ...about(charge), identity, attempt }];
    },
  },
  attempt_answered: {
    approved: answers("approved"),
    pending: answers("pending"),
    "declined with payment": answers("declined", (outcome) => paymentOf(outcome) !== null),
    "declined by refusal": answers("declined", (outcome) => paymentOf(outcome) === null),
    not_sent: answers("not_sent"),
    indeterminate: answers("indeterminate"),
    contradictory: answers("contradictory"),
    "of an earlier attempt": (charge) =>
      OUTCOMES.map((one) => answered(charge, lastAttempt(charge).attempt - 1, one)),
  },
  looked: {
    baseline: look("baseline"),
    before_attempt: look("before_attempt"),
    doubt: look("doubt"),
    late: look("late"),
    read: look("read"),
    operator: look("operator"),
    reconciliation: look("reconciliation"),
  },
  polled: {
    "": (charge) =>
      [paid("CONFIRMED"), null].map((seen) => ({
        type: "polled",
        ...about(charge),
        paymentId: "payment-1",
        seen,
        beganSeq: 90,
        httpStatus: 200,
        latencyMs: 5,
        failure: null,
        nextPoll: null,
      })),
  },
  payment_adopted: byStatus("", (charge, status) => ({
    type: "payment_adopted",
    ...about(charge),
    attempt: lastAttempt(charge).attempt,
    payment: paid(status),
    by: "single",
    evidenceSeq: 40,
    nextLook: null,
    nextPoll: null,
  })),
  status_changed: {
    ...byStatus("", (charge, status) => {
      const { payment } = charge;
      return payment === null ? null : changed(charge, { ...payment, status });
    }),
    "of another payment": (charge) =>
      Object.values(STATUS_ROWS)
        .flat()
        .map((status) => changed(charge, paid(status, "payment-2"))),
  },
  not_charged_by_rule: {
    // The rule calls no charge not charged while something is contested.
    "": (charge) =>
      charge.contested.length > 0
        ? []
        : [
            {
              type: "not_charged_by_rule",
              ...about(charge),
              attempt: 1,
              doubt: newDoubt(T0),
              horizonMs: 900_000,
              nextLook: DUE,
            },
          ],
  },
  operator_resolved: {
    ...byStatus(" as charged", (charge, status) => {
      // Of its own payment that is in question, a person says that it holds the money; beside one, that
      // another is its, too.
      const { payment, contested } = charge;
      const own = inQuestion(charge);
      const isOwn = status === "CONFIRMED" && own !== null;
      if (charge.state === "pending" && !isOwn && contested.length === 0) {
        return null;
      }
      const id = isOwn ? own.id : payment === null ? "payment-1" : "payment-7";
      const said = { decision: "charged", paymentId: id, reason: "" } as const;
      return foreclosed(charge, said) === null ? decided(charge, paid(status, id)) : null;
    }),
    "as not charged": (charge) => {
      const said = { decision: "not_charged", override: true, reason: "" } as const;
      return foreclosed(charge, said) === null ? [decided(charge, null)] : [];
    },
  },
  charge_escalated: {
    "": (charge) => [
      {
        type: "charge_escalated",
        ...about(charge),
        attempt: 1,
        reason: "several_payments_fit",
        candidates: [],
        nextLook: { atMs: T0 + 3_600_000, gapMs: 3_600_000 },
      },
    ],
  },
  late_truth_found: {
    ...byStatus(" as payment", (charge, status) => ({
      ...lateTruth(charge, paid(status)),
      as: "payment",
    })),
    "as duplicate": (charge) =>
      Object.values(STATUS_ROWS)
        .flat()
        .map((status) => ({
          ...lateTruth(charge, paid(status, "payment-3")),
          as: "duplicate",
        })),
    "as cancelled": (charge) => [
      { ...lateTruth(charge, paid("CANCELLED", "payment-3")), as: "cancelled" },
    ],
  },
  refusal_checked: {
    "": (charge) =>
      [true, false].map((complete) => ({
        type: "refusal_checked",
        ...about(charge),
        attempt: lastAttempt(charge).attempt,
        complete,
        nextLook: complete ? null : DUE,
      })),
  },
  name_dropped: {
    "": (charge) =>
      charge.attempts
        .flatMap(({ namedPaymentId }) => namedPaymentId ?? [])
        .map((paymentId) => ({ type: "name_dropped", ...about(charge), paymentId })),
  },
  payment_contested: {
    // A further payment, or its own, which is found no more.
    "": (charge) =>
      ["payment-6", ...(charge.payment !== null && hasPayment(charge) ? [charge.payment.id] : [])]
        .filter((id) => !charge.contested.includes(id))
        .map((id) => ({
          type: "payment_contested",
          ...about(charge),
          payment: recordOf({ id }),
          reason: "charges_compete",
        })),
  },
  contest_ended: {
    "": (charge) =>
      (charge.contested.length === 0 ? [CONTESTED_ID] : charge.contested).map((id) => ({
        type: "contest_ended",
        ...about(charge),
        payment: recordOf({ id }),
        isOpen: false,
      })),
  },
  contradiction_found: {
    "": (charge) => [
      { type: "contradiction_found", ...about(charge), payment: recordOf(), said: "PENDING" },
    ],
  },
  payment_unattributed: {
    "": () => [
      {
        type: "payment_unattributed",
        atMs: T0,
        chargeId: null,
        payment: recordOf(),
        decisionSeq: null,
      },
    ],
  },
  replayed: { "": (charge) => [{ type: "replayed", ...about(charge), count: 2 }] },
  key_mismatched: {
    "": (charge) => [
      { type: "key_mismatched", ...about(charge), differing: ["amount"], amountMinor: 1 },
    ],
  },
  method_frozen: { "": (charge) => [{ type: "method_frozen", ...about(charge) }] },
  method_unfrozen: { "": (charge) => [{ type: "method_unfrozen", ...about(charge) }] },
  method_created: {
    "": () => [
      { type: "method_created", ...ON_METHOD, paymentMethodId: METHOD_ID, externalId: null },
    ],
  },
  method_create_failed: {
    "": () => {
      const failed = { outcome: "refused", failure: "status_400", externalId: null } as const;
      return [{ type: "method_create_failed", ...ON_METHOD, ...failed }];
    },
  },
  method_revoked: { "": () => [{ type: "method_revoked", ...ON_METHOD, by: "reply", tries: 1 }] },
  method_revoke_failed: {
    "": () => {
      const failed = { outcome: "refused", failure: "status_400", methodStatus: null } as const;
      return [{ type: "method_revoke_failed", ...ON_METHOD, ...failed, tries: 1 }];
    },
  },
  method_resumed: {
    "": () => [
      { type: "method_resumed", atMs: T0, chargeId: null, reason: "mended", halted: "fork" },
    ],
  },
  reconciliation_recorded: {
    "": () => {
      const { summary } = recordCommand("run");
      const fact = { atMs: T0, chargeId: null, outcome: "equal", summary } as const;
      return [{ type: "reconciliation_recorded", ...fact }];
    },
  },
  history_unreadable: {
    "": () => [
      { ...ON_METHOD, type: "history_unreadable", sinceMs: T0, why: "status_500", httpStatus: 500 },
    ],
  },
  history_readable: {
    "": () => [{ type: "history_readable", atMs: T0, chargeId: null, sinceMs: T0 }],
  },
  delivery_refused: {
    "": () => [{ type: "delivery_refused", atMs: T0, chargeId: null, reason: "fork" }],
  },
};

function changed(charge: Charge, payment: Payment) {
  const nextPoll = { atMs: T0 + 30_000, gapMs: 1000 };
  return { type: "status_changed" as const, ...about(charge), payment, from: "PENDING", nextPoll };
}

/** Its own payment, where a person may say what has become of that: contested, or pending and lost. */
function inQuestion({ payment, contested, state }: Charge): Payment | null {
  const isOpen = payment !== null && (contested.includes(payment.id) || state === "pending");
  return isOpen ? payment : null;
}

function decided(charge: Charge, payment: Payment | null) {
  const own = inQuestion(charge);
  const lost = own === null ? [] : [own.id];
  const resolution =
    payment === null
      ? ({ decision: "not_charged", override: true, foreign: [], own: lost } as const)
      : ({ decision: "charged", payment } as const);
  const said = { reason: "said so", evidence: [7], resolution, nextLook: DUE, nextPoll: null };
  const attempt = lastAttempt(charge).attempt;
  return { type: "operator_resolved" as const, ...about(charge), attempt, ...said };
}

function lateTruth(charge: Charge, payment: Payment) {
  const attempt = lastAttempt(charge).attempt;
  const type = "late_truth_found" as const;
  const found = { by: "look" as const, beside: null, nextPoll: null };
  return { type, ...about(charge), attempt, payment, ...found };
}

const MAKERS: ReadonlyMap<string, (charge: Charge) => readonly Fact[]> = new Map(
  Object.entries(EVENTS).flatMap(([type, kinds]) =>
    Object.entries(kinds).map(([kind, make]): [string, (charge: Charge) => readonly Fact[]] => [
      named(type, kind),
      make,
    ]),
  ),
);

/** The events' names: rows of the document. */
export const EVENT_NAMES: readonly string[] = [...MAKERS.keys()];

function named(type: string, kind: string): string {
  return kind === "" ? type : `${type} ${kind}`;
}

/** Facts of an event about a charge, in all their variants. */
export function factsOf(event: string, charge: Charge): readonly Fact[] {
  const make = MAKERS.get(event);
  if (make === undefined) {
    throw new Error(`No event is called ${event}`);
  }
  return make(charge);
}

/** The row that a fact belongs to, for a charge as it was before it. */
export function eventOf(fact: Fact, before: Charge | null): string {
  if (fact.type === "attempt_answered") {
    const isLast = before !== null && lastAttempt(before).attempt === fact.attempt;
    return named(fact.type, isLast ? answerRow(fact.outcome) : "of an earlier attempt");
  }
  if (fact.type === "looked") {
    return named(fact.type, fact.purpose);
  }
  if (fact.type === "payment_adopted") {
    return named(fact.type, statusRow(fact.payment.status));
  }
  if (fact.type === "operator_resolved") {
    const { resolution } = fact;
    const isCharged = resolution.decision === "charged";
    const kind = isCharged
      ? `${statusRow(resolution.payment.status)} as charged`
      : "as not charged";
    return named(fact.type, kind);
  }
  if (fact.type === "status_changed") {
    const isOwn = before?.payment?.id === fact.payment.id;
    return named(fact.type, isOwn ? statusRow(fact.payment.status) : "of another payment");
  }
  if (fact.type === "late_truth_found") {
    const isPayment = fact.as === "payment";
    const kind = isPayment ? `${statusRow(fact.payment.status)} as payment` : `as ${fact.as}`;
    return named(fact.type, kind);
  }
  return fact.type;
}

/** What `evolve` does with an event in a situation, as a cell of the table says it. */
export function moveOf(event: string, situation: Situation | "no charge"): string {
  if (situation === "no charge") {
    const facts = examplesOf("pending").flatMap((charge) => factsOf(event, charge));
    return [...new Set(facts.map(bornOf))].join(" or ");
  }
  const moves = new Set<string>();
  for (const charge of examplesOf(situation)) {
    for (const fact of factsOf(event, charge)) {
      const next = evolve(charge, fact, 99);
      const is = situationOf(next);
      const isSame = JSON.stringify(next) === JSON.stringify(charge);
      moves.add(isSame ? "–" : is === situation ? "=" : is);
    }
  }
  if (moves.has("=")) {
    // Some variant of the event changes nothing at all: that, too, keeps the situation.
    moves.delete("–");
  }
  return [...moves].join(" or ");
}

function bornOf(fact: Fact): string {
  try {
    return situationOf(evolve(null, fact, 99));
  } catch {
    return "error";
  }
}
