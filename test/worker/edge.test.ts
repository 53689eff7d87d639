/**
 * HTTP at the edge: what is too long, comes too late, is encoded, joined or repeated gets a clear
 * error, sends nothing and loses nothing. At the Worker's edge against the real sandbox.
 */
import { describe, inject, it, vi } from "vitest";
import { book, createMethod, setScenario } from "../support/sandbox.ts";
import { type Answered, charge, get, newKey, seedKeys, send } from "./support.ts";

const sandbox = inject("sandboxUrl");
await seedKeys();

const STOREFRONT = { "x-api-key": "cobro_test_storefront" };
const JSON_TYPE = { "content-type": "application/json" };

async function sentTo(id: string): Promise<number> {
  const { requests } = await book(sandbox, id);
  return requests.charge + requests.look;
}

/** A charge whose body comes in pieces, each after so many ms; null never comes. */
async function slowly(
  id: string,
  pieces: readonly (readonly [number, string | null])[],
  headers: Record<string, string>,
): Promise<Answered> {
  const body = new ReadableStream<Uint8Array>({
    async start(stream) {
      for (const [ms, piece] of pieces) {
        await scheduler.wait(ms);
        if (piece === null) {
          return;
        }
        stream.enqueue(new TextEncoder().encode(piece));
      }
      stream.close();
    },
  });
  return send(`/api/payment-method/${id}/payment`, {
    method: "POST",
    headers: { ...STOREFRONT, ...JSON_TYPE, ...headers },
    body,
  });
}

describe("a header that is too long", () => {
  it("is refused or left alone before anything is matched", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const blanks = " ".repeat(600);
    const many: readonly (readonly [Record<string, string>, number])[] = [
      [{ "content-type": `application/json;${" ".repeat(100)}charset=utf-8` }, 415],
      [{ "x-api-key": `cobro_${"a".repeat(600)}` }, 401],
      [{ "idempotency-key": `"a${blanks}"` }, 400],
    ];
    for (const [headers, status] of many) {
      expect((await charge(id, newKey(), { amount: 5 }, headers)).status).toBe(status);
    }
    const authorization = `Bearer ${" ".repeat(600)}cobro_test_storefront`;
    expect((await send("/api/payment-method", { headers: { authorization } })).status).toBe(401);
    expect(await sentTo(id)).toBe(0);
    const ignored = {
      prefer: `${"a".repeat(100)}, wait=1`,
      traceparent: `01-${"a".repeat(32)}-${"b".repeat(16)}-01-${"c".repeat(256)}`,
    };
    expect((await charge(id, newKey(), { amount: 5 }, ignored)).status).toBe(201);
  });

  it("takes a key of 255 characters that are all escaped", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const key = `"${'\\"'.repeat(255)}"`;
    expect((await charge(id, key, { amount: 5 })).status).toBe(201);
  });

  it("is an address of more than 16 KiB: 414", async ({ expect }) => {
    const long = "a".repeat(16 * 1024);
    const answer = await get(`/ledger/entries?caller=${long}`);
    expect(answer.json).toMatchObject({ status: 414, code: "uri_too_long", money: "unknown" });
    expect((await get(`/ledger/entries?caller=${"a".repeat(2000)}`)).status).toBe(200);
  });
});

describe("a body", () => {
  it("that does not arrive in ten seconds is 408, and the same key charges", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const key = newKey();
    const late = await slowly(
      id,
      [
        [0, '{"amount"'],
        [0, null],
      ],
      { "idempotency-key": key },
    );
    expect(late.json).toMatchObject({
      status: 408,
      code: "request_timeout",
      money: "unknown",
      retry: "same_key",
    });
    expect(late.headers.get("cobro-retry")).toBe("same_key");
    expect(await sentTo(id)).toBe(0);
    expect((await charge(id, key, { amount: 5 })).status).toBe(201);
  });

  it("that takes its time leaves the caller its whole wait", async ({ expect }) => {
    const id = await createMethod(sandbox);
    await setScenario(sandbox, id, { charges: [{ kind: "approve", latencyMs: 300 }] });
    const pieces = [
      [1700, '{"amount"'],
      [1700, ":5}"],
    ] as const;
    const headers = { "idempotency-key": newKey(), prefer: "wait=1" };
    expect((await slowly(id, pieces, headers)).status).toBe(201);
  });

  it("in a coding is 415 and says which is taken", async ({ expect }) => {
    const id = await createMethod(sandbox);
    for (const coding of ["gzip", "br", "identity, gzip", "x"]) {
      const headers = { "content-encoding": coding };
      const answer = await charge(id, newKey(), { amount: 5 }, headers);
      expect(answer.json).toMatchObject({ status: 415, code: "unsupported_media_type" });
      expect(answer.headers.get("accept-encoding")).toBe("identity");
    }
    const plain = { "content-encoding": "Identity" };
    expect((await charge(id, newKey(), { amount: 5 }, plain)).status).toBe(201);
  });

  it.for([
    ["Application/JSON", 201],
    ["application/json;", 201],
    ["application/json ; Charset=UTF-8", 201],
    ['application/json; charset="utf-8"', 201],
    ["application/json; odata=verbose; version=1", 201],
    ['application/json; a="; charset=latin1"', 201],
    ["application/json; charset=latin1", 415],
    ["application/json, text/plain", 415],
    ["application/problem+json", 415],
    ["json", 415],
  ] as const)("of the type %s is answered %d", async ([type, status], { expect }) => {
    const id = await createMethod(sandbox);
    const answer = await charge(id, newKey(), { amount: 5 }, { "content-type": type });
    expect(answer.status).toBe(status);
  });

  it("that makes a card is sent to Harmony as it came", async ({ expect }) => {
    const spy = vi.spyOn(globalThis, "fetch");
    const body = '{ "customerNumber" : 12345678901234567890, "ttlMinutes":6e1}';
    const answer = await send("/api/payment-method", {
      method: "POST",
      headers: { ...JSON_TYPE, "x-api-key": "cobro_test_manager" },
      body,
    });
    const sent = spy.mock.calls.map(([, init]) => init?.body);
    spy.mockRestore();
    expect(answer.status).toBe(201);
    expect(sent).toEqual([body]);
  });

  it("with a thousand wrong members is told of twenty", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const members = Array.from({ length: 1000 }, (_, index) => [`m${index}`, 1]);
    const answer = await charge(id, newKey(), Object.fromEntries(members));
    expect(answer.json["errors"]).toHaveLength(20);
  });
});

describe("an idempotency key", () => {
  it.for([
    ['"a, b"', "of two lines, joined"],
    ['"a,b"', "with a comma"],
    ["undefined", "of a template"],
    ["null", "of a template"],
    ['"null"', "of a template, quoted"],
    ["NaN", "of a template"],
    ["true", "of a template"],
    ["True", "of a template"],
    ["false", "of a template"],
    ["0", "of a template"],
  ] as const)("is none: %s, %s", async ([key], { expect }) => {
    const id = await createMethod(sandbox);
    const answer = await charge(id, key, { amount: 5 });
    expect(answer.json).toMatchObject({
      status: 400,
      code: "idempotency_key_invalid",
      errors: [{ header: "Idempotency-Key" }],
    });
    const path = `/api/payment-method/${id}/charge?idempotencyKey=${encodeURIComponent(key)}`;
    expect((await get(path)).json["errors"]).toMatchObject([{ parameter: "idempotencyKey" }]);
    expect(await sentTo(id)).toBe(0);
  });

  it("on two lines that join to one string is refused", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const headers = new Headers({ ...STOREFRONT, ...JSON_TYPE });
    headers.append("idempotency-key", '"one');
    headers.append("idempotency-key", 'two"');
    const path = `/api/payment-method/${id}/payment`;
    const answer = await send(path, { method: "POST", headers, body: '{"amount":5}' });
    expect(answer.json).toMatchObject({ status: 400, code: "idempotency_key_invalid" });
    expect(await sentTo(id)).toBe(0);
  });
});

describe("`Prefer`", () => {
  it.for([
    ["wait=1", 202],
    ["respond-async, WAIT = 1; x=y", 202],
    ['foo="a, b" , wait="1"', 202],
    ["wait=1, wait=30", 202],
    ['foo="x, wait=1"', 201],
    ["foo; wait=1", 201],
    ["nowait=1", 201],
    ["wait=31", 201],
    ["wait=0", 201],
  ] as const)("is a list: %s is answered %d", async ([prefer, status], { expect }) => {
    const id = await createMethod(sandbox);
    // Known after one and a half seconds; who waits for one is told before.
    await setScenario(sandbox, id, {
      charges: [{ kind: "lose_reply_after_charging", how: "hang" }],
    });
    expect((await charge(id, newKey(), { amount: 5 }, { prefer })).status).toBe(status);
  });
});

describe("`traceparent`", () => {
  const [trace, parent] = ["a".repeat(32), "b".repeat(16)];
  it.for([
    [`00-${trace}-${parent}-01`, trace],
    [`00-${trace}-${parent}-01-`, null],
    [`00-${trace}-${parent}-01-more`, null],
    [`01-${trace}-${parent}-01-more`, trace],
    [`ff-${trace}-${parent}-01`, null],
    [`00-${"0".repeat(32)}-${parent}-01`, null],
  ] as const)("%s names the trace %s", async ([traceparent, traceId], { expect }) => {
    const id = await createMethod(sandbox);
    await charge(id, newKey(), { amount: 5 }, { traceparent });
    await vi.waitFor(
      async () => {
        const { json } = await get(`/ledger/entries?paymentMethodId=${id}&type=attempt_intended`);
        expect(json["entries"]).toMatchObject([{ traceId }]);
      },
      { timeout: 10_000, interval: 50 },
    );
  });
});

describe("an address", () => {
  it("is decoded before its ids are judged", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const made = await charge(id.replaceAll("-", "%2D"), newKey(), { amount: 5 });
    expect(made.status).toBe(201);
    const path = `/api/payment-method/${id}/payment`;
    const first = String(made.json["id"]);
    const escaped = `%${first.charCodeAt(0).toString(16)}${first.slice(1)}`;
    expect((await get(`${path}/${escaped}`)).text).toBe(made.text);
    for (const wrong of ["%zz", "%ff", "%"]) {
      expect((await get(`${path}/${wrong}`)).json).toMatchObject({ code: "not_found" });
    }
    expect((await get(`${path}/a%2Fb`)).json).toMatchObject({ code: "payment_not_found" });
  });

  it("with a parameter twice is refused, by the parameter's name", async ({ expect }) => {
    const id = await createMethod(sandbox);
    const method = `/api/payment-method/${id}`;
    for (const [path, parameter] of [
      [`${method}/charge?idempotencyKey=a&idempotencyKey=a`, "idempotencyKey"],
      [`${method}/charge?idempotencyKey=a&caller=main&caller=other`, "caller"],
      [`${method}/payment?page=1&page=1`, "page"],
      ["/ledger/open?limit=5&limit=6", "limit"],
      ["/ledger/entries?order=asc&order=asc", "order"],
      ["/ledger/entries?what=1", "what"],
    ] as const) {
      const answer = await get(path);
      expect(answer.json).toMatchObject({
        status: 400,
        code: "invalid_request",
        errors: [{ parameter }],
      });
    }
    const headers = { ...STOREFRONT, "idempotency-key": "null" };
    const wrong = await send(`${method}/charge?idempotencyKey=a`, { headers });
    expect(wrong.json["errors"]).toMatchObject([{ header: "Idempotency-Key" }]);
  });
});
