/* oxlint-disable unicorn/no-thenable -- `then` is the scenario's own word */
import { describe, expect, it } from "vitest";
import { emptyScenario, parseScenario } from "../../sandbox/scenario.ts";

function refused(scenario: unknown): string {
  const parsed = parseScenario(scenario);
  return parsed.ok ? "accepted" : parsed.message;
}

describe("a scenario", () => {
  it("is normal behaviour where it says nothing", () => {
    expect(parseScenario({})).toEqual({ ok: true, value: emptyScenario() });
  });

  it("takes a bare kind for one with its defaults", () => {
    const bare = parseScenario({ charges: ["lose_reply_after_charging", "pending", "late"] });
    expect(bare.ok && bare.value.charges).toEqual([
      { kind: "lose_reply_after_charging", how: "reset", latencyMs: 0 },
      { kind: "pending", polls: 3, then: "CONFIRMED", latencyMs: 0 },
      { kind: "late", chargeAfterMs: 1000 },
    ]);
  });

  it("names a refund's and a revoke's steps by their own act or by a charge's", () => {
    const own = parseScenario({
      refunds: ["error_after_refunding", { kind: "late", refundAfterMs: 5 }],
      revokes: ["error_after_revoking", { kind: "late", revokeAfterMs: 5 }],
    });
    const steps = ["error_after_charging", { kind: "late", chargeAfterMs: 5 }];
    expect(own).toEqual(parseScenario({ refunds: steps, revokes: steps }));
  });

  it.each([
    [{ charge: [] }, '"charge" is not allowed; allowed: charges, refunds, revokes, reads'],
    [{ charges: {} }, "charges: must be a list"],
    [{ charges: [7] }, "charges[0]: a step is an object with a kind, or the bare kind"],
    [{ charges: ["approve", "explode"] }, 'charges[1]: kind "explode" is not allowed; allowed: ap'],
    [{ charges: ["toString"] }, 'charges[0]: kind "toString" is not allowed'],
    [{ charges: [{}] }, "charges[0]: kind undefined is not allowed"],
    [
      { charges: [{ kind: "approve", howLong: 5 }] },
      'charges[0]: approve: "howLong" is not allowed; allowed: latencyMs',
    ],
    [{ charges: [{ kind: "decline", as: 500 }] }, "charges[0]: decline: as:"],
    [{ reads: [{ kind: "hang", how: "reset" }] }, '"how" is not allowed; allowed: no members'],
    [
      { looks: ["approve"] },
      "allowed: ok, error, hang, reset, garbage, doubled_member, empty, foreign",
    ],
    [{ refunds: ["error_after_revoking"] }, "error_after_refunding"],
    [{ revokes: ["wrong_amount_after_revoking"] }, '"wrong_amount_after_revoking" is not allowed'],
    [{ history: { sort: "newest" } }, 'history: "sort" is not allowed; allowed: fields, descr'],
    [{ history: { fields: "most" } }, "history: fields:"],
    ["approve", "a scenario is an object"],
  ])("is refused with what is allowed: %j", (scenario, message) => {
    expect(refused(scenario)).toContain(message);
  });
});
