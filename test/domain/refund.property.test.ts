/**
 * The core of refunds alone, over random interleavings of intents, answers, reads and looks of one
 * payment under a few keys, with a Harmony that refunds whenever it likes. Pure.
 */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import type { Charge } from "../../src/domain/charge.ts";
import { type Draft, finish, openDraft } from "../../src/domain/draft.ts";
import { learnFromLook } from "../../src/domain/look.ts";
import type { PaymentRecord } from "../../src/domain/payment.ts";
import {
  isRefundFinal,
  isRefundUndecided,
  type Refund,
  type RefundOutcome,
  type RefundState,
} from "../../src/domain/refund.ts";
import {
  abandonRefund,
  admitRefund,
  answerRefund,
  intendRefund,
  lookUpRefund,
  refuseRefund,
} from "../../src/domain/refund-decide.ts";
import {
  learnFromRefundRead,
  resolveRefund,
  settleRefunds,
} from "../../src/domain/refund-doubt.ts";
import { learnFromPoll } from "../../src/domain/status.ts";
import {
  chargeOf,
  METHOD_ID,
  recordOf,
  reportOf,
  RULES as DEFAULTS,
  seenOf,
  T0,
} from "./builders.ts";

/** A horizon that random lives get past. */
const RULES = { ...DEFAULTS, horizonMs: 120_000 };
const FIGURES = { httpStatus: 201, latencyMs: 5, excerpt: null };
const ACTIONS = [
  "refund",
  "refund",
  "answer",
  "abandon",
  "read",
  "poll",
  "look",
  "move",
  "decide",
  "wait",
] as const;
const OUTCOMES = ["refunded", "refused", "not_sent", "lost", "lost_but_done"] as const;
const STATUSES = ["CONFIRMED", "CONFIRMED", "REFUNDED", "CANCELLED", "UNDER_REVIEW"];

interface Action {
  readonly type: (typeof ACTIONS)[number];
  readonly pick: number;
  readonly outcome: (typeof OUTCOMES)[number];
  readonly answered: boolean;
  readonly waitMs: number;
}

const actions: fc.Arbitrary<readonly Action[]> = fc.array(
  fc.record({
    type: fc.constantFrom(...ACTIONS),
    pick: fc.nat(20),
    outcome: fc.constantFrom(...OUTCOMES),
    answered: fc.boolean(),
    waitMs: fc.constantFrom(1000, 120_000, 240_000, 3_600_000, 40_000_000, -60_000),
  }),
  { maxLength: 40, size: "max" },
);

/** A method's stored state with one payment, ours or of others, and Harmony's truth beside it. */
class Method {
  nowMs = T0;
  nextSeq = 30;
  status = "CONFIRMED";
  wasRefunded = false;
  effectMinor: number;
  charges: Map<string, Charge>;
  payments: Map<string, PaymentRecord>;
  refunds = new Map<string, Refund>();
  readonly onStep: (before: Method["refunds"], draft: Draft) => void;

  constructor(isOurs: boolean, onStep: Method["onStep"]) {
    const chargeId = isOurs ? "charge-1" : null;
    const record = recordOf({ chargeId, listedSeq: 20 });
    const { id, status, amountMinor, currency } = record;
    const payment = { id, status, amountMinor, currency };
    const charge = chargeOf({
      state: "approved",
      payment,
      doubt: null,
      nextLook: null,
      attempts: chargeOf().attempts.map((one) => ({
        ...one,
        outcome: "approved" as const,
        explainedBy: id,
      })),
    });
    this.charges = new Map(isOurs ? [[charge.chargeId, charge]] : []);
    this.payments = new Map([[id, record]]);
    this.effectMinor = isOurs ? amountMinor : 0;
    this.onStep = onStep;
  }

  step(decide: (draft: Draft) => void): void {
    const { nowMs, nextSeq, charges, payments, refunds } = this;
    const draft = openDraft({
      nowMs,
      nextSeq,
      charges,
      payments,
      refunds,
      jitter: 0,
      rules: RULES,
      baselineSeq: 1,
      lookedAtMs: T0,
      lookedSeq: null,
      unreadable: null,
      attempts: [],
    });
    decide(draft);
    settleRefunds(draft);
    finish(draft);
    this.charges = new Map(draft.charges);
    this.payments = new Map(draft.payments);
    this.refunds = new Map(draft.refunds);
    this.nextSeq += draft.noted.length;
    this.effectMinor += draft.noted.reduce((sum, noted) => sum + noted.effectMinor, 0);
    this.onStep(refunds, draft);
  }

  get seen() {
    return seenOf({ status: this.status });
  }

  get inFlight(): Refund | undefined {
    return [...this.refunds.values()].find(({ state }) => state === "in_flight");
  }

  act(action: Action): void {
    const flying = this.inFlight;
    switch (action.type) {
      case "refund":
        this.refund(action);
        return;
      case "answer":
        if (flying !== undefined) {
          this.answer(flying, action);
        }
        return;
      case "abandon":
        if (flying !== undefined) {
          this.step((draft) => abandonRefund(draft, flying.refundId));
        }
        return;
      case "read": {
        const open = [...this.refunds.values()].filter(({ nextRead }) => nextRead !== null);
        const refund = open[action.pick % Math.max(1, open.length)];
        if (refund !== undefined) {
          this.read(refund.refundId, action.answered);
        }
        return;
      }
      case "poll":
        this.step((draft) => learnFromPoll(draft, this.report(action.answered)));
        return;
      case "look":
        this.step((draft) => {
          const seq = { beganSeq: this.nextSeq - 1, beganAtMs: this.nowMs, endedAtMs: this.nowMs };
          learnFromLook(draft, reportOf({ payments: [this.seen], ...seq }), "late", null);
        });
        return;
      case "move": {
        // What has gone back comes again where it is taken back, and seldom.
        const next = STATUSES[action.pick % 5] ?? "";
        const stays = this.status === "REFUNDED" && !(action.pick === 20 && next === "CONFIRMED");
        this.status = stays ? this.status : next;
        this.wasRefunded ||= this.status === "REFUNDED";
        return;
      }
      case "decide":
        this.decide(action);
        return;
      case "wait":
        this.nowMs += action.waitMs;
    }
  }

  report(answered: boolean) {
    return {
      askedFor: null,
      beganSeq: this.nextSeq - 1,
      paymentId: "payment-1",
      seen: answered ? this.seen : null,
      httpStatus: answered ? 200 : null,
      latencyMs: 5,
      failure: answered ? null : "timeout",
    };
  }

  read(refundId: string, answered: boolean): void {
    this.step((draft) => learnFromRefundRead(draft, refundId, this.report(answered)));
  }

  /** A person says what is so by Harmony, and insists where `answered` says so. */
  decide({ pick, answered: override }: Action): void {
    const refundId = `refund-${pick % 3}`;
    if (this.refunds.get(refundId)?.state === "in_doubt") {
      const seq = this.nextSeq;
      this.read(refundId, true);
      const decision = this.status === "REFUNDED" ? "refunded" : "not_refunded";
      const said = { decision, override, reason: "seen" } as const;
      this.step((draft) => resolveRefund(draft, refundId, said, { seen: this.seen, seq }));
    }
  }

  /** As the object does: key, freeze, the read where one is needed, and only then the intent. */
  refund({ pick, answered }: Action): void {
    const refundId = `refund-${pick % 3}`;
    const request = { paymentId: "payment-1", reason: null };
    const identity = {
      refundId,
      paymentMethodId: METHOD_ID,
      caller: "main",
      idempotencyKey: `key-${pick % 3}`,
      request,
    };
    for (let readAs: string | null = null; ; readAs = this.status) {
      const refund = this.refunds.get(refundId) ?? null;
      const found = lookUpRefund(refund, request, this.nowMs).type;
      if (found !== "unknown" && found !== "refundable") {
        return;
      }
      const others = [...this.refunds.values()].filter((other) => other.refundId !== refundId);
      const record = this.payments.get("payment-1") ?? null;
      const admission = admitRefund(refund, others, record, readAs, this.nowMs);
      switch (admission.type) {
        case "frozen":
        case "in_doubt":
          return;
        case "submit":
          this.step((draft) => void intendRefund(draft, identity, admission.payment));
          return;
        case "refuse":
          this.step((draft) => refuseRefund(draft, identity, admission.payment));
          return;
        case "read":
          if (refund === null) {
            this.step((draft) => learnFromPoll(draft, this.report(answered)));
          } else {
            this.read(refundId, answered);
          }
          if (!answered) {
            return;
          }
      }
    }
  }

  answer(refund: Refund, { outcome: kind, answered }: Action): void {
    const { refundId, attempts } = refund;
    const can = this.status === "CONFIRMED";
    const done = (kind === "refunded" || kind === "lost_but_done") && can;
    this.status = done ? "REFUNDED" : this.status;
    this.wasRefunded ||= done;
    const { id, amountMinor, currency, status } = this.seen;
    const payment = { id, amountMinor, currency, status };
    const outcome: RefundOutcome =
      kind === "refunded" && done
        ? { kind, payment }
        : kind === "refused" || kind === "refunded"
          ? { kind: "refused", payment, upstream: "no" }
          : kind === "not_sent"
            ? { kind, reason: "upstream_unavailable", retryAfterSeconds: null }
            : { kind: "indeterminate", reason: "timeout" };
    const reading = outcome.kind === "refused" || answered ? this.report(true) : null;
    this.step((draft) =>
      answerRefund(draft, refundId, attempts.at(-1)?.attempt ?? 0, outcome, FIGURES, reading),
    );
  }
}

/** Lives that once broke a promise: a second attempt is refused after a day of the first one's doubt. */
const LIVES: [isOurs: boolean, list: readonly Action[]][] = [
  [
    false,
    [
      actionOf("refund"),
      actionOf("abandon"),
      actionOf("wait", { waitMs: 3_600_000 }),
      actionOf("refund", { answered: true }),
      actionOf("wait", { waitMs: 86_400_000 }),
      actionOf("answer", { outcome: "refused" }),
    ],
  ],
];

function actionOf(type: Action["type"], more: Partial<Action> = {}): Action {
  return { type, pick: 0, outcome: "refunded", answered: false, waitMs: 1000, ...more };
}

/** Runs a promise after every step of many lives; a failure prints the seed that repeats it. */
function always(promise: (method: Method, before: Method["refunds"], draft: Draft) => void): void {
  fc.assert(
    fc.property(fc.boolean(), actions, (isOurs, list) => {
      const method: Method = new Method(isOurs, (before, draft) => promise(method, before, draft));
      for (const action of list) {
        method.act(action);
      }
    }),
    { numRuns: 2000, examples: LIVES },
  );
}

const ALLOWED: Readonly<Record<RefundState, readonly RefundState[]>> = {
  in_flight: ["in_flight", "refunded", "refused", "in_doubt", "not_refunded"],
  in_doubt: ["in_doubt", "in_flight", "refunded", "not_refunded"],
  not_refunded: ["not_refunded", "in_flight", "refused"],
  refunded: ["refunded"],
  refused: ["refused"],
};

describe("the life of a payment's refunds", () => {
  it("follows the table of states, and a final one is final", ({ expect }) => {
    always((method, before) => {
      for (const is of method.refunds.values()) {
        const was = before.get(is.refundId);
        if (was !== undefined) {
          expect(ALLOWED[was.state], `${was.state} -> ${is.state}`).toContain(is.state);
        }
      }
    });
  });

  it("tells a key that it refunded only where the money has gone back", ({ expect }) => {
    always((method) => {
      const done = [...method.refunds.values()].filter(({ state }) => state === "refunded");
      expect(done.length === 0 || method.wasRefunded).toBe(true);
    });
  });

  it("tells a key so that was not answered so only on a statement of REFUNDED", ({ expect }) => {
    always((_method, before, draft) => {
      for (const { fact, seq } of draft.noted) {
        if (fact.type === "refund_resolved" && fact.as === "refunded" && fact.by === "read") {
          const told = draft.noted.find((one) => one.seq === fact.evidence[0])?.fact;
          const attempt = before.get(fact.refundId)?.attempts.at(-1);
          expect(told?.type === "polled" || told?.type === "looked", `${seq}`).toBe(true);
          expect(fact.payment.status).toBe("REFUNDED");
          expect(attempt?.intentSeq).toBeLessThan(fact.evidence[0] ?? 0);
        }
      }
    });
  });

  it("calls an older one not refunded once a newer one is answered, or a person says so", ({
    expect,
  }) => {
    always((_method, _before, draft) => {
      const isAnswered = draft.noted.some(
        ({ fact }) => fact.type === "refund_answered" && fact.outcome.kind === "refunded",
      );
      for (const { fact } of draft.noted) {
        if (fact.type === "refund_resolved" && fact.as === "not_refunded") {
          expect(fact.by === "rule" ? isAnswered : fact.decision !== null).toBe(true);
        }
      }
      if (isAnswered) {
        expect([...draft.refunds.values()].filter(isRefundUndecided)).toEqual([]);
      }
    });
  });

  it("keeps the bytes of a bound reply", ({ expect }) => {
    always((method, before) => {
      for (const is of method.refunds.values()) {
        const was = before.get(is.refundId)?.boundReply ?? null;
        expect(was === null || was === is.boundReply).toBe(true);
        expect(is.boundReply !== null).toBe(isRefundFinal(is.state));
      }
    });
  });

  it("intends nothing while a refund of the payment may be under way", ({ expect }) => {
    always((method, before, draft) => {
      if (draft.noted.some(({ fact }) => fact.type === "refund_intended")) {
        for (const { state, attempts } of before.values()) {
          expect(state).not.toBe("in_flight");
          const ended = attempts.findLast(({ outcome }) => outcome === "indeterminate");
          const isOver = method.nowMs - (ended?.answeredAtMs ?? 0) >= RULES.horizonMs;
          expect(state !== "in_doubt" || isOver).toBe(true);
        }
      }
    });
  });

  it("ends every doubt about a payment by a read of REFUNDED, if none is in flight", ({
    expect,
  }) => {
    always((method, _before, draft) => {
      const isRead = draft.noted.some(
        ({ fact }) => fact.type === "polled" && fact.seen?.status === "REFUNDED",
      );
      if (isRead && method.inFlight === undefined) {
        expect([...method.refunds.values()].filter(isRefundUndecided)).toEqual([]);
      }
    });
  });

  it("makes known exactly the confirmed money of payments of ours, and none of others'", ({
    expect,
  }) => {
    always((method, _before, draft) => {
      let confirmed = 0;
      for (const { chargeId, status, amountMinor } of method.payments.values()) {
        confirmed += chargeId !== null && status === "CONFIRMED" ? amountMinor : 0;
      }
      expect(method.effectMinor).toBe(confirmed);
      for (const { effectMinor, fact } of draft.noted) {
        const books = fact.type === "refund_answered" || fact.type === "status_changed";
        expect(effectMinor === 0 || books || fact.type === "late_truth_found").toBe(true);
      }
    });
  });

  it("gives every refund in doubt its next read", ({ expect }) => {
    always((method) => {
      for (const { state, nextRead } of method.refunds.values()) {
        expect(state !== "in_doubt" || nextRead !== null).toBe(true);
      }
    });
  });

  it("asks a person about every refund that was in doubt for a day when it was read", ({
    expect,
  }) => {
    always((method, _before, draft) => {
      for (const { fact, refund } of draft.noted) {
        const now = refund === null ? undefined : method.refunds.get(refund.refundId);
        if (fact.type === "polled" && now?.state === "in_doubt") {
          const isLong = method.nowMs - (now.doubt?.sinceMs ?? 0) >= 86_400_000;
          expect(now.escalated || !isLong).toBe(true);
        }
      }
    });
  });

  it("leaves its charge's state and answer as they were", ({ expect }) => {
    always((method) => {
      for (const charge of method.charges.values()) {
        expect(charge.state).toBe("approved");
      }
    });
  });
});
