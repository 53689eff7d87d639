/** The promises about `detail`: it says what happened this time, and of a refund where one was asked for. */
import { inject, it } from "vitest";
import { createMethod, setScenario } from "../support/sandbox.ts";
import { type Answered, charge, newKey, seedKeys, send } from "./support.ts";

const sandbox = inject("sandboxUrl");
await seedKeys();

const OUT = { kind: "error", status: 500 } as const;

async function refund(id: string, of: string, key = newKey()): Promise<Answered> {
  const headers = { "x-api-key": "cobro_test_storefront", "idempotency-key": key };
  const path = `/api/payment-method/${id}/payment/${of}/refund`;
  return send(path, { method: "POST", headers });
}

function detailOf({ json }: Answered): string {
  return String(json["detail"]);
}

it("a card that is frozen says by which charge, to its own caller alone", async ({ expect }) => {
  const id = await createMethod(sandbox);
  await setScenario(sandbox, id, { charges: ["lose_before_charging"] });
  const lost = await charge(id, newKey(), { amount: 9 });
  const chargeId = lost.headers.get("cobro-charge-id") ?? "none";
  const mine = await charge(id, newKey(), { amount: 8 });
  expect(mine.json["code"]).toBe("payment_method_in_doubt");
  expect(detailOf(mine)).toContain(chargeId);
  const theirs = await charge(id, newKey(), { amount: 8 }, { "x-api-key": "cobro_test_other" });
  expect(theirs.json["code"]).toBe("payment_method_in_doubt");
  expect(detailOf(theirs)).not.toContain(chargeId);
});

it("a history that cannot be read says why", async ({ expect }) => {
  const id = await createMethod(sandbox);
  await setScenario(sandbox, id, { looks: [OUT] });
  const answer = await charge(id, newKey(), { amount: 8 });
  expect(answer.json["code"]).toBe("upstream_unavailable");
  expect(detailOf(answer)).toContain("(status_500)");
});

it("a limit of Harmony's is called that", async ({ expect }) => {
  const id = await createMethod(sandbox);
  await charge(id, newKey(), { amount: 1 });
  await setScenario(sandbox, id, { charges: [{ kind: "refuse", status: 429 }] });
  await charge(id, newKey(), { amount: 8 });
  expect(detailOf(await charge(id, newKey(), { amount: 7 }))).toContain("429");
});

it("an error of a refund speaks of the refund, and of the payment's money", async ({ expect }) => {
  const id = await createMethod(sandbox);
  const paid = String((await charge(id, newKey(), { amount: 9 })).json["id"]);
  for (const [status, code] of [
    [401, "upstream_unauthorized"],
    [429, "upstream_unavailable"],
  ] as const) {
    await setScenario(sandbox, id, { refunds: [{ kind: "refuse", status }] });
    const answer = await refund(id, paid);
    expect(answer.json).toMatchObject({ code, money: "charged" });
    expect(detailOf(answer)).toMatch(/refund/);
    expect(detailOf(answer)).not.toMatch(/[Nn]othing was charged/);
  }
});

it("a refund beside one in doubt says so, and that nothing is known of the money", async ({
  expect,
}) => {
  const id = await createMethod(sandbox);
  const paid = String((await charge(id, newKey(), { amount: 9 })).json["id"]);
  const refunds = ["lose_reply_after_refunding"] as const;
  await setScenario(sandbox, id, { refunds: [...refunds], reads: [OUT, OUT, OUT, OUT] });
  expect((await refund(id, paid)).status).toBe(202);
  const beside = await refund(id, paid);
  expect(beside.json).toMatchObject({ status: 409, money: "unknown", retry: "same_key" });
  expect(detailOf(beside)).toMatch(/^Another refund of this payment/);
});
