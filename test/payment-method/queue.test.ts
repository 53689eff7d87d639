/**
 * The queue of one payment method, driven through the object without a host: order, withdrawal,
 * duplicates, the limit, and that freeze is decided when a charge's turn comes. On virtual time.
 */
import { describe, it } from "vitest";
import type { Answer } from "../../src/payment-method/commands.ts";
import { WAITING_MAX } from "../../src/payment-method/queue.ts";
import { type Call, World } from "../support/fake-host.ts";

function reply(call: Call): Answer["reply"] {
  if (call.answer === null) {
    throw new Error("not answered yet", { cause: call.error });
  }
  return call.answer.reply;
}

function json(call: Call): Record<string, unknown> {
  return JSON.parse(reply(call).body) as Record<string, unknown>;
}

function amounts(world: World): number[] {
  return world.submissions.map(({ amount }) => amount);
}

/** A world whose baseline is read, so that the next charge is sent at once. */
async function ready(): Promise<World> {
  const world = new World();
  await world.charged({ key: "first", amountMinor: 100 });
  world.submissions.length = 0;
  return world;
}

const SLOW = { kind: "approve", latencyMs: 15_000 } as const;

describe("the order", () => {
  it("is that of arrival, one submission after another", async ({ expect }) => {
    const world = await ready();
    const calls = [300, 200, 500, 400].map((amountMinor) =>
      world.charge({ key: `key-${amountMinor}`, amountMinor }),
    );
    await world.time.advance(60_000);
    expect(amounts(world)).toEqual([3, 2, 5, 4]);
    expect(calls.map((call) => reply(call).status)).toEqual([201, 201, 201, 201]);
    expect(calls.map((call) => call.endedAtMs ?? 0)).toEqual(
      calls.map((call) => call.endedAtMs ?? 0).toSorted((a, b) => a - b),
    );
    expect(world.sandbox.exchanges.maxConcurrent(null).overall).toBe(1);
  });

  it("lets the first charge read the baseline and the second use it", async ({ expect }) => {
    const world = new World();
    const calls = [world.charge({ key: "a" }), world.charge({ key: "b" })];
    await world.time.advance(1000);
    expect(calls.map((call) => reply(call).status)).toEqual([201, 201]);
    expect(world.sandbox.exchanges.counts(null)).toMatchObject({ look: 1, charge: 2 });
  });
});

describe("a charge whose wait is over before its turn", () => {
  it("is withdrawn: busy, nothing sent, and nothing bound to its key", async ({ expect }) => {
    const world = await ready();
    world.scenario({ charges: [SLOW] });
    const slow = world.charge({ key: "slow", amountMinor: 200 });
    const short = world.charge({ key: "short", amountMinor: 300, waitMs: 1000 });
    await world.time.advance(1000);
    expect(reply(short)).toMatchObject({ status: 429, money: "not_charged", retry: "same_key" });
    expect(json(short)["code"]).toBe("payment_method_busy");
    expect(reply(short).chargeId).toBeNull();
    await world.time.advance(30_000);
    expect(reply(slow).status).toBe(201);
    expect(amounts(world)).toEqual([2]);
    expect((await world.charged({ key: "short", amountMinor: 999 })).status).toBe(201);
  });

  it("leaves its place to a duplicate that still waits", async ({ expect }) => {
    const world = await ready();
    world.scenario({ charges: [SLOW] });
    world.charge({ key: "slow", amountMinor: 200 });
    const first = world.charge({ key: "twice", amountMinor: 300, waitMs: 1000 });
    const second = world.charge({ key: "twice", amountMinor: 300, waitMs: 25_000 });
    const behind = world.charge({ key: "behind", amountMinor: 400 });
    await world.time.advance(30_000);
    expect(reply(first).status).toBe(429);
    expect(reply(second)).toMatchObject({ status: 201, replayed: false });
    expect(reply(behind).status).toBe(201);
    expect(amounts(world)).toEqual([2, 3, 4]);
  });

  it("is told what happened where its key is known: never busy", async ({ expect }) => {
    const world = await ready();
    world.scenario({ charges: [{ kind: "refuse", status: 429 }, SLOW] });
    expect((await world.charged({ key: "again", amountMinor: 300 })).status).toBe(503);
    await world.time.advance(60_000);
    world.charge({ key: "slow", amountMinor: 200 });
    const again = world.charge({ key: "again", amountMinor: 300, waitMs: 1000 });
    await world.time.advance(1000);
    expect(reply(again)).toMatchObject({ status: 409, money: "not_charged", retry: "same_key" });
    expect(json(again)["code"]).toBe("not_charged");
    await world.time.advance(30_000);
    expect(amounts(world)).toEqual([3, 2]);
  });

  it("is told of the mismatch where its key was bound to another request meanwhile", async ({
    expect,
  }) => {
    const world = await ready();
    world.scenario({ charges: [SLOW, SLOW] });
    world.charge({ key: "ahead", amountMinor: 200 });
    const bound = world.charge({ key: "one", amountMinor: 300 });
    const other = world.charge({ key: "one", amountMinor: 400, waitMs: 16_000 });
    await world.time.advance(60_000);
    expect(reply(bound).status).toBe(202);
    expect(reply(other).status).toBe(422);
    expect(json(other)).toMatchObject({ code: "idempotency_key_reused", differing: ["amount"] });
    expect(amounts(world)).toEqual([2, 3]);
  });

  it("was not sent where the baseline was still being read", async ({ expect }) => {
    const world = new World();
    world.scenario({ looks: [{ kind: "ok", latencyMs: 5000 }] });
    const call = world.charge({ waitMs: 1000 });
    await world.time.advance(1000);
    expect(reply(call)).toMatchObject({ status: 503, money: "not_charged", retry: "same_key" });
    expect(json(call)["code"]).toBe("upstream_unavailable");
    await world.time.advance(60_000);
    expect(world.submissions).toEqual([]);
    expect((await world.charged()).status).toBe(201);
  });
});

describe("a duplicate", () => {
  it("gets the first's answer, marked as a replay, and sends nothing", async ({ expect }) => {
    const world = await ready();
    const calls = [1, 2, 3].map(() => world.charge({ key: "same" }));
    await world.time.advance(1000);
    const [first, ...others] = calls.map(reply);
    expect(first).toMatchObject({ status: 201, replayed: false });
    for (const other of others) {
      expect(other).toEqual({ ...first, replayed: true });
    }
    expect(amounts(world)).toEqual([50]);
  });

  it("gets the first's 202 when it is in doubt", async ({ expect }) => {
    const world = await ready();
    world.scenario({ charges: ["lose_before_charging"] });
    const [first, second] = [world.charge({ key: "same" }), world.charge({ key: "same" })];
    await world.time.advance(1000);
    expect(reply(first)).toMatchObject({ status: 202, money: "unknown", replayed: false });
    expect(reply(second)).toEqual({ ...reply(first), replayed: true });
    expect(amounts(world)).toEqual([50]);
  });

  it("gets the first's 503 when nothing was sent, and a later repeat is sent", async ({
    expect,
  }) => {
    const world = await ready();
    world.scenario({ charges: [{ kind: "refuse", status: 429 }] });
    const [first, second] = [world.charge({ key: "same" }), world.charge({ key: "same" })];
    await world.time.advance(1000);
    expect(reply(first).status).toBe(503);
    expect(reply(second)).toEqual({ ...reply(first), replayed: true });
    expect(amounts(world)).toEqual([50]);
    await world.time.advance(60_000);
    expect(await world.charged({ key: "same" })).toMatchObject({ status: 201, replayed: false });
    expect(amounts(world)).toEqual([50, 50]);
  });

  it("is answered 202 when its own wait is over and the first's is not", async ({ expect }) => {
    const world = await ready();
    world.scenario({ charges: [SLOW] });
    const first = world.charge({ key: "same" });
    await world.time.advance(100);
    const second = world.charge({ key: "same", waitMs: 1000 });
    await world.time.advance(2000);
    expect(reply(second)).toMatchObject({ status: 202, money: "unknown", replayed: true });
    await world.time.advance(30_000);
    expect(reply(first)).toMatchObject({ status: 201, replayed: false });
  });

  it("of another caller is no duplicate", async ({ expect }) => {
    const world = await ready();
    const calls = ["main", "other"].map((caller) => world.charge({ key: "same", caller }));
    await world.time.advance(1000);
    expect(calls.map((call) => reply(call).replayed)).toEqual([false, false]);
    expect(amounts(world)).toEqual([50, 50]);
  });
});

describe("the limit", () => {
  it(`turns away who comes after ${WAITING_MAX} that wait, and never a known key`, async ({
    expect,
  }) => {
    const world = await ready();
    world.scenario({ charges: [{ kind: "refuse", status: 429 }, SLOW] });
    await world.charged({ key: "known", amountMinor: 250 });
    await world.time.advance(60_000);
    world.charge({ key: "running", amountMinor: 200 });
    await world.time.advance(50);
    const waiting = Array.from({ length: WAITING_MAX }, (_, index) =>
      world.charge({ key: `w${index}`, amountMinor: 300, waitMs: 10_000 }),
    );
    await world.time.advance(50);
    const tooMany = world.charge({ key: "too many" });
    const joined = world.charge({ key: "w5", amountMinor: 300, waitMs: 10_000 });
    const known = world.charge({ key: "known", amountMinor: 250 });
    const answered = world.charge({ key: "first", amountMinor: 100 });
    await world.time.advance(50);
    expect(reply(tooMany)).toMatchObject({ status: 429, money: "not_charged" });
    expect(reply(answered)).toMatchObject({ status: 201, replayed: true });
    expect([...waiting, joined, known].every((call) => call.answer === null)).toBe(true);
    await world.time.advance(60_000);
    expect(waiting.every((call) => reply(call).status === 429)).toBe(true);
    expect(reply(known).status).toBe(201);
    expect(amounts(world)).toEqual([2.5, 2, 2.5]);
  });
});

describe("freeze", () => {
  it("is decided at the head of the queue: those who waited are sent once the lost reply is found", async ({
    expect,
  }) => {
    const world = await ready();
    world.scenario({ charges: ["lose_reply_after_charging"] });
    const lost = world.charge({ key: "lost", amountMinor: 200 });
    const behind = world.charge({ key: "behind", amountMinor: 300 });
    await world.time.advance(1000);
    expect(reply(lost)).toMatchObject({ status: 201, money: "charged" });
    expect(reply(behind).status).toBe(201);
    expect(amounts(world)).toEqual([2, 3]);
  });

  it("refuses those who waited where the first look found nothing", async ({ expect }) => {
    const world = await ready();
    world.scenario({ charges: ["lose_before_charging"] });
    const lost = world.charge({ key: "lost", amountMinor: 200 });
    const behind = world.charge({ key: "behind", amountMinor: 300 });
    await world.time.advance(1000);
    expect(reply(lost).status).toBe(202);
    expect(reply(behind)).toMatchObject({ status: 409, money: "not_charged", retry: "same_key" });
    expect(json(behind)["code"]).toBe("payment_method_in_doubt");
    expect(amounts(world)).toEqual([2]);
  });

  it("ends when the horizon rule has established that no money moved, and not before", async ({
    expect,
  }) => {
    const world = await ready();
    world.scenario({ charges: ["lose_before_charging"] });
    await world.charged({ key: "lost", amountMinor: 200 });
    await world.time.advance(880_000);
    expect((await world.charged({ key: "other", amountMinor: 300 })).status).toBe(409);
    await world.time.advance(400_000);
    expect((await world.charged({ key: "other", amountMinor: 300 })).status).toBe(201);
    expect(await world.charged({ key: "lost", amountMinor: 200 })).toMatchObject({
      status: 201,
      replayed: false,
    });
    expect(amounts(world)).toEqual([2, 3, 2]);
  });
});
