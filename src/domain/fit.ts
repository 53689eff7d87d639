/**
 * Owns whether a payment and an attempt may belong together: by amount, by what was recorded when, and
 * by time. MONEY: a window too wide calls somebody else's payment ours. Must not decide whose a
 * payment is: whose.ts does. Pure.
 */
import type { AttemptRecord } from "./charge.ts";
import { holdsMoney, type PaymentRecord } from "./payment.ts";
import { spanMs } from "./schedule.ts";

/** What the rows depend on beside the two lists. */
export interface Circumstances {
  /** Others charge the same cards: only our tag proves a payment ours. */
  readonly foreignWriters: boolean;
  /** The delays of the late looks; an attempt's window closes after the last. */
  readonly lateMs: readonly number[];
  readonly nowMs: number;
}

/**
 * How far Harmony's clock may be off ours before a creation time speaks against a payment.
 * Wide enough for bad clocks, narrow enough to tell yesterday's payment from today's.
 */
export const CLOCK_SKEW_MAX_MS = 600_000;

const DAY_MS = 86_400_000;

/** Whether an attempt's tag stands in the payment, or a reply to it named the payment. */
export function proves({ id, tag }: PaymentRecord, attempt: AttemptRecord): boolean {
  return (tag !== null && tag === attempt.tag) || attempt.namedPaymentId === id;
}

/** Of an attempt's amount and currency, and recorded by nothing before it was intended. */
export function isNewTo(payment: PaymentRecord, attempt: AttemptRecord): boolean {
  return (
    payment.amountMinor === attempt.amountMinor &&
    payment.currency === attempt.currency &&
    payment.recordedSeq > attempt.intentSeq
  );
}

/** Row 5: new to it, and first listed or created in its time. */
export function fits(
  payment: PaymentRecord,
  attempt: AttemptRecord,
  { lateMs }: Circumstances,
): boolean {
  const { doubtEndedAtMs, intendedAtMs } = attempt;
  const closesAtMs = doubtEndedAtMs === null ? Infinity : doubtEndedAtMs + (lateMs.at(-1) ?? 0);
  const isListedInTime = (payment.absentAtMs ?? -Infinity) < closesAtMs;
  const afterMs = payment.createdAtMs === null ? Infinity : payment.createdAtMs - intendedAtMs;
  const isCreatedInTime = afterMs >= -CLOCK_SKEW_MAX_MS && afterMs <= spanMs(attempt);
  return (
    isNewTo(payment, attempt) &&
    !payment.notOf.includes(attempt.chargeId) &&
    (isListedInTime || isCreatedInTime)
  );
}

/**
 * Row 4: new to it, first listed within the horizon of the no (which is not over before one complete
 * look since), and not made a day before the attempt or earlier: no clock is that wrong.
 */
export function mayBelie(
  payment: PaymentRecord,
  attempt: AttemptRecord,
  { lateMs, nowMs }: Circumstances,
): boolean {
  // What this very look shows to be cancelled is a no of now.
  const noAtMs = attempt.noAtMs ?? nowMs;
  const listedMs = (payment.listedAtMs ?? 0) - noAtMs;
  const isUnseenSince = (payment.absentSeq ?? 0) < (attempt.answeredSeq ?? 0);
  return (
    isNewTo(payment, attempt) &&
    !payment.notOf.includes(attempt.chargeId) &&
    (listedMs <= spanMs(attempt) || (isUnseenSince && listedMs <= (lateMs.at(-1) ?? 0))) &&
    (payment.createdAtMs ?? Infinity) >= attempt.intendedAtMs - DAY_MS
  );
}

/** Whether its creation time speaks against a payment. */
export function timeContradicts(
  { createdAtMs }: PaymentRecord,
  { intendedAtMs }: AttemptRecord,
  nowMs: number,
): boolean {
  return (
    createdAtMs !== null &&
    (createdAtMs < intendedAtMs - CLOCK_SKEW_MAX_MS || createdAtMs > nowMs + CLOCK_SKEW_MAX_MS)
  );
}

/**
 * Whether a payment speaks against any further attempt of a charge, and against its absence: it may
 * hold money, it is of the charge's amount, new to one of its attempts, and not known to be another's.
 * Listed or not, since what any call has shown exists.
 */
export function forbids(payment: PaymentRecord, attempts: readonly AttemptRecord[]): boolean {
  return (
    payment.chargeId === null &&
    !payment.foreign &&
    holdsMoney(payment) &&
    attempts.some((one) => isNewTo(payment, one) && !payment.notOf.includes(one.chargeId))
  );
}
