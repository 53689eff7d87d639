/**
 * Everything that can be known once a run is quiet: each charge's resource and the whole ledger
 * over HTTP, the book of the sandbox, and at last, from the dead state, the objects' own journals.
 * Owns gathering; judges nothing.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Runtime } from "../support/runtime.ts";
import { journalIn, type LedgerEntry } from "../support/runtime-ledger.ts";
import { book, type BookView } from "../support/sandbox.ts";
import type { Order } from "./orders.ts";

const VERIFY = fileURLToPath(new URL("../../scripts/verify-chain.mjs", import.meta.url));
const AUDITOR = "cobro_test_auditor";
const AT_ONCE = 16;

/** A charge as `GET .../charge` shows it. */
export interface Resource {
  readonly chargeId: string;
  readonly state: string;
  readonly money: string;
  readonly payment: { readonly id: string; readonly status: string } | null;
  readonly escalated: boolean;
  readonly duplicates: readonly string[];
  readonly methodFrozen: boolean;
}

export interface Evidence {
  readonly methods: readonly string[];
  readonly orders: readonly Order[];
  /** By key; none where the gateway knows no such key. */
  readonly resources: ReadonlyMap<string, Resource>;
  readonly book: BookView;
  /** Every entry of every chain, by position. */
  readonly entries: readonly LedgerEntry[];
  /** When the reading of the entries began: what is written later may be missing in them. */
  readonly readAtMs: number;
  readonly journals: readonly (readonly LedgerEntry[])[];
  /** What scripts/verify-chain.mjs says, null where it finds every chain sound. */
  readonly verifySays: string | null;
}

/** Kills the runtime on the way: journals are read from files that nobody holds. */
export async function gather(
  runtime: Runtime,
  methods: readonly string[],
  orders: readonly Order[],
): Promise<Evidence> {
  const resources = new Map<string, Resource>();
  await eachOf(orders, async (order) => {
    const resource = await resourceOf(runtime, order);
    if (resource !== null) {
      resources.set(order.key, resource);
    }
  });
  const readAtMs = Date.now();
  const entries = await readLedger(runtime);
  const verifySays = await verify(runtime.url);
  await runtime.kill();
  const journals = runtime.objectFiles().map(journalIn);
  const seen = await book(runtime.sandboxUrl);
  return { methods, orders, resources, book: seen, entries, readAtMs, journals, verifySays };
}

/** Null where the gateway knows no such key. Throws where it cannot say. */
export async function resourceOf(runtime: Runtime, order: Order): Promise<Resource | null> {
  const { status, json, text } = await runtime.chargeResource(order.paymentMethodId, order.key);
  if (status !== 200 && status !== 404) {
    throw new Error(`the charge of ${order.key} cannot be read: ${status} ${text}`);
  }
  return status === 404 ? null : (json as unknown as Resource);
}

/** The position of the last entry of all. */
export async function lastPosition(runtime: Runtime): Promise<number> {
  const { json } = await runtime.send("/ledger/entries?limit=1", { key: AUDITOR });
  return Number(json["asOf"]);
}

async function readLedger(runtime: Runtime): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  for (let cursor: unknown = "first"; cursor !== null;) {
    const query = new URLSearchParams({ order: "asc", limit: "500" });
    if (typeof cursor === "string" && cursor !== "first") {
      query.set("cursor", cursor);
    }
    const page = await runtime.send(`/ledger/entries?${query.toString()}`, { key: AUDITOR });
    if (page.status !== 200) {
      throw new Error(`the ledger answers ${page.status}: ${page.text}`);
    }
    entries.push(...(page.json["entries"] as LedgerEntry[]));
    cursor = page.json["nextCursor"];
  }
  return entries;
}

async function verify(url: string): Promise<string | null> {
  try {
    await promisify(execFile)(process.execPath, [VERIFY, url, AUDITOR]);
    return null;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    return [...stdout.split("\n").filter((line) => !line.endsWith("sound")), stderr].join("\n");
  }
}

/** Some at once, not all: the gateway is not to be measured here. */
export async function eachOf<T>(items: readonly T[], act: (item: T) => Promise<void>) {
  const left = items.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of left) {
        await act(item);
      }
    }),
  );
}
