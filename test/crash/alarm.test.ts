/**
 * What has to happen without any caller, or long after one was verified. These tests wait for the
 * gateway's own times, which are seconds, so they wait side by side.
 */
import { afterAll, describe, expect, it } from "vitest";
import { removeRuntimes, until } from "../support/runtime.ts";
import { chainProblems, lockFile } from "../support/runtime-ledger.ts";
import {
  chainOf,
  chainWith,
  chargeInFlight,
  chargesSeen,
  ENTRIES_OF_FIVE,
  gatewayOnSandbox,
  HANG_AFTER,
  killBeforeDelivery,
  methodWith,
  paymentsIn,
  paymentsOf,
} from "./support.ts";

const startGateway = gatewayOnSandbox();
afterAll(removeRuntimes);

/** A verified key is fresh for 20 s. */
const STALE_WITHIN_MS = 40_000;
/** The gateway's wait is 4 s. */
const WAIT_MS = 4000;

describe.concurrent("without anyone asking", () => {
  it("a charge killed in flight is found by the alarm after the restart", async () => {
    const runtime = await startGateway({ HARMONY_TIMEOUT_MS: "4000" });
    const id = await methodWith(runtime, HANG_AFTER);
    await chargeInFlight(runtime, id, "killed");

    await runtime.restart();
    const entries = await chainWith(runtime, id, "payment_adopted");

    expect(chainProblems(entries)).toEqual([]);
    const adopted = entries.find((entry) => entry.type === "payment_adopted");
    expect(await paymentsOf(runtime, id)).toEqual([adopted?.paymentId]);
    expect(await chargesSeen(runtime, id)).toBe(1);
  });

  it("entries written before a kill reach the ledger by the alarm, each once", async () => {
    const runtime = await startGateway();
    const id = await killBeforeDelivery(runtime);

    await runtime.start();
    const entries = await chainOf(runtime, id, ENTRIES_OF_FIVE);

    expect(chainProblems(entries)).toEqual([]);
    expect(entries).toHaveLength(ENTRIES_OF_FIVE);
    expect(paymentsIn(entries)).toEqual(await paymentsOf(runtime, id));
  });

  it("a caller seen before charges while D1 is down, also when no longer fresh", async () => {
    const runtime = await startGateway();
    const id = await methodWith(runtime);
    expect((await runtime.charge(id, "before")).status).toBe(201);

    const release = lockFile(runtime.ledgerFile());
    try {
      await until(
        "the key is used stale",
        async () => {
          expect((await runtime.charge(id, "before")).status).toBe(201);
          return runtime.log.some((line) => line.includes("key_stale"));
        },
        STALE_WITHIN_MS,
      );
      const startedAtMs = Date.now();
      const charged = await runtime.charge(id, "stale");

      expect(charged.status).toBe(201);
      expect(Date.now() - startedAtMs).toBeLessThan(WAIT_MS);
      expect(await paymentsOf(runtime, id)).toHaveLength(2);
    } finally {
      release();
    }
  });
});
