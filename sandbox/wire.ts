/**
 * What goes over the wire between the sandbox and whoever serves it: the request taken, the reply
 * described, and the small pieces of JSON that Harmony's answers are made of. Here alone pesos
 * become centavos and back. Pure; what a reply does to a socket is server.ts.
 */
import type { Exchange } from "./exchanges.ts";
import type { Payment, PaymentMethod } from "./book.ts";
import type { Doubling, SeverHow } from "./kinds.ts";

export interface HarmonyRequest {
  method: string;
  /** With the leading `/api` or `/sandbox`, without the query. */
  path: string;
  query: Readonly<Record<string, string>>;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  body: string;
}

/** What to do on the connection, `delayMs` after the request; `truncate` sends `cutAt` of `body`. */
export type Action =
  | { kind: "respond"; status: number; headers: Record<string, string>; body: string }
  | { kind: "sever"; how: "reset" | "hang" }
  | {
      kind: "sever";
      how: "truncate";
      status: number;
      headers: Record<string, string>;
      body: string;
      cutAt: number;
    };
/** Whoever serves it ends the exchange: as the last byte leaves, or as the connection breaks. */
export type Reply = Action & { delayMs: number; exchange: Exchange | null };

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };

const JSON_TYPE = "application/json; charset=utf-8";

export function respond(status: number, body: Json, headers?: Record<string, string>): Action {
  return respondText(status, JSON.stringify(body), JSON_TYPE, headers);
}

export function respondText(
  status: number,
  body: string,
  contentType: string,
  headers: Record<string, string> = {},
): Action {
  return { kind: "respond", status, headers: { "content-type": contentType, ...headers }, body };
}

export function refusal(status: number, message: string): Action {
  return respond(status, { message });
}

/** Severs where the answer would have been; `cutAt` is where a truncated one breaks off. */
export function sever(how: SeverHow, answer: Json, status: number, cutAt?: number): Action {
  if (how !== "truncate") {
    return { kind: "sever", how };
  }
  const body = JSON.stringify(answer);
  const headers = { "content-type": JSON_TYPE };
  return { kind: "sever", how, status, headers, body, cutAt: cutAt ?? body.length >> 1 };
}

export function garbage(status: number): Action {
  return respondText(status, '{"id":}{ not JSON', JSON_TYPE);
}

/** What a status is not; whoever believes either of the two may be wrong. */
const CONTRARY: Readonly<Record<string, string>> = {
  CONFIRMED: "CANCELLED",
  PENDING: "CANCELLED",
  NOT_INITIALIZED: "CANCELLED",
  CANCELLED: "CONFIRMED",
  REFUNDED: "CONFIRMED",
  ACTIVE: "REVOKED",
  REVOKED: "ACTIVE",
};

/** The text of an object in which one member stands twice: as it is, and with another value. */
export function doubledText(
  answer: Record<string, Json>,
  { member, wrong }: Doubling,
  otherId: string,
): string {
  const { status } = answer;
  const contrary = CONTRARY[typeof status === "string" ? status : ""] ?? "ACTIVE";
  const text = ([name, value]: [string, Json]) =>
    `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  const own = Object.entries(answer).map(text);
  const other = text([member, member === "id" ? otherId : contrary]);
  return `{${(wrong === "first" ? [other, ...own] : [...own, other]).join(",")}}`;
}

/** An answer whose body says one member twice. */
export function respondDoubled(
  status: number,
  answer: Record<string, Json>,
  doubling: Doubling,
  otherId: string,
): Action {
  return respondText(status, doubledText(answer, doubling, otherId), JSON_TYPE);
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** For the end of a switch that has every case; the compiler checks that it has. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

export function toPesos(amountMinor: number): number {
  return amountMinor / 100;
}

/** Null unless it is a whole number of centavos from one peso on. */
export function chargeableMinor(amount: unknown): number | null {
  const amountMinor = toMinor(amount);
  return amountMinor !== null && amountMinor >= 100 ? amountMinor : null;
}

/** Null unless it is a whole number of centavos. */
export function toMinor(amount: unknown): number | null {
  if (typeof amount !== "number") {
    return null;
  }
  const amountMinor = Math.round(amount * 100);
  return Number.isSafeInteger(amountMinor) && amountMinor / 100 === amount ? amountMinor : null;
}

export type FourFields = { id: string; status: string; amount: number; currency: string };

export function fourFields(payment: Payment): FourFields {
  const { id, status, amountMinor, currency } = payment;
  return { id, status, amount: toPesos(amountMinor), currency };
}

export function methodItem(method: PaymentMethod): Record<string, Json> {
  return {
    id: method.id,
    status: method.status,
    ...(method.externalId === null ? {} : { externalId: method.externalId }),
    ...(method.status === "PENDING" || method.status === "EXPIRED"
      ? {}
      : { card: { lastFourDigits: "4242", networkType: "VISA" } }),
    createdAt: toIso(method.createdAt),
  };
}

export function toIso(at: number): string {
  return new Date(at).toISOString();
}

export type Page = { ok: true; page: number; pageSize: number } | { ok: false; message: string };

const PAGE_SIZE_DEFAULT = 100;
/** As documented by Harmony. */
const PAGE_SIZE_MAX = 500;

export function parsePage(query: HarmonyRequest["query"]): Page {
  const page = wholeNumber(query["page"] ?? "1");
  const pageSize = wholeNumber(query["pageSize"] ?? String(PAGE_SIZE_DEFAULT));
  if (page === null || page < 1) {
    return { ok: false, message: "page must be a whole number from 1" };
  }
  if (pageSize === null || pageSize < 1 || pageSize > PAGE_SIZE_MAX) {
    return { ok: false, message: `pageSize must be a whole number from 1 to ${PAGE_SIZE_MAX}` };
  }
  return { ok: true, page, pageSize };
}

function wholeNumber(text: string): number | null {
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}
