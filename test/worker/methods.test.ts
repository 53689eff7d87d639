/**
 * The promises of the calls about payment methods, at the Worker's edge against the real sandbox:
 * Harmony's own shapes, checked both ways; and that what was done is on the books.
 */
import { describe, inject, it, vi } from "vitest";
import { createMethod, foreignPayment, setScenario } from "../support/sandbox.ts";
import { charge, get, newKey, seedKeys } from "./support.ts";

const sandbox = inject("sandboxUrl");
await seedKeys();

type Entry = Record<string, unknown> & { detail: Record<string, unknown> | null };

/** The entries of a chain by now, all types or one. */
async function entries(id: string, type?: string): Promise<Entry[]> {
  const filter = type === undefined ? "" : `&type=${type}`;
  const { json } = await get(`/ledger/entries?paymentMethodId=${id}${filter}`);
  return json["entries"] as Entry[];
}

describe("the history", () => {
  it("is Harmony's page, and on the books", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const made = await charge(id, newKey(), { amount: 15 });
    await setScenario(sandbox, id, { history: { fields: "full" } });
    const path = `/api/payment-method/${id}/payment`;
    const page = await get(`${path}?page=1&pageSize=1&status=CONFIRMED`, "cobro_test_storefront");
    expect(page.status).toBe(200);
    expect(page.headers.get("cobro-money")).toBeNull();
    expect(page.json).toMatchObject({
      count: 1,
      page: 1,
      pageSize: 1,
      items: [{ id: made.json["id"], amount: 15, createdAt: expect.any(String) as string }],
    });
    expect((await get(`${path}?page=2`)).json["items"]).toEqual([]);
    await vi.waitFor(
      async () => {
        const read = (await entries(id, "looked")).filter((e) => e.detail?.["purpose"] === "read");
        expect(read).toMatchObject([
          { outcome: "incomplete", caller: "main", detail: { why: "one_page", payments: 1 } },
          { outcome: "incomplete", caller: "main", detail: { why: "one_page", payments: 0 } },
        ]);
      },
      { timeout: 10_000, interval: 50 },
    );
  });

  it.for([
    ["page=0", "page"],
    ["page=1.5", "page"],
    ["page=", "page"],
    ["page=1&page=2", "page"],
    ["pageSize=0", "pageSize"],
    ["pageSize=501", "pageSize"],
    ["pageSize=ten", "pageSize"],
    ["status=PAID", "status"],
    ["limit=10", "limit"],
  ])("takes no query that Harmony does not know: %s", async ([query, pointer], { expect }) => {
    const id = await createMethod(sandbox);
    const answer = await get(`/api/payment-method/${id}/payment?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ code: "invalid_request", errors: [{ pointer }] });
  });

  it("needs the scope `read`, and a payment method that Harmony knows", async ({ expect }) => {
    const id = await createMethod(sandbox);
    expect((await get(`/api/payment-method/${id}/payment`, "cobro_test_auditor")).status).toBe(403);
    const unknown = await get(`/api/payment-method/${crypto.randomUUID()}/payment`);
    expect(unknown.status).toBe(404);
    expect(unknown.json).toMatchObject({ code: "payment_method_not_found" });
  });

  it("is never nonsense: what does not parse is Harmony's error", async ({ expect }) => {
    const id = await createMethod(sandbox);
    for (const [step, status] of [
      ["garbage", 502],
      [{ kind: "error", status: 500 }, 502],
      ["reset", 502],
      ["hang", 504],
    ] as const) {
      await setScenario(sandbox, id, { looks: [step] });
      const answer = await get(`/api/payment-method/${id}/payment`);
      expect(answer.status).toBe(status);
      expect(answer.json).toMatchObject({ code: "upstream_error", lastKnown: null });
    }
  });

  it("read while a charge is in doubt does not lose its payment", async ({ expect }) => {
    const id = await createMethod(sandbox);
    await setScenario(sandbox, id, {
      charges: [{ kind: "lose_reply_after_charging", how: "hang" }],
    });
    const key = newKey();
    const charging = charge(id, key, { amount: 15 });
    await vi.waitFor(
      async () => {
        const { json } = await get(`/api/payment-method/${id}/payment`);
        expect(json["items"]).toHaveLength(1);
      },
      { timeout: 5000, interval: 20 },
    );
    const answer = await charging;
    expect(answer.status).toBe(201);
    expect(answer.headers.get("cobro-money")).toBe("charged");
  });

  it("that shows a stranger's payment reports it", async ({ expect }) => {
    const id = await createMethod(sandbox);
    await charge(id, newKey(), { amount: 1 });
    const foreign = await foreignPayment(sandbox, { paymentMethodId: id, amount: 15 });
    await get(`/api/payment-method/${id}/payment`);
    await vi.waitFor(
      async () =>
        expect(await entries(id, "payment_unattributed")).toMatchObject([
          { paymentId: foreign.id, effectMinor: 0 },
        ]),
      { timeout: 10_000, interval: 50 },
    );
  });
});
