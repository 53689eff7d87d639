/** Owns what random lives have shown: events by situation, planned work by state. Expects nothing. */
import type { Charge, ChargeState } from "../../src/domain/charge.ts";
import type { Draft } from "../../src/domain/draft.ts";
import { eventOf } from "./charge-events.ts";
import { situationOf } from "./charge-situations.ts";

/** What many lives showed. */
export class Findings {
  /** How often an event was noted about a charge in a situation: `event | situation`. */
  readonly noted = new Map<string, number>();
  /** Whether work was planned for a charge after a step: `work | state | yes or no`. */
  readonly planned = new Set<string>();

  /** Adds a step, from the charges before it to what it noted. */
  add(charges: ReadonlyMap<string, Charge>, draft: Draft): void {
    const now = new Map(charges);
    for (const { fact, charge } of draft.noted) {
      if (fact.chargeId !== null) {
        const was = now.get(fact.chargeId) ?? null;
        const situation = was === null ? "no charge" : situationOf(was);
        const key = `${eventOf(fact, was)} | ${situation}`;
        this.noted.set(key, (this.noted.get(key) ?? 0) + 1);
      }
      if (charge !== null) {
        now.set(charge.chargeId, charge);
      }
    }
    for (const { state, nextLook, nextPoll } of draft.charges.values()) {
      this.planned.add(`look | ${state} | ${nextLook === null ? "no" : "yes"}`);
      this.planned.add(`poll | ${state} | ${nextPoll === null ? "no" : "yes"}`);
    }
  }

  /** How often work was planned in a state. */
  plan(work: "look" | "poll", state: ChargeState): "always" | "sometimes" | "never" {
    const yes = this.planned.has(`${work} | ${state} | yes`);
    return !yes ? "never" : this.planned.has(`${work} | ${state} | no`) ? "sometimes" : "always";
  }
}
