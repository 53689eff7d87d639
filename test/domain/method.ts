/**
 * The life of one method in the core alone: random intents, answers, looks, pages and reads over a
 * history that any of them may show. Owns no expectation.
 */
import * as fc from "fast-check";
import { attemptRecords, type Charge } from "../../src/domain/charge.ts";
import { endContests } from "../../src/domain/contest.ts";
import { abandon, admit, answer, intend, isQuestioned, lookUp } from "../../src/domain/decide.ts";
import { type Draft, finish, openDraft } from "../../src/domain/draft.ts";
import type { LookPurpose, SeenPayment } from "../../src/domain/facts.ts";
import { learnFromLook, paymentsAgainst } from "../../src/domain/look.ts";
import type { Outcome } from "../../src/domain/outcome.ts";
import { learnFromPage } from "../../src/domain/page.ts";
import type { PaymentRecord } from "../../src/domain/payment.ts";
import { learnFromPoll } from "../../src/domain/status.ts";
import { METHOD_ID, reportOf, RULES as DEFAULTS, T0 } from "./builders.ts";

/** A horizon that two looks reach, so that random lives get past it. */
const RULES = { ...DEFAULTS, reconcileMs: [0, 120_000], horizonMs: 120_000 };
const FIGURES = { httpStatus: 201, latencyMs: 5, excerpt: null };
const ACTIONS = [
  "charge",
  "answer",
  "abandon",
  "look",
  "look",
  "page",
  "poll",
  "gone",
  "slow",
  "make",
  "move",
  "wait",
] as const;
const STATUSES = ["PENDING", "CONFIRMED", "CANCELLED", "REFUNDED", "UNDER_REVIEW"];
const OUTCOMES = [
  "approved",
  "pending",
  "cancelled",
  "refused",
  "refused_yet_paid",
  "guessed",
  "cancelled_yet_refused",
  "misnamed",
  "not_sent",
  "not_sent_yet_named",
  "unknown",
  "named",
  "known",
  "differs",
] as const;

export interface Action {
  readonly type: (typeof ACTIONS)[number];
  /** Chooses a key, a payment, a status, whatever the action needs. */
  readonly pick: number;
  readonly outcome: (typeof OUTCOMES)[number];
  readonly complete: boolean;
  readonly waitMs: number;
}

export const actions: fc.Arbitrary<readonly Action[]> = fc.array(
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
export class Method {
  nowMs = T0;
  nextSeq = 2;
  charges = new Map<string, Charge>();
  payments = new Map<string, PaymentRecord>();
  lookedAtMs: number | null = T0;
  lookedSeq: number | null = null;
  readonly history: SeenPayment[] = [];
  /** A read that has begun and has not come back: what it saw, and when it began. */
  slow: { seen: SeenPayment; beganSeq: number } | null = null;
  effectMinor = 0;
  readonly onStep: (before: Method["charges"], draft: Draft) => void;

  constructor(onStep: (before: Method["charges"], draft: Draft) => void) {
    this.onStep = onStep;
  }

  step(decide: (draft: Draft) => void): void {
    const draft = this.draft();
    decide(draft);
    endContests(draft);
    finish(draft);
    const before = this.charges;
    this.charges = new Map(draft.charges);
    this.payments = new Map(draft.payments);
    this.nextSeq += draft.noted.length;
    this.lookedAtMs = draft.lookedAtMs;
    this.lookedSeq = draft.lookedSeq;
    this.effectMinor += draft.noted.reduce((sum, noted) => sum + noted.effectMinor, 0);
    this.onStep(before, draft);
  }

  get inFlight(): Charge | null {
    return [...this.charges.values()].find(({ state }) => state === "in_flight") ?? null;
  }

  get inDoubt(): Charge | null {
    return [...this.charges.values()].find(({ state }) => state === "in_doubt") ?? null;
  }

  get fresh() {
    const { nowMs, lookedSeq } = this;
    return { nowMs, lookedSeq, lateMs: RULES.lateMs };
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
      case "page": {
        const payments = this.history.filter((_, index) => index % 2 === action.pick % 2);
        const report = reportOf({ complete: false, beganSeq: this.nextSeq - 1, payments });
        this.step((draft) => learnFromPage(draft, report));
        return;
      }
      case "poll": {
        const seen = this.history[action.pick % Math.max(1, this.history.length)];
        if (seen !== undefined) {
          this.poll(seen, this.nextSeq - 1, action.complete);
        }
        return;
      }
      case "gone": {
        const named = [...this.charges.values()].flatMap(({ attempts }) =>
          attempts.flatMap(({ namedPaymentId }) => namedPaymentId ?? []),
        );
        const ids = [...named, ...this.history.map(({ id }) => id)];
        const paymentId = ids[action.pick % Math.max(1, ids.length)];
        if (paymentId !== undefined) {
          this.gone(paymentId);
        }
        return;
      }
      case "slow": {
        const { slow } = this;
        const seen = this.history[action.pick % Math.max(1, this.history.length)];
        this.slow =
          slow === null && seen !== undefined ? { seen, beganSeq: this.nextSeq - 1 } : null;
        if (slow !== null) {
          this.poll(slow.seen, slow.beganSeq, true);
        }
        return;
      }
      case "make": {
        const tags = [...this.charges.values()].flatMap((one) => one.attempts.map((a) => a.tag));
        const tag = action.complete ? (tags[action.pick % Math.max(1, tags.length)] ?? null) : null;
        this.make(STATUSES[action.pick % 3] ?? "PENDING", tag);
        return;
      }
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

  gone(paymentId: string): void {
    const read = { askedFor: null, beganSeq: this.nextSeq - 1, paymentId, latencyMs: 5 };
    this.step((draft) =>
      learnFromPoll(draft, { ...read, seen: null, httpStatus: 404, failure: "status_404" }),
    );
  }

  poll(seen: SeenPayment, beganSeq: number, answered: boolean): void {
    this.step((draft) =>
      learnFromPoll(draft, {
        askedFor: null,
        beganSeq,
        paymentId: seen.id,
        seen: answered ? seen : null,
        httpStatus: 200,
        latencyMs: 5,
        failure: null,
      }),
    );
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
    let fresh = false;
    for (;;) {
      const charge = this.charges.get(chargeId) ?? null;
      const found = lookUp(charge, request).type;
      if (found !== "unknown" && found !== "chargeable") {
        return;
      }
      const isDoubted = [...this.charges.values()].some(
        (one) =>
          one.contested.length > 0 ||
          attemptRecords(one).some((attempt) => isQuestioned(attempt, this.fresh)),
      );
      const method = { baseline: true, foreignSeen: false, foreignWriters: false };
      const admission = admit(this.charges.values(), charge, { ...method, isDoubted }, fresh);
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
      const speaks = after !== undefined && paymentsAgainst(this.draft(), after).length > 0;
      if (!complete || (speaks && after.state === "not_charged")) {
        return;
      }
      fresh = true;
    }
  }

  draft(): Draft {
    const { nowMs, nextSeq, lookedAtMs, lookedSeq, charges, payments } = this;
    const none = { attempts: [], refunds: new Map(), unreadable: null };
    const rest = { jitter: 0, rules: RULES, baselineSeq: 1, ...none };
    return openDraft({ nowMs, nextSeq, lookedAtMs, lookedSeq, charges, payments, ...rest });
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
        return {
          kind: "declined",
          payment: paid("CANCELLED"),
          upstream: null,
          namedPaymentId: null,
        };
      case "refused":
        return { kind: "declined", payment: null, upstream: "no", namedPaymentId: null };
      case "refused_yet_paid":
      case "cancelled_yet_refused":
        paid(kind === "refused_yet_paid" ? "CONFIRMED" : "CANCELLED");
        return { kind: "declined", payment: null, upstream: "no", namedPaymentId: null };
      case "guessed": {
        const namedPaymentId = paid("CONFIRMED").id;
        return { kind: "declined", payment: null, upstream: "no", namedPaymentId };
      }
      case "misnamed":
        return { kind: "declined", payment: null, upstream: "no", namedPaymentId: "request-1" };
      case "not_sent": {
        const rest = { paymentMethodStatus: null, retryAfterSeconds: null, namedPaymentId: null };
        return { kind, reason: "upstream_unavailable", ...rest };
      }
      case "not_sent_yet_named": {
        const namedPaymentId = paid("CONFIRMED").id;
        const rest = { paymentMethodStatus: null, retryAfterSeconds: null, namedPaymentId };
        return { kind: "not_sent", reason: "upstream_unavailable", ...rest };
      }
      case "unknown":
        return { kind: "indeterminate", reason: "timeout", namedPaymentId: null, nameIs: null };
      case "named": {
        const namedPaymentId = paid("CONFIRMED").id;
        return { kind: "indeterminate", reason: "status_500", namedPaymentId, nameIs: "told" };
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
