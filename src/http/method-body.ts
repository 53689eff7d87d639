/**
 * Owns the shape of the body that makes a payment method: Harmony's own members are checked, others
 * are passed on, since Harmony may know them. Must not keep what is in it: it names a person.
 */
import * as z from "zod";
import { type BodyReading, readJson } from "./schemas.ts";

const TEXT_MAX = 500;
const Text = z
  .string({ error: "must be a string" })
  .max(TEXT_MAX, `must have at most ${TEXT_MAX} characters`)
  .refine((text) => text.isWellFormed(), "must be well-formed Unicode");

const MethodBody = z.looseObject(
  {
    externalId: Text.refine((text) => !text.includes("\0"), "must not contain NUL").optional(),
    verificationAmount: z.number({ error: "must be a JSON number in pesos" }).min(0).optional(),
    billingInformation: z
      .looseObject(
        {
          email: Text.optional(),
          firstName: Text.optional(),
          lastName: Text.optional(),
          phoneNumber: Text.optional(),
        },
        { error: "must be an object" },
      )
      .optional(),
    displayMode: z.enum(["LINK", "EMBEDDED"], { error: "must be LINK or EMBEDDED" }).optional(),
    buttonText: Text.optional(),
    buttonColor: Text.optional(),
    redirectUrl: z.url({ protocol: /^https?$/, error: "must be a web address" }).optional(),
    ttlMinutes: z.int({ error: "must be a whole number" }).min(1, "must be at least 1").optional(),
  },
  { error: "must be an object" },
);

/** What Harmony is sent, as it came (numbers beyond a double included), and the caller's own name for it. */
export interface WantedMethod {
  readonly body: string;
  readonly externalId: string | null;
}

export function readMethodBody(bytes: Uint8Array): BodyReading<WantedMethod> {
  const read = readJson(MethodBody, bytes);
  if (read.type === "invalid") {
    return read;
  }
  const { externalId = null } = read.value;
  return { type: "ok", value: { body: new TextDecoder().decode(bytes), externalId } };
}
