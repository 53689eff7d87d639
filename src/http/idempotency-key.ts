/**
 * Owns the reading of the `Idempotency-Key` header (contract.md, A charge; IETF draft -07): a
 * structured-field string, or the same text bare. Must not look a key up.
 */
import { parseItem } from "structured-headers";

export type KeyReading =
  | { readonly type: "key"; readonly key: string }
  | { readonly type: "missing" }
  | { readonly type: "invalid"; readonly detail: string };

const LENGTH_MAX = 255;
/** Visible ASCII but comma and quote: a doubled header arrives joined by a comma. */
const BARE = /^[\x21\x23-\x2b\x2d-\x7e]+$/;

/** The key of a header's text; null is no header at all. */
export function readIdempotencyKey(header: string | null): KeyReading {
  if (header === null) {
    return { type: "missing" };
  }
  const key = header.startsWith('"') ? quoted(header) : bare(header);
  if (key === null) {
    return {
      type: "invalid",
      detail: "neither a quoted string of printable ASCII nor bare visible ASCII, or given twice",
    };
  }
  if (key.length < 1 || key.length > LENGTH_MAX) {
    return {
      type: "invalid",
      detail: `has ${key.length} characters, 1 to ${LENGTH_MAX} are allowed`,
    };
  }
  return { type: "key", key };
}

function bare(header: string): string | null {
  return BARE.test(header) || header === "" ? header : null;
}

function quoted(header: string): string | null {
  try {
    const [value, parameters] = parseItem(header);
    return typeof value === "string" && parameters.size === 0 ? value : null;
  } catch {
    return null;
  }
}
