/**
 * What the crash tests share: a sandbox that survives every kill, charges that are in flight at
 * Harmony, and what its book and the ledger say afterwards.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect } from "vitest";
import { type Sandbox, startSandbox } from "../../sandbox/server.ts";
import {
  type Answered,
  eventually,
  type Runtime,
  startRuntime,
  until,
} from "../support/runtime.ts";
import { countEntries, ledgerOf, type LedgerEntry } from "../support/runtime-ledger.ts";
import { book, createMethod, type ScenarioInput, setScenario } from "../support/sandbox.ts";

export type Charges = NonNullable<ScenarioInput["charges"]>;

export const HANG_AFTER: Charges = [{ kind: "lose_reply_after_charging", how: "hang" }];
export const HANG_BEFORE: Charges = [{ kind: "lose_before_charging", how: "hang" }];

/** Five charges of a new method: the baseline, and of each charge its intent and its outcome. */
export const ENTRIES_OF_FIVE = 11;

/** A sandbox for the file; gives the way to start a gateway on it. */
export function gatewayOnSandbox() {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox({ port: 0, stateDir: null });
  });
  afterAll(async () => sandbox.close());
  return async (variables: Readonly<Record<string, string>> = {}) =>
    startRuntime({ sandboxUrl: sandbox.url, variables });
}

/** A payment method whose first charges are played like this. */
export async function methodWith(runtime: Runtime, charges: Charges = []): Promise<string> {
  const id = await createMethod(runtime.sandboxUrl);
  await setScenario(runtime.sandboxUrl, id, { charges });
  return id;
}

/** How many charge requests Harmony has had for this method. */
export async function chargesSeen(runtime: Runtime, id: string): Promise<number> {
  return (await book(runtime.sandboxUrl, id)).requests.charge;
}

/** The payments that Harmony really made, oldest first. */
export async function paymentsOf(runtime: Runtime, id: string): Promise<string[]> {
  return (await book(runtime.sandboxUrl, id)).payments.map((payment) => payment.id);
}

/** Sends a charge and waits until Harmony has its request; its answer never comes. */
export async function chargeInFlight(runtime: Runtime, id: string, key: string): Promise<void> {
  void runtime.charge(id, key).catch(() => "lost with the connection");
  await until("the charge is at Harmony", async () => (await chargesSeen(runtime, id)) === 1);
}

/** Repeats the key until it is answered 201; whatever else it says, it never says not charged. */
export async function repeatUntilFound(
  runtime: Runtime,
  id: string,
  key: string,
): Promise<Answered> {
  return eventually("the look finds the payment", async () => {
    const answer = await runtime.charge(id, key);
    expect([201, 202]).toContain(answer.status);
    return answer.status === 201 ? answer : null;
  });
}

/** The method's chain once it is as wanted. */
export async function chainWhen(
  runtime: Runtime,
  id: string,
  isWanted: (entries: LedgerEntry[]) => boolean,
): Promise<LedgerEntry[]> {
  return eventually("the ledger has the entries", async () => {
    const entries = await ledgerOf(runtime, id);
    return entries !== null && isWanted(entries) ? entries : null;
  });
}

/** The method's chain once it has an entry of this type. */
export async function chainWith(runtime: Runtime, id: string, type: LedgerEntry["type"]) {
  return chainWhen(runtime, id, (entries) => entries.some((entry) => entry.type === type));
}

/** The method's chain once it has at least so many entries. */
export async function chainOf(runtime: Runtime, id: string, count: number) {
  return chainWhen(runtime, id, (entries) => entries.length >= count);
}

/** The payments of answered attempts, in the chain's order. */
export function paymentsIn(entries: readonly LedgerEntry[]): (string | null)[] {
  return entries
    .filter((entry) => entry.type === "attempt_answered")
    .map((entry) => entry.paymentId);
}

/** Charges five times and kills right after the last reply, again until that beat the delivery. */
export async function killBeforeDelivery(
  runtime: Runtime,
  signal: "SIGKILL" | "SIGTERM" = "SIGKILL",
): Promise<string> {
  for (let tries = 0; tries < 5; tries += 1) {
    const id = await methodWith(runtime);
    for (let charges = 0; charges < 5; charges += 1) {
      expect((await runtime.charge(id, randomUUID())).status).toBe(201);
    }
    await runtime.kill(signal);
    const delivered = countEntries(runtime.ledgerFile(), id);
    if (delivered < ENTRIES_OF_FIVE) {
      return id;
    }
    await runtime.start();
  }
  throw new Error("no kill came before the delivery");
}
