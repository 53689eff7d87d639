/**
 * The promises of the calls that ask: a payment fresh from Harmony, recorded; and of the answers
 * when something of ours breaks.
 */
import { env } from "cloudflare:workers";
import { describe, inject, it, vi } from "vitest";
import {
  book,
  createMethod,
  foreignPayment,
  patchPayment,
  setScenario,
} from "../support/sandbox.ts";
import { charge, get, newKey, seedKeys } from "./support.ts";

const sandbox = inject("sandboxUrl");
await seedKeys();

describe("a poll", () => {
  it("answers Harmony's four fields and is on the books", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const made = await charge(id, newKey(), { amount: 15 });
    const polled = await get(
      `/api/payment-method/${id}/payment/${String(made.json["id"])}`,
      "cobro_test_storefront",
    );
    expect(polled.status).toBe(200);
    expect(polled.text).toBe(made.text);
    expect(polled.headers.get("cobro-money")).toBeNull();
    await vi.waitFor(
      async () => {
        const { json } = await get(`/ledger/entries?paymentMethodId=${id}&type=polled`);
        expect(json["entries"]).toMatchObject([
          { paymentId: made.json["id"], outcome: "answered", effectMinor: 0 },
        ]);
      },
      { timeout: 10_000, interval: 50 },
    );
  });

  it("that fails says what was known last, and when", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const made = await charge(id, newKey(), { amount: 15 });
    const path = `/api/payment-method/${id}/payment/${String(made.json["id"])}`;
    for (const [read, status] of [
      ["garbage", 502],
      ["reset", 502],
      ["hang", 504],
    ] as const) {
      await setScenario(sandbox, id, { reads: [read] });
      const polled = await get(path);
      expect(polled.status).toBe(status);
      expect(polled.json).toMatchObject({
        code: "upstream_error",
        money: "unknown",
        lastKnown: { status: "CONFIRMED" },
      });
    }
    const unknown = await get(`/api/payment-method/${id}/payment/${crypto.randomUUID()}`);
    expect(unknown.status).toBe(404);
    expect(unknown.json).toMatchObject({ code: "payment_not_found" });
  });

  it("that finds a payment refunded books it and tells it in the headers of a replay", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    const made = await charge(id, key, { amount: 15 });
    await patchPayment(sandbox, String(made.json["id"]), { status: "REFUNDED" });
    await get(`/api/payment-method/${id}/payment/${String(made.json["id"])}`);
    const again = await charge(id, key, { amount: 15 });
    expect(again.text).toBe(made.text);
    expect(again.headers.get("cobro-money")).toBe("refunded");
  });

  it("of somebody else's payment makes nothing ours", async ({ expect }) => {
    const id = await createMethod(sandbox);
    await charge(id, newKey(), { amount: 1 });
    const foreign = await foreignPayment(sandbox, { paymentMethodId: id, amount: 15 });
    expect((await get(`/api/payment-method/${id}/payment/${foreign.id}`)).status).toBe(200);
    await setScenario(sandbox, id, { charges: [{ kind: "lose_before_charging", how: "reset" }] });
    // It was known before the intent, so it cannot be what the lost attempt made.
    expect((await charge(id, newKey(), { amount: 15 })).status).toBe(202);
  });

  it("of a charge that was not charged answers CANCELLED under the charge's id", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    await setScenario(sandbox, id, {
      charges: [{ kind: "refuse", status: 401, body: { message: "no" } }],
    });
    const made = await charge(id, newKey(), { amount: 15 });
    const chargeId = made.headers.get("cobro-charge-id") ?? "";
    const polled = await get(`/api/payment-method/${id}/payment/${chargeId}`);
    expect(polled.json).toEqual({ id: chargeId, status: "CANCELLED", amount: 15, currency: "MXN" });
    expect(
      (await get(`/api/payment-method/${id}/payment/${chargeId}`, "cobro_test_other")).status,
    ).toBe(404);
  });
});

describe("a failure of ours", () => {
  it("in the object's code leaks nothing and says that the money is unknown", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    const spy = vi.spyOn(env.PAYMENT_METHODS, "getByName").mockImplementation(() => {
      throw Object.assign(new Error("secret detail"), { remote: true });
    });
    const answer = await charge(id, newKey(), { amount: 5 });
    spy.mockRestore();
    expect(answer.status).toBe(500);
    expect(answer.json).toMatchObject({ code: "internal", money: "unknown", retry: "same_key" });
    expect(answer.text).not.toContain("secret");
    expect(answer.headers.get("cobro-request-id")).not.toBeNull();
  });

  it("in the infrastructure is asked again, and the caller sees nothing of it", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    const real = env.PAYMENT_METHODS.getByName.bind(env.PAYMENT_METHODS);
    let failures = 3;
    const spy = vi.spyOn(env.PAYMENT_METHODS, "getByName").mockImplementation((...args) => {
      failures -= 1;
      if (failures >= 0) {
        throw Object.assign(new Error("reset"), { durableObjectReset: true, retryable: true });
      }
      return real(...args);
    });
    const answer = await charge(id, newKey(), { amount: 5 });
    spy.mockRestore();
    expect(answer.status).toBe(201);
    expect((await book(sandbox, id)).payments).toHaveLength(1);
  });

  it("to read the ledger says so and that nothing is lost", async ({ expect }) => {
    await get("/ledger/entries");
    const spies = [
      vi.spyOn(env.LEDGER, "prepare").mockImplementation(() => {
        throw new Error("D1_ERROR: down");
      }),
      vi.spyOn(env.LEDGER, "withSession").mockImplementation(() => {
        throw new Error("D1_ERROR: down");
      }),
    ];
    const answer = await get("/ledger/entries");
    for (const spy of spies) {
      spy.mockRestore();
    }
    expect(answer.status).toBe(503);
    expect(answer.json).toMatchObject({ code: "ledger_unavailable" });
  });
});
