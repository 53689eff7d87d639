/**
 * What an answer has named: a guess is read with each look until a read has an answer, and a name is
 * asked for as Harmony spelt it. On virtual time. Owns no rule.
 */
import { describe, it } from "vitest";
import type { Reply } from "../../src/domain/reply.ts";
import { METHOD_ID, type World } from "../support/fake-host.ts";
import { itWas, itWasNot, resolveCommand } from "../support/method-commands.ts";
import type { ScenarioInput } from "../support/sandbox.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, ready, taken } from "./histories.ts";
import { assertDelivered, journalOf } from "./promises.ts";

type ChargeStep = NonNullable<ScenarioInput["charges"]>[number];

const SPELT = "ABCDEF00-1111-4111-8111-111111111111";
/** Refuses, has charged, and names the payment, which the history shows a week later. */
const HIDDEN = {
  kind: "refuse_leaving_payments",
  status: 402,
  names: "made",
  shownAfterMs: 7 * DAY_MS,
} as const;
/** Refuses, and names its own request. */
const HONEST = { ...HIDDEN, leaves: [], names: "request_id" } satisfies ChargeStep;

function typesOf(world: World): string[] {
  return journalOf(world).map(({ type }) => type);
}

function codeOf({ body }: Reply): unknown {
  return (JSON.parse(body) as { code?: unknown }).code;
}

/** While no read by id has an answer: Harmony's other calls have. */
async function unread<T>(world: World, run: () => Promise<T>): Promise<T> {
  world.outage("error500", ["read"]);
  const result = await run();
  world.outage("none");
  return result;
}

/** The ids that payments are asked for by, from now on, in turn. */
function askedFor(world: World): string[] {
  const ids: string[] = [];
  const { sandbox } = world;
  const handle = sandbox.handle.bind(sandbox);
  sandbox.handle = (request) => {
    const id = /\/payment\/([^/]+)$/u.exec(request.path)?.[1];
    ids.push(...(request.method === "GET" && id !== undefined ? [id] : []));
    return handle(request);
  };
  return ids;
}

async function answerTo(world: World, command: Parameters<World["send"]>[0]) {
  const call = world.send(command);
  await world.time.until(() => call.endedAtMs !== null);
  const { reply } = call.answer ?? {};
  return { status: reply?.status, json: JSON.parse(reply?.body ?? "{}") as object };
}

describe("a guess that no read has answered for", () => {
  it.for([402, 422])(
    "of a %d is read with the next look, whoever asks",
    async (status, { expect }) => {
      const world = await ready({ charges: [{ ...HIDDEN, status }] });
      const first = await unread(world, async () => world.charged());
      expect(first).toMatchObject({ status: 402, money: "not_charged" });
      expect(typesOf(world)).not.toContain("method_frozen");
      // The history does not list what the read has shown: no charge passes by that look.
      expect(await world.charged({ key: "key-2" })).toMatchObject({ money: "not_charged" });
      expect(await world.charged()).toMatchObject({
        status: 402,
        money: "unknown",
        retry: "never",
      });
      const then = await world.charged({ key: "key-2" });
      expect(then).toMatchObject({ status: 409, money: "not_charged", retry: "never" });
      expect(codeOf(then)).toBe("earlier_charge_paid");
      expect(world.logged.map(({ event }) => event)).toContain("late_truth_found");
      expect(taken(world)).toHaveLength(1);
      await world.time.advance(MINUTE_MS);
      assertDelivered(world);
    },
  );

  it("is read with a late look, though nobody asks", async ({ expect }) => {
    const world = await ready({ charges: [HIDDEN] });
    await unread(world, async () => {
      expect((await world.charged()).status).toBe(402);
      await world.time.advance(2 * HOUR_MS);
    });
    expect(typesOf(world)).not.toContain("late_truth_found");
    await world.time.advance(6 * HOUR_MS);
    expect(typesOf(world)).toContain("late_truth_found");
    expect(await world.charged()).toMatchObject({ money: "unknown", retry: "never" });
    expect((await world.charged()).location).toContain("/payment/");
  });

  it("is dropped where it is none, and costs no read more", async ({ expect }) => {
    const world = await ready({ charges: [HONEST] });
    const ids = askedFor(world);
    const first = await unread(world, async () => world.charged());
    expect(first).toMatchObject({ status: 402, money: "not_charged" });
    expect(typesOf(world)).not.toContain("name_dropped");
    await world.time.advance(2 * HOUR_MS);
    expect(typesOf(world)).toContain("name_dropped");
    await world.time.advance(3 * DAY_MS);
    expect(ids).toHaveLength(2);
    expect((await world.charged({ key: "key-2" })).status).toBe(201);
    expect(world.logged.filter(({ level }) => level === "alert")).toEqual([]);
  });

  it("of a 429 is read before the key is charged again", async ({ expect }) => {
    const world = await ready({ charges: [{ ...HIDDEN, status: 429 }] });
    const first = await unread(world, async () => world.charged());
    expect(first).toMatchObject({ money: "not_charged", retry: "same_key" });
    await world.time.advance(60_000);
    await world.charged();
    expect(await world.charged()).toMatchObject({ status: 201, money: "charged" });
    expect(taken(world)).toHaveLength(1);
  });

  it("is one of three at most that a look reads", async ({ expect }) => {
    const charges = Array.from({ length: 5 }, () => HONEST);
    const world = await ready({ charges });
    const ids = askedFor(world);
    await unread(world, async () => {
      for (const [index, reads] of [1, 2, 3, 3, 3].entries()) {
        ids.length = 0;
        const reply = await world.charged({ key: `key-${index}`, amountMinor: 5000 + index });
        expect([reply.status, new Set(ids).size]).toEqual([402, reads]);
      }
    });
  });
});

describe("a name in capitals", () => {
  it.for([402, 429, 500])(
    "of a %d is asked for as it is spelt, by each read of it",
    async (status, { expect }) => {
      const charges: ChargeStep[] = [{ kind: "refuse", status, body: { id: SPELT } }];
      const world = await ready({ charges });
      const ids = askedFor(world);
      await unread(world, async () => world.charged());
      await world.time.advance(MINUTE_MS);
      await world.charged({ key: "key-2" });
      await world.time.advance(HOUR_MS);
      expect(typesOf(world)).toContain("name_dropped");
      expect(ids.length).toBeGreaterThan(1);
      expect(new Set(ids)).toEqual(new Set([SPELT]));
    },
  );
});

describe("what a 2xx named, and Harmony has no more", () => {
  it("is a person's after the horizon, whose `charged` needs no read", async ({ expect }) => {
    const charges: ChargeStep[] = ["unknown_status_after_charging"];
    const world = await ready({ charges });
    const call = world.charge();
    await world.time.until(() => world.sandbox.book.paymentsOf(METHOD_ID).length > 1);
    const payment = world.sandbox.book.paymentsOf(METHOD_ID).at(-1);
    if (payment === undefined) {
      throw new Error("nothing was charged");
    }
    world.sandbox.book.forgetPayment(payment);
    await world.time.until(() => call.endedAtMs !== null);
    expect(call.answer?.reply).toMatchObject({ status: 202, money: "unknown" });
    await world.time.advance(HOUR_MS);
    expect(typesOf(world)).toContain("charge_escalated");
    expect(typesOf(world)).not.toContain("name_dropped");
    expect((await world.charged()).money).toBe("unknown");
    const chargeId = call.answer?.reply.chargeId ?? null;
    const decided = await answerTo(world, resolveCommand(chargeId, itWas(payment.id)));
    expect(decided).toMatchObject({
      status: 200,
      json: { state: "approved", money: "charged", payment: { id: payment.id, amount: 50 } },
    });
    expect(await world.charged()).toMatchObject({ status: 201, money: "charged" });
    // No later look has to list it.
    expect((await world.charged({ key: "next", amountMinor: 700 })).status).toBe(201);
    await world.time.advance(2 * MINUTE_MS);
    assertDelivered(world);
  });
});

describe("a payment of a charge that Harmony has no more", () => {
  /** Others charge the same card, so that every charge looks first. */
  async function gone() {
    const world = await ready({}, { rules: { foreignWriters: true } });
    const { chargeId } = await world.charged();
    await world.time.advance(HOUR_MS);
    const payment = world.sandbox.book.paymentsOf(METHOD_ID).at(-1);
    if (payment === undefined) {
      throw new Error("nothing was charged");
    }
    world.sandbox.book.forgetPayment(payment);
    await world.charged({ key: "other", amountMinor: 700 });
    const back = () => {
      delete payment.goneAt;
    };
    return { world, chargeId, payment, back };
  }

  it("is missing once a read has not found it, and other charges go on", async ({ expect }) => {
    const { world } = await gone();
    expect(await world.charged()).toMatchObject({ status: 201, money: "unknown" });
    expect((await world.charged({ key: "more", amountMinor: 800 })).status).toBe(201);
    expect((await world.charged({ key: "same" })).status).toBe(201);
  });

  it("is back where a look lists it", async ({ expect }) => {
    const { world, back } = await gone();
    back();
    expect((await world.charged({ key: "more", amountMinor: 800 })).status).toBe(201);
    expect(await world.charged()).toMatchObject({ status: 201, money: "charged" });
    expect(typesOf(world)).toContain("contest_ended");
  });

  it("is back where a read shows it", async ({ expect }) => {
    const { world, payment, back } = await gone();
    back();
    const actor = { caller: "main", keyId: "test", requestId: null, traceId: null, origin: null };
    const about = { paymentMethodId: METHOD_ID, caller: "main", id: payment.id, actor };
    expect((await answerTo(world, { v: 1, type: "read_payment", ...about })).status).toBe(200);
    expect(await world.charged()).toMatchObject({ status: 201, money: "charged" });
    expect(typesOf(world)).toContain("contest_ended");
  });

  it("is charged by a person's word, and never not charged without an override", async ({
    expect,
  }) => {
    const { world, chargeId, payment } = await gone();
    const denied = await answerTo(world, resolveCommand(chargeId, itWasNot()));
    expect(denied).toMatchObject({ status: 409, json: { code: "payments_fit" } });
    const vouched = await answerTo(world, resolveCommand(chargeId, itWas(payment.id)));
    expect(vouched).toMatchObject({ status: 200, json: { money: "charged" } });
    expect(await world.charged()).toMatchObject({ status: 201, money: "charged" });
    expect((await world.charged({ key: "more", amountMinor: 800 })).status).toBe(201);
    await world.time.advance(DAY_MS);
    expect((await world.charged()).money).toBe("charged");
    assertDelivered(world);
  });
});
