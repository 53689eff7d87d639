/**
 * Owns the shape of the bodies that an operator sends: strict, and never without a reason, since
 * the reason is what the entry is for. Must not know what a decision does.
 */
import * as z from "zod";
import type { RefundDecision } from "../domain/refund-doubt.ts";
import type { Decision } from "../domain/resolve.ts";
import { foldId, isPaymentId } from "../harmony/wire.ts";
import { type BodyReading, inputErrors, invalid, parseBody } from "./schemas.ts";

/** Enough to say why, and well within what an entry keeps of a text. */
const REASON_MAX = 500;

const Reason = z
  .string({ error: "is required: say why" })
  .refine((text) => text.trim() !== "", "must say why")
  .refine((text) => text.isWellFormed(), "must be well-formed Unicode")
  .refine(
    (text) => Array.from(text).length <= REASON_MAX,
    `must have at most ${REASON_MAX} characters`,
  )
  .refine((text) => !/\p{Cc}/u.test(text), "must not contain control characters");

const ResolutionBody = z.discriminatedUnion(
  "decision",
  [
    z.strictObject({
      decision: z.literal("charged"),
      paymentId: z
        .string({ error: "is required: the payment that this charge has made" })
        .refine(isPaymentId, "must be a payment id of Harmony's")
        .transform(foldId),
      reason: Reason,
    }),
    z.strictObject({
      decision: z.literal("not_charged"),
      override: z.boolean({ error: "must be true or false" }).default(false),
      reason: Reason,
    }),
  ],
  { error: "must be charged or not_charged" },
);

/** `POST .../charge/{chargeId}/resolution`. */
export function readResolutionBody(bytes: Uint8Array): BodyReading<Decision> {
  return readStrict(ResolutionBody, bytes);
}

const RefundResolutionBody = z.strictObject({
  decision: z.enum(["refunded", "not_refunded"], { error: "must be refunded or not_refunded" }),
  override: z.boolean({ error: "must be true or false" }).default(false),
  reason: Reason,
});

/** `POST .../refund/{refundId}/resolution`. */
export function readRefundResolutionBody(bytes: Uint8Array): BodyReading<RefundDecision> {
  return readStrict(RefundResolutionBody, bytes);
}

const ResumeBody = z.strictObject({ reason: Reason });

/** `POST .../resume`. */
export function readResumeBody(bytes: Uint8Array): BodyReading<{ readonly reason: string }> {
  return readStrict(ResumeBody, bytes);
}

function readStrict<T>(schema: z.ZodType<T>, bytes: Uint8Array): BodyReading<T> {
  const json = parseBody(bytes);
  if (json === undefined) {
    return invalid("invalid_request", [{ pointer: "", detail: "is not JSON in UTF-8" }]);
  }
  const parsed = schema.safeParse(json);
  return parsed.success
    ? { type: "ok", value: parsed.data }
    : invalid("invalid_request", inputErrors(parsed.error));
}
