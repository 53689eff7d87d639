/** What Harmony's answer to a refund means: every row of it, and that no answer escapes it. */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import type { Exchange } from "../../src/harmony/classify.ts";
import { classifyRefund, isRefundRefusal } from "../../src/harmony/classify-refund.ts";
import { answered } from "./answered.ts";

const ID = "11111111-1111-4111-8111-111111111111";
const ASKED = { id: ID, status: "CONFIRMED", amountMinor: 15_050, currency: "MXN" };
const REFUNDED = { ...ASKED, status: "REFUNDED" };

function given(change: Record<string, unknown> = {}): Record<string, unknown> {
  return { id: ID, status: "REFUNDED", amount: 150.5, currency: "MXN", ...change };
}

describe("a success", () => {
  it.for([200, 201, 204, 299])("with %d REFUNDED is refunded", (status, { expect }) => {
    const outcome = classifyRefund(answered(status, given()), ASKED, null);
    expect(outcome).toEqual({ kind: "refunded", payment: REFUNDED });
  });

  it.for([
    ["that is pending", given({ status: "PENDING" })],
    ["that still says CONFIRMED", given({ status: "CONFIRMED" })],
    ["of an unknown status", given({ status: "UNDER_REVIEW" })],
    ["of another payment", given({ id: "22222222-2222-4222-8222-222222222222" })],
    ["of another amount", given({ amount: 151.5 })],
    ["of another currency", given({ currency: "USD" })],
    ["without an amount", { id: ID, status: "REFUNDED" }],
    ["in HTML", "<!doctype html>"],
    ["that is empty", ""],
  ] as const)("%s is indeterminate", ([, body], { expect }) => {
    expect(classifyRefund(answered(201, body), ASKED, REFUNDED).kind).toBe("indeterminate");
  });
});

describe("a refusal", () => {
  it.for([400, 402, 422])(
    "with %d is one, with the payment as it was read",
    (status, { expect }) => {
      const exchange = answered(status, { message: "no" });
      expect(isRefundRefusal(exchange)).toBe(true);
      expect(classifyRefund(exchange, ASKED, ASKED)).toEqual({
        kind: "refused",
        payment: ASKED,
        upstream: '{"message":"no"}',
      });
    },
  );

  it("is none while the payment could not be read", ({ expect }) => {
    const outcome = classifyRefund(answered(400, { message: "no" }), ASKED, null);
    expect(outcome).toMatchObject({ kind: "not_sent", reason: "upstream_unavailable" });
  });

  it.for([
    [401, "upstream_unauthorized"],
    [403, "upstream_unauthorized"],
    [404, "payment_not_found"],
    [429, "upstream_unavailable"],
  ] as const)("with %d was not sent: %s", ([status, reason], { expect }) => {
    const outcome = classifyRefund(answered(status, { message: "no" }, 7), ASKED, null);
    const retryAfterSeconds = status === 429 ? 7 : null;
    expect(outcome).toEqual({ kind: "not_sent", reason, retryAfterSeconds });
  });

  it.for([400, 401, 404, 422, 429])(
    "with %d that is not JSON is indeterminate",
    (status, { expect }) => {
      for (const body of ["", "no", "[]", '"no"', "<html>"]) {
        expect(classifyRefund(answered(status, body), ASKED, ASKED).kind).toBe("indeterminate");
      }
    },
  );

  it.for([400, 402, 404, 500])(
    "with %d that names a payment is indeterminate",
    (status, { expect }) => {
      for (const body of [{ id: ID }, { paymentId: ID }, { payment: { id: ID } }]) {
        expect(classifyRefund(answered(status, body), ASKED, ASKED).kind).toBe("indeterminate");
      }
    },
  );
});

describe("anything else", () => {
  it.for([300, 301, 302, 307, 308, 405, 408, 409, 410, 418, 500, 502, 503, 504])(
    "such as %d is indeterminate",
    (status, { expect }) => {
      expect(classifyRefund(answered(status, { message: "?" }), ASKED, REFUNDED).kind).toBe(
        "indeterminate",
      );
    },
  );

  it("that failed is indeterminate", ({ expect }) => {
    const failed = { type: "failed", reason: "timeout", latencyMs: 5 } as const;
    expect(classifyRefund(failed, ASKED, REFUNDED)).toEqual({
      kind: "indeterminate",
      reason: "timeout",
    });
    expect(isRefundRefusal(failed)).toBe(false);
  });

  it("is total, and only this very payment, REFUNDED, in a 2xx, is refunded", ({ expect }) => {
    const bodies = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({
          id: fc.constantFrom(ID, "another"),
          status: fc.constantFrom("REFUNDED", "CONFIRMED", "x"),
          amount: fc.constantFrom(150.5, 1, "150.5"),
          currency: fc.constantFrom("MXN", "USD"),
        })
        .map((one) => JSON.stringify(one)),
    );
    const exchanges: fc.Arbitrary<Exchange> = fc.oneof(
      fc.record({
        type: fc.constant("failed" as const),
        reason: fc.string(),
        latencyMs: fc.nat(),
      }),
      fc.record({
        type: fc.constant("answered" as const),
        httpStatus: fc.integer({ min: 100, max: 599 }),
        body: bodies,
        retryAfterSeconds: fc.option(fc.nat()),
        isCached: fc.boolean(),
        latencyMs: fc.nat(),
      }),
    );
    const reads = fc.option(fc.constantFrom(ASKED, REFUNDED));
    fc.assert(
      fc.property(exchanges, reads, (exchange, read) => {
        const outcome = classifyRefund(exchange, ASKED, read);
        if (outcome.kind === "refunded") {
          const { httpStatus, body } = exchange as Exchange & { type: "answered" };
          expect(httpStatus >= 200 && httpStatus <= 299).toBe(true);
          expect(JSON.parse(body)).toMatchObject(given());
        }
        if (outcome.kind === "refused") {
          expect(isRefundRefusal(exchange)).toBe(true);
          expect(read).not.toBeNull();
        }
      }),
      { numRuns: 3000 },
    );
  });
});
