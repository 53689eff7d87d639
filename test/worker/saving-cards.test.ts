/**
 * The promises of saving a card under a key of the caller's, at the Worker's edge against the real
 * sandbox: a success is replayed for ever, two at once are one, and whatever else came of it is asked anew.
 */
import { abortAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, it, vi } from "vitest";
import { GATEWAY_CHAIN_ID } from "../../src/domain/entries.ts";
import { insertKey } from "../../src/ledger/keys.ts";
import { type Answered, get, newKey, seedKeys, send, sha256 } from "./support.ts";

await seedKeys();

async function save(
  idempotencyKey: string | null,
  body: unknown,
  key = "cobro_test_manager",
): Promise<Answered> {
  return send("/api/payment-method", {
    method: "POST",
    headers: {
      "x-api-key": key,
      "content-type": "application/json",
      ...(idempotencyKey === null ? {} : { "idempotency-key": idempotencyKey }),
    },
    body: JSON.stringify(body),
  });
}

/** How often Harmony was asked for a card meanwhile; `first` answers the first time in its place. */
async function asked(work: () => Promise<void>, first?: () => Promise<Response>): Promise<number> {
  const spy = vi.spyOn(globalThis, "fetch");
  if (first !== undefined) {
    spy.mockImplementationOnce(first);
  }
  try {
    await work();
    return spy.mock.calls.filter(([, init]) => init?.method === "POST").length;
  } finally {
    spy.mockRestore();
  }
}

describe("a card saved under a key", () => {
  it("is one, and its answer is replayed to the byte, whatever became of the object", async ({
    expect,
  }) => {
    const key = newKey();
    const body = { externalId: key };
    const answers: Answered[] = [];
    const times = await asked(async () => {
      answers.push(await save(key, body), await save(`"${key}"`, body));
      await abortAllDurableObjects();
      answers.push(await save(key, body));
    });
    expect(times).toBe(1);
    const [first, ...others] = answers;
    expect(first?.status).toBe(201);
    expect(first?.headers.get("idempotent-replayed")).toBeNull();
    for (const again of others) {
      expect([again.status, again.text]).toEqual([201, first?.text]);
      expect(again.headers.get("location")).toBe(first?.headers.get("location"));
      expect(again.headers.get("idempotent-replayed")).toBe("true");
    }
  });

  it("is one where the key comes ten times at once", async ({ expect }) => {
    const key = newKey();
    const times = await asked(async () => {
      const all = await Promise.all(Array.from({ length: 10 }, async () => save(key, {})));
      expect(new Set(all.map(({ text }) => text)).size).toBe(1);
      const sent = all.filter(({ headers }) => headers.get("idempotent-replayed") === null);
      expect(sent).toHaveLength(1);
    });
    expect(times).toBe(1);
  });

  it.for([
    ["lost", () => Promise.reject(new Error("Network connection lost.")), 502],
    ["a 500", async () => new Response("{}", { status: 500 }), 502],
    ["a refusal", async () => new Response("{}", { status: 400 }), 400],
    ["slowed down", async () => new Response("{}", { status: 429 }), 503],
  ] as const)("is asked for anew where the first was %s", async ([, first, status], { expect }) => {
    const key = newKey();
    const times = await asked(async () => {
      expect((await save(key, {})).status).toBe(status);
      const second = await save(key, { externalId: key });
      expect(second.status).toBe(201);
      expect(second.headers.get("idempotent-replayed")).toBeNull();
    }, first);
    expect(times).toBe(2);
  });

  it("is not another body's: 422, also while the first is under way", async ({ expect }) => {
    const key = newKey();
    const times = await asked(async () => {
      const [first, other] = await Promise.all([
        save(key, { externalId: "one" }),
        save(key, { externalId: "two" }),
      ]);
      expect(first?.status).toBe(201);
      expect(other?.json).toMatchObject({ status: 422, code: "idempotency_key_reused" });
      expect(other?.text).not.toContain("checkout");
      expect(other?.headers.get("cobro-money")).toBeNull();
    });
    expect(times).toBe(1);
  });

  it("is its caller's: another caller's same key is another card", async ({ expect }) => {
    const text = `cobro_cards_${crypto.randomUUID()}`;
    const hash = await sha256(text);
    const createdAt = new Date().toISOString();
    const other = {
      keyId: text,
      hash,
      callerId: "cards",
      name: "cards",
      scopes: ["manage"],
      createdAt,
    };
    await insertKey(env.LEDGER, other, 5000);
    const key = newKey();
    const [mine, theirs] = [await save(key, {}), await save(key, {}, text)];
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(mine.json["id"]).not.toBe(theirs.json["id"]);
  });

  it("is on the books once, without its checkout address", async ({ expect }) => {
    const key = newKey();
    await save(key, { externalId: key });
    await save(key, { externalId: key });
    await vi.waitFor(
      async () => {
        const { json } = await get(
          `/ledger/entries?paymentMethodId=${GATEWAY_CHAIN_ID}&order=desc`,
        );
        const entries = json["entries"] as { detail: Record<string, unknown> | null }[];
        expect(entries.filter(({ detail }) => detail?.["externalId"] === key)).toHaveLength(1);
        expect(JSON.stringify(entries)).not.toContain("checkout");
      },
      { timeout: 10_000, interval: 50 },
    );
  });

  it("is asked for anew where its objects were lost, and the first may have been created", async ({
    expect,
  }) => {
    const key = newKey();
    let sent = false;
    const never = async () => {
      sent = true;
      return new Promise<Response>(() => {});
    };
    const times = await asked(async () => {
      const lost = save(key, {});
      await vi.waitFor(() => expect(sent).toBe(true));
      await abortAllDurableObjects();
      expect((await lost).json).toMatchObject({ code: "upstream_error", retry: "never" });
      expect((await save(key, {})).status).toBe(201);
    }, never);
    expect(times).toBe(2);
  });

  it("is found for ever where an earlier version kept it", async ({ expect }) => {
    // SHA-256 of `["main","kept"]`, and of `["main","kept","{}"]`.
    const keyHash = "0a745e14595c707cdac1f3a6e1965e99600c50db5c64805026b13bbdd79f34d5";
    const requestHash = "f9b149904dc67317952fc82bb0eed42da39ec037a98289f4e2217b052bc10a24";
    const body = '{"id":"x","checkoutUrl":"https://pay.test/x"}';
    const reply = { status: 201, body, location: "/api/payment-method/x" };
    const keep = async (v: number) =>
      runInDurableObject(env.CARD_SHARDS.getByName(keyHash.slice(0, 2)), (_object, state) =>
        state.storage.kv.put(keyHash, { v, requestHash, reply }),
      );
    await keep(1);
    const times = await asked(async () => {
      const again = await save("kept", {});
      expect([again.status, again.text]).toEqual([201, body]);
      expect(again.headers.get("content-type")).toBe("application/json");
      expect(again.headers.get("location")).toBe(reply.location);
      expect((await save("kept", { externalId: "other" })).status).toBe(422);
      await keep(2);
      expect((await save("kept", {})).json).toMatchObject({ status: 503, code: "halted" });
    });
    expect(times).toBe(0);
  });

  it("is not asked for again where its shard cannot be reached", async ({ expect }) => {
    const spy = vi.spyOn(env.CARD_SHARDS, "getByName").mockImplementation(() => {
      throw Object.assign(new Error("reset"), { durableObjectReset: true, retryable: true });
    });
    const made = await save(newKey(), {});
    const { length } = spy.mock.calls;
    spy.mockRestore();
    expect([length, made.json["code"], made.json["retry"]]).toEqual([1, "upstream_error", "never"]);
  });

  it("needs no key, and is then another each time; a key that is none is refused", async ({
    expect,
  }) => {
    const [one, two] = [await save(null, {}), await save(null, {})];
    expect(one.json["id"]).not.toBe(two.json["id"]);
    const times = await asked(async () => {
      const wrong = await save("null", {});
      expect(wrong.json).toMatchObject({
        status: 400,
        code: "idempotency_key_invalid",
        errors: [{ header: "Idempotency-Key" }],
      });
    });
    expect(times).toBe(0);
  });
});

describe("an answer that does not say that nothing was created", () => {
  it.for([408, 409, 425])("is not taken for one: %d", async (status, { expect }) => {
    const answer = async () => Response.json({ message: "?" }, { status });
    const times = await asked(async () => {
      const made = await save(null, {});
      expect(made.json).toMatchObject({ status: 502, code: "upstream_error", retry: "never" });
      expect(made.json["detail"]).toContain("may have been created");
    }, answer);
    expect(times).toBe(1);
  });
});
