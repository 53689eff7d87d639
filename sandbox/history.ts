/**
 * One page of a payment method's history, as Harmony might show it. Owns every way in which such a
 * list may be poor, late or wrong. Pure: reads payments and options, changes nothing.
 */
import { toIso, toPesos, unreachable } from "./wire.ts";
import type { Payment } from "./book.ts";
import type { HistoryOptions, PaymentStatus } from "./kinds.ts";
import type { Json } from "./wire.ts";

/** Shorter than any tag at the end of a description. */
const DESCRIPTION_CUT_CHARS = 10;

/** Mexico City, without daylight saving; its local times carry no zone. */
const LOCAL_OFFSET_MS = -6 * 3_600_000;

/** A clock so far behind that a payment seems older than the wish to make it. */
const SKEW_MS = -600_000;

export interface HistoryQuery {
  page: number;
  pageSize: number;
  status: PaymentStatus | null;
}

/** `payments` oldest first, as the book keeps them. */
export function historyPage(
  payments: readonly Payment[],
  options: HistoryOptions,
  query: HistoryQuery,
  now: number,
): Record<string, Json> {
  const visible = payments.filter(
    (payment) =>
      isVisible(payment, options, now) &&
      (query.status === null || payment.status === query.status),
  );
  const rows = options.dropItem ? visible.slice(0, -1) : visible;
  const ordered = options.order === "newest" ? rows.toReversed() : rows;
  const pageSize = Math.min(query.pageSize, options.pageSizeCap ?? query.pageSize);
  const shift = query.page === 1 ? 0 : options.pageShift;
  const start = Math.max(0, (query.page - 1) * pageSize - shift);
  const items = ordered.slice(start, start + pageSize).map((payment) => item(payment, options));
  return {
    count: options.countIsPage ? items.length : visible.length,
    page: query.page,
    pageSize,
    items,
  };
}

/** When a payment shows, unless its status hides it. */
export function visibleAt(payment: Payment, options: HistoryOptions): number {
  return payment.visibleAt ?? payment.createdAt + options.visibleAfterMs;
}

function isVisible(payment: Payment, options: HistoryOptions, now: number): boolean {
  const isGone = payment.goneAt !== undefined;
  const isHidden = isGone || options.hideStatuses.includes(payment.status);
  return visibleAt(payment, options) <= now && !isHidden;
}

function item(payment: Payment, options: HistoryOptions): Record<string, Json> {
  const { id, status, amountMinor, currency } = payment;
  const minimal = { id, status, amount: toPesos(amountMinor), currency };
  if (options.fields === "minimal") {
    return minimal;
  }
  const dated = { ...minimal, createdAt: shownTime(payment.createdAt, options) };
  return options.fields === "createdAt"
    ? dated
    : { ...dated, description: shownDescription(payment.description, options) };
}

function shownTime(at: number, options: HistoryOptions): string {
  switch (options.createdAt) {
    case "utc":
      return toIso(at);
    case "local":
      return toIso(at + LOCAL_OFFSET_MS).slice(0, "2026-11-22T04:05:06".length);
    case "skewed":
      return toIso(at + SKEW_MS);
  }
  return unreachable(options.createdAt);
}

function shownDescription(description: string | null, options: HistoryOptions): string | null {
  switch (options.description) {
    case "echo":
      return description;
    case "cut":
      return description?.slice(0, DESCRIPTION_CUT_CHARS) ?? null;
    case "altered":
      // As a bank statement does: capitals, and nothing but letters, digits and spaces.
      return description?.toUpperCase().replaceAll(/[^A-Z0-9]+/g, " ") ?? null;
  }
  return unreachable(options.description);
}
