/**
 * Owns the planted bugs that a simulation must find: those of charges here, those of refunds and
 * revokes in refund-mutants.ts, those of decisions by hand in decision-mutants.ts, those of the page
 * that says whose a payment is in whose-mutants.ts, those of what Harmony refuses and names in
 * refusal-mutants.ts, those of what is known of the money in money-mutants.ts.
 */
import type { Mutant } from "./plant.ts";
import { DECISION_MUTANTS } from "./decision-mutants.ts";
import { REFUND_MUTANTS } from "./refund-mutants.ts";
import { MONEY_MUTANTS } from "./money-mutants.ts";
import { REFUSAL_MUTANTS } from "./refusal-mutants.ts";
import { WHOSE_MUTANTS } from "./whose-mutants.ts";

const CHARGE_MUTANTS: readonly Mutant[] = [
  {
    name: "sends twice after a timeout",
    edits: [
      {
        file: "harmony/client.ts",
        from: `const answer = await call("POST", path, chargeBody(request, tag), REPLY_BYTES_MAX);`,
        to: `let answer = await call("POST", path, chargeBody(request, tag), REPLY_BYTES_MAX);
      if (answer.type === "failed") answer = await call("POST", path, chargeBody(request, tag), REPLY_BYTES_MAX);`,
      },
    ],
  },
  {
    name: "follows a 307",
    edits: [
      {
        file: "harmony/client.ts",
        from: `redirect: "manual"`,
        to: `redirect: "follow"`,
      },
    ],
  },
  {
    name: "deletes the key on error",
    edits: [
      {
        file: "payment-method/charge-table.ts",
        from: `      JSON.stringify(charge),
    );`,
        to: `      JSON.stringify(charge),
    );
    if (charge.state === "in_doubt") this.#run("DELETE FROM charge WHERE charge_id = ?", charge.chargeId);`,
      },
    ],
  },
  {
    name: "forgets the alarm",
    edits: [
      {
        file: "payment-method/books.ts",
        from: `await this.#host.setAlarm(atMs);`,
        to: ``,
      },
    ],
  },
  {
    name: "arms again in the constructor, where the alarm is due",
    edits: [
      {
        file: "payment-method/books.ts",
        from: `(this.#isBeginning || this.#armedAtMs > nowMs)`,
        to: `this.#armedAtMs > nowMs`,
      },
    ],
  },
  {
    name: "puts deliveries off at each awakening",
    edits: [
      {
        file: "payment-method/books.ts",
        from: `(this.#isBeginning || this.#armedAtMs > nowMs)`,
        to: `this.#armedAtMs > nowMs`,
      },
      {
        file: "payment-method/books.ts",
        from: `dueAtMs.push(this.relay.retryAtMs ?? dueTime(guard, nowMs));`,
        to: `dueAtMs.push(nowMs + this.#guardMs() + 0 * guard.atMs);`,
      },
    ],
  },
  {
    name: "takes an alarm that has fired for one that is set",
    edits: [
      {
        file: "payment-method/books.ts",
        from: `(this.#isBeginning || this.#armedAtMs > nowMs)`,
        to: `(this.#isBeginning || nowMs > 0)`,
      },
      {
        file: "payment-method/books.ts",
        from: `  forgetAlarm(): void {
    this.#armedAtMs = null;`,
        to: `  forgetAlarm(): void {`,
      },
    ],
  },
  {
    name: "a page that shows nothing counts as a look",
    edits: [
      {
        file: "payment-method/history.ts",
        from: `complete: false`,
        to: `complete: true`,
      },
    ],
  },
  {
    name: "takes an answer that names a known payment",
    edits: [
      {
        file: "payment-method/payment-method.ts",
        from: `return isRecorded || journal.charges.isNamed(paymentId, sent.intentSeq);`,
        to: `return isRecorded && paymentId === "";`,
      },
    ],
  },
  {
    name: "takes an incomplete look for one that shows nothing",
    edits: [
      {
        file: "harmony/client.ts",
        from: `    complete: why === null,`,
        to: `    complete: true,`,
      },
    ],
  },
  {
    name: "takes a look that lacks a known payment for complete",
    edits: [
      {
        file: "harmony/client.ts",
        from: `return MISSING;`,
        to: `return null;`,
      },
    ],
  },
  {
    name: "takes nothing found for not charged at once",
    edits: [
      {
        file: "domain/schedule.ts",
        from: `return isDecidable(attempt) && credited >= (attempt.horizonMs ?? 0);`,
        to: `return isDecidable(attempt);`,
      },
    ],
  },
  {
    name: "calls a charge not charged though its payment was named",
    edits: [
      {
        file: "domain/schedule.ts",
        from: `return horizonMs !== null && !isNamed && outcome`,
        to: `return horizonMs !== null && outcome`,
      },
    ],
  },
  {
    name: "does not look before a further attempt",
    edits: [
      {
        file: "domain/decide.ts",
        from: `return charge !== null || method.isDoubted || method.foreignSeen`,
        to: `return method.isDoubted || method.foreignSeen`,
      },
    ],
  },
  {
    name: "sends the first charge without a baseline",
    edits: [
      {
        file: "domain/decide.ts",
        from: `  if (!method.baseline) {`,
        to: `  if (false) {`,
      },
    ],
  },
  {
    name: "relays out of order",
    edits: [
      {
        file: "payment-method/journal.ts",
        from: `"SELECT body FROM entry WHERE seq > ? ORDER BY seq LIMIT ?",`,
        to: `"SELECT body FROM entry WHERE seq > ? ORDER BY seq % 2, seq LIMIT ?",`,
      },
    ],
  },
  {
    name: "relays without idempotence",
    edits: [
      {
        file: "payment-method/relay.ts",
        from: `        case "unavailable":
          return this.#failed(result.message);`,
        to: `        case "unavailable":
          return this.#refused(result.message);`,
      },
    ],
  },
  {
    name: "loses the outbox row of a failed delivery",
    edits: [
      {
        file: "payment-method/relay.ts",
        from: `        case "unavailable":
          return`,
        to: `        case "unavailable":
          this.#journal.markDelivered(last.seq);
          return`,
      },
    ],
  },
  {
    name: "ignores a fork",
    edits: [
      {
        file: "payment-method/relay.ts",
        from: `        case "forked":
          return this.#refused(`,
        to: `        case "forked":
          this.#journal.markDelivered(last.seq);
          break;
          return this.#refused(`,
      },
    ],
  },
  {
    name: "does not deliver again what a restored ledger lost",
    edits: [
      {
        file: "payment-method/relay.ts",
        from: `          const end = await this.#rewind();`,
        to: `          this.#journal.markDelivered(last.seq);
          const end = null as Delivery | null;`,
      },
    ],
  },
  {
    name: "compares amounts as floats",
    edits: [
      {
        file: "domain/money.ts",
        from: `  return centavos;
}`,
        to: `  return scaled;
}`,
      },
    ],
  },
  {
    name: "releases the duplicates that wait to send",
    edits: [
      {
        file: "payment-method/payment-method.ts",
        from: `const ticket = this.#queue.find(command) ?? this.#enqueue(command);`,
        to: `const ticket = this.#enqueue(command);`,
      },
      {
        file: "payment-method/payment-method.ts",
        from: `      if (known !== null) {
        return unsent(known);
      }`,
        to: ``,
      },
    ],
  },
  {
    name: "decides the freeze on entry",
    edits: [
      {
        file: "payment-method/payment-method.ts",
        from: `return admit(journal.charges.open(), charge, method, lookedFresh);`,
        to: `return admit([], charge, method, lookedFresh);`,
      },
      {
        file: "payment-method/payment-method.ts",
        from: `if (this.#queue.isFull && !isKnown) {`,
        to: `if (!isKnown && journal.charges.open().some(({ state }) => state === "in_doubt")) {`,
      },
    ],
  },
  {
    name: "forgets the late looks",
    edits: [
      {
        file: "domain/schedule.ts",
        from: `  const delay = schedules.lateMs[lateLooks];`,
        to: `  const delay = undefined as number | undefined;`,
      },
    ],
  },
  {
    name: "takes an unknown answer for a refusal",
    edits: [
      {
        file: "harmony/classify.ts",
        from: 'return indeterminate(`status_${httpStatus}`, named, isGuess ? "guess" : "told");',
        to: `      return notSent("upstream_unavailable", null);`,
      },
    ],
  },
  {
    name: "takes a lost connection for not sent",
    edits: [
      {
        file: "harmony/classify.ts",
        from: `    return indeterminate(exchange.reason);`,
        to: `    return notSent("upstream_unavailable", null);`,
      },
    ],
  },
  {
    name: "forgets an attempt that a crash interrupted",
    edits: [
      {
        file: "payment-method/upkeep.ts",
        from: `if (charge.state === "in_flight" && charge.chargeId !== this.#owned()) {`,
        to: `if (false) {`,
      },
    ],
  },
  {
    name: "an alarm abandons an attempt that is still owned",
    edits: [
      {
        file: "payment-method/upkeep.ts",
        from: `if (charge.state === "in_flight" && charge.chargeId !== this.#owned()) {`,
        to: `if (charge.state === "in_flight") {`,
      },
    ],
  },
  {
    name: "another charge goes while one is in doubt",
    edits: [
      {
        file: "domain/decide.ts",
        from: `if (isFreezing(other) || isUnchecked || other.state === "in_flight") {`,
        to: `if (isUnchecked || other.state === "in_flight") {`,
      },
    ],
  },
  {
    name: "books the money of a found payment twice",
    edits: [
      {
        file: "domain/draft.ts",
        from: `    case "late_truth_found":
      return set(`,
        to: `    case "late_truth_found":
      return 2 * set(`,
      },
    ],
  },
  {
    name: "moves a final payment back",
    edits: [
      {
        file: "domain/status.ts",
        from: `  return from === "CONFIRMED" && to === "REFUNDED";`,
        to: `  return true;`,
      },
    ],
  },
  {
    name: "a mismatch is answered like a repeat",
    edits: [
      {
        file: "domain/decide.ts",
        from: `  if (differing.length > 0) {`,
        to: `  if (false) {`,
      },
    ],
  },
  {
    name: "escalates and tells nobody",
    edits: [
      {
        file: "payment-method/books.ts",
        from: `  "charge_escalated",
`,
        to: ``,
      },
    ],
  },
  {
    name: "hammers a Harmony whose looks fail",
    edits: [
      {
        file: "domain/schedule.ts",
        from: `  return Math.max(planned, Math.min(doubled, FAILED_GAP_MAX_MS));`,
        to: `  return 1000;`,
      },
    ],
  },
  {
    name: "never polls a pending payment",
    edits: [
      {
        file: "payment-method/upkeep.ts",
        from: `this.#pollAll(dueFirst(open, "nextPoll", nowMs), budget, actor),`,
        to: ``,
      },
    ],
  },
];

export const MUTANTS: readonly Mutant[] = [
  ...CHARGE_MUTANTS,
  ...WHOSE_MUTANTS,
  ...REFUSAL_MUTANTS,
  ...MONEY_MUTANTS,
  ...REFUND_MUTANTS,
  ...DECISION_MUTANTS,
];
