/**
 * docs/states.md says what the code does: every cell of its tables is held against `evolve`, the
 * decisions, and what the caller is told.
 */
import { describe, it } from "vitest";
import { CHARGE_STATES } from "../../src/domain/charge.ts";
import { admit, lookUp } from "../../src/domain/decide.ts";
import { finish, note } from "../../src/domain/draft.ts";
import { evolve } from "../../src/domain/evolve.ts";
import { draftOf, typesOf } from "../domain/builders.ts";
import { EVENT_NAMES, eventOf, factsOf, moveOf } from "./charge-events.ts";
import { examplesOf, type Situation, SITUATIONS, situationOf } from "./charge-situations.ts";
import { walk } from "./charge-walk.ts";
import { differences, readDocument, tableUnder, moveIn } from "./tables.ts";
import { moneyOf, retryOf } from "../domain/known.ts";

const DOCUMENT = readDocument("states.md");
const METHOD = {
  baseline: true,
  foreignSeen: false,
  foreignWriters: false,
  isDoubted: false,
};
const EVENTS_TABLE = tableUnder(DOCUMENT, "Events");
/** Enough lives that each event is shown wherever the decisions allow it. */
const SHOWN = walk(40_000, 120);

/** Every cell about a charge that exists. */
function* cells(): Generator<{ event: string; situation: Situation; cell: string }> {
  for (const event of EVENT_NAMES) {
    for (const situation of SITUATIONS) {
      const cell = EVENTS_TABLE.rows.get(event)?.get(situation) ?? "";
      yield { event, situation, cell };
    }
  }
}

describe("docs/states.md", () => {
  it("says what a caller is told in every situation", ({ expect }) => {
    const table = tableUnder(DOCUMENT, "Situations");
    const told = (situation: string, column: string): string => {
      const answers = examplesOf(situation as Situation).map((charge) => {
        const key = lookUp(charge, charge.request).type;
        const others = admit([charge], null, METHOD, true).type === "frozen" ? "kept out" : "go on";
        const { state } = charge;
        const row = { state, money: moneyOf(charge), retry: retryOf(charge), key, others };
        return String(new Map(Object.entries(row)).get(column));
      });
      return [...new Set(answers)].join(" or ");
    };
    const columns = ["state", "money", "retry", "key", "others"];
    const wanted = { rows: SITUATIONS, columns, words: ["meaning"] };
    expect(differences(table, wanted, told)).toEqual([]);
  });

  it("says what every event does in every situation", ({ expect }) => {
    const plain = {
      columns: EVENTS_TABLE.columns,
      rows: new Map(
        [...EVENTS_TABLE.rows].map(([event, row]) => [
          event,
          new Map([...row].map(([column, cell]) => [column, moveIn(cell).move])),
        ]),
      ),
    };
    const wanted = { rows: EVENT_NAMES, columns: ["no charge", ...SITUATIONS] };
    const real = (event: string, column: string) =>
      moveOf(event, column as Situation | "no charge");
    expect(differences(plain, wanted, real)).toEqual([]);
  });

  it("tells the caller, after every event, what its situation says", ({ expect }) => {
    const table = tableUnder(DOCUMENT, "Situations");
    for (const { event, situation } of cells()) {
      for (const charge of examplesOf(situation)) {
        for (const fact of factsOf(event, charge)) {
          const next = evolve(charge, fact, 99);
          const row = table.rows.get(situationOf(next));
          expect(row?.get("money"), `${event} in ${situation}`).toBe(moneyOf(next));
          expect(row?.get("retry"), `${event} in ${situation}`).toBe(retryOf(next));
        }
      }
    }
  });

  it("calls impossible only what no life shows, and gives a reason for it", ({ expect }) => {
    const wrong: string[] = [];
    for (const { event, situation, cell } of cells()) {
      const { reason } = moveIn(cell);
      const isShown = SHOWN.noted.has(`${event} | ${situation}`);
      if (reason !== null && isShown) {
        wrong.push(`${event} happens in ${situation}`);
      }
      if (reason !== null && !DOCUMENT.includes(`\n- **${reason}** `)) {
        wrong.push(`${event} in ${situation}: no reason ${reason}`);
      }
      // A charge with a duplicate or a contested payment is too seldom in such a state to be shown
      // in all that can happen to it.
      const [state, rest] = situation.split("+");
      const isSeldom = rest !== undefined && SHOWN.noted.has(`${event} | ${state}`);
      if (reason === null && !isShown && !isSeldom) {
        wrong.push(`${event} never happens in ${situation}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("knows every event that happens", ({ expect }) => {
    const happened = [...SHOWN.noted.keys()].map((key) => key.split(" | ")[0] ?? "");
    const unknown = happened.filter((event) => !EVENT_NAMES.includes(event));
    expect([...new Set(unknown)]).toEqual([]);
    const born = [...SHOWN.noted.keys()].filter((key) => key.endsWith(" | no charge"));
    expect(born).toEqual(["attempt_intended | no charge"]);
  });

  it("freezes the method when a charge comes into doubt, and unfreezes it after", ({ expect }) => {
    for (const { event, situation } of cells()) {
      for (const charge of examplesOf(situation)) {
        for (const fact of factsOf(event, charge).filter(({ chargeId }) => chargeId !== null)) {
          const draft = draftOf({ charges: [charge] });
          const next = note(draft, fact).charge;
          // A charge that Harmony has refused freezes nothing.
          const is = next === null ? null : situationOf(next);
          const [, ...after] = typesOf(finish(draft));
          const frozen = situation !== "in_doubt" && is === "in_doubt" ? ["method_frozen"] : [];
          const unfrozen = situation === "in_doubt" && is !== "in_doubt" ? ["method_unfrozen"] : [];
          expect(after, `${event} in ${situation}`).toEqual([...frozen, ...unfrozen]);
        }
      }
    }
  });

  it("says what is planned in every state", ({ expect }) => {
    const table = tableUnder(DOCUMENT, "Alarms");
    const words = ["the alarm's work"];
    const wanted = { rows: CHARGE_STATES, columns: ["look", "poll"], words };
    const real = (state: string, work: string) =>
      SHOWN.plan(work as "look" | "poll", state as (typeof CHARGE_STATES)[number]);
    expect(differences(table, wanted, real)).toEqual([]);
  });

  it("checks with facts that are what their rows are called", ({ expect }) => {
    for (const { event, situation } of cells()) {
      for (const charge of examplesOf(situation)) {
        expect(situationOf(charge)).toBe(situation);
        for (const fact of factsOf(event, charge)) {
          expect(eventOf(fact, charge)).toBe(event);
        }
      }
    }
  });
});
