/** Ids as Harmony spells them, a look's limit, and what a look lacks: over a scripted network. */
import { Limits } from "../../src/harmony/limits.ts";
import { describe, it } from "vitest";
import { createHarmony } from "../../src/harmony/client.ts";
import { foldId, isUuid } from "../../src/domain/ids.ts";
import { isMethod, namesIn, parseJson, parsePayment } from "../../src/harmony/wire.ts";

const METHOD_ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const SPELT = "ABCDEF00-1111-4111-8111-111111111111";
const FOLDED = SPELT.toLowerCase();

/** A client on a network that gives these bodies in turn, and a clock that ticks with each call. */
function on(bodies: readonly string[], tickMs = 7) {
  const sent: string[] = [];
  const limits: number[] = [];
  let nowMs = 0;
  const settings = { baseUrl: "https://harmony.test/api", apiKey: "secret", timeoutMs: 20_000 };
  const harmony = createHarmony(settings, {
    fetch: async (url) => {
      sent.push(url);
      return new Response(bodies[sent.length - 1] ?? bodies.at(-1));
    },
    now: () => (nowMs += tickMs),
    limits: new Limits(),
    deadline: (timeoutMs) => {
      limits.push(timeoutMs);
      return new AbortController().signal;
    },
  });
  return { harmony, sent, limits };
}

function item(id: string): string {
  return `{"id":"${id}","status":"CONFIRMED","amount":10,"currency":"MXN"}`;
}

function page(count: number, ...ids: readonly string[]): string {
  return `{"count":${count},"items":[${ids.map(item).join()}]}`;
}

describe("an id", () => {
  it("that is a UUID is the same in any letter case, and any other is not", ({ expect }) => {
    expect(foldId(SPELT)).toBe(FOLDED);
    for (const id of ["Pay_1", `${SPELT}0`, `X${SPELT.slice(1)}`, ""]) {
      expect(foldId(id)).toBe(id);
    }
  });

  it("is kept as it is spelt only where that differs", ({ expect }) => {
    const parsed = (id: string) => parsePayment(parseJson(item(id)));
    expect(parsed(SPELT)).toMatchObject({ id: FOLDED, spelt: SPELT });
    expect(parsed(FOLDED)).not.toHaveProperty("spelt");
    expect(parsed("Pay_1")).not.toHaveProperty("spelt");
  });

  it("is named where one would stand, in that order, as it is compared and as it is spelt", ({
    expect,
  }) => {
    const all = { payment: { id: "b" }, paymentId: SPELT, id: FOLDED };
    expect(namesIn(all)).toEqual([{ id: FOLDED }, { id: FOLDED, spelt: SPELT }, { id: "b" }]);
    expect(namesIn({ id: "Pay_1" })).toEqual([{ id: "Pay_1" }]);
    for (const json of [{ id: 7 }, { requestId: SPELT }, { id: "../x" }, [SPELT], SPELT, null]) {
      expect(namesIn(json)).toEqual([]);
    }
  });

  it("has the shape of Harmony's where it is a UUID, in any letter case", ({ expect }) => {
    expect([SPELT, FOLDED].map(isUuid)).toEqual([true, true]);
    for (const id of ["Pay_1", `${SPELT}0`, `X${SPELT.slice(1)}`, SPELT.replaceAll("-", ""), ""]) {
      expect(isUuid(id)).toBe(false);
    }
  });

  it("that a read asks for is sent as it is spelt, and its answer may spell it otherwise", async ({
    expect,
  }) => {
    for (const asked of [SPELT, FOLDED]) {
      for (const body of [item(SPELT), item(FOLDED)]) {
        const { harmony, sent } = on([body]);
        const read = await harmony.readPayment(METHOD_ID, asked);
        expect(sent[0]).toMatch(new RegExp(`/payment/${asked}$`, "u"));
        expect(read).toMatchObject({ payment: { id: FOLDED }, failure: null });
      }
    }
  });
});

describe("a member twice with different values", () => {
  it("makes no body: of a read, a page, a method", async ({ expect }) => {
    const read = on([`{"status":"CANCELLED",${item("a").slice(1)}`]);
    expect(await read.harmony.readPayment(METHOD_ID, "a")).toMatchObject({
      payment: null,
      failure: "not_this_payment",
    });
    for (const body of [
      `{"count":2,${page(1, "a").slice(1)}`,
      `{"count":1,"items":[{"id":"b",${item("a").slice(1)}]}`,
    ]) {
      const look = await on([body]).harmony.look(METHOD_ID, new Set(), 1);
      expect(look).toMatchObject({ complete: false, why: "page_does_not_parse" });
    }
    const method = `{"id":"${METHOD_ID}","status":"REVOKED","status":"ACTIVE"}`;
    const { harmony } = on([method]);
    const request = { amountMinor: 1, currency: "MXN", description: null, reference: null };
    const settings = on([]);
    expect(settings.sent).toEqual([]);
    expect((await harmony.submit(METHOD_ID, request, null)).method).toBeNull();
    expect(isMethod(parseJson(method), METHOD_ID)).toBe(false);
  });

  it("is none where both say the same", ({ expect }) => {
    expect(parseJson('{"a":1,"a":1}')).toEqual({ a: 1 });
    expect(parseJson('{"a":{"b":[1]},"a":{"b":[1]}}')).toEqual({ a: { b: [1] } });
  });

  it("leaves numbers as they are", ({ expect }) => {
    expect(parseJson('{"amount":150.5,"count":2}')).toEqual({ amount: 150.5, count: 2 });
  });
});

describe("what a look lacks", () => {
  it("is told, 20 ids of it at most", async ({ expect }) => {
    const one = await on([page(1, "a")]).harmony.look(METHOD_ID, new Set(["a", "b", "c"]), 1);
    expect(one).toMatchObject({ why: "known_payment_missing", missing: ["b", "c"] });
    const many = new Set(Array.from({ length: 25 }, (_, index) => `p${index}`));
    const all = await on([page(1, "a")]).harmony.look(METHOD_ID, many, 1);
    expect(all.missing).toEqual([...many].slice(0, 20));
  });

  it("is not told of a look that has not read everything, or lacks nothing", async ({ expect }) => {
    for (const body of [page(1, "b"), page(2, "a"), "<html>"]) {
      const look = await on([body, page(2)]).harmony.look(METHOD_ID, new Set(["b"]), 1);
      expect(look.missing).toEqual([]);
    }
  });

  it("is nothing that it lists in another letter case", async ({ expect }) => {
    const look = await on([page(1, SPELT)]).harmony.look(METHOD_ID, new Set([FOLDED]), 1);
    expect(look).toMatchObject({ complete: true, missing: [], payments: [{ id: FOLDED }] });
  });
});

describe("a look with a limit", () => {
  it("gives each page what is left of it, and no request more than any other's", async ({
    expect,
  }) => {
    const { harmony, limits } = on([page(3, "a"), page(3, "b"), page(3, "c")], 500);
    await harmony.look(METHOD_ID, new Set(), 1, 5000);
    expect(limits[0]).toBeLessThanOrEqual(4500);
    expect(limits).toEqual(limits.toSorted((a, b) => b - a));
    expect(new Set(limits).size).toBe(3);
    const free = on([page(1, "a")]);
    await free.harmony.look(METHOD_ID, new Set(), 1);
    expect(free.limits).toEqual([20_000]);
  });

  it("begins no page after it", async ({ expect }) => {
    const { harmony, sent } = on([page(9, "a"), page(9, "b"), page(9, "c")], 1000);
    const look = await harmony.look(METHOD_ID, new Set(), 1, 2500);
    expect(look).toMatchObject({ complete: false, why: "took_too_long", missing: [] });
    expect(sent).toHaveLength(1);
  });
});
