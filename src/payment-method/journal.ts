/**
 * Owns the SQL against the object's own storage, but for that of charges (charge-table.ts), of refunds
 * (refund-table.ts) and of comparisons (comparison-reads.ts): payments, and the chain of entries that
 * is also the outbox. Must not decide anything, nor talk to anyone. One of the files that can lose
 * money: a draft is written whole, with its entries, or not at all.
 */
import type { ChargeRequest } from "../domain/charge.ts";
import type { Draft, Rules, View } from "../domain/draft.ts";
import { type Entry, FIRST_PREV_HASH } from "../domain/entries.ts";
import type { Actor } from "../domain/facts.ts";
import { type Inactive, inactiveAfter } from "../domain/inactive.ts";
import type { PaymentRecord } from "../domain/payment.ts";
import { entryOf } from "../domain/render.ts";
import { type Unreadable, unreadableAfter } from "../domain/unreadable.ts";
import { sealEntry } from "../ledger/chain.ts";
import { ChargeTable } from "./charge-table.ts";
import { ComparisonReads } from "./comparison-reads.ts";
import type { Storage } from "./host.ts";
import { RefundTable } from "./refund-table.ts";
import { migrate } from "./schema.ts";
import { UnknownStateError } from "./unknown-state.ts";

interface Method {
  readonly baselineSeq: number | null;
  /** When the last complete look began, and its entry. */
  readonly lookedAtMs: number | null;
  readonly lookedSeq: number | null;
  readonly foreignSeen: boolean;
  readonly halted: string | null;
  /** That it is not to be charged, as far as is known. */
  readonly inactive: Inactive | null;
  /** That its history was not to be read lately. */
  readonly unreadable: Unreadable | null;
  /** When it was created through us; null where it was not, or long ago. */
  readonly createdAtMs: number | null;
}

/** Which payments' records a step needs: none but its own, or all of them for a look. */
type Wanted = { readonly paymentIds: readonly string[] } | "all";

export class Journal {
  readonly charges: ChargeTable;
  readonly refunds: RefundTable;
  readonly comparison: ComparisonReads;
  readonly #storage: Storage;
  readonly #paymentMethodId: string;
  #method: Method = {
    baselineSeq: null,
    lookedAtMs: null,
    lookedSeq: null,
    foreignSeen: false,
    halted: null,
    inactive: null,
    unreadable: null,
    createdAtMs: null,
  };
  #lastSeq = 0;
  #lastHash = FIRST_PREV_HASH;
  #lastWrittenAtMs: number | null = null;
  #deliveredSeq = 0;
  #deliveredStored = 0;
  #undeliveredSinceMs: number | null = null;

  /** Opens the tables. Throws UnknownStateError where a later version wrote them. */
  constructor(storage: Storage, paymentMethodId: string) {
    this.#storage = storage;
    this.#paymentMethodId = paymentMethodId;
    this.charges = new ChargeTable(storage);
    this.refunds = new RefundTable(storage);
    this.comparison = new ComparisonReads(storage);
    if (!migrate(storage)) {
      throw new UnknownStateError("the tables are of a later version");
    }
    const [row] = this.#rows("SELECT * FROM method");
    if (row !== undefined) {
      this.#method = {
        baselineSeq: integerOrNull(row["baseline_seq"]),
        lookedAtMs: integerOrNull(row["looked_at_ms"]),
        lookedSeq: integerOrNull(row["looked_seq"]),
        foreignSeen: row["foreign_seen"] === 1,
        halted: textOrNull(row["halted"]),
        inactive: JSON.parse(textOrNull(row["inactive"]) ?? "null") as Inactive | null,
        unreadable: JSON.parse(textOrNull(row["unreadable"]) ?? "null") as Unreadable | null,
        createdAtMs: integerOrNull(row["created_at_ms"]),
      };
      this.#deliveredStored = this.#deliveredSeq = integerOrNull(row["delivered_seq"]) ?? 0;
    }
    const [last] = this.#rows(
      "SELECT seq, hash, body ->> 'occurredAt' AS at FROM entry ORDER BY seq DESC LIMIT 1",
    );
    if (last !== undefined) {
      this.#lastSeq = Number(last["seq"]);
      this.#lastHash = String(last["hash"]);
      this.#lastWrittenAtMs = Date.parse(String(last["at"]));
    }
    this.markDelivered(this.#deliveredSeq);
  }

  get method(): Method {
    return this.#method;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** When the last entry was written; null before the first. */
  get lastWrittenAtMs(): number | null {
    return this.#lastWrittenAtMs;
  }

  get hasUndelivered(): boolean {
    return this.#lastSeq > this.#deliveredSeq;
  }

  /** When the oldest entry not known to be in the ledger was written; null where there is none. */
  get undeliveredSinceMs(): number | null {
    return this.#undeliveredSinceMs;
  }

  get deliveredSeq(): number {
    return this.#deliveredSeq;
  }

  payment(paymentId: string): PaymentRecord | null {
    const [row] = this.#rows("SELECT body FROM payment WHERE payment_id = ?", paymentId);
    return row === undefined ? null : (JSON.parse(String(row["body"])) as PaymentRecord);
  }

  /**
   * The payments that a complete look must show: those it has shown before, and ours. One that only
   * a single read has shown may be of a kind that the history leaves out.
   */
  listedPaymentIds(): ReadonlySet<string> {
    return new Set(
      this.#rows(
        `SELECT payment_id FROM payment
         WHERE (charge_id IS NOT NULL OR body ->> 'listedSeq' IS NOT NULL)
           AND body ->> 'missing' = 0`,
      ).map((r) => String(r["payment_id"])),
    );
  }

  /** What a step decides on: the open charges, those of its payments, and the one asked for. */
  view(
    now: { nowMs: number; jitter: number; rules: Rules },
    chargeId: string | null,
    wanted: Wanted,
  ): View {
    const charges = new Map(this.charges.open().map((charge) => [charge.chargeId, charge]));
    const payments = new Map<string, PaymentRecord>();
    const records =
      wanted === "all"
        ? this.#rows("SELECT body FROM payment ORDER BY rowid").map((row) => row["body"])
        : wanted.paymentIds.flatMap((id) =>
            this.#rows("SELECT body FROM payment WHERE payment_id = ?", id).map(
              (row) => row["body"],
            ),
          );
    for (const body of records) {
      const record = JSON.parse(String(body)) as PaymentRecord;
      payments.set(record.id, record);
    }
    if (chargeId !== null && !charges.has(chargeId)) {
      const charge = this.charges.byId(chargeId);
      if (charge !== null) {
        charges.set(chargeId, charge);
      }
    }
    return {
      ...now,
      nextSeq: this.#lastSeq + 1,
      baselineSeq: this.#method.baselineSeq,
      lookedAtMs: this.#method.lookedAtMs,
      lookedSeq: this.#method.lookedSeq,
      unreadable: this.#method.unreadable,
      attempts: [],
      charges,
      payments,
      refunds: new Map(this.refunds.open().map((refund) => [refund.refundId, refund])),
    };
  }

  /** Adds every refund of a payment to a view: what one of them may do depends on the others. */
  withRefundsOf(view: View, paymentId: string): View {
    const refunds = new Map(view.refunds);
    for (const refund of this.refunds.ofPayment(paymentId)) {
      refunds.set(refund.refundId, refund);
    }
    return { ...view, refunds };
  }

  /** The payments of this amount that a person has to judge. */
  contestedOf({ amountMinor, currency }: ChargeRequest): PaymentRecord[] {
    const ids = new Set(this.charges.open().flatMap(({ contested }) => contested));
    return [...ids]
      .flatMap((id) => this.payment(id) ?? [])
      .filter(
        (payment) =>
          payment.chargeId === null &&
          payment.amountMinor === amountMinor &&
          payment.currency === currency,
      );
  }

  /** Adds every attempt of the method to a view. */
  withAttempts(view: View): View {
    return { ...view, attempts: this.charges.attempts() };
  }

  /** Adds charges to a view, closed ones included. */
  withCharges(view: View, chargeIds: Iterable<string>): View {
    const charges = new Map(view.charges);
    for (const id of chargeIds) {
      const charge = charges.has(id) ? null : this.charges.byId(id);
      if (charge !== null) {
        charges.set(charge.chargeId, charge);
      }
    }
    return { ...view, charges };
  }

  /** Writes a draft: its charges, refunds, payments and sealed entries, in one transaction. */
  write(draft: Draft, actor: Actor): void {
    if (draft.noted.length === 0) {
      return;
    }
    const iso = (ms: number) => new Date(ms).toISOString();
    const occurredAt = iso(draft.view.nowMs);
    const sealed: { entry: Entry; text: string }[] = [];
    let prevHash = this.#lastHash;
    for (const noted of draft.noted) {
      const content = entryOf(noted, this.#paymentMethodId, actor, occurredAt, iso);
      const one = sealEntry(content, noted.seq, prevHash);
      prevHash = one.entry.hash;
      sealed.push(one);
    }
    const facts = draft.noted.map(({ fact }) => fact);
    const method = {
      ...this.#method,
      baselineSeq: draft.baselineSeq,
      lookedAtMs: draft.lookedAtMs,
      lookedSeq: draft.lookedSeq,
      foreignSeen: this.#method.foreignSeen || draft.foreignSeen,
      inactive: inactiveAfter(this.#method.inactive, facts),
      unreadable: unreadableAfter(this.#method.unreadable, facts),
    };
    this.#storage.transactionSync(() => {
      for (const { entry, text } of sealed) {
        this.#run(
          "INSERT INTO entry (seq, hash, body) VALUES (?, ?, ?)",
          entry.seq,
          entry.hash,
          text,
        );
      }
      for (const id of draft.changedCharges) {
        this.charges.write(draft.charges.get(id), draft.view.charges.get(id)?.attempts);
      }
      for (const id of draft.changedRefunds) {
        this.refunds.write(draft.refunds.get(id));
      }
      for (const id of draft.changedPayments) {
        this.#writePayment(draft.payments.get(id));
      }
      this.#writeMethod(method);
    });
    this.#method = method;
    this.#deliveredStored = this.#deliveredSeq;
    this.#lastSeq = draft.view.nextSeq + draft.noted.length - 1;
    this.#lastHash = prevHash;
    this.#lastWrittenAtMs = draft.view.nowMs;
    this.#undeliveredSinceMs ??= draft.view.nowMs;
  }

  /** Entries not known to be in the ledger, in order, at most `limit`. */
  undelivered(limit: number): Entry[] {
    return this.#rows(
      "SELECT body FROM entry WHERE seq > ? ORDER BY seq LIMIT ?",
      this.#deliveredSeq,
      limit,
    ).map((row) => JSON.parse(String(row["body"])) as Entry);
  }

  hashAt(seq: number): string | null {
    const [row] = this.#rows("SELECT hash FROM entry WHERE seq = ?", seq);
    return row === undefined ? null : String(row["hash"]);
  }

  /**
   * Remembers that everything up to `seq` is in the ledger. The mark is stored with the next
   * write, since a commit of its own would cost more than delivering again, which changes nothing.
   */
  markDelivered(seq: number): void {
    this.#deliveredSeq = seq;
    const query = "SELECT body ->> 'occurredAt' AS at FROM entry WHERE seq = ?";
    const [next] = seq < this.#lastSeq ? this.#rows(query, seq + 1) : [];
    this.#undeliveredSinceMs = next === undefined ? null : Date.parse(String(next["at"]));
  }

  /** Stores the mark now, where no further write is expected to. */
  storeMark(): void {
    if (this.#deliveredStored !== this.#deliveredSeq) {
      this.#writeMethod(this.#method);
      this.#deliveredStored = this.#deliveredSeq;
    }
  }

  /** Stops all sending on this method, for a person to look at. */
  halt(reason: string): void {
    this.know({ halted: reason });
  }

  /** Keeps what is known of the method beside its entries. */
  know(known: Partial<Pick<Method, "halted" | "inactive" | "createdAtMs">>): void {
    const method = { ...this.#method, ...known };
    this.#writeMethod(method);
    this.#method = method;
  }

  /** Ends the halt; stored with the next write, in one transaction with the entry that says so. */
  resume(): void {
    this.#method = { ...this.#method, halted: null };
  }

  #writeMethod(method: Method): void {
    this.#run(
      `INSERT INTO method (id, payment_method_id, baseline_seq, looked_at_ms, looked_seq,
         foreign_seen, delivered_seq, halted, inactive, unreadable, created_at_ms)
       VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET baseline_seq = excluded.baseline_seq,
         looked_at_ms = excluded.looked_at_ms, looked_seq = excluded.looked_seq, foreign_seen = excluded.foreign_seen,
         delivered_seq = excluded.delivered_seq, halted = excluded.halted,
         inactive = excluded.inactive, unreadable = excluded.unreadable, created_at_ms = excluded.created_at_ms`,
      this.#paymentMethodId,
      method.baselineSeq,
      method.lookedAtMs,
      method.lookedSeq,
      method.foreignSeen ? 1 : 0,
      this.#deliveredSeq,
      method.halted,
      method.inactive === null ? null : JSON.stringify(method.inactive),
      method.unreadable === null ? null : JSON.stringify(method.unreadable),
      method.createdAtMs,
    );
  }

  #writePayment(record: PaymentRecord | undefined): void {
    if (record === undefined) {
      throw new Error("Bug: a changed payment is not in the draft");
    }
    this.#run(
      `INSERT INTO payment (payment_id, charge_id, body) VALUES (?, ?, ?)
       ON CONFLICT (payment_id) DO UPDATE SET charge_id = excluded.charge_id, body = excluded.body`,
      record.id,
      record.chargeId,
      JSON.stringify(record),
    );
  }

  #rows(query: string, ...bindings: (string | number | null)[]) {
    return this.#storage.sql.exec(query, ...bindings).toArray();
  }

  #run(query: string, ...bindings: (string | number | null)[]): void {
    this.#storage.sql.exec(query, ...bindings).toArray();
  }
}

function integerOrNull(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
