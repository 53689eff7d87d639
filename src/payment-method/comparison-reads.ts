/**
 * Owns the reads of an object's own storage that comparisons and their entries need: whole tables,
 * once for a run. Must not write.
 */
import type { PaidCharge } from "../domain/reconcile.ts";
import type { Storage } from "./host.ts";

export class ComparisonReads {
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** The charges of these amounts that have a payment. */
  paidCharges(amountsMinor: readonly number[]): PaidCharge[] {
    return this.#rows(
      `SELECT charge_id, body ->> '$.payment.id' AS payment_id,
         body ->> '$.request.amountMinor' AS amount_minor, body ->> '$.request.currency' AS currency,
         body ->> '$.attempts[0].intentSeq' AS intent_seq,
         body ->> '$.attempts[0].intendedAtMs' AS intended_at,
         (SELECT json_group_array(value ->> 'tag') FROM json_each(body, '$.attempts')) AS tags
       FROM charge WHERE body ->> '$.payment.id' IS NOT NULL
         AND body ->> '$.request.amountMinor' IN (SELECT value FROM json_each(?))`,
      JSON.stringify(amountsMinor),
    ).map((row) => ({
      chargeId: String(row["charge_id"]),
      paymentId: String(row["payment_id"]),
      amountMinor: Number(row["amount_minor"]),
      currency: String(row["currency"]),
      intentSeq: Number(row["intent_seq"]),
      intendedAtMs: Number(row["intended_at"]),
      tags: (JSON.parse(String(row["tags"])) as (string | null)[]).filter((tag) => tag !== null),
    }));
  }

  /** The entry that records this run, if it is there: the newest are read first. */
  reconciliationSeq(reconciliationId: string): number | null {
    const [row] = this.#rows(
      `SELECT seq FROM entry WHERE body ->> 'type' = 'reconciliation_recorded'
         AND body ->> '$.detail.reconciliationId' = ? ORDER BY seq DESC LIMIT 1`,
      reconciliationId,
    );
    return row === undefined ? null : Number(row["seq"]);
  }

  #rows(query: string, binding: string) {
    return this.#storage.sql.exec(query, binding).toArray();
  }
}
