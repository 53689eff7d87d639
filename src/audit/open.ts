/**
 * Owns the list of what is open: its query string, its cursor, and how rows read. Everything in it
 * comes from the ledger's database: no object is asked, nor Harmony. Must not make a Response.
 */
import * as z from "zod";
import type { LedgerDatabase } from "../ledger/database.ts";
import {
  type ItemTotal,
  type OpenItem,
  type OpenMethod,
  type OpenPlace,
  queryOpen,
} from "../ledger/open.ts";
import { LIMIT_MAX } from "../ledger/queries.ts";
import { decoded, encoded } from "./cursor.ts";
import { STATEMENT_TIMEOUT_MS } from "./entries.ts";
import { LIMIT_DEFAULT, misnamed, type ParameterError } from "./parameters.ts";

interface Sum {
  readonly charges: number;
  readonly amountMinor: number;
}

export interface OpenBody {
  /** When it was asked; every age is as of then. */
  readonly at: string;
  /** The last position of the ledger, and when it was taken. */
  readonly asOf: number;
  readonly recordedAt: string | null;
  readonly totals: {
    readonly refundsInDoubt: { readonly refunds: number; readonly amountMinor: number };
    /** Those that a person has to judge. */
    readonly contested: { readonly payments: number; readonly amountMinor: number };
    /** Those whose history cannot be read, so that they cannot be charged. */
    readonly unreadable: { readonly methods: number };
    readonly inDoubt: Sum;
    /** Of those in doubt. */
    readonly escalated: Sum;
    readonly inFlight: Sum;
    readonly pending: Sum;
    readonly frozen: { readonly methods: number };
    readonly overdue: { readonly methods: number };
    readonly halted: { readonly methods: number };
  };
  /** The oldest first. */
  readonly open: readonly Record<string, unknown>[];
  readonly nextCursor: string | null;
}

export type OpenListResult =
  | { readonly type: "ok"; readonly body: OpenBody; readonly next: URL | null }
  | { readonly type: "invalid"; readonly errors: readonly ParameterError[] }
  | { readonly type: "unavailable"; readonly message: string };

/** PERSISTED CONTRACT: callers keep cursors. Another shape is another `v`. */
const Cursor = z.strictObject({
  v: z.literal(1),
  since: z.int(),
  paymentMethodId: z.string(),
  itemId: z.string(),
});

/** `GET /ledger/open`: the page that the query string of `url` asks for. */
export async function listOpen(
  db: LedgerDatabase,
  url: URL,
  nowMs: number,
  timeoutMs: number = STATEMENT_TIMEOUT_MS,
): Promise<OpenListResult> {
  const asked = parse(url.searchParams);
  if (asked.errors.length > 0) {
    return { type: "invalid", errors: asked.errors };
  }
  const { limit, after } = asked;
  const result = await queryOpen(db, { nowMs, after, limit }, timeoutMs);
  if (result.type === "unavailable") {
    return result;
  }
  const { rows } = result;
  const all = [...rows.items, ...rows.methods].sort(byPlace);
  const shown = all.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor = all.length > limit && last !== undefined ? cursorOf(last) : null;
  const next = nextCursor === null ? null : new URL(url);
  next?.searchParams.set("cursor", nextCursor ?? "");
  const sum = (wanted: (total: ItemTotal) => boolean) =>
    sumOf(rows.totals.filter((total) => total.kind === "charge" && wanted(total)));
  const refunds = sumOf(rows.totals.filter(({ kind }) => kind === "refund"));
  const unreadable = sumOf(rows.totals.filter(({ kind }) => kind === "history"));
  const contested = sumOf(rows.totals.filter(({ kind }) => kind === "payment"));
  const body: OpenBody = {
    at: iso(nowMs),
    asOf: rows.asOf,
    recordedAt: rows.recordedAt,
    totals: {
      inDoubt: sum(({ state }) => state === "in_doubt"),
      escalated: sum(({ state, escalated }) => state === "in_doubt" && escalated === 1),
      inFlight: sum(({ state }) => state === "in_flight"),
      pending: sum(({ state }) => state === "pending"),
      refundsInDoubt: { refunds: refunds.charges, amountMinor: refunds.amountMinor },
      contested: { payments: contested.charges, amountMinor: contested.amountMinor },
      unreadable: { methods: unreadable.charges },
      frozen: { methods: rows.frozen },
      overdue: { methods: rows.overdue },
      halted: { methods: rows.halted },
    },
    open: shown.map((item) =>
      "state" in item ? shownItem(item, nowMs) : shownMethod(item, nowMs),
    ),
    nextCursor,
  };
  return { type: "ok", body, next };
}

function shownItem(item: OpenItem, nowMs: number): Record<string, unknown> {
  return {
    kind: item.kind,
    paymentMethodId: item.paymentMethodId,
    ...subjectOf(item),
    state: item.state,
    escalated: item.escalated === 1,
    ...aged(item.since, nowMs),
    nextAt: item.nextAt,
    amountMinor: item.amountMinor,
    currency: item.currency,
    caller: item.caller,
    idempotencyKey: item.idempotencyKey,
    reference: item.reference,
    seq: item.seq,
    lastDelivery: delivered(item.deliveredAt, nowMs),
  };
}

/** What the item is about, beside its payment method. */
function subjectOf({ kind, itemId, paymentId, state, freezes }: OpenItem) {
  if (kind === "charge") {
    return { chargeId: itemId, methodFrozen: state === "in_doubt" && freezes === 1 };
  }
  if (kind === "refund") {
    return { refundId: itemId, paymentId };
  }
  return kind === "payment" ? { paymentId } : {};
}

function shownMethod(item: OpenMethod, nowMs: number): Record<string, unknown> {
  const { overdueSince, halted, haltedSince } = item;
  return {
    kind: "method",
    paymentMethodId: item.paymentMethodId,
    overdue: overdueSince === null ? null : aged(overdueSince, nowMs),
    halted: haltedSince === null ? null : { ...aged(haltedSince, nowMs), reason: halted },
    lastDelivery: delivered(item.deliveredAt, nowMs),
  };
}

function aged(sinceMs: number, nowMs: number) {
  return { since: iso(sinceMs), ageSeconds: Math.max(0, Math.floor((nowMs - sinceMs) / 1000)) };
}

function delivered(at: string | null, nowMs: number) {
  return at === null ? null : { at, ageSeconds: aged(Date.parse(at), nowMs).ageSeconds };
}

function sumOf(totals: readonly ItemTotal[]): Sum {
  return {
    charges: totals.reduce((sum, { items }) => sum + items, 0),
    amountMinor: totals.reduce((sum, { amountMinor }) => sum + amountMinor, 0),
  };
}

/** As the database orders each kind. */
function byPlace(a: OpenPlace, b: OpenPlace): number {
  const text = (x: string, y: string) => (x < y ? -1 : x > y ? 1 : 0);
  return (
    a.since - b.since || text(a.paymentMethodId, b.paymentMethodId) || text(a.itemId, b.itemId)
  );
}

interface Asked {
  readonly limit: number;
  readonly after: OpenPlace | null;
  readonly errors: readonly ParameterError[];
}

function parse(search: URLSearchParams): Asked {
  const errors = misnamed(search, ["limit", "cursor"]);
  const text = search.get("limit") ?? String(LIMIT_DEFAULT);
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > LIMIT_MAX) {
    errors.push({ parameter: "limit", detail: `must be a number from 1 to ${LIMIT_MAX}` });
  }
  const cursor = search.get("cursor");
  const after = cursor === null ? null : placeOf(cursor);
  if (cursor !== null && after === null) {
    errors.push({ parameter: "cursor", detail: "is not a cursor of this list" });
  }
  return { limit, after, errors };
}

function cursorOf({ since, paymentMethodId, itemId }: OpenPlace): string {
  const text = JSON.stringify({ v: 1, since, paymentMethodId, itemId });
  return encoded(text);
}

function placeOf(cursor: string): OpenPlace | null {
  const parsed = Cursor.safeParse(decoded(cursor));
  return parsed.success ? parsed.data : null;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
