/**
 * Owns the making of a payment method: asked of Harmony once, recorded in the gateway's own chain
 * before it is answered. No key protects it, so nothing here asks again: what was not answered may
 * have been created, and the caller is told so.
 */
import { note } from "../domain/draft.ts";
import { outsideText } from "../domain/entries.ts";
import type { Fact } from "../domain/facts.ts";
import type { Reply } from "../domain/reply.ts";
import type { CreateReading } from "../harmony/methods.ts";
import type { Books } from "./books.ts";
import type { Answer, CreateMethodCommand } from "./commands.ts";
import type { Host } from "./host.ts";
import { failed, found, untimed } from "./reads.ts";

export async function createMethod(
  host: Host,
  books: Books,
  command: CreateMethodCommand,
): Promise<Answer> {
  if (books.journal.method.halted !== null) {
    return untimed(failed({ code: "halted" }));
  }
  const read = await host.methods.create(command.body);
  try {
    books.step(command.actor, {}, (draft) =>
      note(draft, factOf(read, draft.view.nowMs, command.externalId)),
    );
  } catch (error) {
    const made = read.type === "created" ? read.paymentMethodId : null;
    host.log("alert", "create_not_recorded", { made, outcome: read.type });
    throw error;
  }
  return untimed(replyTo(read));
}

/** Keeps that this payment method is new: Harmony's replicas may not know it yet. */
export function knowCreated(host: Host, books: Books): Answer {
  books.journal.know({ createdAtMs: host.now() });
  return untimed(found("{}", null));
}

function factOf(read: CreateReading, atMs: number, externalId: string | null): Fact {
  const { httpStatus, latencyMs } = read;
  const about = { atMs, chargeId: null, httpStatus, latencyMs, externalId };
  switch (read.type) {
    case "created":
      return { ...about, type: "method_created", paymentMethodId: read.paymentMethodId };
    case "refused":
      return { ...about, type: "method_create_failed", outcome: "refused", failure: read.body };
    case "unread":
      return {
        ...about,
        type: "method_create_failed",
        outcome: "unanswered",
        failure: read.failure,
      };
  }
}

function replyTo(read: CreateReading): Reply {
  switch (read.type) {
    case "created":
      return {
        ...found(read.body, null),
        status: 201,
        location: `/api/payment-method/${read.paymentMethodId}`,
      };
    case "unread":
      return mayHaveBeenCreated(read.failure === "timeout" ? 504 : 502);
    case "refused":
      return refusal(read.httpStatus, outsideText(read.body), read.retryAfterSeconds);
  }
}

function refusal(httpStatus: number, upstream: string, retryAfterSeconds: number | null): Reply {
  const detail = "Harmony refused: nothing was created. Its own words are in `upstream`.";
  switch (httpStatus) {
    case 401:
    case 403:
      return failed({ code: "upstream_unauthorized" });
    case 404:
      return failed({ code: "upstream_error", detail, upstream, lastKnown: null });
    case 429:
      return failed({
        code: "upstream_unavailable",
        detail,
        ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }),
      });
    default:
      return failed({ code: "invalid_request", detail, upstream });
  }
}

/** What a caller is told whose payment method may exist. */
export function mayHaveBeenCreated(status: 502 | 504): Reply {
  return failed({
    code: "upstream_error",
    status,
    retry: "never",
    detail:
      "Harmony's answer was lost: the payment method may have been created. Look for it in `GET /api/payment-method` before you create another; one that nobody completes expires.",
    lastKnown: null,
  });
}
