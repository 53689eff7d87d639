/**
 * One spelling: what is the same in any letter case, or said by leaving it out, is one request and
 * one thing, at the Worker's edge against the real sandbox; and what only looks the same is refused.
 */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, inject, it, vi } from "vitest";
import { book, createMethod, setScenario } from "../support/sandbox.ts";
import { charge, get, newKey, seedKeys, send } from "./support.ts";

const sandbox = inject("sandboxUrl");
await seedKeys();

const JSON_TYPE = { "content-type": "application/json" };
const STOREFRONT = { "x-api-key": "cobro_test_storefront" };

async function refund(id: string, paymentId: string, key: string, body: unknown) {
  return send(`/api/payment-method/${id}/payment/${paymentId}/refund`, {
    method: "POST",
    headers: { ...STOREFRONT, ...JSON_TYPE, "idempotency-key": key },
    body: JSON.stringify(body),
  });
}

async function payments(id: string): Promise<unknown[]> {
  return (await book(sandbox, id)).payments;
}

describe("an id", () => {
  it("of a card, a charge, a payment or a refund is the same in any letter case", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    const made = await charge(id.toUpperCase(), key, { amount: 15 });
    expect(made.headers.get("location")).toBe(
      `/api/payment-method/${id}/payment/${String(made.json["id"])}`,
    );
    expect((await charge(id, key, { amount: 15 })).headers.get("idempotent-replayed")).toBe("true");
    const paymentId = String(made.json["id"]).toUpperCase();
    const chargeId = String(made.headers.get("cobro-charge-id")).toUpperCase();
    const path = `/api/payment-method/${id.toUpperCase()}`;
    expect((await get(`${path}/charge/${chargeId}`)).json["money"]).toBe("charged");
    expect((await get(`${path}/payment/${paymentId}`)).text).toBe(made.text);
    expect((await get(`${path}/payment/${chargeId}`)).text).toBe(made.text);
    const refundKey = newKey();
    const given = await refund(id, paymentId, refundKey, {});
    expect(given.headers.get("cobro-money")).toBe("refunded");
    const again = await refund(id, paymentId.toLowerCase(), refundKey, {});
    expect(again.text).toBe(given.text);
    const location = String(given.headers.get("location"));
    const capitals = location.replace(/[^/]+$/, (refundId) => refundId.toUpperCase());
    expect((await get(capitals)).json["state"]).toBe("refunded");
  });

  it("makes two refunds at once in different letter case one", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const made = String((await charge(id, newKey(), { amount: 15 })).json["id"]);
    await setScenario(sandbox, id, { refunds: [{ kind: "approve", latencyMs: 300 }] });
    const key = newKey();
    const both = await Promise.all(
      [made, made.toUpperCase()].map(async (one) => refund(id, one, key, {})),
    );
    expect(both.map(({ status }) => status)).toEqual([201, 201]);
    expect((await book(sandbox, id)).requests.refund).toBe(1);
  });
});

describe("an id that Harmony spells in capitals", () => {
  it("is the same card and the same payment, and is sent and answered as Harmony spelt it", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    const real = globalThis.fetch.bind(globalThis);
    const asked: string[] = [];
    const uuids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
    const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const url = input as string;
      asked.push(url);
      const answer = await real(url.toLowerCase(), init);
      const text = await answer.text();
      return new Response(
        text.replace(uuids, (uuid) => uuid.toUpperCase()),
        answer,
      );
    });
    try {
      const card = await send("/api/payment-method", {
        method: "POST",
        headers: { ...JSON_TYPE, "x-api-key": "cobro_test_manager" },
        body: "{}",
      });
      const spelt = String(card.json["id"]);
      expect(spelt).toBe(spelt.toUpperCase());
      expect(card.headers.get("location")).toBe(`/api/payment-method/${spelt.toLowerCase()}`);
      expect((await get(`/api/payment-method/${id}`)).status).toBe(200);
      const key = newKey();
      const made = await charge(id, key, { amount: 15 });
      const paymentId = String(made.json["id"]);
      expect(paymentId).toBe(paymentId.toUpperCase());
      expect((await charge(id.toUpperCase(), key, { amount: 15 })).text).toBe(made.text);
      const path = `/api/payment-method/${id}/payment/${paymentId.toLowerCase()}`;
      expect((await get(path)).text).toBe(made.text);
      expect(asked.at(-1)).toContain(paymentId);
      const given = await refund(id, paymentId.toLowerCase(), newKey(), {});
      expect(given.headers.get("cobro-money")).toBe("refunded");
      expect(asked.filter((url) => url.endsWith("/refund"))[0]).toContain(paymentId);
      const revoked = await send(`/api/payment-method/${id}`, {
        method: "DELETE",
        headers: { "x-api-key": "cobro_test_manager" },
      });
      expect(revoked.status).toBe(200);
    } finally {
      spy.mockRestore();
    }
    expect(await payments(id)).toHaveLength(1);
  });
});

describe("a code of Harmony's", () => {
  it("is the same in any letter case: status and currency of an answer", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const real = globalThis.fetch.bind(globalThis);
    const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const answer = await real(input, init);
      const text = await answer.text();
      return new Response(text.replace("CONFIRMED", "Confirmed").replace("MXN", "mxn"), answer);
    });
    const made = await charge(id, newKey(), { amount: 15 });
    spy.mockRestore();
    expect(made.headers.get("cobro-money")).toBe("charged");
    expect(made.json).toMatchObject({ status: "CONFIRMED", currency: "MXN" });
  });

  it("is the same in any letter case where a caller asks by it", async ({ expect }) => {
    const id = await createMethod(sandbox);
    await charge(id, newKey(), { amount: 15 });
    const page = await get(`/api/payment-method/${id}/payment?status=confirmed`);
    expect(page.json).toMatchObject({ count: 1 });
    await vi.waitFor(
      async () => {
        const path = `/ledger/entries?paymentMethodId=${id}&paymentStatus=confirmed`;
        expect((await get(path)).json["entries"]).not.toEqual([]);
      },
      { timeout: 10_000, interval: 50 },
    );
  });
});

describe("a charge", () => {
  it("is one request, however nothing is said in it", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    const first = await charge(id, key, { amount: 20 });
    for (const body of [
      { amount: 20, description: null, reference: null, currency: null },
      { amount: 20, description: "", reference: "" },
      { amount: 20, currency: "mxn" },
      { amount: 20, currency: "MXN" },
    ]) {
      const again = await charge(id, key, body);
      expect(again.text).toBe(first.text);
      expect(again.headers.get("idempotent-replayed")).toBe("true");
    }
    const other = await charge(id, newKey(), { amount: 21, description: "", reference: "" });
    const path = `/api/payment-method/${id}/charge/${other.headers.get("cobro-charge-id")}`;
    expect((await get(path)).json).toMatchObject({ description: null, reference: null });
    const reason = newKey();
    const paymentId = String(first.json["id"]);
    expect((await refund(id, paymentId, reason, { reason: null })).status).toBe(201);
    expect((await refund(id, paymentId, reason, { reason: "" })).status).toBe(201);
    expect(await payments(id)).toHaveLength(2);
  });

  it("is the one that was bound while an empty text was kept as one", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    const first = await charge(id, key, { amount: 20 });
    await runInDurableObject(env.PAYMENT_METHODS.getByName(id), (_object, state) => {
      const query = "UPDATE charge SET body = json_set(body, '$.request.description', '')";
      state.storage.sql.exec(query).toArray();
    });
    for (const description of ["", null, undefined]) {
      const again = await charge(id, key, { amount: 20, description });
      expect([again.status, again.text]).toEqual([201, first.text]);
    }
    expect((await charge(id, key, { amount: 20, description: "a" })).status).toBe(422);
    expect(await payments(id)).toHaveLength(1);
  });

  it("of another reference is another request, and its owner is shown what was bound", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    const request = { amount: 20, description: "An order", reference: "A-17" };
    await charge(id, key, request);
    const other = await charge(id, key, { ...request, reference: "A-18" });
    expect(other.status).toBe(422);
    expect(other.json).toMatchObject({
      code: "idempotency_key_reused",
      differing: ["reference"],
      first: { request: { ...request, currency: "MXN" } },
    });
    const paymentId = String((await charge(id, key, request)).json["id"]);
    const refundKey = newKey();
    await refund(id, paymentId, refundKey, { reason: "returned" });
    const reused = await charge(id, refundKey, request);
    expect(reused.json).toMatchObject({
      differing: ["operation"],
      first: { request: { paymentId, reason: "returned" } },
    });
    expect(await payments(id)).toHaveLength(1);
  });

  it("of two references at once under one key is charged for one of them", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    const both = await Promise.all(
      ["A-1", "A-2"].map(async (reference) => charge(id, key, { amount: 20, reference })),
    );
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([201, 422]));
    expect(await payments(id)).toHaveLength(1);
  });
});

describe("the look-up of a charge by its key", () => {
  it("takes the key quoted or bare, in the query or by header", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const key = `order 7+8-${crypto.randomUUID()}`;
    const chargeId = (await charge(id, `"${key}"`, { amount: 20 })).headers.get("cobro-charge-id");
    const path = `/api/payment-method/${id}/charge`;
    const escaped = encodeURIComponent(key);
    for (const query of [`%22${escaped}%22`, escaped, escaped.replaceAll("%20", "+")]) {
      const found = await get(`${path}?idempotencyKey=${query}`, "cobro_test_storefront");
      expect(found.json["chargeId"]).toBe(chargeId);
    }
    const headers = { ...STOREFRONT, "idempotency-key": `"${key}"` };
    expect((await send(path, { headers })).json["chargeId"]).toBe(chargeId);
    const both = `${path}?idempotencyKey=${escaped}`;
    expect((await send(both, { headers })).json["chargeId"]).toBe(chargeId);
    await vi.waitFor(
      async () => {
        const entries = await get(`/ledger/entries?idempotencyKey=%22${escaped}%22`);
        expect(entries.json["entries"]).toMatchObject([{ chargeId }, { chargeId }]);
      },
      { timeout: 10_000, interval: 50 },
    );
  });

  it("says that a key is not known under this spelling, and never that nothing was charged", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    const key = `a+b-${crypto.randomUUID()}`;
    await charge(id, key, { amount: 20 });
    const missed = await get(`/api/payment-method/${id}/charge?idempotencyKey=${key}`);
    expect(missed.status).toBe(404);
    expect(missed.json["detail"]).toContain("under this spelling");
    expect(missed.json["money"]).toBe("unknown");
    const path = `/api/payment-method/${id}/charge?idempotencyKey=${encodeURIComponent(key)}`;
    expect((await get(path)).status).toBe(200);
  });

  it("refuses two keys that differ, and one that is none", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const path = `/api/payment-method/${id}/charge`;
    const headers = { ...STOREFRONT, "idempotency-key": "one" };
    for (const answer of [
      await send(`${path}?idempotencyKey=two`, { headers }),
      await send(`${path}?idempotencyKey=%22open`, { headers: STOREFRONT }),
      await send(path, { headers: STOREFRONT }),
    ]) {
      expect(answer.json).toMatchObject({ status: 400, code: "invalid_request", money: "unknown" });
    }
  });
});

describe("a text that shows otherwise than it reads", () => {
  it.for(["\u202a", "\u202e", "\u2066", "\u2069", "\u0007"])(
    "is refused as a description and as a reason: %j",
    async (control, { expect }) => {
      const id = await createMethod(sandbox);
      const body = { amount: 5, description: `a${control}b` };
      const answer = await charge(id, newKey(), body);
      expect(answer.json).toMatchObject({ status: 400, code: "invalid_request" });
      const reason = { reason: `a${control}b` };
      expect((await refund(id, crypto.randomUUID(), newKey(), reason)).status).toBe(400);
      const marks = { amount: 5, description: "a\u200eb \u2065" };
      expect((await charge(id, newKey(), marks)).status).toBe(201);
      expect(await payments(id)).toHaveLength(1);
    },
  );

  it("is refused as the name of a card with NUL in it", async ({ expect }) => {
    const answer = await send("/api/payment-method", {
      method: "POST",
      headers: { ...JSON_TYPE, "x-api-key": "cobro_test_manager" },
      body: JSON.stringify({ externalId: "a\u0000b" }),
    });
    expect(answer.json).toMatchObject({ status: 400, code: "invalid_request" });
  });
});

describe("a body with a member twice", () => {
  it.for([
    '{"amount":5,"amount":50}',
    '{"amount":5,"amount":5}',
    '{"amount":5,"\\u0061mount":5}',
    '{"amount":5,"description":"a","description":"a"}',
  ])("is no request: %s", async (body, { expect }) => {
    const id = await createMethod(sandbox);
    const answer = await charge(id, newKey(), body);
    expect(answer.json).toMatchObject({ status: 400, code: "invalid_request" });
    expect(await payments(id)).toEqual([]);
  });

  it("is no card either, however deep it stands", async ({ expect }) => {
    const spy = vi.spyOn(globalThis, "fetch");
    const answer = await send("/api/payment-method", {
      method: "POST",
      headers: { ...JSON_TYPE, "x-api-key": "cobro_test_manager" },
      body: '{"billingInformation":{"email":"a@x.mx","email":"b@x.mx"}}',
    });
    const sent = spy.mock.calls.length;
    spy.mockRestore();
    expect(answer.json).toMatchObject({ status: 400, code: "invalid_request" });
    expect(sent).toBe(0);
  });

  it("is told from a text that has a colon or a quote in it", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const body = { amount: 5, description: 'a: "b": \\' };
    expect((await charge(id, newKey(), body)).status).toBe(201);
  });
});
