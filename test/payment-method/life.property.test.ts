/**
 * Whole lives of a payment method, at random: callers with few keys and amounts, a Harmony that
 * loses, hangs, garbles and refuses, a ledger that fails before and after its commit, and crashes
 * at the end of any turn. Time is virtual; a failure prints the seed and path that repeat it.
 */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import type { ScenarioInput } from "../support/sandbox.ts";
import { type Call, type ChargeChange, type Crash, World } from "../support/fake-host.ts";
import { historyCommand, revokeCommand } from "../support/method-commands.ts";
import {
  assertChargedOnce,
  assertDelivered,
  assertOneAtATime,
  assertRevokesAreTrue,
  assertSettledOrEscalated,
  assertTrueToTheBook,
  journalOf,
} from "./promises.ts";

type ChargeStep = NonNullable<ScenarioInput["charges"]>[number];
type ReadStep = NonNullable<ScenarioInput["looks"]>[number];

type RevokeStep = NonNullable<ScenarioInput["revokes"]>[number];

const DAY_MS = 86_400_000;
/** How many lives; more of them on demand, for a night's run. */
const LIVES = Number(process.env["LIVES"] ?? 100);

interface Wish {
  readonly atMs: number;
  readonly key: number;
  readonly amountMinor: number;
  readonly waitMs: number;
}

interface Life {
  readonly seed: number;
  readonly wishes: readonly Wish[];
  /** When a caller reads a page of the history. */
  readonly pages: readonly number[];
  /** When the payment method is revoked; null for never. */
  readonly revokeAtMs: number | null;
  readonly revokes: readonly RevokeStep[];
  readonly charges: readonly ChargeStep[];
  readonly looks: readonly ReadStep[];
  readonly reads: readonly ReadStep[];
  readonly history: NonNullable<ScenarioInput["history"]>;
  readonly crashShare: number;
  readonly ledgerFailShare: number;
  readonly tag: boolean;
}

/** Nothing here lies about money: what refuses does not charge, and absence ends within minutes. */
const chargeSteps: fc.Arbitrary<ChargeStep> = fc.oneof(
  fc.constantFrom<ChargeStep[]>(
    "approve",
    { kind: "approve", latencyMs: 12_000 },
    { kind: "decline", as: "cancelled" },
    { kind: "decline", as: 400 },
    { kind: "decline", as: 402 },
    { kind: "pending", polls: 2, then: "CONFIRMED" },
    { kind: "pending", polls: 1, then: "CANCELLED" },
  ),
  fc.constantFrom<ChargeStep[]>(
    { kind: "lose_reply_after_charging", how: "reset" },
    { kind: "lose_reply_after_charging", how: "hang" },
    { kind: "lose_reply_after_charging", how: "truncate" },
    { kind: "error_after_charging", status: 500 },
    "garbage_after_charging",
    "html_after_charging",
    "unknown_status_after_charging",
    "wrong_amount_after_charging",
    "approve_with_known_id",
    { kind: "error_naming_payment", status: 402 },
    { kind: "error_naming_payment", status: 500 },
  ),
  fc.constantFrom<ChargeStep[]>(
    { kind: "lose_before_charging", how: "reset" },
    { kind: "lose_before_charging", how: "hang" },
    { kind: "error_before_charging", status: 503 },
    { kind: "redirect", status: 307 },
    { kind: "refuse", status: 429, retryAfter: 3 },
    { kind: "refuse", status: 401 },
    { kind: "late", chargeAfterMs: 90_000 },
  ),
);
const readSteps = fc.constantFrom<ReadStep[]>(
  "ok",
  "ok",
  { kind: "ok", latencyMs: 3000 },
  { kind: "error", status: 500 },
  "hang",
  "reset",
  "garbage",
  "empty",
  "foreign",
);
const revokeSteps = fc.constantFrom<RevokeStep[]>(
  "approve",
  { kind: "lose_reply_after_revoking", how: "hang" },
  { kind: "lose_before_revoking", how: "reset" },
  { kind: "decline", as: 400 },
  { kind: "error_after_revoking", status: 500 },
  { kind: "late", revokeAfterMs: 30_000 },
);
const histories = fc.constantFrom<NonNullable<ScenarioInput["history"]>[]>(
  {},
  { fields: "full" },
  { fields: "full", description: "altered", createdAt: "skewed" },
  { visibleAfterMs: 60_000 },
  { visibleAfterMs: 200_000, fields: "full" },
  { pageSizeCap: 1, order: "oldest" },
);
const lives: fc.Arbitrary<Life> = fc.record({
  seed: fc.integer(),
  wishes: fc.array(
    fc.record({
      atMs: fc.nat(120_000),
      key: fc.nat(3),
      amountMinor: fc.constantFrom(5000, 5000, 7000),
      waitMs: fc.constantFrom(1000, 5000, 25_000),
    }),
    { minLength: 1, maxLength: 14 },
  ),
  pages: fc.array(fc.nat(120_000), { maxLength: 4 }),
  revokeAtMs: fc.oneof(
    { weight: 3, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.nat(120_000) },
  ),
  revokes: fc.array(revokeSteps, { maxLength: 2 }),
  charges: fc.array(chargeSteps, { maxLength: 8 }),
  looks: fc.array(readSteps, { maxLength: 6 }),
  reads: fc.array(readSteps, { maxLength: 6 }),
  history: histories,
  crashShare: fc.constantFrom(0, 0, 0.03, 0.15),
  ledgerFailShare: fc.constantFrom(0, 0, 0.5),
  tag: fc.boolean(),
});

function wishOf({ key, amountMinor, waitMs }: Omit<Wish, "atMs">): ChargeChange {
  // The description is the key's own, so that the book shows which key made a payment.
  return { key: `key-${key}`, amountMinor, waitMs, description: `for key-${key} of a shop` };
}

/** Plays a life to its end: troubles first, then days in which everything goes well. */
async function live(life: Life): Promise<{ world: World; calls: readonly Call[] }> {
  const { seed, tag } = life;
  const latencyMs = (random: () => number) => 1 + Math.floor(random() * 80);
  const world = new World({ seed, tag, latencyMs });
  world.scenario({
    // The first charge goes well: `approve_with_known_id` needs a payment that can be known.
    charges: ["approve", ...life.charges],
    looks: [...life.looks],
    reads: [...life.reads],
    revokes: [...life.revokes],
    history: life.history,
  });
  world.crash = () => {
    const how: Crash[] = ["before", "after", "after_leaving"];
    return world.random() < life.crashShare ? (how[Math.floor(world.random() * 3)] ?? null) : null;
  };
  world.ledger.failure = () => {
    const failing = world.random() < life.ledgerFailShare;
    return failing ? (world.random() < 0.5 ? "before" : "after") : null;
  };
  const calls: Call[] = [];
  for (const wish of life.wishes) {
    world.time.after(wish.atMs, () => void calls.push(world.charge(wishOf(wish))));
  }
  for (const atMs of life.pages) {
    world.time.after(atMs, () => void calls.push(world.send(historyCommand())));
  }
  if (life.revokeAtMs !== null) {
    world.time.after(life.revokeAtMs, () => void calls.push(world.send(revokeCommand())));
  }
  await world.time.advance(300_000);
  world.crash = () => null;
  world.ledger.failure = () => null;
  world.scenario({ history: life.history });
  await world.time.advance(3 * DAY_MS);
  return { world, calls };
}

/** Runs a promise over many lives. A failure names the seed and path that repeat it. */
async function always(promise: (life: Life) => Promise<void>, runs = LIVES): Promise<void> {
  await fc.assert(fc.asyncProperty(lives, promise), {
    numRuns: runs,
    interruptAfterTimeLimit: 50_000,
    ...(process.env["SEED"] === undefined ? {} : { seed: Number(process.env["SEED"]) }),
    ...(process.env["SEED_PATH"] === undefined ? {} : { path: process.env["SEED_PATH"] }),
  });
}

function isFinal(body: string): boolean {
  return /"status":"(CONFIRMED|CANCELLED)"|"code":"charge_refused"/.test(body);
}

/** With which Harmony says that nothing was charged. */
const NOES: readonly (number | null)[] = [400, 401, 402, 403, 404, 422, 429];

describe("the life of a payment method", () => {
  it("charges each key at most once, one at a time, whatever is lost, garbled or crashes", async () => {
    await always(async (life) => {
      const { world } = await live(life);
      assertChargedOnce(world);
      assertOneAtATime(journalOf(world));
    });
  });

  it("ends with every entry in the ledger exactly once, in a sound chain, true to the book", async () => {
    await always(async (life) => {
      const { world, calls } = await live(life);
      assertDelivered(world);
      assertTrueToTheBook(world, journalOf(world));
      assertRevokesAreTrue(world, calls);
    });
  });

  it("ends with every charge's outcome known, or in the hands of a person", async () => {
    await always(async (life) => {
      const { world } = await live(life);
      if (journalOf(world).length > 0) {
        assertSettledOrEscalated(world);
      }
    });
  });

  it("gives the same bytes for the same key and request from the first final answer on", async ({
    expect,
  }) => {
    await always(async (life) => {
      const { world, calls } = await live(life);
      for (const wish of life.wishes) {
        const mine = wishOf(wish);
        const before = calls.flatMap(({ command, answer }) =>
          answer !== null &&
          command.type === "charge" &&
          command.idempotencyKey === mine.key &&
          command.request.amountMinor === mine.amountMinor &&
          isFinal(answer.reply.body)
            ? [answer.reply]
            : [],
        );
        const last = await world.charged(mine);
        if (isFinal(last.body)) {
          before.push(last, await world.charged(mine));
        }
        expect(new Set(before.map(({ status, body }) => `${status} ${body}`)).size).toBeLessThan(2);
        if (before.length > 0) {
          expect(isFinal(last.body)).toBe(true);
        }
      }
      assertChargedOnce(world);
      assertOneAtATime(journalOf(world));
    });
  });

  it("never says that no money moved where the book shows a payment then or later", async ({
    expect,
  }) => {
    await always(async (life) => {
      const { world, calls } = await live(life);
      for (const { command, answer, endedAtMs } of calls) {
        const claim = answer?.reply.money === "not_charged" && answer.reply.status !== 422;
        if (!claim || command.type !== "charge" || answer.reply.retry !== "new_key") {
          continue;
        }
        // "A new key" is an invitation to charge again: then nothing may ever have been taken.
        const { idempotencyKey } = command;
        const isOf = ({ description }: { description: string | null }) =>
          (description ?? "").startsWith(`for ${idempotencyKey} `);
        // What Harmony says no to, and took all the same, no look has to show by then.
        if (world.submissions.some((one) => isOf(one) && NOES.includes(one.httpStatus))) {
          continue;
        }
        const taken = world.sandbox.book
          .payments()
          .filter((payment) => payment.status === "CONFIRMED" && isOf(payment));
        expect(taken, `${idempotencyKey} at ${endedAtMs}`).toEqual([]);
      }
    });
  });

  it("answers every caller within the wait, unless the instance is gone", async ({ expect }) => {
    await always(async (life) => {
      const { calls } = await live({ ...life, crashShare: 0 });
      for (const call of calls) {
        expect(call.error).toBeNull();
        expect(call.answer).not.toBeNull();
      }
    });
  });
});
