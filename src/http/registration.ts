/**
 * Owns the note in the registry that a payment method is about to get work, beside each command
 * and never in its way: at most once a minute for a method in this isolate. Must not be relied on
 * by any answer. Never throws.
 */
import type { LedgerDatabase } from "../ledger/database.ts";
import { REGISTER_EVERY_MS, registerMethod } from "../ledger/methods.ts";
import { log } from "./log.ts";

/** Nobody waits for it, so it may take as long as a delivery. */
const TIMEOUT_MS = 10_000;
/** While D1 is down it is asked again this often, not by every command. */
const DOWN_PAUSE_MS = 10_000;
/** Methods remembered; beyond, the oldest is simply registered again early. */
const REMEMBERED_MAX = 10_000;

/** When this isolate registered a method last, the oldest first. */
const registered = new Map<string, number>();
let downUntilMs = 0;

/** Forgets every registration, as a fresh isolate would. For tests. */
export function forgetRegistrations(): void {
  registered.clear();
  downUntilMs = 0;
}

export async function register(
  db: LedgerDatabase,
  paymentMethodId: string,
  nowMs: number,
): Promise<void> {
  const lastMs = registered.get(paymentMethodId) ?? Number.NEGATIVE_INFINITY;
  const isRecent = nowMs >= lastMs && nowMs - lastMs < REGISTER_EVERY_MS;
  const isDown = nowMs < downUntilMs && downUntilMs - nowMs <= DOWN_PAUSE_MS;
  if (isRecent || isDown) {
    return;
  }
  remember(paymentMethodId, nowMs);
  const result = await registerMethod(db, paymentMethodId, nowMs, TIMEOUT_MS);
  if (result.type === "unavailable") {
    registered.delete(paymentMethodId);
    downUntilMs = nowMs + DOWN_PAUSE_MS;
    log("warn", "registration_failed", { paymentMethodId, message: result.message });
  }
}

function remember(paymentMethodId: string, nowMs: number): void {
  registered.delete(paymentMethodId);
  if (registered.size >= REMEMBERED_MAX) {
    const [oldest] = registered.keys();
    registered.delete(oldest ?? "");
  }
  registered.set(paymentMethodId, nowMs);
}
