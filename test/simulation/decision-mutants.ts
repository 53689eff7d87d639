/** Owns the planted bugs of decisions by hand, beside those of charges in mutants.ts. */
import type { Mutant } from "./plant.ts";

export const DECISION_MUTANTS: readonly Mutant[] = [
  {
    name: "loses a person's decision to a look that was under way",
    edits: [
      {
        file: "payment-method/turn.ts",
        from: `const done = queue.run(async () => {`,
        to: `const done = ((run: () => Promise<Reply | null>) => run())(async () => {`,
      },
      {
        file: "payment-method/looker.ts",
        from: `    const report = await this.#read(endsAtMs - this.#host.now());`,
        to: `    const before = chargeId === null ? null : this.#books.journal.charges.byId(chargeId);
    const report = await this.#read(endsAtMs - this.#host.now());`,
      },
      {
        file: "payment-method/looker.ts",
        from: `      this.#learn(draft, report, purpose, chargeId);
      return`,
        to: `      if (before !== null) draft.charges.set(before.chargeId, before);
      this.#learn(draft, report, purpose, chargeId);
      return`,
      },
    ],
  },
  {
    name: "a person's word stands whatever Harmony shows",
    edits: [
      {
        file: "domain/resolve.ts",
        from: `  if (own.length + candidates.length > 0 && !override) {`,
        to: `  if (false) {`,
      },
      {
        file: "domain/resolve.ts",
        from: `  if (!override && !isAbsenceProven(charge, shown.look)) {`,
        to: `  if (false) {`,
      },
    ],
  },
  {
    name: "decides though the charge moved while Harmony was asked",
    edits: [
      {
        file: "domain/resolve.ts",
        from: `  if (fingerprint(charge) !== fingerprint(shown.before)) {
    return { type: "moved" };
  }
  const early = foreclosed(charge, decision);
  if (early !== null) {
    return early;
  }
  return decision`,
        to: `  return decision`,
      },
    ],
  },
  {
    name: "a person gives a payment to a second charge",
    edits: [
      {
        file: "domain/resolve.ts",
        from: `  if (record.chargeId !== null && !isOwn) {`,
        to: `  if (false) {`,
      },
      {
        file: "domain/resolve.ts",
        from: `: attemptThatMade(draft, charge, record);`,
        to: `: (attemptThatMade(draft, charge, record) ?? lastAttempt(charge));`,
      },
    ],
  },
];
