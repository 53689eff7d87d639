/**
 * Owns the reading of a request's body: its size, its coding and type, and how long it may take to
 * arrive. Must not parse it.
 */
// oxlint-disable-next-line typescript/triple-slash-reference -- the Workers types lack node:util, which the runtime has
/// <reference types="node/util" />
import { MIMEType } from "node:util";
import type { ErrorCode } from "../domain/errors.ts";
import { headerOf } from "./headers.ts";

const BODY_BYTES_MAX = 16 * 1024;
/** More than 16 KiB take on a bad line; a caller that sends no more has gone. */
const ARRIVAL_MS_MAX = 10_000;

export type BodyBytes =
  | { readonly type: "ok"; readonly bytes: Uint8Array }
  | { readonly type: "problem"; readonly code: ErrorCode; readonly rest: Rest };

interface Rest {
  readonly headers?: Record<string, string>;
}

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
    return problem("payload_too_large");
  }
  const bytes = await arrival(request);
  if (bytes === "payload_too_large") {
    return problem(bytes);
  }
  if (bytes === "request_timeout") {
    return problem(bytes);
  }
  const coding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (coding !== "" && coding !== "identity") {
    return problem("unsupported_media_type", { headers: { "accept-encoding": "identity" } });
  }
  return isJson(headerOf(request, "content-type")) || (mayBeEmpty && bytes.length === 0)
    ? { type: "ok", bytes }
    : problem("unsupported_media_type");
}

function problem(code: ErrorCode, rest: Rest = {}): BodyBytes {
  return { type: "problem", code, rest };
}

async function arrival(
  request: Request,
): Promise<Uint8Array | "payload_too_large" | "request_timeout"> {
  const bytes = new Uint8Array(BODY_BYTES_MAX);
  let length = 0;
  if (request.body === null) {
    return bytes.subarray(0, 0);
  }
  const reader = request.body.getReader();
  const over = new AbortController();
  const late = scheduler.wait(ARRIVAL_MS_MAX, { signal: over.signal }).catch(() => undefined);
  try {
    for (;;) {
      const part = await Promise.race([reader.read(), late]);
      if (part?.done === true) {
        return bytes.subarray(0, length);
      }
      const chunk = part?.value as Uint8Array | undefined;
      if (chunk === undefined || length + chunk.byteLength > BODY_BYTES_MAX) {
        reader.cancel().catch(() => undefined);
        return chunk === undefined ? "request_timeout" : "payload_too_large";
      }
      bytes.set(chunk, length);
      length += chunk.byteLength;
    }
  } finally {
    over.abort();
  }
}

/** JSON, in UTF-8 where a charset is named; no other parameter means anything. */
function isJson(contentType: string | null): boolean {
  try {
    const { essence, params } = new MIMEType(contentType ?? "");
    const charset = params.get("charset") ?? "utf-8";
    return essence === "application/json" && charset.toLowerCase() === "utf-8";
  } catch {
    return false;
  }
}
