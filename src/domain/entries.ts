/**
 * Owns the shape of a ledger entry: its members, its types and what may stand in `detail`.
 * Must not hash, number or store anything: `seq`, `prevHash` and `hash` are given by the journal.
 *
 * PERSISTED CONTRACT: entries are kept for ever and hashed. Members and types may be added under
 * a new `v`; none is ever renamed, removed or reinterpreted.
 */

/** What an entry can say happened, in the past tense. Add, never rename. */
export const ENTRY_TYPES = [
  "attempt_intended",
  "attempt_answered",
  "looked",
  "polled",
  "payment_adopted",
  "status_changed",
  "not_charged_by_rule",
  "charge_escalated",
  "operator_resolved",
  "late_truth_found",
  "contradiction_found",
  "payment_unattributed",
  "replayed",
  "key_mismatched",
  "method_frozen",
  "method_unfrozen",
  "method_revoked",
  "refund_intended",
  "refund_answered",
  "refund_resolved",
  "refund_escalated",
  "delivery_refused",
  "reconciliation_recorded",
  "key_created",
  "key_revoked",
  "method_created",
  "method_create_failed",
  "method_revoke_failed",
  "method_resumed",
  "payment_contested",
  "contest_ended",
  "refusal_checked",
  "name_dropped",
  "history_unreadable",
  "history_readable",
] as const;

export type EntryType = (typeof ENTRY_TYPES)[number];

/** JSON that survives RFC 8785 unchanged: numbers are safe integers, text is well-formed. */
export type DetailValue =
  | string
  | number
  | boolean
  | null
  | readonly DetailValue[]
  | { readonly [member: string]: DetailValue };

export type Detail = { readonly [member: string]: DetailValue };

/** Everything an entry says, before the journal numbers and seals it. */
export interface EntryContent {
  readonly v: 1;
  readonly paymentMethodId: string;
  readonly type: EntryType;
  /** RFC 3339, UTC, milliseconds. */
  readonly occurredAt: string;
  readonly chargeId: string | null;
  readonly refundId: string | null;
  readonly attempt: number | null;
  readonly idempotencyKey: string | null;
  readonly reference: string | null;
  readonly caller: string | null;
  readonly keyId: string | null;
  readonly requestId: string | null;
  readonly traceId: string | null;
  /** The caller's address, or `alarm`, `cron`. */
  readonly origin: string | null;
  /** What was asked, in centavos. */
  readonly amountMinor: number | null;
  /** The centavos that this entry first makes known as moved; the sum over the ledger is the net. */
  readonly effectMinor: number;
  readonly currency: string | null;
  readonly paymentId: string | null;
  readonly paymentStatus: string | null;
  readonly outcome: string | null;
  readonly httpStatus: number | null;
  readonly latencyMs: number | null;
  readonly detail: Detail | null;
}

/** An entry with its place in the chain of its payment method. */
export interface Entry extends EntryContent {
  /** Counts from 1 per payment method, without gaps. */
  readonly seq: number;
  /** Hash of the entry before; 64 zeros for the first. */
  readonly prevHash: string;
  /** Lower-case hex SHA-256 of the RFC 8785 text of every other member. */
  readonly hash: string;
}

/** Acts of the gateway itself are the chain of the nil UUID. */
export const GATEWAY_CHAIN_ID = "00000000-0000-0000-0000-000000000000";

/** The `prevHash` of the first entry of a chain. */
export const FIRST_PREV_HASH = "0".repeat(64);

/** Longest text from outside that becomes part of an entry, in UTF-16 units. */
export const OUTSIDE_TEXT_MAX = 2048;

/**
 * Text from outside (Harmony's bodies, callers' odd input) as it may stand in an entry:
 * well-formed, without NUL, cut to 2 KiB of UTF-8 at a whole character. Any bytes make an entry.
 */
export function outsideText(text: string): string {
  let kept = "";
  let bytes = 0;
  for (const character of text.slice(0, OUTSIDE_TEXT_MAX).toWellFormed()) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (bytes > OUTSIDE_TEXT_MAX) {
      break;
    }
    kept += point === 0 ? "\uFFFD" : character;
  }
  // A surrogate pair cut by the slice above leaves a lone half, which toWellFormed has replaced.
  return kept;
}
