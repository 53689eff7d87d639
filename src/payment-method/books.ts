/**
 * Owns the step: load, decide, write, arm the alarm, with no `await` in between. Must not talk
 * to Harmony. Everything that changes a payment method goes through `step`.
 */
import { type Charge, type Due, isFreezing, paymentIdsOf } from "../domain/charge.ts";
import { endContests } from "../domain/contest.ts";
import { type Draft, finish, note, type Noted, openDraft, type View } from "../domain/draft.ts";
import type { Actor, Fact } from "../domain/facts.ts";
import { moneyOf } from "../domain/known.ts";
import type { Money, Payment } from "../domain/outcome.ts";
import { bare, holdsMoney, type PaymentRecord } from "../domain/payment.ts";
import type { Refund } from "../domain/refund.ts";
import { settleRefunds } from "../domain/refund-doubt.ts";
import type { RefundSurroundings } from "../domain/refund-reply.ts";
import { chargeResource, type Reply, replyAbout } from "../domain/reply.ts";
import { alarmTime, dueTime } from "../domain/schedule.ts";
import { foldId } from "../domain/ids.ts";
import { UNSETTLED_MS } from "../ledger/methods.ts";
import type { Host } from "./host.ts";
import { Journal } from "./journal.ts";
import { Relay } from "./relay.ts";

/** Facts that a person should hear of, beside their entry. */
export const ALERTS: ReadonlySet<Fact["type"]> = new Set<Fact["type"]>([
  "charge_escalated",
  "payment_contested",
  "late_truth_found",
  "payment_unattributed",
  "refund_escalated",
  "delivery_refused",
  "history_unreadable",
]);

/** After an attempt's deadline its alarm waits this much longer, so that the owner comes first. */
const GUARD_MS = 5000;
/** So long after it was created, Harmony's replicas may not know a payment method. */
const NEW_MS = 3_600_000;

export const NOBODY: Actor = {
  caller: null,
  keyId: null,
  requestId: null,
  traceId: null,
  origin: "alarm",
};

/** Which records a step loads beside the open charges. */
export interface Load {
  readonly chargeId?: string;
  readonly payments?: readonly string[] | "all";
  /** Every attempt of the method, where a look is judged or a person decides. */
  readonly attempts?: boolean;
  /** The payment whose refunds are loaded as well, decided or not. */
  readonly refundsOf?: string;
  /** Charges that are loaded as well, closed ones included: those that the step may change. */
  readonly charges?: (view: View) => Iterable<string>;
}

/**
 * The charges that have these payments, where their status moved, which is booked, or where a refund is
 * in doubt, which their status may end.
 */
export function ownersOf(view: View, seen: readonly Payment[]): string[] {
  const doubted = new Set([...view.refunds.values()].map(({ request }) => request.paymentId));
  return seen.flatMap(({ id, status, amountMinor }) => {
    const record = view.payments.get(id);
    const moved = record?.status !== status || record.amountMinor !== amountMinor || record.reread;
    return record?.chargeId != null && (moved || doubted.has(id)) ? [record.chargeId] : [];
  });
}

/** Whether a payment speaks against Harmony's own refusal, for a person or for certain. */
function isRefusalBelied({ fact, charge }: Noted): boolean {
  if (fact.type === "payment_contested") {
    return fact.reason === "refused_yet_paid";
  }
  if (fact.type !== "payment_adopted" && fact.type !== "late_truth_found") {
    return false;
  }
  const made = charge?.attempts.find(({ explainedBy }) => explainedBy === fact.payment.id);
  return made !== undefined && made.refusal !== null && holdsMoney(fact.payment);
}

export class Books {
  readonly journal: Journal;
  readonly relay: Relay;
  readonly #host: Host;
  /** The time the alarm is set to; null where none is known to be. */
  #armedAtMs: number | null;
  /** Until the instance has begun: it may be there because its alarm is being delivered. */
  #isBeginning = true;

  constructor(host: Host, armedAtMs: number | null) {
    this.#host = host;
    this.#armedAtMs = armedAtMs;
    this.journal = new Journal(host.storage, host.paymentMethodId);
    this.relay = new Relay(host, this.journal, {
      refused: (reason) => this.#halt(reason),
      failed: async () => this.rearm(),
    });
  }

  nowMs(): number {
    return this.#host.now();
  }

  /** Whether Harmony has had this payment method: it was looked at whole, or just created through us. */
  isKnownToHarmony(): boolean {
    const { baselineSeq, createdAtMs } = this.journal.method;
    const ageMs = createdAtMs === null ? Infinity : this.#host.now() - createdAtMs;
    return baselineSeq !== null || (ageMs >= 0 && ageMs < NEW_MS);
  }

  /** One decision: loads, lets `decide` note facts, writes them with their entries, arms the alarm. */
  step<T>(actor: Actor, load: Load, decide: (draft: Draft) => T): T {
    const nowMs = this.#host.now();
    const now = { nowMs, jitter: this.#host.jitter(), rules: this.#host.rules };
    const wanted = load.payments === "all" ? "all" : { paymentIds: load.payments ?? [] };
    let view = this.journal.view(now, load.chargeId ?? null, wanted);
    if (load.attempts === true) {
      view = this.journal.withAttempts(view);
    }
    if (load.refundsOf !== undefined) {
      view = this.journal.withRefundsOf(view, load.refundsOf);
    }
    if (load.charges !== undefined) {
      view = this.journal.withCharges(view, load.charges(view));
    }
    const draft = openDraft(view);
    const result = decide(draft);
    settleRefunds(draft);
    endContests(draft);
    finish(draft);
    this.#guarded(() => this.journal.write(draft, actor));
    for (const noted of draft.noted) {
      this.#alert(noted);
    }
    if (draft.noted.length > 0) {
      this.#arm(draft.charges.values(), draft.refunds.values()).catch((error: unknown) =>
        this.#fail(error),
      );
      this.relay.kick();
    }
    return result;
  }

  /**
   * What a step about one payment loads: its record, the charge that it is of with its other
   * payments, and its refunds.
   */
  around(paymentId: string): Load {
    const chargeId = this.journal.payment(paymentId)?.chargeId ?? null;
    // Whose it is, if it was named, is asked of every attempt.
    const attempts = chargeId === null;
    const owner = chargeId === null ? null : this.journal.charges.byId(chargeId);
    const siblings = owner === null ? [] : paymentIdsOf(owner);
    return {
      payments: [...new Set([paymentId, ...siblings])],
      refundsOf: paymentId,
      attempts,
      ...(chargeId === null ? {} : { chargeId }),
      charges: ({ attempts: all }) =>
        all.filter((one) => one.namedPaymentId === paymentId).map((one) => one.chargeId),
    };
  }

  /** A payment's id as Harmony spells it: its ids are compared folded. */
  speltOf(paymentId: string): string {
    const record = this.journal.payment(paymentId);
    return record === null
      ? (this.journal.charges.namedAs(paymentId) ?? paymentId)
      : (record.spelt ?? paymentId);
  }

  /** What is known of a charge's money now. */
  moneyOf(charge: Charge): Money {
    const { journal } = this;
    const payment = charge.payment === null ? null : journal.payment(charge.payment.id);
    const refunds = payment === null ? [] : journal.refunds.ofPayment(payment.id);
    return moneyOf({ charge, payment, refunds });
  }

  /** What is known of a payment's money now, as its record and its charge tell it. */
  moneyOfPayment(payment: Payment | PaymentRecord): Money {
    const refunds = this.journal.refunds.ofPayment(payment.id);
    return moneyOf({ charge: this.#ownerOf(payment.id), payment, refunds });
  }

  /** The answer about a charge that exists, as it stands; `replayed`: this request sent no attempt. */
  about(charge: Charge, replayed: boolean): Reply {
    return replyAbout(charge, this.moneyOf(charge), replayed, this.#host.now());
  }

  /** The charge resource, as it stands (contract.md, The charge). */
  resourceOf(charge: Charge, isOperated: boolean): string {
    const isFrozen = this.journal.charges.open().some(isFreezing);
    const iso = (ms: number) => new Date(ms).toISOString();
    const standing = { money: this.moneyOf(charge), methodFrozen: isFrozen, isOperated };
    return JSON.stringify(chargeResource(charge, standing, iso));
  }

  /** What stands around a refund now. */
  aroundRefund(refund: Refund): RefundSurroundings {
    const { paymentId } = refund.request;
    const payment = this.journal.payment(paymentId) ?? refund.payment;
    return {
      payment: bare(payment),
      owner: this.#ownerOf(paymentId),
      refunds: this.journal.refunds.ofPayment(paymentId),
      money: this.moneyOfPayment(payment),
      nowMs: this.#host.now(),
    };
  }

  #ownerOf(paymentId: string): Charge | null {
    const chargeId = this.journal.payment(paymentId)?.chargeId ?? null;
    return chargeId === null ? null : this.journal.charges.byId(chargeId);
  }

  /**
   * The payment that a caller means: Harmony's id, or the payment of a charge of its own; null where
   * that charge has none, or is another caller's.
   */
  paymentIdOf(caller: string, id: string): string | null {
    const charge = this.journal.charges.byId(foldId(id));
    if (charge === null) {
      return foldId(id);
    }
    return charge.caller === caller ? (charge.payment?.id ?? null) : null;
  }

  /**
   * Arms the alarm where there is work and none is set, or a later one than stored work is due: the
   * runtime drops an alarm for good after too many failures, and any later contact must bring it back.
   * One that is due is left alone: setting it now would call off its delivery.
   */
  start(): void {
    this.rearm().catch((error: unknown) => this.#fail(error));
    this.#isBeginning = false;
  }

  /** Arms the alarm again from what is stored; a failure is thrown, so that the runtime repeats it. */
  async rearm(): Promise<void> {
    await this.#arm(this.journal.charges.open(), this.journal.refunds.open());
  }

  /** None is known to be set any more: it has fired, or the runtime may have dropped it. */
  forgetAlarm(): void {
    this.#armedAtMs = null;
  }

  storeMark(): void {
    this.#guarded(() => this.journal.storeMark());
  }

  /** When stored work is due next: now, where it is overdue; null where there is none. */
  workDueAtMs(nowMs: number): number | null {
    return this.#dueAtMs(this.journal.charges.open(), this.journal.refunds.open(), nowMs);
  }

  /** Until when a method without work is not yet called quiet; null where it is. */
  settlesAtMs(nowMs: number): number | null {
    const atMs = this.journal.lastWrittenAtMs;
    // What was written in the future, before a clock went back, says nothing of now.
    return atMs !== null && Math.abs(nowMs - atMs) < UNSETTLED_MS ? atMs + UNSETTLED_MS : null;
  }

  async #arm(charges: Iterable<Charge>, refunds: Iterable<Refund>): Promise<void> {
    const nowMs = this.#host.now();
    const dueAtMs = this.#dueAtMs(charges, refunds, nowMs) ?? this.settlesAtMs(nowMs);
    if (dueAtMs === null) {
      return;
    }
    // Never now: an alarm that cannot do what is due must not run in circles.
    const atMs = alarmTime(Math.max(dueAtMs, nowMs + 1), nowMs);
    const isSet = this.#armedAtMs !== null && (this.#isBeginning || this.#armedAtMs > nowMs);
    const early = isSet && (this.#armedAtMs ?? atMs) <= atMs;
    if (!early) {
      this.#armedAtMs = atMs;
      await this.#host.setAlarm(atMs);
    }
  }

  #dueAtMs(charges: Iterable<Charge>, refunds: Iterable<Refund>, nowMs: number): number | null {
    const dueAtMs: number[] = [];
    const plan = (due: Due | null): void => {
      if (due !== null) {
        dueAtMs.push(dueTime(due, nowMs));
      }
    };
    for (const charge of charges) {
      if (charge.state === "in_flight") {
        dueAtMs.push(this.#guardAtMs(charge.attempts.at(-1)?.intendedAtMs, nowMs));
      }
      plan(charge.nextLook);
      plan(charge.nextPoll);
    }
    for (const refund of refunds) {
      if (refund.state === "in_flight") {
        dueAtMs.push(this.#guardAtMs(refund.attempts.at(-1)?.intendedAtMs, nowMs));
      }
      plan(refund.nextRead);
    }
    if (this.relay.hasBacklog) {
      // What is on its way needs the alarm only against a crash before it arrives. Counted from the
      // oldest entry, not from now: who is asked at each awakening must not put it off each time.
      const writtenAtMs = this.journal.undeliveredSinceMs ?? nowMs;
      const guard = { atMs: writtenAtMs + this.#guardMs(), gapMs: this.#guardMs() };
      dueAtMs.push(this.relay.retryAtMs ?? dueTime(guard, nowMs));
    }
    return dueAtMs.length === 0 ? null : Math.max(nowMs, Math.min(...dueAtMs));
  }

  /** A clock that jumps ends no attempt: one that is still owned is looked at again soon. */
  #guardAtMs(intendedAtMs: number | undefined, nowMs: number): number {
    const guardAtMs = (intendedAtMs ?? nowMs) + this.#guardMs();
    return Math.min(Math.max(guardAtMs, nowMs + GUARD_MS), nowMs + this.#guardMs());
  }

  #guardMs(): number {
    return this.#host.harmonyTimeoutMs + GUARD_MS;
  }

  #halt(reason: string): void {
    if (this.journal.method.halted === null) {
      this.#guarded(() => this.journal.halt(reason));
      const atMs = this.#host.now();
      this.step(NOBODY, {}, (draft) =>
        note(draft, { type: "delivery_refused", atMs, chargeId: null, reason }),
      );
    }
  }

  #alert(noted: Noted): void {
    const { fact, seq } = noted;
    if (isRefusalBelied(noted)) {
      const { chargeId } = fact;
      this.#host.log("alert", "refused_yet_paid", {
        paymentMethodId: this.#host.paymentMethodId,
        seq,
        chargeId,
      });
    }
    // That a further payment was cancelled concerns nobody.
    if (ALERTS.has(fact.type) && !(fact.type === "late_truth_found" && fact.as === "cancelled")) {
      this.#host.log("alert", fact.type, {
        paymentMethodId: this.#host.paymentMethodId,
        seq,
        chargeId: fact.chargeId,
        refundId: noted.refund?.refundId ?? null,
        ...(fact.type === "late_truth_found" ? { besideChargeId: fact.beside } : {}),
      });
    }
  }

  /** A storage error ends the instance, so that callers ask a fresh one and nothing is half known. */
  #guarded(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#host.log("alert", "storage_failed", { message });
    this.#host.abort(`storage failed: ${message}`);
  }
}
