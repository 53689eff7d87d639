/**
 * Random lives of one payment method, from a fixed seed, through the decisions themselves: which
 * events they ever note in which situation, and which work is planned then. What no life shows in
 * a situation, the decisions do not allow there. Owns no expectation.
 */
import { type Charge, isRefusalOpen, isUnexplained, lastAttempt } from "../../src/domain/charge.ts";
import { endContests } from "../../src/domain/contest.ts";
import { abandon, admit, answer, intend } from "../../src/domain/decide.ts";
import { type Draft, finish, note, openDraft } from "../../src/domain/draft.ts";
import type { Fact, LookPurpose, SeenPayment } from "../../src/domain/facts.ts";
import { learnFromLook } from "../../src/domain/look.ts";
import { learnFromPage } from "../../src/domain/page.ts";
import { bare, type PaymentRecord } from "../../src/domain/payment.ts";
import { type Decision, foreclosed, resolve } from "../../src/domain/resolve.ts";
import { learnFromPoll, openPaymentIds } from "../../src/domain/status.ts";
import { escalateUnreadable } from "../../src/domain/unreadable.ts";
import { METHOD_ID, reportOf, T0 } from "../domain/builders.ts";
import { Chance } from "../simulation/chance.ts";
import { Findings } from "./charge-findings.ts";
import { anyOutcome } from "./charge-outcomes.ts";
import { HASTY, isContested, isDoubted, STATUSES, WAITS_MS } from "./charge-world.ts";

/** Walks many lives; the same every time. */
export function walk(lives: number, steps: number): Findings {
  const findings = new Findings();
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
  readonly #findings: Findings;
  readonly #rules: typeof HASTY;
  #nowMs = T0;
  #nextSeq = 2;
  #lookedAtMs: number | null = null;
  #lookedSeq: number | null = null;
  #charges = new Map<string, Charge>();
  #payments = new Map<string, PaymentRecord>();
  /** What Harmony has, whoever made it. */
  readonly #history: SeenPayment[] = [];
  /** Attempts whose reply is still on its way though they were given up. */
  readonly #lost: { chargeId: string; attempt: number; payment: SeenPayment | null }[] = [];

  constructor(chance: Chance, findings: Findings) {
    this.#chance = chance;
    this.#findings = findings;
    this.#rules = { ...HASTY, foreignWriters: chance.yes(0.1) };
  }

  act(): void {
    const acts = [
      () => this.#charge(),
      () => this.#charge(),
      () => this.#reply(),
      () => this.#reply(),
      () => this.#giveUp(),
      () => this.#replyLate(),
      () => this.#look(),
      () => this.#look(),
      () => this.#hide(),
      () => this.#page(),
      () => this.#poll(),
      () => this.#move(),
      () => this.#cancelTwin(),
      () => this.#make(this.#chance.pick(STATUSES), null),
      () => this.#makeStrange(),
      () => this.#makeFurther(),
      () => this.#step(escalateUnreadable),
      () => this.#repeat(),
      () => this.#decide(),
      () => {
        this.#nowMs += this.#chance.pick(WAITS_MS);
      },
    ];
    this.#chance.pick(acts)();
  }

  #step<T>(decide: (draft: Draft) => T): T {
    const draft = openDraft({
      nowMs: this.#nowMs,
      jitter: 0,
      rules: this.#rules,
      nextSeq: this.#nextSeq,
      baselineSeq: 1,
      lookedAtMs: this.#lookedAtMs,
      lookedSeq: this.#lookedSeq,
      unreadable: null,
      // Every charge is loaded, and so is every attempt.
      attempts: [],
      charges: this.#charges,
      refunds: new Map(),
      payments: this.#payments,
    });
    const result = decide(draft);
    endContests(draft);
    finish(draft);
    this.#findings.add(this.#charges, draft);
    this.#charges = new Map(draft.charges);
    this.#payments = new Map(draft.payments);
    this.#lookedAtMs = draft.lookedAtMs;
    this.#lookedSeq = draft.lookedSeq;
    this.#nextSeq += draft.noted.length;
    return result;
  }

  #inState(state: Charge["state"]): Charge | undefined {
    return [...this.#charges.values()].find((one) => one.state === state);
  }

  #anyCharge(): Charge | null {
    return this.#charges.size === 0 ? null : this.#chance.pick([...this.#charges.values()]);
  }

  #make(status: string, tag: string | null, amountMinor = 5000): SeenPayment {
    const id = `payment-${this.#history.length}`;
    const seen = { id, status, amountMinor, currency: "MXN", tag, createdAtMs: null };
    this.#history.push(seen);
    return seen;
  }

  #move(
    paymentId = this.#chance.pick([...this.#history.map(({ id }) => id), ""]),
    status = this.#chance.pick(STATUSES),
  ): void {
    const index = this.#history.findIndex(({ id }) => id === paymentId);
    const seen = this.#history[index];
    if (seen !== undefined) {
      this.#history[index] = { ...seen, status };
    }
  }

  /** A further payment of a charge whose own a person has called reversed: seldom met by chance. */
  #makeFurther(): void {
    const reversed = [...this.#charges.values()].filter(
      ({ state, payment }) => state === "approved" && payment?.status === "CANCELLED",
    );
    const tags = reversed.flatMap(({ attempts }) => attempts[0]?.tag ?? []);
    if (tags.length > 0) {
      this.#make(this.#chance.pick(STATUSES), this.#chance.pick(tags));
    }
  }

  /** A payment under the tag of some attempt, but of another amount: a person's. */
  #makeStrange(): void {
    const tags = [...this.#charges.values()].flatMap(({ attempts }) => attempts[0]?.tag ?? []);
    if (tags.length > 0 && this.#chance.yes(0.3)) {
      this.#make(this.#chance.pick(STATUSES), this.#chance.pick(tags), 4000);
    }
  }

  /**
   * Harmony cancels the payment of a charge that has another one, or may have or get it: seldom, so
   * it is helped along.
   */
  #cancelTwin(): void {
    const twins = [...this.#charges.values()].filter(
      ({ attempts, duplicates, contested }) =>
        duplicates.length + contested.length > 0 || attempts.some(isUnexplained),
    );
    const twin = twins.length === 0 ? undefined : this.#chance.pick(twins);
    if (twin?.payment != null) {
      this.#move(twin.payment.id, this.#chance.pick(["CANCELLED", "CONFIRMED"]));
      this.#pollOne(twin.payment.id, null);
    }
  }

  /** As the object does: freeze, the look where one is needed, and only then the intent. */
  #charge(): void {
    const key = this.#chance.pick(["1", "2"]);
    const chargeId = `charge-${key}`;
    const earlier = this.#charges.get(chargeId) ?? null;
    const method = {
      baseline: true,
      foreignSeen: false,
      foreignWriters: false,
      isDoubted: isDoubted(this.#charges, this.#nowMs, this.#lookedSeq),
    };
    if (earlier !== null && earlier.state !== "not_charged") {
      return;
    }
    if (earlier !== null && this.#chance.yes(0.3)) {
      // What has gone back forbids no further attempt, once no row makes it a person's.
      earlier.contested.forEach((id) => this.#move(id, "REFUNDED"));
    }
    if (admit(this.#charges.values(), earlier, method, false).type === "look") {
      const beganSeq = this.#nextSeq - 1;
      this.#meanwhile();
      const seen = this.#chance.yes(0.5) ? this.#history : this.#known();
      this.#lookFor({ purpose: "before_attempt", chargeId, seen, beganSeq, complete: true });
      const isForbidden = this.#step((draft) => isContested(draft, chargeId));
      const now = this.#charges.get(chargeId) ?? null;
      if (isForbidden || (now !== null && now.state !== "not_charged")) {
        return;
      }
    }
    if (admit(this.#charges.values(), earlier, method, true).type === "submit") {
      const request = { amountMinor: 5000, currency: "MXN", description: null, reference: null };
      const who = { paymentMethodId: METHOD_ID, caller: "main", idempotencyKey: key };
      const tag = this.#chance.yes(0.7) ? `tag-${this.#nextSeq}` : null;
      this.#step((draft) => intend(draft, { chargeId, request, ...who }, tag));
    }
  }

  #reply(): void {
    this.#meanwhile();
    const charge = this.#inState("in_flight");
    if (charge !== undefined) {
      const { attempt, tag } = lastAttempt(charge);
      const seen = this.#make(this.#chance.pick(STATUSES), this.#chance.yes(0.5) ? tag : null);
      this.#answer(charge.chargeId, attempt, seen);
    }
  }

  #giveUp(): void {
    const charge = this.#inState("in_flight");
    if (charge !== undefined) {
      const { attempt, tag } = lastAttempt(charge);
      const isMade = this.#chance.yes(0.5);
      const payment = isMade ? this.#make("CONFIRMED", this.#chance.yes(0.5) ? tag : null) : null;
      this.#lost.push({ chargeId: charge.chargeId, attempt, payment });
      this.#step((draft) => abandon(draft, charge.chargeId));
    }
  }

  /** The reply to an attempt that was given up, once, in whatever state its charge is by then. */
  #replyLate(): string | undefined {
    const [lost] = this.#lost.splice(this.#chance.between(0, 2 * this.#lost.length), 1);
    if (lost !== undefined) {
      const seen = lost.payment ?? this.#make(this.#chance.pick(STATUSES), null);
      this.#answer(lost.chargeId, lost.attempt, seen);
      return seen.id;
    }
    return undefined;
  }

  #answer(chargeId: string, attempt: number, seen: SeenPayment): void {
    const figures = { httpStatus: 201, latencyMs: 5, excerpt: null };
    const isKnown = (this.#payments.get(seen.id)?.chargeId ?? chargeId) !== chargeId;
    const outcome = anyOutcome(this.#chance, bare(seen), isKnown);
    this.#step((draft) => answer(draft, chargeId, attempt, outcome, figures));
    this.#checkRefusal(chargeId);
  }

  /** As the object does at once, where nothing ends it before: what was named is read, then a look. */
  #checkRefusal(chargeId: string): void {
    const charge = this.#charges.get(chargeId);
    const isBusy = this.#inState("in_flight") !== undefined;
    if (charge === undefined || isBusy || !isRefusalOpen(charge) || this.#chance.yes(0.4)) {
      return;
    }
    this.#pollOne(lastAttempt(charge).namedPaymentId ?? undefined, chargeId);
    const seen = this.#chance.yes(0.5) ? this.#history : this.#known();
    const beganSeq = this.#nextSeq - 1;
    const complete = this.#chance.yes(0.8);
    this.#lookFor({ purpose: "doubt", chargeId, seen, beganSeq, complete });
  }

  /** The history as it would be if it showed nothing new. */
  #known(): SeenPayment[] {
    return this.#history.filter(({ id }) => this.#payments.has(id));
  }

  /** Looks wait in the queue, so none is made while a charge is in flight. */
  #look(): void {
    const due = [...this.#charges.values()].filter(({ nextLook }) => nextLook !== null);
    if (due.length === 0 || this.#inState("in_flight") !== undefined) {
      return;
    }
    const { chargeId, state } = this.#chance.pick(due);
    const seen = this.#chance.yes(0.7) ? this.#history : this.#history.slice(0, -1);
    const beganSeq = this.#nextSeq - this.#chance.pick([1, 1, 1, 5]);
    this.#meanwhile();
    const purpose = state === "in_doubt" ? "doubt" : "late";
    this.#lookFor({ purpose, chargeId, seen, beganSeq, complete: this.#chance.yes(0.8) });
  }

  /** Harmony shows nothing new for a while: the horizon passes, and what is there comes out late. */
  #hide(): void {
    const chargeId = this.#inState("in_doubt")?.chargeId;
    if (chargeId === undefined) {
      return;
    }
    for (let looks = 0; looks < 3; looks += 1) {
      const seen = this.#known();
      const beganSeq = this.#nextSeq - 1;
      this.#lookFor({ purpose: "doubt", chargeId, seen, beganSeq, complete: true });
      this.#nowMs += 120_000;
      if (this.#charges.get(chargeId)?.state !== "in_doubt") {
        // What a late reply to an earlier attempt has told of moves on.
        const own = [...this.#payments.values()].filter((one) => one.chargeId === chargeId);
        own.forEach(({ id }) => this.#move(id));
        return;
      }
    }
  }

  /** While a look or a submission is under way, late replies and polls may be recorded. */
  #meanwhile(): void {
    if (this.#chance.yes(0.2)) {
      const paymentId = this.#replyLate();
      this.#move(paymentId);
      this.#pollOne(paymentId, null);
      this.#poll();
    }
  }

  #lookFor(look: {
    purpose: LookPurpose;
    chargeId: string;
    seen: readonly SeenPayment[];
    beganSeq: number;
    complete: boolean;
  }): void {
    const { purpose, chargeId, beganSeq, complete } = look;
    const times = { beganAtMs: this.#nowMs, endedAtMs: this.#nowMs };
    const report = reportOf({ ...times, beganSeq, complete, payments: [...look.seen] });
    this.#step((draft) => learnFromLook(draft, report, purpose, chargeId));
  }

  #page(): void {
    const payments = this.#chance.some(this.#history, 0.5);
    const report = reportOf({ beganSeq: this.#nextSeq - 1, complete: false, payments });
    this.#step((draft) => learnFromPage(draft, report));
  }

  /** What the alarm polls for a charge, what is read before a look, or what a caller asks for. */
  #poll(): void {
    const charge = this.#anyCharge();
    const ids = this.#history.map(({ id }) => id);
    if (charge !== null && this.#chance.yes(0.7)) {
      const own = openPaymentIds(charge, (id) => this.#payments.get(id));
      const named = charge.attempts.flatMap(({ namedPaymentId, explainedBy }) =>
        namedPaymentId === null || explainedBy !== null ? [] : [namedPaymentId],
      );
      const asked = [...own, ...named];
      this.#pollOne(asked.length === 0 ? undefined : this.#chance.pick(asked), charge.chargeId);
    } else if (ids.length > 0) {
      this.#pollOne(this.#chance.pick(ids), null);
    }
  }

  #pollOne(paymentId: string | undefined, askedFor: string | null): number | null {
    if (paymentId === undefined) {
      return null;
    }
    // Nothing has the name of a request, and what was there may be found no more.
    const isFound = this.#chance.yes(0.9);
    const there = isFound ? this.#history.find(({ id }) => id === paymentId) : undefined;
    const httpStatus = there === undefined ? 404 : 200;
    const beganSeq = this.#nextSeq - this.#chance.pick([1, 1, 1, 5]);
    const seen = there !== undefined && this.#chance.yes(0.8) ? bare(there) : null;
    const read = { httpStatus, latencyMs: 5, failure: null };
    this.#step((draft) => learnFromPoll(draft, { askedFor, beganSeq, paymentId, seen, ...read }));
    return httpStatus;
  }

  /** A person decides, after a look and a read of the payment, while other things may happen. */
  #decide(): void {
    // A payment that a charge had, and that is in question now, is seldom met by chance.
    const all = [...this.#charges.values()];
    const asked = all.filter(({ payment, contested }) => contested.includes(payment?.id ?? ""));
    const isAsked = asked.length > 0 && this.#chance.yes(0.7);
    const before = isAsked ? this.#chance.pick(asked) : this.#anyCharge();
    const decision = this.#decision();
    const isBusy = this.#inState("in_flight") !== undefined;
    if (before === null || isBusy || foreclosed(before, decision) !== null) {
      return;
    }
    const { chargeId } = before;
    const beganSeq = this.#nextSeq - 1;
    this.#meanwhile();
    const seen = this.#chance.yes(0.5) ? this.#history : this.#known();
    const look = { purpose: "operator", chargeId, seen, beganSeq, complete: true } as const;
    this.#lookFor(look);
    const read = decision.decision === "charged" ? decision.paymentId : before.payment?.id;
    const isGone = this.#pollOne(read, null) === 404;
    const gone = isGone && read !== undefined ? [read] : [];
    if (decision.decision === "not_charged" || this.#payments.has(decision.paymentId)) {
      const report = reportOf({ beganAtMs: this.#nowMs, beganSeq, payments: seen });
      this.#step((draft) => resolve(draft, decision, { before, look: report, evidence: [], gone }));
    }
  }

  #decision(): Decision {
    const reason = "said so";
    return this.#history.length > 0 && this.#chance.yes(0.7)
      ? { decision: "charged", paymentId: this.#chance.pick(this.#history).id, reason }
      : { decision: "not_charged", override: this.#chance.yes(0.5), reason };
  }

  /** The object notes a repeat or a mismatch of a key whatever its charge's state. */
  #repeat(): void {
    const charge = this.#anyCharge();
    if (charge === null) {
      return;
    }
    const about = { atMs: this.#nowMs, chargeId: charge.chargeId };
    const fact = this.#chance.pick<Fact>([
      { type: "replayed", ...about, count: 1 },
      { type: "key_mismatched", ...about, differing: ["amount"], amountMinor: 1 },
    ]);
    this.#step((draft) => note(draft, fact));
  }
}
