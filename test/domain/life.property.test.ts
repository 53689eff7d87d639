/**
 * The core alone, over random interleavings of intents, answers, looks and reads of one method:
 * what must hold of its facts after every step. Pure.
 */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import {
  attemptRecords,
  type Charge,
  type ChargeState,
  isFinal,
  isFreezing,
  isRefusalOpen,
  isUnexplained,
} from "../../src/domain/charge.ts";
import type { Draft } from "../../src/domain/draft.ts";
import { namedIds, openPaymentIds } from "../../src/domain/status.ts";
import { forbids } from "../../src/domain/fit.ts";
import { actions, Method } from "./method.ts";
import { moneyOf } from "./known.ts";

/** Runs a promise after every step of many lives; a failure prints the seed that repeats it. */
function always(promise: (method: Method, before: Method["charges"], draft: Draft) => void): void {
  fc.assert(
    fc.property(actions, (list) => {
      const method = new Method((before, draft) => promise(method, before, draft));
      for (const action of list) {
        method.act(action);
      }
    }),
    { numRuns: 2000 },
  );
}

/** Each charge as it was before a step and is after it. */
function* moves(method: Method, before: Method["charges"]): Generator<{ was: Charge; is: Charge }> {
  for (const is of method.charges.values()) {
    const was = before.get(is.chargeId);
    if (was !== undefined && was !== is) {
      yield { was, is };
    }
  }
}

const ALLOWED: Readonly<Record<ChargeState, readonly ChargeState[]>> = {
  in_flight: ["in_flight", "approved", "declined", "pending", "in_doubt", "not_charged"],
  in_doubt: ["in_doubt", "approved", "declined", "pending", "not_charged"],
  pending: ["pending", "approved", "declined"],
  not_charged: ["not_charged", "in_flight", "approved", "declined", "pending"],
  // What was reversed has a further payment, by late truth.
  approved: ["approved", "pending"],
  declined: ["declined", "approved", "pending"],
};

describe("the life of a method's facts", () => {
  it("follows the table of states, and never goes back into doubt", ({ expect }) => {
    always((method, before) => {
      for (const { was, is } of moves(method, before)) {
        expect(ALLOWED[was.state], `${was.state} -> ${is.state}`).toContain(is.state);
      }
    });
  });

  it("moves a final state only by an explicit late truth", ({ expect }) => {
    always((method, before, draft) => {
      for (const { was, is } of moves(method, before)) {
        if ((was.state === "approved" || was.state === "declined") && was.state !== is.state) {
          const late = draft.noted.some(
            ({ fact }) => fact.type === "late_truth_found" && fact.chargeId === is.chargeId,
          );
          expect(late).toBe(true);
        }
      }
    });
  });

  it("never changes the bytes of a bound reply", ({ expect }) => {
    always((method, before) => {
      for (const { was, is } of moves(method, before)) {
        if (was.boundReply !== null) {
          expect(is.boundReply).toEqual(was.boundReply);
        }
        expect(is.boundReply !== null || !isFinal(is.state)).toBe(true);
      }
    });
  });

  it("tells no caller that nothing was charged while a payment of the charge is confirmed", ({
    expect,
  }) => {
    always((method) => {
      for (const charge of method.charges.values()) {
        // A duplicate is told beside the charge, by its id.
        if (charge.duplicates.length > 0) {
          continue;
        }
        const confirmed = [...method.payments.values()].some(
          ({ chargeId, status }) => chargeId === charge.chargeId && status === "CONFIRMED",
        );
        if (confirmed) {
          expect(moneyOf(charge)).not.toBe("not_charged");
        }
      }
    });
  });

  it("makes known exactly the confirmed money of its attributed payments", ({ expect }) => {
    always((method) => {
      let confirmed = 0;
      for (const { chargeId, status, amountMinor } of method.payments.values()) {
        confirmed += chargeId !== null && status === "CONFIRMED" ? amountMinor : 0;
      }
      expect(method.effectMinor).toBe(confirmed);
    });
  });

  it("intends nothing while anything is in doubt, but a refusal that a person judges", ({
    expect,
  }) => {
    always((_method, before, draft) => {
      if (draft.noted.some(({ fact }) => fact.type === "attempt_intended")) {
        for (const charge of before.values()) {
          expect(charge.state).not.toBe("in_flight");
          const isUnchecked = isRefusalOpen(charge) && charge.contested.length === 0;
          expect(isFreezing(charge) || isUnchecked).toBe(false);
        }
      }
    });
  });

  it("attributes a payment to one charge and one attempt, for ever", ({ expect }) => {
    always((method, _before, draft) => {
      for (const [id, record] of draft.view.payments) {
        if (record.chargeId !== null) {
          expect(method.payments.get(id)?.chargeId).toBe(record.chargeId);
        }
      }
      const explained = [...method.charges.values()].flatMap(({ attempts }) =>
        attempts.flatMap(({ explainedBy }) => explainedBy ?? []),
      );
      expect(new Set(explained).size).toBe(explained.length);
    });
  });

  it("calls nothing not charged, and sends nothing further, against a payment that may be its", ({
    expect,
  }) => {
    always((method, before, draft) => {
      for (const { fact } of draft.noted) {
        const isIntent = fact.type === "attempt_intended";
        if (isIntent || fact.type === "not_charged_by_rule") {
          const charge = (isIntent ? before : method.charges).get(fact.chargeId);
          const attempts = charge === undefined ? [] : attemptRecords(charge);
          for (const payment of method.payments.values()) {
            expect(forbids(payment, attempts)).toBe(false);
          }
          expect(isIntent ? [] : charge?.contested).toEqual([]);
        }
      }
    });
  });

  it("leaves no payment nobody's in silence that a charge in doubt may have made", ({ expect }) => {
    always((method, _before, draft) => {
      const look = draft.noted[0]?.fact;
      if (look?.type !== "looked" || !look.report.complete || method.inFlight !== null) {
        return;
      }
      const listed = look.report.payments.flatMap(({ id }) => method.payments.get(id) ?? []);
      for (const charge of method.charges.values()) {
        if (!isFreezing(charge)) {
          continue;
        }
        for (const payment of listed) {
          if (forbids(payment, attemptRecords(charge))) {
            expect(charge.contested.includes(payment.id) || payment.unattributed).toBe(true);
          }
        }
      }
    });
  });

  it("gives nobody a payment but by a complete look, a reply or a read of what a reply named", ({
    expect,
  }) => {
    always((method, _before, draft) => {
      const [cause] = draft.noted;
      for (const [id, { chargeId }] of method.payments) {
        const was = draft.view.payments.get(id)?.chargeId ?? null;
        if (chargeId === null || was !== null || cause === undefined) {
          continue;
        }
        const { fact } = cause;
        const names = method.charges.get(chargeId)?.attempts.map((one) => one.namedPaymentId);
        const isProof =
          fact.type === "attempt_answered" ||
          (fact.type === "looked" && fact.report.complete) ||
          (fact.type === "polled" && names?.includes(id) === true);
        expect(isProof, `${id} by ${fact.type}`).toBe(true);
      }
    });
  });

  it("adopts nothing that it knew before the intent", ({ expect }) => {
    always((method, _before, draft) => {
      for (const { fact } of draft.noted) {
        if (fact.type === "payment_adopted" || fact.type === "late_truth_found") {
          const attempts = method.charges.get(fact.chargeId)?.attempts ?? [];
          const own = attempts.find(({ attempt }) => attempt === fact.attempt);
          const record = draft.view.payments.get(fact.payment.id);
          if (own !== undefined && record !== undefined) {
            expect(record.recordedSeq).toBeGreaterThan(own.intentSeq);
          }
        }
      }
    });
  });

  it("contests no payment that a charge has, and tells nobody `not charged` beside one", ({
    expect,
  }) => {
    always((method) => {
      for (const charge of method.charges.values()) {
        for (const id of charge.contested) {
          const payment = method.payments.get(id);
          // Its own is contested where it is found no more, or where Harmony contradicts the books.
          const isAsked = payment?.missing === true || (payment?.contradicted ?? null) !== null;
          const isOwn = isAsked && payment?.chargeId === charge.chargeId;
          expect(isOwn || payment?.chargeId).toBe(isOwn || null);
          expect(payment).toMatchObject({ foreign: false });
          expect(moneyOf(charge)).not.toBe("not_charged");
        }
      }
    });
  });

  it("books no news that began before what it was last told, and has it read again", ({
    expect,
  }) => {
    always((method, _before, draft) => {
      const [told] = draft.noted;
      if (told?.fact.type !== "polled" || told.fact.seen === null) {
        return;
      }
      const { seen, beganSeq } = told.fact;
      const was = draft.view.payments.get(seen.id);
      const is = method.payments.get(seen.id);
      if (was !== undefined && beganSeq < was.statusSeq) {
        expect(is?.status).toBe(was.status);
        const charge = was.chargeId === null ? undefined : method.charges.get(was.chargeId);
        if (charge !== undefined && seen.status !== was.status) {
          expect(is?.reread).toBe(true);
          expect(charge.nextPoll).not.toBeNull();
        }
      }
    });
  });

  it("gives every charge in doubt its next look", ({ expect }) => {
    always((method) => {
      for (const charge of method.charges.values()) {
        if (isFreezing(charge)) {
          expect(charge.nextLook).not.toBeNull();
        }
      }
    });
  });

  it("has every payment polled that is open, or that older news spoke against", ({ expect }) => {
    always((method) => {
      for (const charge of method.charges.values()) {
        const open = openPaymentIds(charge, (id) => method.payments.get(id));
        expect(charge.nextPoll !== null || open.length === 0).toBe(true);
        for (const { id, chargeId, reread } of method.payments.values()) {
          expect(chargeId !== charge.chargeId || !reread || open.includes(id)).toBe(true);
        }
      }
    });
  });

  it("has every payment polled that a reply told and nothing explains", ({ expect }) => {
    always((method) => {
      for (const charge of method.charges.values()) {
        expect(charge.nextPoll !== null || namedIds(charge).length === 0).toBe(true);
      }
    });
  });

  it("ends no doubt by a cancelled payment while another attempt has no answer", ({ expect }) => {
    always((method, _before, draft) => {
      for (const { fact } of draft.noted) {
        if (fact.type === "payment_adopted" && fact.payment.status === "CANCELLED") {
          const attempts = method.charges.get(fact.chargeId)?.attempts ?? [];
          expect(attempts.filter(isUnexplained)).toEqual([]);
        }
      }
    });
  });

  it("plans no poll that has nothing to read", ({ expect }) => {
    always((method) => {
      for (const charge of method.charges.values()) {
        const open = openPaymentIds(charge, (id) => method.payments.get(id));
        const isRead = namedIds(charge).length > 0 || open.length > 0;
        expect(charge.nextPoll === null || isRead).toBe(true);
      }
    });
  });

  it("notes freeze and thaw exactly where the first doubt came and the last one went", ({
    expect,
  }) => {
    always((method, before, draft) => {
      const frozen = (all: Method["charges"]) => [...all.values()].some(isFreezing);
      const noted = draft.noted.map(({ fact }) => fact.type);
      const [was, is] = [frozen(before), frozen(method.charges)];
      expect(noted.includes("method_frozen")).toBe(!was && is);
      expect(noted.includes("method_unfrozen")).toBe(was && !is);
    });
  });
});
