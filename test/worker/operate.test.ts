/** What an operator does by hand, at the Worker's edge: who may, what is refused, what is answered. */
import { inject, it } from "vitest";
import { book, createMethod, foreignPayment, setScenario } from "../support/sandbox.ts";
import { after, type Answered, charge, get, newKey, seedKeys, send } from "./support.ts";

const sandbox = inject("sandboxUrl");
await seedKeys();

async function post(path: string, body: unknown, key = "cobro_test_operator"): Promise<Answered> {
  return send(path, {
    method: "POST",
    headers: { "x-api-key": key, "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** A charge in doubt that the history does not show. */
async function inDoubt(): Promise<{ id: string; chargeId: string; path: string; key: string }> {
  const id = await createMethod(sandbox);
  await setScenario(sandbox, id, { charges: ["lose_before_charging"] });
  const key = newKey();
  const answer = await charge(id, key, { amount: 33 });
  const chargeId = answer.headers.get("cobro-charge-id") ?? "";
  return { id, chargeId, key, path: `/api/payment-method/${id}/charge/${chargeId}/resolution` };
}

/** The payments of a method that the list of what is open names. */
async function contestedOf(id: string): Promise<unknown[]> {
  const { json } = await get("/ledger/open?limit=500", "cobro_test_auditor");
  const open = json["open"] as { paymentMethodId: string; kind: string }[];
  return open.filter((item) => item.paymentMethodId === id && item.kind === "payment");
}

const NOT_CHARGED = { decision: "not_charged", override: true, reason: "the bank says no" };

it("only a key with the scope operate may decide a charge", async ({ expect }) => {
  const { path } = await inDoubt();
  for (const key of ["cobro_test_storefront", "cobro_test_manager", "cobro_test_auditor"]) {
    const answer = await post(path, NOT_CHARGED, key);
    expect(answer.status).toBe(403);
    expect(answer.json).toMatchObject({ code: "forbidden", money: "unknown" });
  }
  expect((await post(path, NOT_CHARGED, "cobro_nobody_x")).status).toBe(401);
});

it("a decision is taken whole or not at all: strict, and never without a reason", async ({
  expect,
}) => {
  const { path } = await inDoubt();
  const bad: readonly (readonly [unknown, string])[] = [
    ["{", ""],
    [{ decision: "not_charged" }, "/reason"],
    [{ decision: "not_charged", reason: "  " }, "/reason"],
    [{ decision: "not_charged", reason: "x".repeat(501) }, "/reason"],
    [{ decision: "charged", reason: "x" }, "/paymentId"],
    [{ decision: "charged", reason: "x", paymentId: "../x" }, "/paymentId"],
    [{ decision: "charged", reason: "x", paymentId: "p", override: true }, "/override"],
    [{ decision: "maybe", reason: "x" }, "/decision"],
    [{ ...NOT_CHARGED, override: "yes" }, "/override"],
  ];
  for (const [body, pointer] of bad) {
    const answer = await post(path, body);
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ code: "invalid_request", money: "unknown" });
    expect(answer.json["errors"]).toMatchObject([{ pointer }]);
  }
});

it("a decision is refused by code, and taken by override, and the same key charges", async ({
  expect,
}) => {
  const { id, chargeId, key, path } = await inDoubt();
  const early = await post(path, { decision: "not_charged", reason: "the bank says no" });
  expect(early.status).toBe(409);
  expect(early.json).toMatchObject({ code: "horizon_not_reached", state: "in_doubt", chargeId });
  expect((await charge(id, newKey(), { amount: 1 })).json["code"]).toBe("payment_method_in_doubt");
  const taken = await post(path, NOT_CHARGED);
  expect(taken.status).toBe(200);
  expect(taken.json).toMatchObject({ chargeId, state: "not_charged", resolvedBy: "operator" });
  expect((await charge(id, key, { amount: 33 })).status).toBe(201);
  const late = await post(path, NOT_CHARGED);
  expect(late.status).toBe(409);
  expect(late.json).toMatchObject({ code: "charge_not_resolvable", state: "approved" });
});

it("a decision for a payment says so in every answer about the charge", async ({ expect }) => {
  const { id, chargeId, key, path } = await inDoubt();
  // No look may see the first payment without the second.
  const unseen = Array.from({ length: 50 }, () => ({ kind: "error", status: 500 }) as const);
  await setScenario(sandbox, id, { looks: unseen });
  const made = await foreignPayment(sandbox, { paymentMethodId: id, amount: 33 });
  await foreignPayment(sandbox, { paymentMethodId: id, amount: 33 });
  await setScenario(sandbox, id, {});
  const against = await post(path, { decision: "not_charged", reason: "nothing there" });
  expect(against.json).toMatchObject({ code: "payments_fit" });
  expect(against.json["candidates"]).toHaveLength(2);
  const charged = { decision: "charged", paymentId: made.id, reason: "in the dashboard" };
  expect((await post(path, charged)).json).toMatchObject({ state: "approved", money: "charged" });
  const again = await charge(id, key, { amount: 33 });
  expect(again.status).toBe(201);
  expect(again.json["id"]).toBe(made.id);
  await expect.poll(async () => contestedOf(id), { timeout: 10_000 }).toEqual([]);
  const shown = await get(`/api/payment-method/${id}/charge/${chargeId}`);
  expect(shown.json).toMatchObject({ resolvedBy: "operator", methodFrozen: false });
});

/** A refund in doubt, of a payment that others have made, and its item in the list of what is open. */
async function refundInDoubt(): Promise<{ path: string; refundId: string; key: string }> {
  const id = await createMethod(sandbox);
  const { id: paymentId } = await foreignPayment(sandbox, { paymentMethodId: id, amount: 30 });
  await setScenario(sandbox, id, { refunds: ["lose_before_refunding"] });
  const key = newKey();
  const answer = await refund(`/api/payment-method/${id}/payment/${paymentId}/refund`, key);
  const path = answer.headers.get("location") ?? "";
  return { path, refundId: path.split("/").at(-1) ?? "", key };
}

async function refund(path: string, key: string): Promise<Answered> {
  return send(path, {
    method: "POST",
    headers: { "x-api-key": "cobro_test_storefront", "idempotency-key": key },
  });
}

const NOT_REFUNDED = { decision: "not_refunded", override: true, reason: "the bank says no" };

it("a refund in doubt is open until a person decides, and only with the scope operate", async ({
  expect,
}) => {
  const { path, refundId, key } = await refundInDoubt();
  const open = async () => {
    const { json } = await get("/ledger/open?limit=500", "cobro_test_auditor");
    const items = json["open"] as { refundId?: string; state: string }[];
    return items.filter((item) => item.refundId === refundId);
  };
  await expect.poll(open, { timeout: 10_000 }).toMatchObject([{ state: "in_doubt" }]);
  const decide = `${path}/resolution`;
  for (const other of ["cobro_test_storefront", "cobro_test_manager", "cobro_test_auditor"]) {
    expect((await post(decide, NOT_REFUNDED, other)).status).toBe(403);
  }
  const bad: readonly (readonly [unknown, string])[] = [
    [{ decision: "not_refunded" }, "/reason"],
    [{ decision: "charged", reason: "x" }, "/decision"],
    [{ ...NOT_REFUNDED, override: "yes" }, "/override"],
    [{ ...NOT_REFUNDED, paymentId: "p" }, "/paymentId"],
  ];
  for (const [body, pointer] of bad) {
    const answer = await post(decide, body);
    expect(answer.status).toBe(400);
    expect(answer.json["errors"]).toMatchObject([{ pointer }]);
  }
  const early = await post(decide, { ...NOT_REFUNDED, override: false });
  expect(early.status).toBe(409);
  expect(early.json).toMatchObject({ code: "refund_unproven", state: "in_doubt", refundId });
  const taken = await post(decide, NOT_REFUNDED);
  expect(taken.status).toBe(200);
  expect(taken.json).toMatchObject({ refundId, state: "not_refunded", resolvedBy: "operator" });
  await expect.poll(open, { timeout: 10_000 }).toEqual([]);
  const again = await refund(path.slice(0, path.lastIndexOf("/")), key);
  expect(again.status).toBe(201);
  const late = await post(decide, NOT_REFUNDED);
  expect(late.json).toMatchObject({ code: "refund_not_resolvable", state: "refunded" });
});

it("a payment that only a person can judge is an open item until a person has judged it", async ({
  expect,
}) => {
  const { id, chargeId, path } = await inDoubt();
  const unseen = Array.from({ length: 50 }, () => ({ kind: "error", status: 500 }) as const);
  await setScenario(sandbox, id, { looks: unseen });
  await foreignPayment(sandbox, { paymentMethodId: id, amount: 33 });
  await foreignPayment(sandbox, { paymentMethodId: id, amount: 33 });
  await setScenario(sandbox, id, {});
  const payments = async () => contestedOf(id);
  await post(path, { decision: "not_charged", reason: "nothing there" });
  await expect.poll(payments, { timeout: 10_000 }).toHaveLength(2);
  expect(await payments()).toMatchObject([
    { state: "contested", amountMinor: 3300, currency: "MXN" },
    { state: "contested", amountMinor: 3300, currency: "MXN" },
  ]);
  const { json } = await get("/ledger/open?limit=500", "cobro_test_auditor");
  expect(json["totals"]).toMatchObject({ contested: { payments: 2, amountMinor: 6600 } });
  expect((await get(`/api/payment-method/${id}/charge/${chargeId}`)).json).toMatchObject({
    money: "unknown",
    escalated: true,
  });
  expect((await post(path, NOT_CHARGED)).status).toBe(200);
  await expect.poll(payments, { timeout: 10_000 }).toEqual([]);
  // Foreign for good: they are left alone, and what was decided about stands.
  expect((await get(`/api/payment-method/${id}/charge/${chargeId}`)).json).toMatchObject({
    money: "not_charged",
  });
});

it("what does not exist is not found", async ({ expect }) => {
  const { id } = await inDoubt();
  const path = `/api/payment-method/${id}/charge/${crypto.randomUUID()}/resolution`;
  expect((await post(path, NOT_CHARGED)).json["code"]).toBe("not_found");
});

it("the list of what is open is the auditor's, and goes with what was decided", async ({
  expect,
}) => {
  expect((await get("/ledger/open", "cobro_test_storefront")).status).toBe(403);
  expect((await get("/ledger/open?limit=0&what=1", "cobro_test_auditor")).json).toMatchObject({
    code: "invalid_request",
    errors: [{ parameter: "what" }, { parameter: "limit" }],
  });
  const { id, chargeId, path } = await inDoubt();
  const mine = async () => {
    const { json } = await get("/ledger/open?limit=500", "cobro_test_auditor");
    const open = json["open"] as { paymentMethodId: string }[];
    return open.filter((item) => item.paymentMethodId === id);
  };
  await expect
    .poll(mine, { timeout: 10_000 })
    .toMatchObject([
      { kind: "charge", chargeId, state: "in_doubt", methodFrozen: true, amountMinor: 3300 },
    ]);
  const before = await book(sandbox, id);
  await mine();
  expect((await book(sandbox, id)).requests.charge).toBe(before.requests.charge);
  expect((await post(path, NOT_CHARGED)).status).toBe(200);
  await expect.poll(mine, { timeout: 10_000 }).toEqual([]);
});

it("only a key with the scope operate may end a halt, and only where there is one", async ({
  expect,
}) => {
  const { id } = await inDoubt();
  const path = `/api/payment-method/${id}/resume`;
  const reason = "the ledger was put right";
  for (const key of ["cobro_test_storefront", "cobro_test_manager", "cobro_test_auditor"]) {
    expect((await post(path, { reason }, key)).status).toBe(403);
  }
  expect((await post(path, {})).json["errors"]).toMatchObject([{ pointer: "/reason" }]);
  const answer = await post(path, { reason });
  expect(answer.status).toBe(409);
  expect(answer.json["code"]).toBe("not_halted");
});

it("a pending payment that Harmony has lost can be decided, by whoever insists", async ({
  expect,
}) => {
  const id = await createMethod(sandbox);
  await setScenario(sandbox, id, { charges: [{ kind: "pending", polls: 50 }] });
  const pending = await charge(id, newKey(), { amount: 40 });
  const paymentId = String(pending.json["id"]);
  await fetch(`${sandbox}/sandbox/payments/${paymentId}`, { method: "DELETE" });
  const chargeId = pending.headers.get("cobro-charge-id") ?? "";
  const path = `/api/payment-method/${id}/charge/${chargeId}/resolution`;
  const refused = await post(path, { decision: "not_charged", reason: "gone" });
  expect(refused.json).toMatchObject({
    status: 409,
    code: "history_incomplete",
    why: "known_payment_missing",
    missing: [paymentId],
    retry: "never",
  });
  const decided = await post(path, NOT_CHARGED);
  expect(decided.json).toMatchObject({ money: "not_charged" });
});

it("the payments that a person has to judge are shown to a person, and their number to the caller", async ({
  expect,
}) => {
  const id = await createMethod(sandbox);
  await setScenario(sandbox, id, { charges: [{ kind: "refuse", status: 401 }] });
  const key = newKey();
  const first = await charge(id, key, { amount: 12 });
  await foreignPayment(sandbox, { paymentMethodId: id, amount: 12 });
  const again = await after(60_000, async () => charge(id, key, { amount: 12 }));
  expect(again.json).toMatchObject({ code: "payment_contested", money: "unknown" });
  const path = `/api/payment-method/${id}/charge/${first.headers.get("cobro-charge-id")}`;
  const [payment] = (await book(sandbox, id)).payments;
  const shown = { candidateCount: 1, candidates: [payment?.id] };
  expect((await get(path, "cobro_test_operator")).json).toMatchObject(shown);
  expect((await get(path, "cobro_test_auditor")).json).toMatchObject(shown);
  const { json } = await get(path, "cobro_test_storefront");
  expect(json).toMatchObject({ candidateCount: 1 });
  expect(json).not.toHaveProperty("candidates");
});
