/**
 * Every error of the contract's table that comes before a charge is looked up, at the Worker's
 * edge, in its order of precedence: nothing is sent to Harmony, and the money is told truly.
 */
import { env } from "cloudflare:workers";
import { describe, inject, it, vi } from "vitest";
import { forgetKeys } from "../../src/http/auth.ts";
import { insertKey } from "../../src/ledger/keys.ts";
import { book, createMethod } from "../support/sandbox.ts";
import { charge, get, newKey, seedKeys, send, sha256 } from "./support.ts";

const sandbox = inject("sandboxUrl");
await seedKeys();

const JSON_TYPE = { "content-type": "application/json" };

async function sentTo(id: string): Promise<number> {
  const { requests } = await book(sandbox, id);
  return requests.charge + requests.look;
}

describe("bad input", () => {
  const bodies: readonly (readonly [string, unknown, string, string])[] = [
    ["0.999", { amount: 0.999 }, "invalid_amount", "/amount"],
    ["1.005", { amount: 1.005 }, "invalid_amount", "/amount"],
    ["text", { amount: "500" }, "invalid_amount", "/amount"],
    ["negative", { amount: -5 }, "invalid_amount", "/amount"],
    ["zero", { amount: 0 }, "invalid_amount", "/amount"],
    ["below one peso", { amount: 0.3 }, "invalid_amount", "/amount"],
    ["huge", { amount: 1e21 }, "invalid_amount", "/amount"],
    ["above the largest", { amount: 10_000_000 }, "invalid_amount", "/amount"],
    ["infinite", '{"amount":1e999}', "invalid_amount", "/amount"],
    ["no amount", {}, "invalid_amount", "/amount"],
    ["another currency", { amount: 5, currency: "USD" }, "currency_not_supported", "/currency"],
    ["amount before currency", { amount: 0, currency: "USD" }, "invalid_amount", "/amount"],
    [
      "251 characters",
      { amount: 5, description: "x".repeat(251) },
      "invalid_request",
      "/description",
    ],
    ["a NUL", { amount: 5, description: "a\u0000b" }, "invalid_request", "/description"],
    ["a lone surrogate", '{"amount":5,"description":"\\ud800"}', "invalid_request", "/description"],
    ["a reference with a space", { amount: 5, reference: "a b" }, "invalid_request", "/reference"],
    ["an extra member", { amount: 5, tip: 1 }, "invalid_request", "/tip"],
    ["an array", [], "invalid_request", ""],
    ["not JSON", "{amount:5}", "invalid_request", ""],
    ["nothing", "", "invalid_request", ""],
  ];
  for (const [name, body, code, pointer] of bodies) {
    it(`is refused with its place and sends nothing: ${name}`, async ({ expect }) => {
      const id = await createMethod(sandbox);
      const answer = await charge(id, newKey(), body);
      expect(answer.status).toBe(400);
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
      expect(answer.json).toMatchObject({
        code,
        status: 400,
        money: "unknown",
        retry: "never",
        type: `/problems/${code}`,
      });
      expect(answer.headers.get("cobro-money")).toBe("unknown");
      const [first] = answer.json["errors"] as { pointer: string; detail: string }[];
      expect(first?.pointer).toBe(pointer);
      expect(first?.detail).not.toBe("");
      expect(answer.json).not.toHaveProperty("instance");
      expect(await sentTo(id)).toBe(0);
    });
  }

  it("takes 250 characters and the largest amount", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const answer = await charge(id, newKey(), {
      amount: 9_999_999.99,
      description: "é".repeat(250),
    });
    expect(answer.status).toBe(201);
    expect(answer.json["amount"]).toBe(9_999_999.99);
  });

  const keys: readonly (readonly [string, string, string])[] = [
    ["256 characters", "k".repeat(256), "idempotency_key_invalid"],
    ["given twice", "a, b", "idempotency_key_invalid"],
    ["quoted and given twice", '"a", "b"', "idempotency_key_invalid"],
    ["an open quote", '"abc', "idempotency_key_invalid"],
    ["a space", "a b", "idempotency_key_invalid"],
    ["a control character", "a\u0001b", "idempotency_key_invalid"],
    ["Latin-1", "\u00e9", "idempotency_key_invalid"],
    ["an empty string", '""', "idempotency_key_invalid"],
    ["parameters", '"a";b=1', "idempotency_key_invalid"],
  ];
  for (const [name, key, code] of keys) {
    it(`is a bad idempotency key: ${name}`, async ({ expect }) => {
      const id = await createMethod(sandbox);
      const answer = await charge(id, key, { amount: 5 });
      expect(answer.status).toBe(400);
      expect(answer.json).toMatchObject({ code, money: "unknown", retry: "never" });
      expect(await sentTo(id)).toBe(0);
    });
  }

  it("is a missing idempotency key, said before the body is read into", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const answer = await charge(id, null, "not JSON");
    expect(answer.json).toMatchObject({ code: "idempotency_key_missing", money: "unknown" });
    expect(answer.headers.get("cobro-retry")).toBe("never");
  });

  it("takes 255 characters of key, and a quoted key with a space", async ({ expect }) => {
    const id = await createMethod(sandbox);
    expect((await charge(id, "k".repeat(255), { amount: 5 })).status).toBe(201);
    expect((await charge(id, '"a b"', { amount: 5 })).status).toBe(201);
  });

  it("is a body of more than 16 KiB, even before its type", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const answer = await charge(id, newKey(), " ".repeat(16 * 1024 + 1), {
      "content-type": "text/plain",
    });
    expect(answer.status).toBe(413);
    expect(answer.json).toMatchObject({ code: "payload_too_large", money: "unknown" });
    const fits = await charge(id, newKey(), `{"amount":5}${" ".repeat(16 * 1024 - 12)}`);
    expect(fits.status).toBe(201);
  });

  it("is another content type, even before a missing key", async ({ expect }) => {
    const id = await createMethod(sandbox);
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/json; charset=latin1",
    ]) {
      const answer = await charge(id, null, { amount: 5 }, { "content-type": type });
      expect(answer.status).toBe(415);
      expect(answer.json).toMatchObject({ code: "unsupported_media_type", money: "unknown" });
    }
    expect(
      (
        await charge(
          id,
          newKey(),
          { amount: 5 },
          { "content-type": "application/json; charset=UTF-8" },
        )
      ).status,
    ).toBe(201);
  });
});

describe("an address", () => {
  it("that does not exist is not found, for anyone", async ({ expect }) => {
    for (const path of [
      "/",
      "/api",
      "/api/payment-method/not-a-uuid/payment",
      "/ledger",
      "/problems/no_such_code",
    ]) {
      const answer = await send(path, { headers: {} });
      expect(answer.status).toBe(404);
      expect(answer.json).toMatchObject({ code: "not_found", money: "unknown", retry: "never" });
    }
    const posted = await charge("not-a-uuid", newKey(), { amount: 5 });
    expect(posted.status).toBe(404);
    expect(posted.headers.get("cobro-money")).toBe("unknown");
    expect((await charge("not-a-uuid", null, { amount: 5 })).headers.get("cobro-money")).toBe(
      "unknown",
    );
  });

  it("names the methods it takes", async ({ expect }) => {
    const id = crypto.randomUUID();
    const answer = await send(`/api/payment-method/${id}/charge`, { method: "DELETE" });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET");
    expect(answer.json["code"]).toBe("method_not_allowed");
    expect((await send("/healthz", { method: "POST" })).status).toBe(405);
  });

  it("explains every error code", async ({ expect }) => {
    const answer = await send("/problems/charge_refused");
    expect(answer.status).toBe(200);
    expect(answer.text).toContain("charge_refused (402)");
  });

  it("tells its health to anyone", async ({ expect }) => {
    const answer = await send("/healthz");
    expect(answer.text).toBe('{"status":"ok"}');
  });
});

describe("a key", () => {
  it("is needed before anything else of a request is looked at", async ({ expect }) => {
    const id = await createMethod(sandbox);
    for (const headers of [
      {},
      { "x-api-key": "cobro_test_nobody" },
      { "x-api-key": "nonsense" },
      { "x-api-key": "cobro_test_storefront", authorization: "Bearer cobro_test_auditor" },
    ]) {
      const path = `/api/payment-method/${id}/payment`;
      const body = " ".repeat(20_000);
      const with_ = await send(path, {
        method: "POST",
        headers: { ...JSON_TYPE, ...headers, "idempotency-key": "k" },
        body,
      });
      expect(with_.status).toBe(401);
      expect(with_.json).toMatchObject({
        code: "unauthorized",
        money: "unknown",
        retry: "same_key",
      });
      const without = await send(path, {
        method: "POST",
        headers: { ...JSON_TYPE, ...headers },
        body,
      });
      expect(without.json["money"]).toBe("unknown");
    }
    expect(await sentTo(id)).toBe(0);
  });

  it("serves as a bearer token, too", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const answer = await send(`/api/payment-method/${id}/payment`, {
      method: "POST",
      headers: {
        ...JSON_TYPE,
        authorization: "Bearer cobro_test_storefront",
        "idempotency-key": newKey(),
      },
      body: '{"amount":5}',
    });
    expect(answer.status).toBe(201);
  });

  it("does only what its scopes say", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const answer = await charge(id, newKey(), { amount: 5 }, { "x-api-key": "cobro_test_auditor" });
    expect(answer.status).toBe(403);
    expect(answer.json).toMatchObject({ code: "forbidden", money: "unknown", retry: "same_key" });
    expect((await get("/ledger/entries", "cobro_test_storefront")).status).toBe(403);
    expect((await get(`/api/payment-method/${id}/payment/x`, "cobro_test_auditor")).status).toBe(
      403,
    );
    expect(await sentTo(id)).toBe(0);
  });

  it("stops working once it is revoked", async ({ expect }) => {
    const text = `cobro_gone_${crypto.randomUUID()}`;
    const hash = await sha256(text);
    const key = {
      keyId: text,
      hash,
      callerId: "main",
      name: "gone",
      scopes: ["charge"],
      createdAt: new Date().toISOString(),
    };
    await insertKey(env.LEDGER, key, 5000);
    const id = await createMethod(sandbox);
    expect((await charge(id, newKey(), { amount: 5 }, { "x-api-key": text })).status).toBe(201);
    await env.LEDGER.prepare("UPDATE api_key SET revoked_at = ? WHERE key_id = ?")
      .bind(new Date().toISOString(), text)
      .run();
    // The cache may serve it for a while; 30 s later it may not.
    const later = Date.now() + 30_000;
    const clock = vi.spyOn(Date, "now").mockReturnValue(later);
    const answer = await charge(id, newKey(), { amount: 5 }, { "x-api-key": text });
    clock.mockRestore();
    expect(answer.status).toBe(401);
  });

  it("seen in the last 15 minutes keeps working while D1 is down, and no other does", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    forgetKeys();
    expect((await charge(id, newKey(), { amount: 5 })).status).toBe(201);
    const down = vi.spyOn(env.LEDGER, "prepare").mockImplementation(() => {
      throw new Error("D1_ERROR: down");
    });
    const session = vi.spyOn(env.LEDGER, "withSession").mockImplementation(() => {
      throw new Error("D1_ERROR: down");
    });
    const clock = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 60_000);
    const key = newKey();
    const seen = await charge(id, key, { amount: 6 });
    const unseen = await charge(id, newKey(), { amount: 7 }, { "x-api-key": "cobro_test_other" });
    clock.mockRestore();
    down.mockRestore();
    session.mockRestore();
    expect(seen.status).toBe(201);
    expect(unseen.status).toBe(503);
    expect(unseen.json).toMatchObject({
      code: "authentication_unavailable",
      money: "unknown",
      retry: "same_key",
    });
    forgetKeys();
  });
});
