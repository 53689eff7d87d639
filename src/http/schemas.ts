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

/**
 * What would not show as it reads: controls, and the marks that turn the direction of what follows, a
 * tag of ours included.
 */
const UNPLAIN = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

/** A text that people read, in an entry or on a statement. */
export function plainText(codePointsMax: number, error: string) {
  return z
    .string({ error })
    .refine((text) => text.isWellFormed(), "must be well-formed Unicode")
    .refine(
      (text) => Array.from(text).length <= codePointsMax,
      `must have at most ${codePointsMax} characters`,
    )
    .refine((text) => !UNPLAIN.test(text), "must not contain control characters");
}

/** Nothing is said by leaving a text out, by null and by an empty one: it is one request. */
function orNothing(text: z.ZodType<string, string>) {
  return text.nullish().transform((said) => (said === "" ? null : (said ?? null)));
}

const Description = plainText(DESCRIPTION_MAX, "must be a string");
const Reference = z
  .string({ error: "must be a string" })
  .regex(/^[\x21-\x7e]{0,64}$/, "must be 1 to 64 visible ASCII characters");

const ChargeBody = z
  .strictObject({
    amount: Amount,
    currency: z
      .string({ error: "must be MXN" })
      .toUpperCase()
      .pipe(z.literal("MXN", { error: "must be MXN" }))
      .nullish()
      .transform((currency) => currency ?? "MXN"),
    description: orNothing(Description),
    reference: orNothing(Reference),
  })
  .transform(({ amount, ...rest }): ChargeRequest => ({ amountMinor: amount, ...rest }));

const RefundBody = z.strictObject({ reason: orNothing(Description) });

export type BodyReading<T> =
  | { readonly type: "ok"; readonly value: T }
  | { readonly type: "invalid"; readonly code: ErrorCode; readonly errors: readonly InputError[] };

/** A charge's body: bytes to a request in centavos, or the first error in the order of precedence. */
export function readChargeBody(bytes: Uint8Array): BodyReading<ChargeRequest> {
  return readJson(ChargeBody, bytes, codeOf);
}

/** A refund's body; an empty one is a refund without a reason. */
export function readRefundBody(bytes: Uint8Array): BodyReading<Pick<RefundRequest, "reason">> {
  return bytes.length === 0 ? { type: "ok", value: { reason: null } } : readJson(RefundBody, bytes);
}

/** A body by its schema, or everything that is wrong with it. */
export function readJson<T>(
  schema: z.ZodType<T>,
  bytes: Uint8Array,
  code: (error: z.ZodError) => ErrorCode = () => "invalid_request",
): BodyReading<T> {
  const json = parseBody(bytes);
  if (json.type === "invalid") {
    return json;
  }
  const parsed = schema.safeParse(json.value);
  return parsed.success
    ? { type: "ok", value: parsed.data }
    : invalid(code(parsed.error), inputErrors(parsed.error));
}

/**
 * The JSON of a body. A member twice is no request, equal or not: which of the two is meant, nobody
 * can know. `JSON.parse` keeps the last in silence, so that members are fewer than their colons.
 */
function parseBody(bytes: Uint8Array): BodyReading<unknown> {
  const wrong = (detail: string) => invalid("invalid_request", [{ pointer: "", detail }]);
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
    let members = 0;
    const value = JSON.parse(text, function count(this: unknown, _: string, member: unknown) {
      members += Array.isArray(this) ? 0 : 1;
      return member;
    }) as unknown;
    // The root counts as a member, and has no colon.
    const colons = text.replaceAll(/"(?:[^"\\]|\\.)*"?/gs, "").split(":").length;
    return members === colons ? { type: "ok", value } : wrong("has a member twice");
  } catch {
    return wrong("is not JSON in UTF-8");
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
function inputErrors(error: z.ZodError): InputError[] {
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

function invalid(code: ErrorCode, errors: readonly InputError[]): BodyReading<never> {
  return { type: "invalid", code, errors };
}
