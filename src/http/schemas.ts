/**
 * Owns the shape of request bodies (contract.md): strict, and every complaint points at
 * its place. Must not know what a charge is for.
 */
import * as z from "zod";
import type { ChargeRequest } from "../domain/charge.ts";
import type { ErrorCode, InputError } from "../domain/errors.ts";
import { AMOUNT_MINOR_MAX, AMOUNT_MINOR_MIN, pesosToCentavos } from "../domain/money.ts";
import type { RefundRequest } from "../domain/refund.ts";

const DESCRIPTION_MAX = 250;

const Amount = z.number({ error: "must be a JSON number in pesos" }).transform((pesos, context) => {
  const centavos = pesosToCentavos(pesos);
  if (centavos === null) {
    context.addIssue({ code: "custom", message: "must have at most two decimals" });
    return z.NEVER;
  }
  if (centavos < AMOUNT_MINOR_MIN || centavos > AMOUNT_MINOR_MAX) {
    context.addIssue({ code: "custom", message: "must be from 1 to 9999999.99" });
    return z.NEVER;
  }
  return centavos;
});

const Description = z
  .string({ error: "must be a string" })
  .refine((text) => text.isWellFormed(), "must be well-formed Unicode")
  .refine(
    (text) => Array.from(text).length <= DESCRIPTION_MAX,
    `must have at most ${DESCRIPTION_MAX} characters`,
  )
  .refine((text) => !/\p{Cc}/u.test(text), "must not contain control characters");

const ChargeBody = z.strictObject({
  amount: Amount,
  currency: z.literal("MXN", { error: "must be MXN" }).default("MXN"),
  description: Description.optional(),
  reference: z
    .string({ error: "must be a string" })
    .regex(/^[\x21-\x7e]{1,64}$/, "must be 1 to 64 visible ASCII characters")
    .optional(),
});

const RefundBody = z.strictObject({ reason: Description.optional() });

export type BodyReading<T> =
  | { readonly type: "ok"; readonly value: T }
  | { readonly type: "invalid"; readonly code: ErrorCode; readonly errors: readonly InputError[] };

/** A charge's body: bytes to a request in centavos, or the first error in the order of precedence. */
export function readChargeBody(bytes: Uint8Array): BodyReading<ChargeRequest> {
  const json = parseBody(bytes);
  if (json === undefined) {
    return invalid("invalid_request", [{ pointer: "", detail: "is not JSON in UTF-8" }]);
  }
  const parsed = ChargeBody.safeParse(json);
  if (!parsed.success) {
    return invalid(codeOf(parsed.error), inputErrors(parsed.error));
  }
  const { amount, currency, description, reference } = parsed.data;
  return {
    type: "ok",
    value: {
      amountMinor: amount,
      currency,
      description: description ?? null,
      reference: reference ?? null,
    },
  };
}

/** A refund's body; an empty one is a refund without a reason. */
export function readRefundBody(bytes: Uint8Array): BodyReading<Pick<RefundRequest, "reason">> {
  const json = bytes.length === 0 ? {} : parseBody(bytes);
  if (json === undefined) {
    return invalid("invalid_request", [{ pointer: "", detail: "is not JSON in UTF-8" }]);
  }
  const parsed = RefundBody.safeParse(json);
  return parsed.success
    ? { type: "ok", value: { reason: parsed.data.reason ?? null } }
    : invalid("invalid_request", inputErrors(parsed.error));
}

export function parseBody(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes),
    ) as unknown;
  } catch {
    return undefined;
  }
}

function codeOf(error: z.ZodError): ErrorCode {
  const members = new Set(error.issues.map((issue) => issue.path[0]));
  if (members.has("amount")) {
    return "invalid_amount";
  }
  return members.has("currency") ? "currency_not_supported" : "invalid_request";
}

/** Each issue with its JSON pointer (RFC 6901); an extra member is pointed at by its name. */
export function inputErrors(error: z.ZodError): InputError[] {
  return error.issues.flatMap((issue): InputError[] => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        pointer: pointer([key]),
        detail: "is not a member of this request",
      }));
    }
    return [{ pointer: pointer(issue.path), detail: issue.message }];
  });
}

function pointer(path: readonly PropertyKey[]): string {
  return path
    .map(
      (part) =>
        `/${String(part).toWellFormed().slice(0, 100).replaceAll("~", "~0").replaceAll("/", "~1")}`,
    )
    .join("");
}

export function invalid(code: ErrorCode, errors: readonly InputError[]): BodyReading<never> {
  return { type: "invalid", code, errors };
}
