/**
 * Owns what a caller is told where Harmony did not answer a question about a payment method. Must
 * not decide what became of an act.
 */
import type { Problem } from "../domain/errors.ts";
import type { Reply } from "../domain/reply.ts";
import type { Unread } from "../harmony/methods.ts";
import { failed } from "./reads.ts";

/** Harmony's own 401, 403 and 404 say why; anything else is no answer. */
export function unreadProblem(read: Unread): Pick<Problem, "code"> & Partial<Problem> {
  const { httpStatus, failure, retryAfterSeconds } = read;
  if (httpStatus === 401 || httpStatus === 403) {
    return { code: "upstream_unauthorized" };
  }
  if (httpStatus === 404) {
    return { code: "payment_method_not_found" };
  }
  return {
    code: "upstream_error",
    status: failure === "timeout" ? 504 : 502,
    lastKnown: null,
    ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }),
  };
}

export function unreadAnswer(read: Unread): Reply {
  return failed(unreadProblem(read));
}
