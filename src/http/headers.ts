/**
 * Owns how much of a header is read at all: what is longer is matched against nothing. Must not know
 * what a header means.
 */

/** The longest text of each that any caller needs; a key of 255 characters may escape every one. */
const LENGTH_MAX = {
  "content-type": 100,
  prefer: 100,
  traceparent: 256,
  authorization: 512,
  "x-api-key": 512,
  "idempotency-key": 520,
} as const;

/**
 * A header's text, null where there is none. One that is too long reads as an empty one: it is there,
 * and none of the six may be empty.
 */
export function headerOf(request: Request, name: keyof typeof LENGTH_MAX): string | null {
  const text = request.headers.get(name);
  return text === null || text.length <= LENGTH_MAX[name] ? text : "";
}
