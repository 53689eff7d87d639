/**
 * The promises of the calls about payment methods, at the Worker's edge against the real sandbox:
 * Harmony's own shapes, checked both ways; and that what was done is on the books.
 */
import { describe, inject, it, vi } from "vitest";
import { createMethod, foreignPayment, setMethodStatus, setScenario } from "../support/sandbox.ts";
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
  ])("takes no query that Harmony does not know: %s", async ([query, parameter], { expect }) => {
    const id = await createMethod(sandbox);
    const answer = await get(`/api/payment-method/${id}/payment?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ code: "invalid_request", errors: [{ parameter }] });
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

  it("that shows a stranger's payment has the next look report it", async ({ expect }) => {
    const id = await createMethod(sandbox);
    await charge(id, newKey(), { amount: 1 });
    const foreign = await foreignPayment(sandbox, { paymentMethodId: id, amount: 15 });
    await get(`/api/payment-method/${id}/payment`);
    // A page gives a payment to nobody and takes it from nobody: the look before the next charge does.
    await charge(id, newKey(), { amount: 2 });
    await vi.waitFor(
      async () =>
        expect(await entries(id, "payment_unattributed")).toMatchObject([
          { paymentId: foreign.id, effectMinor: 0 },
        ]),
      { timeout: 10_000, interval: 50 },
    );
  });
});

describe("a payment method", () => {
  it("is read as Harmony has it, with `manage` or `read`", async ({ expect }) => {
    const id = await createMethod(sandbox, { externalId: "customer-7" });
    for (const key of ["cobro_test_manager", "cobro_test_storefront"]) {
      const answer = await get(`/api/payment-method/${id.toUpperCase()}`, key);
      expect(answer.status).toBe(200);
      expect(answer.json).toMatchObject({
        id,
        status: "ACTIVE",
        externalId: "customer-7",
        card: { lastFourDigits: "4242" },
      });
      expect(answer.headers.get("cobro-money")).toBeNull();
    }
    expect((await get(`/api/payment-method/${id}`, "cobro_test_auditor")).status).toBe(403);
  });

  it("that Harmony does not know is not found; one that it cannot read is an error", async ({
    expect,
  }) => {
    const unknown = await get(`/api/payment-method/${crypto.randomUUID()}`);
    expect(unknown.status).toBe(404);
    expect(unknown.json).toMatchObject({ code: "payment_method_not_found" });
    const id = await createMethod(sandbox);
    for (const [step, status, code] of [
      ["garbage", 502, "upstream_error"],
      ["empty", 502, "upstream_error"],
      ["foreign", 502, "upstream_error"],
      ["reset", 502, "upstream_error"],
      ["hang", 504, "upstream_error"],
      [{ kind: "error", status: 500 }, 502, "upstream_error"],
      [{ kind: "error", status: 401 }, 502, "upstream_unauthorized"],
      [{ kind: "error", status: 403 }, 502, "upstream_unauthorized"],
      // The last: for a minute this card is asked for nothing.
      [{ kind: "error", status: 429 }, 502, "upstream_error"],
    ] as const) {
      await setScenario(sandbox, id, { reads: [step] });
      const answer = await get(`/api/payment-method/${id}`);
      expect(answer.status).toBe(status);
      expect(answer.json).toMatchObject({ code, money: "unknown" });
    }
  });

  it("cannot be the gateway's own chain", async ({ expect }) => {
    const nil = "00000000-0000-0000-0000-000000000000";
    for (const path of [nil, `${nil}/payment`, `${nil}/charge?idempotencyKey=a`]) {
      const answer = await get(`/api/payment-method/${path}`);
      expect(answer.json).toMatchObject({ status: 404, code: "not_found" });
    }
  });
});

describe("the list of payment methods", () => {
  it("is Harmony's, by its own query", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const revoked = await createMethod(sandbox);
    await setMethodStatus(sandbox, revoked, "REVOKED");
    const all = await get("/api/payment-method?pageSize=500", "cobro_test_storefront");
    expect(all.status).toBe(200);
    expect(all.json).toMatchObject({ page: 1, pageSize: 500 });
    const statuses = new Map(
      (all.json["items"] as { id: string; status: string }[]).map((one) => [one.id, one.status]),
    );
    expect([statuses.get(id), statuses.get(revoked)]).toEqual(["ACTIVE", "REVOKED"]);
    const some = await get("/api/payment-method?status=REVOKED&pageSize=1&page=1");
    expect(some.json["items"]).toMatchObject([{ status: "REVOKED" }]);
    expect((await get("/api/payment-method", "cobro_test_auditor")).status).toBe(403);
  });

  it.for(["page=0", "pageSize=501", "status=CONFIRMED", "limit=5", "page=1&page=1"])(
    "takes no query that Harmony does not know: %s",
    async (query, { expect }) => {
      const answer = await get(`/api/payment-method?${query}`);
      expect(answer.json).toMatchObject({ status: 400, code: "invalid_request" });
    },
  );

  it("that Harmony does not give is an error that says so", async ({ expect }) => {
    const answers: readonly (readonly [() => Promise<Response>, number, string])[] = [
      [() => Promise.reject(new Error("Network connection lost.")), 502, "upstream_error"],
      [() => Promise.reject(new DOMException("late", "TimeoutError")), 504, "upstream_error"],
      [async () => Response.json({ items: [{ id: "x" }] }), 502, "upstream_error"],
      [
        async () => Response.json({ count: 1, items: [{ id: "x", status: "ACTIVE" }] }),
        502,
        "upstream_error",
      ],
      [async () => new Response("{}", { status: 500 }), 502, "upstream_error"],
      [async () => new Response("{}", { status: 404 }), 502, "upstream_error"],
      [async () => new Response("{}", { status: 403 }), 502, "upstream_unauthorized"],
    ];
    for (const [answer, status, code] of answers) {
      const spy = vi.spyOn(globalThis, "fetch").mockImplementationOnce(answer);
      const listed = await get("/api/payment-method");
      spy.mockRestore();
      expect(listed.status).toBe(status);
      expect(listed.json).toMatchObject({ code });
    }
  });
});
