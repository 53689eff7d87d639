/**
 * Owns every error a caller can get: the tagged union, its place on the wire (contract.md,
 * Errors) and the text of its explanation. Must not build a Response: the object binds these
 * bytes, so they are made here, purely.
 */
import type { ChargeState } from "./charge.ts";
import type { Money, Retry } from "./outcome.ts";
import type { RefundState } from "./refund.ts";

interface Wire {
  readonly status: number;
  readonly title: string;
  readonly retry: Retry;
  /** One paragraph for `GET /problems/{code}`. */
  readonly explanation: string;
}

/** The one mapping from an error's code to the wire, in the contract's order of precedence. */
export const ERRORS = {
  uri_too_long: {
    status: 414,
    title: "Address too long",
    retry: "never",
    explanation: "An address may have at most 16 KiB, its query included.",
  },
  not_found: {
    status: 404,
    title: "Not found",
    retry: "never",
    explanation:
      "There is nothing at this address. Payment method ids are UUIDs; a charge of another caller is not shown.",
  },
  method_not_allowed: {
    status: 405,
    title: "Method not allowed",
    retry: "never",
    explanation: "The address exists but not for this HTTP method; `Allow` lists the ones that do.",
  },
  authentication_unavailable: {
    status: 503,
    title: "Authentication is unavailable",
    retry: "same_key",
    explanation:
      "The key could not be checked just now and was not seen in the last 15 minutes. Repeat the request with the same idempotency key.",
  },
  unauthorized: {
    status: 401,
    title: "Unauthorized",
    retry: "same_key",
    explanation:
      "No valid API key came along, in `x-api-key` or `Authorization: Bearer`. If this request repeats an earlier one, that one's outcome is unknown from here.",
  },
  forbidden: {
    status: 403,
    title: "Forbidden",
    retry: "same_key",
    explanation: "The API key is valid but lacks the scope that this call needs.",
  },
  payload_too_large: {
    status: 413,
    title: "Payload too large",
    retry: "never",
    explanation: "A request body may have at most 16 KiB.",
  },
  request_timeout: {
    status: 408,
    title: "The request did not arrive",
    retry: "same_key",
    explanation:
      "The body of a request has ten seconds to arrive. Nothing was done for this one; what became of an earlier one under its key is unknown from here. Repeat it with the same idempotency key.",
  },
  unsupported_media_type: {
    status: 415,
    title: "Unsupported media type",
    retry: "never",
    explanation:
      "Send the body as `Content-Type: application/json`, in UTF-8, and in no coding (`Content-Encoding`).",
  },
  idempotency_key_missing: {
    status: 400,
    title: "Idempotency-Key is missing",
    retry: "never",
    explanation:
      "Every charge needs an `Idempotency-Key` header. Make it once per order, store it before you send, and repeat it with every retry.",
  },
  idempotency_key_invalid: {
    status: 400,
    title: "Idempotency-Key is invalid",
    retry: "never",
    explanation:
      "The key is 1 to 255 characters without a comma: a quoted string of printable ASCII, or the same text bare without space or quote, in one header. What a template makes of nothing (`null`, `undefined`, `0`, ...) is no key.",
  },
  invalid_amount: {
    status: 400,
    title: "Invalid amount",
    retry: "never",
    explanation:
      "`amount` is a JSON number in pesos, from 1 to 9999999.99, with at most two decimals.",
  },
  currency_not_supported: {
    status: 400,
    title: "Currency not supported",
    retry: "never",
    explanation: "Harmony charges in `MXN` only.",
  },
  invalid_request: {
    status: 400,
    title: "Invalid request",
    retry: "never",
    explanation: "The request is not what this call takes; `errors` points at each wrong part.",
  },
  idempotency_key_reused: {
    status: 422,
    title: "Idempotency-Key was used for another request",
    retry: "never",
    explanation:
      "This key is bound, for ever, to an earlier request that differs in the members listed under `differing`. `first` says what became of that one. Nothing was sent.",
  },
  payment_method_in_doubt: {
    status: 409,
    title: "Another charge on this payment method is in doubt",
    retry: "same_key",
    explanation:
      "The outcome of another charge on this payment method is not known yet. Until it is, no further charge is sent on it. Nothing was sent for this one. For a refund: another refund of this very payment is in doubt, and may be under way.",
  },
  payment_contested: {
    status: 409,
    title: "A payment may be this charge's",
    retry: "same_key",
    explanation:
      "Harmony shows a payment that this charge may have made, and nothing says for certain whose it is. Nothing was sent. A person has to judge; repeat the request with the same idempotency key after `Retry-After`.",
  },
  earlier_charge_paid: {
    status: 409,
    title: "An earlier charge of this amount was paid after all",
    retry: "never",
    explanation:
      "An earlier charge of yours of this amount on this card, which Harmony had said no to, is paid or under way after all: `first` names it. Nothing was sent for this one, so that a customer does not pay twice. If both are meant, repeat the request later.",
  },
  payment_method_busy: {
    status: 429,
    title: "Payment method is busy",
    retry: "same_key",
    explanation:
      "Charges on one payment method run one after another, and this one did not get its turn in time. It was withdrawn; nothing was sent.",
  },
  upstream_unavailable: {
    status: 503,
    title: "Harmony is unavailable",
    retry: "same_key",
    explanation:
      "Harmony did not answer what must be known before a charge may be sent, or asked us to slow down. Nothing was charged.",
  },
  history_unreadable: {
    status: 503,
    title: "The payment history cannot be read",
    retry: "same_key",
    explanation:
      "Nothing is sent on a payment method without its whole payment history, and for an hour or longer Harmony has not shown it. Nothing was charged; a person has been told.",
  },
  upstream_unauthorized: {
    status: 502,
    title: "Harmony rejects the gateway's key",
    retry: "same_key",
    explanation:
      "The gateway's own API key was refused by Harmony. Nothing was charged; an operator has to mend it.",
  },
  payment_method_not_active: {
    status: 400,
    title: "Payment method is not active",
    retry: "never",
    explanation:
      "Harmony charges only payment methods that are ACTIVE; `paymentMethodStatus` says what this one is. Nothing was charged. Only a PENDING one is worth repeating (`same_key`); one that was removed here stays so, whatever Harmony says later. Another card is another wish, under a new key.",
  },
  payment_method_not_found: {
    status: 404,
    title: "Payment method not found",
    retry: "never",
    explanation:
      "Harmony does not know this payment method. Nothing was charged. It is worth repeating (`same_key`) only where Harmony has had it, or it was created here less than an hour ago.",
  },
  payment_method_not_revocable: {
    status: 400,
    title: "Payment method cannot be revoked",
    retry: "never",
    explanation:
      "Harmony refused to revoke this payment method; `paymentMethodStatus` says what it is. Only an ACTIVE one can be revoked. Nothing was changed.",
  },
  charge_refused: {
    status: 402,
    title: "Charge refused",
    retry: "new_key",
    explanation:
      "Harmony refused the charge; its own words are in `upstream`. Nothing was charged. The refusal is bound to this key: try again with a new one.",
  },
  not_charged: {
    status: 409,
    title: "Not charged",
    retry: "same_key",
    explanation:
      "It was found out, while this request waited, that no money moved. A later request with this key sends a further attempt.",
  },
  payment_not_refundable: {
    status: 400,
    title: "Payment is not refundable",
    retry: "never",
    explanation:
      "Harmony refunds a payment once, in full, while it is CONFIRMED. This one was not, `paymentStatus` says what it was, or Harmony refused. Nothing was refunded by this request. The refusal is bound to this key.",
  },
  not_refunded: {
    status: 409,
    title: "Not refunded",
    retry: "same_key",
    explanation:
      "It is known that no money went back by this refund so far. A later request with this key asks Harmony again.",
  },
  charge_not_resolvable: {
    status: 409,
    title: "Charge cannot be decided by hand",
    retry: "never",
    explanation:
      "A person decides about a charge that is in doubt or not charged, or beside which a payment stands that may be its; `state` says what this one is. Nothing was changed.",
  },
  charge_moved: {
    status: 409,
    title: "Charge moved while Harmony was asked",
    retry: "never",
    explanation:
      "While Harmony was asked for the sake of this decision, the charge changed: `state` says what it is now. Nothing was decided. Read the charge, and decide again if there is still anything to decide.",
  },
  payment_of_another_charge: {
    status: 409,
    title: "Payment belongs to another charge",
    retry: "never",
    explanation:
      "The payment is attributed to a charge already. A payment belongs to one charge, and no decision changes that.",
  },
  payment_not_fitting: {
    status: 409,
    title: "Payment contradicts the decision",
    retry: "never",
    explanation:
      "The payment cannot be what this charge has taken: known before the charge was sent, marked as another attempt's, cancelled, or of another amount or currency without our own mark. Nothing was decided.",
  },
  payments_fit: {
    status: 409,
    title: "There are payments that this charge may have made",
    retry: "never",
    explanation:
      "`candidates` names payments that speak against `not_charged`. Decide `charged` with the one that is this charge's, or repeat with `override: true`, which says of each that this charge did not make it, and names it foreign where no other charge may have.",
  },
  horizon_not_reached: {
    status: 409,
    title: "Absence proves nothing yet",
    retry: "never",
    explanation:
      "No complete looks over the whole horizon show that no money moved, or no horizon applies to this charge. Wait, or take it upon yourself with `override: true`.",
  },
  history_incomplete: {
    status: 409,
    title: "The history is not complete",
    retry: "never",
    explanation:
      "Harmony has answered, and what it shows is not the whole history: `why` says so, `missing` names payments that it had to list. It proves no absence. Wait, decide `charged` with a payment that can be read, or take `not_charged` upon yourself with `override: true`.",
  },
  refund_not_resolvable: {
    status: 409,
    title: "Refund cannot be decided by hand",
    retry: "never",
    explanation:
      "A person decides about a refund that is in doubt; `state` says what this one is. Nothing was decided.",
  },
  refund_unproven: {
    status: 409,
    title: "Harmony does not show it",
    retry: "never",
    explanation:
      "Not refunded is shown by a payment that is CONFIRMED once the horizon of the last attempt is over; refunded by one that is REFUNDED, which ends the doubt by itself. `paymentStatus` says what Harmony shows now. Wait, or take it upon yourself with `override: true`.",
  },
  not_halted: {
    status: 409,
    title: "Payment method is not halted",
    retry: "never",
    explanation: "There is no halt to end: the payment method is served as any other.",
  },
  halted: {
    status: 503,
    title: "Payment method is halted",
    retry: "same_key",
    explanation:
      "What is stored for this payment method contradicts the ledger or is not understood. Nothing is sent until a person has looked at it.",
  },
  payment_not_found: {
    status: 404,
    title: "Payment not found",
    retry: "never",
    explanation: "Harmony knows no such payment on this payment method.",
  },
  upstream_error: {
    status: 502,
    title: "Harmony did not answer the question",
    retry: "same_key",
    explanation:
      "Asking Harmony failed (502) or took too long (504). `lastKnown` is what was known before, if anything. Where something was to be done, `detail` says what may have become of it.",
  },
  ledger_unavailable: {
    status: 503,
    title: "The ledger is unavailable",
    retry: "same_key",
    explanation:
      "The ledger's database could not be asked just now. Entries are kept where they were made and are delivered when it is back.",
  },
  internal: {
    status: 500,
    title: "Internal error",
    retry: "same_key",
    explanation:
      "Something went wrong on our side. What became of the charge is not known to this answer: repeat it with the same idempotency key.",
  },
} as const satisfies Record<string, Wire>;

export type ErrorCode = keyof typeof ERRORS;

/** One complaint about one part of the input: of a body its JSON pointer, else a name. */
export type InputError = { readonly detail: string } & (
  | { readonly pointer: string }
  | { readonly header: string }
  | { readonly parameter: string }
);

/** Whoever has more wrong than this mends these first. */
const ERRORS_MAX = 20;

/** What a caller is told of the charge or refund that first used a key. */
export interface FirstUse {
  /** The charge; for a refund the one whose payment it is of, null for a payment of others. */
  readonly chargeId: string | null;
  readonly refundId?: string;
  readonly state: ChargeState | RefundState;
  readonly money: Money;
  /** In pesos, as the caller wrote it. */
  readonly amount: number;
  /** What the key is bound to, for its owner: the members that are compared, and the reason. */
  readonly request?: Readonly<Record<string, string | number | null>>;
}

/** An error on its way to a caller. Extension members by code; absent ones are left out. */
export interface Problem {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly money: Money;
  /** Replaces the table's status, for the one code that has two (`upstream_error`: 502, 504). */
  readonly status?: number;
  /** Replaces the table's word, where it depends on what was refused. */
  readonly retry?: Retry;
  readonly chargeId?: string;
  readonly refundId?: string;
  /** The payment's status, as Harmony calls it. */
  readonly paymentStatus?: string;
  readonly errors?: readonly InputError[];
  readonly differing?: readonly string[];
  readonly first?: FirstUse;
  readonly paymentMethodStatus?: string;
  readonly upstream?: string;
  readonly lastKnown?: { readonly status: string; readonly at: string } | null;
  readonly retryAfterSeconds?: number;
  /** What the charge or refund is, where that is why a person's decision was refused. */
  readonly state?: ChargeState | RefundState;
  /** Why a history is not complete, and what it had to list. */
  readonly why?: string;
  readonly missing?: readonly string[];
  /** The payments that speak against a person's decision. */
  readonly candidates?: readonly string[];
}

export const PROBLEM_CONTENT_TYPE = "application/problem+json";

/** The `application/problem+json` text of an error (RFC 9457). No `instance`: bodies are replayed. */
export function problemBody(problem: Problem): string {
  const { code, detail, money, status, retry, retryAfterSeconds: _header, ...others } = problem;
  const { errors, ...extensions } = others;
  const wire = ERRORS[code];
  return JSON.stringify({
    type: `/problems/${code}`,
    title: wire.title,
    status: status ?? wire.status,
    detail,
    code,
    money,
    retry: retry ?? wire.retry,
    ...(errors === undefined ? {} : { errors: errors.slice(0, ERRORS_MAX) }),
    ...extensions,
  });
}

/** The HTTP status of an error. */
export function problemStatus(problem: Problem): number {
  return problem.status ?? ERRORS[problem.code].status;
}
