/**
 * Whole lives of refunds, at random: few keys on few payments, charges beside them, a Harmony that
 * loses, hangs, garbles, refuses and is late, others who refund behind our back, a ledger that fails, and crashes at the
 * end of any turn. Time is virtual; a failure prints the seed and path that repeat it.
 */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import type { ScenarioInput } from "../support/sandbox.ts";
import {
  type Call,
  type Crash,
  METHOD_ID,
  type RefundChange,
  World,
} from "../support/fake-host.ts";
import {
  assertChargedOnce,
  assertDelivered,
  assertOneAtATime,
  assertSettledOrEscalated,
  assertTrueToTheBook,
  journalOf,
} from "./promises.ts";
import {
  assertRefundedOnce,
  assertRefundsAreAsked,
  assertRefundsKnown,
  assertRefundsSettled,
  refundsOf,
} from "./refund-promises.ts";

type RefundStep = NonNullable<ScenarioInput["refunds"]>[number];
type ChargeStep = NonNullable<ScenarioInput["charges"]>[number];
type ReadStep = NonNullable<ScenarioInput["reads"]>[number];

const DAY_MS = 86_400_000;
/** How many lives; more of them on demand, for a night's run. */
const LIVES = Number(process.env["LIVES"] ?? 60);

interface Wish {
  readonly atMs: number;
  readonly key: number;
  readonly payment: number;
  readonly waitMs: number;
}

interface Life {
  readonly seed: number;
  readonly wishes: readonly Wish[];
  readonly refunds: readonly RefundStep[];
  readonly reads: readonly ReadStep[];
  /** Charges beside the refunds: when, and what becomes of them. */
  readonly charges: readonly { readonly atMs: number; readonly step: ChargeStep }[];
  /** When somebody else refunds the first payment; null for never. */
  readonly othersAtMs: number | null;
  readonly crashShare: number;
  readonly ledgerFailShare: number;
}

/** Nothing here lies about money: what refuses does not refund. */
const refundSteps = fc.constantFrom<RefundStep[]>(
  "approve",
  { kind: "approve", latencyMs: 12_000 },
  { kind: "decline", as: "cancelled" },
  { kind: "decline", as: 400 },
  { kind: "pending", polls: 2, then: "REFUNDED" },
  { kind: "pending", polls: 2, then: "CONFIRMED" },
  { kind: "lose_reply_after_refunding", how: "reset" },
  { kind: "lose_reply_after_refunding", how: "hang" },
  { kind: "lose_reply_after_refunding", how: "truncate" },
  { kind: "error_after_refunding", status: 500 },
  "garbage_after_refunding",
  "html_after_refunding",
  "unknown_status_after_refunding",
  "wrong_amount_after_refunding",
  "approve_with_known_id",
  { kind: "error_naming_payment", status: 402 },
  { kind: "lose_before_refunding", how: "reset" },
  { kind: "lose_before_refunding", how: "hang" },
  { kind: "error_before_refunding", status: 503 },
  { kind: "redirect", status: 307 },
  { kind: "refuse", status: 429, retryAfter: 3 },
  { kind: "refuse", status: 401 },
  { kind: "late", refundAfterMs: 90_000 },
  { kind: "late", refundAfterMs: 2 * DAY_MS },
);
const readSteps = fc.constantFrom<ReadStep[]>(
  "ok",
  "ok",
  { kind: "ok", latencyMs: 3000 },
  { kind: "error", status: 500 },
  { kind: "error", status: 404 },
  "hang",
  "garbage",
  "foreign",
);
const lives: fc.Arbitrary<Life> = fc.record({
  seed: fc.integer(),
  wishes: fc.array(
    fc.record({
      atMs: fc.oneof(fc.nat(120_000), fc.nat(4 * DAY_MS)),
      key: fc.nat(4),
      payment: fc.constantFrom(0, 0, 0, 1, 2),
      waitMs: fc.constantFrom(1000, 25_000),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  refunds: fc.array(refundSteps, { maxLength: 6 }),
  reads: fc.array(readSteps, { maxLength: 6 }),
  charges: fc.array(
    fc.record({
      atMs: fc.nat(120_000),
      step: fc.constantFrom<ChargeStep[]>(
        "approve",
        "lose_reply_after_charging",
        "lose_before_charging",
        { kind: "pending", polls: 2, then: "CONFIRMED" },
      ),
    }),
    { maxLength: 3 },
  ),
  othersAtMs: fc.option(fc.nat(150_000), { freq: 2 }),
  crashShare: fc.constantFrom(0, 0, 0.03, 0.15),
  ledgerFailShare: fc.constantFrom(0, 0, 0.5),
});

interface Lived {
  readonly world: World;
  readonly paymentIds: readonly string[];
  readonly calls: readonly Call[];
}

/** Two charges and a payment of others, then the life's refunds, then days in which all goes well. */
async function live(life: Life): Promise<Lived> {
  const latencyMs = (random: () => number) => 1 + Math.floor(random() * 80);
  const world = new World({ seed: life.seed, latencyMs });
  for (const key of ["key-0", "key-1"]) {
    await world.charged({ key, description: `for ${key} of a shop` });
  }
  world.foreignPayment(70);
  const payments = world.sandbox.book.paymentsOf(METHOD_ID);
  const paymentIds = payments.map(({ id }) => id);
  world.scenario({
    refunds: [...life.refunds],
    reads: [...life.reads],
    charges: life.charges.map(({ step }) => step),
  });
  world.crash = () => {
    const how: Crash[] = ["before", "after", "after_leaving"];
    return world.random() < life.crashShare ? (how[Math.floor(world.random() * 3)] ?? null) : null;
  };
  world.ledger.failure = () =>
    world.random() < life.ledgerFailShare ? (world.random() < 0.5 ? "before" : "after") : null;
  const calls: Call[] = [];
  for (const wish of life.wishes) {
    const change = wishOf(wish, paymentIds);
    world.time.after(wish.atMs, () => void calls.push(world.refund(change)));
  }
  for (const [index, { atMs }] of life.charges.entries()) {
    const key = `beside-${index}`;
    const description = `for ${key} of a shop`;
    world.time.after(atMs, () => void world.charge({ key, description, amountMinor: 300 + index }));
  }
  const [first] = payments;
  if (life.othersAtMs !== null && first !== undefined) {
    world.time.after(life.othersAtMs, () => {
      world.sandbox.book.setPaymentStatus(first, "REFUNDED");
    });
  }
  await world.time.advance(300_000);
  world.crash = () => null;
  world.ledger.failure = () => null;
  world.scenario({});
  await world.time.advance(6 * DAY_MS);
  return { world, paymentIds, calls };
}

function wishOf({ key, payment, waitMs }: Wish, paymentIds: readonly string[]): RefundChange {
  return { key: `refund-${key}`, of: paymentIds[payment] ?? "", waitMs };
}

/** Runs a promise over many lives. A failure names the seed and path that repeat it. */
async function always(promise: (life: Life) => Promise<void>): Promise<void> {
  await fc.assert(fc.asyncProperty(lives, promise), {
    numRuns: LIVES,
    interruptAfterTimeLimit: 50_000,
    ...(process.env["SEED"] === undefined ? {} : { seed: Number(process.env["SEED"]) }),
    ...(process.env["SEED_PATH"] === undefined ? {} : { path: process.env["SEED_PATH"] }),
  });
}

describe("the life of a method's refunds", () => {
  it("gives each payment back at most once, to one key, and only as often as asked", async () => {
    await always(async (life) => {
      const { world, calls } = await live(life);
      const entries = journalOf(world);
      assertRefundsAreAsked(world, entries);
      assertRefundedOnce(world, entries, calls);
      assertChargedOnce(world);
      assertOneAtATime(entries);
    });
  });

  it("ends with book and ledger equal, and every refund's outcome known or with a person", async () => {
    await always(async (life) => {
      const { world, paymentIds } = await live(life);
      assertDelivered(world);
      assertRefundsSettled(world);
      assertSettledOrEscalated(world);
      // Whoever asks now brings to the books what others have done behind our back.
      for (const [index, of] of paymentIds.entries()) {
        await world.refunded({ key: `last-${index}`, of });
      }
      await world.time.advance(1000);
      assertRefundsKnown(world);
      assertTrueToTheBook(world, journalOf(world));
      assertDelivered(world);
    });
  });

  it("gives the same bytes for the same key from the first final answer on", async ({ expect }) => {
    await always(async (life) => {
      const { world, calls } = await live(life);
      for (const { idempotencyKey, request } of refundsOf(world)) {
        const mine = { key: idempotencyKey, of: request.paymentId };
        const last = await world.refunded(mine);
        const again = await world.refunded(mine);
        const bound = [201, 400].includes(last.status);
        expect(bound).toBe(true);
        const before = calls.flatMap(({ command, answer }) =>
          command.type === "refund" &&
          command.idempotencyKey === idempotencyKey &&
          command.id === request.paymentId &&
          [201, 400].includes(answer?.reply.status ?? 0)
            ? [answer?.reply]
            : [],
        );
        const bytes = [...before, last, again].map((reply) => `${reply?.status} ${reply?.body}`);
        expect(new Set(bytes).size).toBe(1);
      }
    });
  });

  it("says refunded only of money that has gone back", async ({ expect }) => {
    await always(async (life) => {
      const { world, calls } = await live({ ...life, othersAtMs: null });
      for (const { command, answer, endedAtMs } of calls) {
        const { money, status } = answer?.reply ?? {};
        if (command.type !== "refund" || status === 422) {
          continue;
        }
        const history = world.sandbox.book.payment(command.id)?.statusHistory ?? [];
        const refundedAt = history.find((one) => one.status === "REFUNDED")?.at;
        if (money === "refunded") {
          expect(refundedAt).toBeLessThanOrEqual(endedAtMs ?? 0);
        }
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
