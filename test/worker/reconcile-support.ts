/** What the tests of reconciliations share: charged methods, runs and the cron's minute. Owns no expectation. */
import {
  createExecutionContext,
  createScheduledController,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { inject, vi } from "vitest";
import type { Env } from "../../src/env.ts";
import worker from "../../src/index.ts";
import { createMethod } from "../support/sandbox.ts";
import { type Answered, charge, get, newKey, send } from "./support.ts";

const sandbox = inject("sandboxUrl");
export const NIL = "00000000-0000-0000-0000-000000000000";

/** A payment method with these charges, in pesos; gives their payments' ids. */
export async function charged(...amounts: number[]): Promise<{ id: string; payments: string[] }> {
  const id = await createMethod(sandbox);
  const payments: string[] = [];
  for (const amount of amounts) {
    const { json, status } = await charge(id, newKey(), { amount });
    if (status !== 201) {
      throw new Error(`not charged: ${status}`);
    }
    payments.push(String(json["id"]));
  }
  return { id, payments };
}

export async function begin(body: unknown, key = "cobro_test_operator"): Promise<Answered> {
  return send("/ledger/reconciliations", {
    method: "POST",
    headers: { "x-api-key": key, "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

export async function reconciled(paymentMethodId: string): Promise<Record<string, unknown>> {
  const { status, json } = await begin({ paymentMethodId });
  if (status !== 201) {
    throw new Error(`not done: ${status} ${JSON.stringify(json)}`);
  }
  return json;
}

/** The cron's minute. */
export async function minute(): Promise<void> {
  const execution = createExecutionContext();
  await worker.scheduled(createScheduledController(), env as unknown as Env, execution);
  await waitOnExecutionContext(execution);
}

/** The entries of the gateway's chain about this run, once they are in the ledger. */
export async function entriesAbout(id: unknown): Promise<Record<string, unknown>[]> {
  return vi.waitFor(
    async () => {
      const { json } = await get(
        `/ledger/entries?paymentMethodId=${NIL}&type=reconciliation_recorded&limit=500`,
      );
      const own = (json["entries"] as { detail: Record<string, unknown> }[]).filter(
        ({ detail }) => detail["reconciliationId"] === id,
      );
      if (own.length === 0) {
        throw new Error("not yet");
      }
      return own;
    },
    { timeout: 10_000, interval: 50 },
  );
}
