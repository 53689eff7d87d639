/** What Harmony's answer to a charge means: every row of the table, and that no answer escapes it. */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import type { Outcome } from "../../src/domain/outcome.ts";
import {
  type Asked,
  classify,
  type Exchange,
  type MethodReading,
} from "../../src/harmony/classify.ts";
import { isUuid } from "../../src/domain/ids.ts";
import { namesIn, parseJson } from "../../src/harmony/wire.ts";
import { answered } from "./answered.ts";

const NEW_ID = "11111111-1111-4111-8111-111111111111";
const KNOWN_ID = "22222222-2222-4222-8222-222222222222";
const ASKED: Asked = { amountMinor: 15_050, currency: "MXN", isKnown: (id) => id === KNOWN_ID };
/** The rest of a reply, after its id and status. */
const MONEY = ',"amount":150.5,"currency":"MXN"}';
const ACTIVE: MethodReading = { type: "status", status: "ACTIVE" };

function paid(change: Record<string, unknown> = {}): Record<string, unknown> {
  return { id: NEW_ID, status: "CONFIRMED", amount: 150.5, currency: "MXN", ...change };
}

const PAYMENT = { id: NEW_ID, status: "CONFIRMED", amountMinor: 15_050, currency: "MXN" };

function classifyAs(
  httpStatus: number,
  body: unknown,
  method: MethodReading | null = httpStatus === 400 ? ACTIVE : null,
): Outcome {
  return classify(answered(httpStatus, body), method, ASKED);
}

describe("a success", () => {
  it.for([200, 201, 202, 299])("with %d CONFIRMED is approved", (status, { expect }) => {
    expect(classifyAs(status, paid())).toEqual({ kind: "approved", payment: PAYMENT });
  });

  it.for(["PENDING", "NOT_INITIALIZED"])("that says %s is pending", (status, { expect }) => {
    const payment = { ...PAYMENT, status };
    expect(classifyAs(201, paid({ status }))).toEqual({ kind: "pending", payment });
  });

  it("that says CANCELLED is declined, with its payment", ({ expect }) => {
    const payment = { ...PAYMENT, status: "CANCELLED" };
    const outcome = { kind: "declined", payment, upstream: null, namedPaymentId: null };
    expect(classifyAs(201, paid({ status: "CANCELLED" }))).toEqual(outcome);
  });

  it.for(["REFUNDED", "UNDER_REVIEW"])(
    "that says %s is indeterminate and names its payment",
    (status, { expect }) => {
      expect(classifyAs(201, paid({ status }))).toMatchObject({
        kind: "indeterminate",
        namedPaymentId: NEW_ID,
        nameIs: "sure",
      });
    },
  );

  it.for([
    ["another amount", { amount: 151.5 }],
    ["a centavo less", { amount: 150.49 }],
    ["another currency", { currency: "USD" }],
  ] as const)("of %s is contradictory", ([, change], { expect }) => {
    expect(classifyAs(201, paid(change))).toEqual({
      kind: "contradictory",
      reason: "payment_differs",
      namedPaymentId: NEW_ID,
      knownBefore: false,
    });
  });

  it.for([
    ["as asked", {}],
    ["of another amount", { amount: 1 }],
    ["CANCELLED", { status: "CANCELLED" }],
    ["of an unknown status", { status: "UNDER_REVIEW" }],
    ["that does not parse", { amount: "150.5" }],
  ] as const)("with a known payment %s is contradictory", ([, change], { expect }) => {
    expect(classifyAs(201, paid({ id: KNOWN_ID, ...change }))).toMatchObject({
      kind: "contradictory",
      namedPaymentId: KNOWN_ID,
      knownBefore: true,
    });
  });

  it.for([
    ["without a body", ""],
    ["that is cut off", '{"id":"11111111-1111-4111-8111-1111'],
    ["that is HTML", "<!doctype html>"],
    ["that is a list", [paid()]],
    ["that is null", null],
    ["without an id", paid({ id: undefined })],
    ["with an id that is no id", paid({ id: "../refund" })],
    ["with a number for an id", paid({ id: 7 })],
  ] as const)("%s is indeterminate and names nothing", ([, body], { expect }) => {
    expect(classifyAs(201, body)).toEqual({
      kind: "indeterminate",
      reason: "success_does_not_parse",
      namedPaymentId: null,
      nameIs: null,
    });
  });

  it.for([
    ["an amount in text", { amount: "150.5" }],
    ["a fraction of a centavo", { amount: 150.505 }],
    ["no status", { status: undefined }],
    ["a status of many lines", { status: "CON\nFIRMED" }],
    ["no currency", { currency: null }],
  ] as const)("with %s is indeterminate and names its payment", ([, change], { expect }) => {
    expect(classifyAs(201, paid(change))).toMatchObject({
      kind: "indeterminate",
      namedPaymentId: NEW_ID,
      nameIs: "sure",
    });
  });

  it.for([
    ["an id", `{"id":"${NEW_ID}","id":"${KNOWN_ID}","status":"CONFIRMED"${MONEY}`],
    ["a status", `{"id":"${NEW_ID}","status":"CANCELLED","status":"CONFIRMED"${MONEY}`],
    ["an amount", `{"id":"${NEW_ID}","status":"CONFIRMED","amount":1${MONEY}`],
    ["a member of a member", `{"id":"${NEW_ID}","status":"CONFIRMED","x":{"a":1,"a":2}${MONEY}`],
  ] as const)("with %s twice, unlike each other, is indeterminate", ([, body], { expect }) => {
    expect(classifyAs(201, body)).toMatchObject({
      kind: "indeterminate",
      reason: "success_does_not_parse",
      namedPaymentId: null,
    });
  });

  it("with a member twice and the same is what it says", ({ expect }) => {
    const body = `{"id":"${NEW_ID}","status":"CONFIRMED","status":"CONFIRMED"${MONEY}`;
    expect(classifyAs(201, body)).toEqual({ kind: "approved", payment: PAYMENT });
  });

  it("with its id in capitals is of that payment, folded, and as it was spelt", ({ expect }) => {
    const spelt = "AAAAAAAA-1111-4111-8111-111111111111";
    const payment = { ...PAYMENT, id: spelt.toLowerCase(), spelt };
    expect(classifyAs(201, paid({ id: spelt }))).toEqual({ kind: "approved", payment });
    const isKnown = (id: string) => id === spelt.toLowerCase();
    expect(classify(answered(201, paid({ id: spelt })), null, { ...ASKED, isKnown })).toMatchObject(
      { kind: "contradictory", namedPaymentId: spelt.toLowerCase(), knownBefore: true },
    );
    // What is no UUID may differ by its case.
    expect(classifyAs(201, paid({ id: "Pay_1" }))).toMatchObject({ payment: { id: "Pay_1" } });
  });
});

describe("a refusal", () => {
  const body = { message: "no" };

  it.for([402, 422])("with %d is declined, with Harmony's text", (status, { expect }) => {
    const upstream = JSON.stringify(body);
    expect(classifyAs(status, body)).toEqual({
      kind: "declined",
      payment: null,
      upstream,
      namedPaymentId: null,
    });
  });

  it("with 400 of an ACTIVE method is declined", ({ expect }) => {
    expect(classifyAs(400, body, ACTIVE)).toMatchObject({ kind: "declined", payment: null });
  });

  it.for(["PENDING", "EXPIRED", "REVOKED", "SOMETHING_NEW"])(
    "with 400 of a method that is %s was not sent",
    (status, { expect }) => {
      expect(classifyAs(400, body, { type: "status", status })).toEqual({
        kind: "not_sent",
        reason: "payment_method_not_active",
        paymentMethodStatus: status,
        retryAfterSeconds: null,
        namedPaymentId: null,
      });
    },
  );

  it.for([[{ type: "unreadable" }], [null]] as const)(
    "with 400 of a method that cannot be read (%o) was not sent, and binds nothing",
    ([method], { expect }) => {
      expect(classifyAs(400, body, method)).toMatchObject({
        kind: "not_sent",
        reason: "upstream_unavailable",
      });
    },
  );

  it.for([
    [401, "upstream_unauthorized"],
    [403, "upstream_unauthorized"],
    [404, "payment_method_not_found"],
    [429, "upstream_unavailable"],
  ] as const)("with %d was not sent: %s", ([status, reason], { expect }) => {
    expect(classifyAs(status, body)).toMatchObject({ kind: "not_sent", reason });
  });

  it("with 429 passes on how long to wait", ({ expect }) => {
    const outcome = classify(answered(429, body, 17), null, ASKED);
    expect(outcome).toMatchObject({ kind: "not_sent", retryAfterSeconds: 17 });
  });

  it.for([400, 401, 402, 403, 404, 422, 429])(
    "with %d and no JSON object is indeterminate",
    (status, { expect }) => {
      for (const text of ["", "no", "<html></html>", "[]", "null", '"no"', "1", '{"message":']) {
        expect(classifyAs(status, text), text).toMatchObject({ kind: "indeterminate" });
      }
    },
  );

  /** Where an error may name a payment. */
  const naming = (id: unknown) => [
    paid({ id }),
    { message: "no", id },
    { message: "no", paymentId: id },
    { error: "no", payment: { id } },
  ];

  it.for([400, 402, 422])(
    "with %d that names a payment is a refusal with a guess",
    (status, { expect }) => {
      for (const named of naming(NEW_ID)) {
        expect(classifyAs(status, named)).toMatchObject({
          kind: "declined",
          payment: null,
          upstream: JSON.stringify(named),
          namedPaymentId: NEW_ID,
        });
      }
    },
  );

  it.for([401, 403, 404, 429])(
    "with %d that names a payment was not sent, with a guess",
    (status, { expect }) => {
      for (const named of naming(NEW_ID)) {
        expect(classifyAs(status, named)).toMatchObject({
          kind: "not_sent",
          namedPaymentId: NEW_ID,
        });
      }
      for (const method of [null, { type: "status", status: "REVOKED" }] as const) {
        const outcome = classifyAs(400, { id: NEW_ID }, method);
        expect(outcome).toMatchObject({ kind: "not_sent", namedPaymentId: NEW_ID });
      }
    },
  );

  it.for([
    [409, "guess"],
    [499, "guess"],
    [500, "told"],
    [302, "told"],
    [599, "told"],
  ] as const)(
    "with %d that names a payment is indeterminate: it is %s",
    ([status, nameIs], { expect }) => {
      for (const named of naming(NEW_ID)) {
        const outcome = { kind: "indeterminate", namedPaymentId: NEW_ID, nameIs };
        expect(classifyAs(status, named)).toMatchObject(outcome);
      }
    },
  );

  it.for([400, 401, 402, 403, 404, 409, 422, 429, 500])(
    "with %d names nothing that is known before, or is no UUID",
    (status, { expect }) => {
      for (const id of [KNOWN_ID, KNOWN_ID.toUpperCase(), "req_17", "17", "", 17, null, [NEW_ID]]) {
        for (const named of naming(id)) {
          const outcome = classifyAs(status, named);
          expect("namedPaymentId" in outcome && outcome.namedPaymentId).toBeNull();
          expect("nameIs" in outcome && outcome.nameIs !== null).toBe(false);
          expect(outcome.kind).not.toBe("contradictory");
        }
      }
    },
  );

  it("names a payment folded, and as it was spelt where that differs", ({ expect }) => {
    const id = "AAAAAAAA-1111-4111-8111-111111111111";
    const namedPaymentId = id.toLowerCase();
    for (const status of [402, 429, 500]) {
      for (const named of naming(id)) {
        expect(classifyAs(status, named)).toMatchObject({ namedPaymentId, namedAs: id });
        expect(classifyAs(status, { id: namedPaymentId })).not.toHaveProperty("namedAs");
      }
    }
    const isKnown = (one: string) => one === namedPaymentId;
    expect(classify(answered(402, { id }), null, { ...ASKED, isKnown })).toMatchObject({
      kind: "declined",
      namedPaymentId: null,
    });
  });

  it.for([402, 429, 500])(
    "with %d names the first payment that may be its, beside an id that is none, or is known",
    (status, { expect }) => {
      for (const id of ["req_17", 17, KNOWN_ID, KNOWN_ID.toUpperCase()]) {
        for (const named of [
          { id, paymentId: NEW_ID },
          { id, payment: { id: NEW_ID } },
          { id, paymentId: id, payment: { id: NEW_ID } },
          { id: NEW_ID, paymentId: id },
        ]) {
          expect(classifyAs(status, named)).toMatchObject({ namedPaymentId: NEW_ID });
        }
      }
    },
  );

  it.for([400, 401, 402, 403, 404, 422, 429])(
    "with %d that has a member twice, unlike each other, is indeterminate",
    (status, { expect }) => {
      const text = '{"message":"no","message":"yes"}';
      expect(classifyAs(status, text)).toMatchObject({
        kind: "indeterminate",
        reason: `status_${status}_without_json`,
        namedPaymentId: null,
      });
    },
  );
});

describe("anything else", () => {
  const others = [100, 101, 300, 301, 302, 303, 304, 307, 308, 405, 406, 408, 409, 410, 418, 423];
  it.for([...others, 425, 428, 451, 499, 500, 501, 502, 503, 504, 520, 599, 0, 999])(
    "is indeterminate: %d",
    (status, { expect }) => {
      for (const body of ["", { message: "no" }, [], "<html>"]) {
        expect(classifyAs(status, body)).toMatchObject({
          kind: "indeterminate",
          namedPaymentId: null,
        });
      }
    },
  );

  it.for(["timeout", "connection_failed", "answer_too_large"])(
    "is indeterminate: no answer, %s",
    (reason, { expect }) => {
      const outcome = classify({ type: "failed", reason, latencyMs: 20_000 }, null, ASKED);
      expect(outcome).toEqual({
        kind: "indeterminate",
        reason,
        namedPaymentId: null,
        nameIs: null,
      });
    },
  );
});

/** Bodies from noise to nearly right, so that every arm is met often. */
const member = fc.oneof(
  fc.constantFrom(NEW_ID, KNOWN_ID, "x", "", "CONFIRMED", "PENDING", "CANCELLED", "MXN"),
  fc.constantFrom(150.5, 1, 150.505, -1, null, true),
  fc.jsonValue({ maxDepth: 1 }),
);
const nearlyPaid = fc.record(
  {
    id: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(NEW_ID, KNOWN_ID) }, member),
    status: fc.oneof(fc.constantFrom("CONFIRMED", "PENDING", "CANCELLED", "REFUNDED"), member),
    amount: fc.oneof(fc.constant(150.5), member),
    currency: fc.oneof(fc.constant("MXN"), member),
    payment: fc.oneof(member, fc.record({ id: member })),
    paymentId: member,
    message: member,
  },
  { requiredKeys: [] },
);
const bodies = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  nearlyPaid.map((value) => JSON.stringify(value)),
  fc.tuple(nearlyPaid, fc.nat(200)).map(([value, at]) => JSON.stringify(value).slice(0, at)),
);
const exchanges: fc.Arbitrary<Exchange> = fc.oneof(
  fc.record({
    type: fc.constant("failed" as const),
    reason: fc.string(),
    latencyMs: fc.nat(),
  }),
  fc.record({
    type: fc.constant("answered" as const),
    httpStatus: fc.oneof(
      fc.constantFrom(200, 201, 400, 401, 402, 403, 404, 422, 429, 500),
      fc.integer({ min: -1, max: 1000 }),
    ),
    body: bodies,
    retryAfterSeconds: fc.option(fc.nat(3600)),
    isCached: fc.boolean(),
    latencyMs: fc.nat(),
  }),
);
const methods: fc.Arbitrary<MethodReading | null> = fc.oneof(
  fc.constant(null),
  fc.constant({ type: "unreadable" as const }),
  fc.constantFrom("ACTIVE", "REVOKED", "?").map((status) => ({ type: "status" as const, status })),
);
const RUNS = { numRuns: 3000 };

describe("classify", () => {
  it("is total: any status, any bytes and any failure give one of six outcomes", ({ expect }) => {
    const kinds = ["approved", "pending", "declined", "not_sent", "indeterminate", "contradictory"];
    fc.assert(
      fc.property(exchanges, methods, fc.boolean(), (exchange, method, known) => {
        const outcome = classify(exchange, method, { ...ASKED, isKnown: () => known });
        expect(kinds).toContain(outcome.kind);
      }),
      RUNS,
    );
  });

  it("never takes a payment for ours that is known", ({ expect }) => {
    fc.assert(
      fc.property(exchanges, methods, (exchange, method) => {
        const outcome = classify(exchange, method, ASKED);
        if ("payment" in outcome && outcome.payment !== null) {
          expect(outcome.payment.id).not.toBe(KNOWN_ID);
          expect(outcome.payment).toMatchObject({ amountMinor: 15_050, currency: "MXN" });
        }
        const all = classify(exchange, method, { ...ASKED, isKnown: () => true });
        expect("payment" in all ? all.payment : null).toBeNull();
      }),
      RUNS,
    );
  });

  it("keeps the name that an error gives a new payment, and never takes one for sure", ({
    expect,
  }) => {
    fc.assert(
      fc.property(exchanges, methods, (exchange, method) => {
        fc.pre(exchange.type === "answered");
        const { httpStatus, body } = exchange;
        fc.pre(httpStatus < 200 || httpStatus > 299);
        const outcome = classify(exchange, method, ASKED);
        const [named] = namesIn(parseJson(body)).flatMap(({ id }) =>
          isUuid(id) && id !== KNOWN_ID ? [id] : [],
        );
        expect("namedPaymentId" in outcome ? outcome.namedPaymentId : "none").toBe(named ?? null);
        expect("nameIs" in outcome && outcome.nameIs === "sure").toBe(false);
      }),
      RUNS,
    );
  });

  it("concludes nothing from an answer that is no success and holds no JSON object", ({
    expect,
  }) => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 599 }), fc.string(), methods, (status, text, one) => {
        const object = parseJson(text);
        fc.pre(typeof object !== "object" || object === null || Array.isArray(object));
        expect(classify(answered(status, text), one, ASKED).kind).toBe("indeterminate");
      }),
      RUNS,
    );
  });

  it("concludes nothing from a redirect, whatever it says", ({ expect }) => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 399 }), bodies, methods, (status, body, method) => {
        const { kind } = classify(answered(status, body), method, ASKED);
        expect(["indeterminate", "contradictory"]).toContain(kind);
      }),
      RUNS,
    );
  });
});
