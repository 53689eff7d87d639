/**
 * Owns the spelling of an idempotency key, in its header and in a query (IETF draft -07): a
 * structured-field string, or the same text bare. Must not look a key up. Pure.
 */
import { parseItem } from "structured-headers";

export type KeyReading =
  | { readonly type: "key"; readonly key: string }
  | { readonly type: "missing" }
  | { readonly type: "invalid"; readonly detail: string };

const LENGTH_MAX = 255;
/** Visible ASCII but comma and quote: a doubled header arrives joined by a comma. */
const BARE = /^[\x21\x23-\x2b\x2d-\x7e]*$/;
const BARE_IN_QUERY = /^[\x20-\x7e]*$/;

/** What templates make of nothing: under one of them the second order would be told that it is paid. */
const NOTHING: ReadonlySet<string> = new Set(["undefined", "null", "nan", "true", "false", "0"]);

/** The key of a header's text; null is no header at all. */
export function readIdempotencyKey(header: string | null): KeyReading {
  return read(header, BARE);
}

/** The key of a query's parameter: what a header cannot bring bare, a blank, can stand there. */
export function readQueryKey(parameter: string | null): KeyReading {
  return read(parameter, BARE_IN_QUERY);
}

function read(text: string | null, bare: RegExp): KeyReading {
  if (text === null) {
    return { type: "missing" };
  }
  const key = text.startsWith('"') ? quoted(text) : bare.test(text) ? text : null;
  if (key === null) {
    const said = "must be a quoted string of printable ASCII, or bare visible ASCII";
    return { type: "invalid", detail: `${said}, without a comma and given once` };
  }
  if (key.length < 1 || key.length > LENGTH_MAX) {
    return { type: "invalid", detail: `must have 1 to ${LENGTH_MAX} characters` };
  }
  if (NOTHING.has(key.toLowerCase())) {
    const detail = `is ${key}, which a template makes of nothing: make a key for each order`;
    return { type: "invalid", detail };
  }
  return { type: "key", key };
}

function quoted(header: string): string | null {
  try {
    const [value, parameters] = parseItem(header);
    // Two lines arrive joined by a comma, and join to one string where each has a quote of it.
    const isOne = typeof value === "string" && !value.includes(",");
    return isOne && parameters.size === 0 ? value : null;
  } catch {
    return null;
  }
}
