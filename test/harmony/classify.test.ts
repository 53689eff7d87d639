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
import { namedPaymentId, parseJson } from "../../src/harmony/wire.ts";
import { answered } from "./answered.ts";

const NEW_ID = "11111111-1111-4111-8111-111111111111";
const KNOWN_ID = "22222222-2222-4222-8222-222222222222";
const ASKED: Asked = { amountMinor: 15_050, currency: "MXN", isKnown: (id) => id === KNOWN_ID };
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
    const outcome = { kind: "declined", payment, upstream: null };
    expect(classifyAs(201, paid({ status: "CANCELLED" }))).toEqual(outcome);
  });

  it.for(["REFUNDED", "UNDER_REVIEW", "confirmed"])(
    "that says %s is indeterminate and names its payment",
    (status, { expect }) => {
      expect(classifyAs(201, paid({ status }))).toMatchObject({
        kind: "indeterminate",
        namedPaymentId: NEW_ID,
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
    });
  });
});

describe("a refusal", () => {
  const body = { message: "no" };

  it.for([402, 422])("with %d is declined, with Harmony's text", (status, { expect }) => {
    const upstream = JSON.stringify(body);
    expect(classifyAs(status, body)).toEqual({ kind: "declined", payment: null, upstream });
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

  it.for([400, 401, 402, 403, 404, 422, 429, 500])(
    "with %d that names a new payment is indeterminate and names it",
    (status, { expect }) => {
      for (const naming of [
        paid(),
        { message: "no", id: NEW_ID },
        { message: "no", paymentId: NEW_ID },
        { error: "no", payment: { id: NEW_ID } },
      ]) {
        expect(classifyAs(status, naming)).toMatchObject({
          kind: "indeterminate",
          namedPaymentId: NEW_ID,
        });
      }
    },
  );

  it.for([400, 402, 404, 429, 503])(
    "with %d that names a known payment is contradictory",
    (status, { expect }) => {
      expect(classifyAs(status, { message: "no", id: KNOWN_ID })).toMatchObject({
        kind: "contradictory",
        namedPaymentId: KNOWN_ID,
        knownBefore: true,
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
      expect(outcome).toEqual({ kind: "indeterminate", reason, namedPaymentId: null });
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

  it("never calls a charge refused or not sent where the body names a payment", ({ expect }) => {
    fc.assert(
      fc.property(exchanges, methods, (exchange, method) => {
        const outcome = classify(exchange, method, ASKED);
        const named =
          exchange.type === "answered" ? namedPaymentId(parseJson(exchange.body)) : null;
        if (named !== null) {
          const refused = outcome.kind === "declined" && outcome.payment === null;
          expect(refused || outcome.kind === "not_sent").toBe(false);
        }
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
