/**
 * Owns the names of an entry's columns: camel case in code, snake case in D1, mapped here only.
 * Must not hold SQL: append.ts and queries.ts build theirs from this list.
 *
 * PERSISTED CONTRACT: a member's column is never renamed; new members are added at the end.
 */
import type { Entry } from "../domain/entries.ts";

const COLUMN_OF = {
  v: "v",
  paymentMethodId: "payment_method_id",
  seq: "seq",
  type: "type",
  occurredAt: "occurred_at",
  chargeId: "charge_id",
  refundId: "refund_id",
  attempt: "attempt",
  idempotencyKey: "idempotency_key",
  reference: "reference",
  caller: "caller",
  keyId: "key_id",
  requestId: "request_id",
  traceId: "trace_id",
  origin: "origin",
  amountMinor: "amount_minor",
  effectMinor: "effect_minor",
  currency: "currency",
  paymentId: "payment_id",
  paymentStatus: "payment_status",
  outcome: "outcome",
  httpStatus: "http_status",
  latencyMs: "latency_ms",
  detail: "detail",
  prevHash: "prev_hash",
  hash: "hash",
} as const satisfies { readonly [Name in keyof Entry]: string };

export type Member = keyof typeof COLUMN_OF;

/** Every member of an entry, in the order in which they are bound and shown. */
export const MEMBERS = Object.keys(COLUMN_OF) as readonly Member[];

/** The column that keeps a member. */
export function columnOf(member: Member): string {
  return COLUMN_OF[member];
}
