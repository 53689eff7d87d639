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

/** How long an attempt without an answer keeps others out, where the horizon is that of these tests. */
const HORIZON_MS = 900_000;

/**
 * A refund is intended by a caller's request alone, right after a read that shows the payment CONFIRMED
 * but for its first; never beside one in flight, nor within the horizon of one without an answer.
 */
export function assertRefundsAreAsked(world: World, entries: readonly Entry[]): void {
  const flying = new Map<string, string>();
  /** By refund: of which payment it is, and until when an attempt of it may be under way. */
  const lost = new Map<string, { payment: string; untilMs: number }>();
  const begun = new Set<string>();
  const readAs = new Map<string, string | null>();
  let intents = 0;
  for (const { type, seq, refundId, paymentId, paymentStatus, ...entry } of entries) {
    const [refund, payment] = [refundId ?? "", paymentId ?? ""];
    const atMs = Date.parse(entry.occurredAt);
    if (type === "polled") {
      readAs.set(payment, paymentStatus);
    }
    if (type === "refund_intended") {
      intents += 1;
      if (entry.requestId === null || entry.origin === "alarm") {
        throw new Error(`entry ${seq}: a refund that nobody asked for`);
      }
      if (flying.has(payment)) {
        throw new Error(`entry ${seq}: a refund while ${flying.get(payment)} is in flight`);
      }
      const open = [...lost].find(([, one]) => one.payment === payment && atMs < one.untilMs);
      if (open !== undefined) {
        throw new Error(`entry ${seq}: a refund while ${open[0]} may be under way`);
      }
      if (begun.has(payment) && readAs.get(payment) !== "CONFIRMED") {
        throw new Error(`entry ${seq}: a further attempt, and the payment was not read CONFIRMED`);
      }
      flying.set(payment, refund);
      begun.add(payment);
    }
    if (type === "refund_answered") {
      flying.delete(payment);
      readAs.delete(payment);
      if (entry.outcome === "indeterminate") {
        lost.set(refund, { payment, untilMs: atMs + HORIZON_MS });
      }
    }
    const isDecided = type === "operator_resolved" && refundId !== null;
    if (type === "refund_resolved" || isDecided || entry.outcome === "refunded") {
      lost.delete(refund);
    }
  }
  if (world.refundSubmissions.length > intents) {
    throw new Error(`${world.refundSubmissions.length} refunds left, ${intents} were intended`);
  }
}

/**
 * One payment is given back once: one entry books it, the book has it so, and more than one key is told
 * so only where a read found it after more than one had lost its answer.
 */
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
  const lost = new Set(
    entries.flatMap(({ type, outcome, idempotencyKey }) =>
      type === "refund_answered" && outcome === "indeterminate" ? [idempotencyKey] : [],
    ),
  );
  for (const [paymentId, keys] of told) {
    const history = world.sandbox.book.payment(paymentId)?.statusHistory ?? [];
    const times = history.filter(({ status }) => status === "REFUNDED").length;
    const known = [...keys].filter((key) => !lost.has(key));
    if (times === 0 || known.length > times) {
      throw new Error(`${[...keys].join(" and ")} were told of ${paymentId}, REFUNDED ${times}x`);
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

/** Nothing is left as it is for ever: after a day every refund's end is known, or a person was told. */
export function assertRefundsSettled(world: World): void {
  for (const { state, escalated, idempotencyKey } of refundsOf(world)) {
    if (state === "in_flight" || (state === "in_doubt" && !escalated)) {
      throw new Error(`${idempotencyKey} is still ${state}`);
    }
  }
}
