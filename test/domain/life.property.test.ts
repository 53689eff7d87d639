/**
 * The core alone, over random interleavings of intents, answers, looks and polls of one method,
 * with a history that any of them may show: what must hold of its facts after every step. Pure.
 */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { type Charge, type ChargeState, isFinal, moneyOf } from "../../src/domain/charge.ts";
import { abandon, admit, answer, intend, lookUp } from "../../src/domain/decide.ts";
import { type Draft, finish, openDraft } from "../../src/domain/draft.ts";
import type { LookPurpose, SeenPayment } from "../../src/domain/facts.ts";
import { fittingPayments, learnFromLook } from "../../src/domain/find.ts";
import type { PaymentRecord } from "../../src/domain/match.ts";
import type { Outcome } from "../../src/domain/outcome.ts";
import { learnFromPoll } from "../../src/domain/status.ts";
import { METHOD_ID, reportOf, RULES as DEFAULTS, T0 } from "./builders.ts";

/** A horizon that two looks reach, so that random lives get past it. */
const RULES = { ...DEFAULTS, reconcileMs: [0, 120_000], horizonMs: 120_000 };
const FIGURES = { httpStatus: 201, latencyMs: 5, excerpt: null };
const ACTIONS = ["charge", "answer", "abandon", "look", "poll", "make", "move", "wait"] as const;
const STATUSES = ["PENDING", "CONFIRMED", "CANCELLED", "REFUNDED", "UNDER_REVIEW"];
const OUTCOMES = [
  "approved",
  "pending",
  "cancelled",
  "refused",
  "not_sent",
  "unknown",
  "named",
  "known",
  "differs",
] as const;

interface Action {
  readonly type: (typeof ACTIONS)[number];
  /** Chooses a key, a payment, a status, whatever the action needs. */
  readonly pick: number;
  readonly outcome: (typeof OUTCOMES)[number];
  readonly complete: boolean;
  readonly waitMs: number;
}

const actions: fc.Arbitrary<readonly Action[]> = fc.array(
  fc.record({
    type: fc.constantFrom(...ACTIONS),
    pick: fc.nat(20),
    outcome: fc.constantFrom(...OUTCOMES),
    complete: fc.boolean(),
    waitMs: fc.constantFrom(1000, 120_000, 240_000, 3_600_000, -60_000),
  }),
  { maxLength: 50, size: "max" },
);

/** A method's stored state, and Harmony's history beside it. */
class Method {
  nowMs = T0;
  nextSeq = 2;
  charges = new Map<string, Charge>();
  payments = new Map<string, PaymentRecord>();
  readonly history: SeenPayment[] = [];
  effectMinor = 0;
  readonly onStep: (before: Method["charges"], draft: Draft) => void;

  constructor(onStep: (before: Method["charges"], draft: Draft) => void) {
    this.onStep = onStep;
  }

  step(decide: (draft: Draft) => void): void {
    const draft = openDraft({
      nowMs: this.nowMs,
      jitter: 0,
      rules: RULES,
      nextSeq: this.nextSeq,
      baselineSeq: 1,
      charges: this.charges,
      payments: this.payments,
      refunds: new Map(),
    });
    decide(draft);
    finish(draft);
    const before = this.charges;
    this.charges = new Map(draft.charges);
    this.payments = new Map(draft.payments);
    this.nextSeq += draft.noted.length;
    this.effectMinor += draft.noted.reduce((sum, noted) => sum + noted.effectMinor, 0);
    this.onStep(before, draft);
  }

  get inFlight(): Charge | null {
    return [...this.charges.values()].find(({ state }) => state === "in_flight") ?? null;
  }

  get inDoubt(): Charge | null {
    return [...this.charges.values()].find(({ state }) => state === "in_doubt") ?? null;
  }

  act(action: Action): void {
    switch (action.type) {
      case "charge":
        this.charge(action);
        return;
      case "answer":
        this.answer(action);
        return;
      case "abandon":
        this.step((draft) => {
          const charge = this.inFlight;
          if (charge !== null) {
            abandon(draft, charge.chargeId);
          }
        });
        return;
      case "look": {
        const charge = this.inDoubt;
        const late = [...this.charges.values()].find(({ nextLook }) => nextLook !== null);
        const purpose = charge === null ? "late" : "doubt";
        this.look(purpose, (charge ?? late)?.chargeId ?? null, action.complete);
        return;
      }
      case "poll": {
        const seen = this.history[action.pick % Math.max(1, this.history.length)];
        if (seen !== undefined) {
          this.step((draft) =>
            learnFromPoll(draft, {
              askedFor: null,
              beganSeq: Number.MAX_SAFE_INTEGER,
              paymentId: seen.id,
              seen: action.complete ? seen : null,
              httpStatus: 200,
              latencyMs: 5,
              failure: null,
            }),
          );
        }
        return;
      }
      case "make":
        this.make(STATUSES[action.pick % 3] ?? "PENDING", null);
        return;
      case "move": {
        const index = action.pick % Math.max(1, this.history.length);
        const seen = this.history[index];
        if (seen !== undefined) {
          this.history[index] = { ...seen, status: STATUSES[action.pick % 5] ?? "PENDING" };
        }
        return;
      }
      case "wait":
        this.nowMs += action.waitMs;
    }
  }

  make(status: string, tag: string | null, amountMinor = 5000): SeenPayment {
    const id = `payment-${this.history.length}`;
    const seen = { id, status, amountMinor, currency: "MXN", tag, createdAtMs: null };
    this.history.push(seen);
    return seen;
  }

  look(purpose: LookPurpose, chargeId: string | null, complete: boolean): void {
    const report = reportOf({
      beganAtMs: this.nowMs,
      endedAtMs: this.nowMs,
      beganSeq: this.nextSeq - 1,
      complete,
      payments: [...this.history],
    });
    this.step((draft) => learnFromLook(draft, report, purpose, chargeId));
  }

  /** As the object does: key, freeze, the look where one is needed, and only then the intent. */
  charge({ pick, complete }: Action): void {
    const key = `key-${pick % 3}`;
    const chargeId = `charge-${pick % 3}`;
    const request = { amountMinor: 5000, currency: "MXN", description: null, reference: null };
    const identity = {
      chargeId,
      paymentMethodId: METHOD_ID,
      caller: "main",
      idempotencyKey: key,
      request,
    };
    const method = { baseline: true, foreignSeen: false, foreignWriters: false };
    let fresh = false;
    for (;;) {
      const charge = this.charges.get(chargeId) ?? null;
      const found = lookUp(charge, request).type;
      if (found !== "unknown" && found !== "chargeable") {
        return;
      }
      const admission = admit(this.charges.values(), charge, method, fresh);
      if (admission.type === "frozen") {
        return;
      }
      if (admission.type === "submit") {
        this.step(
          (draft) => void intend(draft, identity, pick > 10 ? `tag-${this.nextSeq}` : null),
        );
        return;
      }
      this.look("before_attempt", chargeId, complete);
      const after = this.charges.get(chargeId);
      const speaks = after !== undefined && fittingPayments(this.draft(), after).length > 0;
      if (!complete || (speaks && after.state === "not_charged")) {
        return;
      }
      fresh = true;
    }
  }

  draft(): Draft {
    const { nowMs, nextSeq, charges, payments } = this;
    const rest = { jitter: 0, rules: RULES, baselineSeq: 1, refunds: new Map() };
    return openDraft({ nowMs, nextSeq, charges, payments, ...rest });
  }

  answer({ outcome: kind, complete }: Action): void {
    const charge = this.inFlight;
    if (charge !== null) {
      const { attempt, tag } = charge.attempts.at(-1) ?? { attempt: 0, tag: null };
      const outcome = this.outcome(kind, complete ? tag : null);
      this.step((draft) => answer(draft, charge.chargeId, attempt, outcome, FIGURES));
    }
  }

  outcome(kind: Action["outcome"], tag: string | null): Outcome {
    const paid = (status: string, amountMinor = 5000) => {
      const { id, currency } = this.make(status, tag, amountMinor);
      return { id, status, amountMinor, currency };
    };
    switch (kind) {
      case "approved":
        return { kind, payment: paid("CONFIRMED") };
      case "pending":
        return { kind, payment: paid("PENDING") };
      case "cancelled":
        return { kind: "declined", payment: paid("CANCELLED"), upstream: null };
      case "refused":
        return { kind: "declined", payment: null, upstream: "no" };
      case "not_sent": {
        const rest = { paymentMethodStatus: null, retryAfterSeconds: null };
        return { kind, reason: "upstream_unavailable", ...rest };
      }
      case "unknown":
        return { kind: "indeterminate", reason: "timeout", namedPaymentId: null };
      case "named": {
        const namedPaymentId = paid("CONFIRMED").id;
        return { kind: "indeterminate", reason: "status_500_names_a_payment", namedPaymentId };
      }
      case "differs": {
        const namedPaymentId = paid("CONFIRMED", 5100).id;
        const rest = { reason: "payment_differs", knownBefore: false };
        return { kind: "contradictory", namedPaymentId, ...rest };
      }
      case "known": {
        const rest = { reason: "known_payment", knownBefore: true };
        return { kind: "contradictory", namedPaymentId: "payment-0", ...rest };
      }
    }
  }
}

/** Runs a promise after every step of many lives; a failure prints the seed that repeats it. */
function always(promise: (method: Method, before: Method["charges"], draft: Draft) => void): void {
  fc.assert(
    fc.property(actions, (list) => {
      const method = new Method((before, draft) => promise(method, before, draft));
      for (const action of list) {
        method.act(action);
      }
    }),
    { numRuns: 2000 },
  );
}

/** Each charge as it was before a step and is after it. */
function* moves(method: Method, before: Method["charges"]): Generator<{ was: Charge; is: Charge }> {
  for (const is of method.charges.values()) {
    const was = before.get(is.chargeId);
    if (was !== undefined && was !== is) {
      yield { was, is };
    }
  }
}

const ALLOWED: Readonly<Record<ChargeState, readonly ChargeState[]>> = {
  in_flight: ["in_flight", "approved", "declined", "pending", "in_doubt", "not_charged"],
  in_doubt: ["in_doubt", "approved", "declined", "pending", "not_charged"],
  pending: ["pending", "approved", "declined"],
  not_charged: ["not_charged", "in_flight", "approved", "declined", "pending"],
  approved: ["approved"],
  declined: ["declined", "approved", "pending"],
};

describe("the life of a method's facts", () => {
  it("follows the table of states, and never goes back into doubt", ({ expect }) => {
    always((method, before) => {
      for (const { was, is } of moves(method, before)) {
        expect(ALLOWED[was.state], `${was.state} -> ${is.state}`).toContain(is.state);
      }
    });
  });

  it("moves a final state only by an explicit late truth", ({ expect }) => {
    always((method, before, draft) => {
      for (const { was, is } of moves(method, before)) {
        if ((was.state === "approved" || was.state === "declined") && was.state !== is.state) {
          const late = draft.noted.some(
            ({ fact }) => fact.type === "late_truth_found" && fact.chargeId === is.chargeId,
          );
          expect(late).toBe(true);
        }
      }
    });
  });

  it("never changes the bytes of a bound reply", ({ expect }) => {
    always((method, before) => {
      for (const { was, is } of moves(method, before)) {
        if (was.boundReply !== null) {
          expect(is.boundReply).toEqual(was.boundReply);
        }
        expect(is.boundReply !== null || !isFinal(is.state)).toBe(true);
      }
    });
  });

  it("tells no caller that nothing was charged while a payment of the charge is confirmed", ({
    expect,
  }) => {
    always((method) => {
      for (const charge of method.charges.values()) {
        // A duplicate is told beside the charge, by its id.
        if (charge.duplicates.length > 0) {
          continue;
        }
        const confirmed = [...method.payments.values()].some(
          ({ chargeId, status }) => chargeId === charge.chargeId && status === "CONFIRMED",
        );
        if (confirmed) {
          expect(moneyOf(charge)).not.toBe("not_charged");
        }
      }
    });
  });

  it("makes known exactly the confirmed money of its attributed payments", ({ expect }) => {
    always((method) => {
      let confirmed = 0;
      for (const { chargeId, status, amountMinor } of method.payments.values()) {
        confirmed += chargeId !== null && status === "CONFIRMED" ? amountMinor : 0;
      }
      expect(method.effectMinor).toBe(confirmed);
    });
  });

  it("intends nothing while anything is in doubt or in flight", ({ expect }) => {
    always((_method, before, draft) => {
      if (draft.noted.some(({ fact }) => fact.type === "attempt_intended")) {
        for (const { state } of before.values()) {
          expect(["in_doubt", "in_flight"]).not.toContain(state);
        }
      }
    });
  });

  it("attributes a payment to one charge and one attempt, for ever", ({ expect }) => {
    always((method, _before, draft) => {
      for (const [id, record] of draft.view.payments) {
        if (record.chargeId !== null) {
          expect(method.payments.get(id)?.chargeId).toBe(record.chargeId);
        }
      }
      const explained = [...method.charges.values()].flatMap(({ attempts }) =>
        attempts.flatMap(({ explainedBy }) => explainedBy ?? []),
      );
      expect(new Set(explained).size).toBe(explained.length);
    });
  });

  it("gives every charge in doubt its next look", ({ expect }) => {
    always((method) => {
      for (const { state, nextLook } of method.charges.values()) {
        if (state === "in_doubt") {
          expect(nextLook).not.toBeNull();
        }
      }
    });
  });

  it("notes freeze and thaw exactly where the first doubt came and the last one went", ({
    expect,
  }) => {
    always((method, before, draft) => {
      const frozen = (all: Method["charges"]) =>
        [...all.values()].some(({ state }) => state === "in_doubt");
      const noted = draft.noted.map(({ fact }) => fact.type);
      const [was, is] = [frozen(before), frozen(method.charges)];
      expect(noted.includes("method_frozen")).toBe(!was && is);
      expect(noted.includes("method_unfrozen")).toBe(was && !is);
    });
  });
});
