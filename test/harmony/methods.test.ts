/**
 * The requests that manage payment methods, over a scripted network: what is sent, once, and which
 * answers are taken for one.
 */
import { Limits } from "../../src/harmony/limits.ts";
import { describe, it } from "vitest";
import { createMethods, type Methods, type PageQuery } from "../../src/harmony/methods.ts";

const METHOD_ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const NO_QUERY: PageQuery = { status: null, page: null, pageSize: null };
const PAYMENT = { id: "p1", status: "CONFIRMED", amount: 1.5, currency: "MXN" };
const METHOD = { id: METHOD_ID, status: "ACTIVE" };

interface Sent {
  readonly url: string;
  readonly init: RequestInit;
}

/** A client on a network with one answer, and everything that was sent on it. */
function on(answer: () => Response | Promise<Response>): { methods: Methods; sent: Sent[] } {
  const sent: Sent[] = [];
  const methods = createMethods(
    { baseUrl: "https://harmony.test/api", apiKey: "secret", timeoutMs: 20_000 },
    {
      fetch: async (url, init) => {
        sent.push({ url, init });
        return answer();
      },
      now: () => 1000,
      limits: new Limits(),
      deadline: () => new AbortController().signal,
    },
  );
  return { methods, sent };
}

const CALLS = {
  history: (methods: Methods) => methods.history(METHOD_ID, { ...NO_QUERY, pageSize: 5, page: 2 }),
  list: (methods: Methods) => methods.list({ ...NO_QUERY, status: "ACTIVE" }),
  read: (methods: Methods) => methods.read(METHOD_ID),
  create: (methods: Methods) => methods.create('{"externalId":"a"}'),
  revoke: (methods: Methods) => methods.revoke(METHOD_ID),
} as const;
const NAMES = Object.keys(CALLS) as (keyof typeof CALLS)[];

describe("a request about payment methods", () => {
  it.for([
    ["history", "GET", `/payment-method/${METHOD_ID}/payment?page=2&pageSize=5`, null],
    ["list", "GET", "/payment-method?status=ACTIVE", null],
    ["read", "GET", `/payment-method/${METHOD_ID}`, null],
    ["create", "POST", "/payment-method", '{"externalId":"a"}'],
    ["revoke", "DELETE", `/payment-method/${METHOD_ID}`, null],
  ] as const)(
    "is sent as Harmony documents it: %s",
    async ([name, method, path, body], { expect }) => {
      const { methods, sent } = on(() => new Response("{}", { status: 200 }));
      await CALLS[name](methods);
      expect(sent).toHaveLength(1);
      expect(sent[0]?.url).toBe(`https://harmony.test/api${path}`);
      expect(sent[0]?.init).toMatchObject({ method, body, redirect: "manual" });
      expect(sent[0]?.init.headers).toMatchObject({ "x-api-key": "secret" });
    },
  );

  it.for(NAMES)(
    "that fails in any way is a value, and is not repeated: %s",
    async (name, { expect }) => {
      const failures: (() => Response | Promise<Response>)[] = [
        () => Promise.reject(new Error("Network connection lost.")),
        () => Promise.reject(new DOMException("late", "TimeoutError")),
        () => new Response("", { status: 307, headers: { location: "/elsewhere" } }),
        () => new Response("<html>", { status: 400 }),
        () => new Response("{}", { status: 500 }),
        () => new Response("{", { status: 200 }),
        () => new Response("[]", { status: 200 }),
        () => new Response("null", { status: 201 }),
        () => new Response("x".repeat(2_000_000), { status: 200 }),
      ];
      for (const answer of failures) {
        const { methods, sent } = on(answer);
        expect((await CALLS[name](methods)).type).toBe("unread");
        expect(sent).toHaveLength(1);
      }
    },
  );
});

describe("an answer about payment methods", () => {
  it("keeps what Harmony sent beside what is checked", async ({ expect }) => {
    const page = { count: 1, page: 1, items: [{ ...PAYMENT, fee: 3 }], more: [1] };
    const history = await CALLS.history(on(() => Response.json(page)).methods);
    expect(history).toMatchObject({
      type: "page",
      count: 1,
      payments: [{ id: "p1", amountMinor: 150 }],
    });
    expect("body" in history && JSON.parse(history.body)).toEqual(page);
    const method = { ...METHOD, card: { networkType: "VISA", bin: "4" }, since: null };
    const read = await CALLS.read(on(() => Response.json(method)).methods);
    expect(read).toMatchObject({ type: "method", status: "ACTIVE" });
    expect("body" in read && JSON.parse(read.body)).toEqual(method);
  });

  it.for([
    ["history", { count: 1, items: [{ ...PAYMENT, amount: 1.005 }] }],
    ["history", { count: 1, items: [{ ...PAYMENT, id: "../p" }] }],
    ["history", { count: -1, items: [] }],
    ["history", { items: [] }],
    ["list", { count: 1, items: [{ id: "../x", status: "ACTIVE" }] }],
    ["list", { count: 1, items: [{ id: METHOD_ID }] }],
    ["list", { items: [METHOD] }],
    ["read", { ...METHOD, id: METHOD_ID.replace("a", "b") }],
    ["read", { ...METHOD, status: "" }],
    ["read", { ...METHOD, card: "4242424242424242" }],
    ["create", { id: METHOD_ID }],
    ["create", { id: "7", checkoutUrl: "https://pay.test/7" }],
    ["create", { id: METHOD_ID, checkoutUrl: "javascript:alert(1)" }],
    ["revoke", METHOD],
    ["revoke", { ...METHOD, id: METHOD_ID.replace("a", "b"), status: "REVOKED" }],
    ["revoke", { status: "REVOKED" }],
  ] as const)("is none where it is not what was asked: %j", async ([name, body], { expect }) => {
    const answer = await CALLS[name](on(() => Response.json(body)).methods);
    expect(answer).toMatchObject({ type: "unread", failure: "does_not_parse", httpStatus: 200 });
  });

  it("refuses an act only in JSON, and only as a 4xx", async ({ expect }) => {
    for (const name of ["create", "revoke"] as const) {
      const refused = () =>
        Response.json({ message: "no" }, { status: 400, headers: { "retry-after": "3" } });
      expect(await CALLS[name](on(refused).methods)).toMatchObject({
        type: "refused",
        httpStatus: 400,
        retryAfterSeconds: 3,
      });
    }
    const revoked = { ...METHOD, status: "REVOKED" };
    expect((await CALLS.revoke(on(() => Response.json(revoked)).methods)).type).toBe("done");
    const made = { id: METHOD_ID.toUpperCase(), checkoutUrl: "https://pay.test/7", extra: 1 };
    expect(await CALLS.create(on(() => Response.json(made)).methods)).toMatchObject({
      type: "created",
      paymentMethodId: METHOD_ID,
    });
  });
});
