/**
 * Owns the reading of a request's body: its type and its size. Must not parse it.
 */
const BODY_BYTES_MAX = 16 * 1024;

export type BodyBytes =
  | { readonly type: "ok"; readonly bytes: Uint8Array }
  | { readonly type: "payload_too_large" | "unsupported_media_type" };

/** Reads a body of a type other than JSON too, as long as it is empty: nothing was said. */
export async function readOptionalBody(request: Request): Promise<BodyBytes> {
  return read(request, true);
}

/** Reads at most 16 KiB, whatever the request says of its length. */
export async function readBody(request: Request): Promise<BodyBytes> {
  return read(request, false);
}

async function read(request: Request, mayBeEmpty: boolean): Promise<BodyBytes> {
  if (Number(request.headers.get("content-length") ?? "0") > BODY_BYTES_MAX) {
    return { type: "payload_too_large" };
  }
  const bytes = await readBounded(request);
  if (bytes === null) {
    return { type: "payload_too_large" };
  }
  return isJson(request.headers.get("content-type")) || (mayBeEmpty && bytes.length === 0)
    ? { type: "ok", bytes }
    : { type: "unsupported_media_type" };
}

async function readBounded(request: Request): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(BODY_BYTES_MAX);
  let length = 0;
  if (request.body === null) {
    return bytes.subarray(0, 0);
  }
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return bytes.subarray(0, length);
    }
    const chunk = value as Uint8Array;
    if (length + chunk.byteLength > BODY_BYTES_MAX) {
      await reader.cancel().catch(() => undefined);
      return null;
    }
    bytes.set(chunk, length);
    length += chunk.byteLength;
  }
}

/** `application/json`, with UTF-8 as the only charset that may be named. */
function isJson(contentType: string | null): boolean {
  return /^application\/json(?:\s*;\s*charset\s*=\s*"?utf-8"?)?\s*;?\s*$/i.test(contentType ?? "");
}
