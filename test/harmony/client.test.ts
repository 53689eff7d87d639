/**
 * Requests to Harmony over a scripted network: what is sent, that nothing is sent twice, that
 * every failure is a value, and when a look is complete.
 */
import * as fc from "fast-check";
import { Limits } from "../../src/harmony/limits.ts";
import { describe, it } from "vitest";
import type { ChargeRequest } from "../../src/domain/charge.ts";
import { createHarmony, type Harmony } from "../../src/harmony/client.ts";

const METHOD_ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const REQUEST: ChargeRequest = {
  amountMinor: 15_050,
  currency: "MXN",
  description: "order 17",
  reference: "A-17",
};

interface Sent {
  readonly url: string;
  readonly init: RequestInit;
}
type Responder = (sent: Sent, index: number) => Response | Promise<Response>;

/** A client on a network that answers as told, everything sent on it, and a clock that ticks. */
function on(respond: Responder, tickMs = 7): { harmony: Harmony; sent: Sent[] } {
  const sent: Sent[] = [];
  const settings = { baseUrl: "https://harmony.test/api", apiKey: "secret", timeoutMs: 20_000 };
  let nowMs = 1000;
  const harmony = createHarmony(settings, {
    fetch: async (url, init) => {
      sent.push({ url, init });
      return respond({ url, init }, sent.length - 1);
    },
    now: () => (nowMs += tickMs),
    limits: new Limits(),
    deadline: () => new AbortController().signal,
  });
  return { harmony, sent };
}

function json(body: unknown, status = 200, headers = {}): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

function broken(error: unknown): Response {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"id":"'));
      controller.error(error);
    },
  });
  return new Response(body, { status: 201 });
}

async function thrown(error: unknown): Promise<Response> {
  throw error;
}

describe("a submission", () => {
  it("is one POST of amount, currency and tagged description, following no redirect", async ({
    expect,
  }) => {
    const { harmony, sent } = on(() => json({}, 201));
    await harmony.submit(METHOD_ID, REQUEST, "aaaaaaaa");
    expect(sent).toHaveLength(1);
    const [{ url, init }] = sent as [Sent];
    expect(url).toBe(`https://harmony.test/api/payment-method/${METHOD_ID}/payment`);
    expect(init).toMatchObject({ method: "POST", redirect: "manual" });
    expect(init.headers).toMatchObject({
      "x-api-key": "secret",
      "content-type": "application/json",
    });
    expect(init.headers).not.toHaveProperty("cache-control");
    expect(init.signal).toBeInstanceOf(AbortSignal);
    expect(init.body).toBe(
      '{"amount":150.5,"currency":"MXN","description":"order 17 [cobro:aaaaaaaa]"}',
    );
  });

  it("leaves out a description that there is none of", async ({ expect }) => {
    const { harmony, sent } = on(() => json({}, 201));
    await harmony.submit(METHOD_ID, { ...REQUEST, description: null }, null);
    expect(sent[0]?.init.body).toBe('{"amount":150.5,"currency":"MXN"}');
  });

  it("gives status, bytes and time, whatever they are", async ({ expect }) => {
    for (const status of [200, 201, 302, 402, 429, 500, 503]) {
      const { harmony, sent } = on(() => new Response("<html>", { status }));
      const { exchange, method } = await harmony.submit(METHOD_ID, REQUEST, null);
      expect(exchange).toEqual({
        type: "answered",
        httpStatus: status,
        body: "<html>",
        retryAfterSeconds: null,
        isCached: false,
        latencyMs: 7,
      });
      expect(method).toBeNull();
      expect(sent).toHaveLength(1);
    }
  });

  it.for([
    ["a connection that breaks", new Error("Network connection lost."), "connection_failed"],
    [
      "an error that calls itself retryable",
      Object.assign(new Error("x"), { retryable: true }),
      "connection_failed",
    ],
    ["the deadline", new DOMException("late", "TimeoutError"), "timeout"],
    ["an abort", new DOMException("gone", "AbortError"), "connection_failed"],
    ["something that is no error", "boom", "connection_failed"],
    ["nothing at all", undefined, "connection_failed"],
  ] as const)(
    "is a failure and is not repeated after %s",
    async ([, error, reason], { expect }) => {
      for (const respond of [async () => broken(error), () => thrown(error)]) {
        const { harmony, sent } = on(respond);
        const { exchange } = await harmony.submit(METHOD_ID, REQUEST, null);
        expect(exchange).toMatchObject({ type: "failed", reason });
        expect(sent).toHaveLength(1);
      }
    },
  );

  it("is a failure where the answer is longer than any of Harmony's", async ({ expect }) => {
    const long = on(() => new Response("x".repeat(64 * 1024 + 1), { status: 402 }));
    const { exchange } = await long.harmony.submit(METHOD_ID, REQUEST, null);
    expect(exchange).toMatchObject({ type: "failed", reason: "answer_too_large" });
    const fitting = on(() => new Response("x".repeat(64 * 1024), { status: 402 }));
    const answered = await fitting.harmony.submit(METHOD_ID, REQUEST, null);
    expect(answered.exchange).toMatchObject({ type: "answered", httpStatus: 402 });
  });

  it("survives text cut within a character", async ({ expect }) => {
    const bytes = new TextEncoder().encode('{"message":"año"}');
    const body = new ReadableStream({
      start(controller) {
        for (const byte of bytes) {
          controller.enqueue(new Uint8Array([byte]));
        }
        controller.close();
      },
    });
    const { harmony } = on(() => new Response(body, { status: 402 }));
    const { exchange } = await harmony.submit(METHOD_ID, REQUEST, null);
    expect(exchange).toMatchObject({ body: '{"message":"año"}' });
  });

  it.for([
    ["17", 17],
    ["0", 1],
    ["99999", 600],
    ["-1", null],
    ["1.5", null],
    ["soon", null],
    ["Thu, 01 Jan 1970 00:01:31 GMT", 90],
    ["99999999999", 600],
  ] as const)("reads Retry-After %s as %o", async ([header, seconds], { expect }) => {
    const { harmony } = on(() => json({}, 429, { "retry-after": header }));
    const { exchange } = await harmony.submit(METHOD_ID, REQUEST, null);
    expect(exchange).toMatchObject({ retryAfterSeconds: seconds });
  });

  it("reads the method once after a 400, and says nothing where that fails", async ({ expect }) => {
    const reads: readonly (readonly [() => Response | Promise<Response>, unknown])[] = [
      [() => json({ id: METHOD_ID, status: "REVOKED" }), { type: "status", status: "REVOKED" }],
      [
        () => json({ id: METHOD_ID.toUpperCase(), status: "ACTIVE" }),
        { type: "status", status: "ACTIVE" },
      ],
      [() => json({ id: "another", status: "ACTIVE" }), { type: "unreadable" }],
      [() => json({ id: METHOD_ID }), { type: "unreadable" }],
      [() => json({ id: METHOD_ID, status: "ACTIVE" }, 500), { type: "unreadable" }],
      [() => json({ id: METHOD_ID, status: "ACTIVE" }, 302), { type: "unreadable" }],
      [() => new Response("<html>"), { type: "unreadable" }],
      [() => Promise.reject(new Error("lost")), { type: "unreadable" }],
    ];
    for (const [read, method] of reads) {
      const { harmony, sent } = on((_, index) => (index === 0 ? json({}, 400) : read()));
      expect((await harmony.submit(METHOD_ID, REQUEST, null)).method).toEqual(method);
      expect(sent.map(({ init }) => init.method)).toEqual(["POST", "GET"]);
    }
  });
});

interface Item {
  readonly id: string;
  readonly status: string;
  readonly amount: number;
  readonly currency: string;
  readonly description?: unknown;
  readonly createdAt?: unknown;
}

function item(id: string, change: Partial<Item> = {}): Item {
  return { id, status: "CONFIRMED", amount: 10, currency: "MXN", ...change };
}

/** Serves this history in pages of a size of its own. */
function paged(items: readonly unknown[], pageSize: number, count = items.length): Responder {
  return ({ url }) => {
    const page = Number(new URL(url).searchParams.get("page"));
    return json({ count, items: items.slice((page - 1) * pageSize, page * pageSize) });
  };
}

const KNOWN = new Set<string>();

describe("a look", () => {
  it("reads every page and is complete", async ({ expect }) => {
    const items = Array.from({ length: 1100 }, (_, index) => item(`p${index}`));
    const { harmony, sent } = on(paged(items, 500));
    const report = await harmony.look(METHOD_ID, new Set(["p0", "p1099"]), 42);
    expect(report).toMatchObject({
      complete: true,
      why: null,
      pages: 3,
      count: 1100,
      beganSeq: 42,
    });
    expect(report.payments).toHaveLength(1100);
    expect(sent.map(({ url }) => new URL(url).search)).toEqual([
      "?page=1&pageSize=500",
      "?page=2&pageSize=500",
      "?page=3&pageSize=500",
    ]);
  });

  it("is complete over an empty history", async ({ expect }) => {
    const { harmony } = on(paged([], 500));
    expect(await harmony.look(METHOD_ID, KNOWN, 0)).toMatchObject({ complete: true, payments: [] });
  });

  it.for([
    ["fewer payments than it counts", paged([item("a")], 500, 2), "count_differs"],
    ["more payments than it counts", paged([item("a"), item("b")], 500, 1), "count_differs"],
    ["a payment twice in place of another", paged([item("a"), item("a")], 500), "count_differs"],
    ["an item that does not parse", paged([item("a"), { id: "b" }], 500), "page_does_not_parse"],
    [
      "an amount of part of a centavo",
      paged([item("a", { amount: 1.005 })], 500),
      "page_does_not_parse",
    ],
    ["no list", () => json({ count: 0 }), "page_does_not_parse"],
    ["a count below nothing", () => json({ count: -1, items: [] }), "page_does_not_parse"],
    ["HTML", () => new Response("<html>"), "page_does_not_parse"],
    ["an error", () => json({ count: 0, items: [] }, 500), "status_500"],
    ["a redirect", () => new Response("", { status: 302 }), "status_302"],
    ["a broken connection", () => Promise.reject(new Error("lost")), "connection_failed"],
    [
      "a page of more than a megabyte",
      () => new Response(`"${"x".repeat(1024 * 1024)}"`),
      "answer_too_large",
    ],
  ] as const)("proves nothing over %s", async ([, respond, why], { expect }) => {
    const { harmony } = on(respond);
    expect(await harmony.look(METHOD_ID, KNOWN, 0)).toMatchObject({ complete: false, why });
  });

  it("asks every page of Harmony itself, past every cache", async ({ expect }) => {
    const { harmony, sent } = on(paged([item("a"), item("b")], 1));
    await harmony.look(METHOD_ID, KNOWN, 0);
    expect(sent).toHaveLength(2);
    for (const { init } of sent) {
      expect(init.headers).toMatchObject({ "cache-control": "no-cache" });
      expect(init.headers).not.toHaveProperty("content-type");
    }
  });

  it.for(["1", "17", " 3 ", "0, 5", "-1", "soon", ""])(
    "proves nothing over a page of Age %o: some cache answered, and not Harmony",
    async (age, { expect }) => {
      for (const cached of [0, 1]) {
        const pages = paged([item("a"), item("b")], 1);
        const { harmony, sent } = on(async (request, index) => {
          const page = await pages(request, index);
          return index === cached ? json(await page.json(), 200, { age }) : page;
        });
        const report = await harmony.look(METHOD_ID, KNOWN, 0);
        expect(report).toMatchObject({ complete: false, why: "page_is_cached", httpStatus: 200 });
        expect(report.payments).toHaveLength(cached);
        expect(sent).toHaveLength(cached + 1);
      }
    },
  );

  it.for(["0", "00", " 0 "])("is complete over pages of Age %o", async (age, { expect }) => {
    const { harmony } = on(() => json({ count: 1, items: [item("a")] }, 200, { age }));
    expect(await harmony.look(METHOD_ID, KNOWN, 0)).toMatchObject({ complete: true, why: null });
  });

  it("names the answer of a cache that failed by its status", async ({ expect }) => {
    const { harmony } = on(() => json({}, 503, { age: "7" }));
    expect(await harmony.look(METHOD_ID, KNOWN, 0)).toMatchObject({ why: "status_503" });
  });

  it("proves nothing where a recorded payment is missing", async ({ expect }) => {
    const { harmony } = on(paged([item("a")], 500));
    expect(await harmony.look(METHOD_ID, new Set(["b"]), 0)).toMatchObject({
      complete: false,
      why: "known_payment_missing",
    });
  });

  it("proves nothing where the count moves between two pages", async ({ expect }) => {
    const { harmony } = on((_, index) => json({ count: 3 + index, items: [item(`p${index}`)] }));
    expect(await harmony.look(METHOD_ID, KNOWN, 0)).toMatchObject({
      complete: false,
      why: "count_moved",
    });
  });

  it("proves nothing where the last page fails, whatever the earlier ones showed", async ({
    expect,
  }) => {
    const { harmony } = on((_, index) =>
      index === 0 ? json({ count: 2, items: [item("a")] }) : json({}, 503),
    );
    expect(await harmony.look(METHOD_ID, KNOWN, 0)).toMatchObject({
      complete: false,
      why: "status_503",
      httpStatus: 503,
    });
  });

  it("begins no further page after two minutes", async ({ expect }) => {
    const { harmony, sent } = on(
      (_, index) => json({ count: 1000, items: [item(`p${index}`)] }),
      9500,
    );
    const report = await harmony.look(METHOD_ID, new Set(), 1);
    expect(report).toMatchObject({ complete: false, why: "took_too_long" });
    // Three readings of the clock a page, 9.5 s each.
    expect(sent.length).toBeLessThanOrEqual(6);
    expect(report.payments).toHaveLength(sent.length);
  });

  it("gives up after 40 pages", async ({ expect }) => {
    const { harmony, sent } = on((_, index) => json({ count: 1000, items: [item(`p${index}`)] }));
    expect(await harmony.look(METHOD_ID, KNOWN, 0)).toMatchObject({
      complete: false,
      why: "too_many_pages",
    });
    expect(sent).toHaveLength(40);
  });

  it("takes an unknown status for a payment, and times and tags only where they are plain", async ({
    expect,
  }) => {
    const items = [
      item("a", { status: "UNDER_REVIEW", createdAt: "2026-11-22T09:15:00Z" }),
      item("b", { description: "order [cobro:abcd1234]", createdAt: "2026-11-22T03:15:00-06:00" }),
      item("c", { description: 17, createdAt: "2026-11-22T09:15:00" }),
      item("d", { description: null, createdAt: 1_800_000_000 }),
      item("e", { createdAt: "2026-99-99T99:99:99Z" }),
    ];
    const { harmony } = on(paged(items, 500));
    const { payments } = await harmony.look(METHOD_ID, KNOWN, 0);
    const noonMs = Date.parse("2026-11-22T09:15:00Z");
    expect(payments.map(({ tag, createdAtMs }) => [tag, createdAtMs])).toEqual([
      [null, noonMs],
      ["abcd1234", noonMs],
      [null, null],
      [null, null],
      [null, null],
    ]);
  });

  it("is complete exactly where every payment was shown, however Harmony pages", async ({
    expect,
  }) => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(30),
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.nat(30), { maxLength: 3 }),
        async (total, pageSize, dropped) => {
          const all = Array.from({ length: total }, (_, index) => item(`p${index}`));
          const shown = all.filter((_, index) => !dropped.includes(index));
          const { harmony } = on(paged(shown, pageSize, total));
          const report = await harmony.look(METHOD_ID, KNOWN, 0);
          expect(report.complete).toBe(shown.length === total);
        },
      ),
    );
  });
});

describe("a read of a payment", () => {
  it("gives that payment, in centavos", async ({ expect }) => {
    const { harmony, sent } = on(() => json(item("p/1?x".replaceAll(/\W/g, "_"))));
    const read = await harmony.readPayment(METHOD_ID, "p_1_x");
    expect(read).toMatchObject({ payment: { id: "p_1_x", amountMinor: 1000 }, failure: null });
    expect(sent[0]?.url).toMatch(/\/payment\/p_1_x$/);
    expect(sent[0]?.init.headers).toMatchObject({ "cache-control": "no-cache" });
  });

  it.for([
    ["another payment", () => json(item("b")), 200, "not_this_payment"],
    ["no payment", () => json({}), 200, "not_this_payment"],
    ["a 404", () => json(item("a"), 404), 404, "status_404"],
    ["a broken connection", () => Promise.reject(new Error("lost")), null, "connection_failed"],
  ] as const)(
    "says nothing of it where the answer is %s",
    async ([, respond, httpStatus, failure], { expect }) => {
      const { harmony, sent } = on(respond);
      const read = await harmony.readPayment(METHOD_ID, "a");
      expect(read).toMatchObject({ payment: null, httpStatus, failure });
      expect(sent).toHaveLength(1);
    },
  );

  it("asks for an odd id as one part of the path", async ({ expect }) => {
    const { harmony, sent } = on(() => json({}, 404));
    await harmony.readPayment(METHOD_ID, "../refund?x=1");
    expect(sent[0]?.url).toMatch(/\/payment\/\.\.%2Frefund%3Fx%3D1$/);
  });
});
