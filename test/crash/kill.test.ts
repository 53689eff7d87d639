/**
 * The gateway is killed, by SIGKILL of its whole process group, with charges in flight or just
 * answered, and started again on the same state. Harmony is the sandbox, which survives and whose
 * book tells what really happened.
 */
import { afterEach, describe, expect, it } from "vitest";
import { eventually, removeRuntimes, until } from "../support/runtime.ts";
import { chainProblems, deliveredMark, ledgerOf } from "../support/runtime-ledger.ts";
import {
  chainOf,
  chainWhen,
  chainWith,
  chargeInFlight,
  type Charges,
  chargesSeen,
  ENTRIES_OF_FIVE,
  gatewayOnSandbox,
  HANG_AFTER,
  HANG_BEFORE,
  killBeforeDelivery,
  methodWith,
  paymentsIn,
  paymentsOf,
  repeatUntilFound,
} from "./support.ts";

const startOnSandbox = gatewayOnSandbox();
/** A long timeout: however slow the machine is, the kill comes first. */
const startGateway = async (variables: Readonly<Record<string, string>> = {}) =>
  startOnSandbox({ HARMONY_TIMEOUT_MS: "10000", ...variables });
afterEach(removeRuntimes);

/** The test of any moment kills so often, each time later: from before an intent to past a reply. */
const KILLS = 7;
const KILL_FROM_MS = 30;
const KILL_STEP_MS = 35;

describe("a charge killed between intent and outcome", () => {
  it("is in doubt after the restart, is found, and is not sent again", async () => {
    const runtime = await startGateway();
    const id = await methodWith(runtime, HANG_AFTER);
    await chargeInFlight(runtime, id, "killed");

    await runtime.restart();
    const first = await runtime.charge(id, "killed");
    const found = first.status === 201 ? first : await repeatUntilFound(runtime, id, "killed");

    if (first.status !== 201) {
      expect(first.status).toBe(202);
      expect(first.headers.get("cobro-money")).toBe("unknown");
    }
    expect(first.headers.get("idempotent-replayed")).toBe("true");
    expect(await paymentsOf(runtime, id)).toEqual([found.json["id"]]);
    expect(await chargesSeen(runtime, id)).toBe(1);
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
    const runtime = await startGateway();
    const id = await methodWith(runtime, HANG_BEFORE);
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
    expect(await chargesSeen(runtime, id)).toBe(1);
    expect(await paymentsOf(runtime, id)).toEqual([]);
    expect(chainProblems(entries ?? [])).toEqual([]);
    const resource = await runtime.chargeResource(id, "killed");
    expect(resource.json).toMatchObject({ state: "in_doubt", money: "unknown", payment: null });
  });

  it("is charged once where the rule has established that no money moved", async () => {
    const variables = { HORIZON_SECONDS: "1", RECONCILE_SECONDS: "0,1" };
    const runtime = await startGateway(variables);
    const id = await methodWith(runtime, HANG_BEFORE);
    await chargeInFlight(runtime, id, "killed");

    await runtime.restart();
    await until("the rule says not charged", async () => {
      const { json } = await runtime.chargeResource(id, "killed");
      return json["state"] === "not_charged";
    });
    expect(await chargesSeen(runtime, id)).toBe(1);
    const again = await runtime.charge(id, "killed");

    expect(again.status).toBe(201);
    expect(await paymentsOf(runtime, id)).toEqual([again.json["id"]]);
    expect(await chargesSeen(runtime, id)).toBe(2);
  });
});

it("ten charges killed in flight on ten methods are in doubt or found, and no key is charged twice", async () => {
  const runtime = await startGateway();
  const kinds: Charges = [
    { kind: "lose_reply_after_charging", how: "hang" },
    { kind: "lose_before_charging", how: "hang" },
    { kind: "approve", latencyMs: 8000 },
    { kind: "pending", polls: 1, latencyMs: 8000 },
    { kind: "decline", as: 402, latencyMs: 8000 },
  ];
  const methods = await Promise.all(
    Array.from({ length: 10 }, async (_, index) =>
      methodWith(runtime, kinds.slice(index % 5, (index % 5) + 1)),
    ),
  );
  // Warm, so that all ten are under way within the shortest latency.
  const warm = await methodWith(runtime);
  expect((await runtime.charge(warm, "warm")).status).toBe(201);

  const lost = methods.map(async (id) => runtime.charge(id, "one").catch(() => null));
  await until("all ten are at Harmony", async () =>
    (await Promise.all(methods.map(async (id) => chargesSeen(runtime, id)))).every(
      (count) => count === 1,
    ),
  );
  await runtime.restart();
  expect((await Promise.all(lost)).filter((answer) => answer === null).length).toBeGreaterThan(0);

  for (let round = 0; round < 3; round += 1) {
    const repeated = await Promise.all(methods.map(async (id) => runtime.charge(id, "one")));
    for (const answer of repeated) {
      expect([201, 202]).toContain(answer.status);
    }
  }
  const settled = methods.map(async (id, index) => {
    const payments = await paymentsOf(runtime, id);
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
    expect(await chargesSeen(runtime, id)).toBe(1);
    expect(chainProblems((await ledgerOf(runtime, id)) ?? [])).toEqual([]);
  });
  await Promise.all(settled);
});

it("entries written before a kill reach the ledger by the next request, each once", async () => {
  const runtime = await startGateway();
  const id = await killBeforeDelivery(runtime);

  await runtime.start();
  expect((await runtime.charge(id, "after")).status).toBe(201);
  const entries = await chainOf(runtime, id, ENTRIES_OF_FIVE + 2);

  expect(chainProblems(entries)).toEqual([]);
  expect(entries).toHaveLength(ENTRIES_OF_FIVE + 2);
  expect(paymentsIn(entries)).toEqual(await paymentsOf(runtime, id));
});

it("entries delivered just before a kill are delivered again, and stored once", async () => {
  const runtime = await startGateway();
  const id = await methodWith(runtime);
  expect((await runtime.charge(id, "before")).status).toBe(201);
  const before = await chainOf(runtime, id, 3);
  await runtime.kill();
  // The mark of what was delivered waits for the next write, so the object does not know.
  const [file = ""] = runtime.objectFiles();
  expect(deliveredMark(file)).toBe(0);

  await runtime.start();
  expect((await runtime.charge(id, "after")).status).toBe(201);
  const entries = await chainOf(runtime, id, 5);

  expect(entries.slice(0, 3)).toEqual(before);
  expect(entries).toHaveLength(5);
  expect(chainProblems(entries)).toEqual([]);
  expect(paymentsIn(entries)).toEqual(await paymentsOf(runtime, id));
});

it("charges killed at any moment end as one payment for each key", async () => {
  const runtime = await startGateway({ HORIZON_SECONDS: "1", RECONCILE_SECONDS: "0,1" });
  const methods: string[] = [];
  for (let round = 0; round < KILLS; round += 1) {
    const fresh = await Promise.all(
      [0, 60, 250].map(async (latencyMs) => methodWith(runtime, [{ kind: "approve", latencyMs }])),
    );
    const sent = fresh.map(async (id) => runtime.charge(id, "one").catch(() => null));
    // Not a wait for anything: the moment of the kill moves through the life of a charge.
    await new Promise((wake) => setTimeout(wake, KILL_FROM_MS + round * KILL_STEP_MS));
    await runtime.restart();
    await Promise.all(sent);
    methods.push(...fresh);
  }
  const settled = methods.map(async (id) => {
    const answer = await eventually("the key is answered 201", async () => {
      const repeated = await runtime.charge(id, "one");
      return repeated.status === 201 ? repeated : null;
    });
    expect(await paymentsOf(runtime, id)).toEqual([answer.json["id"]]);
    const entries = await chainWhen(runtime, id, (all) =>
      all.some((entry) => entry.paymentId === answer.json["id"]),
    );
    expect(chainProblems(entries)).toEqual([]);
    return entries.some((entry) => entry.outcome === "indeterminate");
  });
  // Some were struck in flight and some were not, else the moments were chosen badly.
  const interrupted = (await Promise.all(settled)).filter(Boolean).length;
  expect(interrupted).toBeGreaterThan(0);
  expect(interrupted).toBeLessThan(methods.length);
});
