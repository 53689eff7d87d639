/**
 * Owns the cursor of a list: what it carries, and that it is used with the list it belongs to.
 * Opaque to callers, though no secret: it holds positions, which every entry shows anyway.
 */
import * as z from "zod";
import { hashOf } from "../ledger/chain.ts";
import type { Parameters } from "./parameters.ts";

/** Where a list goes on. */
export interface Place {
  /** The last position that exists for the list: what arrives later is not part of it. */
  readonly asOf: number;
  /** The position up to which it was read. */
  readonly after: number;
}

export type PlaceResult =
  | { readonly type: "ok"; readonly place: Place | null }
  | { readonly type: "invalid"; readonly detail: string };

type Listed = Pick<Parameters, "filters" | "order">;

/** PERSISTED CONTRACT: callers keep cursors. Another shape is another `v`. */
const Cursor = z.strictObject({
  v: z.literal(1),
  asOf: z.int().min(0),
  after: z.int().min(0),
  list: z.string(),
});

export function cursorOf(place: Place, listed: Listed): string {
  const text = JSON.stringify({ v: 1, ...place, list: nameOf(listed) });
  return encoded(text);
}

/** JSON in ASCII as it may stand in a URL. */
export function encoded(text: string): string {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The place that a cursor names; none without a cursor, since the list then begins. */
export function placeOf(cursor: string | null, listed: Listed): PlaceResult {
  if (cursor === null) {
    return { type: "ok", place: null };
  }
  const parsed = Cursor.safeParse(decoded(cursor));
  if (!parsed.success) {
    return { type: "invalid", detail: "is not a cursor of this list" };
  }
  const { asOf, after, list } = parsed.data;
  if (list !== nameOf(listed)) {
    return { type: "invalid", detail: "belongs to other filters or another order" };
  }
  return { type: "ok", place: { asOf, after } };
}

/** 64 bits tell a caller's lists apart; no more depends on it. `limit` may change on the way. */
function nameOf({ filters, order }: Listed): string {
  return hashOf({ filters, order }).slice(0, 16);
}

/** What a cursor says; null for what is none. */
export function decoded(cursor: string): unknown {
  if (!/^[\w-]+$/.test(cursor)) {
    return null;
  }
  try {
    return JSON.parse(atob(cursor.replaceAll("-", "+").replaceAll("_", "/"))) as unknown;
  } catch {
    return null;
  }
}
