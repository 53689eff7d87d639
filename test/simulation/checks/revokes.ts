/**
 * Owns the checks of revokes: what was entered and told is Harmony's own word, and nothing is
 * charged after it. Must not change anything.
 */
import { assertRevokesAreTrue } from "../../payment-method/promises.ts";
import type { Facts } from "./facts.ts";

export function assertRevokesTrue({ world, revokes, payments, told }: Facts): void {
  assertRevokesAreTrue(
    world,
    revokes.map(({ call }) => call),
  );
  const toldAtMs = revokes.flatMap(({ call }) =>
    call.answer?.reply.status === 200 && call.endedAtMs !== null ? [call.endedAtMs] : [],
  );
  const revokedAtMs = Math.min(...toldAtMs);
  const after = payments.find(
    ({ origin, createdAt }) => origin === "charge" && createdAt > revokedAtMs,
  );
  if (after !== undefined) {
    throw new Error(`${after.id} was charged after the revoke was told`);
  }
  const status = world.sandbox.book.method(world.paymentMethodId)?.status;
  const refused = told.some(({ reply }) => /"payment_method_not_active"/.test(reply.body));
  if (refused && status === "ACTIVE") {
    throw new Error("a charge was told that the method is not active, and it is");
  }
}
