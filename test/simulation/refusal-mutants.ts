/**
 * Owns the planted bugs of what Harmony refuses and names: the row of the page that judges a no, the
 * look that follows a refusal, the look before a fresh no is followed by a charge, names in errors,
 * bodies that say one thing twice.
 */
import type { Mutant } from "./plant.ts";

export const REFUSAL_MUTANTS: readonly Mutant[] = [
  {
    name: "row 4: a window that never closes",
    edits: [
      {
        file: "domain/fit.ts",
        from: `(listedMs <= spanMs(attempt) || (isUnseenSince`,
        to: `(listedMs <= Infinity || (isUnseenSince`,
      },
    ],
  },
  {
    name: "row 4: an old payment belies a no",
    edits: [
      {
        file: "domain/fit.ts",
        from: `(payment.createdAtMs ?? Infinity) >= attempt.intendedAtMs - DAY_MS`,
        to: `(payment.createdAtMs ?? Infinity) >= 0 * DAY_MS`,
      },
    ],
  },
  {
    name: "row 4: what holds no money belies a no",
    edits: [
      {
        file: "domain/whose.ts",
        from: `if (holdsMoney(payment) && payment.status !== "NOT_INITIALIZED") {`,
        to: `if (payment.status !== "") {`,
      },
    ],
  },
  {
    name: "row 4: takes what belies a no",
    edits: [
      {
        file: "domain/whose.ts",
        from: `return { payment, is: "a person's", fits: chargesOf(fit), reason: "refused_yet_paid" };`,
        to: `return { payment, is: "a charge's", by: "single", of: answered[0] ?? fitted[0] };`,
      },
    ],
  },
  {
    name: "row 4: no payment belies a no",
    edits: [
      {
        file: "domain/whose.ts",
        from: `return { payment, is: "a person's", fits: chargesOf(fit), reason: "refused_yet_paid" };`,
        to: `return { payment, is: "denied" };`,
      },
    ],
  },
  {
    name: "row 4: takes what is cancelled though others charge the card",
    edits: [
      {
        file: "domain/whose.ts",
        from: `payment.status === "CANCELLED" && !foreignWriters`,
        to: `payment.status === "CANCELLED" && foreignWriters !== null`,
      },
    ],
  },
  {
    name: "row 4: what is cancelled ends a doubt beside a no",
    edits: [
      {
        file: "domain/whose.ts",
        from: `if (answered.length > 0 && (payment.status === "CANCELLED" || !isDoubted)) {`,
        to: `if (answered.length > 0 && !isDoubted) {`,
      },
    ],
  },
  {
    name: "a refusal stands without a look",
    edits: [
      {
        file: "domain/evolve.ts",
        from: `return outcome.payment === null
`,
        to: `return outcome.payment === null && outcome.upstream !== null ? { ...told, state: "declined", resolvedAtMs: fact.atMs, resolvedBy: "reply" } : outcome.payment === null
`,
      },
    ],
  },
  {
    name: "a refusal is looked at later",
    edits: [
      {
        file: "payment-method/upkeep.ts",
        from: `await this.#looker.look("doubt", chargeId, actor, REFUSAL_LOOK_MS);`,
        to: `actor = REFUSAL_LOOK_MS > 0 ? actor : NOBODY;`,
      },
    ],
  },
  {
    name: "a refusal is forgotten in a crash",
    edits: [
      {
        file: "domain/decide.ts",
        from: `? { atMs: nowMs, gapMs: 0 }`,
        to: `? null`,
      },
    ],
  },
  {
    name: "a refusal stands beside what a person has to judge",
    edits: [
      {
        file: "domain/contest.ts",
        from: `if (!isRefusalOpen(charge) || charge.contested.length > 0) {`,
        to: `if (!isRefusalOpen(charge)) {`,
      },
    ],
  },
  {
    name: "nobody hears that a refused charge is paid",
    edits: [
      {
        file: "payment-method/books.ts",
        from: `return fact.reason === "refused_yet_paid";`,
        to: `return fact.reason === "";`,
      },
    ],
  },
  {
    name: "an incomplete look ends the horizon of a no",
    edits: [
      {
        file: "domain/fit.ts",
        from: `|| (isUnseenSince && listedMs <=`,
        to: `|| (isUnseenSince && listedMs <= 0 *`,
      },
      {
        file: "domain/decide.ts",
        from: `|| (isUnseen && nowMs <`,
        to: `|| (isUnseen && nowMs < 0 *`,
      },
    ],
  },
  {
    name: "after an incomplete look at a refusal nobody looks again",
    edits: [
      {
        file: "domain/contest.ts",
        from: `const isLookedFor = !complete || charge`,
        to: `const isLookedFor = charge`,
      },
    ],
  },
  {
    name: "a refusal that a person has to judge freezes the card",
    edits: [
      {
        file: "domain/charge.ts",
        from: `return charge.state === "in_doubt" && !isRefusalOpen(charge);`,
        to: `return charge.state === "in_doubt" && (!isRefusalOpen(charge) || charge.contested.length > 0);`,
      },
    ],
  },
  {
    name: "a refusal freezes the card while it is looked at",
    edits: [
      {
        file: "domain/charge.ts",
        from: `return charge.state === "in_doubt" && !isRefusalOpen(charge);`,
        to: `return charge.state === "in_doubt";`,
      },
    ],
  },
  {
    name: "a refused key is sent again once a person has said no",
    edits: [
      {
        file: "domain/evolve.ts",
        from: `state: isRefusalOpen(charge) ? "declined" : "not_charged",`,
        to: `state: "not_charged",`,
      },
    ],
  },
  {
    name: "a fresh no is not looked at",
    edits: [
      {
        file: "domain/decide.ts",
        from: `return isFresh(attempt, nowMs) || (isUnseen &&`,
        to: `return (isFresh(attempt, nowMs) && attempt.attempt < 0) || (isUnseen &&`,
      },
    ],
  },
  {
    name: "a no looks to its end by one look",
    edits: [
      {
        file: "domain/decide.ts",
        from: `return isFresh(attempt, nowMs) || (isUnseen &&`,
        to: `return (isFresh(attempt, nowMs) && isUnseen) || (isUnseen &&`,
      },
    ],
  },
  {
    name: "what a reply told to be cancelled is no no",
    edits: [
      {
        file: "domain/evolve.ts",
        from: `noAtMs: isNo(outcome) ? fact.atMs : null,`,
        to: `noAtMs: isNo(outcome) && paymentOf(outcome) === null ? fact.atMs : null,`,
      },
    ],
  },
  {
    name: "what is found to be cancelled is no no",
    edits: [
      {
        file: "domain/evolve.ts",
        from: `fact.payment.status === "CANCELLED" ?`,
        to: `fact.payment.status === "" ?`,
      },
    ],
  },
  {
    name: "a rule's no and a person's are none",
    edits: [
      {
        file: "domain/evolve.ts",
        from: `(isDecided && !hasPayment(charge)) ||`,
        to: `(isDecided && hasPayment(charge)) ||`,
      },
    ],
  },
  {
    name: "an earlier charge that is paid after all is told to nobody",
    edits: [
      {
        file: "payment-method/payment-method.ts",
        from: `if (first !== null && isPaidAfterAll(attempt, first, this.#books.moneyOf(first), nowMs)) {`,
        to: `if (first !== null && isPaidAfterAll(attempt, first, "unknown", 0 * nowMs) && nowMs < 0) {`,
      },
    ],
  },
  {
    name: "what another charge's person has to judge forbids nothing",
    edits: [
      {
        file: "payment-method/journal.ts",
        from: `return [...ids]
`,
        to: `return [...ids].slice(0, 0)
`,
      },
    ],
  },
  {
    name: "what is cancelled is read no more",
    edits: [
      {
        file: "domain/draft.ts",
        from: `return { reread: status === "CANCELLED", disputed: false, contradicted: null };`,
        to: `return { reread: status === "", disputed: false, contradicted: null };`,
      },
    ],
  },
  {
    name: "a name in a 4xx counts though nobody has read it",
    edits: [
      {
        file: "harmony/classify.ts",
        from: `isGuess ? "guess" : "told"`,
        to: `isGuess ? "told" : "told"`,
      },
      {
        file: "domain/evolve.ts",
        from: `return { ...name, nameIs: "guess" };`,
        to: `return { ...name, nameIs: "told" };`,
      },
    ],
  },
  {
    name: "a guess is read by nobody",
    edits: [
      {
        file: "payment-method/charge-table.ts",
        from: `.filter((one) => isUnread(one) &&`,
        to: `.filter((one) => !isUnread(one) &&`,
      },
    ],
  },
  {
    name: "any id in an error is a payment's",
    edits: [
      {
        file: "harmony/classify.ts",
        from: `isUuid(id) && !asked`,
        to: `isUuid(id) !== null && !asked`,
      },
    ],
  },
  {
    name: "a name is dropped before its horizon is over",
    edits: [
      {
        file: "domain/status.ts",
        from: `(named?.nameIs === "told" && isOver)`,
        to: `named?.nameIs === "told"`,
      },
    ],
  },
  {
    name: "a name that nothing answers to is never dropped",
    edits: [
      {
        file: "domain/status.ts",
        from: `(named?.nameIs === "told" && isOver)`,
        to: `(named?.nameIs === "told" && !isOver && isOver)`,
      },
    ],
  },
  {
    name: "a look waits for ever for what Harmony has forgotten",
    edits: [
      {
        file: "domain/status.ts",
        from: `if (isOver && !record.missing) {`,
        to: `if (isOver && !record.missing && nowMs < 0) {`,
      },
    ],
  },
  {
    name: "a look lacks what Harmony cannot find for once",
    edits: [
      {
        file: "domain/status.ts",
        from: `const isOver = record !== undefined && nowMs >= record.statusAtMs + spanMs(rules);`,
        to: `const isOver = record !== undefined && nowMs >= record.statusAtMs + 0 * spanMs(rules);`,
      },
    ],
  },
  {
    name: "an id in capitals is another id",
    edits: [
      {
        file: "domain/ids.ts",
        from: `return isUuid(id) ? id.toLowerCase() : id;`,
        to: `return id;`,
      },
    ],
  },
  {
    name: "of a member that stands twice the last counts",
    edits: [
      {
        file: "harmony/wire.ts",
        from: `return parse(body, undefined, Number);`,
        to: `return JSON.parse(body);`,
      },
    ],
  },
  {
    name: "what another reply has named is new",
    edits: [
      {
        file: "payment-method/payment-method.ts",
        from: `return isRecorded || journal.charges.isNamed(paymentId, sent.intentSeq);`,
        to: `return isRecorded;`,
      },
    ],
  },
];
