/** A payment that was there and is found no more, and what a person may say of it. Pure. */
import { describe, it } from "vitest";
import { type Charge } from "../../src/domain/charge.ts";
import { finish } from "../../src/domain/draft.ts";
import type { PaymentRecord } from "../../src/domain/payment.ts";
import { type Decision, resolve } from "../../src/domain/resolve.ts";
import { openPaymentIds } from "../../src/domain/status.ts";
import {
  attemptOf,
  chargeOf,
  draftOf,
  type Given,
  recordOf,
  reportOf,
  seenOf,
  T0,
  typesOf,
} from "./builders.ts";
import { GONE, looked, paged, polled } from "./steps.ts";
import { moneyOf } from "./known.ts";

const PAYMENT = { id: "payment-1", status: "CONFIRMED", amountMinor: 5000, currency: "MXN" };
const HORIZON_MS = 900_000;
const LATER = T0 + 2000 + HORIZON_MS;

function approved(change: Partial<Charge> = {}): Charge {
  return chargeOf({
    state: "approved",
    payment: PAYMENT,
    doubt: null,
    nextLook: null,
    nextPoll: { atMs: T0, gapMs: 2000 },
    attempts: [attemptOf({ explainedBy: "payment-1" })],
    ...change,
  });
}

const OWN = recordOf({ chargeId: "charge-1", listedSeq: 20 });

/** A charge of this status whose payment a read after the horizon has not found. */
function missing(status = "CONFIRMED", change: Partial<PaymentRecord> = {}) {
  const payment = { ...PAYMENT, status };
  const state = status === "CONFIRMED" ? "approved" : "pending";
  const charges = [approved({ payment, state })];
  const given = { charges, payments: [{ ...OWN, ...change, status }], nowMs: LATER };
  const { draft } = polled(given, GONE);
  return {
    charges: [...draft.charges.values()],
    payments: [...draft.payments.values()],
    nowMs: LATER + 5000,
    nextSeq: 40,
  };
}

describe("a payment that was there and is found no more", () => {
  it("makes its charge's money unknown and a person's, after the horizon", ({ expect }) => {
    const given = { charges: [approved()], payments: [{ ...OWN, reread: true }] };
    const early = polled({ ...given, nowMs: LATER - 1 }, GONE);
    expect(early.types).toEqual(["polled"]);
    expect(early.draft.payments.get("payment-1")).toMatchObject({ missing: false });
    const { draft, types, charge } = polled({ ...given, nowMs: LATER }, GONE);
    expect(types).toEqual(["polled", "payment_contested"]);
    expect(draft.noted[1]?.fact).toMatchObject({ reason: "named_payment_missing" });
    expect(draft.payments.get("payment-1")).toMatchObject({ missing: true, reread: false });
    expect([...draft.changedPayments]).toEqual(["payment-1"]);
    expect(charge).toMatchObject({ contested: ["payment-1"], nextPoll: null, state: "approved" });
    expect(charge === undefined ? null : moneyOf(charge)).toBe("unknown");
  });

  it("is said once, and nothing of what is nobody's or holds no money", ({ expect }) => {
    for (const change of [{ missing: true }, { chargeId: null }, { status: "REFUNDED" }]) {
      const payments = [{ ...OWN, ...change }];
      const { types, draft } = polled({ charges: [approved()], payments, nowMs: LATER }, GONE);
      expect(types).toEqual(["polled"]);
      expect(draft.payments.get("payment-1")).toMatchObject({ missing: true });
    }
  });

  it("is polled on while it is pending, and no more where it is final", ({ expect }) => {
    for (const [status, ids] of [
      ["PENDING", ["payment-1"]],
      ["CONFIRMED", []],
    ] as const) {
      const { charges, payments } = missing(status);
      const [charge] = charges;
      expect(charge?.contested).toEqual(["payment-1"]);
      expect(openPaymentIds(charge ?? approved(), () => payments[0])).toEqual(ids);
      expect(charge?.nextPoll !== null).toBe(status === "PENDING");
    }
  });

  it("is polled no more where it was cancelled", ({ expect }) => {
    const charges = [approved({ state: "declined", payment: { ...PAYMENT, status: "CANCELLED" } })];
    const payments = [{ ...OWN, status: "CANCELLED", reread: true }];
    const { draft, types, charge } = polled({ charges, payments, nowMs: LATER }, GONE);
    expect(types).toEqual(["polled"]);
    expect(draft.payments.get("payment-1")).toMatchObject({ missing: true, reread: false });
    expect(charge).toMatchObject({ nextPoll: null, contested: [] });
    expect(charge === undefined ? null : moneyOf(charge)).toBe("not_charged");
  });

  it("stays a person's over looks, pages and reads that do not show it", ({ expect }) => {
    const other = [seenOf({ id: "payment-2", amountMinor: 1 })];
    for (const { draft, charge } of [
      looked(missing(), {}, "reconciliation", null),
      looked(missing(), { complete: false, payments: [seenOf()] }, "reconciliation", null),
      paged(missing(), { payments: other }),
      polled(missing(), GONE),
      polled(missing(), { seen: null, httpStatus: 500, failure: "status_500" }),
    ]) {
      expect(charge?.contested).toEqual(["payment-1"]);
      expect(draft.payments.get("payment-1")).toMatchObject({ missing: true });
    }
  });

  it.for([
    ["a complete look", (given: Given) => looked(given, { payments: [seenOf()] }, "late", null)],
    ["a page", (given: Given) => paged(given, { payments: [seenOf()] })],
    ["a read", (given: Given) => polled(given)],
  ] as const)("is back as it was where %s shows it", ([, shown], { expect }) => {
    const { draft, types, charge } = shown(missing());
    expect(types).toContain("contest_ended");
    expect(draft.payments.get("payment-1")).toMatchObject({ missing: false, status: "CONFIRMED" });
    expect(draft.changedPayments).toContain("payment-1");
    expect(charge).toMatchObject({ state: "approved", contested: [] });
    expect(charge === undefined ? null : moneyOf(charge)).toBe("charged");
    expect(draft.noted.map(({ effectMinor }) => effectMinor).filter((one) => one !== 0)).toEqual(
      [],
    );
  });

  it.for([
    ["a complete look", (given: Given) => looked(given, { payments: [REFUNDED] }, "late", null)],
    ["a page", (given: Given) => paged(given, { payments: [REFUNDED] })],
    ["a read", (given: Given) => polled(given, { seen: REFUNDED })],
  ] as const)("is back as it is by now where %s shows it", ([, shown], { expect }) => {
    const { draft, charge } = shown(missing());
    expect(draft.payments.get("payment-1")).toMatchObject({ missing: false, status: "REFUNDED" });
    expect(charge).toMatchObject({ contested: [], payment: { status: "REFUNDED" } });
    expect(charge === undefined ? null : moneyOf(charge)).toBe("refunded");
  });

  it("may become final where a poll shows it again", ({ expect }) => {
    const { draft, charge } = polled(missing("PENDING"), { seen: seenOf() });
    expect(charge).toMatchObject({ state: "approved", contested: [], nextPoll: null });
    expect(draft.payments.get("payment-1")).toMatchObject({ missing: false, status: "CONFIRMED" });
  });
});

const REFUNDED = seenOf({ status: "REFUNDED" });

describe("what a person says of a payment that is found no more", () => {
  const CHARGED = { decision: "charged", paymentId: "payment-1", reason: "seen" } as const;
  const NOT_CHARGED = { decision: "not_charged", override: true, reason: "no" } as const;

  function decided(given: Given, decision: Decision) {
    const draft = draftOf(given);
    const before = draft.charges.get("charge-1") ?? approved();
    const look = reportOf({ beganAtMs: LATER + 5000 });
    const verdict = resolve(draft, decision, { before, look, evidence: [38, 39], gone: [] });
    finish(draft);
    return { draft, verdict, types: typesOf(draft), charge: draft.charges.get("charge-1") };
  }

  it("`charged` ends the question, and no look has to list it", ({ expect }) => {
    for (const status of ["CONFIRMED", "PENDING"]) {
      const given = missing(status);
      const { draft, verdict, types, charge } = decided(given, CHARGED);
      expect(verdict).toEqual({ type: "decided" });
      expect(types).toEqual(["operator_resolved", "contest_ended"]);
      expect(charge).toMatchObject({
        // That it holds the money, a person has said.
        state: "approved",
        payment: { id: "payment-1", status: "CONFIRMED" },
        contested: [],
        resolvedBy: "operator",
      });
      expect(charge?.attempts).toEqual(given.charges[0]?.attempts);
      expect(draft.payments.get("payment-1")).toMatchObject({ missing: true });
      const effect = status === "CONFIRMED" ? 0 : 5000;
      expect(draft.noted.map(({ effectMinor }) => effectMinor)).toEqual([effect, 0]);
    }
  });

  it("`charged` twice is a repeat", ({ expect }) => {
    const { draft } = decided(missing(), CHARGED);
    const charges = [...draft.charges.values()];
    const payments = [...draft.payments.values()];
    const again = decided({ charges, payments, nextSeq: 50 }, CHARGED);
    expect(again.verdict).toEqual({ type: "unchanged" });
    expect(again.types).toEqual([]);
  });

  it("`not_charged` needs an override, and never says so of what was confirmed", ({ expect }) => {
    for (const [status, state, money] of [
      ["CONFIRMED", "approved", "refunded"],
      ["PENDING", "declined", "not_charged"],
    ] as const) {
      const plain = decided(missing(status), { ...NOT_CHARGED, override: false });
      expect(plain.verdict).toEqual({ type: "payments_fit", candidates: ["payment-1"] });
      expect(plain.types).toEqual([]);
      const { verdict, types, charge } = decided(missing(status), NOT_CHARGED);
      expect(verdict).toEqual({ type: "decided" });
      expect(types).toEqual(["operator_resolved", "status_changed", "contest_ended"]);
      expect(charge).toMatchObject({ state, contested: [], resolvedBy: "operator" });
      expect(charge === undefined ? null : moneyOf(charge)).toBe(money);
    }
  });

  it("`charged` of a further payment leaves each attempt what it has made", ({ expect }) => {
    const attempts = [
      attemptOf({ explainedBy: "payment-2" }),
      attemptOf({ attempt: 2, tag: "b", intentSeq: 15, explainedBy: "payment-1" }),
    ];
    const charge = approved({ attempts, duplicates: ["payment-2"], contested: ["payment-2"] });
    const further = { ...OWN, id: "payment-2", missing: true };
    const given = { charges: [charge], payments: [OWN, further], nextSeq: 40 };
    const { verdict, charge: after } = decided(given, { ...CHARGED, paymentId: "payment-2" });
    expect(verdict).toEqual({ type: "decided" });
    expect(after).toMatchObject({ payment: PAYMENT, duplicates: ["payment-2"], contested: [] });
    expect(after?.attempts.map(({ explainedBy }) => explainedBy)).toEqual([
      "payment-2",
      "payment-1",
    ]);
  });

  it("`charged` of what a 2xx named, and nothing has recorded, needs no read", ({ expect }) => {
    const attempts = [attemptOf({ namedPaymentId: "payment-1", nameIs: "sure" })];
    const { draft, verdict, charge } = decided({ charges: [chargeOf({ attempts })] }, CHARGED);
    expect(verdict).toEqual({ type: "decided" });
    expect(charge).toMatchObject({
      state: "approved",
      payment: PAYMENT,
      resolvedBy: "operator",
      boundReply: { status: 201 },
    });
    expect(charge?.attempts[0]).toMatchObject({ explainedBy: "payment-1" });
    expect(draft.payments.get("payment-1")).toMatchObject({ missing: true, chargeId: "charge-1" });
    expect(draft.noted[0]?.effectMinor).toBe(5000);
  });
});
