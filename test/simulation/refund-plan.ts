/**
 * Owns what one seed stands for beyond charges: how readily callers refund, what Harmony makes of
 * refunds and revokes, and when a card is revoked. Must not run anything.
 */
import type { ScenarioInput } from "../support/sandbox.ts";
import type { Chance } from "./chance.ts";

export type RefundStep = NonNullable<ScenarioInput["refunds"]>[number];
export type RevokeStep = NonNullable<ScenarioInput["revokes"]>[number];

/** What a card does beside charges. */
export interface AfterCharge {
  readonly refunds: readonly RefundStep[];
  readonly revokes: readonly RevokeStep[];
  /** When a caller begins to revoke the card; null for never. */
  readonly revokeAtMs: number | null;
}

const MINUTE_MS = 60_000;

const APPROVED: readonly RefundStep[] = ["approve", { kind: "approve", latencyMs: 12_000 }];
const LOST_AFTER: readonly RefundStep[] = [
  { kind: "lose_reply_after_refunding", how: "reset" },
  { kind: "lose_reply_after_refunding", how: "hang" },
  { kind: "lose_reply_after_refunding", how: "truncate" },
  { kind: "error_after_refunding", status: 500 },
  { kind: "error_after_refunding", status: 400 },
  { kind: "error_after_refunding", status: 418 },
  "garbage_after_refunding",
  "html_after_refunding",
  "unknown_status_after_refunding",
  "wrong_amount_after_refunding",
];
const LOST_BEFORE: readonly RefundStep[] = [
  { kind: "lose_before_refunding", how: "reset" },
  { kind: "lose_before_refunding", how: "hang" },
  { kind: "lose_before_refunding", how: "truncate" },
  { kind: "error_before_refunding", status: 503 },
  { kind: "redirect", status: 307 },
  { kind: "redirect", status: 302 },
];
const REFUSED: readonly RefundStep[] = [
  { kind: "refuse", status: 429, retryAfter: 3 },
  { kind: "refuse", status: 401 },
  { kind: "refuse", status: 404 },
  { kind: "refuse", status: 402, body: "no JSON" },
];
const DECLINED: readonly RefundStep[] = [
  { kind: "decline", as: "cancelled" },
  { kind: "decline", as: 400 },
  { kind: "decline", as: 402 },
  { kind: "decline", as: 422 },
];
const PENDING: readonly RefundStep[] = [
  { kind: "pending", polls: 2, then: "REFUNDED" },
  { kind: "pending", polls: 6, then: "REFUNDED" },
  { kind: "pending", polls: 1, then: "CONFIRMED" },
];
const NAMED: readonly RefundStep[] = [
  { kind: "error_naming_payment", status: 402 },
  { kind: "error_naming_payment", status: 500 },
  "approve_with_known_id",
];
const LATE_WITHIN: readonly RefundStep[] = [
  { kind: "late", refundAfterMs: 40_000 },
  { kind: "late", refundAfterMs: 5 * MINUTE_MS },
];
const LATE_BEYOND: readonly RefundStep[] = [
  { kind: "late", refundAfterMs: 25 * MINUTE_MS },
  { kind: "late", refundAfterMs: 100 * MINUTE_MS },
  { kind: "late", refundAfterMs: 5 * 60 * MINUTE_MS },
];
const REFUND_KINDS = [
  LOST_AFTER,
  LOST_BEFORE,
  REFUSED,
  DECLINED,
  PENDING,
  NAMED,
  LATE_WITHIN,
  LATE_BEYOND,
];
const REVOKES: readonly RevokeStep[] = [
  "approve",
  { kind: "lose_reply_after_revoking", how: "reset" },
  { kind: "lose_reply_after_revoking", how: "hang" },
  { kind: "lose_before_revoking", how: "reset" },
  { kind: "lose_before_revoking", how: "truncate" },
  { kind: "error_after_revoking", status: 500 },
  { kind: "error_after_revoking", status: 400 },
  { kind: "error_before_revoking", status: 503 },
  { kind: "error_naming_payment", status: 402 },
  "garbage_after_revoking",
  "html_after_revoking",
  "unknown_status_after_revoking",
  "approve_with_known_id",
  { kind: "redirect", status: 307 },
  { kind: "decline", as: "cancelled" },
  { kind: "decline", as: 400 },
  { kind: "decline", as: 404 },
  { kind: "refuse", status: 429, retryAfter: 3 },
  { kind: "refuse", status: 401 },
  { kind: "pending", polls: 2, then: "REVOKED" },
  { kind: "pending", polls: 1, then: "ACTIVE" },
  { kind: "late", revokeAfterMs: 40_000 },
  { kind: "late", revokeAfterMs: 100 * MINUTE_MS },
];

/** How often a charge that went well is refunded: never, in many lives. */
export function planRefunding(chance: Chance): number {
  return chance.pick([0, 0, 0.3, 0.8, 1]);
}

export function planAfterCharge(chance: Chance, busyMs: number): AfterCharge {
  const kinds = chance.some(REFUND_KINDS, 0.4).flat();
  const wellShare = chance.pick([0.1, 0.3, 0.6]);
  const isWell = () => kinds.length === 0 || chance.yes(wellShare);
  const step = () => chance.pick(isWell() ? APPROVED : kinds);
  const lastMs = Math.floor(0.9 * busyMs);
  const [middleMs, endMs] = [chance.between(0, busyMs), chance.between(lastMs, busyMs)];
  return {
    refunds: Array.from({ length: chance.between(0, 10) }, step),
    revokes: Array.from({ length: chance.between(0, 4) }, () => chance.pick(REVOKES)),
    revokeAtMs: chance.pick([null, null, null, null, null, null, middleMs, endMs]),
  };
}
