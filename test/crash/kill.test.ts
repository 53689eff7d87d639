/**
 * The gateway is killed, by SIGKILL of its whole process group, with charges in flight or just
 * answered, and started again on the same state. Harmony is the sandbox, which survives and whose
 * book tells what really happened.
 */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../sandbox/server.ts";
import {
  type Answered,
  eventually,
  removeRuntimes,
  type Runtime,
  startRuntime,
  until,
} from "../support/runtime.ts";
import { chainProblems, countEntries, ledgerOf } from "../support/runtime-ledger.ts";
import { book, createMethod, type ScenarioInput, setScenario } from "../support/sandbox.ts";

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, stateDir: null });
});
afterAll(async () => sandbox.close());
afterEach(removeRuntimes);

type Charges = NonNullable<ScenarioInput["charges"]>;

/** A payment method whose first charge is played like this. */
async function methodWith(charges: Charges): Promise<string> {
  const id = await createMethod(sandbox.url);
  await setScenario(sandbox.url, id, { charges });
  return id;
}

/** Sends a charge and waits until Harmony has its request; the answer never comes. */
async function chargeInFlight(runtime: Runtime, id: string, key: string): Promise<void> {
  void runtime.charge(id, key).catch(() => "lost with the connection");
  await until("the charge is at Harmony", async () => (await chargesSeen(id)) === 1);
}

async function chargesSeen(id: string): Promise<number> {
  return (await book(sandbox.url, id)).requests.charge;
}

async function paymentsOf(id: string): Promise<string[]> {
  return (await book(sandbox.url, id)).payments.map((payment) => payment.id);
}

/** Repeats the key until it is answered 201. */
async function repeatUntilFound(runtime: Runtime, id: string, key: string): Promise<Answered> {
  return eventually("the look finds the payment", async () => {
    const answer = await runtime.charge(id, key);
    expect([201, 202]).toContain(answer.status);
    return answer.status === 201 ? answer : null;
  });
}

/** The method's chain once it has an entry of this type. */
async function chainWith(runtime: Runtime, id: string, type: string) {
  return eventually(`the ledger has ${type}`, async () => {
    const entries = await ledgerOf(runtime, id);
    return entries?.some((entry) => entry.type === type) === true ? entries : null;
  });
}

const HANG_AFTER: Charges = [{ kind: "lose_reply_after_charging", how: "hang" }];
const HANG_BEFORE: Charges = [{ kind: "lose_before_charging", how: "hang" }];

describe("a charge killed between intent and outcome", () => {
  it("is in doubt after the restart, is found, and is not sent again", async () => {
    const runtime = await startRuntime({ sandboxUrl: sandbox.url });
    const id = await methodWith(HANG_AFTER);
    await chargeInFlight(runtime, id, "killed");

    await runtime.restart();
    const first = await runtime.charge(id, "killed");
    const found = first.status === 201 ? first : await repeatUntilFound(runtime, id, "killed");

    if (first.status !== 201) {
      expect(first.status).toBe(202);
      expect(first.headers.get("cobro-money")).toBe("unknown");
    }
    expect(first.headers.get("idempotent-replayed")).toBe("true");
    expect(await paymentsOf(id)).toEqual([found.json["id"]]);
    expect(await chargesSeen(id)).toBe(1);
    expect(found.headers.get("cobro-money")).toBe("charged");

    const resource = await runtime.chargeResource(id, "killed");
    expect(resource.json).toMatchObject({
      state: "approved",
      money: "charged",
      resolvedBy: "look",
      payment: { id: found.json["id"], status: "CONFIRMED", amount: 100, currency: "MXN" },
      methodFrozen: false,
    });

    const entries = await chainWith(runtime, id, "payment_adopted");
    expect(chainProblems(entries)).toEqual([]);
    expect(entries.map((entry) => entry.type).filter((type) => type !== "replayed")).toEqual([
      "looked",
      "attempt_intended",
      "attempt_answered",
      "method_frozen",
      "looked",
      "payment_adopted",
      "method_unfrozen",
    ]);
    const answered = entries.find((entry) => entry.type === "attempt_answered");
    expect(answered).toMatchObject({ outcome: "indeterminate", httpStatus: null });
    expect(JSON.stringify(answered?.["detail"])).toContain("interrupted");
  });

  it("stays in doubt where Harmony never charged, and is not sent again", async () => {
    const runtime = await startRuntime({ sandboxUrl: sandbox.url });
    const id = await methodWith(HANG_BEFORE);
    await chargeInFlight(runtime, id, "killed");

    await runtime.restart();
    const first = await runtime.charge(id, "killed");
    // A complete look that shows nothing proves nothing yet.
    const entries = await eventually("a look after the restart", async () => {
      const all = await ledgerOf(runtime, id);
      return (all ?? []).filter((entry) => entry.type === "looked").length >= 2 ? all : null;
    });
    const second = await runtime.charge(id, "killed");
    const other = await runtime.charge(id, "another");

    for (const answer of [first, second]) {
      expect(answer.status).toBe(202);
      expect(answer.headers.get("cobro-money")).toBe("unknown");
      expect(answer.json["status"]).toBe("PENDING");
    }
    expect(other.status).toBe(409);
    expect(other.json).toMatchObject({ code: "payment_method_in_doubt", money: "not_charged" });
    expect(await chargesSeen(id)).toBe(1);
    expect(await paymentsOf(id)).toEqual([]);
    expect(chainProblems(entries ?? [])).toEqual([]);
    const resource = await runtime.chargeResource(id, "killed");
    expect(resource.json).toMatchObject({ state: "in_doubt", money: "unknown", payment: null });
  });

  it("is charged once where the rule has established that no money moved", async () => {
    const variables = { HORIZON_SECONDS: "1", RECONCILE_SECONDS: "0,1" };
    const runtime = await startRuntime({ sandboxUrl: sandbox.url, variables });
    const id = await methodWith(HANG_BEFORE);
    await chargeInFlight(runtime, id, "killed");

    await runtime.restart();
    await until("the rule says not charged", async () => {
      const { json } = await runtime.chargeResource(id, "killed");
      return json["state"] === "not_charged";
    });
    expect(await chargesSeen(id)).toBe(1);
    const again = await runtime.charge(id, "killed");

    expect(again.status).toBe(201);
    expect(await paymentsOf(id)).toEqual([again.json["id"]]);
    expect(await chargesSeen(id)).toBe(2);
  });

  it("is found by the alarm, though no request ever comes", async () => {
    const runtime = await startRuntime({ sandboxUrl: sandbox.url });
    const id = await methodWith(HANG_AFTER);
    await chargeInFlight(runtime, id, "killed");

    await runtime.restart();
    const entries = await chainWith(runtime, id, "payment_adopted");

    expect(chainProblems(entries)).toEqual([]);
    const adopted = entries.find((entry) => entry.type === "payment_adopted");
    expect(await paymentsOf(id)).toEqual([adopted?.paymentId]);
    expect(await chargesSeen(id)).toBe(1);
  });
});

it("ten charges killed in flight on ten methods are in doubt or found, and no key is charged twice", async () => {
  const runtime = await startRuntime({ sandboxUrl: sandbox.url });
  const kinds: Charges = [
    { kind: "lose_reply_after_charging", how: "hang" },
    { kind: "lose_before_charging", how: "hang" },
    { kind: "approve", latencyMs: 1400 },
    { kind: "pending", polls: 1, latencyMs: 1400 },
    { kind: "decline", as: 402, latencyMs: 1400 },
  ];
  const methods = await Promise.all(
    Array.from({ length: 10 }, async (_, index) =>
      methodWith(kinds.slice(index % 5, (index % 5) + 1)),
    ),
  );
  // Warm, so that all ten are under way within the shortest latency.
  const warm = await createMethod(sandbox.url);
  expect((await runtime.charge(warm, "warm")).status).toBe(201);

  const lost = methods.map(async (id) => runtime.charge(id, "one").catch(() => null));
  await until("all ten are at Harmony", async () =>
    (await Promise.all(methods.map(chargesSeen))).every((count) => count === 1),
  );
  await runtime.restart();
  expect((await Promise.all(lost)).filter((answer) => answer === null).length).toBeGreaterThan(0);

  for (let round = 0; round < 3; round += 1) {
    const repeated = await Promise.all(methods.map(async (id) => runtime.charge(id, "one")));
    for (const answer of repeated) {
      expect([201, 202]).toContain(answer.status);
    }
  }
  for (const [index, id] of methods.entries()) {
    const payments = await paymentsOf(id);
    const charged = index % 5 !== 1 && index % 5 !== 4;
    expect(payments).toHaveLength(charged ? 1 : 0);
    if (charged) {
      const found = await repeatUntilFound(runtime, id, "one");
      expect([found.json["id"]]).toEqual(payments);
    } else {
      const answer = await runtime.charge(id, "one");
      expect(answer.status).toBe(202);
      expect(answer.headers.get("cobro-money")).toBe("unknown");
    }
    expect(await chargesSeen(id)).toBe(1);
    expect(chainProblems((await ledgerOf(runtime, id)) ?? [])).toEqual([]);
  }
});

describe("entries written before a kill", () => {
  /** The baseline, and of each charge its intent and its outcome. */
  const ENTRIES_OF_FIVE = 11;

  /** Charges five times and kills right after the last reply, until that beat the delivery. */
  async function killBeforeDelivery(runtime: Runtime): Promise<string> {
    for (let tries = 0; tries < 5; tries += 1) {
      const id = await createMethod(sandbox.url);
      for (let charges = 0; charges < 5; charges += 1) {
        expect((await runtime.charge(id, randomUUID())).status).toBe(201);
      }
      await runtime.kill();
      const count = countEntries(runtime.ledgerFile(), `payment_method_id = '${id}'`);
      if (count < ENTRIES_OF_FIVE) {
        return id;
      }
      await runtime.start();
    }
    throw new Error("no kill came before the delivery");
  }

  it("reach the ledger by the next request after the restart, each once", async () => {
    const runtime = await startRuntime({ sandboxUrl: sandbox.url });
    const id = await killBeforeDelivery(runtime);

    await runtime.start();
    expect((await runtime.charge(id, "after")).status).toBe(201);
    const entries = await delivered(runtime, id, ENTRIES_OF_FIVE + 2);

    expect(chainProblems(entries)).toEqual([]);
    expect(entries).toHaveLength(ENTRIES_OF_FIVE + 2);
    expect(new Set(paymentIdsIn(entries))).toEqual(new Set(await paymentsOf(id)));
  });

  it("reach the ledger by the alarm after the restart, though no request ever comes", async () => {
    const runtime = await startRuntime({ sandboxUrl: sandbox.url });
    const id = await killBeforeDelivery(runtime);

    await runtime.start();
    const entries = await delivered(runtime, id, ENTRIES_OF_FIVE);

    expect(chainProblems(entries)).toEqual([]);
    expect(entries).toHaveLength(ENTRIES_OF_FIVE);
    expect(paymentIdsIn(entries)).toEqual(await paymentsOf(id));
  });

  async function delivered(runtime: Runtime, id: string, count: number) {
    return eventually(`${count} entries in the ledger`, async () => {
      const entries = await ledgerOf(runtime, id);
      return (entries?.length ?? 0) >= count ? entries : null;
    });
  }

  function paymentIdsIn(entries: Awaited<ReturnType<typeof delivered>>): (string | null)[] {
    return entries
      .filter((entry) => entry.type === "attempt_answered")
      .map((entry) => entry.paymentId);
  }
});
