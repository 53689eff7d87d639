/**
 * The sandbox's truth: payment methods and every payment really made, with their status history.
 * Owns their records and each change of them; collects what changed since the last save. Free of
 * Node, sockets and scenarios' meaning: clock, ids and saving are handed in, so that a simulator
 * can replay it from a seed.
 */
import { emptyScenario } from "./scenario.ts";
import { testCards } from "./test-cards.ts";
import type { ChargeStep, PaymentMethodStatus, PaymentStatus, Scenario } from "./kinds.ts";

/** PERSISTED CONTRACT: kept in the state directory; new members are optional. */
export interface PaymentMethod {
  id: string;
  status: PaymentMethodStatus;
  externalId: string | null;
  createdAt: number;
  /** When the link of a PENDING one lapses. */
  expiresAt: number | null;
  /** What every charge does that no scenario step is left for. */
  standing: ChargeStep | null;
  scenario: Scenario;
  pending: Pending<PaymentMethodStatus> | null;
}

/** PERSISTED CONTRACT, as above. */
export interface Payment {
  id: string;
  paymentMethodId: string;
  amountMinor: number;
  currency: "MXN";
  description: string | null;
  status: PaymentStatus;
  createdAt: number;
  /** Set by hand only; null leaves it to the method's `visibleAfterMs`. */
  visibleAt: number | null;
  /** Answered or not within its request, made after it, or made behind everyone's back. */
  origin: "charge" | "late" | "foreign";
  pending: Pending<PaymentStatus> | null;
  statusHistory: { status: PaymentStatus; at: number }[];
  /** When the request that made it came in: before `createdAt` where it was made late. */
  askedAt?: number;
  /** Since when no read and no history knows it any more, though it was made. */
  goneAt?: number;
  /** The other payment that the answer to its charge named in its place; null where it named none. */
  answeredAs?: string | null;
}

/** PERSISTED CONTRACT, as above: an act that was asked for and is still to come. */
export interface LateAct {
  id: string;
  act: "charge" | "refund" | "revoke";
  dueAt: number;
  paymentMethodId: string;
  paymentId: string | null;
  amountMinor: number;
  description: string | null;
  askedAt?: number;
}

/** A change of status that shows at the last of so many polls. */
export interface Pending<Status> {
  pollsLeft: number;
  becomes: Status;
}

export type BookRecord =
  | { noun: "payment_method"; id: string; value: PaymentMethod }
  | { noun: "payment"; id: string; value: Payment }
  | { noun: "late_act"; id: string; value: LateAct };
export type Change = BookRecord | { noun: BookRecord["noun"]; id: string; value: null };

export interface NewPayment {
  paymentMethodId: string;
  amountMinor: number;
  description: string | null;
  status: PaymentStatus;
  origin: Payment["origin"];
  createdAt?: number;
  /** As `createdAt` where it is not given: it was made while it was asked for. */
  askedAt?: number;
}

export interface BookOptions {
  now: () => number;
  uuid: () => string;
}

export class Book {
  readonly #now: () => number;
  readonly #uuid: () => string;
  readonly #methods = new Map<string, PaymentMethod>();
  readonly #payments = new Map<string, Payment>();
  readonly #paymentsOf = new Map<string, Payment[]>();
  readonly #lateActs = new Map<string, LateAct>();
  #changes = new Map<string, Change>();

  constructor(options: BookOptions, records: Iterable<BookRecord>) {
    this.#now = options.now;
    this.#uuid = options.uuid;
    for (const record of records) {
      this.#put(record);
    }
    this.#addTestCards();
    this.#changes.clear();
  }

  /** What changed since the last call, in the order of first change, each record once. */
  takeChanges(): Change[] {
    if (this.#changes.size === 0) {
      return [];
    }
    const changes = [...this.#changes.values()];
    this.#changes = new Map();
    return changes;
  }

  method(id: string): PaymentMethod | undefined {
    const method = this.#methods.get(id);
    if (method?.status === "PENDING" && (method.expiresAt ?? Infinity) <= this.#now()) {
      method.status = "EXPIRED";
      this.changedMethod(method);
    }
    return method;
  }

  methods(): PaymentMethod[] {
    return [...this.#methods.keys()].flatMap((id) => this.method(id) ?? []);
  }

  payment(id: string): Payment | undefined {
    return this.#payments.get(id);
  }

  /** Oldest first. */
  payments(): Payment[] {
    return [...this.#payments.values()];
  }

  /** Oldest first. */
  paymentsOf(paymentMethodId: string): readonly Payment[] {
    return this.#paymentsOf.get(paymentMethodId) ?? [];
  }

  lateActs(): LateAct[] {
    return [...this.#lateActs.values()];
  }

  addMethod(
    method: Pick<PaymentMethod, "status" | "externalId" | "expiresAt" | "standing">,
  ): PaymentMethod {
    const added = {
      ...method,
      id: this.#uuid(),
      createdAt: this.#now(),
      scenario: emptyScenario(),
      pending: null,
    };
    this.#put({ noun: "payment_method", id: added.id, value: added });
    return added;
  }

  setMethodStatus(method: PaymentMethod, status: PaymentMethodStatus): void {
    method.status = status;
    method.pending = null;
    this.changedMethod(method);
  }

  /** For a caller that changed a member itself: a scenario, a poll less. */
  changedMethod(method: PaymentMethod): void {
    this.#changed({ noun: "payment_method", id: method.id, value: method });
  }

  addPayment(payment: NewPayment): Payment {
    const createdAt = payment.createdAt ?? this.#now();
    const added: Payment = {
      id: this.#uuid(),
      paymentMethodId: payment.paymentMethodId,
      amountMinor: payment.amountMinor,
      currency: "MXN",
      description: payment.description,
      status: payment.status,
      createdAt,
      visibleAt: null,
      origin: payment.origin,
      pending: null,
      statusHistory: [{ status: payment.status, at: createdAt }],
      askedAt: payment.askedAt ?? createdAt,
    };
    this.#put({ noun: "payment", id: added.id, value: added });
    return added;
  }

  setPaymentStatus(payment: Payment, status: PaymentStatus): void {
    payment.pending = null;
    if (payment.status !== status) {
      payment.status = status;
      payment.statusHistory.push({ status, at: this.#now() });
    }
    this.changedPayment(payment);
  }

  changedPayment(payment: Payment): void {
    this.#changed({ noun: "payment", id: payment.id, value: payment });
  }

  /** Harmony forgets it for good; what it was stays in the book. */
  forgetPayment(payment: Payment): void {
    payment.goneAt ??= this.#now();
    this.changedPayment(payment);
  }

  deletePayment(payment: Payment): void {
    const siblings = this.#paymentsOf.get(payment.paymentMethodId) ?? [];
    this.#paymentsOf.set(
      payment.paymentMethodId,
      siblings.filter((sibling) => sibling !== payment),
    );
    this.#payments.delete(payment.id);
    this.#changed({ noun: "payment", id: payment.id, value: null });
  }

  addLateAct(act: Omit<LateAct, "id">): LateAct {
    const added = { ...act, id: this.#uuid() };
    this.#put({ noun: "late_act", id: added.id, value: added });
    return added;
  }

  /** Undefined if it was done or forgotten meanwhile. */
  takeLateAct(id: string): LateAct | undefined {
    const act = this.#lateActs.get(id);
    if (act !== undefined) {
      this.#lateActs.delete(id);
      this.#changed({ noun: "late_act", id, value: null });
    }
    return act;
  }

  /** Empties the book of everything but the test cards. */
  reset(): void {
    const held = [
      ["payment_method", this.#methods],
      ["payment", this.#payments],
      ["late_act", this.#lateActs],
    ] as const;
    for (const [noun, records] of held) {
      for (const id of records.keys()) {
        this.#changed({ noun, id, value: null });
      }
      records.clear();
    }
    this.#paymentsOf.clear();
    this.#addTestCards();
  }

  #addTestCards(): void {
    for (const card of testCards(this.#now())) {
      if (!this.#methods.has(card.id)) {
        this.#put({ noun: "payment_method", id: card.id, value: card });
      }
    }
  }

  #put(record: BookRecord): void {
    const key = `${record.noun} ${record.id}`;
    switch (record.noun) {
      case "payment_method":
        assertNew(!this.#methods.has(record.id), key);
        this.#methods.set(record.id, record.value);
        break;
      case "payment": {
        assertNew(!this.#payments.has(record.id), key);
        this.#payments.set(record.id, record.value);
        const siblings = this.#paymentsOf.get(record.value.paymentMethodId);
        if (siblings === undefined) {
          this.#paymentsOf.set(record.value.paymentMethodId, [record.value]);
        } else {
          siblings.push(record.value);
        }
        break;
      }
      case "late_act":
        assertNew(!this.#lateActs.has(record.id), key);
        this.#lateActs.set(record.id, record.value);
        break;
    }
    this.#changed(record);
  }

  #changed(change: Change): void {
    this.#changes.set(`${change.noun} ${change.id}`, change);
  }
}

/** An id that comes twice would silently replace a payment that was really made. */
function assertNew(isNew: boolean, key: string): void {
  if (!isNew) {
    throw new Error(`${key} is in the book already: the ids handed in repeat`);
  }
}
