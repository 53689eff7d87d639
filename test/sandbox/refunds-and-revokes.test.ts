/* oxlint-disable unicorn/no-thenable -- `then` is the scenario's own word */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startSandbox } from "../../sandbox/server.ts";
import { book, createMethod, foreignPayment, setScenario } from "../support/sandbox.ts";
import { ask, charge, severed } from "./harmony-client.ts";
import type { Sandbox } from "../../sandbox/server.ts";
import type { ScenarioInput } from "../support/sandbox.ts";
import type { Answered } from "./harmony-client.ts";

type RefundStep = NonNullable<ScenarioInput["refunds"]>[number];
type RevokeStep = NonNullable<ScenarioInput["revokes"]>[number];

let sandbox: Sandbox;
let url: string;

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, stateDir: null });
  url = sandbox.url;
});
afterAll(() => sandbox.close());

const severings = [
  ["reset", { severed: "reset" }],
  ["hang", { severed: "hang" }],
  ["truncate", { severed: "truncated" }],
] as const;

describe("a refund", () => {
  interface Refundable {
    id: string;
    paymentId: string;
    path: string;
  }

  async function refundableThat(...refunds: RefundStep[]): Promise<Refundable> {
    const id = await createMethod(url);
    const paymentId = String((await charge(url, id)).json["id"]);
    await setScenario(url, id, { refunds });
    return { id, paymentId, path: `/${id}/payment/${paymentId}/refund` };
  }

  async function statusOf({ id }: Refundable): Promise<string | undefined> {
    return (await book(url, id)).payments[0]?.status;
  }

  function refund({ path }: Refundable): Promise<Answered> {
    return ask(url, "POST", path, { body: { reason: "returned" } });
  }

  it("answers REFUNDED with the payment's own id, once", async () => {
    const payment = await refundableThat();
    const answer = await refund(payment);
    expect(answer).toMatchObject({ status: 201 });
    expect(answer.json).toEqual({
      id: payment.paymentId,
      status: "REFUNDED",
      amount: 150.5,
      currency: "MXN",
    });
    expect((await refund(payment)).status).toBe(400);
    const [kept] = (await book(url, payment.id)).payments;
    expect(kept?.statusHistory.map(({ status }) => status)).toEqual(["CONFIRMED", "REFUNDED"]);
  });

  it.each(["PENDING", "CANCELLED"] as const)("answers 400 to a %s payment", async (status) => {
    const id = await createMethod(url);
    const { id: paymentId } = await foreignPayment(url, { paymentMethodId: id, amount: 5, status });
    expect((await ask(url, "POST", `/${id}/payment/${paymentId}/refund`)).status).toBe(400);
  });

  it("answers 404 to a payment of another method", async () => {
    const { paymentId } = await refundableThat();
    const id = await createMethod(url);
    expect((await ask(url, "POST", `/${id}/payment/${paymentId}/refund`)).status).toBe(404);
  });

  it.each(severings)("is done where a %s loses the reply", async (how, seen) => {
    const payment = await refundableThat({ kind: "lose_reply_after_refunding", how });
    expect(await severed(how, url, "POST", payment.path, {})).toMatchObject(seen);
    expect(await statusOf(payment)).toBe("REFUNDED");
  });

  it.each(severings)("is not done where a %s loses the request", async (how, seen) => {
    const payment = await refundableThat({ kind: "lose_before_refunding", how });
    expect(await severed(how, url, "POST", payment.path, {})).toMatchObject(seen);
    expect(await statusOf(payment)).toBe("CONFIRMED");
  });

  it.each<[RefundStep, number]>([
    [{ kind: "error_after_refunding", status: 504 }, 504],
    [{ kind: "error_naming_payment", status: 500 }, 500],
    ["garbage_after_refunding", 201],
    ["html_after_refunding", 200],
    ["unknown_status_after_refunding", 201],
    ["wrong_amount_after_refunding", 201],
    ["approve_with_known_id", 201],
    [{ kind: "error_after_charging", status: 504 }, 504],
  ])("is done, and hidden by %j", async (step, status) => {
    const payment = await refundableThat(step);
    const answer = await refund(payment);
    expect(answer.status).toBe(status);
    const isPlain = answer.json["status"] === "REFUNDED" && answer.json["amount"] === 150.5;
    expect(isPlain && answer.json["id"] === payment.paymentId).toBe(false);
    expect(await statusOf(payment)).toBe("REFUNDED");
  });

  it.each<[RefundStep, number]>([
    [{ kind: "error_before_refunding", status: 503 }, 503],
    [{ kind: "decline", as: 422 }, 422],
    ["decline", 201],
    ["redirect", 307],
    [{ kind: "refuse", status: 429 }, 429],
  ])("is not done under %j", async (step, status) => {
    const payment = await refundableThat(step);
    const answer = await refund(payment);
    expect(answer.status).toBe(status);
    expect(answer.json["status"]).not.toBe("REFUNDED");
    expect(await statusOf(payment)).toBe("CONFIRMED");
  });

  it("pends until the poll it was told", async () => {
    const payment = await refundableThat({ kind: "pending", polls: 2 });
    expect((await refund(payment)).json["status"]).toBe("PENDING");
    const polled = [];
    for (const _ of [1, 2]) {
      polled.push((await ask(url, "GET", `/${payment.id}/payment/${payment.paymentId}`)).json);
    }
    expect(polled).toMatchObject([{ status: "CONFIRMED" }, { status: "REFUNDED" }]);
  });

  it("is done later", async () => {
    const payment = await refundableThat({ kind: "late", refundAfterMs: 500 });
    expect(await severed("hang", url, "POST", payment.path, {})).toEqual({ severed: "hang" });
    await vi.waitFor(async () => expect(await statusOf(payment)).toBe("REFUNDED"), 10_000);
  });
});

describe("a revoke", () => {
  async function methodThat(...revokes: RevokeStep[]): Promise<string> {
    const id = await createMethod(url);
    await setScenario(url, id, { revokes });
    return id;
  }

  async function statusOf(id: string): Promise<string | undefined> {
    return (await book(url, id)).paymentMethods[0]?.status;
  }

  it("answers 200, for good and once", async () => {
    const id = await methodThat();
    expect(await ask(url, "DELETE", `/${id}`)).toMatchObject({ status: 200, json: { id } });
    expect(await statusOf(id)).toBe("REVOKED");
    expect((await ask(url, "DELETE", `/${id}`)).status).toBe(400);
    expect((await charge(url, id)).status).toBe(400);
  });

  it.each(severings)("is done where a %s loses the reply", async (how, seen) => {
    const id = await methodThat({ kind: "lose_reply_after_revoking", how });
    expect(await severed(how, url, "DELETE", `/${id}`)).toMatchObject(seen);
    expect(await statusOf(id)).toBe("REVOKED");
  });

  it.each(severings)("is not done where a %s loses the request", async (how, seen) => {
    const id = await methodThat({ kind: "lose_before_revoking", how });
    expect(await severed(how, url, "DELETE", `/${id}`)).toMatchObject(seen);
    expect(await statusOf(id)).toBe("ACTIVE");
  });

  it.each<[RevokeStep, number]>([
    [{ kind: "error_after_revoking", status: 502 }, 502],
    ["error_naming_payment", 500],
    ["garbage_after_revoking", 200],
    ["html_after_revoking", 200],
    ["unknown_status_after_revoking", 200],
    ["approve_with_known_id", 200],
  ])("is done, and hidden by %j", async (step, status) => {
    const id = await methodThat(step);
    const answer = await ask(url, "DELETE", `/${id}`);
    expect(answer.status).toBe(status);
    expect(answer.json["status"] === "REVOKED" && answer.json["id"] === id).toBe(false);
    expect(await statusOf(id)).toBe("REVOKED");
  });

  it.each<[RevokeStep, number]>([
    ["error_before_revoking", 500],
    [{ kind: "decline", as: 400 }, 400],
    ["decline", 200],
    ["redirect", 307],
    ["refuse", 429],
  ])("is not done under %j", async (step, status) => {
    const id = await methodThat(step);
    const answer = await ask(url, "DELETE", `/${id}`);
    expect(answer.status).toBe(status);
    expect(answer.json["status"]).not.toBe("REVOKED");
    expect(await statusOf(id)).toBe("ACTIVE");
  });

  it.each(["REVOKED", "ACTIVE"] as const)("pends, then is %s", async (then) => {
    const id = await methodThat({ kind: "pending", polls: 2, then });
    expect((await ask(url, "DELETE", `/${id}`)).json["status"]).toBe("ACTIVE");
    expect((await ask(url, "GET", `/${id}`)).json["status"]).toBe("ACTIVE");
    expect((await ask(url, "GET", `/${id}`)).json["status"]).toBe(then);
    expect(await statusOf(id)).toBe(then);
  });

  it("is done later", async () => {
    const id = await methodThat({ kind: "late", revokeAfterMs: 500 });
    expect(await severed("hang", url, "DELETE", `/${id}`)).toEqual({ severed: "hang" });
    await vi.waitFor(async () => expect(await statusOf(id)).toBe("REVOKED"), 10_000);
  });
});
