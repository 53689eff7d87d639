/**
 * Owns the wire form of the ledger's reads. Must not know SQL, nor cause a request to Harmony.
 */
import { listEntries, type ListResult, readEntry } from "../audit/entries.ts";
import { listOpen, type OpenListResult } from "../audit/open.ts";
import type { Context } from "./context.ts";
import { jsonResponse, problemResponse } from "./problem.ts";

/** `GET /ledger/entries`. */
export async function getEntries(context: Context): Promise<Response> {
  return listResponse(context, await listEntries(context.env.LEDGER, context.url));
}

/** `GET /ledger/open`. */
export async function getOpen(context: Context): Promise<Response> {
  const { env, url, startedAtMs } = context;
  return listResponse(context, await listOpen(env.LEDGER, url, startedAtMs));
}

function listResponse(context: Context, result: ListResult | OpenListResult): Response {
  switch (result.type) {
    case "ok":
      return jsonResponse(
        result.body,
        result.next === null
          ? {}
          : { link: `<${result.next.pathname}${result.next.search}>; rel="next"` },
      );
    case "invalid":
      return problemResponse(context, "invalid_request", { errors: result.errors });
    case "unavailable":
      return unavailable(context, result.message);
  }
}

/** `GET /ledger/entries/{paymentMethodId}/{seq}`. */
export async function getEntry(context: Context, id: string, seq: string): Promise<Response> {
  const result = await readEntry(context.env.LEDGER, id, seq);
  switch (result.type) {
    case "found":
      return jsonResponse(result.entry);
    case "none":
      return problemResponse(context, "not_found");
    case "unavailable":
      return unavailable(context, result.message);
  }
}

function unavailable(context: Context, message: string): Response {
  console.log(JSON.stringify({ level: "warn", event: "ledger_unavailable", message }));
  return problemResponse(context, "ledger_unavailable", { retryAfterSeconds: 5 });
}
