/**
 * A crash at every single turn of a refund's life, before the turn's commit, after it, and after
 * what it wrote has left: whichever it is, the money goes back at most once, nothing is sent that
 * nobody asked for, and the key can find out.
 */
import { describe, it } from "vitest";
import type { ScenarioInput } from "../support/sandbox.ts";
import { type Call, type Crash, World } from "../support/fake-host.ts";
import { assertDelivered, assertOneAtATime, assertTrueToTheBook, journalOf } from "./promises.ts";
import {
  assertRefundedOnce,
  assertRefundsAreAsked,
  assertRefundsKnown,
  assertRefundsSettled,
} from "./refund-promises.ts";

type RefundStep = NonNullable<ScenarioInput["refunds"]>[number];

const CHARGE = { key: "key-1", description: "for key-1 of a shop" };
const DAY_MS = 86_400_000;
/** Beyond the turns that any of these lives has before it is answered and delivered. */
const TURNS_MAX = 200;

interface Ended {
  readonly world: World;
  readonly paymentId: string;
  readonly calls: readonly Call[];
  /** How many turns were offered a crash; no crash happened where fewer than asked for. */
  readonly turns: number;
}

/** A charge, its refund and the repeats of that, with a crash at the end of the given turn. */
async function crashedAt(turn: number, how: Crash, refunds: RefundStep[]): Promise<Ended> {
  const world = new World();
  const { id: paymentId } = JSON.parse((await world.charged(CHARGE)).body) as { id: string };
  await world.time.advance(60_000);
  world.scenario({ refunds });
  let turns = 0;
  world.crash = () => {
    turns += 1;
    return turns === turn ? how : null;
  };
  const calls = [world.refund({ of: paymentId })];
  await world.time.advance(1500);
  // What the Worker does when its object is gone: the same command again.
  calls.push(world.refund({ of: paymentId }));
  await world.time.advance(2 * DAY_MS);
  return { world, paymentId, calls, turns };
}

const LIVES: readonly (readonly [string, RefundStep[]])[] = [
  ["that is made", ["approve"]],
  ["whose reply is lost", ["lose_reply_after_refunding"]],
  ["whose request is lost", ["lose_before_refunding"]],
  ["that hangs", [{ kind: "lose_reply_after_refunding", how: "hang" }]],
  ["that is pending", [{ kind: "pending", polls: 2, then: "REFUNDED" }]],
  ["that is refused", [{ kind: "decline", as: 400 }]],
  ["that is not sent and is sent again", [{ kind: "refuse", status: 429 }, "approve"]],
  ["that is made after the horizon", [{ kind: "late", refundAfterMs: DAY_MS }]],
];

describe("a crash at any turn", () => {
  it.for(LIVES)(
    "of a refund %s gives the money back at most once and loses no entry",
    async ([, refunds], { expect }) => {
      for (const how of ["before", "after", "after_leaving"] as const) {
        for (let turn = 1; turn <= TURNS_MAX; turn += 1) {
          const { world, paymentId, calls, turns } = await crashedAt(turn, how, refunds);
          if (turns < turn) {
            break;
          }
          const where = `${how} turn ${turn}`;
          expect(world.crashes, where).toBe(1);
          const sentUnasked = world.refundSubmissions.length;
          world.crash = () => null;
          await world.time.advance(3 * DAY_MS);
          expect(world.refundSubmissions, where).toHaveLength(sentUnasked);
          world.scenario({});
          const last = await world.refunded({ of: paymentId });
          const again = await world.refunded({ of: paymentId });
          // Only a refusal that was heard is final; otherwise the repeat has refunded, if need be.
          expect(last.money, where).toBe(last.status === 400 ? "charged" : "refunded");
          expect([again.status, again.body], where).toEqual([last.status, last.body]);
          await world.time.advance(1000);
          assertRefundsAreAsked(world, journalOf(world));
          assertRefundedOnce(world, journalOf(world), calls);
          assertRefundsKnown(world);
          assertRefundsSettled(world);
          assertOneAtATime(journalOf(world));
          assertDelivered(world);
          assertTrueToTheBook(world, journalOf(world));
        }
      }
    },
  );
});
