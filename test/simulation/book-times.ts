/**
 * Owns what the simulated Harmony's book says of one payment at a moment: its status, whether it
 * holds money, and from when on the history lists it. Pure; must not know the gateway.
 */
import type { Payment } from "../../sandbox/book.ts";
import { visibleAt } from "../../sandbox/history.ts";
import type { HistoryOptions, PaymentStatus } from "../../sandbox/kinds.ts";

/** What a scenario says of the history, as far as it delays or hides. */
interface Shows {
  readonly visibleAfterMs?: number | undefined;
  readonly hideStatuses?: readonly PaymentStatus[] | undefined;
}
type Told = Pick<Payment, "status" | "statusHistory">;

/** From when on the history lists a payment; infinite where its statuses hide it for good. */
export function listedFrom(payment: Payment, history: Shows): number {
  const hidden = history.hideStatuses ?? [];
  const shown = { visibleAfterMs: history.visibleAfterMs ?? 0 } as HistoryOptions;
  const fromMs = visibleAt(payment, shown);
  for (const [index, { status, at }] of payment.statusHistory.entries()) {
    const untilMs = payment.statusHistory[index + 1]?.at ?? Infinity;
    if (!hidden.includes(status) && untilMs > fromMs) {
      return Math.max(fromMs, at);
    }
  }
  return Infinity;
}

/** The status that a payment had; its first one before it was made. */
export function statusAt({ status, statusHistory }: Told, atMs: number): string {
  return (
    statusHistory.findLast(({ at }) => at <= atMs)?.status ?? statusHistory[0]?.status ?? status
  );
}

/** Whether a status means that the customer's money is taken, or may yet be. */
export function holdsMoney(status: string): boolean {
  return status === "CONFIRMED" || status === "PENDING" || status === "NOT_INITIALIZED";
}

/** Whether Harmony has said of it, before, that no money moved. */
export function wasCancelled({ statusHistory }: Told, byMs: number): boolean {
  return statusHistory.some(({ status, at }) => status === "CANCELLED" && at <= byMs);
}

/** Whether Harmony has said both that it took the money and that it did not. */
export function hasFlapped({ statusHistory }: Told): boolean {
  const had = new Set(statusHistory.map(({ status }) => status));
  return had.has("CONFIRMED") && had.has("CANCELLED");
}

/** Whether Harmony has taken back that it gave the money back. */
export function isTakenBack({ statusHistory }: Told): boolean {
  return statusHistory.some(
    ({ status }, index) => status === "REFUNDED" && index + 1 < statusHistory.length,
  );
}
