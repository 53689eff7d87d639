/**
 * Owns the read of a payment method that is known to be charged no more: what Harmony told may be a
 * replica's, what was revoked through us is for good. Must not send anything.
 */
import type { Books } from "./books.ts";
import type { Host } from "./host.ts";

/** One that is asked for again and again is read so often at most. */
const READ_EVERY_MS = 60_000;

/** What it is, while that forbids a charge; null once a read has said ACTIVE. Within the queue. */
export async function statusOfInactive(host: Host, books: Books): Promise<string | null> {
  const { inactive } = books.journal.method;
  const heardMs = host.now() - (inactive?.atMs ?? 0);
  const isRecent = heardMs >= 0 && heardMs < READ_EVERY_MS;
  if (inactive === null || inactive.forGood || isRecent) {
    return inactive?.status ?? null;
  }
  const read = await host.methods.read(host.paymentMethodId);
  const status = read.type === "method" ? read.status : inactive.status;
  const isActive = status === "ACTIVE";
  books.journal.know({ inactive: isActive ? null : { ...inactive, status, atMs: host.now() } });
  return isActive ? null : status;
}
