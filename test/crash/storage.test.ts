/**
 * Storage that fails while the gateway runs: D1 cannot be asked, or the object's own file refuses
 * the outcome. Both for real, by a write lock on the very file; and a caller that hangs up.
 */
import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { type Answered, removeRuntimes, type Runtime, until } from "../support/runtime.ts";
import { chainProblems, lockFile } from "../support/runtime-ledger.ts";
import { setScenario } from "../support/sandbox.ts";
import {
  chainOf,
  chainWith,
  chargesSeen,
  gatewayOnSandbox,
  methodWith,
  paymentsOf,
  repeatUntilFound,
} from "./support.ts";

/** The wait of these tests, and what the Worker adds before it gives up on an object. */
const WAIT_AND_GRACE_MS = 6000;
/** Harmony's latency: long enough to lock a file meanwhile, short of the 1500 ms timeout. */
const LATENCY_MS = 1000;

const startGateway = gatewayOnSandbox();
const releases: (() => void)[] = [];

afterEach(async () => {
  releases.splice(0).forEach((release) => release());
  await removeRuntimes();
});

/** Holds the write lock of a file until released, at the latest when the test ends. */
function lock(file: string): () => void {
  const release = lockFile(file);
  releases.push(release);
  return release;
}

describe("while D1 is down", () => {
  it("a caller seen before charges, an unknown key gets 503, and the entries arrive later", async () => {
    const runtime = await startGateway();
    const id = await methodWith(runtime);
    expect((await runtime.charge(id, "before")).status).toBe(201);
    await chainOf(runtime, id, 3);

    const release = lock(runtime.ledgerFile());
    const startedAtMs = Date.now();
    const known = await runtime.charge(id, "during");
    const tookMs = Date.now() - startedAtMs;
    const unknown = await runtime.charge(id, "during-too", {
      key: "cobro_test_operator",
    });
    const reading = await runtime.send(`/api/payment-method/${id}/charge?idempotencyKey=during`, {
      key: "cobro_test_operator",
    });

    expect(known.status).toBe(201);
    expect(known.headers.get("cobro-money")).toBe("charged");
    expect(tookMs).toBeLessThan(WAIT_AND_GRACE_MS);
    expect(unknown.status).toBe(503);
    expect(unknown.json["code"]).toBe("authentication_unavailable");
    expect(unknown.headers.get("cobro-money")).toBe("unknown");
    expect(unknown.headers.get("cobro-retry")).toBe("same_key");
    expect(reading.status).toBe(503);
    expect(await chargesSeen(runtime, id)).toBe(2);
    await until("a delivery has failed", () =>
      runtime.log.some((line) => line.includes("delivery_failed")),
    );

    release();
    const entries = await chainOf(runtime, id, 5);
    expect(chainProblems(entries)).toEqual([]);
    expect(entries).toHaveLength(5);
    expect(entries.at(-1)?.paymentId).toBe(known.json["id"]);
  });
});

describe("an outcome that storage refuses", () => {
  /** Locks the object's file while Harmony works; gives the pending answer and the release. */
  async function refused(runtime: Runtime, id: string) {
    expect((await runtime.charge(id, "before")).status).toBe(201);
    const [file = "", ...others] = runtime.objectFiles();
    expect(others).toEqual([]);
    await setScenario(runtime.sandboxUrl, id, {
      charges: [{ kind: "approve", latencyMs: LATENCY_MS }],
    });
    const answer = runtime.charge(id, "refused", { waitSeconds: 2 });
    await until("the charge is at Harmony", async () => (await chargesSeen(runtime, id)) === 2);
    return { answer, release: lock(file) };
  }

  /** Repeats the key until its payment is found, and checks that it is the only one. */
  async function expectFoundOnce(runtime: Runtime, id: string): Promise<void> {
    const found = await repeatUntilFound(runtime, id, "refused");
    const [, ...made] = await paymentsOf(runtime, id);
    expect(made).toEqual([found.json["id"]]);
    expect(await chargesSeen(runtime, id)).toBe(2);
    const entries = await chainWith(runtime, id, "payment_adopted");
    expect(chainProblems(entries)).toEqual([]);
  }

  function expectUnknown(answer: Answered): void {
    expect(answer.headers.get("cobro-money")).toBe("unknown");
    expect(answer.text).not.toContain("not_charged");
  }

  it("is told as unknown, never as charged or not charged, if it lasts beyond the wait", async () => {
    const runtime = await startGateway();
    const id = await methodWith(runtime);
    const { answer, release } = await refused(runtime, id);

    const told = await answer;
    expect(told.status).toBe(500);
    expect(told.json["code"]).toBe("internal");
    expectUnknown(told);
    const repeated = await runtime.charge(id, "refused", { waitSeconds: 1 });
    expect([202, 500]).toContain(repeated.status);
    expectUnknown(repeated);
    expect(runtime.log.join("\n")).toContain("outcome_not_recorded");

    release();
    await expectFoundOnce(runtime, id);
  });

  it("is in doubt or found within the wait if storage comes back", async () => {
    const runtime = await startGateway();
    const id = await methodWith(runtime);
    const { answer, release } = await refused(runtime, id);
    await until("the outcome was refused", () =>
      runtime.log.some((line) => line.includes("outcome_not_recorded")),
    );
    release();

    const told = await answer;
    expect([201, 202]).toContain(told.status);
    if (told.status === 202) {
      expectUnknown(told);
    }
    await expectFoundOnce(runtime, id);
  });
});

describe("a caller that hangs up", () => {
  it.each(["end", "reset"] as const)("(%s) leaves the outcome to its next request", async (how) => {
    const runtime = await startGateway();
    const id = await methodWith(runtime);
    await setScenario(runtime.sandboxUrl, id, {
      charges: [{ kind: "approve", latencyMs: LATENCY_MS }],
    });
    const key = randomUUID();

    const hungUp = request(`${runtime.url}/api/payment-method/${id}/payment`, {
      method: "POST",
      headers: {
        "x-api-key": "cobro_test_storefront",
        "content-type": "application/json",
        "idempotency-key": key,
      },
    });
    hungUp.on("error", () => {});
    hungUp.end(JSON.stringify({ amount: 100 }));
    await until("the charge is at Harmony", async () => (await chargesSeen(runtime, id)) === 1);
    if (how === "reset") {
      hungUp.socket?.resetAndDestroy();
    } else {
      hungUp.destroy();
    }
    await until("the charge is approved, with nobody waiting", async () => {
      const { json } = await runtime.chargeResource(id, key);
      expect(["in_flight", "approved"]).toContain(json["state"]);
      return json["state"] === "approved";
    });
    const next = await runtime.charge(id, key);

    expect(next.status).toBe(201);
    expect(next.headers.get("idempotent-replayed")).toBe("true");
    expect(await paymentsOf(runtime, id)).toEqual([next.json["id"]]);
    expect(await chargesSeen(runtime, id)).toBe(1);
  });
});
