/**
 * What Harmony's no is worth, and what a name, a letter case or a body that contradicts itself: histories
 * in which to believe it charges twice, or locks a card, on virtual time. Owns no rule.
 */
import { describe, it } from "vitest";
import { createHarmony as createSandbox } from "../../sandbox/core.ts";
import type { PaymentStatus } from "../../sandbox/kinds.ts";
import type { Reply } from "../../src/domain/reply.ts";
import { METHOD_ID, type World } from "../support/fake-host.ts";
import { NodeLedger } from "../support/node-ledger.ts";
import type { ScenarioInput } from "../support/sandbox.ts";
import { seededRandom, VirtualTime } from "../support/virtual-time.ts";
import {
  askedOfAPerson,
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  moneyIn,
  ready,
  taken,
  toldOver,
  WRITERS,
} from "./histories.ts";
import { assertDelivered, journalOf } from "./promises.ts";

type ChargeStep = NonNullable<ScenarioInput["charges"]>[number];

const REFUSAL = { kind: "refuse_leaving_payments", status: 402 } as const;
const HONEST: ChargeStep = { ...REFUSAL, leaves: [] };
const REFUSALS = [402, 422, 400];
const OTHER_NOES = [401, 403, 404, 429];
const LEFT: PaymentStatus[][] = [
  ["CONFIRMED"],
  ["CANCELLED", "CONFIRMED"],
  ["NOT_INITIALIZED", "CONFIRMED"],
];
const PAID = [...REFUSALS, ...OTHER_NOES].flatMap((status) =>
  LEFT.map((leaves) => ({ status, leaves })),
);

/** Somebody else's at the charge's price, of so long ago, that no look has seen until now. */
function foreign(world: World, status: PaymentStatus, ageMs: number): string {
  return world.sandbox.book.addPayment({
    paymentMethodId: METHOD_ID,
    amountMinor: 5000,
    description: null,
    status,
    origin: "foreign",
    createdAt: world.time.nowMs - ageMs,
  }).id;
}

function codeOf({ body }: Reply): unknown {
  return (JSON.parse(body) as { code?: unknown }).code;
}

function typesSince(world: World, seq: number): string[] {
  return journalOf(world).flatMap((entry) => (entry.seq > seq ? [entry.type] : []));
}

/** The card takes charges: one of another amount goes through at once. */
async function goesOn(world: World): Promise<boolean> {
  const reply = await world.charged({ key: "another", amountMinor: 7700 });
  return reply.status === 201 && reply.money === "charged";
}

/** A program that obeys: after `new_key` it asks anew, at once and for an hour. */
async function obeyed(world: World, first: Reply): Promise<Reply[]> {
  const key = first.retry === "new_key" ? "key-2" : "key-1";
  await world.time.advance((first.retryAfterSeconds ?? 0) * 1000);
  return first.retry === "never" ? [] : toldOver(world, HOUR_MS, { key });
}

describe("a no that charged all the same", () => {
  it.for(PAID)(
    "%j takes the money once, whatever a program does next",
    async (step, { expect }) => {
      const world = await ready({ charges: [{ ...REFUSAL, ...step }] });
      const first = await world.charged();
      if (REFUSALS.includes(step.status)) {
        expect(first.money).not.toBe("not_charged");
        expect(world.logged.map(({ event }) => event)).toContain("refused_yet_paid");
      }
      const replies = await obeyed(world, first);
      const other = await world.charged({ key: "key-3" });
      expect(other).toMatchObject({ status: 409 });
      expect(["payment_contested", "earlier_charge_paid"]).toContain(codeOf(other));
      expect(moneyIn(replies)).not.toContain("not_charged");
      expect(taken(world)).toHaveLength(1);
      await world.time.advance(MINUTE_MS);
      assertDelivered(world);
    },
  );

  it("whose payment has our tag is charged, and forbids another of that amount", async ({
    expect,
  }) => {
    const world = await ready({ charges: [REFUSAL], history: { fields: "full" } });
    expect(await world.charged()).toMatchObject({ money: "charged", retry: "never" });
    const second = await world.charged({ key: "key-2" });
    expect(second).toMatchObject({ status: 409, money: "not_charged", retry: "never" });
    expect(JSON.parse(second.body)).toMatchObject({ code: "earlier_charge_paid", first: {} });
    await world.time.advance(20 * MINUTE_MS);
    expect(await world.charged({ key: "key-2" })).toMatchObject({ status: 201 });
    expect(taken(world)).toHaveLength(2);
  });

  it("and shows later, beside an old attempt without an answer, is a person's", async ({
    expect,
  }) => {
    const late = { ...REFUSAL, shownAfterMs: 30_000 };
    const world = await ready({ charges: ["lose_before_charging", late] });
    await world.charged({ key: "key-0" });
    await world.time.advance(2 * HOUR_MS);
    const first = await world.charged();
    await world.time.advance(MINUTE_MS);
    const second = await world.charged({ key: "key-2" });
    expect(first.status).toBe(402);
    expect(second).toMatchObject({ status: 409 });
    expect(codeOf(second)).toBe("payment_contested");
    expect(askedOfAPerson(world)).toBe(true);
    expect((await world.charged()).money).toBe("unknown");
    await toldOver(world, HOUR_MS, { key: "key-2" });
    expect(taken(world)).toHaveLength(1);
  });

  it("and whose look found no history lets it stand until one does", async ({ expect }) => {
    const world = await ready({ charges: [REFUSAL], looks: [{ kind: "error", status: 500 }] });
    expect(await world.charged()).toMatchObject({ status: 402, money: "not_charged" });
    const replies = await toldOver(world, HOUR_MS, { key: "key-2" });
    expect(replies.every(({ status }) => status === 409)).toBe(true);
    expect(taken(world)).toHaveLength(1);
  });
});

describe("an honest no", () => {
  it("costs one look and two entries, and freezes nothing", async ({ expect }) => {
    const world = await ready({ charges: [HONEST] });
    const { lastSeq } = world;
    const looks = world.sandbox.exchanges.counts(METHOD_ID).look;
    expect(await world.charged()).toMatchObject({ status: 402, retry: "new_key" });
    const types = typesSince(world, lastSeq);
    expect(types).toEqual(["attempt_intended", "attempt_answered", "looked", "refusal_checked"]);
    expect(await goesOn(world)).toBe(true);
    expect(world.sandbox.exchanges.counts(METHOD_ID).look - looks).toBe(1);
    await world.time.advance(2 * DAY_MS);
    expect(world.sandbox.exchanges.counts(METHOD_ID).look - looks).toBe(1);
  });

  it.for(WRITERS)("beside an old payment that no look saw: %j", async (rules, { expect }) => {
    const world = await ready({ charges: [HONEST] }, { rules });
    const old = foreign(world, "CONFIRMED", 30 * DAY_MS);
    const first = await world.charged();
    expect([402, 202, 409]).toContain(first.status);
    expect(first.money).not.toBe("charged");
    expect(moneyIn(await toldOver(world, 2 * HOUR_MS))).not.toContain("charged");
    expect(taken(world, old)).toEqual([]);
  });

  it("that leaves a cancelled payment, long after a request was lost", async ({ expect }) => {
    const charges: ChargeStep[] = ["lose_before_charging", { ...REFUSAL, leaves: ["CANCELLED"] }];
    const world = await ready({ charges });
    await world.charged({ key: "key-0" });
    await world.time.advance(30 * DAY_MS);
    expect(await world.charged()).toMatchObject({ status: 402, money: "not_charged" });
    await world.time.advance(HOUR_MS);
    expect(await world.charged()).toMatchObject({ status: 402, money: "not_charged" });
    expect(await goesOn(world)).toBe(true);
    expect(taken(world)).toEqual([]);
  });

  it.for(WRITERS)("after an old payment was forgotten for good: %j", async (rules, { expect }) => {
    const world = await ready({ charges: [HONEST] }, { rules });
    const [old] = world.sandbox.book.paymentsOf(METHOD_ID);
    if (old !== undefined) {
      world.sandbox.book.forgetPayment(old);
    }
    const replies = await toldOver(world, 2 * HOUR_MS);
    expect(replies.at(-1)).toMatchObject({ status: 402, money: "not_charged" });
    expect(moneyIn(replies)).toEqual(["not_charged"]);
    expect(await goesOn(world)).toBe(true);
    // Beside it, a charge of that amount has its complete look again.
    expect(await world.charged({ key: "key-2" })).toMatchObject({ status: 201 });
  });
});

describe("a name in an error", () => {
  const NAMES = ["request_id", "known", "other_card", "not_a_uuid"] as const;
  const PLACES = ["id", "paymentId", "payment.id"] as const;
  const NAMED = NAMES.flatMap((names) => PLACES.map((as) => ({ names, as })));

  it.for(NAMED)("of a decline freezes no card: %j", async (named, { expect }) => {
    const world = await ready({ charges: [{ ...HONEST, ...named }] });
    world.sandbox.book.addPayment({
      paymentMethodId: world.sandbox.book.methods().find(({ id }) => id !== METHOD_ID)?.id ?? "",
      amountMinor: 5000,
      description: null,
      status: "CONFIRMED",
      origin: "foreign",
    });
    const { lastSeq } = world;
    expect(await world.charged()).toMatchObject({ status: 402, money: "not_charged" });
    expect(typesSince(world, lastSeq)).not.toContain("method_frozen");
    expect(await goesOn(world)).toBe(true);
  });

  it.for([500, 418])("of a %d is no payment, and is decided", async (status, { expect }) => {
    const named = { ...HONEST, status, names: "request_id" } as const;
    const world = await ready({ charges: [named] });
    expect(await world.charged()).toMatchObject({ status: 202, money: "unknown" });
    await world.time.advance(3 * HOUR_MS);
    expect(typesSince(world, 0)).toContain("name_dropped");
    expect(typesSince(world, 0)).toContain("not_charged_by_rule");
    expect(await goesOn(world)).toBe(true);
  });

  it.for([402, 429, 500])(
    "of a %d is the charge's payment where it exists",
    async (status, { expect }) => {
      const world = await ready({ charges: [{ ...REFUSAL, status, names: "made" }] });
      await world.charged();
      await world.time.advance(5 * MINUTE_MS);
      expect((await world.charged()).money).toBe("charged");
      expect(taken(world)).toHaveLength(1);
    },
  );
});

describe("a body that says one member twice", () => {
  const doubled = ["status", "id"].flatMap((member) =>
    ["first", "last"].map((wrong) => ({ member, wrong }) as { member: "status"; wrong: "first" }),
  );

  it.for(doubled)("is no answer to a charge: %j", async (how, { expect }) => {
    const world = await ready({ charges: [{ kind: "doubled_member_after_charging", ...how }] });
    const replies = [await world.charged(), ...(await toldOver(world, 5 * MINUTE_MS))];
    expect(moneyIn(replies)).not.toContain("not_charged");
    expect(replies.at(-1)).toMatchObject({ status: 201, money: "charged" });
    expect(taken(world)).toHaveLength(1);
  });

  it.for(doubled)("is no page, and no read: %j", async (how, { expect }) => {
    const said = { kind: "doubled_member", ...how } as const;
    const charges: ChargeStep[] = [{ kind: "pending", polls: 30 }, "lose_reply_after_charging"];
    const world = await ready({ charges, reads: [said, said], looks: [said, said] });
    expect((await world.charged({ key: "key-0", amountMinor: 900 })).money).toBe("pending");
    const replies = [await world.charged(), ...(await toldOver(world, 10 * MINUTE_MS))];
    expect(moneyIn(replies)).not.toContain("not_charged");
    expect(replies.at(-1)).toMatchObject({ status: 201, money: "charged" });
    expect((await world.charged({ key: "key-0", amountMinor: 900 })).money).toBe("pending");
  });

  it.for(doubled)("is no state of a payment method: %j", async (how, { expect }) => {
    const reads: ScenarioInput["reads"] = [{ kind: "doubled_member", ...how }];
    const world = await ready({ charges: [{ kind: "decline", as: 400 }], reads });
    const first = await world.charged();
    expect(codeOf(first)).not.toBe("payment_method_not_active");
    expect(first.status).not.toBe(402);
  });
});

describe("an answer that is not the charge's own", () => {
  it("of the charge before, refused, does not charge twice", async ({ expect }) => {
    const charges: ChargeStep[] = [HONEST, "answer_of_the_charge_before"];
    const world = await ready({ charges });
    await world.charged({ key: "key-0", amountMinor: 7700 });
    const replies = await obeyed(world, await world.charged());
    expect(moneyIn(replies)).not.toContain("not_charged");
    expect(taken(world)).toHaveLength(1);
  });

  it("spelt in capitals leaves the card as it is", async ({ expect }) => {
    const time = new VirtualTime();
    let ids = 0;
    const sandbox = createSandbox({
      now: () => time.nowMs,
      uuid: () => `abcdefab-0000-4000-8000-${String((ids += 1)).padStart(12, "0")}`,
      schedule: (afterMs, run) => time.after(afterMs, run),
    });
    const shared = { time, random: seededRandom(1), sandbox, ledger: new NodeLedger() };
    const charges: ChargeStep[] = ["approve_in_capitals", "lose_reply_after_charging"];
    const world = await ready({ charges }, { shared });
    const first = await world.charged({ key: "key-0" });
    const { id } = JSON.parse(first.body) as { id: string };
    expect(id).toBe(id.toUpperCase());
    const replies = [await world.charged(), ...(await toldOver(world, 5 * MINUTE_MS))];
    expect(replies.at(-1)).toMatchObject({ status: 201, money: "charged" });
    expect(taken(world)).toHaveLength(2);
    expect(await world.refunded({ of: id })).toMatchObject({ status: 201, money: "refunded" });
    expect(askedOfAPerson(world)).toBe(false);
  });
});
