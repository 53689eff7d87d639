/**
 * Owns all SQL about refunds in the object's own storage. Must not decide anything, nor open a
 * transaction: the journal writes a draft whole.
 */
import { isRefundUndecided, type Refund, REFUND_STATES } from "../domain/refund.ts";
import type { Storage } from "./host.ts";
import { UnknownStateError } from "./unknown-state.ts";

export class RefundTable {
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  byKey(caller: string, idempotencyKey: string): Refund | null {
    const [refund] = this.#read("caller = ? AND idempotency_key = ?", caller, idempotencyKey);
    return refund ?? null;
  }

  byId(refundId: string): Refund | null {
    const [refund] = this.#read("refund_id = ?", refundId);
    return refund ?? null;
  }

  /** One that is known to be there. */
  get(refundId: string): Refund {
    const refund = this.byId(refundId);
    if (refund === null) {
      throw new Error(`Bug: refund ${refundId} vanished`);
    }
    return refund;
  }

  ofPayment(paymentId: string): Refund[] {
    return this.#read("payment_id = ?", paymentId);
  }

  /** Every refund that waits for something: an answer or a read. */
  open(): Refund[] {
    return this.#read("open = 1");
  }

  write(refund: Refund | undefined): void {
    if (refund === undefined) {
      throw new Error("Bug: a changed refund is not in the draft");
    }
    this.#storage.sql
      .exec(
        `INSERT INTO refund (refund_id, caller, idempotency_key, payment_id, open, body)
         VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (refund_id) DO UPDATE SET open = excluded.open, body = excluded.body`,
        refund.refundId,
        refund.caller,
        refund.idempotencyKey,
        refund.request.paymentId,
        isRefundUndecided(refund) ? 1 : 0,
        JSON.stringify(refund),
      )
      .toArray();
  }

  #read(where: string, ...bindings: string[]): Refund[] {
    return this.#storage.sql
      .exec(`SELECT body FROM refund WHERE ${where} ORDER BY rowid`, ...bindings)
      .toArray()
      .map((row) => parsed(row["body"]));
  }
}

/** What earlier code planned beyond a decision by its rules, late reads, is not done any more. */
function parsed(body: unknown): Refund {
  const refund = JSON.parse(String(body)) as Refund;
  if (refund.v !== 1 || !REFUND_STATES.includes(refund.state)) {
    throw new UnknownStateError(`refund ${refund.refundId} is of an unknown version or state`);
  }
  return isRefundUndecided(refund) ? refund : { ...refund, doubt: null, nextRead: null };
}
