/**
 * Owns all SQL about charges and their attempts in the object's own storage. Must not decide
 * anything, nor open a transaction: the journal writes a draft whole.
 */
import {
  type Attempt,
  type AttemptRecord,
  attemptRecords,
  type Charge,
  type ChargeRequest,
  CHARGE_STATES,
  isUnread,
} from "../domain/charge.ts";
import type { Storage } from "./host.ts";
import { UnknownStateError } from "./unknown-state.ts";

export class ChargeTable {
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  byKey(caller: string, idempotencyKey: string): Charge | null {
    const [charge] = this.#read("caller = ? AND idempotency_key = ?", caller, idempotencyKey);
    return charge ?? null;
  }

  byId(chargeId: string): Charge | null {
    const [charge] = this.#read("charge_id = ?", chargeId);
    return charge ?? null;
  }

  /** Every charge that waits for something: an answer, a look, a poll, a person. */
  open(): Charge[] {
    return this.#read("open = 1");
  }

  /** Every attempt of the method. */
  attempts(): AttemptRecord[] {
    return this.#attempts("1 = 1");
  }

  /** The attempts of this amount that were told no. */
  noesOf({ amountMinor, currency }: ChargeRequest): AttemptRecord[] {
    return this.#attempts("amount_minor = ? AND no_at_ms IS NOT NULL", amountMinor).filter(
      (attempt) => attempt.currency === currency,
    );
  }

  /** What errors have named since then and no read has answered for, the last first. */
  guesses(sinceMs: number): { readonly askedFor: string; readonly paymentId: string }[] {
    return this.#attempts("body ->> 'namedPaymentId' IS NOT NULL")
      .filter((one) => isUnread(one) && (one.answeredAtMs ?? 0) >= sinceMs)
      .toSorted((a, b) => b.intentSeq - a.intentSeq)
      .flatMap(({ chargeId, namedPaymentId }) =>
        namedPaymentId === null ? [] : [{ askedFor: chargeId, paymentId: namedPaymentId }],
      );
  }

  /** Whether the reply to another attempt than this one has named a payment. */
  isNamed(paymentId: string, intentSeq: number): boolean {
    return this.#naming(paymentId).some((one) => one.intentSeq !== intentSeq);
  }

  /** How a reply spelt the payment id that it named, where that differs. */
  namedAs(paymentId: string): string | null {
    return this.#naming(paymentId)[0]?.namedAs ?? null;
  }

  /** Writes a charge, and of its attempts those that are not as they were. */
  write(charge: Charge | undefined, before: readonly Attempt[] | undefined): void {
    if (charge === undefined) {
      throw new Error("Bug: a changed charge is not in the draft");
    }
    this.#run(
      `INSERT INTO charge (charge_id, caller, idempotency_key, open, body) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (charge_id) DO UPDATE SET open = excluded.open, body = excluded.body`,
      charge.chargeId,
      charge.caller,
      charge.idempotencyKey,
      isOpen(charge) ? 1 : 0,
      JSON.stringify(charge),
    );
    for (const [index, record] of attemptRecords(charge).entries()) {
      if (charge.attempts[index] !== before?.[index]) {
        this.#run(
          `INSERT INTO attempt (charge_id, attempt, amount_minor, no_at_ms, body)
           VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (charge_id, attempt) DO UPDATE SET no_at_ms = excluded.no_at_ms,
             body = excluded.body`,
          record.chargeId,
          record.attempt,
          record.amountMinor,
          record.noAtMs,
          JSON.stringify(record),
        );
      }
    }
  }

  #read(where: string, ...bindings: string[]): Charge[] {
    return this.#storage.sql
      .exec(`SELECT body FROM charge WHERE ${where} ORDER BY rowid`, ...bindings)
      .toArray()
      .map((row) => parsed(row["body"]));
  }

  #naming(paymentId: string): AttemptRecord[] {
    return this.#attempts("body ->> 'namedPaymentId' = ?", paymentId);
  }

  #attempts(where: string, ...bindings: (string | number)[]): AttemptRecord[] {
    return this.#storage.sql
      .exec(`SELECT body FROM attempt WHERE ${where}`, ...bindings)
      .toArray()
      .map((row) => JSON.parse(String(row["body"])) as AttemptRecord);
  }

  #run(query: string, ...bindings: (string | number | null)[]): void {
    this.#storage.sql.exec(query, ...bindings).toArray();
  }
}

function isOpen(charge: Charge): boolean {
  return (
    charge.state === "in_flight" ||
    charge.state === "in_doubt" ||
    charge.state === "pending" ||
    charge.nextLook !== null ||
    charge.nextPoll !== null ||
    charge.contested.length > 0
  );
}

function parsed(body: unknown): Charge {
  const charge = JSON.parse(String(body)) as Charge;
  if (charge.v !== 1 || !CHARGE_STATES.includes(charge.state)) {
    throw new UnknownStateError(`charge ${charge.chargeId} is of an unknown version or state`);
  }
  return charge;
}
