/**
 * A fresh no looks before it lets another charge pass, and a crash between a refusal, its look and the
 * binding of its answer changes nothing of that, on virtual time. Owns no rule.
 */
import { describe, it } from "vitest";
import type { Reply } from "../../src/domain/reply.ts";
import { type Crash, METHOD_ID, World } from "../support/fake-host.ts";
import type { ScenarioInput } from "../support/sandbox.ts";
import { HOUR_MS, MINUTE_MS, moneyIn, ready, taken, toldOver } from "./histories.ts";
import { assertDelivered, assertSettledOrEscalated, journalOf } from "./promises.ts";

type ChargeStep = NonNullable<ScenarioInput["charges"]>[number];

const REFUSAL = { kind: "refuse_leaving_payments", status: 402 } as const;

describe("a cancelled payment", () => {
  it.for([1, 14])(
    "that is confirmed after %d minutes holds the next charge of its amount back",
    async (minutes, { expect }) => {
      const world = await ready({ charges: [{ kind: "decline", as: "cancelled" }] });
      expect(await world.charged()).toMatchObject({ money: "not_charged", retry: "new_key" });
      const [payment] = world.sandbox.book
        .paymentsOf(METHOD_ID)
        .filter(({ status }) => status === "CANCELLED");
      await world.time.advance((minutes - 0.5) * MINUTE_MS);
      if (payment !== undefined) {
        world.sandbox.book.setPaymentStatus(payment, "CONFIRMED");
      }
      const second = await world.charged({ key: "key-2" });
      expect(second).toMatchObject({ status: 409, money: "not_charged" });
      expect((await world.charged()).money).toBe("charged");
      expect(taken(world)).toEqual([payment?.id]);
    },
  );

  it("that is confirmed is known when its horizon is over, though nobody asks", async ({
    expect,
  }) => {
    const world = await ready({ charges: [{ kind: "decline", as: "cancelled" }] });
    await world.charged();
    for (const payment of world.sandbox.book.paymentsOf(METHOD_ID)) {
      world.sandbox.book.setPaymentStatus(payment, "CONFIRMED");
    }
    await world.time.advance(20 * MINUTE_MS);
    expect((await world.charged()).money).toBe("charged");
  });

  it("beside the one that was paid is no no of its charge, and is read once more", async ({
    expect,
  }) => {
    const world = await ready({ history: { fields: "full" } }, { rules: { foreignWriters: true } });
    await world.charged();
    const { description = null } = world.submissions.at(-1) ?? {};
    const about = { paymentMethodId: METHOD_ID, amountMinor: 5000, description };
    const left = { ...about, status: "CANCELLED", origin: "foreign" } as const;
    const further = world.sandbox.book.addPayment(left);
    await world.charged({ key: "looks", amountMinor: 900 });
    const types = journalOf(world).map(({ type, paymentId }) => `${type} ${paymentId ?? ""}`);
    expect(types).toContain(`late_truth_found ${further.id}`);
    // An honest second purchase at that price.
    expect(await world.charged({ key: "key-2" })).toMatchObject({ status: 201, money: "charged" });
    await world.time.advance(HOUR_MS);
    const polled = journalOf(world).filter(({ type }) => type === "polled");
    expect(polled.map(({ paymentId }) => paymentId)).toEqual([further.id]);
  });

  it("that is followed by another with our tag leaves no alarm that has nothing to do", async ({
    expect,
  }) => {
    const world = await ready({ history: { fields: "full" } }, { rules: { foreignWriters: true } });
    await world.charged();
    const { description = null } = world.submissions.at(-1) ?? {};
    for (const status of ["CANCELLED", "CONFIRMED"] as const) {
      const about = { paymentMethodId: METHOD_ID, amountMinor: 5000, description };
      world.sandbox.book.addPayment({ ...about, status, origin: "foreign" });
      await world.charged({ key: status, amountMinor: 900 });
    }
    await world.time.advance(HOUR_MS);
    const planned = world.storage.countOf("charge", "body ->> 'nextPoll' IS NOT NULL");
    expect(planned).toBe(0);
    expect(world.alarmAtMs === null || world.alarmAtMs > world.wallMs + MINUTE_MS).toBe(true);
  });

  it("of somebody else, listed during a doubt, does not let a second charge pass", async ({
    expect,
  }) => {
    const charges: ChargeStep[] = ["lose_reply_after_charging"];
    const world = await ready({ charges, history: { visibleAfterMs: 25_000 } });
    const other = world.sandbox.book.addPayment({
      paymentMethodId: METHOD_ID,
      amountMinor: 5000,
      description: null,
      status: "CANCELLED",
      origin: "foreign",
    });
    other.visibleAt = world.time.nowMs + 1000;
    await world.charged();
    await world.time.advance(30_000);
    const first = await world.charged();
    expect(first.money).not.toBe("charged");
    const key = first.retry === "new_key" ? "key-2" : "key-1";
    const replies = await toldOver(world, HOUR_MS, { key });
    expect(replies.map(({ status }) => status)).not.toContain(402);
    expect(taken(world)).toHaveLength(1);
  });
});

describe("a crash at any turn of a refusal", () => {
  const HOWS = ["before", "after", "after_leaving"] as const;
  /** Beyond the turns that any of these lives has before it is answered and delivered. */
  const TURNS_MAX = 200;
  const LIVES: readonly (readonly [string, ChargeStep, number])[] = [
    ["that is honest", { ...REFUSAL, leaves: [] }, 0],
    ["that leaves a cancelled payment", { ...REFUSAL, leaves: ["CANCELLED"] }, 0],
    ["that charged", REFUSAL, 1],
    [
      "that charged, and left a cancelled one",
      { ...REFUSAL, leaves: ["CANCELLED", "CONFIRMED"] },
      1,
    ],
    ["that charged, and names its payment", { ...REFUSAL, names: "made" }, 1],
    ["that names a request", { ...REFUSAL, leaves: [], names: "request_id" }, 0],
  ];

  /** What a caller hears who asks again where the instance was gone before it answered. */
  async function heard(world: World, key = "key-1"): Promise<Reply> {
    for (;;) {
      const call = world.charge({ key });
      await world.time.until(() => call.endedAtMs !== null);
      if (call.answer !== null) {
        return call.answer.reply;
      }
    }
  }

  /** One charge, its repeat as the Worker would send it, and a program that obeys. */
  async function crashedAt(turn: number, how: Crash, step: ChargeStep) {
    const world = new World();
    await world.charged({ key: "first", amountMinor: 1234 });
    world.scenario({ charges: [step, { ...REFUSAL, leaves: [] }] });
    let turns = 0;
    world.crash = () => {
      turns += 1;
      return turns === turn ? how : null;
    };
    world.charge();
    await world.time.advance(1500);
    const first = await heard(world);
    const replies = [first];
    if (first.retry === "new_key") {
      for (let repeats = 10; repeats > 0; repeats -= 1) {
        replies.push(await heard(world, "key-2"));
        await world.time.advance(MINUTE_MS);
      }
    }
    await world.time.advance(3 * HOUR_MS);
    return { world, turns, replies };
  }

  it.for(LIVES)("%s takes the money that it took, once", async ([, step, paid], { expect }) => {
    for (const how of HOWS) {
      for (let turn = 1; turn <= TURNS_MAX; turn += 1) {
        const { world, turns, replies } = await crashedAt(turn, how, step);
        if (turns < turn) {
          break;
        }
        const where = `${how} turn ${turn}`;
        expect(taken(world).length, where).toBeLessThanOrEqual(1);
        assertDelivered(world);
        assertSettledOrEscalated(world);
        const last = await world.charged();
        const isSent = world.submissions.length > 1;
        if (isSent && paid === 1) {
          expect([last.money, ...moneyIn(replies)], where).not.toContain("not_charged");
        }
        if (isSent && paid === 0) {
          expect(last.money, where).toBe("not_charged");
        }
      }
    }
  });
});
