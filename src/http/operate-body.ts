/**
 * Owns the shape of the bodies that an operator sends: strict, and never without a reason, since
 * the reason is what the entry is for. Must not know what a decision does.
 */
import * as z from "zod";
import type { RefundDecision } from "../domain/refund-doubt.ts";
import type { Decision } from "../domain/resolve.ts";
import { foldId } from "../domain/ids.ts";
import { isPaymentId } from "../harmony/wire.ts";
import { type BodyReading, plainText, readJson } from "./schemas.ts";

/** Enough to say why, and well within what an entry keeps of a text. */
const REASON_MAX = 500;

const Reason = plainText(REASON_MAX, "is required: say why").refine(
  (text) => text.trim() !== "",
  "must say why",
);

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
  return readJson(ResolutionBody, bytes);
}

const RefundResolutionBody = z.strictObject({
  decision: z.enum(["refunded", "not_refunded"], { error: "must be refunded or not_refunded" }),
  override: z.boolean({ error: "must be true or false" }).default(false),
  reason: Reason,
});

/** `POST .../refund/{refundId}/resolution`. */
export function readRefundResolutionBody(bytes: Uint8Array): BodyReading<RefundDecision> {
  return readJson(RefundResolutionBody, bytes);
}

const ResumeBody = z.strictObject({ reason: Reason });

/** `POST .../resume`. */
export function readResumeBody(bytes: Uint8Array): BodyReading<{ readonly reason: string }> {
  return readJson(ResumeBody, bytes);
}
