/**
 * The promises of a refund at the Worker's edge, against the real sandbox over loopback: once,
 * replayed to the byte, told to one key. Each test has payment methods and keys of its own.
 */
import { describe, inject, it, vi } from "vitest";
import { book, createMethod, foreignPayment, setScenario } from "../support/sandbox.ts";
import { type Answered, charge, get, newKey, seedKeys, send } from "./support.ts";

const sandbox = inject("sandboxUrl");
await seedKeys();

interface Paid {
  readonly id: string;
  readonly paymentId: string;
  readonly chargeId: string;
}

async function paid(amount = 50): Promise<Paid> {
  const id = await createMethod(sandbox);
  const answer = await charge(id, newKey(), { amount });
  const chargeId = answer.headers.get("cobro-charge-id") ?? "";
  return { id, paymentId: String(answer.json["id"]), chargeId };
}

function pathOf({ id, paymentId }: Pick<Paid, "id" | "paymentId">): string {
  return `/api/payment-method/${id}/payment/${paymentId}/refund`;
}

async function refund(
  of: Pick<Paid, "id" | "paymentId">,
  key: string | null = newKey(),
  body: unknown = {},
  headers: Record<string, string> = {},
): Promise<Answered> {
  return send(pathOf(of), {
    method: "POST",
    headers: {
      "x-api-key": "cobro_test_storefront",
      "content-type": "application/json",
      ...(key === null ? {} : { "idempotency-key": key }),
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

async function refundsInBook(id: string): Promise<number> {
  const { payments } = await book(sandbox, id);
  return payments.filter(({ status }) => status === "REFUNDED").length;
}

describe("a refund", () => {
  it("refunds once and answers exactly Harmony's four fields", async ({ expect }) => {
    const made = await paid(12.5);
    const answer = await refund(made, newKey(), { reason: "returned" });
    expect(answer.status).toBe(201);
    expect(Object.keys(answer.json)).toEqual(["id", "status", "amount", "currency"]);
    expect(answer.json).toMatchObject({ id: made.paymentId, status: "REFUNDED", amount: 12.5 });
    expect(answer.headers.get("cobro-money")).toBe("refunded");
    expect(answer.headers.get("cobro-retry")).toBe("never");
    expect(answer.headers.get("cobro-charge-id")).toBe(made.chargeId);
    expect(answer.headers.get("cobro-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers.get("idempotent-replayed")).toBeNull();
    expect(answer.headers.get("server-timing")).toMatch(/^queue;dur=\d+, harmony;dur=\d+/);
    expect(answer.headers.get("location")).toMatch(
      new RegExp(`^${pathOf(made)}/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`),
    );
    expect(await refundsInBook(made.id)).toBe(1);
  });

  it("replays the answer of an answered key to the byte and says so", async ({ expect }) => {
    const made = await paid();
    const key = newKey();
    const first = await refund(made, key);
    const again = await refund({ ...made, paymentId: made.chargeId }, `"${key}"`);
    expect([again.status, again.text]).toEqual([201, first.text]);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    const charged = await get(`/api/payment-method/${made.id}/charge/${made.chargeId}`);
    expect(charged.json).toMatchObject({ state: "approved", money: "refunded" });
  });

  it("shows itself to its caller, under its payment and the charge's id, and to nobody else", async ({
    expect,
  }) => {
    const made = await paid();
    const key = newKey();
    const answer = await refund(made, key, { reason: "returned" });
    const location = answer.headers.get("location") ?? "";
    const shown = await get(location, "cobro_test_storefront");
    expect(shown.status).toBe(200);
    expect(shown.json).toMatchObject({
      refundId: location.split("/").at(-1),
      paymentMethodId: made.id,
      paymentId: made.paymentId,
      chargeId: made.chargeId,
      idempotencyKey: key,
      caller: "main",
      state: "refunded",
      money: "refunded",
      amount: 50,
      currency: "MXN",
      reason: "returned",
      payment: answer.json,
      resolvedBy: "reply",
      escalated: false,
      nextReadAt: null,
    });
    expect(shown.json["attempts"]).toMatchObject([
      { attempt: 1, outcome: "refunded", httpStatus: 201 },
    ]);
    const byCharge = location.replace(made.paymentId, made.chargeId);
    expect((await get(byCharge, "cobro_test_manager")).text).toBe(shown.text);
    expect((await get(location, "cobro_test_other")).status).toBe(404);
    expect((await get(location, "cobro_test_auditor")).status).toBe(403);
    const elsewhere = location.replace(made.paymentId, "another");
    expect((await get(elsewhere, "cobro_test_storefront")).status).toBe(404);
  });

  it("of a payment that was not charged here is possible too", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const { id: paymentId } = await foreignPayment(sandbox, { paymentMethodId: id, amount: 30 });
    const answer = await refund({ id, paymentId });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("cobro-charge-id")).toBeNull();
    expect(await refundsInBook(id)).toBe(1);
  });

  it("that Harmony made and never answered is told 201 to its key, and stands once in the book", async ({
    expect,
  }) => {
    const made = await paid();
    await setScenario(sandbox, made.id, { refunds: ["lose_reply_after_refunding"] });
    const key = newKey();
    const answer = await refund(made, key);
    expect(answer.status).toBe(201);
    expect((await refund(made, key)).text).toBe(answer.text);
    expect(await refundsInBook(made.id)).toBe(1);
    expect((await book(sandbox, made.id)).requests.refund).toBe(1);
  });

  it("in doubt is answered 202 with the payment as last known, and found by alarm", async ({
    expect,
  }) => {
    const made = await paid();
    const pending = { kind: "pending", polls: 2 } as const;
    await setScenario(sandbox, made.id, { refunds: [pending] });
    const key = newKey();
    const answer = await refund(made, key);
    expect(answer.status).toBe(202);
    expect(answer.json).toMatchObject({ id: made.paymentId, status: "CONFIRMED", amount: 50 });
    expect(answer.headers.get("cobro-money")).toBe("unknown");
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    const location = answer.headers.get("location") ?? "";
    expect((await get(location)).json).toMatchObject({ state: "in_doubt", money: "unknown" });
    const blocked = await refund(made);
    expect(blocked.status).toBe(409);
    expect(blocked.json).toMatchObject({ code: "payment_method_in_doubt", retry: "same_key" });
    await vi.waitFor(
      async () => expect((await get(location)).json).toMatchObject({ state: "refunded" }),
      { timeout: 20_000, interval: 300 },
    );
    const later = await refund(made, key);
    expect(later.status).toBe(201);
    expect(later.headers.get("idempotent-replayed")).toBe("true");
    expect((await book(sandbox, made.id)).requests.refund).toBe(1);
  });

  it("is made once for twenty keys at a time: one 201, nineteen told so", async ({ expect }) => {
    const made = await paid();
    const answers = await Promise.all(Array.from({ length: 20 }, async () => refund(made)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    const told = answers.filter(({ json }) => json["code"] === "payment_not_refundable");
    expect(told).toHaveLength(19);
    for (const { status, json, headers } of told) {
      expect(status).toBe(400);
      expect(json).toMatchObject({ money: "refunded", retry: "never", paymentStatus: "REFUNDED" });
      expect(headers.get("cobro-money")).toBe("refunded");
    }
    expect(await refundsInBook(made.id)).toBe(1);
    expect((await book(sandbox, made.id)).requests.refund).toBe(1);
  });

  it("is one line of the ledger that takes the money off, whoever asks how often", async ({
    expect,
  }) => {
    const made = await paid();
    const key = newKey();
    await refund(made, key, { reason: "returned" });
    await get(`/api/payment-method/${made.id}/payment/${made.paymentId}`);
    const path = `/ledger/entries?order=asc&paymentMethodId=${made.id}`;
    const types = ["refund_intended", "refund_answered", "polled"];
    const entries = await vi.waitFor(async () => {
      const list = (await get(path)).json["entries"] as Record<string, unknown>[];
      expect(list.map(({ type }) => type)).toEqual(expect.arrayContaining(types));
      return list;
    });
    const [intended, answered] = entries.filter(({ refundId }) => refundId !== null);
    expect(intended).toMatchObject({
      type: "refund_intended",
      chargeId: made.chargeId,
      idempotencyKey: key,
      amountMinor: 5000,
      effectMinor: 0,
      paymentId: made.paymentId,
      caller: "main",
    });
    expect(answered).toMatchObject({
      type: "refund_answered",
      outcome: "refunded",
      effectMinor: -5000,
      paymentStatus: "REFUNDED",
      httpStatus: 201,
    });
    expect(entries.reduce((sum, entry) => sum + Number(entry["effectMinor"]), 0)).toBe(0);
  });
});

describe("the key of a refund", () => {
  it("is shared with charges: operation and payment are compared", async ({ expect }) => {
    const made = await paid();
    const key = newKey();
    const first = await refund(made, key);
    expect(first.status).toBe(201);
    const charged = await charge(made.id, key, { amount: 5 });
    expect(charged.status).toBe(422);
    expect(charged.json).toMatchObject({
      code: "idempotency_key_reused",
      differing: ["operation"],
      money: "unknown",
    });
    const other = await charge(made.id, newKey(), { amount: 6 });
    const moved = await refund({ id: made.id, paymentId: String(other.json["id"]) }, key);
    expect(moved.json).toMatchObject({ differing: ["paymentId"], money: "unknown" });
    const chargeKey = newKey();
    await charge(made.id, chargeKey, { amount: 7 });
    const reused = await refund(made, chargeKey);
    expect(reused.json).toMatchObject({ differing: ["operation"], first: { amount: 7 } });
    expect(reused.headers.get("idempotent-replayed")).toBeNull();
    expect(await refundsInBook(made.id)).toBe(1);
  });

  it("is required and readable", async ({ expect }) => {
    const made = await paid();
    const missing = await refund(made, null);
    expect(missing.json).toMatchObject({ code: "idempotency_key_missing", money: "unknown" });
    expect((await refund(made, "a,b")).json).toMatchObject({ code: "idempotency_key_invalid" });
  });
});

describe("a refund's request", () => {
  it.for([
    ["of a reason too long", { reason: "x".repeat(251) }, "/reason"],
    ["with a control character", { reason: "line\nbreak" }, "/reason"],
    ["with half a character", { reason: "\ud800" }, "/reason"],
    ["whose reason is no text", { reason: 7 }, "/reason"],
    ["with an amount", { amount: 5 }, "/amount"],
    ["that is a list", "[]", ""],
    ["that is not JSON", "{", ""],
  ] as const)("%s is refused, with money unknown", async ([, body, pointer], { expect }) => {
    const answer = await refund({ id: crypto.randomUUID(), paymentId: "p" }, newKey(), body);
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({
      code: "invalid_request",
      money: "unknown",
      errors: [{ pointer }],
    });
  });

  it("may say nothing at all, as Harmony's clients do", async ({ expect }) => {
    const made = await paid();
    const answer = await send(pathOf(made), {
      method: "POST",
      headers: { "x-api-key": "cobro_test_storefront", "idempotency-key": newKey() },
    });
    expect(answer.status).toBe(201);
    const other = await paid();
    expect((await refund(other, newKey(), "x", { "content-type": "text/plain" })).status).toBe(415);
  });

  it("of a reason of 250 characters is taken", async ({ expect }) => {
    const answer = await refund(await paid(), newKey(), { reason: "ñ".repeat(250) });
    expect(answer.status).toBe(201);
  });

  it("needs the scope, a payment, and POST", async ({ expect }) => {
    const made = await paid();
    const forbidden = await refund(made, newKey(), {}, { "x-api-key": "cobro_test_other" });
    expect([forbidden.status, forbidden.json["money"]]).toEqual([403, "unknown"]);
    const unknown = await refund({ ...made, paymentId: crypto.randomUUID() });
    expect(unknown.json).toMatchObject({ status: 404, code: "payment_not_found" });
    expect((await refund({ ...made, paymentId: "no%20id" })).status).toBe(404);
    const read = await get(pathOf(made));
    expect([read.status, read.headers.get("allow")]).toEqual([405, "POST"]);
    expect(await refundsInBook(made.id)).toBe(0);
  });

  it("is not sent to a Harmony that cannot be read, where the payment is not on record", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    const { id: paymentId } = await foreignPayment(sandbox, { paymentMethodId: id, amount: 30 });
    await setScenario(sandbox, id, { reads: [{ kind: "error", status: 500 }] });
    const key = newKey();
    const answer = await refund({ id, paymentId }, key);
    expect(answer.json).toMatchObject({ status: 503, code: "upstream_unavailable" });
    expect((await refund({ id, paymentId }, key)).status).toBe(201);
  });
});
