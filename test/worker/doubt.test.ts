/**
 * The promises about lost and odd answers of Harmony, at the Worker's edge: never sent twice,
 * never called not charged while that is not known. The sandbox severs real sockets.
 */
import { describe, inject, it } from "vitest";
import {
  book,
  createMethod,
  foreignPayment,
  outage,
  setMethodStatus,
  setScenario,
} from "../support/sandbox.ts";
import type { ScenarioInput } from "../support/sandbox.ts";
import { after, charge, get, newKey, seedKeys } from "./support.ts";

const sandbox = inject("sandboxUrl");
await seedKeys();

type ChargeStep = NonNullable<ScenarioInput["charges"]>[number];

async function methodWith(...charges: ChargeStep[]): Promise<string> {
  const id = await createMethod(sandbox);
  await setScenario(sandbox, id, { charges });
  return id;
}

async function sentTo(id: string): Promise<number> {
  return (await book(sandbox, id)).requests.charge;
}

type Kind = readonly [string, ChargeStep];

describe("a reply that is lost after charging", () => {
  const kinds: readonly Kind[] = [
    ["a reset", { kind: "lose_reply_after_charging", how: "reset" }],
    ["a hang", { kind: "lose_reply_after_charging", how: "hang" }],
    ["a body cut off", { kind: "lose_reply_after_charging", how: "truncate" }],
    ["a 500", { kind: "error_after_charging", status: 500 }],
    ["a 503", { kind: "error_after_charging", status: 503 }],
    ["garbage", { kind: "garbage_after_charging" }],
    ["HTML", { kind: "html_after_charging" }],
    ["an unknown status", { kind: "unknown_status_after_charging" }],
    ["another amount", { kind: "wrong_amount_after_charging" }],
    ["an id already known", { kind: "approve_with_known_id" }],
    ["an error that names the payment", { kind: "error_naming_payment", status: 500 }],
  ];
  // A 4xx is an answer: what it names counts once a read has shown it.
  const refusal: Kind = ["a refusal that names it", { kind: "error_naming_payment", status: 400 }];
  for (const [name, kind] of [...kinds, refusal]) {
    it(`is found in the history within the request: ${name}`, async ({ expect }) => {
      const id = await methodWith("approve", kind);
      expect((await charge(id, newKey(), { amount: 5 })).status).toBe(201);
      const key = newKey();
      const answer = await charge(id, key, { amount: 77 });
      const made = (await book(sandbox, id)).payments.filter((payment) => payment.amount === 77);
      expect(made).toHaveLength(1);
      expect(answer.status).toBe(201);
      expect(answer.json["id"]).toBe(made[0]?.id);
      expect(answer.headers.get("cobro-money")).toBe("charged");
      expect((await charge(id, key, { amount: 77 })).text).toBe(answer.text);
      expect(await sentTo(id)).toBe(2);
    });
  }
  for (const [name, kind] of kinds) {
    it(`is in doubt where the history shows nothing: ${name}`, async ({ expect }) => {
      const id = await createMethod(sandbox);
      await setScenario(sandbox, id, {
        charges: ["approve", kind],
        looks: [
          "ok",
          ...Array.from({ length: 30 }, () => ({ kind: "error" as const, status: 500 })),
        ],
        reads: Array.from({ length: 30 }, () => ({ kind: "error" as const, status: 500 })),
      });
      await charge(id, newKey(), { amount: 5 });
      const key = newKey();
      const answer = await charge(id, key, { amount: 77 });
      expect(answer.status).toBe(202);
      expect(answer.json).toMatchObject({ status: "PENDING", amount: 77 });
      expect(answer.headers.get("cobro-money")).toBe("unknown");
      const again = await charge(id, key, { amount: 77 });
      expect(again.status).toBe(202);
      expect(again.headers.get("idempotent-replayed")).toBe("true");
      const other = await charge(id, newKey(), { amount: 1 });
      expect(other.status).toBe(409);
      expect(other.json).toMatchObject({ code: "payment_method_in_doubt", money: "not_charged" });
      const shown = await get(`/api/payment-method/${id}/charge?idempotencyKey=${key}`);
      expect(shown.json).toMatchObject({ state: "in_doubt", money: "unknown", methodFrozen: true });
      expect(await sentTo(id)).toBe(2);
    });
  }
});

describe("a request that is lost before charging", () => {
  for (const how of ["reset", "hang", "truncate"] as const) {
    it(`stays in doubt and is not sent again: ${how}`, async ({ expect }) => {
      const id = await methodWith({ kind: "lose_before_charging", how });
      const key = newKey();
      const answer = await charge(id, key, { amount: 33 });
      expect(answer.status).toBe(202);
      expect(answer.headers.get("cobro-money")).toBe("unknown");
      expect((await charge(id, key, { amount: 33 })).status).toBe(202);
      const chargeId = answer.headers.get("cobro-charge-id") ?? "";
      const polled = await get(`/api/payment-method/${id}/payment/${chargeId}`);
      expect(polled.json).toEqual({ id: chargeId, status: "PENDING", amount: 33, currency: "MXN" });
      expect(await sentTo(id)).toBe(1);
    });
  }

  it("does not follow a redirect, which would send the charge again", async ({ expect }) => {
    for (const status of [301, 302, 303, 307, 308] as const) {
      const id = await methodWith({ kind: "redirect", status });
      expect((await charge(id, newKey(), { amount: 12 })).status).toBe(202);
      expect((await book(sandbox, id)).payments).toHaveLength(0);
      expect(await sentTo(id)).toBe(1);
    }
  });

  it("adopts nothing where two new payments fit", async ({ expect }) => {
    const id = await methodWith("approve", { kind: "lose_before_charging", how: "hang" });
    await charge(id, newKey(), { amount: 5 });
    const key = newKey();
    const pending = charge(id, key, { amount: 44 });
    while ((await sentTo(id)) < 2) {
      // The request is on its way; the next look at the sandbox's book will show it.
    }
    await foreignPayment(sandbox, { paymentMethodId: id, amount: 44 });
    await foreignPayment(sandbox, { paymentMethodId: id, amount: 44 });
    expect((await pending).status).toBe(202);
    const shown = await get(`/api/payment-method/${id}/charge?idempotencyKey=${key}`);
    expect(shown.json).toMatchObject({ state: "in_doubt", escalated: true });
  });
});

describe("a charge that was not sent", () => {
  it("says so where Harmony rejects the gateway's own key, and charges when repeated", async ({
    expect,
  }) => {
    for (const status of [401, 403] as const) {
      const id = await methodWith({ kind: "refuse", status, body: { message: "no" } }, "approve");
      const key = newKey();
      const answer = await charge(id, key, { amount: 8 });
      expect(answer.status).toBe(502);
      expect(answer.json).toMatchObject({
        code: "upstream_unauthorized",
        money: "not_charged",
        retry: "same_key",
      });
      const again = await after(60_000, async () => charge(id, key, { amount: 8 }));
      expect(again.status).toBe(201);
      expect(again.headers.get("idempotent-replayed")).toBeNull();
      expect((await book(sandbox, id)).payments).toHaveLength(1);
      // Before the second attempt the history was looked at again.
      expect((await book(sandbox, id)).requests.look).toBe(2);
    }
  });

  it("passes on how long Harmony wants to be left alone", async ({ expect }) => {
    const id = await methodWith({
      kind: "refuse",
      status: 429,
      retryAfter: 17,
      body: { message: "slow" },
    });
    const answer = await charge(id, newKey(), { amount: 8 });
    expect(answer.status).toBe(503);
    expect(answer.json["code"]).toBe("upstream_unavailable");
    expect(answer.headers.get("retry-after")).toBe("17");
  });

  it("names the status of a payment method that is not active", async ({ expect }) => {
    const id = await createMethod(sandbox, { status: "REVOKED" });
    const answer = await charge(id, newKey(), { amount: 8 });
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({
      code: "payment_method_not_active",
      paymentMethodStatus: "REVOKED",
      money: "not_charged",
    });
  });

  it("charges a method under the same key once it has become active", async ({ expect }) => {
    const id = await createMethod(sandbox, { status: "PENDING" });
    const key = newKey();
    expect((await charge(id, key, { amount: 8 })).status).toBe(400);
    await setMethodStatus(sandbox, id, "ACTIVE");
    await after(60_000, async () => {
      expect((await charge(id, key, { amount: 8 })).status).toBe(201);
    });
  });

  it("binds a refusal of an active method, and none that could not be explained", async ({
    expect,
  }) => {
    const id = await methodWith({ kind: "decline", as: 400 }, { kind: "decline", as: 400 });
    await setScenario(sandbox, id, {
      charges: [
        { kind: "decline", as: 400 },
        { kind: "decline", as: 400 },
      ],
      reads: ["ok", { kind: "error", status: 500 }],
    });
    expect((await charge(id, newKey(), { amount: 8 })).json["code"]).toBe("charge_refused");
    const key = newKey();
    expect((await charge(id, key, { amount: 8 })).json["code"]).toBe("upstream_unavailable");
    await after(5000, async () => {
      expect((await charge(id, key, { amount: 8 })).status).toBe(201);
    });
  });

  it("says that Harmony does not know the method", async ({ expect }) => {
    const answer = await charge(crypto.randomUUID(), newKey(), { amount: 8 });
    expect(answer.status).toBe(404);
    expect(answer.json).toMatchObject({ code: "payment_method_not_found", money: "not_charged" });
  });

  it("sends nothing before a complete look, whatever is wrong with the history", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    await foreignPayment(sandbox, { paymentMethodId: id, amount: 3 });
    for (const history of [{ dropItem: true }]) {
      await setScenario(sandbox, id, { history });
      const answer = await charge(id, newKey(), { amount: 8 });
      expect(answer.status).toBe(503);
      expect(answer.json).toMatchObject({ code: "upstream_unavailable", money: "not_charged" });
    }
    for (const look of [
      { kind: "garbage" },
      { kind: "error", status: 500 },
      { kind: "reset" },
      { kind: "hang" },
    ] as const) {
      await setScenario(sandbox, id, { looks: [look] });
      expect((await charge(id, newKey(), { amount: 8 })).status).toBe(503);
    }
    expect(await sentTo(id)).toBe(0);
    await setScenario(sandbox, id, {});
    expect((await charge(id, newKey(), { amount: 8 })).status).toBe(201);
  });

  it("is withdrawn when its wait is over before its turn", async ({ expect }) => {
    const id = await methodWith("approve", { kind: "approve", latencyMs: 1400 });
    await charge(id, newKey(), { amount: 1 });
    const slow = charge(id, newKey(), { amount: 2 });
    while ((await sentTo(id)) < 2) {
      // Until the slow one holds the queue.
    }
    const key = newKey();
    const answer = await charge(id, key, { amount: 3 }, { prefer: "wait=1" });
    expect(answer.status).toBe(429);
    expect(answer.json).toMatchObject({
      code: "payment_method_busy",
      money: "not_charged",
      retry: "same_key",
    });
    expect((await slow).status).toBe(201);
    expect((await book(sandbox, id)).payments.map((payment) => payment.amount)).toEqual([1, 2]);
  });
});

describe("an outage of Harmony", () => {
  for (const mode of ["refuse", "hang", "error500"] as const) {
    it(`charges nothing and loses nothing: ${mode}`, async ({ expect }) => {
      const known = await methodWith("approve");
      await charge(known, newKey(), { amount: 5 });
      const fresh = await createMethod(sandbox);
      const [doubtful, unsent] = [newKey(), newKey()];
      await outage(sandbox, mode);
      const first = await charge(known, doubtful, { amount: 6 });
      const second = await charge(fresh, unsent, { amount: 6 });
      await outage(sandbox, "none");
      expect(first.status).toBe(202);
      expect(second.status).toBe(503);
      expect(second.headers.get("cobro-money")).toBe("not_charged");
      expect((await charge(fresh, unsent, { amount: 6 })).status).toBe(201);
      expect((await book(sandbox, known)).payments).toHaveLength(1);
    });
  }
});
