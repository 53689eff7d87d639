/**
 * The events of a refund as values: facts of every kind and variant, what `evolveRefund` does with
 * them, and what news of its payment does to a refund. Owns no expectation.
 */
import type { Fact } from "../../src/domain/facts.ts";
import type { Payment } from "../../src/domain/outcome.ts";
import {
  lastRefundAttempt,
  type Refund,
  type RefundOutcome,
  type RefundState,
} from "../../src/domain/refund.ts";
import { evolveRefund } from "../../src/domain/refund-evolve.ts";
import { identityOf, learnFromRefundRead, settleRefunds } from "../../src/domain/refund-doubt.ts";
import { learnFromPoll } from "../../src/domain/status.ts";
import { chargeOf, draftOf, recordOf, T0 } from "../domain/builders.ts";
import { DUE, paid } from "./charge-situations.ts";
import { refundsIn } from "./refund-situations.ts";

/** The types of the facts that may carry a refund's id. */
type NamesRefund<F extends Fact> = F extends Fact
  ? "refundId" extends keyof F
    ? F["type"]
    : never
  : never;

type RefundFactType = NamesRefund<Fact> | Extract<Fact["type"], `refund_${string}`>;
type RefundFact<T extends RefundFactType> = Extract<Fact, { readonly type: T }>;
type Make<T extends RefundFactType> = (refund: Refund) => readonly RefundFact<T>[];

function about({ refundId }: Refund): { atMs: number; refundId: string; chargeId: string } {
  return { atMs: T0 + 4000, refundId, chargeId: "charge-1" };
}

function answers(
  outcome: RefundOutcome,
  becomes: RefundFact<"refund_answered">["becomes"],
): Make<"refund_answered"> {
  return (refund) => [
    {
      type: "refund_answered",
      ...about(refund),
      attempt: lastRefundAttempt(refund)?.attempt ?? 1,
      outcome,
      becomes,
      payment: "payment" in outcome ? outcome.payment : null,
      httpStatus: 200,
      latencyMs: 7,
      excerpt: null,
      nextRead: becomes === "in_doubt" ? DUE : null,
    },
  ];
}

function refused(status: string): RefundOutcome {
  return { kind: "refused", payment: paid(status), upstream: "no" };
}

function resolves(
  as: RefundFact<"refund_resolved">["as"],
  by: RefundFact<"refund_resolved">["by"],
): Make<"refund_resolved"> {
  return (refund) => [
    {
      type: "refund_resolved",
      ...about(refund),
      identity: identityOf(refund),
      attempt: lastRefundAttempt(refund)?.attempt ?? null,
      as,
      by,
      payment: paid(as === "refunded" ? "REFUNDED" : "CONFIRMED"),
      evidence: [20],
      decision: by === "operator" ? { override: false, reason: "seen" } : null,
    },
  ];
}

function polls(isCounted: boolean): Make<"polled"> {
  return (refund) =>
    [paid("CONFIRMED"), null].map((seen) => ({
      type: "polled",
      ...about(refund),
      watch: isCounted ? { doubt: { sinceMs: T0, looks: 9 }, nextRead: DUE } : null,
      paymentId: "payment-1",
      seen,
      beganSeq: 29,
      httpStatus: 200,
      latencyMs: 5,
      failure: null,
      nextPoll: null,
    }));
}

const NOT_SENT: RefundOutcome = {
  kind: "not_sent",
  reason: "upstream_unavailable",
  retryAfterSeconds: null,
};
const LOST: RefundOutcome = { kind: "indeterminate", reason: "timeout" };
const DONE: RefundOutcome = { kind: "refunded", payment: paid("REFUNDED") };

/** Every fact that may be about a refund: a new one without an entry here does not compile. */
const EVENTS: { readonly [T in RefundFactType]: Readonly<Record<string, Make<T>>> } = {
  refund_intended: {
    "": (refund) => {
      const attempt = { attempt: refund.attempts.length + 1, horizonMs: 900_000 };
      const identity = identityOf(refund);
      const payment = paid("CONFIRMED");
      return [{ type: "refund_intended", ...about(refund), identity, attempt, payment }];
    },
  },
  refund_answered: {
    refunded: answers(DONE, "refunded"),
    "refused as refused": answers(refused("CONFIRMED"), "refused"),
    "refused as in_doubt": answers(refused("REFUNDED"), "in_doubt"),
    not_sent: answers(NOT_SENT, "not_refunded"),
    "not_sent as in_doubt": answers(NOT_SENT, "in_doubt"),
    indeterminate: answers(LOST, "in_doubt"),
  },
  refund_resolved: {
    "refunded by read": resolves("refunded", "read"),
    "refunded by rule": resolves("refunded", "rule"),
    "refunded by operator": resolves("refunded", "operator"),
    "refused by read": resolves("refused", "read"),
    "refused by rule": resolves("refused", "rule"),
    "refused by operator": resolves("refused", "operator"),
    "not_refunded by read": resolves("not_refunded", "read"),
    "not_refunded by rule": resolves("not_refunded", "rule"),
    "not_refunded by operator": resolves("not_refunded", "operator"),
  },
  refund_escalated: {
    "": (refund) => [
      {
        type: "refund_escalated",
        ...about(refund),
        attempt: 1,
        reason: "in_doubt_for_a_day",
      },
    ],
  },
  polled: { counted: polls(true), "not counted": polls(false) },
  replayed: { "": (refund) => [{ type: "replayed", ...about(refund), count: 2 }] },
  key_mismatched: {
    "": (refund) => [
      { type: "key_mismatched", ...about(refund), differing: ["paymentId"], amountMinor: null },
    ],
  },
};

const MAKERS: ReadonlyMap<string, (refund: Refund) => readonly Fact[]> = new Map(
  Object.entries(EVENTS).flatMap(([type, kinds]) =>
    Object.entries(kinds).map(([kind, make]): [string, (refund: Refund) => readonly Fact[]] => [
      named(type, kind),
      make,
    ]),
  ),
);

/** The events' names: rows of the document. */
export const REFUND_EVENT_NAMES: readonly string[] = [...MAKERS.keys()];

function named(type: string, kind: string): string {
  return kind === "" ? type : `${type} ${kind}`;
}

/** Facts of an event about a refund, in all their variants. */
export function refundFactsOf(event: string, refund: Refund): readonly Fact[] {
  const make = MAKERS.get(event);
  if (make === undefined) {
    throw new Error(`No event is called ${event}`);
  }
  return make(refund);
}

/** What each outcome but a refusal is taken to mean. */
const MEANINGS: Readonly<Record<string, RefundState>> = {
  refunded: "refunded",
  not_sent: "not_refunded",
  indeterminate: "in_doubt",
};

/** The row that a fact about a refund belongs to. */
export function refundEventOf(fact: Fact): string {
  if (fact.type === "refund_answered") {
    const { kind } = fact.outcome;
    return named(fact.type, MEANINGS[kind] === fact.becomes ? kind : `${kind} as ${fact.becomes}`);
  }
  if (fact.type === "refund_resolved") {
    return named(fact.type, `${fact.as} by ${fact.by}`);
  }
  if (fact.type === "polled") {
    return named(fact.type, fact.watch == null ? "not counted" : "counted");
  }
  return fact.type;
}

/** What `evolveRefund` does with an event in a state, as a cell of the table says it. */
export function refundMoveOf(event: string, state: RefundState | "no refund"): string {
  const isBorn = state === "no refund";
  const moves = refundsIn(isBorn ? "not_refunded" : state).flatMap((refund) =>
    refundFactsOf(event, refund).map((fact) => after(isBorn ? null : refund, fact)),
  );
  return cellOf(moves);
}

function after(refund: Refund | null, fact: Fact): string {
  try {
    return moved(refund, evolveRefund(refund, fact, 99));
  } catch {
    return "error";
  }
}

function moved(before: Refund | null, now: Refund): string {
  const isSame = JSON.stringify(before) === JSON.stringify(now);
  return isSame ? "–" : before?.state === now.state ? "=" : now.state;
}

function cellOf(all: readonly string[]): string {
  const moves = new Set(all);
  if (moves.has("=")) {
    // Some variant of it changes nothing at all: that, too, keeps the state.
    moves.delete("–");
  }
  return [...moves].sort().join(" or ");
}

/** What may be seen of a refund's payment; null: it could not be read. */
const SEEN: Readonly<Record<string, Payment | null>> = {
  REFUNDED: paid("REFUNDED"),
  CONFIRMED: paid("CONFIRMED"),
  "CONFIRMED of another amount": { ...paid("CONFIRMED"), amountMinor: 4999 },
  CANCELLED: paid("CANCELLED"),
  PENDING: paid("PENDING"),
  NOT_INITIALIZED: paid("NOT_INITIALIZED"),
  unknown: paid("SOMETHING_NEW"),
  failed: null,
};

export const NEWS_NAMES: readonly string[] = Object.keys(SEEN).flatMap((seen) => [
  `read ${seen}`,
  `seen ${seen}`,
]);

/** What a step makes of a refund that is told its payment: by its own read, or by somebody's. */
export function newsIn(news: string, state: RefundState): string {
  const [kind = "", ...rest] = news.split(" ");
  const seen = SEEN[rest.join(" ")] ?? null;
  const owner = chargeOf({ state: "approved", payment: paid("CONFIRMED"), nextLook: null });
  const moves = refundsIn(state).flatMap((refund) =>
    [owner, null].map((charge) => {
      const draft = draftOf({
        refunds: [refund],
        charges: charge === null ? [] : [charge],
        payments: [recordOf({ chargeId: charge?.chargeId ?? null })],
        nowMs: T0 + 121_000,
      });
      const read = { askedFor: null, beganSeq: 29, paymentId: "payment-1", seen };
      const report = { ...read, httpStatus: 200, latencyMs: 5, failure: null };
      if (kind === "read") {
        learnFromRefundRead(draft, refund.refundId, report);
      } else {
        learnFromPoll(draft, report);
      }
      // As every step of the object ends.
      settleRefunds(draft);
      return moved(refund, draft.refunds.get(refund.refundId) ?? refund);
    }),
  );
  return cellOf(moves);
}
