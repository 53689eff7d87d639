/**
 * What the callers wanted and everything they were told: the evidence that the checks are held
 * against. Owns the shapes and what an answer says by itself; sends nothing.
 */
import type { Answered } from "../support/runtime.ts";

/** One wish to charge, under one key, whoever sends it and however often. */
export interface Order {
  readonly key: string;
  readonly paymentMethodId: string;
  /** No two orders of a method have the same, so that a wrong attribution shows. */
  readonly amountMinor: number;
  readonly answers: Answer[];
  /** Its caller has gone for good, whatever it was told. */
  vanished: boolean;
}

export interface Answer {
  readonly sentAtMs: number;
  /** Sent with another amount than the order's. */
  readonly altered: boolean;
  readonly status: number;
  readonly money: string | null;
  readonly retry: string | null;
  readonly chargeId: string | null;
  readonly code: string | null;
  /** Harmony's id and status, where it has them. */
  readonly id: string | null;
  readonly paymentStatus: string | null;
  /** Kept only of a final answer: those must be the same for ever. */
  readonly text: string | null;
}

/** Not final although Harmony has answered: the payment's end is still to come. */
const OPEN_STATUSES: readonly unknown[] = ["PENDING", "NOT_INITIALIZED"];

export function answerOf(answered: Answered, sentAtMs: number, altered: boolean): Answer {
  const { status, headers, json, text } = answered;
  const isFinal = status === 402 || (status === 201 && !OPEN_STATUSES.includes(json["status"]));
  return {
    sentAtMs,
    altered,
    status,
    money: headers.get("cobro-money"),
    retry: headers.get("cobro-retry"),
    chargeId: headers.get("cobro-charge-id"),
    code: textOrNull(json["code"]),
    id: textOrNull(json["id"]),
    paymentStatus: textOrNull(json["status"]),
    text: isFinal && !altered ? text : null,
  };
}

/** The order's final answers, as often as they were given. */
export function finalsOf(order: Order): Answer[] {
  return order.answers.filter((answer) => answer.text !== null);
}

/** Whether a caller knows that the key is bound: an answer has named its charge. */
export function isBound(order: Order): boolean {
  return order.answers.some((answer) => answer.chargeId !== null);
}

export function descriptionOf(order: Order): string {
  return `for ${order.key} of the chaos run`;
}

/** The order that a payment in the book was made for, by its description. */
export function keyIn(description: string | null): string {
  return /^for (\S+)/.exec(description ?? "")?.[1] ?? "?";
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
