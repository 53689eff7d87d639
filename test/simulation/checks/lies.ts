/**
 * Owns which answers of the simulated Harmony named another payment than the one they were about, and
 * what they named: read from its book and its exchanges. Must not judge.
 */
import type { Payment } from "../../../sandbox/book.ts";
import type { World } from "../../support/fake-host.ts";

/** One answer of Harmony's that named another payment than the one it was about. */
export interface Lie {
  /** What was really made. */
  readonly made: Payment;
  /** What the answer named instead; null where it was none of this card. */
  readonly named: string | null;
}

/** Every lie that Harmony told about a charge of this card. */
export function liesOf(world: World, payments: readonly Payment[]): readonly Lie[] {
  const atMs = new Set(
    world.sandbox.exchanges
      .list(world.paymentMethodId)
      .filter(({ kind, step }) => kind === "charge" && step === "approve_with_known_id")
      .map(({ beganAt }) => beganAt),
  );
  return payments.flatMap((made, index) => {
    if (made.answeredAs !== undefined) {
      return [{ made, named: made.answeredAs }];
    }
    const isLied = made.origin === "charge" && atMs.has(made.createdAt);
    return isLied ? [{ made, named: payments[index - 1]?.id ?? null }] : [];
  });
}
