/**
 * The promises of a charge at the Worker's edge, against the real sandbox over loopback: once,
 * replayed to the byte, one at a time. Each test has payment methods and keys of its own.
 */
import { describe, inject, it } from "vitest";
import { book, createMethod, setScenario } from "../support/sandbox.ts";
import { charge, get, newKey, seedKeys } from "./support.ts";

const sandbox = inject("sandboxUrl");
await seedKeys();

describe("a charge", () => {
  it("charges once and answers exactly Harmony's four fields", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const answer = await charge(id, newKey(), { amount: 12.5, description: "Order 7" });
    expect(answer.status).toBe(201);
    expect(Object.keys(answer.json)).toEqual(["id", "status", "amount", "currency"]);
    expect(answer.json).toMatchObject({ status: "CONFIRMED", amount: 12.5, currency: "MXN" });
    const { payments } = await book(sandbox, id);
    expect(payments.map((payment) => payment.id)).toEqual([answer.json["id"]]);
    expect(answer.headers.get("cobro-money")).toBe("charged");
    expect(answer.headers.get("cobro-retry")).toBe("never");
    expect(answer.headers.get("idempotent-replayed")).toBeNull();
    expect(answer.headers.get("location")).toBe(
      `/api/payment-method/${id}/payment/${String(answer.json["id"])}`,
    );
    expect(answer.headers.get("cobro-charge-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers.get("cobro-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers.get("server-timing")).toMatch(
      /^queue;dur=\d+, harmony;dur=\d+, total;dur=\d+$/,
    );
  });

  it("replays the answer of an answered key to the byte and says so", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    const first = await charge(id, key, { amount: 100 });
    const again = await charge(id, `"${key}"`, { amount: 100 });
    expect(again.status).toBe(201);
    expect(again.text).toBe(first.text);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect((await book(sandbox, id)).payments).toHaveLength(1);
  });

  it("makes one payment of fifty concurrent requests with one key", async ({ expect }) => {
    const id = await createMethod(sandbox);
    await setScenario(sandbox, id, { charges: [{ kind: "approve", latencyMs: 200 }] });
    const key = newKey();
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => charge(id, key, { amount: 55 })),
    );
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
    const replays = answers.filter((a) => a.headers.get("idempotent-replayed") === "true");
    expect(replays).toHaveLength(49);
    expect((await book(sandbox, id)).payments).toHaveLength(1);
  });

  it("runs fifty keys on one method one after another", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => charge(id, newKey(), { amount: 10 })),
    );
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 50 }, () => 201));
    const { payments, maxConcurrent } = await book(sandbox, id);
    expect(new Set(payments.map((payment) => payment.id)).size).toBe(50);
    expect(maxConcurrent).toMatchObject({ perMethod: 1 });
  });

  it("runs a hundred methods side by side", async ({ expect }) => {
    const ids = await Promise.all(Array.from({ length: 100 }, async () => createMethod(sandbox)));
    // The first touch of an object creates its file; that is not what this is about.
    for (const id of ids) {
      expect((await charge(id, newKey(), { amount: 10 })).status).toBe(201);
    }
    await Promise.all(
      ids.map(async (id) =>
        setScenario(sandbox, id, { charges: [{ kind: "approve", latencyMs: 300 }] }),
      ),
    );
    const answers = await Promise.all(ids.map(async (id) => charge(id, newKey(), { amount: 10 })));
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 100 }, () => 201));
    expect((await book(sandbox)).maxConcurrent.overall).toBeGreaterThan(25);
  });

  it("treats one method under upper and lower case as one", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    const first = await charge(id.toUpperCase(), key, { amount: 7 });
    const again = await charge(id, key, { amount: 7 });
    expect(again.text).toBe(first.text);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
  });

  it("takes what a computer adds: 0.1 + 0.2 + 0.7 is one peso", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const answer = await charge(id, newKey(), { amount: 0.1 + 0.2 + 0.7 });
    expect(answer.json["amount"]).toBe(1);
  });

  it("keeps the keys of two callers apart", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    await charge(id, key, { amount: 9 });
    const other = await charge(id, key, { amount: 9 }, { "x-api-key": "cobro_test_other" });
    expect(other.headers.get("idempotent-replayed")).toBeNull();
    expect((await book(sandbox, id)).payments).toHaveLength(2);
  });

  it("names what differs when a key comes back with another request", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    const first = await charge(id, key, { amount: 20, description: "a" });
    const other = await charge(id, key, { amount: 21, description: "b" });
    expect(other.status).toBe(422);
    expect(other.json).toMatchObject({
      code: "idempotency_key_reused",
      differing: ["amount", "description"],
      money: "unknown",
      retry: "never",
      first: {
        chargeId: first.headers.get("cobro-charge-id"),
        state: "approved",
        money: "charged",
        amount: 20,
      },
    });
    expect((await book(sandbox, id)).payments).toHaveLength(1);
  });

  it("shows the charge, by id and by key, to its caller and to an auditor only", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    const answer = await charge(id, key, { amount: 30, reference: "order-1" });
    const chargeId = answer.headers.get("cobro-charge-id") ?? "";
    const path = `/api/payment-method/${id}/charge`;
    const byId = await get(`${path}/${chargeId}`, "cobro_test_storefront");
    const byKey = await get(`${path}?idempotencyKey=${key}`, "cobro_test_storefront");
    expect(byKey.text).toBe(byId.text);
    expect(byId.json).toMatchObject({
      chargeId,
      paymentMethodId: id,
      idempotencyKey: key,
      caller: "main",
      reference: "order-1",
      state: "approved",
      money: "charged",
      amount: 30,
      currency: "MXN",
      description: null,
      payment: answer.json,
      resolvedBy: "reply",
      escalated: false,
      nextLookAt: null,
      duplicates: [],
      methodFrozen: false,
    });
    expect(byId.json["attempts"]).toMatchObject([
      { attempt: 1, outcome: "approved", httpStatus: 201 },
    ]);
    expect((await get(`${path}/${chargeId}`, "cobro_test_other")).status).toBe(404);
    expect((await get(`${path}/${chargeId}`, "cobro_test_auditor")).status).toBe(200);
    expect(
      (await get(`${path}?idempotencyKey=${key}&caller=main`, "cobro_test_auditor")).status,
    ).toBe(200);
  });

  it("waits no longer than the caller prefers, and finishes the charge behind its back", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    await setScenario(sandbox, id, { charges: [{ kind: "approve", latencyMs: 1300 }] });
    const key = newKey();
    const early = await charge(id, key, { amount: 40 }, { prefer: "wait=1" });
    expect(early.status).toBe(202);
    const chargeId = early.headers.get("cobro-charge-id");
    expect(early.json).toEqual({ id: chargeId, status: "PENDING", amount: 40, currency: "MXN" });
    expect(early.headers.get("location")).toBe(
      `/api/payment-method/${id}/charge/${String(chargeId)}`,
    );
    expect(early.headers.get("cobro-money")).toBe("unknown");
    expect(early.headers.get("retry-after")).toMatch(/^\d+$/);
    const later = await charge(id, key, { amount: 40 });
    expect(later.status).toBe(201);
    expect(later.headers.get("idempotent-replayed")).toBe("true");
    const polled = await get(`/api/payment-method/${id}/payment/${String(chargeId)}`);
    expect(polled.text).toBe(later.text);
    expect((await book(sandbox, id)).payments).toHaveLength(1);
  });

  it("replays a decline, whether Harmony cancelled or refused it", async ({ expect }) => {
    const id = await createMethod(sandbox);
    await setScenario(sandbox, id, {
      charges: [
        { kind: "decline", as: "cancelled" },
        { kind: "decline", as: 402 },
      ],
    });
    const [cancelled, refused] = [newKey(), newKey()];
    const first = await charge(id, cancelled, { amount: 50 });
    expect(first.status).toBe(201);
    expect(first.json["status"]).toBe("CANCELLED");
    expect(first.headers.get("cobro-money")).toBe("not_charged");
    expect(first.headers.get("cobro-retry")).toBe("new_key");
    expect((await charge(id, cancelled, { amount: 50 })).text).toBe(first.text);
    const second = await charge(id, refused, { amount: 50 });
    expect(second.status).toBe(402);
    expect(second.json).toMatchObject({
      code: "charge_refused",
      money: "not_charged",
      retry: "new_key",
    });
    const again = await charge(id, refused, { amount: 50 });
    expect(again.text).toBe(second.text);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
  });

  it("answers a pending payment as it is now, and follows it to the end", async ({ expect }) => {
    const id = await createMethod(sandbox);
    await setScenario(sandbox, id, { charges: [{ kind: "pending", polls: 1, then: "CONFIRMED" }] });
    const key = newKey();
    const first = await charge(id, key, { amount: 60 });
    expect(first.status).toBe(201);
    expect(first.json["status"]).toBe("PENDING");
    expect(first.headers.get("cobro-money")).toBe("pending");
    const polled = await get(`/api/payment-method/${id}/payment/${String(first.json["id"])}`);
    expect(polled.json["status"]).toBe("CONFIRMED");
    const again = await charge(id, key, { amount: 60 });
    expect(again.json["status"]).toBe("CONFIRMED");
    expect(again.headers.get("cobro-money")).toBe("charged");
  });
});
