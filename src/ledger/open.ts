/**
 * Owns the SELECT of what is open: charges and refunds whose outcome is not known, payments that a
 * person has to judge, histories that cannot be read, methods in trouble, and their totals, all in one
 * statement, so that they are of one moment. Must not read the ledger's entries but for the last of a
 * chain, nor know of HTTP. Never throws.
 */
import { ask } from "./database.ts";
import type { LedgerDatabase } from "./database.ts";

/** An attempt in flight for longer than any deadline, its delivery included, has no owner any more. */
export const IN_FLIGHT_OPEN_MS = 3 * 60_000;
/** A payment that is not final by then is polled daily only, and counts as open. */
export const PENDING_OPEN_MS = 7 * 24 * 3_600_000;
/** The cron wakes each minute; what has not reported by then is overdue for a person as well. */
export const OVERDUE_OPEN_MS = 2 * 60_000;

/** Where a page of the list begins: after this one. The list is ordered by age, the oldest first. */
export interface OpenPlace {
  readonly since: number;
  readonly paymentMethodId: string;
  /** The charge, refund or payment; empty for a payment method. */
  readonly itemId: string;
}

interface Placed extends OpenPlace {
  /** When the ledger took an entry of this method last; null: never. */
  readonly deliveredAt: string | null;
}

export interface OpenItem extends Placed {
  readonly kind: "charge" | "refund" | "payment" | "history";
  /** The payment that a refund is of, or that a person has to judge. */
  readonly paymentId: string | null;
  readonly state: "in_flight" | "in_doubt" | "pending" | "contested" | "unreadable";
  readonly escalated: 0 | 1;
  /** Whether it freezes its payment method. */
  readonly freezes: 0 | 1;
  readonly nextAt: string | null;
  readonly amountMinor: number | null;
  readonly currency: string | null;
  readonly caller: string | null;
  readonly idempotencyKey: string | null;
  readonly reference: string | null;
  readonly seq: number;
}

export interface OpenMethod extends Placed {
  readonly overdueSince: number | null;
  readonly halted: string | null;
  readonly haltedSince: number | null;
}

export interface ItemTotal {
  readonly kind: OpenItem["kind"];
  readonly state: OpenItem["state"];
  readonly escalated: 0 | 1;
  readonly items: number;
  readonly amountMinor: number;
}

export interface OpenRows {
  /** At most one more than asked for, of each. */
  readonly items: readonly OpenItem[];
  readonly methods: readonly OpenMethod[];
  readonly totals: readonly ItemTotal[];
  readonly frozen: number;
  readonly overdue: number;
  readonly halted: number;
  /** The last position, and when it was taken; 0 and null in an empty ledger. */
  readonly asOf: number;
  readonly recordedAt: string | null;
}

export type OpenResult =
  | { readonly type: "open"; readonly rows: OpenRows }
  | { readonly type: "unavailable"; readonly message: string };

/** By the unique key of its chain: one row is read. */
const DELIVERED = `(SELECT recorded_at FROM entry WHERE entry.payment_method_id = item.payment_method_id
  ORDER BY seq DESC LIMIT 1)`;

const IS_OPEN = `(state IN ('in_doubt', 'contested', 'unreadable') OR (state = 'in_flight' AND since <= ?1 - ${IN_FLIGHT_OPEN_MS})
  OR (state = 'pending' AND since <= ?1 - ${PENDING_OPEN_MS}))`;

/** Each arm is a range of an index; together they are the methods in trouble and no other. */
const TROUBLED = `SELECT payment_method_id, halted, halted_since,
    CASE WHEN coalesce(overdue_since, wake_at) <= ?1 - ${OVERDUE_OPEN_MS}
      THEN coalesce(overdue_since, wake_at) END AS overdue
  FROM method WHERE payment_method_id IN (
    SELECT payment_method_id FROM method WHERE halted_since IS NOT NULL
    UNION ALL SELECT payment_method_id FROM method WHERE overdue_since <= ?1 - ${OVERDUE_OPEN_MS}
    UNION ALL SELECT payment_method_id FROM method WHERE wake_at <= ?1 - ${OVERDUE_OPEN_MS})`;

const SINCE = "min(coalesce(halted_since, overdue), coalesce(overdue, halted_since))";

const QUERY = `
WITH troubled AS (${TROUBLED})
SELECT
  (SELECT json_group_array(json_object('since', since, 'paymentMethodId', payment_method_id,
      'itemId', item_id, 'kind', kind, 'paymentId', payment_id, 'state', state, 'escalated', escalated,
      'freezes', freezes, 'nextAt', next_at,
      'amountMinor', amount_minor, 'currency', currency, 'caller', caller,
      'idempotencyKey', idempotency_key, 'reference', reference, 'seq', seq,
      'deliveredAt', ${DELIVERED}))
    FROM (SELECT * FROM open_item
      WHERE (since, payment_method_id, item_id) > (?2, ?3, ?4) AND ${IS_OPEN}
      ORDER BY since, payment_method_id, item_id LIMIT ?5) AS item) AS items,
  (SELECT json_group_array(json_object('since', since, 'paymentMethodId', payment_method_id,
      'itemId', '', 'overdueSince', overdue, 'halted', halted, 'haltedSince', halted_since,
      'deliveredAt', ${DELIVERED}))
    FROM (SELECT *, ${SINCE} AS since FROM troubled
      WHERE (${SINCE}, payment_method_id, '') > (?2, ?3, ?4)
      ORDER BY since, payment_method_id LIMIT ?5) AS item) AS methods,
  (SELECT json_group_array(json_object('state', state, 'escalated', escalated,
      'kind', kind, 'items', items, 'amountMinor', amount))
    FROM (SELECT kind, state, escalated, count(*) AS items, coalesce(sum(amount_minor), 0) AS amount
      FROM open_item WHERE ${IS_OPEN} GROUP BY kind, state, escalated)) AS totals,
  (SELECT count(DISTINCT payment_method_id) FROM open_item WHERE kind = 'charge'
    AND state = 'in_doubt' AND freezes = 1) AS frozen,
  (SELECT count(overdue) FROM troubled) AS overdue,
  (SELECT count(halted_since) FROM troubled) AS halted,
  (SELECT max(position) FROM entry) AS asOf,
  (SELECT recorded_at FROM entry ORDER BY position DESC LIMIT 1) AS recordedAt`;

interface Row {
  readonly items: string;
  readonly methods: string;
  readonly totals: string;
  readonly frozen: number;
  readonly overdue: number;
  readonly halted: number;
  readonly asOf: number | null;
  readonly recordedAt: string | null;
}

/** What is open at `nowMs`, after `after`; `limit` and one more of each kind, so that more is seen. */
export async function queryOpen(
  db: LedgerDatabase,
  query: { readonly nowMs: number; readonly after: OpenPlace | null; readonly limit: number },
  timeoutMs: number,
): Promise<OpenResult> {
  const { nowMs, after, limit } = query;
  const place = [after?.since ?? Number.MIN_SAFE_INTEGER, after?.paymentMethodId ?? ""];
  const values = [nowMs, ...place, after?.itemId ?? "", limit + 1];
  const answer = await ask<Row>(db, QUERY, values, timeoutMs);
  if (answer.type === "unavailable") {
    return answer;
  }
  const [row] = answer.rows;
  if (row === undefined) {
    return { type: "unavailable", message: "no row" };
  }
  const rows = {
    ...row,
    items: JSON.parse(row.items) as OpenItem[],
    methods: JSON.parse(row.methods) as OpenMethod[],
    totals: JSON.parse(row.totals) as ItemTotal[],
    asOf: row.asOf ?? 0,
  };
  return { type: "open", rows };
}
