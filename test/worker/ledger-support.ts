/** What the tests of the ledger share: plausible entries, sealed into chains. */
import { env } from "cloudflare:workers";
import { FIRST_PREV_HASH } from "../../src/domain/entries.ts";
import type { Entry, EntryContent } from "../../src/domain/entries.ts";
import { sealEntry } from "../../src/ledger/chain.ts";

/** Long for a local database, short for a test that hangs. */
export const TIMEOUT_MS = 10_000;

let methods = 0;

/** A payment method that no other test of this file uses. */
export function newMethod(): string {
  methods += 1;
  return `00000000-0000-4000-8000-${methods.toString(16).padStart(12, "0")}`;
}

export function contentOf(change: Partial<EntryContent> = {}): EntryContent {
  return {
    v: 1,
    paymentMethodId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    type: "attempt_answered",
    occurredAt: "2026-11-22T09:15:00.250Z",
    chargeId: "0193a1b2-0000-7000-8000-000000000001",
    refundId: null,
    attempt: 1,
    idempotencyKey: "order-1",
    reference: "A-17",
    caller: "main",
    keyId: "storefront",
    requestId: "req-1",
    traceId: null,
    origin: "192.0.2.7",
    amountMinor: 12_550,
    effectMinor: 12_550,
    currency: "MXN",
    paymentId: "pay-1",
    paymentStatus: "CONFIRMED",
    outcome: "approved",
    httpStatus: 201,
    latencyMs: 412,
    detail: { note: "año" },
    ...change,
  };
}

/** Sealed one after the other, after `previous` where there is one. */
export function chainOf(contents: readonly EntryContent[], previous: Entry | null = null): Entry[] {
  const entries: Entry[] = [];
  let last = previous;
  for (const content of contents) {
    const { entry } = sealEntry(content, (last?.seq ?? 0) + 1, last?.hash ?? FIRST_PREV_HASH);
    entries.push(entry);
    last = entry;
  }
  return entries;
}

/** `count` entries of a new payment method. */
export function newChain(count: number, change: Partial<EntryContent> = {}): Entry[] {
  const paymentMethodId = newMethod();
  return chainOf(Array.from({ length: count }, () => contentOf({ ...change, paymentMethodId })));
}

export interface StoredRow {
  readonly position: number;
  readonly [column: string]: unknown;
}

/** The table as it is, for comparing before and after. */
export async function storedRows(): Promise<StoredRow[]> {
  const { results } = await env.LEDGER.prepare("SELECT * FROM entry ORDER BY position").all();
  return results as unknown as StoredRow[];
}
