/**
 * Owns the Response: errors and replies become bytes and headers here and nowhere else. Must not
 * decide which error applies.
 */
import { ERRORS, type ErrorCode, type Problem } from "../domain/errors.ts";
import { replyProblem, type Reply } from "../domain/reply.ts";
import type { Answer } from "../payment-method/commands.ts";
import type { Context } from "./context.ts";

/**
 * An error before any key was looked up. It may have been spoilt on its way, and be that of a charge that
 * went through: nothing is known of the money.
 */
export function problemResponse(
  context: Pick<Context, "request">,
  code: ErrorCode,
  rest: Partial<Problem> & { readonly headers?: Record<string, string> } = {},
): Response {
  const { headers, ...members } = rest;
  const reply = replyProblem({
    code,
    detail: ERRORS[code].explanation,
    money: "unknown",
    ...members,
  });
  // Only a POST can be about a charge's money; elsewhere the headers would only confuse.
  const about = context.request.method === "POST" ? reply : { ...reply, money: null, retry: null };
  return replyResponse(about, headers);
}

/** The wire form of a reply. */
export function replyResponse(reply: Reply, further: Record<string, string> = {}): Response {
  const headers = new Headers({ "content-type": reply.contentType, ...further });
  const optional: readonly (readonly [string, string | null])[] = [
    ["cobro-money", reply.money],
    ["cobro-retry", reply.retry],
    ["cobro-charge-id", reply.chargeId],
    ["location", reply.location],
    ["retry-after", reply.retryAfterSeconds === null ? null : String(reply.retryAfterSeconds)],
    ["idempotent-replayed", reply.replayed ? "true" : null],
  ];
  for (const [name, value] of optional) {
    if (value !== null) {
      headers.set(name, value);
    }
  }
  return new Response(reply.body, { status: reply.status, headers });
}

/** The wire form of an object's answer, with `Server-Timing` where it belongs to a charge. */
export function answerResponse({ reply, timing }: Answer, totalMs: number): Response {
  if (timing === null) {
    return replyResponse(reply);
  }
  const { queueMs, harmonyMs } = timing;
  const serverTiming = `queue;dur=${queueMs}, harmony;dur=${harmonyMs}, total;dur=${totalMs}`;
  return replyResponse(reply, { "server-timing": serverTiming });
}

export function jsonResponse(body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    headers: { "content-type": "application/json", ...headers },
  });
}
