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
        file: "domain/fit.ts",
        from: `payment.recordedSeq > attempt.intentSeq`,
        to: `payment.recordedSeq > 0`,
      },
    ],
  },
  {
    name: "row 1: a tag proves nothing",
    edits: [
      {
        file: "domain/fit.ts",
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
        file: "domain/fit.ts",
        from: `|| attempt.namedPaymentId === id;`,
        to: `|| attempt.namedPaymentId === "";`,
      },
    ],
  },
  {
    name: "row 3: judges while an attempt is in flight",
    edits: [
      {
        file: "domain/whose.ts",
        from: `if (attempts.some(({ outcome }) => outcome === null)) {`,
        to: `if (attempts.some(({ outcome, attempt }) => outcome === null && attempt < 0)) {`,
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
        from: `[charges.size > 1, `,
        to: `[charges.size > 99, `,
      },
    ],
  },
  {
    name: "row 5: takes one of several",
    edits: [
      {
        file: "domain/whose.ts",
        from: `[rivals.length > 1, `,
        to: `[rivals.length > 99, `,
      },
    ],
  },
  {
    name: "row 5: takes it though others charge the card",
    edits: [
      {
        file: "domain/whose.ts",
        from: `[foreignWriters, `,
        to: `[foreignWriters && rivals.length > 99, `,
      },
    ],
  },
  {
    name: "row 5: takes it though the reply named another",
    edits: [
      {
        file: "domain/whose.ts",
        from: `[isProven || isNamed, `,
        to: `[isProven && rivals.length > 99, `,
      },
    ],
  },
  {
    name: "row 5: takes it though its time contradicts",
    edits: [
      {
        file: "domain/whose.ts",
        from: `!timeContradicts(payment, one, nowMs)`,
        to: `one.attempt > 0`,
      },
    ],
  },
  {
    name: "row 5: a window that closes at once",
    edits: [
      {
        file: "domain/fit.ts",
        from: `doubtEndedAtMs === null ? Infinity : doubtEndedAtMs + (lateMs.at(-1) ?? 0)`,
        to: `doubtEndedAtMs === null ? Infinity : -Infinity`,
      },
    ],
  },
  {
    name: "row 5: a window that never closes",
    edits: [
      {
        file: "domain/fit.ts",
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
        file: "domain/known.ts",
        from: `if (contested.length > 0 && (isMissing || !hasPayment(charge))) {`,
        to: `if (contested.length > 99 && (isMissing || !hasPayment(charge))) {`,
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
        from: `const seen = paymentsAgainst(draft, charge);`,
        to: `const seen = paymentsAgainst(draft, charge).filter(({ id }) => !charge.contested.includes(id));`,
      },
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
        from: `if (isContested) {`,
        to: `if (isContested && chargeId === "") {`,
      },
      {
        file: "payment-method/payment-method.ts",
        from: `return this.#books.journal.contestedOf(request).length > 0`,
        to: `return this.#books.journal.contestedOf(request).length > 99`,
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
        from: `const isHourly = watch.escalated && credited >= spanMs(watch);`,
        to: `const isHourly = watch.escalated && credited >= 0 * spanMs(watch);`,
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
        from: `    draft.charges.set(chargeId, { ...charge, polls: 0, nextPoll: nextRead });`,
        to: `    draft.charges.set(chargeId, charge);`,
      },
    ],
  },
];
