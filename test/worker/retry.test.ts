/**
 * The promises about what a caller may do next, at the Worker's edge: the word, the wait with it, and
 * that nothing is asked of Harmony before it is over.
 */
import { describe, inject, it } from "vitest";
import { book, createMethod, setMethodStatus, setScenario } from "../support/sandbox.ts";
import type { ScenarioInput } from "../support/sandbox.ts";
import { after, type Answered, charge, get, newKey, seedKeys, send } from "./support.ts";

const sandbox = inject("sandboxUrl");
await seedKeys();

const MINUTE_MS = 60_000;

/** A card that was charged once, and then does as the scenario says. */
async function charged(scenario: ScenarioInput = {}): Promise<string> {
  const id = await createMethod(sandbox);
  const first = await charge(id, newKey(), { amount: 1 });
  if (first.status !== 201) {
    throw new Error(`the first charge was answered ${first.text}`);
  }
  await setScenario(sandbox, id, scenario);
  return id;
}

function told({ status, headers, json }: Answered) {
  const seconds = headers.get("retry-after");
  return [
    status,
    json["code"] ?? json["status"],
    headers.get("cobro-money"),
    headers.get("cobro-retry"),
    seconds === null ? null : Number(seconds),
  ];
}

/** Every request that Harmony had for this card. */
async function requests(id: string): Promise<number> {
  return Object.values((await book(sandbox, id)).requests).reduce((sum, count) => sum + count, 0);
}

describe("a card that is not active", () => {
  it.for(["REVOKED", "EXPIRED"] as const)(
    "is never worth a repeat where it is %s, and is asked for once a minute at most",
    async (status, { expect }) => {
      const id = await charged();
      await setMethodStatus(sandbox, id, status);
      const key = newKey();
      const wanted = [400, "payment_method_not_active", "not_charged", "never", null];
      expect(told(await charge(id, key, { amount: 9 }))).toEqual(wanted);
      const before = await requests(id);
      for (const again of [key, key, newKey(), newKey()]) {
        expect(told(await charge(id, again, { amount: 9 }))).toEqual(wanted);
      }
      expect(await requests(id)).toBe(before);
      await after(2 * MINUTE_MS, async () => {
        expect(told(await charge(id, key, { amount: 9 }))).toEqual(wanted);
        expect(told(await charge(id, newKey(), { amount: 9 }))).toEqual(wanted);
      });
      // A read of the card, and no further attempt.
      expect(await requests(id)).toBe(before + 1);
    },
  );

  it("is charged once a read says that it is active", async ({ expect }) => {
    const id = await charged();
    await setMethodStatus(sandbox, id, "EXPIRED");
    const key = newKey();
    expect((await charge(id, key, { amount: 9 })).status).toBe(400);
    await setMethodStatus(sandbox, id, "ACTIVE");
    expect((await charge(id, key, { amount: 9 })).status).toBe(400);
    await after(2 * MINUTE_MS, async () => {
      expect((await charge(id, key, { amount: 9 })).status).toBe(201);
      expect((await charge(id, newKey(), { amount: 7 })).status).toBe(201);
    });
  });

  it("stays removed where it was removed here, whatever Harmony says later", async ({ expect }) => {
    const id = await charged();
    const path = `/api/payment-method/${id}`;
    const headers = { "x-api-key": "cobro_test_manager" };
    expect((await send(path, { method: "DELETE", headers })).status).toBe(200);
    await setMethodStatus(sandbox, id, "ACTIVE");
    const before = await requests(id);
    await after(60 * MINUTE_MS, async () => {
      const answer = await charge(id, newKey(), { amount: 9 });
      expect(told(answer)).toEqual([
        400,
        "payment_method_not_active",
        "not_charged",
        "never",
        null,
      ]);
      expect(answer.json["paymentMethodStatus"]).toBe("REVOKED");
    });
    expect(await requests(id)).toBe(before);
  });

  it("is worth a repeat where it is pending", async ({ expect }) => {
    const id = await createMethod(sandbox, { status: "PENDING" });
    const answer = await charge(id, newKey(), { amount: 9 });
    expect(told(answer)).toEqual([400, "payment_method_not_active", "not_charged", "same_key", 60]);
  });
});

describe("a card that Harmony does not know", () => {
  const NOT_FOUND: ScenarioInput = { charges: [{ kind: "refuse", status: 404 }] };

  it("is never worth a repeat", async ({ expect }) => {
    const answer = await charge(crypto.randomUUID(), newKey(), { amount: 9 });
    expect(told(answer)).toEqual([404, "payment_method_not_found", "not_charged", "never", null]);
  });

  it("is, where it was charged before", async ({ expect }) => {
    const answer = await charge(await charged(NOT_FOUND), newKey(), { amount: 9 });
    expect(told(answer)).toEqual([404, "payment_method_not_found", "not_charged", "same_key", 60]);
  });

  it("is, for an hour after it was created here", async ({ expect }) => {
    const made = await send("/api/payment-method", {
      method: "POST",
      headers: { "x-api-key": "cobro_test_manager", "content-type": "application/json" },
      body: JSON.stringify({
        billingInformation: {
          email: "a@example.com",
          firstName: "A",
          lastName: "B",
          phoneNumber: "5512345678",
        },
      }),
    });
    expect(made.status).toBe(201);
    const id = String(made.json["id"]);
    const unknown: ScenarioInput = { looks: [{ kind: "error", status: 404 }] };
    await setScenario(sandbox, id, unknown);
    const soon = await charge(id, newKey(), { amount: 9 });
    expect(told(soon)).toEqual([404, "payment_method_not_found", "not_charged", "same_key", 60]);
    await setScenario(sandbox, id, unknown);
    const late = await after(61 * MINUTE_MS, async () => charge(id, newKey(), { amount: 9 }));
    expect(told(late)).toEqual([404, "payment_method_not_found", "not_charged", "never", null]);
  });
});

describe("a charge that was not sent", () => {
  const BUSY = { kind: "refuse", status: 503, body: {} } as const;
  const SLOWER = { kind: "refuse", status: 429, retryAfter: 5 } as const;

  it("is answered from the books until its wait is over", async ({ expect }) => {
    const id = await charged({ charges: [SLOWER, SLOWER] });
    const key = newKey();
    const first = await charge(id, key, { amount: 9 });
    expect(told(first)).toEqual([503, "upstream_unavailable", "not_charged", "same_key", 5]);
    const before = await requests(id);
    const repeats = await Promise.all(
      Array.from({ length: 20 }, async () => charge(id, key, { amount: 9 })),
    );
    for (const one of repeats) {
      expect(told(one).slice(0, 4)).toEqual(told(first).slice(0, 4));
      expect(one.headers.get("idempotent-replayed")).toBe("true");
      expect(Number(one.headers.get("retry-after"))).toBeLessThanOrEqual(5);
    }
    expect(await requests(id)).toBe(before);
    const chargeId = first.headers.get("cobro-charge-id");
    const { json } = await get(`/api/payment-method/${id}/charge/${chargeId}`);
    expect(json["attempts"]).toHaveLength(1);
  });

  it("waits twice as long after each attempt in a row, an hour at most", async ({ expect }) => {
    const id = await charged({ charges: Array.from({ length: 14 }, () => SLOWER) });
    const key = newKey();
    const waits: number[] = [];
    let passedMs = 0;
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const answer = await after(passedMs, async () => charge(id, key, { amount: 9 }));
      const seconds = Number(answer.headers.get("retry-after"));
      waits.push(seconds);
      passedMs += seconds * 1000;
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
    expect((await book(sandbox, id)).requests.charge).toBe(13);
  });

  it("waits a minute where Harmony refuses the gateway's own key", async ({ expect }) => {
    const id = await charged({ charges: [{ kind: "refuse", status: 401 }] });
    const answer = await charge(id, newKey(), { amount: 9 });
    expect(told(answer)).toEqual([502, "upstream_unauthorized", "not_charged", "same_key", 60]);
  });

  it("has nothing to do with one that Harmony did not answer", async ({ expect }) => {
    const id = await charged({ charges: [BUSY] });
    const answer = await charge(id, newKey(), { amount: 9 });
    expect(told(answer).slice(0, 4)).toEqual([202, "PENDING", "unknown", "same_key"]);
  });
});

describe("a refund of a charge in doubt", () => {
  it("is worth a repeat: nobody knows yet what there is to refund", async ({ expect }) => {
    const out = { kind: "error", status: 500 } as const;
    const id = await charged({ charges: ["lose_reply_after_charging"], looks: [out, out, out] });
    const lost = await charge(id, newKey(), { amount: 9 });
    expect(lost.status).toBe(202);
    const path = `/api/payment-method/${id}/payment/${String(lost.json["id"])}/refund`;
    const headers = { "x-api-key": "cobro_test_storefront", "idempotency-key": newKey() };
    const answer = await send(path, { method: "POST", headers });
    expect(told(answer).slice(0, 4)).toEqual([
      409,
      "payment_method_in_doubt",
      "unknown",
      "same_key",
    ]);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

describe("what Harmony asks us to wait for", () => {
  const slower = (retryAfter?: number | string): ScenarioInput => ({
    charges: [{ kind: "refuse", status: 429, ...(retryAfter === undefined ? {} : { retryAfter }) }],
  });
  const waitOf = ({ headers }: Answered) => Number(headers.get("retry-after"));

  const TIMES: readonly (readonly [string, () => string | number | undefined, number])[] = [
    ["a number", () => 60, 60],
    ["a date", () => new Date(Date.now() + 90_000).toUTCString(), 90],
    ["nothing", () => undefined, 60],
    ["no time", () => "soon", 60],
    ["too long", () => 99_999_999, 600],
    ["a date that is past", () => new Date(0).toUTCString(), 5],
  ];

  it.for(TIMES)("as %s, of a charge, is waited for", async ([, header, seconds], { expect }) => {
    const id = await charged(slower(header()));
    const key = newKey();
    const first = await charge(id, key, { amount: 9 });
    expect(told(first).slice(0, 4)).toEqual([
      503,
      "upstream_unavailable",
      "not_charged",
      "same_key",
    ]);
    expect(Math.abs(waitOf(first) - seconds)).toBeLessThanOrEqual(2);
    const sent = (await book(sandbox, id)).requests.charge;
    if (seconds > 5) {
      const other = await charge(id, newKey(), { amount: 7 });
      expect(told(other).slice(0, 4)).toEqual(told(first).slice(0, 4));
      expect(Math.abs(waitOf(other) - seconds)).toBeLessThanOrEqual(3);
      expect((await book(sandbox, id)).requests.charge).toBe(sent);
    }
    await after((seconds + 1) * 1000, async () => {
      expect((await charge(id, key, { amount: 9 })).status).toBe(201);
    });
  });

  it("holds nobody else back, until two cards were told so", async ({ expect }) => {
    const third = await charged();
    const first = await charged(slower(30));
    await charge(first, newKey(), { amount: 9 });
    expect((await charge(third, newKey(), { amount: 8 })).status).toBe(201);
    const second = await charged(slower(30));
    await charge(second, newKey(), { amount: 9 });
    const key = newKey();
    expect((await charge(third, key, { amount: 7 })).status).toBe(503);
    // What is on the books is answered first.
    const known = newKey();
    await after(31_000, async () => {
      expect((await charge(third, known, { amount: 6 })).status).toBe(201);
      expect((await charge(third, key, { amount: 7 })).status).toBe(201);
    });
    expect((await charge(third, known, { amount: 6 })).status).toBe(201);
  });

  it("of a look forbids further looks, and what needs one", async ({ expect }) => {
    const id = await createMethod(sandbox);
    await setScenario(sandbox, id, { looks: [{ kind: "error", status: 429 }] });
    const key = newKey();
    const answer = await charge(id, key, { amount: 9 });
    expect(told(answer).slice(0, 4)).toEqual([
      503,
      "upstream_unavailable",
      "not_charged",
      "same_key",
    ]);
    expect(waitOf(answer)).toBeGreaterThan(50);
    const before = await requests(id);
    expect((await charge(id, key, { amount: 9 })).status).toBe(503);
    expect(await requests(id)).toBe(before);
    await after(61_000, async () => {
      expect((await charge(id, key, { amount: 9 })).status).toBe(201);
    });
  });
});
