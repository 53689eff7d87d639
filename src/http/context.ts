/**
 * Owns what is known of one request on its way through the router: who it is, how long it may
 * wait, whether it asks for a charge. Must not answer anything.
 */
import type { Config, Env } from "../env.ts";
import type { Actor } from "../domain/facts.ts";
import type { Caller } from "./auth.ts";
import { headerOf } from "./headers.ts";

/** What it takes to reach a payment method's object, for whomever. */
export interface Reach {
  readonly env: Env;
  readonly config: Config;
  /** For what may go on after the answer has left. */
  readonly execution: Pick<ExecutionContext, "waitUntil">;
}

export interface Context extends Reach {
  readonly request: Request;
  readonly url: URL;
  readonly requestId: string;
  readonly startedAtMs: number;
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/;

/** Version 00 has no more than its four fields; a later one may have. */
const TRACEPARENT_00_LENGTH = 55;

/** The trace id of a valid `traceparent` (W3C Trace Context, level 2); anything else is ignored. */
function traceIdOf(request: Request): string | null {
  const header = headerOf(request, "traceparent") ?? "";
  const found = TRACEPARENT.exec(header);
  const isLonger = header.startsWith("00") && header.length > TRACEPARENT_00_LENGTH;
  if (found === null || isLonger || header.startsWith("ff")) {
    return null;
  }
  const [, traceId, parentId] = found;
  const valid = !/^0+$/.test(traceId ?? "0") && !/^0+$/.test(parentId ?? "0");
  return valid ? (traceId ?? null) : null;
}

/** The members of a list (RFC 9110, 5.6.1): a comma within quotes ends none. */
const MEMBERS = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g;
/** A preference of RFC 7240, 2, which is older than structured fields: blanks may stand around `=`. */
const WAIT = /^\s*wait\s*=\s*"?(\d{1,4})"?\s*(?:;|$)/i;

/** How long this caller is kept waiting, in ms: `Prefer: wait=`, or the configured wait. */
export function waitMsOf({ request, config }: Context): number {
  const members = headerOf(request, "prefer")?.match(MEMBERS) ?? [];
  // Of a preference that is given twice the first counts.
  const [first] = members.flatMap((member) => WAIT.exec(member)?.[1] ?? []);
  const seconds = Number(first ?? "0");
  return seconds >= 1 && seconds <= 30 ? seconds * 1000 : config.waitMs;
}

/** Who acts, for the entries of what this request causes. */
export function actorOf(context: Context, caller: Caller): Actor {
  return {
    caller: caller.callerId,
    keyId: caller.keyId,
    requestId: context.requestId,
    traceId: traceIdOf(context.request),
    origin: addressOf(context.request),
  };
}

/** An address is at most 45 characters; whatever else stands in the header is not kept. */
function addressOf(request: Request): string | null {
  const address = request.headers.get("cf-connecting-ip");
  return address !== null && /^[0-9a-fA-F.:]{2,45}$/.test(address) ? address : null;
}
