/** What news about payments that are already known does: older news, further payments, our own tag. */
import { describe, it } from "vitest";
import { answer } from "../../src/domain/decide.ts";
import { finish } from "../../src/domain/draft.ts";
import { learnFromLook } from "../../src/domain/find.ts";
import { newDoubt } from "../../src/domain/schedule.ts";
import { learnFromPoll, openPaymentIds } from "../../src/domain/status.ts";
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

const CONFIRMED = { id: "payment-1", status: "CONFIRMED", amountMinor: 5000, currency: "MXN" };
const approved = chargeOf({ state: "approved", payment: CONFIRMED, doubt: null, nextLook: null });

function poll(beganSeq: number) {
  return {
    askedFor: null,
    beganSeq,
    paymentId: "payment-1",
    seen: seenOf({ status: "PENDING" }),
    httpStatus: 200,
    latencyMs: 5,
    failure: null,
  };
}

describe("news about a payment that is the charge's", () => {
  const payments = [recordOf({ chargeId: "charge-1", statusSeq: 20 })];

  it("contradicts nothing when it was read before the recorded status was told", ({ expect }) => {
    const draft = draftOf({ charges: [approved], payments });
    learnFromPoll(draft, poll(19));
    expect(typesOf(draft)).toEqual(["polled"]);
  });

  it("contradicts what was told before it was read", ({ expect }) => {
    const draft = draftOf({ charges: [approved], payments });
    learnFromPoll(draft, poll(20));
    expect(typesOf(draft)).toEqual(["polled", "contradiction_found"]);
  });

  it("never moves an approved payment back by a reply that came late", ({ expect }) => {
    const draft = draftOf({ charges: [approved], payments });
    const payment = { ...CONFIRMED, status: "PENDING" };
    const figures = { httpStatus: 201, latencyMs: 5, excerpt: null };
    answer(draft, "charge-1", 1, { kind: "pending", payment }, figures);
    expect(typesOf(draft)).toEqual(["attempt_answered"]);
    expect(draft.charges.get("charge-1")).toMatchObject({ state: "approved", payment: CONFIRMED });
    expect(draft.payments.get("payment-1")).toMatchObject({ status: "CONFIRMED" });
    expect(draft.noted.map(({ effectMinor }) => effectMinor)).toEqual([0]);
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
    const draft = draftOf({ charges: [charge], payments });
    const seen = seenOf({ id: "payment-2", status: "CONFIRMED" });
    learnFromPoll(draft, { ...poll(99), askedFor: "charge-1", paymentId: "payment-2", seen });
    expect(typesOf(draft)).toEqual(["polled", "status_changed"]);
    expect(draft.noted.map(({ effectMinor }) => effectMinor)).toEqual([0, 5000]);
    expect(draft.charges.get("charge-1")).toMatchObject({ state: "approved", nextPoll: null });
  });
});

describe("a payment of another amount under our own tag", () => {
  it("goes to a person, and no horizon calls the charge not charged", ({ expect }) => {
    const doubt = { ...newDoubt(T0), countedAtMs: T0, plannedGapMs: 900_000, creditedMs: 800_000 };
    const attempts = [attemptOf()];
    const draft = draftOf({ charges: [chargeOf({ attempts, doubt })] });
    const beganAtMs = T0 + 900_000;
    const payments = [seenOf({ id: "payment-9", amountMinor: 4000, tag: "aaaaaaaa" })];
    learnFromLook(draft, reportOf({ beganAtMs, payments }), "doubt", "charge-1");
    finish(draft);
    expect(typesOf(draft)).toContain("charge_escalated");
    expect(draft.charges.get("charge-1")).toMatchObject({ state: "in_doubt", escalated: true });
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
