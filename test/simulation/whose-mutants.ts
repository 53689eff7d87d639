/**
 * Owns the planted bugs of the page that says whose a payment is, row by row, and of what stands
 * beside it: absence, further attempts, the horizon, older news.
 */
import type { Mutant } from "./plant.ts";

export const WHOSE_MUTANTS: readonly Mutant[] = [
  {
    name: "a read makes the lost payment known",
    edits: [
      {
        file: "domain/draft.ts",
        from: `    set(isOlder ? before : seen, told);`,
        to: `    set(isOlder ? before : seen, told);
    const shown = draft.payments.get(seen.id);
    if (by === "poll" && shown !== undefined)
      draft.payments.set(seen.id, { ...shown, recordedSeq: 0 });`,
      },
    ],
  },
  {
    name: "a history page makes the lost payment known",
    edits: [
      {
        file: "domain/draft.ts",
        from: `    set(isOlder ? before : seen, told);`,
        to: `    set(isOlder ? before : seen, told);
    const shown = draft.payments.get(seen.id);
    if (by === "page" && shown !== undefined)
      draft.payments.set(seen.id, { ...shown, recordedSeq: 0 });`,
      },
    ],
  },
  {
    name: "takes a payment that was known",
    edits: [
      {
        file: "domain/whose.ts",
        from: `payment.recordedSeq > attempt.intentSeq`,
        to: `payment.recordedSeq > 0`,
      },
    ],
  },
  {
    name: "row 1: a tag proves nothing",
    edits: [
      {
        file: "domain/whose.ts",
        from: `return (tag !== null && tag === attempt.tag) || attempt`,
        to: `return (tag === "" && tag === attempt.tag) || attempt`,
      },
    ],
  },
  {
    name: "row 1: believes a tag at any amount",
    edits: [
      {
        file: "domain/whose.ts",
        from: `if (of !== undefined && charges.length === 1 && isNewTo(payment, of)) {`,
        to: `if (of !== undefined && charges.length === 1) {`,
      },
    ],
  },
  {
    name: "row 1: takes the cancelled one of several",
    edits: [
      {
        file: "domain/whose.ts",
        from: `Number(holdsMoney(b)) - Number(holdsMoney(a))`,
        to: `Number(holdsMoney(a)) - Number(holdsMoney(b))`,
      },
    ],
  },
  {
    name: "row 2: a name proves nothing",
    edits: [
      {
        file: "domain/whose.ts",
        from: `|| attempt.namedPaymentId === id;`,
        to: `|| attempt.namedPaymentId === "";`,
      },
    ],
  },
  {
    name: "row 5: takes what only a read has shown",
    edits: [
      {
        file: "domain/whose.ts",
        from: `.filter((one) => listed.has(one.id) && proven`,
        to: `.filter((one) => (listed.has(one.id) || one.read) && proven`,
      },
    ],
  },
  {
    name: "row 5: takes it though two charges compete",
    edits: [
      {
        file: "domain/whose.ts",
        from: `[charges.length > 1, `,
        to: `[charges.length > 99, `,
      },
    ],
  },
  {
    name: "row 5: takes one of several",
    edits: [
      {
        file: "domain/whose.ts",
        from: `[about.rivals > 1, `,
        to: `[about.rivals > 99, `,
      },
    ],
  },
  {
    name: "row 5: takes it though others charge the card",
    edits: [
      {
        file: "domain/whose.ts",
        from: `[about.foreignWriters, `,
        to: `[about.foreignWriters && about.rivals > 99, `,
      },
    ],
  },
  {
    name: "row 5: takes it though the reply named another",
    edits: [
      {
        file: "domain/whose.ts",
        from: `one.namedPaymentId !== null), `,
        to: `one.namedPaymentId === ""), `,
      },
    ],
  },
  {
    name: "row 5: takes it though its time contradicts",
    edits: [
      {
        file: "domain/whose.ts",
        from: `!timeContradicts(payment, one, about.nowMs)`,
        to: `one.attempt > 0`,
      },
    ],
  },
  {
    name: "row 5: a window that closes at once",
    edits: [
      {
        file: "domain/whose.ts",
        from: `doubtEndedAtMs === null ? Infinity : doubtEndedAtMs + (lateMs.at(-1) ?? 0)`,
        to: `doubtEndedAtMs === null ? Infinity : -Infinity`,
      },
    ],
  },
  {
    name: "row 5: a window that never closes",
    edits: [
      {
        file: "domain/whose.ts",
        from: `doubtEndedAtMs === null ? Infinity : doubtEndedAtMs + (lateMs.at(-1) ?? 0)`,
        to: `Infinity + 0 * (doubtEndedAtMs ?? lateMs.length)`,
      },
    ],
  },
  {
    name: "row 6: nobody's is told to nobody",
    edits: [
      {
        file: "domain/judge.ts",
        from: `if (!payment.unattributed && payment.recordedSeq`,
        to: `if (payment.foreign && payment.recordedSeq`,
      },
    ],
  },
  {
    name: "drops a truth that comes after the decision",
    edits: [
      {
        file: "domain/judge.ts",
        from: `  const isCancelled = payment.status === "CANCELLED";`,
        to: `  if (payment.id !== "") return;
  const isCancelled = payment.status === "CANCELLED";`,
      },
    ],
  },
  {
    name: "a person's is put to no one",
    edits: [
      {
        file: "domain/contest.ts",
        from: `if (!chargeIn(draft, chargeId).contested.includes(payment.id)) {`,
        to: `if (chargeIn(draft, chargeId).contested.includes(payment.id)) {`,
      },
    ],
  },
  {
    name: "a contested charge is told not charged",
    edits: [
      {
        file: "domain/charge.ts",
        from: `  if (charge.contested.length > 0 && !hasPayment(charge)) {`,
        to: `  if (charge.contested.length > 99 && !hasPayment(charge)) {`,
      },
    ],
  },
  {
    name: "a contest never ends",
    edits: [
      {
        file: "domain/contest.ts",
        from: `payment !== undefined && !stands(draft, chargeId, payment, isPersons)`,
        to: `payment !== undefined && payment.id === "" && !stands(draft, chargeId, payment, isPersons)`,
      },
    ],
  },
  {
    name: "a contest ends with the next look",
    edits: [
      {
        file: "domain/contest.ts",
        from: `return isPersons(payment, chargeId) || isForbidding;`,
        to: `return isForbidding && isPersons.length > 9;`,
      },
    ],
  },
  {
    name: "absence: what a read has shown is forgotten",
    edits: [
      {
        file: "domain/look.ts",
        from: `const seen = paymentsAgainst(draft, charge);`,
        to: `const seen = paymentsAgainst(draft, charge).slice(0, 0);`,
      },
    ],
  },
  {
    name: "absence: what a person has to judge is forgotten",
    edits: [
      {
        file: "domain/look.ts",
        from: `seen.length === 0 && charge.contested.length === 0`,
        to: `seen.length === 0`,
      },
    ],
  },
  {
    name: "a further attempt: sends whatever the look shows",
    edits: [
      {
        file: "payment-method/payment-method.ts",
        from: `return isContested ? problem("payment_contested", { ...CONTESTED, chargeId }) : null;`,
        to: `return isContested && chargeId === "" ? problem("payment_contested", CONTESTED) : null;`,
      },
    ],
  },
  {
    name: "the horizon counts by the wall clock",
    edits: [
      {
        file: "domain/schedule.ts",
        from: `Math.max(0, Math.min(passed, doubt.plannedGapMs))`,
        to: `Math.max(0, passed)`,
      },
    ],
  },
  {
    name: "after an outage: looks an hour apart",
    edits: [
      {
        file: "domain/schedule.ts",
        from: `const FAILED_GAP_MAX_MS = 300_000;`,
        to: `const FAILED_GAP_MAX_MS = 3_600_000;`,
      },
    ],
  },
  {
    name: "after an outage: hourly as soon as a person is asked",
    edits: [
      {
        file: "domain/schedule.ts",
        from: `const isHourly = escalated && credited >= (horizonMs ?? ESCALATE_AFTER_MS);`,
        to: `const isHourly = escalated && credited >= 0 * (horizonMs ?? ESCALATE_AFTER_MS);`,
      },
    ],
  },
  {
    name: "older news is booked",
    edits: [
      {
        file: "domain/status.ts",
        from: `const isOlder = beganSeq < Math.max(record.statusSeq, listedSeq);`,
        to: `const isOlder = beganSeq < 0 * Math.max(record.statusSeq, listedSeq);`,
      },
    ],
  },
  {
    name: "older news is dropped and nobody reads again",
    edits: [
      {
        file: "domain/status.ts",
        from: `    draft.charges.set(chargeId, { ...charge, nextPoll: nextPoll(rules, 0, nowMs, nowMs, jitter) });`,
        to: `    draft.charges.set(chargeId, charge);`,
      },
    ],
  },
];
