/**
 * Owns the checks of what Harmony takes back: from the statement that contradicts the books until Harmony
 * says something else of that payment, nobody is told that its money is known, and it is read on. Must
 * not change anything.
 */
import type { Told } from "../shop.ts";
import { type Facts, HOUR_MS } from "./facts.ts";

/** Entries that tell of a payment again: what came before them is in force no more. */
const ENDS: readonly string[] = [
  "polled",
  "status_changed",
  "late_truth_found",
  "refund_answered",
  "refund_resolved",
  "operator_resolved",
];

/** Who asks while a contradiction stands hears `unknown`, of the charge that the payment is of. */
export function assertContradictionsAreTold({ journal, charges, times, told, read }: Facts): void {
  const stands = journal.filter(({ type }) => type === "contradiction_found");
  for (const { seq, paymentId, chargeId } of stands) {
    const charge = charges.find((one) => one.chargeId === chargeId);
    const end = journal.find(
      (one) =>
        one.seq > seq &&
        (one.paymentId === paymentId || one.chargeId === chargeId) &&
        ENDS.includes(one.type),
    );
    const sinceMs = times.get(seq) ?? Infinity;
    const untilMs = end === undefined ? Infinity : (times.get(end.seq) ?? -Infinity);
    const isKnown = ({ order, askedAtMs, toldAtMs, reply }: Told) =>
      order.key === charge?.idempotencyKey &&
      order.caller === charge.caller &&
      askedAtMs > sinceMs &&
      toldAtMs < untilMs &&
      ["charged", "refunded", "not_charged"].includes(moneyIn(reply));
    const wrong = charge?.payment?.id === paymentId ? [...told, ...read].find(isKnown) : undefined;
    if (wrong !== undefined) {
      const { idempotencyKey = "" } = charge ?? {};
      throw new Error(`entry ${seq}: ${idempotencyKey} is told ${moneyIn(wrong.reply)} after it`);
    }
  }
}

/** Polls are at most a day apart, with jitter; one more may fail. */
const READ_AGAIN_MS = 27 * HOUR_MS;

/** What Harmony has taken back, and says again as it is booked, is a person's no more. */
export function assertContradictionsEnd({ charges, payments, life, isHalted }: Facts): void {
  for (const { idempotencyKey, payment, contested } of charges) {
    const own = payments.find(({ id }) => id === payment?.id);
    const sinceMs = own?.statusHistory.at(-1)?.at ?? Infinity;
    const isSame = own?.status === payment?.status && own?.amountMinor === payment?.amountMinor;
    const isBack = isSame && life.bookedAtMs - sinceMs > READ_AGAIN_MS;
    const isGone = own?.goneAt !== undefined;
    if (isBack && !isGone && !isHalted && contested.includes(own?.id ?? "")) {
      throw new Error(`${idempotencyKey}: ${own?.id} is as it is booked, and a person is asked`);
    }
  }
}

/** What an answer says of the money: its header, or the resource itself. */
function moneyIn({ money, body }: Told["reply"]): string {
  const { money: inBody } = JSON.parse(body) as { money?: string };
  return money ?? inBody ?? "";
}
