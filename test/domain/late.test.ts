/** What a look finds beside a doubt: late truth, what is a person's, what is nobody's. Pure. */
import { describe, it } from "vitest";
import { type Charge } from "../../src/domain/charge.ts";
import { attemptOf, chargeOf, judgedOf, recordOf, seenOf, T0 } from "./builders.ts";
import { HOUR_MS } from "./said.ts";
import { effectOf, looked } from "./steps.ts";
import { moneyOf } from "./known.ts";

describe("late truth", () => {
  const nextLook = { atMs: T0, gapMs: HOUR_MS };
  const late = chargeOf({ state: "not_charged", resolvedBy: "rule", resolvedAtMs: T0, nextLook });
  const paid = (change: Partial<Charge> = {}) =>
    chargeOf({
      chargeId: "c2",
      state: "approved",
      doubt: null,
      nextLook: null,
      attempts: [
        attemptOf({ tag: "b", intentSeq: 15, outcome: "approved", explainedBy: "payment-9" }),
      ],
      ...change,
    });
  const besideOf = (other: Charge, first: Charge = late, status = "CONFIRMED") => {
    const payments = [recordOf({ id: "payment-9", chargeId: "c2", recordedSeq: 16, status })];
    const shown = [seenOf(), seenOf({ id: "payment-9", status })];
    const { draft } = looked({ charges: [first, other], payments }, { payments: shown }, "late");
    const found = draft.noted.find(({ fact }) => fact.type === "late_truth_found")?.fact;
    return found?.type === "late_truth_found" ? found.beside : undefined;
  };

  it("makes of a charge what the payment is, and edits nothing", ({ expect }) => {
    const { draft, types, charge } = looked({ charges: [late] }, { payments: [seenOf()] }, "late");
    expect(types).toEqual(["looked", "late_truth_found"]);
    expect(charge).toMatchObject({ state: "approved", nextLook: null });
    expect(effectOf(draft)).toBe(5000);
  });

  it("is a duplicate where the charge was paid meanwhile", ({ expect }) => {
    const payment = { id: "payment-2", status: "CONFIRMED", amountMinor: 5000, currency: "MXN" };
    const attempts = [
      attemptOf(),
      attemptOf({
        attempt: 2,
        tag: null,
        intentSeq: 40,
        outcome: "approved",
        explainedBy: "payment-2",
      }),
    ];
    const twice = { ...late, state: "approved", payment, attempts } as const;
    const payments = [recordOf({ id: "payment-2", chargeId: "charge-1", recordedSeq: 41 })];
    const { draft, charge } = looked(
      { charges: [twice], payments, nextSeq: 50 },
      { payments: [seenOf(), seenOf({ id: "payment-2" })] },
      "late",
    );
    expect(charge).toMatchObject({ state: "approved", payment, duplicates: ["payment-1"] });
    expect(effectOf(draft)).toBe(5000);
  });

  it("is only noted where it is cancelled and the charge has a payment already", ({ expect }) => {
    const own = { id: "payment-2", status: "CANCELLED", amountMinor: 5000, currency: "MXN" };
    const attempts = [
      attemptOf(),
      attemptOf({ attempt: 2, tag: "b", explainedBy: "payment-2", noAtMs: T0 }),
    ];
    const given = {
      charges: [chargeOf({ state: "declined", payment: own, attempts, doubt: null, nextLook })],
      payments: [recordOf({ ...own, chargeId: "charge-1" })],
    };
    const cancelled = seenOf({ status: "CANCELLED" });
    // By its amount alone it is another's no, and stands.
    const untold = looked(given, { payments: [cancelled, seenOf(own)] }, "late");
    expect(untold.types).toEqual(["looked"]);
    const ours = [{ ...cancelled, tag: "aaaaaaaa" }, seenOf(own)];
    const { draft, types, charge } = looked(given, { payments: ours }, "late");
    expect(types).toEqual(["looked", "late_truth_found"]);
    expect(draft.noted[1]?.fact).toMatchObject({ as: "cancelled", payment: { id: "payment-1" } });
    expect(charge).toMatchObject({ state: "declined", payment: own, duplicates: [] });
    expect(draft.payments.get("payment-1")).toMatchObject({ chargeId: "charge-1" });
    // One that holds money is the payment of a charge whose other is cancelled.
    const alive = looked(given, { payments: [seenOf(), seenOf(own)] }, "late");
    expect(alive.draft.noted[1]?.fact).toMatchObject({ as: "payment", nextPoll: null });
    expect(alive.charge).toMatchObject({ state: "approved", payment: { id: "payment-1" } });
  });

  it("of several with our tag is the one that holds money, and the others beside it", ({
    expect,
  }) => {
    const payments = [
      seenOf({ id: "p1", status: "CANCELLED", tag: "aaaaaaaa" }),
      seenOf({ id: "p2", tag: "aaaaaaaa" }),
      seenOf({ id: "p3", status: "PENDING", tag: "aaaaaaaa" }),
    ];
    const { draft, types, charge } = looked({}, { payments });
    expect(types).toEqual([
      "looked",
      "payment_adopted",
      "late_truth_found",
      "late_truth_found",
      "method_unfrozen",
    ]);
    expect(charge).toMatchObject({ state: "approved", payment: { id: "p2" }, duplicates: ["p3"] });
    expect(charge?.nextPoll).toMatchObject({ gapMs: 2000 });
    expect(draft.noted[3]?.fact).toMatchObject({ as: "cancelled", payment: { id: "p1" } });
    expect(effectOf(draft)).toBe(5000);
  });

  it("leaves the poll of what else is open where it is a duplicate", ({ expect }) => {
    const payment = { id: "payment-2", status: "PENDING", amountMinor: 5000, currency: "MXN" };
    const nextPoll = { atMs: T0 + HOUR_MS, gapMs: 777 };
    const pending = { ...late, state: "pending", payment, nextPoll } as const;
    const { charge } = looked({ charges: [pending] }, { payments: [seenOf()] }, "late");
    expect(charge).toMatchObject({ state: "pending", duplicates: ["payment-1"], nextPoll });
  });

  it("names the other charge of that amount or reference that was paid since", ({ expect }) => {
    expect(besideOf(paid())).toBe("c2");
    const { request } = late;
    const other = { ...request, amountMinor: 7000 };
    expect(besideOf(paid({ request: other }))).toBeNull();
    expect(besideOf(paid({ request: { ...other, reference: "A-17" } }))).toBeNull();
    const referred = { ...late, request: { ...request, reference: "A-17" } };
    expect(besideOf(paid({ request: { ...other, reference: "A-17" } }), referred)).toBe("c2");
    expect(besideOf(paid({ request: { ...other, reference: "A-18" } }), referred)).toBeNull();
  });

  it("names no charge that was paid before it, nor one that was not paid", ({ expect }) => {
    const [attempt] = paid().attempts;
    const earlier = attemptOf({ ...attempt, intentSeq: 5 });
    expect(besideOf(paid({ attempts: [earlier] }))).toBeNull();
    const refused = attemptOf({ ...attempt, outcome: "declined", explainedBy: null });
    expect(besideOf(paid({ state: "declined", attempts: [refused] }))).toBeNull();
    expect(besideOf(paid({ state: "declined" }), late, "CANCELLED")).toBeNull();
  });

  it("is the payment of its charge where one that was noted as cancelled comes alive", ({
    expect,
  }) => {
    const own = { id: "payment-2", status: "CANCELLED", amountMinor: 5000, currency: "MXN" };
    const given = {
      charges: [
        chargeOf({
          state: "declined",
          payment: own,
          attempts: [attemptOf({ explainedBy: "payment-1" })],
          doubt: null,
          nextLook: null,
        }),
      ],
      payments: [
        recordOf({ ...own, chargeId: "charge-1", tag: "aaaaaaaa" }),
        recordOf({ chargeId: "charge-1", status: "CANCELLED", tag: "aaaaaaaa" }),
      ],
    };
    const alive = [seenOf(own), seenOf({ tag: "aaaaaaaa" })];
    const { charge } = looked(given, { payments: alive }, "late");
    expect(charge === undefined ? null : moneyOf(charge)).not.toBe("not_charged");
    expect(charge).toMatchObject({ state: "approved", payment: { id: "payment-1" } });
  });

  it("names no attempt of its own charge", ({ expect }) => {
    const attempts = [attemptOf(), ...paid().attempts.map((one) => ({ ...one, attempt: 2 }))];
    expect(
      besideOf(paid({ state: "not_charged", attempts: [] }), { ...late, attempts }),
    ).toBeNull();
  });

  it("is found for a charge whose looks are over, and for one that was refused, by our tag", ({
    expect,
  }) => {
    for (const state of ["not_charged", "declined"] as const) {
      const attempts = [attemptOf({ outcome: state === "declined" ? "declined" : "not_sent" })];
      const closed = chargeOf({ state, attempts, doubt: null, nextLook: null });
      const payments = [seenOf({ tag: "aaaaaaaa" })];
      const { charge, draft } = looked({ charges: [closed] }, { payments }, "reconciliation", null);
      expect(draft.noted[1]?.fact).toMatchObject({ as: "payment", attempt: 1, by: "look" });
      expect(charge).toMatchObject({ state: "approved", payment: { id: "payment-1" } });
    }
  });

  it("is looked for at 1, 6 and 24 hours, then no more", ({ expect }) => {
    let charge: Charge = { ...late, lateLooks: 0 };
    const gaps: (number | undefined)[] = [];
    for (const nowMs of [T0 + HOUR_MS, T0 + 6 * HOUR_MS, T0 + 24 * HOUR_MS]) {
      const after = looked({ charges: [charge], nowMs }, { beganAtMs: nowMs }, "late").charge;
      gaps.push(after?.nextLook?.atMs);
      charge = after ?? charge;
    }
    expect(gaps).toEqual([T0 + 6 * HOUR_MS, T0 + 24 * HOUR_MS, undefined]);
  });

  it("is looked for again in an hour where a look was not complete", ({ expect }) => {
    const { charge } = looked({ charges: [late] }, { complete: false }, "late");
    expect(charge).toMatchObject({ lateLooks: 0, nextLook: { gapMs: HOUR_MS } });
    const early = looked(
      { charges: [{ ...late, lateLooks: 2 }], nowMs: T0 + 6 * HOUR_MS },
      { complete: false },
      "late",
    );
    expect(early.charge).toMatchObject({ lateLooks: 2, nextLook: { gapMs: HOUR_MS } });
  });

  it("leaves an attempt its looks whose answer contradicted", ({ expect }) => {
    const attempts = [
      attemptOf({ outcome: "contradictory" }),
      attemptOf({ attempt: 2, tag: "bbbbbbbb", intentSeq: 15 }),
    ];
    const { charge } = looked(
      { charges: [{ ...late, attempts }] },
      { payments: [seenOf({ tag: "bbbbbbbb" })] },
      "late",
    );
    expect(charge).toMatchObject({ state: "approved" });
    expect(charge?.nextLook).not.toBeNull();
  });
});

describe("a payment that is a person's", () => {
  const contested = chargeOf({ contested: ["payment-1"], escalated: true });
  const payments = [recordOf({ listedSeq: 20, status: "REFUNDED" })];

  it("is so no more where no row makes it one", ({ expect }) => {
    // Harmony shows another amount of it by now.
    const seen = seenOf({ status: "REFUNDED", amountMinor: 1 });
    const { draft, types, charge } = looked(
      { charges: [contested], payments },
      { payments: [seen] },
    );
    expect(types).toEqual(["looked", "payment_unattributed", "contest_ended"]);
    expect(draft.noted[2]?.fact).toMatchObject({ chargeId: "charge-1", isOpen: false });
    expect(charge).toMatchObject({ contested: [], state: "in_doubt", escalated: true });
  });

  it("stays so while a row makes it one, whatever else is found", ({ expect }) => {
    const seen = [seenOf({ status: "REFUNDED" }), seenOf({ id: "payment-2", amountMinor: 1 })];
    const { types, charge } = looked({ charges: [contested], payments }, { payments: seen });
    expect(types).toEqual(["looked", "payment_unattributed"]);
    expect(charge?.contested).toEqual(["payment-1"]);
  });

  it("is so no more where only another payment, or only another charge, is a person's", ({
    expect,
  }) => {
    const other = [seenOf({ amountMinor: 1 }), seenOf({ id: "payment-2", status: "REFUNDED" })];
    const one = looked({ charges: [contested], payments }, { payments: other });
    expect(one.charge?.contested).toEqual(["payment-2"]);
    // Of an answered attempt by now, it fits the other charge alone.
    const answered = { ...contested, attempts: [attemptOf({ outcome: "not_sent" })] };
    const c2 = chargeOf({ chargeId: "c2", attempts: [attemptOf({ tag: "b" })] });
    const two = looked(
      { charges: [answered, c2], payments },
      { payments: [seenOf({ status: "REFUNDED" })] },
    );
    expect(two.charge?.contested).toEqual([]);
    expect(two.draft.charges.get("c2")?.contested).toEqual(["payment-1"]);
  });

  it("stays so over a look that is not judged, since an attempt is in flight", ({ expect }) => {
    const attempts = [judgedOf({ chargeId: "c2", outcome: null, intentSeq: 25 })];
    const { types, charge } = looked(
      { charges: [contested], payments, attempts },
      { payments: [seenOf({ status: "REFUNDED" })] },
    );
    expect(types).toEqual(["looked"]);
    expect(charge?.contested).toEqual(["payment-1"]);
  });

  it("stays so over a look that was not complete", ({ expect }) => {
    const { types, charge } = looked({ charges: [contested], payments }, { complete: false });
    expect(types).toEqual(["looked"]);
    expect(charge?.contested).toEqual(["payment-1"]);
  });

  it("is one charge's where it fits the other no more", ({ expect }) => {
    const other = chargeOf({
      chargeId: "c2",
      state: "not_charged",
      contested: ["payment-1"],
      nextLook: null,
      doubt: null,
      attempts: [attemptOf({ tag: "b", outcome: "not_sent" })],
    });
    const alive = [recordOf({ listedSeq: 20 })];
    const { draft, types, charge } = looked(
      { charges: [contested, other], payments: alive },
      { payments: [seenOf()] },
    );
    expect(types).toEqual([
      "looked",
      "payment_adopted",
      "contest_ended",
      "contest_ended",
      "method_unfrozen",
    ]);
    expect(draft.noted.slice(2, 4).map(({ fact }) => fact)).toMatchObject([
      { chargeId: "charge-1", isOpen: true },
      { chargeId: "c2", isOpen: false },
    ]);
    expect(charge).toMatchObject({ state: "approved", contested: [] });
    expect(draft.charges.get("c2")).toMatchObject({ contested: [] });
  });
});

describe("a payment of nobody", () => {
  it("is reported once, and remembered as foreign", ({ expect }) => {
    const first = looked({ charges: [] }, { payments: [seenOf()] }, "before_attempt", null);
    expect(first.types).toEqual(["looked", "payment_unattributed"]);
    expect(first.draft.foreignSeen).toBe(true);
    const payments = [...first.draft.payments.values()];
    const again = looked(
      { charges: [], payments },
      { payments: [seenOf()] },
      "before_attempt",
      null,
    );
    expect(again.types).toEqual(["looked"]);
    expect(effectOf(first.draft)).toBe(0);
  });

  it("is no news where the baseline listed it, however often it is listed", ({ expect }) => {
    for (const [recordedSeq, types] of [
      [1, ["looked"]],
      [2, ["looked", "payment_unattributed"]],
    ] as const) {
      const given = { charges: [], payments: [recordOf({ recordedSeq, listedSeq: recordedSeq })] };
      expect(looked(given, { payments: [seenOf()] }, "late", null).types).toEqual(types);
    }
  });

  it("is no news in the baseline", ({ expect }) => {
    const { draft, types } = looked(
      { charges: [], baselineSeq: null },
      { payments: [seenOf()] },
      "baseline",
      null,
    );
    expect(types).toEqual(["looked"]);
    expect(draft).toMatchObject({ baselineSeq: 30, foreignSeen: false });
  });
});
