/**
 * Owns the checks that a charge and a refund share, in the contract's order of precedence: the
 * body's size and type, then the idempotency key. Must not parse the body.
 */
import { type BodyBytes, readBody } from "./body.ts";
import type { Context } from "./context.ts";
import { readIdempotencyKey } from "../domain/idempotency-key.ts";
import { headerOf } from "./headers.ts";
import { problemResponse } from "./problem.ts";

export type Keyed =
  | {
      readonly type: "keyed";
      readonly key: string;
      readonly bytes: Uint8Array;
      /** When the whole body was there: the caller's wait begins. */
      readonly readAtMs: number;
    }
  | { readonly type: "problem"; readonly response: Response };

/** The key and the body of a request that needs both, or the error that applies first. */
export async function readKeyed(
  context: Context,
  read: (request: Request) => Promise<BodyBytes> = readBody,
): Promise<Keyed> {
  const { request } = context;
  const body = await read(request);
  if (body.type !== "ok") {
    return { type: "problem", response: problemResponse(context, body.code, body.rest) };
  }
  const key = readIdempotencyKey(headerOf(request, "idempotency-key"));
  switch (key.type) {
    case "missing":
      return {
        type: "problem",
        response: problemResponse(context, "idempotency_key_missing"),
      };
    case "invalid": {
      const errors = [{ header: "Idempotency-Key", detail: key.detail }];
      const response = problemResponse(context, "idempotency_key_invalid", { errors });
      return { type: "problem", response };
    }
    case "key":
      return { type: "keyed", key: key.key, bytes: body.bytes, readAtMs: Date.now() };
  }
}
