/**
 * Owns the words for what one exchange with Harmony told us (design.md, What Harmony's answer
 * means). Must not read Harmony's bytes: that is `harmony/classify.ts`. Pure.
 */

/** The statuses Harmony documents for a payment (harmony.md, States). */
export const PAYMENT_STATUSES = [
  "NOT_INITIALIZED",
  "PENDING",
  "CONFIRMED",
  "CANCELLED",
  "REFUNDED",
] as const;

export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

export function isPaymentStatus(text: string): text is PaymentStatus {
  return (PAYMENT_STATUSES as readonly string[]).includes(text);
}

/** Harmony's record of a payment, in our units. An unknown status is still a payment. */
export interface Payment {
  /** Folded, as ids are compared; `spelt` as Harmony spells it, where that differs. */
  readonly id: string;
  readonly spelt?: string;
  readonly status: string;
  readonly amountMinor: number;
  readonly currency: string;
}

/** Why Harmony took no charge, where it said so itself. */
export type NotSentReason =
  | "upstream_unauthorized"
  | "payment_method_not_found"
  | "payment_method_not_active"
  | "upstream_unavailable";

/**
 * What one submission told us. The default of everything that reads the outside world is
 * `indeterminate`: nothing is known, and nothing may be concluded.
 */
export type Outcome =
  | { readonly kind: "approved"; readonly payment: Payment }
  | { readonly kind: "pending"; readonly payment: Payment }
  /** `payment` where Harmony answered 2xx CANCELLED, `upstream` (its text) where it refused. */
  | {
      readonly kind: "declined";
      readonly payment: Payment | null;
      readonly upstream: string | null;
      readonly namedPaymentId: string | null;
      readonly namedAs?: string;
    }
  | {
      readonly kind: "not_sent";
      readonly reason: NotSentReason;
      readonly paymentMethodStatus: string | null;
      readonly retryAfterSeconds: number | null;
      readonly namedPaymentId: string | null;
      readonly namedAs?: string;
    }
  | {
      readonly kind: "indeterminate";
      readonly reason: string;
      /** A payment id not seen before that the reply named, whatever its status. */
      readonly namedPaymentId: string | null;
      readonly namedAs?: string;
      readonly nameIs: NameIs | null;
    }
  | {
      readonly kind: "contradictory";
      readonly reason: string;
      readonly namedPaymentId: string;
      readonly namedAs?: string;
      /** Whether the named payment was known before the intent, and so cannot be ours. */
      readonly knownBefore: boolean;
    };

/**
 * What a name in a reply is worth (`namedAs`: as Harmony spelt it, where that differs). A 2xx is `sure`: that payment exists. In any other it is a
 * hypothesis: `told` counts until a read after the horizon finds nothing; `guess`, in a 4xx, where
 * request ids stand as well, counts once a read has found it.
 */
export type NameIs = "sure" | "told" | "guess";

export type OutcomeKind = Outcome["kind"];

/** What is known of a charge's money, as the caller is told it. */
export type Money = "charged" | "not_charged" | "pending" | "refunded" | "unknown";

/** What the caller may do next with a charge. */
export type Retry = "same_key" | "new_key" | "never";
