/**
 * A crash at every single turn of a charge's life, before the turn's commit, after it, and after
 * what it wrote has left: whichever it is, the customer pays once and the caller can find out.
 */
import { describe, it } from "vitest";
import type { ScenarioInput } from "../support/sandbox.ts";
import { type Crash, World } from "../support/fake-host.ts";
import {
  assertChargedOnce,
  assertDelivered,
  assertOneAtATime,
  assertSettledOrEscalated,
  assertTrueToTheBook,
  journalOf,
} from "./promises.ts";

type ChargeStep = NonNullable<ScenarioInput["charges"]>[number];

const CHARGE = { key: "key-1", description: "for key-1 of a shop" };
const DAY_MS = 86_400_000;
/** Beyond the turns that any of these lives has before it is answered and delivered. */
const TURNS_MAX = 200;

interface Ended {
  readonly world: World;
  /** How many turns were offered a crash; no crash happened where fewer than asked for. */
  readonly turns: number;
}

/** One charge and its repeats, with a crash at the end of the given turn. */
async function crashedAt(turn: number, how: Crash, charges: ChargeStep[]): Promise<Ended> {
  const world = new World();
  world.scenario({ charges });
  let turns = 0;
  world.crash = () => {
    turns += 1;
    return turns === turn ? how : null;
  };
  world.charge(CHARGE);
  await world.time.advance(1500);
  // What the Worker does when its object is gone: the same command again.
  world.charge(CHARGE);
  await world.time.advance(2 * DAY_MS);
  return { world, turns };
}

const LIVES: readonly (readonly [string, ChargeStep[]])[] = [
  ["that is approved", ["approve"]],
  ["whose reply is lost", ["lose_reply_after_charging"]],
  ["whose request is lost", ["lose_before_charging"]],
  ["that hangs", [{ kind: "lose_reply_after_charging", how: "hang" }]],
  ["that is pending", [{ kind: "pending", polls: 2, then: "CONFIRMED" }]],
  ["that is declined", [{ kind: "decline", as: 402 }]],
  ["that is not sent and is sent again", [{ kind: "refuse", status: 429 }, "approve"]],
  ["whose payment is named in an error", [{ kind: "error_naming_payment", status: 500 }]],
];

describe("a crash at any turn", () => {
  it.for(LIVES)(
    "of a charge %s takes the money at most once and loses no entry",
    async ([, charges], { expect }) => {
      for (const how of ["before", "after", "after_leaving"] as const) {
        for (let turn = 1; turn <= TURNS_MAX; turn += 1) {
          const { world, turns } = await crashedAt(turn, how, charges);
          if (turns < turn) {
            break;
          }
          const where = `${how} turn ${turn}`;
          expect(world.crashes, where).toBe(1);
          assertChargedOnce(world);
          assertOneAtATime(journalOf(world));
          assertDelivered(world);
          assertTrueToTheBook(world, journalOf(world));
          assertSettledOrEscalated(world);
          world.scenario({});
          const last = await world.charged(CHARGE);
          const again = await world.charged(CHARGE);
          // Only a refusal that was heard is final; otherwise the repeat has charged, if need be.
          expect(last.money, where).toBe(last.status === 402 ? "not_charged" : "charged");
          expect([again.status, again.body], where).toEqual([last.status, last.body]);
          assertChargedOnce(world);
        }
      }
    },
  );

  it("leaves an intent behind for every request that left, so that it is looked for", async ({
    expect,
  }) => {
    for (let turn = 1; turn < 12; turn += 1) {
      for (const how of ["before", "after", "after_leaving"] as const) {
        const { world } = await crashedAt(turn, how, ["approve"]);
        const intents = journalOf(world).filter(({ type }) => type === "attempt_intended");
        expect(intents.length, `${how} turn ${turn}`).toBeGreaterThanOrEqual(
          world.submissions.length,
        );
      }
    }
  });
});
