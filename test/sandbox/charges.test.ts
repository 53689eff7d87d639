/* oxlint-disable unicorn/no-thenable -- `then` is the scenario's own word */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startSandbox } from "../../sandbox/server.ts";
import { book, createMethod, foreignPayment, setScenario } from "../support/sandbox.ts";
import { ask, charge, severed } from "./harmony-client.ts";
import type { ChargeStepInput } from "../../sandbox/kinds.ts";
import type { Sandbox } from "../../sandbox/server.ts";
import type { PaymentView } from "../support/sandbox.ts";

let sandbox: Sandbox;
let url: string;

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, stateDir: null });
  url = sandbox.url;
});
afterAll(() => sandbox.close());

async function methodThat(...charges: ChargeStepInput[]): Promise<string> {
  const id = await createMethod(url);
  await setScenario(url, id, { charges });
  return id;
}

async function paymentsOf(id: string): Promise<PaymentView[]> {
  return (await book(url, id)).payments;
}

describe("a charge without a scenario", () => {
  it("answers 201 with exactly the four fields and makes the payment", async () => {
    const id = await createMethod(url);
    const answer = await charge(url, id, { description: "Order 1" });
    const [payment] = await paymentsOf(id);
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      id: payment?.id,
      status: "CONFIRMED",
      amount: 150.5,
      currency: "MXN",
    });
    expect(payment).toMatchObject({
      paymentMethodId: id,
      amount: 150.5,
      amountMinor: 15_050,
      description: "Order 1",
      origin: "charge",
      statusHistory: [{ status: "CONFIRMED", at: payment?.createdAt }],
    });
  });

  it("charges twice for two identical requests, whatever their Idempotency-Key", async () => {
    const id = await createMethod(url);
    for (const _ of [1, 2]) {
      await fetch(`${url}/api/payment-method/${id}/payment`, {
        method: "POST",
        headers: { "x-api-key": "sandbox", "idempotency-key": "one-key" },
        body: JSON.stringify({ amount: 10 }),
      });
    }
    expect(await paymentsOf(id)).toHaveLength(2);
  });

  it.each([
    ["an amount below one peso", { amount: 0.99 }],
    ["an amount with three decimals", { amount: 1.005 }],
    ["an amount that is text", { amount: "10" }],
    ["no amount", { amount: undefined }],
    ["another currency", { currency: "USD" }],
    ["a description that is no text", { description: 7 }],
  ])("answers 400 to %s and charges nothing", async (_, body) => {
    const id = await createMethod(url);
    const answer = await charge(url, id, body);
    expect(answer.status).toBe(400);
    expect(typeof answer.json["message"]).toBe("string");
    expect(await paymentsOf(id)).toEqual([]);
  });

  it.each(["PENDING", "EXPIRED", "REVOKED"] as const)(
    "answers 400 on a payment method that is %s",
    async (status) => {
      const id = await createMethod(url, { status });
      expect((await charge(url, id)).status).toBe(400);
      expect(await paymentsOf(id)).toEqual([]);
    },
  );

  it("answers 404 on a payment method that does not exist", async () => {
    expect((await charge(url, "00000000-0000-4000-8000-000000000000")).status).toBe(404);
  });
});

describe("a charge that is answered", () => {
  it("approves after the given latency", async () => {
    const id = await methodThat({ kind: "approve", latencyMs: 120 });
    const startedAt = performance.now();
    expect((await charge(url, id)).status).toBe(201);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(115);
  });

  it("declines as 2xx CANCELLED and keeps the cancelled payment", async () => {
    const id = await methodThat("decline");
    const answer = await charge(url, id);
    expect(answer).toMatchObject({ status: 201, json: { status: "CANCELLED" } });
    expect(await paymentsOf(id)).toMatchObject([{ status: "CANCELLED", id: answer.json["id"] }]);
  });

  it.each([400, 402, 404, 422] as const)("declines as %i and charges nothing", async (as) => {
    const id = await methodThat({ kind: "decline", as });
    expect((await charge(url, id)).status).toBe(as);
    expect(await paymentsOf(id)).toEqual([]);
  });

  it.each(["CONFIRMED", "CANCELLED"] as const)(
    "pends, and is %s at the poll it was told",
    async (then) => {
      const id = await methodThat({ kind: "pending", polls: 2, then });
      const { json } = await charge(url, id);
      expect(json["status"]).toBe("PENDING");
      const poll = async () => (await ask(url, "GET", `/${id}/payment/${String(json["id"])}`)).json;
      expect((await poll())["status"]).toBe("PENDING");
      expect((await poll())["status"]).toBe(then);
      expect((await poll())["status"]).toBe(then);
      const [payment] = await paymentsOf(id);
      expect(payment?.statusHistory.map(({ status }) => status)).toEqual(["PENDING", then]);
    },
  );

  it("charges the right amount and answers another", async () => {
    const id = await methodThat("wrong_amount_after_charging");
    expect((await charge(url, id)).json["amount"]).toBe(151.5);
    expect(await paymentsOf(id)).toMatchObject([{ amount: 150.5 }]);
  });

  it("charges and answers a status that nobody documents", async () => {
    const id = await methodThat("unknown_status_after_charging");
    expect((await charge(url, id)).json["status"]).toBe("UNDER_REVIEW");
    expect(await paymentsOf(id)).toMatchObject([{ status: "CONFIRMED" }]);
  });

  it("charges anew and answers with the id of the payment before", async () => {
    const id = await methodThat("approve", "approve_with_known_id");
    const first = await charge(url, id);
    const second = await charge(url, id);
    expect(second).toMatchObject({ status: 201, json: { id: first.json["id"] } });
    expect(await paymentsOf(id)).toHaveLength(2);
  });

  it("answers with another method's payment where its own has none before", async () => {
    const other = await createMethod(url);
    const foreign = await foreignPayment(url, { paymentMethodId: other, amount: 5 });
    const id = await methodThat("approve_with_known_id");
    expect((await charge(url, id)).json["id"]).toBe(foreign.id);
  });

  it("charges and answers what is not JSON", async () => {
    const id = await methodThat("garbage_after_charging", "html_after_charging");
    const [garbage, html] = [await charge(url, id), await charge(url, id)];
    expect(() => JSON.parse(garbage.text) as unknown).toThrow(SyntaxError);
    expect(garbage.headers.get("content-type")).toContain("application/json");
    expect(html.text).toMatch(/^<!doctype html>/);
    expect(html.headers.get("content-type")).toBe("text/html");
    expect(await paymentsOf(id)).toHaveLength(2);
  });
});

describe("a charge whose answer misleads", () => {
  it("says one member twice, the true value first or last", async () => {
    const id = await methodThat("doubled_member_after_charging", {
      kind: "doubled_member_after_charging",
      member: "id",
      wrong: "first",
    });
    const [status, named] = [await charge(url, id), await charge(url, id)];
    const payments = await paymentsOf(id);
    expect(status.text).toMatch(/"status":"CONFIRMED".*"status":"CANCELLED"}$/);
    expect(named.text.startsWith(`{"id":"${payments[0]?.id}","id":"${payments[1]?.id}"`)).toBe(
      true,
    );
    expect(payments.map((payment) => payment.status)).toEqual(["CONFIRMED", "CONFIRMED"]);
  });

  it("spells the id in capitals, and the history does not", async () => {
    const id = await methodThat("approve_in_capitals");
    const answer = await charge(url, id);
    const [payment] = await paymentsOf(id);
    expect(answer.json["id"]).toBe(payment?.id.toUpperCase());
    expect(payment?.id).not.toBe(payment?.id.toUpperCase());
    const read = await ask(url, "GET", `/${id}/payment/${String(answer.json["id"])}`);
    expect(read.json["id"]).toBe(payment?.id);
  });

  it("is that of the charge before, also where nobody got to read it", async () => {
    const late = "answer_of_the_charge_before";
    const id = await methodThat({ kind: "decline", as: 402 }, late, late);
    const [, second, third] = [await charge(url, id), await charge(url, id), await charge(url, id)];
    const [payment] = await paymentsOf(id);
    expect([second?.status, third?.status]).toEqual([402, 201]);
    expect(third?.json["id"]).toBe(payment?.id);
    expect(await paymentsOf(id)).toHaveLength(2);
  });
});

describe("a charge that is refused and leaves payments behind", () => {
  it("leaves those that it was told to, and shows what holds money later", async () => {
    const id = await methodThat({
      kind: "refuse_leaving_payments",
      status: 402,
      leaves: ["CANCELLED", "CONFIRMED"],
      shownAfterMs: 60_000,
    });
    expect((await charge(url, id)).status).toBe(402);
    const history = await ask(url, "GET", `/${id}/payment`);
    expect(history.json["items"]).toMatchObject([{ status: "CANCELLED" }]);
    expect(await paymentsOf(id)).toMatchObject([{ status: "CANCELLED" }, { status: "CONFIRMED" }]);
  });

  it("names nothing, the request, or a payment, where it was told to", async () => {
    const leaving = { kind: "refuse_leaving_payments", status: 422 } as const;
    const id = await methodThat(
      leaving,
      { ...leaving, leaves: [], names: "request_id", as: "paymentId" },
      { ...leaving, names: "made", as: "payment.id" },
      { ...leaving, leaves: [], names: "known" },
      { ...leaving, leaves: [], names: "not_a_uuid" },
    );
    const told: unknown[] = [];
    for (let index = 0; index < 5; index += 1) {
      told.push((await charge(url, id)).json);
    }
    const [, made] = await paymentsOf(id);
    expect(told).toEqual([
      { message: "refused" },
      { message: "refused", paymentId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown },
      { message: "refused", payment: { id: made?.id } },
      { message: "refused", id: made?.id },
      { message: "refused", id: "req-8842-attempt-1" },
    ]);
  });
});

describe("a charge that ends in an error", () => {
  it("has charged, or has not, as it was told", async () => {
    const id = await methodThat(
      { kind: "error_after_charging", status: 503 },
      { kind: "error_before_charging", status: 502 },
    );
    expect((await charge(url, id)).status).toBe(503);
    expect(await paymentsOf(id)).toHaveLength(1);
    expect((await charge(url, id)).status).toBe(502);
    expect(await paymentsOf(id)).toHaveLength(1);
  });

  it("names the payment that it made all the same", async () => {
    const id = await methodThat({ kind: "error_naming_payment", status: 409 });
    const answer = await charge(url, id);
    const [payment] = await paymentsOf(id);
    expect(answer.status).toBe(409);
    expect(answer.json["id"]).toBe(payment?.id);
  });

  it("refuses with the status, Retry-After and body it was told, and charges nothing", async () => {
    const id = await methodThat(
      { kind: "refuse", status: 429, retryAfter: 7, body: { reason: "slow down" } },
      { kind: "refuse", status: 403, body: "forbidden" },
      "refuse",
    );
    const [json, text, plain] = [
      await charge(url, id),
      await charge(url, id),
      await charge(url, id),
    ];
    expect(json).toMatchObject({ status: 429, json: { reason: "slow down" } });
    expect(json.headers.get("retry-after")).toBe("7");
    expect(text).toMatchObject({ status: 403, text: "forbidden" });
    expect(plain).toMatchObject({ status: 429, json: { message: "refused" } });
    expect(await paymentsOf(id)).toEqual([]);
  });

  it.each([301, 302, 303, 307, 308] as const)("redirects with %i", async (status) => {
    const id = await methodThat({ kind: "redirect", status });
    const answer = await charge(url, id);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("location")).toBe(`/api/payment-method/${id}/payment?redirected=1`);
    expect(await paymentsOf(id)).toEqual([]);
  });

  it("charges a client that follows the redirect, and uses no further step up for it", async () => {
    const id = await methodThat("redirect", "decline");
    const response = await fetch(`${url}/api/payment-method/${id}/payment`, {
      method: "POST",
      headers: { "x-api-key": "sandbox" },
      body: JSON.stringify({ amount: 10 }),
    });
    expect(response.status).toBe(201);
    expect(await paymentsOf(id)).toMatchObject([{ status: "CONFIRMED" }]);
    expect((await charge(url, id)).json["status"]).toBe("CANCELLED");
  });
});

describe("a charge whose connection is severed", () => {
  const hows = [
    ["reset", { severed: "reset" }],
    ["hang", { severed: "hang" }],
    ["truncate", { severed: "truncated", status: 201 }],
  ] as const;

  it.each(hows)("by %s has charged where the reply is lost", async (how, seen) => {
    const id = await methodThat({ kind: "lose_reply_after_charging", how });
    expect(await severed(how, url, "POST", `/${id}/payment`, { amount: 10 })).toEqual(seen);
    expect(await paymentsOf(id)).toMatchObject([{ status: "CONFIRMED", amount: 10 }]);
  });

  it.each(hows)("by %s has charged nothing where the request is lost", async (how, seen) => {
    const id = await methodThat({ kind: "lose_before_charging", how });
    expect(await severed(how, url, "POST", `/${id}/payment`, { amount: 10 })).toEqual(seen);
    expect(await paymentsOf(id)).toEqual([]);
  });

  it("is made later, after the client has given up", async () => {
    const id = await methodThat({ kind: "late", chargeAfterMs: 1200 });
    const lost = await severed("hang", url, "POST", `/${id}/payment`, {
      amount: 10,
      description: "late",
    });
    expect(lost).toEqual({ severed: "hang" });
    const { payments, exchanges } = await vi.waitFor(
      async () => {
        const seen = await book(url, id);
        expect(seen.payments).toHaveLength(1);
        return seen;
      },
      { timeout: 10_000 },
    );
    expect(payments).toMatchObject([{ origin: "late", description: "late", amount: 10 }]);
    expect(exchanges).toMatchObject([{ step: "late", ended: "abandoned" }]);
    expect(Date.parse(payments[0]?.createdAt ?? "")).toBeGreaterThan(exchanges[0]?.endedAt ?? 0);
  });

  it("leaves the next charge on a good connection", async () => {
    const id = await methodThat("lose_reply_after_charging");
    await severed("reset", url, "POST", `/${id}/payment`, { amount: 10 });
    expect((await charge(url, id)).status).toBe(201);
  });
});

describe("a scenario", () => {
  it("is used up one request at a time, then all is normal", async () => {
    const id = await methodThat({ kind: "decline", as: 402 }, "decline");
    const seen = [];
    for (const _ of [1, 2, 3, 4]) {
      const { status, json } = await charge(url, id);
      seen.push([status, json["status"]]);
    }
    expect(seen).toEqual([
      [402, undefined],
      [201, "CANCELLED"],
      [201, "CONFIRMED"],
      [201, "CONFIRMED"],
    ]);
  });

  it("comes before a standing behaviour, which never ends", async () => {
    const id = await createMethod(url, { standing: { kind: "decline", as: 402 } });
    await setScenario(url, id, { charges: ["approve"] });
    const statuses = [];
    for (const _ of [1, 2, 3]) {
      statuses.push((await charge(url, id)).status);
    }
    expect(statuses).toEqual([201, 402, 402]);
  });
});

describe("the test cards", () => {
  const card = (end: string): string => `aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeee${end}`;

  it("approve and decline", async () => {
    expect((await charge(url, card("eee"))).json["status"]).toBe("CONFIRMED");
    expect((await charge(url, card("001"))).json["status"]).toBe("CANCELLED");
  });

  it("confirm a pending charge at the third poll", async () => {
    const { json } = await charge(url, card("002"));
    const polled = [];
    for (const _ of [1, 2, 3]) {
      const poll = await ask(url, "GET", `/${card("002")}/payment/${String(json["id"])}`);
      polled.push(poll.json["status"]);
    }
    expect([json["status"], ...polled]).toEqual(["PENDING", "PENDING", "PENDING", "CONFIRMED"]);
  });

  it("lose every reply after charging, and every request before it", async () => {
    for (const _ of [1, 2]) {
      for (const end of ["003", "004"]) {
        const lost = await severed("reset", url, "POST", `/${card(end)}/payment`, { amount: 10 });
        expect(lost).toEqual({ severed: "reset" });
      }
    }
    expect(await paymentsOf(card("003"))).toHaveLength(2);
    expect(await paymentsOf(card("004"))).toHaveLength(0);
  });

  it("have a revoked one", async () => {
    expect((await charge(url, card("005"))).status).toBe(400);
    expect((await ask(url, "GET", `/${card("005")}`)).json["status"]).toBe("REVOKED");
  });
});
