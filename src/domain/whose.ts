/**
 * Owns the answer to one question: whose is this payment? MONEY: a wrong row calls somebody else's
 * payment ours, or ours nobody's. A function of two lists: the attempts of a method, and the payments
 * that one complete look lists. Must not read the history nor change anything. Pure.
 *
 * A payment *fits* an attempt that has its amount and currency and was intended before anything
 * recorded it, if it was first listed while the attempt's charge was in doubt, or at latest by the
 * first complete look begun after its last late look was due, or was created within its horizon. A
 * person's word that a charge did not make it stands, and makes it no other's by its amount alone; nor
 * does what proves it that charge's. The first row that applies; 1 and 2 over all payments first.
 *
 * |   | a payment that no charge has, and no person named foreign, that | is |
 * |---|---|---|
 * | 1 | carries the tag of an attempt, whatever became of that and however old | that charge's, if it is of its amount and currency and new to it; else a person's |
 * | 2 | was named by a reply to an attempt, and is listed or was read by that id | likewise |
 * | 3 | an attempt is in flight | not judged |
 * | 5 | fits attempts without an answer: of one charge, no other payment fits that charge, none but Harmony's client writes, no tag or name speaks for another, its time does not contradict, its status is one that a charge of ours can have left | that charge's |
 * |   | fits attempts without an answer, any other case | a person's, with the reason |
 * | 6 | is anything else | nobody's |
 *
 * A charge gets what holds money first: of several that are its, one that does is *the* payment.
 */
import { type AttemptRecord, isUnexplained } from "./charge.ts";
import { holdsMoney, type PaymentRecord } from "./payment.ts";

export type Reason =
  | "tagged_payment_differs"
  | "named_payment_differs"
  | "named_by_several_replies"
  | "charges_compete"
  | "several_payments_fit"
  | "tag_required"
  | "proof_speaks_for_another"
  | "status_needs_a_person"
  | "time_contradicts";

export type Verdict = { readonly payment: PaymentRecord } & (
  | {
      readonly is: "a charge's";
      readonly by: "tag" | "named" | "single";
      readonly of: AttemptRecord;
    }
  | { readonly is: "a person's"; readonly fits: readonly string[]; readonly reason: Reason }
  | { readonly is: "nobody's" }
);

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

/** The horizon where none is in force: what was created later was not created by this attempt. */
export const UNDECIDED_HORIZON_MS = 900_000;

/** Statuses with which a payment that nothing but its amount speaks for may be taken for ours. */
const ADOPTABLE: readonly string[] = ["NOT_INITIALIZED", "PENDING", "CONFIRMED", "CANCELLED"];

/** Decides about every payment; `listed` are the ids that the look lists. */
export function whose(
  attempts: readonly AttemptRecord[],
  payments: readonly PaymentRecord[],
  listed: ReadonlySet<string>,
  circumstances: Circumstances,
): Verdict[] {
  if (attempts.some(({ outcome }) => outcome === null)) {
    return [];
  }
  const open = payments
    .filter(({ chargeId, foreign }) => chargeId === null && !foreign)
    .sort((a, b) => Number(holdsMoney(b)) - Number(holdsMoney(a)));
  const proven = open.flatMap((payment) => proof(payment, attempts, listed.has(payment.id)) ?? []);
  const made = new Set(
    proven.flatMap((verdict) => (verdict.is === "a charge's" ? [verdict.of] : [])),
  );
  const unanswered = attempts.filter((attempt) => isUnexplained(attempt) && !made.has(attempt));
  const rest = open
    .filter((one) => listed.has(one.id) && proven.every(({ payment }) => payment !== one))
    .map((payment) => ({
      payment,
      fitted: unanswered.filter((attempt) => fits(payment, attempt, circumstances)),
    }));
  return [
    ...proven,
    ...rest.map(({ payment, fitted }): Verdict => {
      const [of] = fitted;
      if (of === undefined) {
        return { payment, is: "nobody's" };
      }
      const rivals = rest.filter((one) => one.fitted.some((a) => a.chargeId === of.chargeId));
      const isProven =
        payment.notOf.length > 0 ||
        attempts.some((one) => proves(payment, one)) ||
        proven.some((other) => fitted.some((one) => proves(other.payment, one)));
      return single(payment, fitted, { rivals: rivals.length, isProven, ...circumstances });
    }),
  ];
}

/** Row 5: fits attempts without an answer, of which `fitted` has one at least. */
function single(
  payment: PaymentRecord,
  fitted: readonly AttemptRecord[],
  about: Circumstances & { readonly rivals: number; readonly isProven: boolean },
): Verdict {
  const charges = [...new Set(fitted.map(({ chargeId }) => chargeId))];
  const of = fitted.findLast((one) => !timeContradicts(payment, one, about.nowMs));
  const doubts: readonly (readonly [boolean, Reason])[] = [
    [charges.length > 1, "charges_compete"],
    [about.rivals > 1, "several_payments_fit"],
    [about.foreignWriters, "tag_required"],
    [about.isProven, "proof_speaks_for_another"],
    [fitted.some((one) => one.namedPaymentId !== null), "proof_speaks_for_another"],
    [!ADOPTABLE.includes(payment.status), "status_needs_a_person"],
  ];
  const reason = doubts.find(([isDoubtful]) => isDoubtful)?.[1];
  return reason === undefined && of !== undefined
    ? { payment, is: "a charge's", by: "single", of }
    : { payment, is: "a person's", fits: charges, reason: reason ?? "time_contradicts" };
}

/** Rows 1 and 2; null where neither a tag nor a name speaks of this payment, or a person denied it. */
function proof(
  payment: PaymentRecord,
  attempts: readonly AttemptRecord[],
  isListed: boolean,
): Verdict | null {
  const shown = attempts.filter(
    (one) =>
      (isListed || payment.read) && proves(payment, one) && !payment.notOf.includes(one.chargeId),
  );
  const named = shown.filter((one) => one.namedPaymentId === payment.id);
  const owner = shown.find((one) => isListed && one.tag !== null && one.tag === payment.tag);
  const charges = [...new Set((owner === undefined ? named : [owner]).map((one) => one.chargeId))];
  const of = owner ?? named.findLast((one) => isNewTo(payment, one));
  if (charges.length === 0) {
    return null;
  }
  if (of !== undefined && charges.length === 1 && isNewTo(payment, of)) {
    return { payment, is: "a charge's", by: owner === undefined ? "named" : "tag", of };
  }
  const differs = owner === undefined ? "named_payment_differs" : "tagged_payment_differs";
  const reason = charges.length > 1 ? "named_by_several_replies" : differs;
  return { payment, is: "a person's", fits: charges, reason };
}

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

function fits(payment: PaymentRecord, attempt: AttemptRecord, { lateMs }: Circumstances): boolean {
  const { doubtEndedAtMs, intendedAtMs } = attempt;
  const closesAtMs = doubtEndedAtMs === null ? Infinity : doubtEndedAtMs + (lateMs.at(-1) ?? 0);
  const isListedInTime = (payment.absentAtMs ?? -Infinity) < closesAtMs;
  const afterMs = payment.createdAtMs === null ? Infinity : payment.createdAtMs - intendedAtMs;
  const isCreatedInTime =
    afterMs >= -CLOCK_SKEW_MAX_MS && afterMs <= (attempt.horizonMs ?? UNDECIDED_HORIZON_MS);
  return (
    isNewTo(payment, attempt) &&
    !payment.notOf.includes(attempt.chargeId) &&
    (isListedInTime || isCreatedInTime)
  );
}

function timeContradicts(
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
