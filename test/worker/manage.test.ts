/**
 * The promises of making and revoking a payment method, at the Worker's edge against the real
 * sandbox: what was done is on the books, what is not known is said, and nothing is done twice.
 */
import { env } from "cloudflare:workers";
import { describe, inject, it, vi } from "vitest";
import { GATEWAY_CHAIN_ID } from "../../src/domain/entries.ts";
import {
  book,
  createMethod,
  foreignPayment,
  type ScenarioInput,
  setMethodStatus,
  setScenario,
} from "../support/sandbox.ts";
import { type Answered, charge, get, newKey, seedKeys, send } from "./support.ts";

const sandbox = inject("sandboxUrl");
await seedKeys();

type RevokeStep = NonNullable<ScenarioInput["revokes"]>[number];
type Entry = Record<string, unknown> & { detail: Record<string, unknown> | null };

async function entriesOf(id: string): Promise<Entry[]> {
  return (await get(`/ledger/entries?paymentMethodId=${id}`)).json["entries"] as Entry[];
}

async function soon(check: () => Promise<void>): Promise<void> {
  await vi.waitFor(check, { timeout: 10_000, interval: 50 });
}

async function create(body: unknown, key = "cobro_test_manager"): Promise<Answered> {
  return send("/api/payment-method", {
    method: "POST",
    headers: { "x-api-key": key, "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

async function revoke(id: string, key = "cobro_test_manager"): Promise<Answered> {
  return send(`/api/payment-method/${id}`, { method: "DELETE", headers: { "x-api-key": key } });
}

async function statusAtHarmony(id: string): Promise<string | undefined> {
  return (await book(sandbox, id)).paymentMethods[0]?.status;
}

describe("making a payment method", () => {
  it("answers as Harmony, and is in the gateway's own chain without the person's data", async ({
    expect,
  }) => {
    const externalId = `customer-${crypto.randomUUID()}`;
    const made = await create({
      externalId,
      billingInformation: {
        email: "ana@example.com",
        firstName: "Ana",
        lastName: "Ruiz",
        phoneNumber: "+525512345678",
      },
      displayMode: "LINK",
      redirectUrl: "https://shop.example/done",
      ttlMinutes: 60,
      somethingNew: true,
    });
    expect(made.status).toBe(201);
    expect(Object.keys(made.json)).toEqual(["id", "checkoutUrl"]);
    const id = String(made.json["id"]);
    expect(made.headers.get("location")).toBe(`/api/payment-method/${id}`);
    expect(made.headers.get("cobro-money")).toBeNull();
    const read = await get(`/api/payment-method/${id}`);
    expect(read.json).toMatchObject({ id, status: "PENDING", externalId });
    await soon(async () => {
      const all = await entriesOf(GATEWAY_CHAIN_ID);
      const mine = all.filter((entry) => entry.detail?.["externalId"] === externalId);
      expect(mine).toMatchObject([
        {
          type: "method_created",
          outcome: "created",
          caller: "main",
          effectMinor: 0,
          detail: { paymentMethodId: id },
        },
      ]);
      expect(JSON.stringify(all)).not.toMatch(/ana@example|Ruiz|5512345678/);
    });
  });

  it.for([
    ["[]", ""],
    ["{", ""],
    [{ ttlMinutes: 0 }, "/ttlMinutes"],
    [{ displayMode: "POPUP" }, "/displayMode"],
    [{ externalId: 7 }, "/externalId"],
    [{ redirectUrl: "javascript:alert(1)" }, "/redirectUrl"],
    [{ billingInformation: { email: 1 } }, "/billingInformation/email"],
    [{ billingInformation: "Ana" }, "/billingInformation"],
    [{ verificationAmount: "1" }, "/verificationAmount"],
  ] as const)("sends nothing of bad input: %j", async ([body, pointer], { expect }) => {
    const spy = vi.spyOn(globalThis, "fetch");
    const answer = await create(body);
    const sent = spy.mock.calls.length;
    spy.mockRestore();
    expect(answer.json).toMatchObject({ status: 400, code: "invalid_request" });
    expect((answer.json["errors"] as { pointer: string }[])[0]?.pointer).toBe(pointer);
    expect(sent).toBe(0);
  });

  it("needs the scope `manage`, and JSON", async ({ expect }) => {
    expect((await create({}, "cobro_test_storefront")).status).toBe(403);
    const headers = { "x-api-key": "cobro_test_manager" };
    const bare = await send("/api/payment-method", { method: "POST", headers, body: "{}" });
    expect(bare.json).toMatchObject({ status: 415, code: "unsupported_media_type" });
  });

  const lost: readonly (readonly [string, () => Promise<Response>, number])[] = [
    ["a reset", () => Promise.reject(new Error("Network connection lost.")), 502],
    ["a timeout", () => Promise.reject(new DOMException("late", "TimeoutError")), 504],
    ["a 500", async () => new Response("{}", { status: 500 }), 502],
    ["a proxy's 400", async () => new Response("<html>", { status: 400 }), 502],
    ["garbage", async () => new Response("{", { status: 201 }), 502],
    ["no checkout", async () => Response.json({ id: crypto.randomUUID() }), 502],
    ["a redirect", async () => new Response("", { status: 307, headers: { location: "/x" } }), 502],
  ];
  it.for(lost)(
    "says that it may exist, asks once and is on the books: %s",
    async ([, answer, status], { expect }) => {
      const externalId = `customer-${crypto.randomUUID()}`;
      const spy = vi.spyOn(globalThis, "fetch").mockImplementation(answer);
      const made = await create({ externalId });
      const sent = spy.mock.calls.length;
      spy.mockRestore();
      expect(sent).toBe(1);
      expect(made.status).toBe(status);
      expect(made.json).toMatchObject({ code: "upstream_error", retry: "never", lastKnown: null });
      expect(made.json["detail"]).toContain("may have been created");
      await soon(async () => {
        const all = await entriesOf(GATEWAY_CHAIN_ID);
        const mine = all.filter((entry) => entry.detail?.["externalId"] === externalId);
        expect(mine).toMatchObject([{ type: "method_create_failed", outcome: "unanswered" }]);
      });
    },
  );

  const refusals = [
    [400, 400, "invalid_request"],
    [422, 400, "invalid_request"],
    [401, 502, "upstream_unauthorized"],
    [404, 502, "upstream_error"],
    [429, 503, "upstream_unavailable"],
  ] as const;
  it.for(refusals)(
    "passes on Harmony's refusal: %i",
    async ([harmony, status, code], { expect }) => {
      const spy = vi
        .spyOn(globalThis, "fetch")
        .mockImplementation(async () => Response.json({ message: "no" }, { status: harmony }));
      const made = await create({});
      spy.mockRestore();
      expect(made.json).toMatchObject({ status, code });
      expect(made.json["detail"]).not.toContain("may have been created");
    },
  );

  it("is not asked for again where the object is lost", async ({ expect }) => {
    let asked = 0;
    const spy = vi.spyOn(env.PAYMENT_METHODS, "getByName").mockImplementation(() => {
      asked += 1;
      throw Object.assign(new Error("reset"), { durableObjectReset: true, retryable: true });
    });
    const made = await create({});
    spy.mockRestore();
    expect(asked).toBe(1);
    expect(made.json).toMatchObject({ status: 502, code: "upstream_error", retry: "never" });
  });
});

describe("revoking a payment method", () => {
  const steps: readonly RevokeStep[] = [
    "approve",
    "pending",
    { kind: "pending", polls: 1, then: "ACTIVE" },
    "decline",
    { kind: "decline", as: 400 },
    { kind: "decline", as: 402 },
    { kind: "decline", as: 404 },
    { kind: "decline", as: 422 },
    { kind: "lose_reply_after_revoking", how: "reset" },
    { kind: "lose_reply_after_revoking", how: "hang" },
    { kind: "lose_reply_after_revoking", how: "truncate" },
    { kind: "lose_before_revoking", how: "reset" },
    { kind: "lose_before_revoking", how: "hang" },
    { kind: "lose_before_revoking", how: "truncate" },
    { kind: "error_after_revoking", status: 500 },
    { kind: "error_after_revoking", status: 404 },
    { kind: "error_after_revoking", status: 400 },
    { kind: "error_before_revoking", status: 503 },
    "error_naming_payment",
    "garbage_after_revoking",
    "html_after_revoking",
    "unknown_status_after_revoking",
    "approve_with_known_id",
    { kind: "redirect", status: 307 },
    { kind: "redirect", status: 303 },
    { kind: "refuse", status: 429, retryAfter: 7 },
    { kind: "refuse", status: 401 },
    { kind: "refuse", status: 403, body: "no" },
    { kind: "refuse", status: 409 },
    { kind: "late", revokeAfterMs: 100 },
    { kind: "late", revokeAfterMs: 2500 },
  ];
  it.for(steps)("ends with book and ledger equal: %j", async (step, { expect }) => {
    const id = await createMethod(sandbox);
    await setScenario(sandbox, id, { revokes: [step] });
    const first = await revoke(id);
    const status = await statusAtHarmony(id);
    let told: unknown = null;
    await soon(async () => {
      const [entry] = await entriesOf(id);
      told = entry?.["outcome"];
      expect(told).not.toBeUndefined();
    });
    // What the books say is true; only what they call unknown may be either.
    expect(
      told === "unknown" ? ["ACTIVE", "REVOKED"] : [told === "revoked" ? "REVOKED" : "ACTIVE"],
    ).toContain(status);
    expect(first.status === 200).toBe(told === "revoked");
    if (first.status === 200) {
      expect(first.json).toEqual({ id, status: "REVOKED" });
    }
    const again = await revoke(id);
    expect(again.status).toBe(200);
    expect(await statusAtHarmony(id)).toBe("REVOKED");
    await soon(async () => {
      const types = (await entriesOf(id)).map(({ type }) => type);
      expect(types).toEqual([
        first.status === 200 ? "method_revoked" : "method_revoke_failed",
        "method_revoked",
      ]);
    });
  });

  it("is final: revoked again it answers the same, and charges nothing", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const first = await revoke(id, "cobro_test_operator");
    const again = await revoke(id.toUpperCase());
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    const charged = await charge(id, newKey(), { amount: 5 });
    expect(charged.json).toMatchObject({
      code: "payment_method_not_active",
      paymentMethodStatus: "REVOKED",
      money: "not_charged",
    });
    expect((await book(sandbox, id)).payments).toEqual([]);
  });

  it("that Harmony refuses says what the method is", async ({ expect }) => {
    for (const status of ["PENDING", "EXPIRED"] as const) {
      const id = await createMethod(sandbox);
      await setMethodStatus(sandbox, id, status);
      const answer = await revoke(id);
      expect(answer.json).toMatchObject({
        status: 400,
        code: "payment_method_not_revocable",
        paymentMethodStatus: status,
        retry: "never",
      });
    }
    const unknown = await revoke(crypto.randomUUID());
    expect(unknown.json).toMatchObject({ status: 404, code: "payment_method_not_found" });
  });

  it("whose end cannot be read is not guessed", async ({ expect }) => {
    for (const [read, status] of [
      ["garbage", 502],
      ["foreign", 502],
      ["hang", 504],
    ] as const) {
      const id = await createMethod(sandbox);
      await setScenario(sandbox, id, { revokes: ["error_after_revoking"], reads: [read] });
      const answer = await revoke(id);
      expect(answer.status).toBe(status);
      expect(answer.json).toMatchObject({ code: "upstream_error", lastKnown: null });
      expect((await revoke(id)).status).toBe(200);
    }
  });

  it("that is never answered and never done says what is known", async ({ expect }) => {
    const id = await createMethod(sandbox);
    await setScenario(sandbox, id, {
      revokes: ["lose_before_revoking", "lose_before_revoking", "approve"],
    });
    const answer = await revoke(id);
    expect(answer.status).toBe(502);
    expect(answer.json).toMatchObject({ code: "upstream_error", lastKnown: { status: "ACTIVE" } });
    expect(await statusAtHarmony(id)).toBe("ACTIVE");
  });

  it("of a frozen method is done, and the doubt is still resolved", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    await setScenario(sandbox, id, {
      charges: [{ kind: "lose_reply_after_charging", how: "reset" }],
      looks: ["ok", "error"],
    });
    expect((await charge(id, key, { amount: 9 })).status).toBe(202);
    expect((await revoke(id)).status).toBe(200);
    await soon(async () => {
      expect((await charge(id, key, { amount: 9 })).status).toBe(201);
    });
    expect((await book(sandbox, id)).payments).toHaveLength(1);
  });

  it("needs the scope `manage`", async ({ expect }) => {
    const id = await createMethod(sandbox);
    await foreignPayment(sandbox, { paymentMethodId: id, amount: 5 });
    expect((await revoke(id, "cobro_test_storefront")).status).toBe(403);
    expect(await statusAtHarmony(id)).toBe("ACTIVE");
  });
});
