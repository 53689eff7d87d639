/**
 * What must hold of a payment method's refunds whatever happened to them, read from its ledger, its
 * own tables, the callers' answers and the simulated Harmony's book. Each throws with what it found.
 */
import type { Entry } from "../../src/domain/entries.ts";
import type { Refund } from "../../src/domain/refund.ts";
import type { Call, World } from "../support/fake-host.ts";

/** The refunds as the object keeps them; none where a crash took its very tables back. */
export function refundsOf(world: World): Refund[] {
  const tables = world.storage.sql.exec("SELECT 1 FROM sqlite_schema WHERE name = 'refund'");
  if (tables.toArray().length === 0) {
    return [];
  }
  return world.storage.sql
    .exec("SELECT body FROM refund ORDER BY rowid")
    .toArray()
    .map((row) => JSON.parse(String(row["body"])) as Refund);
}

/** A refund is intended by a caller's request alone, and never while another of its payment is open. */
export function assertRefundsAreAsked(world: World, entries: readonly Entry[]): void {
  const open = new Map<string, string>();
  const sendable = new Set<string>();
  const seen = new Set<string>();
  let intents = 0;
  for (const { type, seq, refundId, paymentId, outcome, origin, requestId } of entries) {
    const [refund, payment] = [refundId ?? "", paymentId ?? ""];
    if (type === "refund_intended") {
      intents += 1;
      if (requestId === null || origin === "alarm") {
        throw new Error(`entry ${seq}: a refund that nobody asked for`);
      }
      if (open.has(payment)) {
        throw new Error(`entry ${seq}: a refund while ${open.get(payment)} is open`);
      }
      if (seen.has(refund) && !sendable.has(refund)) {
        throw new Error(`entry ${seq}: a further attempt, and the last is not known to be undone`);
      }
      open.set(payment, refund);
      seen.add(refund);
      sendable.delete(refund);
    }
    if (type === "refund_answered" && outcome !== "indeterminate") {
      open.delete(payment);
      sendable.add(refund);
    }
    if (type === "refund_resolved") {
      open.delete(payment);
      if (outcome === "not_refunded") {
        sendable.add(refund);
      }
    }
  }
  if (world.refundSubmissions.length > intents) {
    throw new Error(`${world.refundSubmissions.length} refunds left, ${intents} were intended`);
  }
}

/** One payment is given back once: one key has it, one entry books it, and the book has it so. */
export function assertRefundedOnce(
  world: World,
  entries: readonly Entry[],
  calls: readonly Call[] = [],
): void {
  const told = new Map<string, Set<string>>();
  const tell = (paymentId: string, key: string) =>
    told.set(paymentId, (told.get(paymentId) ?? new Set()).add(key));
  for (const { state, request, idempotencyKey } of refundsOf(world)) {
    if (state === "refunded") {
      tell(request.paymentId, idempotencyKey);
    }
  }
  for (const { command, answer } of calls) {
    if (command.type === "refund" && answer?.reply.status === 201) {
      // A UUID is the same in any letter case.
      const { id } = JSON.parse(answer.reply.body) as { id: string };
      tell(id.toLowerCase(), command.idempotencyKey);
    }
  }
  for (const [paymentId, keys] of told) {
    const status = world.sandbox.book.payment(paymentId)?.status;
    if (keys.size > 1 || status !== "REFUNDED") {
      throw new Error(`${[...keys].join(" and ")} were told of ${paymentId}, which is ${status}`);
    }
  }
  const booked = new Set<string>();
  for (const { effectMinor, paymentId, seq } of entries) {
    if (effectMinor < 0 && booked.has(paymentId ?? "")) {
      throw new Error(`entry ${seq}: ${paymentId} is booked as given back again`);
    }
    if (effectMinor < 0) {
      booked.add(paymentId ?? "");
    }
    if (effectMinor > 0) {
      // Harmony took it back: the money is there again, and can go back again.
      booked.delete(paymentId ?? "");
    }
  }
}

/** What the book says of each refunded payment of ours is what the object says of it. */
export function assertRefundsKnown(world: World): void {
  for (const { id, status } of world.sandbox.book.paymentsOf(world.paymentMethodId)) {
    const [row] = world.storage.sql
      .exec("SELECT body FROM payment WHERE payment_id = ? AND charge_id IS NOT NULL", id)
      .toArray();
    const known =
      row === undefined ? null : (JSON.parse(String(row["body"])) as { status: string });
    if (status === "REFUNDED" && known !== null && known.status !== "REFUNDED") {
      throw new Error(`${id} is REFUNDED and stands as ${known.status}`);
    }
  }
}

/** Nothing is left as it is for ever: every refund's end is known, or a person was told. */
export function assertRefundsSettled(world: World): void {
  for (const { state, escalated, idempotencyKey } of refundsOf(world)) {
    if (state === "in_flight" || (state === "in_doubt" && !escalated)) {
      throw new Error(`${idempotencyKey} is still ${state}`);
    }
  }
}
