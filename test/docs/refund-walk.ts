/**
 * Random lives of one payment and its refunds under three keys, from a fixed seed, through the
 * decisions themselves: which events they ever note in which state, and when a read is planned.
 * What no life shows, the decisions do not allow. Owns no expectation.
 */
import type { Charge } from "../../src/domain/charge.ts";
import { type Draft, finish, note, openDraft } from "../../src/domain/draft.ts";
import type { Fact, RefundIdentity } from "../../src/domain/facts.ts";
import type { PaymentRecord } from "../../src/domain/payment.ts";
import type { Refund, RefundOutcome, RefundState } from "../../src/domain/refund.ts";
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
import { refundIdOf } from "../../src/domain/refund-evolve.ts";
import { learnFromPoll } from "../../src/domain/status.ts";
import { chargeOf, METHOD_ID, recordOf, RULES, T0 } from "../domain/builders.ts";
import { Chance } from "../simulation/chance.ts";
import { paid } from "./charge-situations.ts";
import { refundEventOf } from "./refund-events.ts";

/** A horizon that short lives get past. */
const HASTY = { ...RULES, horizonMs: 120_000 };
const STATUSES = ["CONFIRMED", "CONFIRMED", "CONFIRMED", "PENDING", "CANCELLED", "REFUNDED", "NEW"];
const WAITS_MS = [0, 1000, 120_000, 120_000, 240_000, 3_600_000, 86_400_000, -60_000];

/** What many lives showed. */
export class RefundFindings {
  /** The events that were noted about a refund in a state: `event | state`. */
  readonly noted = new Set<string>();
  readonly #planned = new Set<string>();

  add(refunds: ReadonlyMap<string, Refund>, draft: Draft): void {
    const now = new Map(refunds);
    for (const { fact, refund } of draft.noted) {
      const refundId = refundIdOf(fact);
      if (refundId !== null) {
        this.noted.add(`${refundEventOf(fact)} | ${now.get(refundId)?.state ?? "no refund"}`);
      }
      if (refund !== null) {
        now.set(refund.refundId, refund);
      }
    }
    for (const { state, nextRead } of draft.refunds.values()) {
      this.#planned.add(`${state} | ${nextRead === null ? "no" : "yes"}`);
    }
  }

  /** How often a read was planned in a state, after a step. */
  plan(state: RefundState): "always" | "sometimes" | "never" {
    const yes = this.#planned.has(`${state} | yes`);
    return !yes ? "never" : this.#planned.has(`${state} | no`) ? "sometimes" : "always";
  }
}

/** Walks many lives; the same every time. */
export function walkRefunds(lives: number, steps: number): RefundFindings {
  const findings = new RefundFindings();
  for (let seed = 1; seed <= lives; seed += 1) {
    const life = new Life(new Chance(seed), findings);
    for (let step = 0; step < steps; step += 1) {
      life.act();
    }
  }
  return findings;
}

class Life {
  readonly #chance: Chance;
  readonly #findings: RefundFindings;
  readonly #rules: Draft["view"]["rules"];
  #nowMs = T0;
  #nextSeq = 30;
  /** What Harmony says of the payment. */
  #status = "CONFIRMED";
  #charges = new Map<string, Charge>();
  #payments = new Map<string, PaymentRecord>();
  #refunds = new Map<string, Refund>();

  constructor(chance: Chance, findings: RefundFindings) {
    this.#chance = chance;
    this.#findings = findings;
    this.#rules = chance.yes(0.1) ? { ...HASTY, horizonMs: null } : HASTY;
    if (chance.yes(0.5)) {
      const charge = chargeOf({ state: "approved", payment: paid("CONFIRMED"), nextLook: null });
      this.#charges.set(charge.chargeId, { ...charge, doubt: null });
      this.#payments.set("payment-1", recordOf({ chargeId: charge.chargeId, listedSeq: 20 }));
    }
  }

  act(): void {
    const acts = [
      () => this.#refund(),
      () => this.#refund(),
      () => this.#answer(),
      () => this.#giveUp(),
      () => this.#readDue(),
      () => this.#readDue(),
      () => this.#poll(),
      () => this.#move(),
      () => this.#decide(),
      () => this.#repeat(),
      () => {
        this.#nowMs += this.#chance.pick(WAITS_MS);
      },
    ];
    this.#chance.pick(acts)();
  }

  /** One step of the object, which ends as all its steps do. */
  #step(decide: (draft: Draft) => void): void {
    const draft = openDraft({
      nowMs: this.#nowMs,
      jitter: 0,
      rules: this.#rules,
      nextSeq: this.#nextSeq,
      baselineSeq: 1,
      lookedAtMs: null,
      lookedSeq: null,
      unreadable: null,
      attempts: [],
      charges: this.#charges,
      payments: this.#payments,
      refunds: this.#refunds,
    });
    decide(draft);
    settleRefunds(draft);
    finish(draft);
    this.#findings.add(this.#refunds, draft);
    this.#charges = new Map(draft.charges);
    this.#payments = new Map(draft.payments);
    this.#refunds = new Map(draft.refunds);
    this.#nextSeq += draft.noted.length;
  }

  #report(isRead = this.#chance.yes(0.8)) {
    return {
      askedFor: null,
      beganSeq: this.#nextSeq - 1,
      paymentId: "payment-1",
      seen: isRead ? paid(this.#status) : null,
      httpStatus: isRead ? 200 : null,
      latencyMs: 5,
      failure: isRead ? null : "timeout",
    };
  }

  #move(): void {
    this.#status = this.#chance.pick(STATUSES);
  }

  #poll(): void {
    const report = this.#report();
    this.#step((draft) => learnFromPoll(draft, report));
  }

  /** As the object does: key, freeze, the read where one is needed, and only then the intent. */
  #refund(): void {
    const key = this.#chance.pick(["1", "2", "3"]);
    const refundId = `refund-${key}`;
    const request = { paymentId: "payment-1", reason: null };
    const who = { paymentMethodId: METHOD_ID, caller: "main", idempotencyKey: key };
    const identity = { refundId, request, ...who };
    for (let readAs: string | null = null; ;) {
      const refund = this.#refunds.get(refundId) ?? null;
      const { type } = lookUpRefund(refund, request, this.#nowMs);
      if (type !== "unknown" && type !== "refundable") {
        return;
      }
      if (this.#admit(identity, refund, readAs) !== "read") {
        return;
      }
      const report = this.#report();
      this.#step((draft) =>
        refund === null
          ? learnFromPoll(draft, report)
          : learnFromRefundRead(draft, refundId, report),
      );
      if (report.seen === null) {
        return;
      }
      readAs = report.seen.status;
    }
  }

  #admit(identity: RefundIdentity, refund: Refund | null, readAs: string | null): string {
    const others = [...this.#refunds.values()].filter((one) => one.refundId !== identity.refundId);
    const record = this.#payments.get("payment-1") ?? null;
    const admission = admitRefund(refund, others, record, readAs, this.#nowMs);
    if (admission.type === "submit") {
      this.#step((draft) => void intendRefund(draft, identity, admission.payment));
    } else if (admission.type === "refuse") {
      this.#step((draft) => refuseRefund(draft, identity, admission.payment));
    }
    return admission.type;
  }

  /** A person's word, right or wrong, on what Harmony has just shown. */
  #decide(): void {
    const open = [...this.#refunds.values()].find(({ state }) => state === "in_doubt");
    if (open !== undefined) {
      const seq = this.#nextSeq;
      const report = this.#report();
      this.#step((draft) => learnFromRefundRead(draft, open.refundId, report));
      const decision = this.#chance.pick(["refunded", "not_refunded"] as const);
      const said = { decision, override: this.#chance.yes(0.5), reason: "seen" };
      const shown = { seen: report.seen, seq };
      this.#step((draft) => resolveRefund(draft, open.refundId, said, shown));
    }
  }

  #inFlight(): Refund | undefined {
    return [...this.#refunds.values()].find(({ state }) => state === "in_flight");
  }

  /** Harmony refunds what is CONFIRMED, and says no to anything else; its answer may be lost. */
  #answer(): void {
    const flying = this.#inFlight();
    if (flying === undefined) {
      return;
    }
    const { refundId, attempts } = flying;
    const attempt = attempts.at(-1)?.attempt ?? 0;
    const fate = this.#chance.pick(["answered", "answered", "refused", "not_sent", "lost"]);
    const isDone = this.#status === "CONFIRMED" && (fate === "answered" || this.#chance.yes(0.2));
    this.#status = isDone ? "REFUNDED" : this.#status;
    const payment = paid(this.#status);
    const lost = fate === "lost" || (isDone && fate !== "answered");
    const outcome: RefundOutcome = lost
      ? { kind: "indeterminate", reason: "timeout" }
      : fate === "not_sent"
        ? { kind: "not_sent", reason: "upstream_unavailable", retryAfterSeconds: null }
        : isDone
          ? { kind: "refunded", payment }
          : { kind: "refused", payment, upstream: "no" };
    const figures = { httpStatus: 200, latencyMs: 5, excerpt: null };
    const reading = outcome.kind === "refused" ? this.#report(true) : null;
    this.#step((draft) => answerRefund(draft, refundId, attempt, outcome, figures, reading));
  }

  /** An attempt that no running call owns; what it did at Harmony, nobody was told. */
  #giveUp(): void {
    const refundId = this.#inFlight()?.refundId;
    if (refundId !== undefined) {
      this.#step((draft) => abandonRefund(draft, refundId));
    }
  }

  /** The reads of one alarm: much may happen before each begins, and before its answer is recorded. */
  #readDue(): void {
    const due = [...this.#refunds.values()].filter(({ nextRead }) => nextRead !== null);
    for (const { refundId } of due) {
      this.#meanwhile();
      const report = this.#report();
      this.#meanwhile();
      this.#step((draft) => learnFromRefundRead(draft, refundId, report));
    }
  }

  #meanwhile(): void {
    while (this.#chance.yes(0.2)) {
      this.act();
    }
  }

  /** The object notes a repeat or a mismatch of a key whatever its refund's state. */
  #repeat(): void {
    if (this.#refunds.size === 0) {
      return;
    }
    const { refundId } = this.#chance.pick([...this.#refunds.values()]);
    const chargeId = this.#payments.get("payment-1")?.chargeId ?? null;
    const about = { atMs: this.#nowMs, refundId, chargeId };
    const fact = this.#chance.pick<Fact>([
      { type: "replayed", ...about, count: 1 },
      { type: "key_mismatched", ...about, differing: ["paymentId"], amountMinor: null },
    ]);
    this.#step((draft) => note(draft, fact));
  }
}
