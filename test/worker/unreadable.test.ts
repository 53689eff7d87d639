/**
 * The promise about a history that cannot be read while somebody wants to charge: after an hour a person
 * is told, the caller hears of it in its own words, and one complete look ends it.
 */
import { inject, it, vi } from "vitest";
import { createMethod, setScenario } from "../support/sandbox.ts";
import { after, type Answered, charge, get, newKey, seedKeys } from "./support.ts";

const sandbox = inject("sandboxUrl");
await seedKeys();

const HOUR_MS = 3_600_000;
const OUT = { kind: "error", status: 500 } as const;

async function entries(id: string, type: string): Promise<Record<string, unknown>[]> {
  const { json } = await get(`/ledger/entries?paymentMethodId=${id}&type=${type}`);
  return json["entries"] as Record<string, unknown>[];
}

async function openOf(id: string): Promise<Record<string, unknown>[]> {
  const { json } = await get("/ledger/open?limit=200");
  const open = json["open"] as Record<string, unknown>[];
  return open.filter((item) => item["paymentMethodId"] === id);
}

function told({ status, headers, json }: Answered) {
  const { code } = json;
  const header = (name: string) => headers.get(name);
  return [status, code, header("cobro-money"), header("cobro-retry"), header("retry-after")];
}

const UNREADABLE = [503, "history_unreadable", "not_charged", "same_key", "60"];

it("a history that no charge could read for an hour is told, listed, and over with one that does", async ({
  expect,
}) => {
  const id = await createMethod(sandbox);
  await setScenario(sandbox, id, { looks: [OUT, OUT, OUT, OUT] });
  const key = newKey();
  expect((await charge(id, key, { amount: 9 })).json["code"]).toBe("upstream_unavailable");
  await after(HOUR_MS / 2, async () => {
    expect((await charge(id, key, { amount: 9 })).json["code"]).toBe("upstream_unavailable");
  });
  await after(HOUR_MS + 1000, async () => {
    const answer = await charge(id, key, { amount: 9 });
    expect(told(answer)).toEqual(UNREADABLE);
    expect(answer.json["detail"]).toContain("(status_500)");
    expect(told(await charge(id, newKey(), { amount: 8 }))).toEqual(UNREADABLE);
  });
  await vi.waitFor(
    async () => {
      expect(await entries(id, "history_unreadable")).toMatchObject([
        { chargeId: null, httpStatus: 500, effectMinor: 0, detail: { why: "status_500" } },
      ]);
      expect(await openOf(id)).toMatchObject([
        { kind: "history", state: "unreadable", escalated: true, amountMinor: null, caller: null },
      ]);
    },
    { timeout: 10_000, interval: 50 },
  );
  await after(2 * HOUR_MS, async () => {
    expect((await charge(id, key, { amount: 9 })).status).toBe(201);
  });
  await vi.waitFor(
    async () => {
      expect(await entries(id, "history_readable")).toHaveLength(1);
      expect(await openOf(id)).toEqual([]);
    },
    { timeout: 10_000, interval: 50 },
  );
});

it("what a look shows between two that fail begins the hour anew", async ({ expect }) => {
  const id = await createMethod(sandbox);
  await setScenario(sandbox, id, { looks: [OUT, "ok", OUT] });
  await charge(id, newKey(), { amount: 9 });
  const lost = newKey();
  expect((await charge(id, newKey(), { amount: 9 })).status).toBe(201);
  await setScenario(sandbox, id, { charges: [{ kind: "refuse", status: 429 }], looks: [OUT] });
  await charge(id, lost, { amount: 8 });
  await after(2 * HOUR_MS, async () => {
    expect((await charge(id, lost, { amount: 8 })).json["code"]).toBe("upstream_unavailable");
  });
});

it.for([
  ["a card that Harmony does not know", null, "payment_method_not_found"],
  ["a key of ours that Harmony refuses", 401, "upstream_unauthorized"],
  ["a key of ours that Harmony forbids", 403, "upstream_unauthorized"],
] as const)("%s is no history that cannot be read", async ([, status, code], { expect }) => {
  const id = status === null ? crypto.randomUUID() : await createMethod(sandbox);
  if (status !== null) {
    await setScenario(sandbox, id, {
      looks: Array.from({ length: 9 }, () => ({ kind: "error" as const, status })),
    });
  }
  const answers = [await charge(id, newKey(), { amount: 9 })];
  await after(2 * HOUR_MS, async () => {
    answers.push(await charge(id, newKey(), { amount: 9 }));
  });
  expect(answers.map(({ json }) => json["code"])).toEqual([code, code]);
  // Both looks are in the ledger, and so would be what followed the second.
  await vi.waitFor(async () => expect(await entries(id, "looked")).toHaveLength(2), {
    timeout: 10_000,
    interval: 50,
  });
  expect(await entries(id, "history_unreadable")).toEqual([]);
});
