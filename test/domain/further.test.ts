/** What forbids a further attempt of a charge, by the look that is made before it. Pure. */
import { describe, it } from "vitest";
import type { Charge } from "../../src/domain/charge.ts";
import type { LookReport } from "../../src/domain/facts.ts";
import { paymentsAgainst } from "../../src/domain/look.ts";
import { attemptOf, chargeOf, draftOf, recordOf, seenOf, T0 } from "./builders.ts";
import { HOUR_MS } from "./said.ts";
import { looked } from "./steps.ts";

describe("a look for a further attempt", () => {
  const earlier = attemptOf({ outcome: "not_sent", httpStatus: 429 });
  const given = chargeOf({
    state: "not_charged",
    attempts: [earlier],
    doubt: null,
    nextLook: null,
  });
  const before = (payments: LookReport["payments"], rules = {}) =>
    looked({ charges: [given], rules }, { payments }, "before_attempt");
  const against = (draft: Parameters<typeof paymentsAgainst>[0], charge: Charge = given) =>
    paymentsAgainst(draft, charge).map(({ id }) => id);

  it("leaves nothing that speaks against it where the history shows nothing new", ({ expect }) => {
    const { draft, types } = before([seenOf({ amountMinor: 1 })]);
    expect(types).toEqual(["looked", "payment_unattributed"]);
    expect(against(draft)).toEqual([]);
  });

  it("is late truth where Harmony refused and yet shows a payment with our tag", ({ expect }) => {
    const { types, charge } = before([seenOf({ tag: "aaaaaaaa" })]);
    expect(types).toEqual(["looked", "late_truth_found"]);
    expect(charge).toMatchObject({ state: "approved" });
  });

  it("reports a fitting payment without our tag, and forbids a further attempt", ({ expect }) => {
    const { types, charge, draft } = before([seenOf()]);
    expect(types).toEqual(["looked", "payment_unattributed"]);
    expect(charge).toMatchObject({ state: "not_charged" });
    expect(against(draft)).toEqual(["payment-1"]);
  });

  it.for([
    ["two fit", [seenOf(), seenOf({ id: "payment-2" })], {}],
    ["one is of a status that nobody knows", [seenOf({ status: "UNDER_REVIEW" })], {}],
    ["one fits whose time contradicts", [seenOf({ createdAtMs: T0 - 24 * HOUR_MS })], {}],
    ["one fits that others may have made", [seenOf()], { foreignWriters: true }],
    ["one is of another attempt's tag", [seenOf({ tag: "zzzzzzzz" })], {}],
  ] as const)(
    "forbids it where %s, now and at the next look",
    ([, payments, rules], { expect }) => {
      const first = before(payments, rules);
      expect(first.charge).toMatchObject({ state: "not_charged" });
      expect(against(first.draft).length).toBeGreaterThan(0);
      const again = looked(
        { charges: [given], payments: [...first.draft.payments.values()], rules },
        { payments },
        "before_attempt",
      );
      expect(against(again.draft).length).toBeGreaterThan(0);
    },
  );

  it("forbids it for what a look no longer lists, and not for what has gone back", ({ expect }) => {
    const shown = recordOf({ listedSeq: null, read: true });
    const { draft } = looked({ charges: [given], payments: [shown] }, {}, "before_attempt");
    expect(against(draft)).toEqual(["payment-1"]);
    for (const status of ["CANCELLED", "REFUNDED"]) {
      expect(against(before([seenOf({ status })]).draft)).toEqual([]);
    }
  });

  it("asks about the attempts of that charge, and of no other", ({ expect }) => {
    const other = chargeOf({ chargeId: "c2", attempts: [attemptOf({ intentSeq: 25 })] });
    const draft = draftOf({ charges: [given, other], payments: [recordOf()] });
    expect(against(draft)).toEqual(["payment-1"]);
    expect(against(draft, other)).toEqual([]);
  });
});
