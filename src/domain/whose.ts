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
 * | 4 | fits attempts that Harmony answered no, or that have a cancelled payment only, was first listed within the horizon of that no, and is cancelled or fits none in doubt without an answer: holds money (`NOT_INITIALIZED` may not), not dated a day before | a person's, beside each of them |
 * |   | row 4, any other case: the no stands | the charge's, where it is a refusal's only one and cancelled; else left alone |
 * | 5 | fits attempts without an answer: of one charge, no other payment fits that charge, none but Harmony's client writes, no tag or name speaks for another, its time does not contradict, its status is one that a charge of ours can have left | that charge's |
 * |   | fits attempts without an answer, any other case | a person's, with the reason |
 * | 6 | is anything else | nobody's |
 *
 * A charge gets what holds money first: of several that are its, one that does is *the* payment.
 */
import { type AttemptRecord, isUnexplained } from "./charge.ts";
import { type Circumstances, fits, isNewTo, mayBelie, proves, timeContradicts } from "./fit.ts";
import { holdsMoney, type PaymentRecord } from "./payment.ts";

export type Reason =
  | "tagged_payment_differs"
  | "named_payment_differs"
  | "named_by_several_replies"
  | "refused_yet_paid"
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
  /** A no of Harmony's stands. */
  | { readonly is: "denied" }
);

/** Statuses with which a payment that nothing but its amount speaks for may be taken for ours. */
const ADOPTABLE: readonly string[] = ["NOT_INITIALIZED", "PENDING", "CONFIRMED", "CANCELLED"];

/** A payment and what it may be of: attempts without an answer, and attempts answered no. */
interface Fit {
  readonly payment: PaymentRecord;
  readonly fitted: readonly AttemptRecord[];
  readonly answered: readonly AttemptRecord[];
}

function chargesOf({ fitted, answered }: Fit): string[] {
  return [...new Set([...answered, ...fitted].map(({ chargeId }) => chargeId))];
}

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
  // Of several that are one attempt's, the first stands: what holds money.
  const made = new Map(
    proven
      .toReversed()
      .flatMap((verdict) =>
        verdict.is === "a charge's" ? [[verdict.of, verdict.payment] as const] : [],
      ),
  );
  const unanswered = attempts.filter((attempt) => isUnexplained(attempt) && !made.has(attempt));
  const noes = attempts.filter((attempt) => {
    const own = made.get(attempt) ?? payments.find(({ id }) => id === attempt.explainedBy);
    return own === undefined
      ? attempt.noAtMs !== null && !isUnexplained(attempt)
      : own.status === "CANCELLED" && (attempt.noAtMs !== null || made.has(attempt));
  });
  const fitOf = (payment: PaymentRecord): Fit => ({
    payment,
    fitted: unanswered.filter((one) => fits(payment, one, circumstances)),
    answered: noes.filter((one) => mayBelie(payment, one, circumstances)),
  });
  const rest = open
    .filter((one) => listed.has(one.id) && proven.every(({ payment }) => payment !== one))
    .map(fitOf);
  return [
    ...proven.map((one) =>
      one.is === "a person's" && listed.has(one.payment.id)
        ? { ...one, fits: [...new Set([...one.fits, ...chargesOf(fitOf(one.payment))])] }
        : one,
    ),
    ...rest.map((fit): Verdict => {
      const { payment, fitted, answered } = fit;
      const isDoubted = fitted.some(({ doubtEndedAtMs }) => doubtEndedAtMs === null);
      if (answered.length > 0 && (payment.status === "CANCELLED" || !isDoubted)) {
        return belied(fit, rest, circumstances);
      }
      const isProven =
        payment.notOf.length > 0 ||
        attempts.some((one) => proves(payment, one)) ||
        proven.some((other) => fitted.some((one) => proves(other.payment, one)));
      return fitted.length === 0
        ? { payment, is: "nobody's" }
        : single(fit, rest, isProven, circumstances);
    }),
  ];
}

/** Row 4: a no of Harmony's that a payment speaks against, or does not. */
function belied(fit: Fit, rest: readonly Fit[], { foreignWriters }: Circumstances): Verdict {
  const { payment, fitted, answered } = fit;
  if (holdsMoney(payment) && payment.status !== "NOT_INITIALIZED") {
    return { payment, is: "a person's", fits: chargesOf(fit), reason: "refused_yet_paid" };
  }
  const [of, ...others] = answered.filter((one) => one.refusal !== null && !one.explainedBy);
  const isOnly =
    others.length + fitted.length === 0 &&
    rest.filter((one) => of !== undefined && one.answered.includes(of)).length === 1;
  return of !== undefined && isOnly && payment.status === "CANCELLED" && !foreignWriters
    ? { payment, is: "a charge's", by: "single", of }
    : { payment, is: "denied" };
}

/** Row 5: fits attempts without an answer. */
function single(
  fit: Fit,
  rest: readonly Fit[],
  isProven: boolean,
  { foreignWriters, nowMs }: Circumstances,
): Verdict {
  const { payment, fitted } = fit;
  const charges = new Set(fitted.map(({ chargeId }) => chargeId));
  const rivals = rest.filter((one) => one.fitted.some(({ chargeId }) => charges.has(chargeId)));
  const of = fitted.findLast((one) => !timeContradicts(payment, one, nowMs));
  const isNamed = fitted.some(({ nameIs }) => nameIs === "sure" || nameIs === "told");
  const doubts: readonly (readonly [boolean, Reason])[] = [
    [charges.size > 1, "charges_compete"],
    [rivals.length > 1, "several_payments_fit"],
    [foreignWriters, "tag_required"],
    [isProven || isNamed, "proof_speaks_for_another"],
    [!ADOPTABLE.includes(payment.status), "status_needs_a_person"],
  ];
  const reason = doubts.find(([isDoubtful]) => isDoubtful)?.[1];
  return reason === undefined && of !== undefined
    ? { payment, is: "a charge's", by: "single", of }
    : { payment, is: "a person's", fits: chargesOf(fit), reason: reason ?? "time_contradicts" };
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
