/** What a person has to judge: contested payments, escalations; and the look made now. Pure. */
import { describe, it } from "vitest";
import { type Charge } from "../../src/domain/charge.ts";
import { contest, endContests, escalate } from "../../src/domain/contest.ts";
import type { LookReport } from "../../src/domain/facts.ts";
import { learnFromPage } from "../../src/domain/page.ts";
import { newDoubt } from "../../src/domain/schedule.ts";
import { noticeUnlisted } from "../../src/domain/status.ts";
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
import { HOUR_MS } from "./said.ts";
import { moneyOf, retryOf } from "./known.ts";

const CONTESTED = ["payment-1"];
const PAID = { id: "payment-9", status: "CONFIRMED", amountMinor: 5000, currency: "MXN" };

describe("an escalation", () => {
  it("happens once, to charges in doubt only, and leaves the looks as they are planned", ({
    expect,
  }) => {
    const draft = draftOf({
      charges: [chargeOf(), chargeOf({ chargeId: "c2", state: "pending" })],
    });
    escalate(draft, "charge-1", "why", ["p"], false);
    escalate(draft, "charge-1", "why", ["p"], false);
    escalate(draft, "c2", "why", ["p"], false);
    expect(typesOf(draft)).toEqual(["charge_escalated"]);
    expect(draft.charges.get("charge-1")).toMatchObject({
      escalated: true,
      nextLook: { atMs: T0 + 2000, gapMs: 0 },
    });
  });

  it("slows the looks to one an hour where absence was observed over the horizon", ({ expect }) => {
    for (const [creditedMs, gapMs] of [
      [899_999, 120_000],
      [900_000, HOUR_MS],
    ] as const) {
      const doubt = { ...newDoubt(T0), looks: 9, creditedMs };
      const draft = draftOf({ charges: [chargeOf({ doubt })] });
      escalate(draft, "charge-1", "why", [], false);
      expect(draft.charges.get("charge-1")?.nextLook?.gapMs).toBe(gapMs);
    }
  });

  it("keeps the planned look where the history may still show the payment", ({ expect }) => {
    const draft = draftOf({ charges: [chargeOf()], payments: [recordOf()] });
    escalate(draft, "charge-1", "why", [], true);
    expect(draft.charges.get("charge-1")?.nextLook).toEqual(chargeOf().nextLook);
  });

  it("names at most 20 payments", ({ expect }) => {
    const draft = draftOf({ charges: [chargeOf()] });
    const many = Array.from({ length: 25 }, (_, index) => `p${index}`);
    escalate(draft, "charge-1", "why", many, false);
    expect(draft.noted[0]?.fact).toMatchObject({ candidates: many.slice(0, 20) });
  });
});

describe("a payment that may be a charge's", () => {
  it("is contested once, and its charge in doubt goes to a person", ({ expect }) => {
    const draft = draftOf({ charges: [chargeOf()], payments: [recordOf()] });
    contest(draft, "charge-1", recordOf(), "why");
    contest(draft, "charge-1", recordOf(), "why else");
    expect(typesOf(draft)).toEqual(["payment_contested", "charge_escalated"]);
    expect(draft.noted.map(({ fact }) => fact)).toMatchObject([
      { chargeId: "charge-1", payment: { id: "payment-1" }, reason: "why" },
      { chargeId: "charge-1", reason: "why", candidates: CONTESTED },
    ]);
    expect(draft.charges.get("charge-1")).toMatchObject({ contested: CONTESTED, escalated: true });
    expect(draft.noted.map(({ effectMinor }) => effectMinor)).toEqual([0, 0]);
  });

  it.for(["approved", "declined", "pending", "not_charged", "in_flight"] as const)(
    "escalates no charge that is %s",
    (state, { expect }) => {
      const draft = draftOf({ charges: [chargeOf({ state, doubt: null })] });
      contest(draft, "charge-1", recordOf(), "why");
      expect(typesOf(draft)).toEqual(["payment_contested"]);
      expect(draft.charges.get("charge-1")).toMatchObject({ contested: CONTESTED, state });
    },
  );

  it("makes its money unknown, unless it has a payment of its own", ({ expect }) => {
    const told = (change: Partial<Charge>) => {
      const charge = chargeOf({ ...change, contested: CONTESTED });
      return [moneyOf(charge), retryOf(charge)];
    };
    expect(told({ state: "in_doubt" })).toEqual(["unknown", "same_key"]);
    expect(told({ state: "not_charged" })).toEqual(["unknown", "same_key"]);
    expect(told({ state: "declined" })).toEqual(["unknown", "never"]);
    const cancelled = { ...PAID, status: "CANCELLED" };
    expect(told({ state: "declined", payment: cancelled })).toEqual(["unknown", "never"]);
    expect(told({ state: "approved", payment: PAID })).toEqual(["charged", "never"]);
    const refunded = { ...PAID, status: "REFUNDED" };
    expect(told({ state: "approved", payment: refunded })).toEqual(["refunded", "never"]);
    const pending = { ...PAID, status: "PENDING" };
    expect(told({ state: "pending", payment: pending })).toEqual(["pending", "same_key"]);
  });
});

describe("a contest", () => {
  const contested = (change: Partial<Charge> = {}) =>
    chargeOf({ state: "not_charged", doubt: null, contested: CONTESTED, ...change });
  function ended(given: Given, isPersons?: boolean) {
    const draft = draftOf(given);
    endContests(draft, ...(isPersons === undefined ? [] : [() => isPersons]));
    return { types: typesOf(draft), after: draft.charges.get("charge-1")?.contested, draft };
  }

  it.for([
    ["the payment has its charge", { chargeId: "charge-2" }, true],
    ["a person named it foreign", { foreign: true }, true],
    ["a person said that this charge did not make it", { notOf: ["charge-1"] }, true],
    ["a person said that another charge did not make it", { notOf: ["charge-2"] }, false],
    ["nothing has changed", {}, false],
    ["it is cancelled by now", { status: "CANCELLED" }, false],
  ] as const)("ends in any step where %s: %o %s", ([, change, ends], { expect }) => {
    const { types, after } = ended({ charges: [contested()], payments: [recordOf(change)] });
    expect(types).toEqual(ends ? ["contest_ended"] : []);
    expect(after).toEqual(ends ? [] : CONTESTED);
  });

  it("ends in a look where no row makes it a person's and it forbids no further attempt", ({
    expect,
  }) => {
    const cancelled = [recordOf({ status: "CANCELLED" })];
    expect(ended({ charges: [contested()], payments: cancelled }, false).after).toEqual([]);
    expect(ended({ charges: [contested()], payments: cancelled }, true).after).toEqual(CONTESTED);
    // It may hold money, and is new to an attempt of a charge that has none.
    expect(ended({ charges: [contested()], payments: [recordOf()] }, false).after).toEqual(
      CONTESTED,
    );
    const paid = contested({ state: "approved", payment: PAID });
    expect(ended({ charges: [paid], payments: [recordOf()] }, false).after).toEqual([]);
    const declined = contested({ state: "declined", payment: { ...PAID, status: "CANCELLED" } });
    expect(ended({ charges: [declined], payments: [recordOf()] }, false).after).toEqual(CONTESTED);
  });

  it("is about that charge's attempts: to another's it may be new as ever", ({ expect }) => {
    const later = contested({ attempts: [attemptOf({ intentSeq: 25 })] });
    const earlier = contested({ chargeId: "charge-2" });
    const { after, draft } = ended({ charges: [earlier, later], payments: [recordOf()] }, false);
    expect(after).toEqual([]);
    expect(draft.charges.get("charge-2")?.contested).toEqual(CONTESTED);
  });

  it("stays as it is where its payment is not loaded", ({ expect }) => {
    expect(ended({ charges: [contested()] }, false).types).toEqual([]);
  });

  it("says whether the payment is another charge's still", ({ expect }) => {
    const other = contested({ chargeId: "charge-2" });
    const { draft } = ended({
      charges: [contested(), other],
      payments: [recordOf({ chargeId: "charge-3" })],
    });
    expect(draft.noted.map(({ fact }) => fact)).toMatchObject([
      { type: "contest_ended", chargeId: "charge-1", isOpen: true },
      { type: "contest_ended", chargeId: "charge-2", isOpen: false },
    ]);
  });
});

describe("a payment that something else than a look has shown", () => {
  const doubtful = chargeOf({ nextLook: { atMs: T0 + HOUR_MS, gapMs: HOUR_MS } });
  const late = chargeOf({
    chargeId: "charge-2",
    state: "not_charged",
    doubt: null,
    nextLook: { atMs: T0 + HOUR_MS, gapMs: HOUR_MS },
  });
  const NOW = { atMs: T0 + 2000, gapMs: 0 };
  function hurried(charges: readonly Charge[], change: Parameters<typeof recordOf>[0] = {}) {
    const draft = draftOf({ charges });
    noticeUnlisted(draft, [recordOf(change)]);
    const changed = [...draft.charges.values()].filter(({ nextLook }) => nextLook?.gapMs === 0);
    const ids = changed.map(({ chargeId }) => chargeId);
    return { ids, changed: [...draft.changedCharges], nextLook: changed[0]?.nextLook };
  }

  it("has one look made now, of a charge in doubt before a late one", ({ expect }) => {
    expect(hurried([late, doubtful])).toEqual({
      ids: ["charge-1"],
      changed: ["charge-1"],
      nextLook: NOW,
    });
    expect(hurried([late]).ids).toEqual(["charge-2"]);
  });

  it.for([
    ["was there before the attempt", {}, { recordedSeq: 9 }],
    ["is of another amount", {}, { amountMinor: 1 }],
    ["has its charge", {}, { chargeId: "charge-9" }],
    ["comes when no look is planned", { nextLook: null }, {}],
    ["comes when the attempt is in flight", { state: "in_flight" }, {}],
    ["comes when the attempt is answered", { attempts: [attemptOf({ outcome: "declined" })] }, {}],
    ["comes when it is explained", { attempts: [attemptOf({ explainedBy: "payment-9" })] }, {}],
  ] as const)("hurries nothing where it %s", ([, charge, payment], { expect }) => {
    expect(hurried([{ ...doubtful, ...charge }], payment)).toMatchObject({ ids: [], changed: [] });
  });
});

describe("a page that a caller asked for", () => {
  function paged(given: Given, report: Partial<LookReport>) {
    const draft = draftOf({ charges: [chargeOf()], nowMs: T0 + 77, ...given });
    learnFromPage(draft, reportOf({ complete: false, why: "one_page", ...report }));
    return { draft, types: typesOf(draft), charge: draft.charges.get("charge-1") };
  }

  it("puts what it shows on the books, gives nobody a payment, and has the look made now", ({
    expect,
  }) => {
    for (const tag of [null, "aaaaaaaa"]) {
      const { draft, types, charge } = paged({}, { payments: [seenOf({ tag })] });
      expect(types).toEqual(["looked"]);
      expect(draft.noted[0]?.fact).toMatchObject({ purpose: "read", newIds: ["payment-1"] });
      expect(charge).toMatchObject({ state: "in_doubt", nextLook: { atMs: T0 + 77, gapMs: 0 } });
      expect(draft.payments.get("payment-1")).toMatchObject({
        recordedSeq: 30,
        listedSeq: null,
        absentAtMs: null,
        read: false,
        tag,
      });
    }
  });

  it("does not make a named payment its charge's: it was not read by its id", ({ expect }) => {
    const attempts = [attemptOf({ namedPaymentId: "payment-1" })];
    const { types } = paged({ charges: [chargeOf({ attempts })] }, { payments: [seenOf()] });
    expect(types).toEqual(["looked"]);
  });

  it("is no baseline, and no look before which something was absent", ({ expect }) => {
    const { draft } = paged({ baselineSeq: null }, { payments: [seenOf()] });
    expect(draft).toMatchObject({ baselineSeq: null, lookedAtMs: null });
  });

  it("moves no look where it shows nothing new", ({ expect }) => {
    const { nextLook } = chargeOf();
    const known = paged({ payments: [recordOf()] }, { payments: [seenOf()] });
    expect(known.charge?.nextLook).toEqual(nextLook);
    expect(paged({}, { payments: [] }).charge?.nextLook).toEqual(nextLook);
  });

  it("tells a status of a payment that has its charge", ({ expect }) => {
    const charge = chargeOf({ state: "approved", payment: { ...PAID, id: "payment-1" } });
    const given = { charges: [charge], payments: [recordOf({ chargeId: "charge-1" })] };
    const { types } = paged(given, { payments: [seenOf({ status: "REFUNDED" })] });
    expect(types).toEqual(["looked", "status_changed"]);
  });

  it("ends no poll of another payment of the charge, which it may not have shown", ({ expect }) => {
    const nextPoll = { atMs: T0 + HOUR_MS, gapMs: HOUR_MS };
    const payment = { ...PAID, id: "payment-1" };
    const two = { state: "approved", payment, duplicates: ["payment-2"], nextPoll } as const;
    // The step has loaded what the page shows: payment-2 is PENDING, and not among it.
    const given = { charges: [chargeOf(two)], payments: [recordOf({ chargeId: "charge-1" })] };
    const { charge } = paged(given, { payments: [seenOf({ status: "REFUNDED" })] });
    expect(charge?.nextPoll).not.toBeNull();
  });
});
