import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { startSandbox } from "../../sandbox/server.ts";
import {
  book,
  createMethod,
  deletePayment,
  foreignPayment,
  outage,
  patchPayment,
  reset,
  setMethodStatus,
  setScenario,
} from "../support/sandbox.ts";
import { ask, charge, send, severed } from "./harmony-client.ts";
import type { Sandbox } from "../../sandbox/server.ts";

const APPROVING_CARD = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

let sandbox: Sandbox;
let url: string;

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, stateDir: null });
  url = sandbox.url;
});
afterAll(() => sandbox.close());
beforeEach(() => reset(url));

describe("the book", () => {
  it("holds every payment, or those of one method, oldest first", async () => {
    const [one, other] = [await createMethod(url), await createMethod(url)];
    await charge(url, one, { amount: 1 });
    await charge(url, other, { amount: 2 });
    await charge(url, one, { amount: 3 });
    const amounts = async (id?: string) =>
      (await book(url, id)).payments.map(({ amount }) => amount);
    expect(await amounts()).toEqual([1, 2, 3]);
    expect(await amounts(one)).toEqual([1, 3]);
  });

  it("takes a payment made behind everyone's back", async () => {
    const id = await createMethod(url, { status: "REVOKED" });
    const made = await foreignPayment(url, {
      paymentMethodId: id,
      amount: 0.5,
      status: "CANCELLED",
      description: "by phone",
    });
    expect(made).toMatchObject({ amountMinor: 50, origin: "foreign", description: "by phone" });
    expect((await book(url, id)).payments).toEqual([made]);
  });

  it("is altered by hand, which the status history shows", async () => {
    const id = await createMethod(url);
    const { json } = await charge(url, id);
    const paymentId = String(json["id"]);
    await patchPayment(url, paymentId, { status: "CANCELLED", amount: 9, description: null });
    const read = await ask(url, "GET", `/${id}/payment/${paymentId}`);
    expect(read.json).toMatchObject({ status: "CANCELLED", amount: 9 });
    const [payment] = (await book(url, id)).payments;
    expect(payment?.statusHistory.map(({ status }) => status)).toEqual(["CONFIRMED", "CANCELLED"]);
    await deletePayment(url, paymentId);
    expect((await book(url, id)).payments).toEqual([]);
    expect((await ask(url, "GET", `/${id}/payment/${paymentId}`)).status).toBe(404);
    expect((await ask(url, "GET", `/${id}/payment`)).json["count"]).toBe(0);
  });

  it("changes a payment method by hand", async () => {
    const id = await createMethod(url);
    await setMethodStatus(url, id, "EXPIRED");
    expect((await ask(url, "GET", `/${id}`)).json["status"]).toBe("EXPIRED");
  });

  it("is emptied of everything but the test cards, which are as new", async () => {
    const id = await createMethod(url);
    await charge(url, id);
    await setScenario(url, APPROVING_CARD, { charges: ["decline"] });
    await setMethodStatus(url, APPROVING_CARD, "REVOKED");
    await reset(url);
    const empty = await book(url);
    expect(empty).toMatchObject({ payments: [], exchanges: [], requests: { charge: 0 } });
    expect(empty.paymentMethods).toHaveLength(6);
    expect((await charge(url, id)).status).toBe(404);
    expect((await charge(url, APPROVING_CARD)).json["status"]).toBe("CONFIRMED");
  });

  it("forgets a late charge when it is emptied", async () => {
    const id = await createMethod(url);
    await setScenario(url, id, { charges: [{ kind: "late", chargeAfterMs: 500 }] });
    await severed("hang", url, "POST", `/${id}/payment`, { amount: 10 });
    await reset(url);
    const later = await createMethod(url);
    await setScenario(url, later, { charges: [{ kind: "late", chargeAfterMs: 500 }] });
    await severed("hang", url, "POST", `/${later}/payment`, { amount: 10 });
    // The forgotten one would have come first.
    await vi.waitFor(
      async () => expect((await book(url)).payments).toMatchObject([{ paymentMethodId: later }]),
      10_000,
    );
  });
});

describe("the exchanges", () => {
  it("show that charges on one method followed each other", async () => {
    const id = await createMethod(url);
    for (const _ of [1, 2, 3]) {
      await charge(url, id);
    }
    const { exchanges, maxConcurrent } = await book(url, id);
    const seqs = exchanges.flatMap(({ beganSeq, endedSeq }) => [beganSeq, endedSeq ?? Infinity]);
    expect(seqs).toHaveLength(6);
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    expect(exchanges).toMatchObject(
      [1, 2, 3].map(() => ({ kind: "charge", ended: "answered", httpStatus: 201, step: null })),
    );
    expect(maxConcurrent.perMethod).toBe(1);
  });

  it("show how many charges were open at once, on one method and over all", async () => {
    const [one, other] = [await createMethod(url), await createMethod(url)];
    for (const id of [one, other]) {
      const hang = { kind: "lose_before_charging", how: "hang" } as const;
      await setScenario(url, id, { charges: [hang, hang] });
    }
    const givingUp = new AbortController();
    const open = [one, one, other].map(async (id) =>
      send(url, "POST", `/${id}/payment`, {
        body: { amount: 10 },
        signal: givingUp.signal,
      }).catch(() => null),
    );
    await vi.waitFor(async () => expect((await book(url)).exchanges).toHaveLength(3), 10_000);
    expect((await book(url)).exchanges.map(({ endedSeq }) => endedSeq)).toEqual([null, null, null]);
    givingUp.abort();
    await Promise.all(open);
    await vi.waitFor(async () => {
      const { exchanges } = await book(url);
      expect(exchanges.map(({ ended }) => ended)).toEqual(["abandoned", "abandoned", "abandoned"]);
    }, 10_000);
    await charge(url, one);
    expect((await book(url)).maxConcurrent).toEqual({ overall: 3, perMethod: 2 });
    expect((await book(url, one)).maxConcurrent.perMethod).toBe(2);
    expect((await book(url, other)).maxConcurrent.perMethod).toBe(1);
  });

  it("name the step that was played and how the exchange ended", async () => {
    const id = await createMethod(url);
    await setScenario(url, id, { charges: ["lose_reply_after_charging", "decline"] });
    await severed("reset", url, "POST", `/${id}/payment`, { amount: 10 });
    await charge(url, id);
    expect((await book(url, id)).exchanges).toMatchObject([
      { step: "lose_reply_after_charging", ended: "severed", httpStatus: null },
      { step: "decline", ended: "answered", httpStatus: 201 },
    ]);
  });
});

describe("an outage", () => {
  it.each([
    ["refuse", "reset"],
    ["hang", "hang"],
  ] as const)("to %s severs every call of Harmony and charges nothing", async (mode, how) => {
    const id = await createMethod(url);
    await setScenario(url, id, { charges: ["decline"] });
    await outage(url, mode);
    const seen = { severed: how };
    expect(await severed(how, url, "POST", `/${id}/payment`, { amount: 10 })).toEqual(seen);
    expect(await severed(how, url, "GET", `/${id}/payment`)).toEqual(seen);
    expect(await severed(how, url, "GET", `/${id}`)).toEqual(seen);
    await outage(url, "none");
    const { payments, requests, exchanges } = await book(url, id);
    expect(payments).toEqual([]);
    expect(requests).toMatchObject({ charge: 1, look: 1, method_read: 1 });
    expect(exchanges.map(({ step }) => step)).toEqual(["outage", "outage", "outage"]);
    expect((await charge(url, id)).json["status"]).toBe("CANCELLED");
  });

  it("of the history alone lets charges and reads go on", async () => {
    const id = await createMethod(url);
    await outage(url, "error500", ["look"]);
    const { json } = await charge(url, id);
    expect(json["status"]).toBe("CONFIRMED");
    expect((await ask(url, "GET", `/${id}/payment`)).status).toBe(500);
    expect((await ask(url, "GET", `/${id}/payment/${String(json["id"])}`)).status).toBe(200);
    await reset(url);
  });

  it("to error500 answers every call of Harmony with it, the key unseen", async () => {
    await outage(url, "error500");
    expect((await charge(url, APPROVING_CARD)).status).toBe(500);
    expect((await ask(url, "GET", "", { key: null })).status).toBe(500);
    await reset(url);
    expect((await charge(url, APPROVING_CARD)).status).toBe(201);
  });
});

describe("the control paths", () => {
  const ctl = async (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${url}/sandbox/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  it.each([
    ["POST", "payment-methods", { status: "LOST" }],
    ["POST", "payment-methods", { state: "ACTIVE" }],
    ["POST", "payment-methods", { standing: "explode" }],
    ["POST", "payments", { paymentMethodId: APPROVING_CARD }],
    ["POST", "payments", { paymentMethodId: APPROVING_CARD, amount: 1.005 }],
    ["PUT", "outage", { mode: "maybe" }],
    ["PUT", `payment-methods/${APPROVING_CARD}/scenario`, { charges: ["explode"] }],
    ["PUT", `payment-methods/${APPROVING_CARD}/scenario`, undefined],
  ])("answer 400 with a message to %s %s %j", async (method, path, body) => {
    const response = await ctl(method, path, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ message: expect.any(String) as string });
  });

  it.each([
    ["POST", "payments", { paymentMethodId: "nobody", amount: 1 }],
    ["PATCH", "payments/nobody", {}],
    ["DELETE", "payments/nobody", undefined],
    ["PUT", "payment-methods/nobody/scenario", {}],
    ["GET", "books", undefined],
    ["GET", "", undefined],
  ])("answer 404 to %s %s", async (method, path, body) => {
    expect((await ctl(method, path, body)).status).toBe(404);
  });
});
