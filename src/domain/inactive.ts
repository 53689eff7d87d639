/**
 * Owns what is known of a payment method that is not to be charged: it was revoked through us, or
 * Harmony told so with an attempt. Must not read it. Pure.
 */
import type { Fact } from "./facts.ts";
import { ENDED_STATUSES } from "./not-sent.ts";

/** PERSISTED CONTRACT. A payment method that is charged no more. */
export interface Inactive {
  /** As Harmony calls it. */
  readonly status: string;
  /** It was revoked through us: what a replica says later changes nothing. */
  readonly forGood: boolean;
  /** When it was heard last. */
  readonly atMs: number;
}

/** What is known after these facts; only a read that says ACTIVE ends what is not for good. */
export function inactiveAfter(before: Inactive | null, facts: readonly Fact[]): Inactive | null {
  return facts.reduce((inactive, fact) => {
    if (fact.type === "method_revoked") {
      return { status: "REVOKED", forGood: true, atMs: fact.atMs };
    }
    const told =
      fact.type === "attempt_answered" && fact.outcome.kind === "not_sent"
        ? fact.outcome.paymentMethodStatus
        : null;
    return inactive?.forGood === true || told === null || !ENDED_STATUSES.includes(told)
      ? inactive
      : { status: told, forGood: false, atMs: fact.atMs };
  }, before);
}
