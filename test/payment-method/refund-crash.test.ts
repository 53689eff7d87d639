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
const HOUR_MS = 3_600_000;
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
  await world.time.advance(HOUR_MS);
  // Beyond the horizon the key asks again, and another beside it.
  calls.push(world.refund({ of: paymentId }), world.refund({ of: paymentId, key: "refund-2" }));
  await world.time.advance(2 * HOUR_MS);
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
  ["that is lost twice", ["lose_before_refunding", "lose_before_refunding"]],
  [
    "that is lost, and made when it is asked for again",
    ["lose_before_refunding", { kind: "error_after_refunding", status: 400 }],
  ],
  ["that is made after the horizon", [{ kind: "late", refundAfterMs: HOUR_MS / 2 }]],
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
          await world.time.advance(3 * HOUR_MS);
          expect(world.refundSubmissions, where).toHaveLength(sentUnasked);
          world.scenario({});
          const last = await world.refunded({ of: paymentId });
          const again = await world.refunded({ of: paymentId });
          // A refusal that was heard is final, its own or that another key has it; else it is made now.
          expect([201, 400], where).toContain(last.status);
          expect([again.status, again.body], where).toEqual([last.status, last.body]);
          // What the other key has in doubt, its repeat ends.
          await world.refunded({ of: paymentId, key: "refund-2" });
          await world.time.advance(1000);
          const told = await world.refunded({ of: paymentId });
          const isBackNow = world.sandbox.book.payment(paymentId)?.status === "REFUNDED";
          expect(told.money, where).toBe(isBackNow ? "refunded" : "charged");
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
