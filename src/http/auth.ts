/**
 * Owns who may call: keys are matched whole, by hash, against D1, with two caches in this isolate
 * (contract.md, Who may call). Must not read a body, nor keep the text of a key.
 */
import type { Env } from "../env.ts";
import { findKey } from "../ledger/keys.ts";
import { headerOf } from "./headers.ts";
import { sha256 } from "./sha256.ts";

export const SCOPES = ["charge", "refund", "read", "manage", "audit", "operate"] as const;
export type Scope = (typeof SCOPES)[number];

export interface Caller {
  readonly callerId: string;
  readonly keyId: string;
  readonly scopes: readonly string[];
}

export type Authentication =
  | { readonly type: "caller"; readonly caller: Caller; readonly stale: boolean }
  | { readonly type: "unauthorized" }
  | { readonly type: "unavailable" };

/** A verified key is not asked for again this long; with a look-up's time it stays under 30 s. */
const FRESH_MS = 20_000;
/** While D1 cannot be asked, a key verified within this time keeps working. */
const STALE_MAX_MS = 15 * 60_000;
/** D1 answers in milliseconds or is not to be waited for: the caller wants its charge. */
const LOOKUP_TIMEOUT_MS = 3000;
/** While D1 is down it is asked again this often, not by every request. */
const DOWN_PAUSE_MS = 2000;
/** Verified keys kept; far more than callers, and bounded all the same. */
const CACHE_MAX = 1000;

interface Verified {
  readonly caller: Caller;
  readonly verifiedAtMs: number;
}

// Values, never promises: a promise of one request must not be awaited by another.
const verified = new Map<string, Verified>();
let downUntilMs = 0;

/** Forgets every verified key, as a fresh isolate would. For tests. */
export function forgetKeys(): void {
  verified.clear();
  downUntilMs = 0;
}

/** Who makes this request. Never throws. */
export async function authenticate(
  request: Request,
  env: Env,
  nowMs: number,
): Promise<Authentication> {
  const text = keyOf(request);
  if (text === null) {
    return { type: "unauthorized" };
  }
  const hash = await sha256(text);
  const known = verified.get(hash);
  if (known !== undefined && isYoung(known, nowMs, FRESH_MS)) {
    return { type: "caller", caller: known.caller, stale: false };
  }
  if (nowMs < downUntilMs) {
    return withoutLedger(known, nowMs);
  }
  const found = await findKey(env.LEDGER, hash, LOOKUP_TIMEOUT_MS);
  switch (found.type) {
    case "unavailable":
      downUntilMs = nowMs + DOWN_PAUSE_MS;
      return withoutLedger(known, nowMs);
    case "none":
      verified.delete(hash);
      return { type: "unauthorized" };
    case "found": {
      verified.delete(hash);
      if (found.revokedAt !== null) {
        return { type: "unauthorized" };
      }
      const caller = { callerId: found.callerId, keyId: found.keyId, scopes: found.scopes };
      remember(hash, { caller, verifiedAtMs: nowMs });
      return { type: "caller", caller, stale: false };
    }
  }
}

function withoutLedger(known: Verified | undefined, nowMs: number): Authentication {
  if (known !== undefined && isYoung(known, nowMs, STALE_MAX_MS)) {
    return { type: "caller", caller: known.caller, stale: true };
  }
  return { type: "unavailable" };
}

/** A verification from the future, after a clock went back, is of unknown age and is not trusted. */
function isYoung({ verifiedAtMs }: Verified, nowMs: number, ageMaxMs: number): boolean {
  return nowMs >= verifiedAtMs && nowMs - verifiedAtMs < ageMaxMs;
}

function remember(hash: string, entry: Verified): void {
  if (verified.size >= CACHE_MAX) {
    const [oldest] = verified.keys();
    verified.delete(oldest ?? "");
  }
  verified.set(hash, entry);
}

/** The key's text: `x-api-key`, or `Authorization: Bearer`. Two different ones are none. */
function keyOf(request: Request): string | null {
  const plain = headerOf(request, "x-api-key");
  const bearer = /^Bearer +(\S+)$/i.exec(headerOf(request, "authorization") ?? "")?.[1] ?? null;
  if (plain !== null && bearer !== null && plain !== bearer) {
    return null;
  }
  const text = plain ?? bearer;
  return text?.startsWith("cobro_") === true ? text : null;
}
