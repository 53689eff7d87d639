/**
 * The promises of the ledger about charges, at the Worker's edge: everything is on the books, in
 * order, each once, whatever D1 does meanwhile; and what is lost in a crash is in doubt.
 */
import { env } from "cloudflare:workers";
import { abortAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { describe, inject, it, vi } from "vitest";
import { hashOf, isLinked } from "../../src/ledger/chain.ts";
import type { Entry } from "../../src/domain/entries.ts";
import { book, createMethod, setScenario } from "../support/sandbox.ts";
import { charge, get, newKey, seedKeys } from "./support.ts";

const sandbox = inject("sandboxUrl");
await seedKeys();

/** The method's entries, once the ledger has one of this type. */
async function entriesOf(id: string, until: string): Promise<Entry[]> {
  return vi.waitFor(
    async () => {
      const { json } = await get(`/ledger/entries?paymentMethodId=${id}&limit=500`);
      const entries = json["entries"] as Entry[];
      if (!entries.some((entry) => entry.type === until)) {
        throw new Error(`no ${until} yet`);
      }
      return entries;
    },
    { timeout: 20_000, interval: 50 },
  );
}

function isSound(entries: readonly Entry[]): boolean {
  return entries.every(
    (entry, index) => isLinked(entries[index - 1] ?? null, entry) && hashOf(entry) === entry.hash,
  );
}

describe("the ledger", () => {
  it("has every step of a charge, sealed and linked, with the money it moved", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const answer = await charge(
      id,
      key,
      { amount: 12.34, reference: "order-9" },
      { traceparent, "cf-connecting-ip": "203.0.113.9" },
    );
    const entries = await entriesOf(id, "attempt_answered");
    expect(entries.map((entry) => entry.type)).toEqual([
      "looked",
      "attempt_intended",
      "attempt_answered",
    ]);
    expect(isSound(entries)).toBe(true);
    expect(entries[2]).toMatchObject({
      v: 1,
      seq: 3,
      chargeId: answer.headers.get("cobro-charge-id"),
      idempotencyKey: key,
      reference: "order-9",
      caller: "main",
      keyId: "test_storefront",
      requestId: answer.headers.get("cobro-request-id"),
      traceId: "0af7651916cd43dd8448eb211c80319c",
      origin: "203.0.113.9",
      amountMinor: 1234,
      effectMinor: 1234,
      currency: "MXN",
      paymentId: answer.json["id"],
      paymentStatus: "CONFIRMED",
      outcome: "approved",
      httpStatus: 201,
    });
    expect(entries[1]).toMatchObject({ effectMinor: 0, attempt: 1 });
    const one = await get(`/ledger/entries/${id}/3`);
    expect(one.json).toEqual(entries[2]);
  });

  it("records replays once with their count, and every mismatch", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    await charge(id, key, { amount: 5 });
    await Promise.all(Array.from({ length: 10 }, async () => charge(id, key, { amount: 5 })));
    await charge(id, key, { amount: 6 });
    const entries = await entriesOf(id, "key_mismatched");
    expect(entries.filter((entry) => entry.type === "replayed")).toHaveLength(1);
    expect(entries.find((entry) => entry.type === "key_mismatched")).toMatchObject({
      amountMinor: 600,
      effectMinor: 0,
      detail: { differing: ["amount"] },
    });
  });

  it("says how a lost reply was found: the look, what was new, what was adopted", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    await setScenario(sandbox, id, {
      charges: [{ kind: "lose_reply_after_charging", how: "reset" }],
    });
    const answer = await charge(id, newKey(), { amount: 5 });
    const entries = await entriesOf(id, "method_unfrozen");
    expect(entries.map((entry) => entry.type)).toEqual([
      "looked",
      "attempt_intended",
      "attempt_answered",
      "method_frozen",
      "looked",
      "payment_adopted",
      "method_unfrozen",
    ]);
    const adopted = entries.find((entry) => entry.type === "payment_adopted");
    expect(adopted).toMatchObject({
      effectMinor: 500,
      paymentId: answer.json["id"],
      detail: { by: "single", evidence: [5] },
    });
    expect(isSound(entries)).toBe(true);
  });

  it("takes any bytes of Harmony's into a valid entry", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const body = { message: `\u0000\ud800\udfff\u2028${"é".repeat(5000)}` };
    await setScenario(sandbox, id, { charges: [{ kind: "refuse", status: 402, body }] });
    const answer = await charge(id, newKey(), { amount: 5 });
    expect(answer.status).toBe(402);
    expect(isSound(await entriesOf(id, "attempt_answered"))).toBe(true);
  });

  it("gets each entry once when D1 fails before or after its commit", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const prepare = env.LEDGER.prepare.bind(env.LEDGER);
    const withSession = env.LEDGER.withSession.bind(env.LEDGER);
    let failures = 2;
    const spy = vi.spyOn(env.LEDGER, "withSession").mockImplementation((constraint) => {
      const session = withSession(constraint);
      return new Proxy(session, {
        get(target, name) {
          if (name !== "prepare") {
            return Reflect.get(target, name) as unknown;
          }
          return (sql: string) => {
            if (failures > 0 && sql.includes("INSERT INTO entry")) {
              failures -= 1;
              if (failures === 1) {
                throw new Error("D1_ERROR: lost before commit");
              }
              const real = prepare(sql);
              return new Proxy(real, {
                get(statement, member) {
                  if (member !== "bind") {
                    return Reflect.get(statement, member) as unknown;
                  }
                  return (...values: unknown[]) => {
                    const bound = statement.bind(...values);
                    const failing = async () => {
                      await bound.all();
                      throw new Error("D1_ERROR: Network connection lost.");
                    };
                    return { all: failing, run: failing, first: failing, raw: failing };
                  };
                },
              });
            }
            return target.prepare(sql);
          };
        },
      });
    });
    const key = newKey();
    expect((await charge(id, key, { amount: 5 })).status).toBe(201);
    const entries = await entriesOf(id, "attempt_answered");
    await vi.waitFor(() => expect(failures).toBe(0), { timeout: 20_000, interval: 100 });
    spy.mockRestore();
    expect(entries.map((entry) => entry.seq)).toEqual(entries.map((_entry, index) => index + 1));
  });

  it("halts a method whose journal and ledger have parted", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    await charge(id, key, { amount: 5 });
    await entriesOf(id, "attempt_answered");
    // The object falls back to an earlier time, as a restore would do it.
    const stub = env.PAYMENT_METHODS.getByName(id);
    await runInDurableObject(stub, (_object, state) => {
      state.storage.sql.exec(
        "DELETE FROM entry; DELETE FROM charge; DELETE FROM payment; DELETE FROM method;",
      );
    });
    await abortAllDurableObjects();
    await charge(id, newKey(), { amount: 6 });
    const halted = await vi.waitFor(
      async () => {
        const answer = await charge(id, newKey(), { amount: 7 });
        if (answer.status !== 503) {
          throw new Error("not yet");
        }
        return answer;
      },
      { timeout: 20_000, interval: 100 },
    );
    expect(halted.json).toMatchObject({ code: "halted", money: "unknown", retry: "same_key" });
  });
});

describe("a crash", () => {
  it("between intent and outcome leaves the charge in doubt, found and never sent again", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    await setScenario(sandbox, id, { charges: ["approve", { kind: "approve", latencyMs: 1200 }] });
    await charge(id, newKey(), { amount: 1 });
    const key = newKey();
    const waiting = charge(id, key, { amount: 25 });
    await vi.waitFor(async () => expect((await book(sandbox, id)).requests.charge).toBe(2));
    await abortAllDurableObjects();
    // The Worker asks a fresh object again: the caller sees no 500.
    const answer = await waiting;
    expect([201, 202]).toContain(answer.status);
    expect(answer.headers.get("idempotent-replayed")).toBe("true");
    const found = await vi.waitFor(
      async () => {
        const again = await charge(id, key, { amount: 25 });
        if (again.status !== 201) {
          throw new Error("not found yet");
        }
        return again;
      },
      { timeout: 20_000, interval: 200 },
    );
    const { payments, requests } = await book(sandbox, id);
    expect(payments.filter((payment) => payment.amount === 25).map((p) => p.id)).toEqual([
      found.json["id"],
    ]);
    expect(requests.charge).toBe(2);
  });

  it("with a state of a later version sends nothing", async ({ expect }) => {
    const id = await createMethod(sandbox);
    await charge(id, newKey(), { amount: 5 });
    const stub = env.PAYMENT_METHODS.getByName(id);
    await runInDurableObject(stub, (_object, state) => {
      state.storage.sql.exec("INSERT INTO schema_version (version) VALUES (99)");
    });
    await abortAllDurableObjects();
    const answer = await charge(id, newKey(), { amount: 5 });
    expect(answer.status).toBe(503);
    expect(answer.json).toMatchObject({ code: "halted", money: "unknown" });
    expect((await book(sandbox, id)).payments).toHaveLength(1);
  });
});
