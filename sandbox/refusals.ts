/**
 * A charge that is refused, and payments that it leaves behind all the same. Owns what the body of
 * such a refusal names: nothing, the number of the request, or a payment of any kind.
 */
import { respond, unreachable } from "./wire.ts";
import type { Payment, PaymentMethod } from "./book.ts";
import type { PaymentStatus, RefusalStep } from "./kinds.ts";
import type { Action, Json } from "./wire.ts";
import type { World } from "./world.ts";

/** `make` charges the card with that result; what it has made by then is in `made`. */
export function refuseLeaving(
  world: World,
  method: PaymentMethod,
  { status, leaves, shownAfterMs, names, as }: RefusalStep,
  make: (status: PaymentStatus) => Payment,
  made: readonly Payment[],
): Action {
  for (const left of leaves) {
    const payment = make(left);
    if (shownAfterMs > 0 && left !== "CANCELLED" && left !== "REFUNDED") {
      payment.visibleAt = payment.createdAt + shownAfterMs;
    }
  }
  const id = nameOf(world, method, names, made);
  const body: Record<string, Json> = { message: "refused" };
  if (id !== null) {
    const [outer = "id", inner] = as.split(".");
    body[outer] = inner === undefined ? id : { [inner]: id };
  }
  return respond(status, body);
}

function nameOf(
  world: World,
  method: PaymentMethod,
  names: RefusalStep["names"],
  made: readonly Payment[],
): string | null {
  const isOwn = ({ paymentMethodId }: Payment) => paymentMethodId === method.id;
  const others = world.book.payments().filter((payment) => !made.includes(payment));
  switch (names) {
    case "nothing":
      return null;
    case "not_a_uuid":
      return "req-8842-attempt-1";
    case "request_id":
      return world.uuid();
    case "made":
      return made.at(-1)?.id ?? world.uuid();
    case "known":
      return others.findLast(isOwn)?.id ?? world.uuid();
    case "other_card":
      return others.findLast((payment) => !isOwn(payment))?.id ?? world.uuid();
  }
  return unreachable(names);
}
