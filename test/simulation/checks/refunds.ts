/**
 * Owns the checks of refunds: each that left was asked for and stood beside no doubt, one key has
 * it, and every caller was told what is true. Must not change anything.
 */
import { type Facts, HORIZON_MS } from "./facts.ts";
import type { RefundAsk } from "../refunder.ts";

const DAY_MS = 86_400_000;
/** Statuses with which Harmony itself says what became of a refund; others leave it open. */
const EXPLAINING: readonly number[] = [200, 201, 400, 401, 402, 403, 404, 422, 429];

/** Every refund that left did so while a caller waited for a refund of that payment. */
export function assertRefundsLeftForCallers({ world, refundAsks }: Facts): void {
  for (const { atMs, paymentId } of world.refundSubmissions) {
    const isAsked = refundAsks.some(
      ({ wish, askedAtMs, call }) =>
        wish.paymentId === paymentId && askedAtMs <= atMs && atMs <= (call.endedAtMs ?? Infinity),
    );
    if (!isAsked) {
      throw new Error(`a refund of ${paymentId} left that nobody waited for`);
    }
  }
}

/** No refund leaves within the horizon of one of the same payment that was not answered, unless that is decided. */
export function assertNoRefundBesideADoubt({ world, journal, times }: Facts): void {
  const isDecided = (paymentId: string, fromMs: number, toMs: number) =>
    journal.some(({ type, refundId, paymentId: of, seq }) => {
      const atMs = times.get(seq) ?? 0;
      const ends =
        type === "refund_resolved" || (type === "operator_resolved" && refundId !== null);
      return ends && of === paymentId && fromMs <= atMs && atMs <= toMs;
    });
  const unexplained = new Map<string, number>();
  for (const { atMs, paymentId, httpStatus } of world.refundSubmissions) {
    const lostAtMs = unexplained.get(paymentId) ?? -Infinity;
    const leapt = world.jumps.filter((one) => lostAtMs <= one.atMs && one.atMs <= atMs);
    const passedMs = leapt.reduce((sum, { byMs }) => sum + Math.max(0, byMs), atMs - lostAtMs);
    if (passedMs < HORIZON_MS && !isDecided(paymentId, lostAtMs, atMs)) {
      throw new Error(`${paymentId} was to be refunded again within the horizon of a lost refund`);
    }
    if (httpStatus === null || !EXPLAINING.includes(httpStatus)) {
      unexplained.set(paymentId, atMs);
    }
  }
}

/** Each attempt ends once, after its intent; a refund that is final is resolved no further. */
export function assertOneAnswerToEachRefund({ journal }: Facts): void {
  const open = new Set<string>();
  const final = new Set<string>();
  for (const { type, refundId, attempt, outcome, seq } of journal) {
    const name = `${refundId} ${attempt}`;
    if (type === "refund_intended") {
      open.add(name);
    }
    if (type === "refund_answered" && !open.delete(name)) {
      throw new Error(`entry ${seq}: an attempt is answered that is not open`);
    }
    const ends = type === "refund_answered" || type === "refund_resolved";
    if (ends && refundId !== null && ["refunded", "refused"].includes(outcome ?? "")) {
      if (type === "refund_resolved" && final.has(refundId)) {
        throw new Error(`entry ${seq}: a final refund is resolved again`);
      }
      if (type === "refund_resolved" || outcome === "refunded") {
        final.add(refundId);
      }
    }
  }
}

/** A person is asked about a refund once it was in doubt for a day, and not before. */
export function assertRefundsEscalatedWithCause({ journal }: Facts): void {
  const lost = new Map<string, number>();
  for (const { type, refundId, occurredAt, outcome, seq } of journal) {
    const [id, atMs] = [refundId ?? "", Date.parse(occurredAt)];
    if (type === "refund_answered" && outcome === "indeterminate" && !lost.has(id)) {
      lost.set(id, atMs);
    }
    if (type === "refund_escalated" && atMs - (lost.get(id) ?? Infinity) < DAY_MS) {
      throw new Error(`entry ${seq}: a refund was left to a person before a day was over`);
    }
    if (type === "refund_resolved" || type === "operator_resolved") {
      lost.delete(id);
    }
  }
}

/** What callers were told of refunds is true by the book. */
export function assertRefundAnswersTrue(facts: Facts): void {
  for (const ask of facts.refundAsks) {
    assertAnswerTrue(facts, ask);
  }
}

function assertAnswerTrue({ payments, lies }: Facts, { wish, askedAtMs, call }: RefundAsk): void {
  const { key, paymentId } = wish;
  const reply = call.answer?.reply ?? null;
  if (reply === null) {
    return;
  }
  const { status, money, body } = reply;
  const said = `${key} of ${paymentId} was told ${status} ${money} ${body}`;
  if (key.startsWith("order-") && status !== 422) {
    throw new Error(`${said}, and the key is a charge's`);
  }
  const history = payments.find(({ id }) => id === paymentId)?.statusHistory ?? [];
  const was = (wanted: string) =>
    history.some((one) => one.status === wanted && one.at <= (call.endedAtMs ?? 0));
  const told = JSON.parse(body) as { id?: string; status?: unknown; code?: string };
  if (status === 201 && !(told.id?.toLowerCase() === paymentId && told.status === "REFUNDED")) {
    throw new Error(`${said}, which is no refund of it`);
  }
  const isLied = lies.some(({ named }) => named === paymentId);
  // What was confirmed and is cancelled has gone back as well.
  const isReversed = was("CONFIRMED") && was("CANCELLED");
  if (status !== 422 && money === "refunded" && !was("REFUNDED") && !isReversed && !isLied) {
    throw new Error(`${said}, and it is not refunded`);
  }
  if (status !== 422 && money === "charged" && !was("CONFIRMED") && !isLied) {
    throw new Error(`${said}, and it was never confirmed`);
  }
  const { code, paymentStatus } = told as { code?: string; paymentStatus?: string };
  // A repeat of a bound answer is of before; any other was read for this very request.
  const wasWhenAsked = history.some(
    ({ status: one, at }, index) =>
      one === paymentStatus &&
      at <= (call.endedAtMs ?? 0) &&
      (history[index + 1]?.at ?? Infinity) >= askedAtMs,
  );
  if (
    code === "payment_not_refundable" &&
    !(reply.replayed ? was(paymentStatus ?? "") : wasWhenAsked)
  ) {
    throw new Error(`${said}, and it was not so`);
  }
}

/** From the first final answer on, a key is answered with the same bytes, and bound to its payment. */
export function assertRefundKeysStay({ refundAsks, told }: Facts): void {
  const bound = new Map<string, { atMs: number; paymentId: string; bytes: string | null }>();
  for (const { wish, call } of refundAsks.toSorted(byEnd)) {
    const reply = call.answer?.reply;
    const isFinal = reply?.status === 201 || /"payment_not_refundable"/.test(reply?.body ?? "");
    const before = bound.get(wish.key);
    if (reply !== undefined && (isFinal || reply.status === 202) && before?.bytes == null) {
      const bytes = isFinal ? `${reply.status} ${reply.body}` : null;
      const atMs = before?.bytes === null && !isFinal ? before.atMs : (call.endedAtMs ?? 0);
      bound.set(wish.key, { atMs, paymentId: wish.paymentId, bytes });
    }
  }
  for (const { wish, askedAtMs, call } of refundAsks) {
    const [first, reply] = [bound.get(wish.key), call.answer?.reply];
    if (first === undefined || reply === undefined || askedAtMs <= first.atMs) {
      continue;
    }
    const bytes = `${reply.status} ${reply.body}`;
    if (first.paymentId !== wish.paymentId && reply.status !== 422) {
      throw new Error(`${wish.key} is of ${first.paymentId}, and ${wish.paymentId} got ${bytes}`);
    }
    if (first.paymentId === wish.paymentId && first.bytes !== null && first.bytes !== bytes) {
      throw new Error(`${wish.key} got ${bytes} after ${first.bytes}`);
    }
  }
  for (const { order, askedAtMs, reply } of told) {
    const first = bound.get(order.key);
    if (first !== undefined && askedAtMs > first.atMs && reply.status !== 422) {
      throw new Error(`${order.key} is a refund's, and a charge under it got ${reply.status}`);
    }
  }
}

function byEnd(a: RefundAsk, b: RefundAsk): number {
  return (a.call.endedAtMs ?? 0) - (b.call.endedAtMs ?? 0);
}
