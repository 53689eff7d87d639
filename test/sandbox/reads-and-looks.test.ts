import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startSandbox } from "../../sandbox/server.ts";
import { book, createMethod, setMethodStatus, setScenario } from "../support/sandbox.ts";
import { ask, charge, severed } from "./harmony-client.ts";
import type { Sandbox } from "../../sandbox/server.ts";

let sandbox: Sandbox;
let url: string;
let id: string;
let paymentId: string;

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, stateDir: null });
  url = sandbox.url;
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  id = await createMethod(url, { externalId: "customer-7" });
  paymentId = String((await charge(url, id)).json["id"]);
});

describe("a read", () => {
  it("answers a payment with exactly the four fields", async () => {
    const answer = await ask(url, "GET", `/${id}/payment/${paymentId}`);
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      id: paymentId,
      status: "CONFIRMED",
      amount: 150.5,
      currency: "MXN",
    });
  });

  it("answers a payment method with the item of the list", async () => {
    const one = await ask(url, "GET", `/${id}`);
    const list = await ask(url, "GET", "?pageSize=1");
    expect(one.json).toMatchObject({ id, status: "ACTIVE", externalId: "customer-7" });
    expect(list.json).toMatchObject({ page: 1, pageSize: 1, items: [one.json] });
  });

  it("answers 404 to a payment of another method", async () => {
    const other = await createMethod(url);
    expect((await ask(url, "GET", `/${other}/payment/${paymentId}`)).status).toBe(404);
  });

  it.each(["payment", "payment method"])("of a %s fails as it was told", async (noun) => {
    const path = noun === "payment" ? `/${id}/payment/${paymentId}` : `/${id}`;
    await setScenario(url, id, {
      reads: ["ok", { kind: "error", status: 503 }, "garbage", "empty", "foreign", "reset", "hang"],
    });
    expect((await ask(url, "GET", path)).status).toBe(200);
    expect((await ask(url, "GET", path)).status).toBe(503);
    expect((await ask(url, "GET", path)).text).toBe('{"id":}{ not JSON');
    expect(await ask(url, "GET", path)).toMatchObject({ status: 200, text: "" });
    const foreign = await ask(url, "GET", path);
    expect(foreign.status).toBe(200);
    expect([id, paymentId]).not.toContain(foreign.json["id"]);
    expect(await severed("reset", url, "GET", path)).toEqual({ severed: "reset" });
    expect(await severed("hang", url, "GET", path)).toEqual({ severed: "hang" });
    expect((await ask(url, "GET", path)).status).toBe(200);
  });
});

describe("a body that says one member twice", () => {
  it("is a payment's, a payment method's, or that of a page's first item", async () => {
    const doubled = { kind: "doubled_member", member: "status" } as const;
    await setScenario(url, id, { reads: [doubled, doubled], looks: [doubled] });
    const payment = await ask(url, "GET", `/${id}/payment/${paymentId}`);
    expect(payment.text).toMatch(/"status":"CONFIRMED".*"status":"CANCELLED"}$/);
    const method = await ask(url, "GET", `/${id}`);
    expect(method.text).toMatch(/"status":"ACTIVE".*"status":"REVOKED"}$/);
    const page = await ask(url, "GET", `/${id}/payment`);
    expect(page.text).toMatch(/"items":\[{.*"status":"CONFIRMED".*"status":"CANCELLED"}\]}$/);
    expect(page.json).toMatchObject({ count: 1, items: [{ id: paymentId }] });
  });
});

describe("a look", () => {
  it("fails as it was told, then is normal", async () => {
    const path = `/${id}/payment`;
    await setScenario(url, id, {
      looks: [
        "ok",
        { kind: "error", status: 500 },
        "garbage",
        "empty",
        { kind: "foreign", amounts: [150.5, 9] },
        "reset",
        "hang",
      ],
    });
    const mine = await ask(url, "GET", path);
    expect(mine.json).toMatchObject({ count: 1, items: [{ id: paymentId }] });
    expect((await ask(url, "GET", path)).status).toBe(500);
    expect((await ask(url, "GET", path)).text).toBe('{"id":}{ not JSON');
    const empty = await ask(url, "GET", path);
    expect(empty.json).toEqual({ count: 0, page: 1, pageSize: 100, items: [] });
    const foreign = await ask(url, "GET", path);
    expect(foreign.json).toMatchObject({ count: 2, items: [{ amount: 150.5 }, { amount: 9 }] });
    expect(foreign.text).not.toContain(paymentId);
    expect(await severed("reset", url, "GET", path)).toEqual({ severed: "reset" });
    expect(await severed("hang", url, "GET", path)).toEqual({ severed: "hang" });
    expect((await ask(url, "GET", path)).json).toEqual(mine.json);
  });

  it("uses up no read, and a read uses up no look", async () => {
    await setScenario(url, id, { reads: ["error"], looks: ["error", "error"] });
    expect((await ask(url, "GET", `/${id}/payment`)).status).toBe(500);
    expect((await ask(url, "GET", `/${id}`)).status).toBe(500);
    expect((await ask(url, "GET", `/${id}`)).status).toBe(200);
    expect((await ask(url, "GET", `/${id}/payment`)).status).toBe(500);
  });
});

describe("every call", () => {
  it.each([
    ["GET", ""],
    ["POST", ""],
    ["GET", "/x"],
    ["DELETE", "/x"],
    ["POST", "/x/payment"],
    ["GET", "/x/payment"],
    ["GET", "/x/payment/y"],
    ["POST", "/x/payment/y/refund"],
    ["GET", "/x/nothing"],
  ])("%s %s needs the key", async (method, path) => {
    for (const key of [null, "another"]) {
      const answer = await ask(url, method, path, { key });
      expect(answer.status).toBe(401);
      expect(typeof answer.json["message"]).toBe("string");
    }
  });

  it.each([
    ["PUT", ""],
    ["POST", "/x"],
    ["DELETE", "/x/payment"],
    ["POST", "/x/payment/y"],
    ["GET", "/x/payment/y/refund"],
    ["POST", "/x/payment/y/refund/z"],
    ["GET", "/x/payments"],
  ])("%s %s is not found", async (method, path) => {
    expect((await ask(url, method, path)).status).toBe(404);
  });
});

describe("an idle connection", () => {
  it("is kept for minutes, so that none closes as a charge is sent on it", async () => {
    const { headers } = await ask(url, "GET", `/${id}`);
    expect(headers.get("keep-alive")).toBe("timeout=600");
  });
});

describe("the list of payment methods", () => {
  it("is paged, newest first, and filtered by status", async () => {
    await setMethodStatus(url, id, "EXPIRED");
    const newer = await createMethod(url, { status: "EXPIRED" });
    const query = "?status=EXPIRED&pageSize=1";
    const first = await ask(url, "GET", `${query}&page=1`);
    const second = await ask(url, "GET", `${query}&page=2`);
    expect(first.json).toMatchObject({ count: 2, page: 1, pageSize: 1, items: [{ id: newer }] });
    expect(second.json).toMatchObject({ count: 2, page: 2, items: [{ id }] });
  });

  it.each(["page=0", "page=x", "pageSize=0", "pageSize=501", "pageSize=1.5", "status=LOST"])(
    "refuses %s, as the history does",
    async (query) => {
      expect((await ask(url, "GET", `?${query}`)).status).toBe(400);
      expect((await ask(url, "GET", `/${id}/payment?${query}`)).status).toBe(400);
    },
  );
});

describe("saving a card", () => {
  it("creates a PENDING payment method that its checkout page makes ACTIVE", async () => {
    const answer = await ask(url, "POST", "", { body: { externalId: "customer-8" } });
    const saved = String(answer.json["id"]);
    expect(answer.status).toBe(201);
    expect(Object.keys(answer.json)).toEqual(["id", "checkoutUrl"]);
    expect((await charge(url, saved)).status).toBe(400);
    await fetch(String(answer.json["checkoutUrl"]));
    expect((await charge(url, saved)).status).toBe(201);
  });

  it.each([{ ttlMinutes: 0 }, { externalId: 5 }, [], "not JSON"])("refuses %j", async (body) => {
    expect((await ask(url, "POST", "", { body })).status).toBe(400);
  });

  it("counts each kind of call of a method apart", async () => {
    await ask(url, "GET", `/${id}`);
    await ask(url, "GET", `/${id}/payment`);
    await ask(url, "GET", `/${id}/payment`);
    await ask(url, "GET", `/${id}/payment/${paymentId}`);
    await ask(url, "POST", `/${id}/payment/${paymentId}/refund`);
    await ask(url, "DELETE", `/${id}`);
    expect((await book(url, id)).requests).toEqual({
      charge: 1,
      refund: 1,
      revoke: 1,
      read: 1,
      look: 2,
      method_read: 1,
      method_list: 0,
      method_create: 0,
      other: 0,
    });
  });
});
