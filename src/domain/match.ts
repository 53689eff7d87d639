/**
 * Owns the decision which payment, if any, an attempt without an answer has made (design.md,
 * Finding a lost charge). Must not read the history nor change a charge. One of the files that
 * can lose money: a wrong adoption calls somebody else's payment ours. Pure.
 */
import type { Attempt, ChargeRequest } from "./charge.ts";
import type { Payment } from "./outcome.ts";

/** PERSISTED CONTRACT. A payment of Harmony's as recorded for a method, whoever made it. */
export interface PaymentRecord extends Payment {
  /** `seq` of the entry that first recorded it: what was recorded before an intent is known to it. */
  readonly recordedSeq: number;
  /** When its status was first told, and in which entry: what was read before that is older news. */
  readonly statusAtMs: number;
  readonly statusSeq?: number;
  /** The charge it is attributed to, null for none (yet). */
  readonly chargeId: string | null;
  /** The tag found in its description, where the history echoes one. */
  readonly tag: string | null;
  /** Its creation time, where the history gives one with an offset. */
  readonly createdAtMs: number | null;
  /** Whether it was reported as nobody's. */
  readonly unattributed: boolean;
  /** The last statement of Harmony's that contradicts it, so that it is reported once. */
  readonly contradicted: string | null;
  /** More than one charge could have made it: passing time is no evidence, only a tag or a person is. */
  readonly contested?: boolean;
  /** A complete look has shown it: every later complete look must. */
  readonly listed?: boolean;
  /** Only a page that a caller asked for has shown it: neither a complete look nor a read of its own. */
  readonly paged?: boolean;
  /** A person has named it foreign: no rule attributes it to a charge any more. */
  readonly foreign?: boolean;
}

export type Match =
  | { readonly type: "none" }
  | {
      readonly type: "adopt";
      readonly payment: PaymentRecord;
      readonly by: "tag" | "named" | "single";
    }
  | {
      readonly type: "escalate";
      readonly reason:
        | "several_payments_fit"
        | "charges_compete"
        | "time_contradicts"
        | "status_needs_a_person"
        | "tagged_payment_differs"
        | "another_payment_was_named"
        | "tag_required"
        | "seen_on_one_page_only";
      readonly candidates: readonly string[];
    };

export interface MatchContext {
  /** Whether another charge has an attempt of this amount that nothing explains. */
  readonly competing: boolean;
  /** Tags of every other attempt on this method that is open. */
  readonly otherTags: ReadonlySet<string>;
  /** Payments that replies to other attempts have named: those are theirs. */
  readonly otherNames: ReadonlySet<string>;
  /** Others charge the same cards: only our tag proves a payment ours. */
  readonly foreignWriters: boolean;
  readonly nowMs: number;
}

/**
 * How far Harmony's clock may be off ours before a creation time speaks against a payment.
 * Wide enough for bad clocks, narrow enough to tell yesterday's payment from today's.
 */
export const CLOCK_SKEW_MAX_MS = 600_000;

/** Statuses with which a first-seen payment may be adopted without a person. */
const ADOPTABLE: readonly string[] = ["NOT_INITIALIZED", "PENDING", "CONFIRMED", "CANCELLED"];

/** Whether a payment could be this attempt's: new to it, nobody's yet, same amount and currency. */
export function fits(payment: PaymentRecord, request: ChargeRequest, attempt: Attempt): boolean {
  return (
    isNew(payment, attempt) &&
    payment.amountMinor === request.amountMinor &&
    payment.currency === request.currency
  );
}

/** The payments that may be this attempt's: what is named or tagged as another's is not. */
export function candidatesOf(
  request: ChargeRequest,
  attempt: Attempt,
  payments: Iterable<PaymentRecord>,
  context: Pick<MatchContext, "otherTags" | "otherNames">,
): PaymentRecord[] {
  const candidates: PaymentRecord[] = [];
  for (const payment of payments) {
    const others =
      (payment.tag !== null && context.otherTags.has(payment.tag)) ||
      context.otherNames.has(payment.id);
    if (!others && couldExplain(payment, request, attempt)) {
      candidates.push(payment);
    }
  }
  return candidates;
}

/** Fits, or carries the attempt's own tag: then it is ours to explain even at another amount. */
export function couldExplain(
  payment: PaymentRecord,
  request: ChargeRequest,
  attempt: Attempt,
): boolean {
  const tagged = payment.tag !== null && payment.tag === attempt.tag;
  return fits(payment, request, attempt) || (isNew(payment, attempt) && tagged);
}

/** Nobody's yet, not known before the attempt, and not named foreign by a person. */
function isNew(payment: PaymentRecord, attempt: Attempt): boolean {
  return (
    payment.chargeId === null && payment.recordedSeq > attempt.intentSeq && payment.foreign !== true
  );
}

/** Decides over the recorded payments of a method, for one attempt that nothing explains. */
export function match(
  request: ChargeRequest,
  attempt: Attempt,
  payments: Iterable<PaymentRecord>,
  context: MatchContext,
): Match {
  const candidates = candidatesOf(request, attempt, payments, context);
  if (candidates.length === 0) {
    return { type: "none" };
  }
  const escalate = (reason: (Match & { type: "escalate" })["reason"]): Match => ({
    type: "escalate",
    reason,
    candidates: candidates.map((payment) => payment.id),
  });
  const tagged = candidates.filter((p) => p.tag !== null && p.tag === attempt.tag);
  if (tagged.length > 1) {
    return escalate("several_payments_fit");
  }
  const [ours] = tagged;
  if (ours !== undefined && !fits(ours, request, attempt)) {
    return escalate("tagged_payment_differs");
  }
  if (ours !== undefined) {
    return ADOPTABLE.includes(ours.status)
      ? { type: "adopt", payment: ours, by: "tag" }
      : escalate("status_needs_a_person");
  }
  const named = candidates.find(({ id }) => id === attempt.namedPaymentId);
  if (named !== undefined && fits(named, request, attempt) && ADOPTABLE.includes(named.status)) {
    // The reply itself said which one it is.
    return { type: "adopt", payment: named, by: "named" };
  }
  if (attempt.namedPaymentId !== null) {
    // The reply named another one: which of the two it is, is not for us to guess.
    return escalate("another_payment_was_named");
  }
  if (context.foreignWriters) {
    return escalate("tag_required");
  }
  const [single] = candidates;
  if (single === undefined || candidates.length > 1) {
    return escalate("several_payments_fit");
  }
  if (context.competing || single.contested === true) {
    return escalate("charges_compete");
  }
  if (single.paged === true) {
    // A page showed it and the complete look does not: they contradict each other.
    return escalate("seen_on_one_page_only");
  }
  if (!ADOPTABLE.includes(single.status)) {
    return escalate("status_needs_a_person");
  }
  return timeContradicts(single, attempt, context.nowMs)
    ? escalate("time_contradicts")
    : { type: "adopt", payment: single, by: "single" };
}

function timeContradicts(payment: PaymentRecord, attempt: Attempt, nowMs: number): boolean {
  if (payment.createdAtMs === null) {
    return false;
  }
  return (
    payment.createdAtMs < attempt.intendedAtMs - CLOCK_SKEW_MAX_MS ||
    payment.createdAtMs > nowMs + CLOCK_SKEW_MAX_MS
  );
}

/** Longest description sent to Harmony, tag included: the contract's own limit for callers. */
const DESCRIPTION_MAX = 250;
const TAG_PATTERN = /\[cobro:([0-9a-z]{8})\]/gu;

/** The description that Harmony gets: the caller's, cut at a whole character, and the tag. */
export function taggedDescription(text: string | null, tag: string | null): string | null {
  // A tag that the caller copied from somewhere must not be read as ours, nor as another's.
  const description = text === null ? null : text.replaceAll(TAG_PATTERN, "(cobro:$1)");
  if (tag === null) {
    return description;
  }
  const mark = `[cobro:${tag}]`;
  if (description === null || description === "") {
    return mark;
  }
  const room = DESCRIPTION_MAX - mark.length - 1;
  let kept = description.slice(0, room);
  if (!kept.isWellFormed()) {
    kept = kept.slice(0, -1);
  }
  return `${kept} ${mark}`;
}

/** The last tag in a description: ours comes last, and a caller may have copied an earlier one. */
export function tagIn(description: string | null): string | null {
  return [...(description ?? "").matchAll(TAG_PATTERN)].at(-1)?.[1] ?? null;
}
