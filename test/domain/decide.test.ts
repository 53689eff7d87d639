/** What may be sent, and what an answer means for its charge: given, when, then. Pure. */
import { describe, it } from "vitest";
import {
  type Charge,
  type ChargeState,
  isFreezing,
  isRefusalOpen,
} from "../../src/domain/charge.ts";
import { applyRefusal } from "../../src/domain/contest.ts";
import { abandon, admit, answer, intend, lookUp } from "../../src/domain/decide.ts";
import { chargeIn, finish } from "../../src/domain/draft.ts";
import type { Outcome } from "../../src/domain/outcome.ts";
import { attemptOf, chargeOf, draftOf, METHOD_ID, refusedOf, T0, typesOf } from "./builders.ts";
import { moneyOf } from "./known.ts";

const FIGURES = { httpStatus: 201, latencyMs: 5, excerpt: null };
const PAYMENT = { id: "payment-1", status: "CONFIRMED", amountMinor: 5000, currency: "MXN" };
const APPROVED: Outcome = { kind: "approved", payment: PAYMENT };
const PENDING: Outcome = { kind: "pending", payment: { ...PAYMENT, status: "PENDING" } };
const REFUSED: Outcome = { kind: "declined", payment: null, upstream: "no", namedPaymentId: null };
const CANCELLED: Outcome = {
  kind: "declined",
  payment: { ...PAYMENT, status: "CANCELLED" },
  upstream: null,
  namedPaymentId: null,
};
const NOT_SENT: Outcome = {
  kind: "not_sent",
  reason: "upstream_unavailable",
  paymentMethodStatus: null,
  retryAfterSeconds: null,
  namedPaymentId: null,
};
const UNKNOWN: Outcome = {
  kind: "indeterminate",
  reason: "timeout",
  namedPaymentId: null,
  nameIs: null,
};
const NAMED: Outcome = { ...UNKNOWN, namedPaymentId: "payment-1", nameIs: "told" };
const GUESSED: Outcome = { ...REFUSED, namedPaymentId: "payment-1" };
const KNOWN: Outcome = {
  kind: "contradictory",
  reason: "known_payment",
  namedPaymentId: "payment-0",
  knownBefore: true,
};
const DIFFERS: Outcome = {
  kind: "contradictory",
  reason: "payment_differs",
  namedPaymentId: "payment-1",
  knownBefore: false,
};

const OPEN = attemptOf({ answeredAtMs: null, answeredSeq: null, outcome: null });

function inFlight(change: Partial<Charge> = {}): Charge {
  return chargeOf({ state: "in_flight", attempts: [OPEN], doubt: null, nextLook: null, ...change });
}

function answeredWith(outcome: Outcome, given: Charge = inFlight()) {
  const draft = draftOf({ charges: [given] });
  const attempt = given.attempts.at(-1)?.attempt ?? 1;
  answer(draft, given.chargeId, attempt, outcome, FIGURES);
  finish(draft);
  const charge = draft.charges.get(given.chargeId);
  if (charge === undefined) {
    throw new Error("the charge is gone");
  }
  return { charge, draft, types: typesOf(draft) };
}

function effectOf(draft: ReturnType<typeof draftOf>): number {
  return draft.noted.reduce((sum, { effectMinor }) => sum + effectMinor, 0);
}

describe("a key", () => {
  const { request } = chargeOf();

  it("that is not known means nothing yet", ({ expect }) => {
    expect(lookUp(null, request)).toEqual({ type: "unknown" });
  });

  it.for([
    ["approved", "answered"],
    ["declined", "answered"],
    ["pending", "answered"],
    ["in_doubt", "in_doubt"],
    ["in_flight", "in_flight"],
    ["not_charged", "chargeable"],
  ] as const)("of a charge that is %s means %s", ([state, type], { expect }) => {
    expect(lookUp(chargeOf({ state }), request)).toEqual({ type });
  });

  it.for([
    ["amount", { amountMinor: 5001 }],
    ["currency", { currency: "USD" }],
    ["description", { description: "other" }],
    ["reference", { reference: "A-18" }],
  ] as const)("with another %s is a mismatch in every state", ([member, change], { expect }) => {
    const states: ChargeState[] = ["in_flight", "approved", "declined", "pending", "in_doubt"];
    for (const state of [...states, "not_charged"] as const) {
      const mismatch = { type: "mismatch", differing: [member] };
      expect(lookUp(chargeOf({ state }), { ...request, ...change })).toEqual(mismatch);
    }
  });

  it("is the same request with an empty text and with none", ({ expect }) => {
    const none = { ...request, description: null, reference: null };
    const charge = chargeOf({ request: none });
    expect(lookUp(charge, { ...none, description: "", reference: "" })).toEqual(
      lookUp(charge, none),
    );
  });
});

describe("admission", () => {
  const method = { baseline: true, foreignSeen: false, foreignWriters: false, isDoubted: false };

  it.for(["in_doubt", "in_flight"] as const)(
    "is refused while any charge is %s, even right after a look",
    (state, { expect }) => {
      const others = [chargeOf({ state: "pending" }), chargeOf({ chargeId: "c2", state })];
      for (const fresh of [true, false]) {
        expect(admit(others, null, method, fresh)).toEqual({ type: "frozen" });
      }
    },
  );

  it("is refused while a refusal has yet to be looked at, and not while a person judges it", ({
    expect,
  }) => {
    const open = chargeOf({ chargeId: "c2", attempts: [refusedOf()] });
    for (const fresh of [true, false]) {
      expect(admit([open], null, method, fresh)).toEqual({ type: "frozen" });
    }
    const contested = { ...open, contested: ["payment-1"] };
    expect(admit([contested], null, method, false)).toEqual({ type: "submit" });
    const doubted = { ...method, isDoubted: true };
    const look = { type: "look", purpose: "before_attempt" };
    expect(admit([contested], null, doubted, false)).toEqual(look);
    const indeterminate = chargeOf({ chargeId: "c2", contested: ["payment-1"] });
    expect(admit([indeterminate], null, method, true)).toEqual({ type: "frozen" });
  });

  it("is given at once to a new charge on a method whose history is known", ({ expect }) => {
    const others = [chargeOf({ state: "pending" }), chargeOf({ state: "not_charged" })];
    expect(admit(others, null, method, false)).toEqual({ type: "submit" });
  });

  it("asks for a baseline first", ({ expect }) => {
    const look = { type: "look", purpose: "baseline" };
    expect(admit([], null, { ...method, baseline: false }, false)).toEqual(look);
    expect(admit([], null, { ...method, baseline: false }, true)).toEqual({ type: "submit" });
  });

  it.for([
    ["of a further attempt", chargeOf({ state: "not_charged" }), {}],
    ["where a foreign payment was seen", null, { foreignSeen: true }],
    ["where others charge the same cards", null, { foreignWriters: true }],
    ["where a no of its amount is fresh", null, { isDoubted: true }],
  ] as const)("asks for a fresh look %s", ([, charge, change], { expect }) => {
    const all = { ...method, ...change };
    expect(admit([], charge, all, false)).toEqual({ type: "look", purpose: "before_attempt" });
    expect(admit([], charge, all, true)).toEqual({ type: "submit" });
  });
});

describe("an intent", () => {
  const identity = {
    chargeId: "charge-1",
    paymentMethodId: METHOD_ID,
    caller: "main",
    idempotencyKey: "key-1",
    request: chargeOf().request,
  };

  it("makes a charge in flight, with the horizon in force and its place in the chain", ({
    expect,
  }) => {
    const draft = draftOf({ nextSeq: 7 });
    const charge = intend(draft, identity, "tttttttt");
    expect(charge).toMatchObject({ state: "in_flight", boundReply: null, payment: null });
    expect(charge.attempts).toMatchObject([
      { attempt: 1, tag: "tttttttt", intentSeq: 7, horizonMs: 900_000, outcome: null },
    ]);
    expect(typesOf(draft)).toEqual(["attempt_intended"]);
  });

  it("may follow only where no money is known to have moved", ({ expect }) => {
    for (const state of ["in_flight", "in_doubt", "approved", "declined", "pending"] as const) {
      const draft = draftOf({ charges: [chargeOf({ state })] });
      expect(() => intend(draft, identity, null)).toThrow(/Bug/);
    }
    const draft = draftOf({ charges: [chargeOf({ state: "not_charged" })] });
    const charge = intend(draft, identity, null);
    expect(charge).toMatchObject({ state: "in_flight", resolvedBy: null, doubt: null });
    expect(charge.attempts.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });
});

describe("an answer to the attempt in flight", () => {
  it.for([
    ["approved", APPROVED, "approved"],
    ["pending", PENDING, "pending"],
    ["declined with a payment", CANCELLED, "declined"],
    ["refused", REFUSED, "in_doubt"],
    ["not sent", NOT_SENT, "not_charged"],
    ["indeterminate", UNKNOWN, "in_doubt"],
    ["indeterminate, with a name", NAMED, "in_doubt"],
    ["contradictory, with a known payment", KNOWN, "in_doubt"],
    ["contradictory, with another amount", DIFFERS, "in_doubt"],
  ] as const)("that is %s makes it %s", ([, outcome, state], { expect }) => {
    expect(answeredWith(outcome).charge.state).toBe(state);
  });

  it("that is approved books the money once", ({ expect }) => {
    const { charge, draft, types } = answeredWith(APPROVED);
    expect(types).toEqual(["attempt_answered"]);
    expect(effectOf(draft)).toBe(5000);
    expect(charge).toMatchObject({ payment: PAYMENT, resolvedBy: "reply", nextLook: null });
    expect(charge.boundReply).toMatchObject({ status: 201 });
    expect(draft.payments.get("payment-1")).toMatchObject({ chargeId: "charge-1" });
  });

  it("that is pending books nothing, binds nothing and is polled", ({ expect }) => {
    const { charge, draft } = answeredWith(PENDING);
    expect(effectOf(draft)).toBe(0);
    expect(charge.boundReply).toBeNull();
    expect(charge.nextPoll).toEqual({ atMs: T0 + 4000, gapMs: 2000 });
  });

  it("that is refused is looked at now, in doubt, and freezes nothing", ({ expect }) => {
    const { charge, types, draft } = answeredWith(REFUSED);
    expect(types).toEqual(["attempt_answered"]);
    expect(charge).toMatchObject({
      boundReply: null,
      nextLook: { atMs: T0 + 2000, gapMs: 0 },
      nextPoll: null,
    });
    expect(charge.attempts[0]).toMatchObject({
      noAtMs: T0 + 2000,
      refusal: "no",
      explainedBy: null,
    });
    expect([isRefusalOpen(charge), isFreezing(charge), moneyOf(charge)]).toEqual([
      true,
      false,
      "unknown",
    ]);
    expect(effectOf(draft)).toBe(0);
  });

  it("that is refused binds Harmony's words once it is checked", ({ expect }) => {
    const { draft } = answeredWith(REFUSED);
    applyRefusal(draft, "charge-1", true);
    const { boundReply, state, nextLook, doubt, resolvedBy } = chargeIn(draft, "charge-1");
    expect([state, nextLook, doubt, resolvedBy]).toEqual(["declined", null, null, "reply"]);
    expect(boundReply).toMatchObject({ status: 402, contentType: "application/problem+json" });
    expect(JSON.parse(boundReply?.body ?? "")).toMatchObject({
      code: "charge_refused",
      money: "not_charged",
      retry: "new_key",
      upstream: "no",
    });
  });

  it("that was not sent binds nothing and frees the method", ({ expect }) => {
    const { charge, types } = answeredWith(NOT_SENT);
    expect(charge).toMatchObject({ boundReply: null, nextLook: null, resolvedBy: "reply" });
    expect(types).toEqual(["attempt_answered"]);
  });

  it("that is unknown freezes the method and is looked for at once", ({ expect }) => {
    const { charge, types } = answeredWith(UNKNOWN);
    expect(types).toEqual(["attempt_answered", "method_frozen"]);
    expect(charge).toMatchObject({ escalated: false, nextPoll: null });
    expect(charge.nextLook).toEqual({ atMs: T0 + 2000, gapMs: 0 });
  });

  it("that names a new payment polls it", ({ expect }) => {
    for (const outcome of [NAMED, DIFFERS]) {
      const { charge } = answeredWith(outcome);
      expect(charge.nextPoll).toEqual({ atMs: T0 + 4000, gapMs: 2000 });
      expect(charge.attempts[0]?.namedPaymentId).toBe("payment-1");
    }
    expect(answeredWith(KNOWN).charge.nextPoll).toBeNull();
  });

  it("that guesses at one plans nothing for it: it is read with each look", ({ expect }) => {
    const namedPaymentId = "payment-1";
    const conflict: Outcome = { ...UNKNOWN, namedPaymentId, nameIs: "guess" };
    for (const outcome of [GUESSED, { ...NOT_SENT, namedPaymentId }, conflict]) {
      const { charge } = answeredWith(outcome);
      expect(charge.nextPoll).toBeNull();
      expect(charge.attempts[0]).toMatchObject({ namedPaymentId, nameIs: "guess" });
    }
  });

  it("keeps a name as it was spelt only where that differs", ({ expect }) => {
    const kept = (outcome: Outcome) => answeredWith(outcome).charge.attempts[0];
    for (const outcome of [NAMED, GUESSED, DIFFERS, { ...NOT_SENT, namedPaymentId: "payment-1" }]) {
      expect(kept({ ...outcome, namedAs: "PAYMENT-1" })).toMatchObject({
        namedPaymentId: "payment-1",
        namedAs: "PAYMENT-1",
      });
      expect(kept(outcome)).not.toHaveProperty("namedAs");
    }
    expect(kept({ ...KNOWN, namedAs: "PAYMENT-0" })).not.toHaveProperty("namedAs");
  });

  it("is told apart by what a name in it is worth", ({ expect }) => {
    const worth = (outcome: Outcome) => answeredWith(outcome).charge.attempts[0]?.nameIs;
    expect(worth(NAMED)).toBe("told");
    expect(worth({ ...NAMED, nameIs: "sure" })).toBe("sure");
    expect(worth(DIFFERS)).toBe("sure");
    for (const outcome of [GUESSED, { ...NOT_SENT, namedPaymentId: "payment-1" }]) {
      expect(worth(outcome)).toBe("guess");
    }
    for (const outcome of [UNKNOWN, KNOWN, REFUSED, NOT_SENT, APPROVED, PENDING, CANCELLED]) {
      expect(worth(outcome)).toBeNull();
    }
  });

  it("is a no, from now on, where it says that nothing was taken", ({ expect }) => {
    for (const outcome of [REFUSED, CANCELLED, NOT_SENT, GUESSED]) {
      expect(answeredWith(outcome).charge.attempts[0]).toMatchObject({ noAtMs: T0 + 2000 });
    }
    for (const outcome of [UNKNOWN, NAMED, KNOWN, DIFFERS, APPROVED, PENDING]) {
      expect(answeredWith(outcome).charge.attempts[0]).toMatchObject({ noAtMs: null });
    }
  });

  it("that is CANCELLED is read once more when its horizon is over", ({ expect }) => {
    const { charge, draft } = answeredWith(CANCELLED);
    expect(charge.nextPoll).toEqual({ atMs: T0 + 902_000, gapMs: 900_000 });
    expect(draft.payments.get("payment-1")).toMatchObject({ reread: true });
    expect(answeredWith(APPROVED).draft.payments.get("payment-1")).toMatchObject({ reread: false });
  });

  it("that contradicts goes to a person at once and is still looked for at once", ({ expect }) => {
    for (const outcome of [KNOWN, DIFFERS]) {
      const { charge, types } = answeredWith(outcome);
      expect(types).toEqual(["attempt_answered", "charge_escalated", "method_frozen"]);
      expect(charge).toMatchObject({ escalated: true, nextLook: { atMs: T0 + 2000 } });
    }
    const { charge } = answeredWith(KNOWN);
    expect(charge.attempts[0]?.namedPaymentId).toBeNull();
  });

  it("leaves an earlier unexplained attempt its late looks", ({ expect }) => {
    const attempts = [attemptOf(), { ...OPEN, attempt: 2, intentSeq: 25 }];
    for (const outcome of [APPROVED, PENDING, CANCELLED, NOT_SENT]) {
      const { charge } = answeredWith(outcome, inFlight({ attempts }));
      expect(charge.nextLook).toEqual({ atMs: T0 + 2000 + 3_600_000, gapMs: 3_600_000 });
    }
    const { draft } = answeredWith(REFUSED, inFlight({ attempts }));
    applyRefusal(draft, "charge-1", true);
    expect(chargeIn(draft, "charge-1")).toMatchObject({
      state: "declined",
      nextLook: { gapMs: 3_600_000 },
    });
  });
});

describe("an answer that comes when its charge has moved on", () => {
  it("resolves a doubt", ({ expect }) => {
    const { charge, types } = answeredWith(APPROVED, chargeOf());
    expect(charge).toMatchObject({ state: "approved", escalated: false, doubt: null });
    expect(types).toEqual(["attempt_answered", "method_unfrozen"]);
  });

  it("is late truth where it was called not charged", ({ expect }) => {
    const given = chargeOf({ state: "not_charged", doubt: null, nextLook: null });
    const { charge, draft, types } = answeredWith(APPROVED, given);
    expect(types).toEqual(["attempt_answered", "late_truth_found"]);
    expect(charge).toMatchObject({ state: "approved", payment: PAYMENT });
    expect(effectOf(draft)).toBe(5000);
  });

  it("is a duplicate where another payment is the charge's already", ({ expect }) => {
    const payment = { ...PAYMENT, id: "payment-0" };
    const given = chargeOf({ state: "approved", payment, doubt: null, nextLook: null });
    const { charge, draft } = answeredWith(APPROVED, given);
    expect(charge).toMatchObject({ state: "approved", payment, duplicates: ["payment-1"] });
    expect(effectOf(draft)).toBe(5000);
  });

  it("never takes an approved charge back into doubt", ({ expect }) => {
    const given = chargeOf({ state: "approved", payment: PAYMENT, doubt: null, nextLook: null });
    for (const outcome of [UNKNOWN, NAMED, KNOWN, DIFFERS, NOT_SENT, REFUSED]) {
      const { charge } = answeredWith(outcome, given);
      expect(charge).toMatchObject({ state: "approved", payment: PAYMENT });
    }
  });
});

describe("an attempt that nobody owns", () => {
  it("is in doubt from then on", ({ expect }) => {
    const draft = draftOf({ charges: [inFlight()] });
    abandon(draft, "charge-1");
    expect(draft.charges.get("charge-1")).toMatchObject({ state: "in_doubt" });
    expect(draft.noted[0]?.fact).toMatchObject({ outcome: { reason: "interrupted" } });
  });
});
