/**
 * Owns every request to Harmony: one deadline from connect to the last byte, bounded bodies, no
 * redirect followed, no retry, a value back and never a throw. Must not conclude anything from
 * an answer. One of the files that can lose money: whatever repeats a request here charges twice.
 */
import { centavosToPesos } from "../domain/money.ts";
import { taggedDescription } from "../domain/tag.ts";
import type { LookReport, SeenPayment } from "../domain/facts.ts";
import type { ChargeRequest } from "../domain/charge.ts";
import { foldId } from "../domain/ids.ts";
import type { Payment } from "../domain/outcome.ts";
import type { Exchange, MethodReading } from "./classify.ts";
import { isRefundRefusal } from "./classify-refund.ts";
import { type Kind, type Limits, retryAfterOf } from "./limits.ts";
import { parseHistoryPage, parseJson, parseMethodStatus, parsePayment } from "./wire.ts";

export interface HarmonySettings {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly timeoutMs: number;
}

/** What the client needs of its host; handed in, so that a simulator can be the network. */
export interface Network {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly now: () => number;
  /** A signal that aborts after this many ms. */
  readonly deadline: (timeoutMs: number) => AbortSignal;
  /** What Harmony has asked us to wait for. */
  readonly limits: Limits;
}

export interface Submission {
  readonly exchange: Exchange;
  readonly method: MethodReading | null;
}

/** What one read of a payment brought. */
export interface PaymentReading {
  readonly payment: Payment | null;
  readonly httpStatus: number | null;
  readonly latencyMs: number;
  readonly failure: string | null;
}

export interface RefundSubmission {
  readonly exchange: Exchange;
  /** How the payment was read after a refusal; null where there was none. */
  readonly reading: PaymentReading | null;
}

export interface Harmony {
  /** How long Harmony has asked us to send nothing of this kind for a payment method, in ms. */
  leftMs(kind: Kind, paymentMethodId: string): number;
  submit(paymentMethodId: string, request: ChargeRequest, tag: string | null): Promise<Submission>;
  /** `limitMs`: it ends by then, incomplete if need be. */
  look(
    paymentMethodId: string,
    known: ReadonlySet<string>,
    beganSeq: number,
    limitMs?: number,
  ): Promise<LookReport>;
  readPayment(
    paymentMethodId: string,
    paymentId: string,
    limitMs?: number,
  ): Promise<PaymentReading>;
  refund(
    paymentMethodId: string,
    paymentId: string,
    reason: string | null,
  ): Promise<RefundSubmission>;
}

/** A charge's reply has four fields; more than this is no reply of Harmony's. */
const REPLY_BYTES_MAX = 64 * 1024;
const PAGE_BYTES_MAX = 1024 * 1024;
/** Harmony's own largest page (harmony.md, Saved cards). */
const PAGE_SIZE = 500;
/** Beyond this many pages a look is incomplete: 20 000 payments on one card are no card. */
const PAGES_MAX = 40;
/** A look begins no further page after this long: an alarm that waits for it has to end. */
const LOOK_MS_MAX = 120_000;

export function createHarmony(settings: HarmonySettings, network: Network): Harmony {
  const call: Call = (method, path, body, bytesMax, limitMs = Infinity) => {
    const timeoutMs = Math.min(settings.timeoutMs, Math.max(1, limitMs));
    const [, , paymentMethodId = ""] = path.split("/");
    const kind = method === "POST" ? "submission" : "query";
    const limited = { kind, paymentMethodId } as const;
    return exchange({ ...settings, timeoutMs }, network, { method, path, limited, body, bytesMax });
  };
  return {
    leftMs: (kind, paymentMethodId) => leftMsOf(network, { kind, paymentMethodId }, network.now()),
    async submit(paymentMethodId, request, tag) {
      const path = `/payment-method/${paymentMethodId}/payment`;
      const answer = await call("POST", path, chargeBody(request, tag), REPLY_BYTES_MAX);
      if (answer.type === "failed" || answer.httpStatus !== 400) {
        return { exchange: answer, method: null };
      }
      const read = await call("GET", `/payment-method/${paymentMethodId}`, null, REPLY_BYTES_MAX);
      return { exchange: answer, method: methodReading(read, paymentMethodId) };
    },
    look: (paymentMethodId, known, beganSeq, limitMs = Infinity) =>
      look(call, network, {
        paymentMethodId,
        known,
        beganSeq,
        limitMs: Math.min(limitMs, LOOK_MS_MAX),
      }),
    async readPayment(paymentMethodId, paymentId, limitMs) {
      const path = paymentPath(paymentMethodId, paymentId);
      return paymentReading(await call("GET", path, null, REPLY_BYTES_MAX, limitMs), paymentId);
    },
    async refund(paymentMethodId, paymentId, reason) {
      const path = paymentPath(paymentMethodId, paymentId);
      const body = JSON.stringify(reason === null ? {} : { reason });
      const answer = await call("POST", `${path}/refund`, body, REPLY_BYTES_MAX);
      if (!isRefundRefusal(answer)) {
        return { exchange: answer, reading: null };
      }
      const read = await call("GET", path, null, REPLY_BYTES_MAX);
      return { exchange: answer, reading: paymentReading(read, paymentId) };
    },
  };
}

function paymentPath(paymentMethodId: string, paymentId: string): string {
  return `/payment-method/${paymentMethodId}/payment/${encodeURIComponent(paymentId)}`;
}

function chargeBody(request: ChargeRequest, tag: string | null): string {
  const description = taggedDescription(request.description, tag);
  return JSON.stringify({
    amount: centavosToPesos(request.amountMinor),
    currency: request.currency,
    ...(description === null ? {} : { description }),
  });
}

function methodReading(read: Exchange, paymentMethodId: string): MethodReading {
  if (read.type === "failed" || read.httpStatus < 200 || read.httpStatus > 299) {
    return { type: "unreadable" };
  }
  const status = parseMethodStatus(parseJson(read.body), paymentMethodId);
  return status === null ? { type: "unreadable" } : { type: "status", status };
}

function paymentReading(read: Exchange, paymentId: string): PaymentReading {
  const { latencyMs } = read;
  if (read.type === "failed") {
    return { payment: null, httpStatus: null, latencyMs, failure: read.reason };
  }
  const { httpStatus } = read;
  if (httpStatus < 200 || httpStatus > 299) {
    return { payment: null, httpStatus, latencyMs, failure: `status_${httpStatus}` };
  }
  const payment = parsePayment(parseJson(read.body));
  // An answer about another payment says nothing about this one.
  if (payment === null || payment.id !== foldId(paymentId)) {
    return { payment: null, httpStatus, latencyMs, failure: "not_this_payment" };
  }
  return { payment, httpStatus, latencyMs, failure: null };
}

type Call = (
  method: string,
  path: string,
  body: string | null,
  bytesMax: number,
  limitMs?: number,
) => Promise<Exchange>;

interface Look {
  readonly paymentMethodId: string;
  /** The ids that a complete look must list. */
  readonly known: ReadonlySet<string>;
  readonly beganSeq: number;
  readonly limitMs: number;
}

/** Why a look that read everything is not complete: what it lacks is read by id. */
const MISSING = "known_payment_missing";
const MISSING_MAX = 20;

/** Reads the whole history and judges whether it is complete (design.md, Finding a lost charge). */
async function look(
  call: Call,
  network: Network,
  { paymentMethodId, known, beganSeq, limitMs }: Look,
): Promise<LookReport> {
  const beganAtMs = network.now();
  const seen = new Map<string, SeenPayment>();
  let count: number | null = null;
  let pages = 0;
  const report = (why: string | null, httpStatus: number | null = null): LookReport => ({
    beganAtMs,
    endedAtMs: network.now(),
    beganSeq,
    complete: why === null,
    why,
    httpStatus,
    pages,
    count,
    payments: [...seen.values()],
    missing: why === MISSING ? [...known].filter((id) => !seen.has(id)).slice(0, MISSING_MAX) : [],
    idsHash: null,
  });
  while (pages < PAGES_MAX) {
    const passedMs = network.now() - beganAtMs;
    if (passedMs > limitMs) {
      return report("took_too_long");
    }
    const path = `/payment-method/${paymentMethodId}/payment?page=${pages + 1}&pageSize=${PAGE_SIZE}`;
    const answer = await call("GET", path, null, PAGE_BYTES_MAX, limitMs - passedMs);
    if (answer.type === "failed") {
      return report(answer.reason);
    }
    if (answer.httpStatus < 200 || answer.httpStatus > 299) {
      return report(`status_${answer.httpStatus}`, answer.httpStatus);
    }
    if (answer.isCached) {
      // What some cache remembers proves nothing of now.
      return report("page_is_cached", answer.httpStatus);
    }
    const page = parseHistoryPage(parseJson(answer.body));
    if (page === null) {
      return report("page_does_not_parse", answer.httpStatus);
    }
    pages += 1;
    if (count !== null && page.count !== count) {
      return report("count_moved");
    }
    count = page.count;
    for (const payment of page.payments) {
      seen.set(payment.id, payment);
    }
    if (seen.size >= count || page.payments.length === 0) {
      return report(verdict(seen, count, known));
    }
  }
  return report("too_many_pages");
}

function verdict(
  seen: ReadonlyMap<string, SeenPayment>,
  count: number,
  known: ReadonlySet<string>,
): string | null {
  if (seen.size !== count) {
    return "count_differs";
  }
  for (const id of known) {
    if (!seen.has(id)) {
      return MISSING;
    }
  }
  return null;
}

interface Call1 {
  readonly method: string;
  readonly path: string;
  /** What Harmony may limit it as; null where it concerns no payment method. */
  readonly limited: Limited | null;
  readonly body: string | null;
  readonly bytesMax: number;
}

interface Limited {
  readonly kind: Kind;
  readonly paymentMethodId: string;
}

const TOO_MANY = 429;

function leftMsOf({ limits }: Network, { kind, paymentMethodId }: Limited, nowMs: number): number {
  return limits.leftMs(kind, paymentMethodId, nowMs);
}

export async function exchange(
  settings: HarmonySettings,
  network: Network,
  { method, path, limited, body, bytesMax }: Call1,
): Promise<Exchange> {
  const startedAtMs = network.now();
  // A submission that must wait was never intended: whoever sends has asked before.
  if (limited?.kind === "query" && leftMsOf(network, limited, startedAtMs) > 0) {
    return { type: "failed", reason: "limited", latencyMs: 0 };
  }
  const latencyMs = (endedAtMs = network.now()) => Math.max(0, endedAtMs - startedAtMs);
  try {
    const response = await network.fetch(`${settings.baseUrl}${path}`, {
      method,
      headers: {
        "x-api-key": settings.apiKey,
        accept: "application/json",
        ...(body === null
          ? { "cache-control": "no-cache" }
          : { "content-type": "application/json" }),
      },
      body,
      // A 307 would send the charge, and our key, once more.
      redirect: "manual",
      signal: network.deadline(settings.timeoutMs),
    });
    const text = await readBounded(response, bytesMax);
    if (text === null) {
      return { type: "failed", reason: "answer_too_large", latencyMs: latencyMs() };
    }
    const endedAtMs = network.now();
    const retryAfterSeconds = retryAfterOf(response.headers.get("retry-after"), endedAtMs);
    if (response.status === TOO_MANY && limited !== null) {
      const { kind, paymentMethodId } = limited;
      network.limits.tell(kind, paymentMethodId, retryAfterSeconds, endedAtMs);
    }
    return {
      type: "answered",
      httpStatus: response.status,
      body: text,
      retryAfterSeconds,
      isCached: isCached(response.headers.get("age")),
      latencyMs: latencyMs(endedAtMs),
    };
  } catch (error) {
    // Every throw here, whatever it says of itself, leaves the charge unknown.
    return { type: "failed", reason: failureName(error), latencyMs: latencyMs() };
  }
}

async function readBounded(response: Response, bytesMax: number): Promise<string | null> {
  if (response.body === null) {
    return "";
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return text + decoder.decode();
    }
    const chunk = value as Uint8Array;
    bytes += chunk.byteLength;
    if (bytes > bytesMax) {
      await reader.cancel().catch(() => undefined);
      return null;
    }
    text += decoder.decode(chunk, { stream: true });
  }
}

function failureName(error: unknown): string {
  if (error instanceof Error || error instanceof DOMException) {
    return error.name === "TimeoutError" ? "timeout" : "connection_failed";
  }
  return "connection_failed";
}

/** Whether an answer comes from a cache: an `Age` above 0 (RFC 9111, 5.1), or one that is no number. */
function isCached(age: string | null): boolean {
  return age !== null && !/^0+$/.test(age.trim());
}
