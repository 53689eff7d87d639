/**
 * Owns what is recorded of a payment of Harmony's, whoever made it, and how a statement about it
 * changes that. Must not decide whose it is (whose.ts) nor what a status means (status.ts). Pure.
 */
import type { Payment } from "./outcome.ts";

/** PERSISTED CONTRACT. */
export interface PaymentRecord extends Payment {
  /** `seq` of the entry that first recorded it: what was recorded before an intent is known to it. */
  readonly recordedSeq: number;
  /** When its status was first told; and the last entry that told it: what began before is older news. */
  readonly statusAtMs: number;
  readonly statusSeq: number;
  /** The charge it is attributed to, null for none (yet). */
  readonly chargeId: string | null;
  /** The tag found in its description, where the history echoes one. */
  readonly tag: string | null;
  /** Its creation time, where the history gives one with an offset. */
  readonly createdAtMs: number | null;
  /** `seq` of the first complete look that listed it: every later one must. Null: none has. */
  readonly listedSeq: number | null;
  /** When that look began, and the complete look before it, with its entry; null where there was none. */
  readonly listedAtMs: number | null;
  readonly absentAtMs: number | null;
  readonly absentSeq: number | null;
  /** A read of this very id has shown it. */
  readonly read: boolean;
  /** Older news spoke against its status: it is read until one read is answered. */
  readonly reread: boolean;
  /** That was it: it is read by the schedule of polls, not when a no is over. */
  readonly disputed: boolean;
  /** Whether it was reported as nobody's. */
  readonly unattributed: boolean;
  /** The last statement of Harmony's, where it contradicts the books; and when that began, unless long ago. */
  readonly contradicted: string | null;
  readonly contradictedAtMs?: number;
  /** A statement of Harmony's that a person has judged: said again, it tells nothing new. */
  readonly judged?: string | null;
  /** Charges that a person has said did not make it. */
  readonly notOf: readonly string[];
  /** It was there, and is found no more: no look has to list it. */
  readonly missing: boolean;
  /** A person has named it foreign: no rule attributes it to a charge any more. */
  readonly foreign: boolean;
}

/** What one entry tells of a payment beside its four fields; what is left out stays as it was. */
export type Told = { readonly seq: number; readonly atMs: number } & Partial<
  Omit<PaymentRecord, keyof Payment | "recordedSeq" | "statusAtMs" | "statusSeq">
>;

/** A payment's record after it was told of. */
export function evolvePayment(
  record: PaymentRecord | null,
  payment: Payment,
  { seq, atMs, ...told }: Told,
): PaymentRecord {
  const before = record ?? {
    recordedSeq: seq,
    chargeId: null,
    tag: null,
    createdAtMs: null,
    listedSeq: null,
    listedAtMs: null,
    absentAtMs: null,
    absentSeq: null,
    read: false,
    reread: false,
    disputed: false,
    unattributed: false,
    contradicted: null,
    notOf: [],
    missing: false,
    foreign: false,
  };
  const same = record?.status === payment.status;
  return {
    ...before,
    ...bare(payment),
    ...told,
    tag: told.tag ?? before.tag,
    createdAtMs: told.createdAtMs ?? before.createdAtMs,
    statusAtMs: same ? record.statusAtMs : atMs,
    statusSeq: same ? record.statusSeq : seq,
  };
}

/** A payment's own fields, without what else is recorded of it. */
export function bare({ id, spelt, status, amountMinor, currency }: Payment): Payment {
  return { id, ...(spelt === undefined ? {} : { spelt }), status, amountMinor, currency };
}

/** Whether somebody's money may be with it: neither cancelled nor given back. An unknown status may. */
export function holdsMoney({ status }: Payment): boolean {
  return status !== "CANCELLED" && status !== "REFUNDED";
}

/** Whether the last that Harmony said of it is not what is booked, and no person has judged that. */
export function isContradicted(payment: Partial<PaymentRecord>): boolean {
  return payment.contradicted != null && payment.contradictedAtMs !== undefined;
}
