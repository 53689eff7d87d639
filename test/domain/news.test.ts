/**
 * What news about payments that are already known does: older news is dropped and a read decides;
 * further payments, our own tag. Pure.
 */
import { describe, it } from "vitest";
import type { Charge } from "../../src/domain/charge.ts";
import { answer } from "../../src/domain/decide.ts";
import { finish } from "../../src/domain/draft.ts";
import type { LookReport } from "../../src/domain/facts.ts";
import { learnFromLook } from "../../src/domain/look.ts";
import type { PaymentRecord } from "../../src/domain/payment.ts";
import { newDoubt } from "../../src/domain/schedule.ts";
import { openPaymentIds } from "../../src/domain/status.ts";
import {
  attemptOf,
  chargeOf,
  draftOf,
  recordOf,
  reportOf,
  seenOf,
  T0,
  typesOf,
} from "./builders.ts";
import { effectOf, looked, polled } from "./steps.ts";

const PENDING = { id: "payment-1", status: "PENDING", amountMinor: 5000, currency: "MXN" };
const CONFIRMED = { id: "payment-1", status: "CONFIRMED", amountMinor: 5000, currency: "MXN" };
const CANCELLED = { ...CONFIRMED, status: "CANCELLED" };
const ATTEMPTS = [attemptOf({ explainedBy: "payment-1" })];
const settled = { attempts: ATTEMPTS, doubt: null, nextLook: null } as const;
const approved = chargeOf({ ...settled, state: "approved", payment: CONFIRMED });
const declined = chargeOf({ ...settled, state: "declined", payment: CANCELLED });
/** What the books hold of the payment, told in entry 20. */
const BOOKS = { chargeId: "charge-1", listedSeq: 20, statusSeq: 20 };

/** The books of a method with one charge and its payment, through reads and looks in turn. */
class Story {
  charges: readonly Charge[];
  payments: readonly PaymentRecord[];
  nextSeq = 30;
  lookedSeq: number | null = null;

  constructor(charge: Charge, change: Partial<PaymentRecord> = {}) {
    this.charges = [charge];
    this.payments = [recordOf({ ...BOOKS, ...change, status: charge.payment?.status ?? "" })];
  }

  /** A read that began when entry `beganSeq` was the last. */
  read(status: string, beganSeq: number): string[] {
    const { charges, payments, nextSeq, lookedSeq } = this;
    const report = { seen: seenOf({ status }), beganSeq };
    return this.#after(polled({ charges, payments, nextSeq, lookedSeq }, report));
  }

  look(status: string, beganSeq: number): string[] {
    const { charges, payments, nextSeq, lookedSeq } = this;
    const report: Partial<LookReport> = { payments: [seenOf({ status })], beganSeq };
    const given = { charges, payments, nextSeq, lookedSeq };
    return this.#after(looked(given, report, "reconciliation", null));
  }

  #after({ draft, types }: ReturnType<typeof polled>): string[] {
    this.charges = [...draft.charges.values()];
    this.payments = [...draft.payments.values()];
    this.nextSeq += types.length;
    this.lookedSeq = draft.lookedSeq;
    return types.slice(1);
  }

  get record(): PaymentRecord | undefined {
    return this.payments[0];
  }

  get charge(): Charge | undefined {
    return this.charges[0];
  }

  /** What the next poll of the charge would read. */
  get open(): string[] {
    const { charge } = this;
    return charge === undefined ? [] : openPaymentIds(charge, () => this.record);
  }
}

describe("news that began before what the books were last told", () => {
  it.for([
    ["approved", approved, "PENDING"],
    ["approved", approved, "CANCELLED"],
    ["approved", approved, "REFUNDED"],
    ["approved", approved, "UNDER_REVIEW"],
    ["declined", declined, "CONFIRMED"],
    ["declined", declined, "PENDING"],
  ] as const)(
    "is dropped where it differs, and a read is planned: %s, %o, %s",
    ([, charge, status], { expect }) => {
      for (const told of ["read", "look"] as const) {
        const story = new Story(charge);
        expect(story[told](status, 19)).toEqual([]);
        expect(story.charge).toMatchObject({
          state: charge.state,
          payment: charge.payment,
          nextPoll: { atMs: T0 + 4000, gapMs: 2000 },
        });
        expect(story.record).toMatchObject({ status: charge.payment?.status, reread: true });
        expect(story.record).toMatchObject({ statusSeq: 20, contradicted: null });
        expect(story.open).toEqual(["payment-1"]);
      }
    },
  );

  it("is kept in mind: the payment and its charge are written", ({ expect }) => {
    const given = { charges: [approved], payments: [recordOf(BOOKS)] };
    const report = { payments: [seenOf({ status: "REFUNDED" })], beganSeq: 19 };
    const { draft } = looked(given, report, "reconciliation", null);
    expect([...draft.changedPayments]).toEqual(["payment-1"]);
    expect([...draft.changedCharges]).toEqual(["charge-1"]);
  });

  it("is dropped where it tells another amount", ({ expect }) => {
    const payments = [recordOf(BOOKS)];
    const seen = seenOf({ amountMinor: 4000 });
    const { draft, types } = polled({ charges: [approved], payments }, { seen, beganSeq: 19 });
    expect(types).toEqual(["polled"]);
    expect(draft.payments.get("payment-1")).toMatchObject({ amountMinor: 5000, reread: true });
  });

  it("asks for nothing where it agrees", ({ expect }) => {
    for (const told of ["read", "look"] as const) {
      const story = new Story(approved);
      expect(story[told]("CONFIRMED", 19)).toEqual([]);
      expect(story.charge).toMatchObject({ state: "approved", nextPoll: null });
      expect(story.record).toMatchObject({ reread: false, statusSeq: 20 });
    }
  });

  it("is news where it began with the entry that told it, or later", ({ expect }) => {
    for (const told of ["read", "look"] as const) {
      const story = new Story(approved);
      expect(story[told]("PENDING", 20)).toEqual(["contradiction_found"]);
      expect(new Story(approved)[told]("REFUNDED", 20)).toEqual(["status_changed"]);
      expect(new Story(declined)[told]("CONFIRMED", 20)).toEqual(["late_truth_found"]);
    }
  });

  it("is dropped of a payment that no charge has, and is on the books all the same", ({
    expect,
  }) => {
    const payments = [recordOf({ statusSeq: 25, status: "CANCELLED" })];
    const { draft } = polled({ payments }, { seen: seenOf(), beganSeq: 24 });
    expect(draft.payments.get("payment-1")).toMatchObject({ status: "CANCELLED", read: true });
    const newer = polled({ payments }, { seen: seenOf(), beganSeq: 25 });
    expect(newer.draft.payments.get("payment-1")).toMatchObject({ status: "CONFIRMED" });
    const report = { payments: [seenOf({ tag: "zzzzzzzz" })], beganSeq: 24 };
    const listed = looked({ charges: [], payments }, report, "reconciliation", null);
    expect(listed.draft.payments.get("payment-1")).toMatchObject({
      status: "CANCELLED",
      listedSeq: 30,
      tag: "zzzzzzzz",
    });
  });
});

describe("the read that began after it", () => {
  it.for([
    ["what the books say", "CONFIRMED", [], "CONFIRMED"],
    ["what the older news said", "REFUNDED", ["status_changed"], "REFUNDED"],
  ] as const)("decides: it shows %s", ([, status, types, becomes], { expect }) => {
    const story = new Story(approved);
    story.read("REFUNDED", 19);
    expect(story.read(status, 30)).toEqual(types);
    expect(story.record).toMatchObject({ status: becomes, reread: false });
    expect(story.charge).toMatchObject({ state: "approved", nextPoll: null });
    expect(story.open).toEqual([]);
  });

  it("is followed by one a minute later where it contradicts the books, or a look does", ({
    expect,
  }) => {
    for (const told of ["read", "look"] as const) {
      const story = new Story(approved);
      story.read("REFUNDED", 19);
      expect(story[told]("PENDING", 30)).toEqual(["contradiction_found"]);
      expect(story.record).toMatchObject({ status: "CONFIRMED", reread: false });
      expect(story.charge).toMatchObject({ state: "approved", nextPoll: { gapMs: 60_000 } });
      expect(story.open).toEqual(["payment-1"]);
    }
  });

  it("is asked for again until one is answered", ({ expect }) => {
    const story = new Story(approved);
    story.read("REFUNDED", 19);
    const { charges, payments } = story;
    const { draft } = polled({ charges, payments, nextSeq: 40 }, { seen: null, beganSeq: 39 });
    expect(draft.charges.get("charge-1")?.nextPoll).not.toBeNull();
    expect(draft.payments.get("payment-1")).toMatchObject({ reread: true });
  });

  it("is asked for again within seconds, however often and long ago it was read before", ({
    expect,
  }) => {
    const resolvedAtMs = T0 - 30 * 86_400_000;
    const story = new Story({ ...approved, polls: 40, resolvedAtMs });
    story.read("REFUNDED", 19);
    for (const seq of [40, 50]) {
      const { charges, payments } = story;
      const given = { charges, payments, nextSeq: seq };
      const { draft } = polled(given, { seen: null, beganSeq: seq - 1 });
      story.charges = [...draft.charges.values()];
      const dueMs = draft.charges.get("charge-1")?.nextPoll?.atMs ?? Infinity;
      expect(dueMs - draft.view.nowMs).toBeLessThan(30_000);
    }
  });

  it("is asked for again where it is older news itself", ({ expect }) => {
    const story = new Story(approved);
    story.read("REFUNDED", 19);
    expect(story.read("CANCELLED", 18)).toEqual([]);
    expect(story.record).toMatchObject({ status: "CONFIRMED", reread: true });
    // One that agrees and is older decides nothing either.
    expect(story.read("CONFIRMED", 19)).toEqual([]);
    expect(story.record).toMatchObject({ reread: true });
    expect(story.open).toEqual(["payment-1"]);
  });

  it("is made though a complete look agrees with the books, and then no more", ({ expect }) => {
    const story = new Story(approved);
    story.read("REFUNDED", 19);
    expect(story.look("CONFIRMED", 30)).toEqual([]);
    expect(story.record).toMatchObject({ reread: true });
    expect(story.open).toEqual(["payment-1"]);
    expect(story.charge?.nextPoll).not.toBeNull();
    expect(story.read("CONFIRMED", 40)).toEqual([]);
    expect(story.record).toMatchObject({ reread: false });
    expect(story.open).toEqual([]);
    expect(story.charge?.nextPoll).toBeNull();
  });
});

describe("a slow read that began before a later one", () => {
  it("never revives what the later one showed CANCELLED, told by that or told before", ({
    expect,
  }) => {
    // The later read is itself what cancels it.
    const told = new Story(chargeOf({ ...settled, state: "pending", payment: PENDING }));
    expect(told.read("CANCELLED", 29)).toEqual(["status_changed"]);
    expect(told.read("CONFIRMED", 28)).toEqual([]);
    expect(told.record).toMatchObject({ status: "CANCELLED", reread: true });
    // It was cancelled before both, and the later one has seen it so.
    const before = new Story(declined);
    expect(before.read("CANCELLED", 29)).toEqual([]);
    expect(before.read("CONFIRMED", 28)).toEqual([]);
    expect(before.charge).toMatchObject({ state: "declined" });
    expect(before.record).toMatchObject({ status: "CANCELLED", reread: true });
    // The one that follows decides, whatever it says.
    expect(before.read("CONFIRMED", 40)).toEqual(["late_truth_found"]);
    expect(before.charge).toMatchObject({ state: "approved", nextPoll: null });
    expect(before.record).toMatchObject({ status: "CONFIRMED", reread: false });
  });

  it("never revives what a later look showed CANCELLED, as it was told before", ({ expect }) => {
    const story = new Story(declined);
    expect(story.look("CANCELLED", 29)).toEqual([]);
    expect(story.read("CONFIRMED", 28)).toEqual([]);
    expect(story.charge).toMatchObject({ state: "declined" });
    expect(story.record).toMatchObject({ status: "CANCELLED", reread: true });
  });

  it("takes nothing back that the later one confirmed", ({ expect }) => {
    for (const told of ["read", "look"] as const) {
      const story = new Story(declined);
      expect(story[told]("CONFIRMED", 29)).toEqual(["late_truth_found"]);
      expect(story.read("CANCELLED", 28)).toEqual([]);
      expect(story.charge).toMatchObject({ state: "approved", nextPoll: { gapMs: 2000 } });
      expect(story.read("CANCELLED", 40)).toEqual(["contradiction_found"]);
      expect(story.charge).toMatchObject({ state: "approved", nextPoll: { gapMs: 60_000 } });
    }
  });

  it("never ends the poll of a pending payment by what it showed before that", ({ expect }) => {
    const pending = chargeOf({
      ...settled,
      state: "pending",
      payment: PENDING,
      nextPoll: { atMs: T0, gapMs: 2000 },
    });
    const story = new Story(pending);
    expect(story.read("CONFIRMED", 19)).toEqual([]);
    expect(story.charge).toMatchObject({ state: "pending", nextPoll: { gapMs: 2000 } });
    expect(story.open).toEqual(["payment-1"]);
  });
});

describe("a reply that came late", () => {
  it("never moves an approved payment back", ({ expect }) => {
    const draft = draftOf({ charges: [approved], payments: [recordOf(BOOKS)] });
    const payment = { ...CONFIRMED, status: "PENDING" };
    const figures = { httpStatus: 201, latencyMs: 5, excerpt: null };
    answer(draft, "charge-1", 1, { kind: "pending", payment }, figures);
    expect(typesOf(draft)).toEqual(["attempt_answered"]);
    expect(draft.charges.get("charge-1")).toMatchObject({ state: "approved", payment: CONFIRMED });
    expect(draft.payments.get("payment-1")).toMatchObject({ status: "CONFIRMED" });
    expect(effectOf(draft)).toBe(0);
  });
});

describe("a duplicate that is not final", () => {
  const duplicate = recordOf({ id: "payment-2", chargeId: "charge-1", status: "PENDING" });
  const payments = [recordOf({ chargeId: "charge-1" }), duplicate];
  const nextPoll = { atMs: T0, gapMs: 2000 };
  const charge = { ...approved, duplicates: ["payment-2"], nextPoll };

  it("is polled until it is, and its money booked", ({ expect }) => {
    const byId = (id: string) => payments.find((one) => one.id === id);
    expect(openPaymentIds(charge, byId)).toEqual(["payment-2"]);
    const seen = seenOf({ id: "payment-2" });
    const report = { askedFor: "charge-1", paymentId: "payment-2", seen };
    const { draft, types } = polled({ charges: [charge], payments }, report);
    expect(types).toEqual(["polled", "status_changed"]);
    expect(draft.noted.map(({ effectMinor }) => effectMinor)).toEqual([0, 5000]);
    expect(draft.charges.get("charge-1")).toMatchObject({ state: "approved", nextPoll: null });
  });

  it("is polled on while the charge's own payment comes alive", ({ expect }) => {
    const given = {
      charges: [{ ...charge, state: "declined" as const, payment: CANCELLED }],
      payments: [recordOf({ ...BOOKS, status: "CANCELLED" }), duplicate],
    };
    const { charge: after, types } = polled(given, { seen: seenOf() });
    expect(types).toEqual(["polled", "late_truth_found"]);
    expect(after?.nextPoll).not.toBeNull();
  });

  it("never takes the place of the charge's own payment, cancelled and alive again", ({
    expect,
  }) => {
    const gone = { ...duplicate, status: "CANCELLED" };
    const given = { charges: [charge], payments: [recordOf({ chargeId: "charge-1" }), gone] };
    const report = { paymentId: "payment-2", seen: seenOf({ id: "payment-2" }) };
    expect(polled(given, report).charge).toMatchObject({ state: "approved", payment: CONFIRMED });
  });

  it("is polled on while another of them is open", ({ expect }) => {
    const third = { ...duplicate, id: "payment-3" };
    const given = {
      charges: [{ ...charge, duplicates: ["payment-2", "payment-3"] }],
      payments: [...payments, third],
    };
    const seen = seenOf({ id: "payment-2" });
    const first = polled(given, { askedFor: "charge-1", paymentId: "payment-2", seen });
    expect(first.charge?.nextPoll).not.toBeNull();
  });
});

describe("a payment of another amount under our own tag", () => {
  it("goes to a person, and no horizon calls the charge not charged", ({ expect }) => {
    const doubt = { ...newDoubt(T0), countedAtMs: T0, plannedGapMs: 900_000, creditedMs: 800_000 };
    const draft = draftOf({ charges: [chargeOf({ attempts: [attemptOf()], doubt })] });
    const beganAtMs = T0 + 900_000;
    const payments = [seenOf({ id: "payment-9", amountMinor: 4000, tag: "aaaaaaaa" })];
    learnFromLook(draft, reportOf({ beganAtMs, payments }), "doubt", "charge-1");
    finish(draft);
    expect(typesOf(draft)).toEqual(["looked", "payment_contested", "charge_escalated"]);
    expect(draft.charges.get("charge-1")).toMatchObject({
      state: "in_doubt",
      escalated: true,
      contested: ["payment-9"],
    });
  });
});

describe("an answer that says yes and contradicts itself", () => {
  it("is never called not charged, however long nothing is seen", ({ expect }) => {
    const doubt = { ...newDoubt(T0), countedAtMs: T0, plannedGapMs: 900_000, creditedMs: 800_000 };
    const attempts = [attemptOf({ outcome: "contradictory" })];
    const draft = draftOf({ charges: [chargeOf({ attempts, doubt })] });
    learnFromLook(draft, reportOf({ beganAtMs: T0 + 900_000 }), "doubt", "charge-1");
    expect(typesOf(draft)).not.toContain("not_charged_by_rule");
    expect(draft.charges.get("charge-1")).toMatchObject({ state: "in_doubt" });
  });
});
