/**
 * What has to happen without any caller, or long after one was verified. These tests wait for the
 * gateway's own times, which are seconds, so they wait side by side.
 */
import { afterAll, describe, expect, it } from "vitest";
import { type Runtime, removeRuntimes, until } from "../support/runtime.ts";
import { chainProblems, countEntries, lockFile } from "../support/runtime-ledger.ts";
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
/** As a gateway runs that nobody has configured. */
const DEFAULT_TIMES = {
  HARMONY_TIMEOUT_MS: "20000",
  WAIT_SECONDS: "25",
  ALLOW_SHORT_HORIZON: "no",
};
const TWO_MINUTES_MS = 120_000;
const OUTAGE_MS = 45_000;
/** The baseline, an intent, an outcome. */
const ENTRIES_OF_ONE = 3;

/** Waits for entries by looking into D1's own file: nobody touches the gateway, nor does a cron. */
async function delivered(runtime: Runtime, id: string, entries: number): Promise<void> {
  await until(
    "the ledger has the entries",
    () => countEntries(runtime.ledgerFile(), id) === entries,
    TWO_MINUTES_MS,
  );
}

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

  it.for(["SIGKILL", "SIGTERM"] as const)(
    "entries written right before a %s are delivered within two minutes at the default times",
    { timeout: 2 * TWO_MINUTES_MS },
    async (signal) => {
      const runtime = await startGateway(DEFAULT_TIMES);
      const id = await killBeforeDelivery(runtime, signal);

      await runtime.start();

      await delivered(runtime, id, ENTRIES_OF_FIVE);
    },
  );

  it(
    "entries of a card known and of a new one are delivered within two minutes of D1's return",
    { timeout: 2 * TWO_MINUTES_MS },
    async () => {
      const runtime = await startGateway(DEFAULT_TIMES);
      const [known, fresh] = [await methodWith(runtime), await methodWith(runtime)];
      expect((await runtime.charge(known, "before")).status).toBe(201);
      await delivered(runtime, known, ENTRIES_OF_ONE);

      const release = lockFile(runtime.ledgerFile());
      try {
        expect((await runtime.charge(known, "meanwhile")).status).toBe(201);
        expect((await runtime.charge(fresh, "meanwhile")).status).toBe(201);
        const lockedAtMs = Date.now();
        await until("the outage is over", () => Date.now() - lockedAtMs > OUTAGE_MS, 2 * OUTAGE_MS);
      } finally {
        release();
      }

      await delivered(runtime, known, ENTRIES_OF_ONE + 2);
      await delivered(runtime, fresh, ENTRIES_OF_ONE);
    },
  );

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
