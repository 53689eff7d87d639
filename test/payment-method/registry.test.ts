/**
 * Work that nobody waits for is done in the end, whatever became of the alarm: the registry says
 * who may have work, the cron wakes the overdue. On virtual time, with the real SQL.
 */
import { describe, it } from "vitest";
import { registerMethod } from "../../src/ledger/methods.ts";
import { CronWorld } from "../support/cron-world.ts";
import { METHOD_ID, type World } from "../support/fake-host.ts";
import { assertChargedOnce, assertDelivered, journalOf } from "./promises.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A charge in doubt whose payment Harmony has made, and could show from now on. */
async function inDoubt(): Promise<CronWorld> {
  const world = new CronWorld();
  await world.charged({ key: "before", amountMinor: 100 });
  await world.time.advance(HOUR_MS);
  world.scenario({
    charges: ["lose_reply_after_charging"],
    looks: [{ kind: "error", status: 500 }],
  });
  const reply = await world.charged({ key: "lost" });
  if (reply.status !== 202) {
    throw new Error(`not in doubt: ${reply.status}`);
  }
  return world;
}

function polls(world: World): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { type, chargeId } of journalOf(world)) {
    if (type === "polled" && chargeId !== null) {
      counts.set(chargeId, (counts.get(chargeId) ?? 0) + 1);
    }
  }
  return counts;
}

describe("an alarm that the runtime has dropped for good", () => {
  it("is made good by the cron: a lost reply is found", async ({ expect }) => {
    const world = await inDoubt();
    world.kill();
    world.dropAlarm();
    const atMs = world.time.nowMs;
    const before = journalOf(world).length;
    await world.time.advance(13 * MINUTE_MS);
    expect(journalOf(world)).toHaveLength(before);
    await world.time.advance(4 * MINUTE_MS);
    const adopted = journalOf(world).find(({ type }) => type === "payment_adopted");
    expect(adopted?.origin).toBe("cron");
    expect(Date.parse(adopted?.occurredAt ?? "") - atMs).toBeLessThanOrEqual(17 * MINUTE_MS);
    assertChargedOnce(world);
    await world.time.advance(HOUR_MS);
    assertDelivered(world);
    expect(world.ledger.registered(METHOD_ID)).toEqual({ wakeAtMs: null });
  });

  it("is made good after it has worked for hours", async ({ expect }) => {
    const world = new CronWorld({ rules: { horizonMs: null } });
    world.scenario({ charges: ["lose_before_charging"] });
    await world.charged();
    await world.time.advance(5 * HOUR_MS);
    expect(world.wokenAtMs).toEqual([]);
    world.kill();
    world.dropAlarm();
    await world.time.advance(HOUR_MS + 17 * MINUTE_MS);
    expect(world.wokenAtMs).toHaveLength(1);
    expect(journalOf(world).findLast(({ type }) => type === "looked")?.origin).toBe("cron");
  });

  it("is made good where the object died with its attempt in flight", async ({ expect }) => {
    const world = new CronWorld();
    world.scenario({ charges: [{ kind: "lose_reply_after_charging", how: "hang" }] });
    world.charge();
    await world.time.until(() => world.submissions.length > 0);
    await world.time.advance(100);
    world.kill();
    world.dropAlarm();
    await world.time.advance(17 * MINUTE_MS);
    expect(journalOf(world).map(({ type }) => type)).toContain("payment_adopted");
    await world.time.advance(HOUR_MS);
    assertDelivered(world);
  });

  it("is made good for entries that wait for the ledger", async () => {
    const world = new CronWorld();
    await world.charged();
    world.kill();
    world.dropAlarm();
    await world.time.advance(17 * MINUTE_MS);
    assertDelivered(world);
  });

  it("is made good at any time of a charge that follows another at once", async ({ expect }) => {
    // Whatever the object says of the first charge must not hide the second from the cron.
    for (let gapMs = 1000; gapMs <= 200_000; gapMs += 7000) {
      const world = new CronWorld();
      await world.charged({ key: "first", amountMinor: 100 });
      await world.time.advance(gapMs);
      await world.charged({ key: "second", amountMinor: 200 });
      world.kill();
      world.dropAlarm();
      await world.time.advance(40 * MINUTE_MS);
      expect(world.wokenAtMs, `${gapMs} ms`).not.toEqual([]);
      assertDelivered(world);
    }
  });

  it("is armed again by a wake that could not deliver", async ({ expect }) => {
    const world = new CronWorld();
    await world.charged();
    // Down for all but the cron's own statement.
    world.ledger.failure = () => "before";
    await world.time.advance(14 * MINUTE_MS);
    world.dropAlarm();
    world.ledger.failure = () => (world.wokenAtMs.length === 0 ? null : "before");
    await world.time.until(() => world.wokenAtMs.length > 0);
    await world.time.advance(1000);
    expect(world.ledger.entries(METHOD_ID)).toEqual([]);
    expect(world.alarmAtMs).not.toBeNull();
  });

  it("is made good although the cron's own wake is lost again and again", async ({ expect }) => {
    const world = await inDoubt();
    let lost = 0;
    world.crash = () => {
      world.dropAlarm();
      lost += 1;
      return lost <= 4 ? "before" : null;
    };
    world.kill();
    world.dropAlarm();
    await world.time.advance(2 * HOUR_MS);
    expect(world.wokenAtMs.length).toBeGreaterThan(4);
    expect(journalOf(world).map(({ type }) => type)).toContain("payment_adopted");
  });
});

describe("a method whose alarm works", () => {
  it("is never woken once it is quiet", async ({ expect }) => {
    const world = new CronWorld();
    for (const burst of ["a", "b"]) {
      for (const key of ["one", "two", "three"]) {
        await world.charged({ key: burst + key });
        await world.time.advance(10_000);
      }
      await world.time.advance(HOUR_MS);
    }
    expect(world.wokenAtMs).toEqual([]);
    expect(world.ledger.registered(METHOD_ID)).toEqual({ wakeAtMs: null });
    expect(world.alarmAtMs).toBeNull();
  });

  it("is not woken while it is charged again and again for hours", async ({ expect }) => {
    const world = new CronWorld({ staysInMemory: true });
    for (let count = 0; count < 360; count += 1) {
      await world.charged({ key: `key-${count}` });
      await world.time.advance(20_000);
    }
    expect(world.wokenAtMs).toEqual([]);
  });

  it("is not woken while it waits for polls, looks and late looks of its own", async ({
    expect,
  }) => {
    const pending = new CronWorld();
    pending.scenario({ charges: [{ kind: "pending", polls: 12, then: "CONFIRMED" }] });
    await pending.charged();
    await pending.time.advance(2 * DAY_MS);
    const late = new CronWorld();
    late.scenario({ charges: ["lose_before_charging"] });
    await late.charged();
    await late.time.advance(3 * DAY_MS);
    expect(journalOf(late).map(({ type }) => type)).toContain("not_charged_by_rule");
    for (const world of [pending, late]) {
      // At most once, while the registration of the charge itself is too young to be put off.
      expect(world.wokenAtMs.length).toBeLessThanOrEqual(1);
      expect(world.ledger.registered(METHOD_ID)).toEqual({ wakeAtMs: null });
    }
  });

  it("is woken in vain at most once in a quarter of an hour where each alarm finds it anew", async ({
    expect,
  }) => {
    const world = new CronWorld();
    for (let count = 0; count < 180; count += 1) {
      await world.charged({ key: `key-${count}` });
      await world.time.advance(20_000);
    }
    expect(world.wokenAtMs.length).toBeLessThanOrEqual(4);
    await world.time.advance(HOUR_MS);
    expect(world.ledger.registered(METHOD_ID)).toEqual({ wakeAtMs: null });
  });

  it("writes to the registry about every ten minutes while it is in doubt", async ({ expect }) => {
    const world = new CronWorld({ rules: { horizonMs: null }, staysInMemory: true });
    world.scenario({ charges: ["lose_before_charging"] });
    await world.charged();
    const seen = new Set<number | null | undefined>();
    for (let minute = 0; minute < 14; minute += 1) {
      await world.time.advance(MINUTE_MS);
      seen.add(world.ledger.registered(METHOD_ID)?.wakeAtMs);
    }
    expect(world.wokenAtMs).toEqual([]);
    expect(seen.size).toBeGreaterThan(1);
    expect(seen.size).toBeLessThanOrEqual(4);
  });

  it("is woken in vain, and no more, for a command that never reached it", async ({ expect }) => {
    const world = new CronWorld();
    await world.charged();
    await world.time.advance(HOUR_MS);
    await registerMethod(world.ledger, METHOD_ID, world.time.nowMs, 1000);
    await world.time.advance(HOUR_MS);
    expect(world.wokenAtMs).toHaveLength(1);
    expect(world.ledger.registered(METHOD_ID)).toEqual({ wakeAtMs: null });
  });

  it("is woken once, and no more, where its clock went back over its last entry", async ({
    expect,
  }) => {
    const world = new CronWorld();
    await world.charged();
    world.jumpClock(-HOUR_MS);
    await world.time.advance(3 * HOUR_MS);
    expect(world.wokenAtMs).toHaveLength(1);
    assertDelivered(world);
    expect(world.ledger.registered(METHOD_ID)).toEqual({ wakeAtMs: null });
  });

  it("is woken in vain, and no more, where its report was lost", async ({ expect }) => {
    const world = new CronWorld();
    await world.charged();
    await world.time.advance(MINUTE_MS);
    world.ledger.failure = () => "before";
    await world.time.advance(5 * MINUTE_MS);
    expect(world.logged.map(({ event }) => event)).toContain("report_failed");
    world.ledger.failure = () => null;
    await world.time.advance(DAY_MS);
    expect(world.wokenAtMs).toHaveLength(1);
    expect(world.ledger.registered(METHOD_ID)).toEqual({ wakeAtMs: null });
  });
});

describe("an alarm with more work than time", () => {
  it("ends within its budget, and polls the longest due first", async ({ expect }) => {
    const world = new CronWorld({ rules: { pollMs: [2000] } });
    const methods = 20;
    world.scenario({
      charges: Array.from({ length: methods }, () => ({
        kind: "pending" as const,
        polls: 1000,
        then: "CONFIRMED" as const,
      })),
    });
    const charges = Array.from({ length: methods }, (_, index) =>
      world.charge({ key: `key-${index}`, amountMinor: 100 + index }),
    );
    await world.time.until(() => charges.every((call) => call.endedAtMs !== null));
    world.outage("hang");
    const before = polls(world);
    await world.time.advance(HOUR_MS);
    expect(world.longestAlarmMs).toBeGreaterThan(MINUTE_MS);
    expect(world.longestAlarmMs).toBeLessThan(MINUTE_MS + 25_000);
    const since = [...polls(world)].map(([id, count]) => count - (before.get(id) ?? 0));
    expect(since).toHaveLength(methods);
    // Some 170 polls of 20 s fit the hour.
    expect(Math.min(...since)).toBeGreaterThanOrEqual(6);
    expect(Math.max(...since) - Math.min(...since)).toBeLessThanOrEqual(2);
    expect(world.wokenAtMs).toEqual([]);
  });

  it("does not wait for a turn in the queue beyond its budget, and looks at the next", async ({
    expect,
  }) => {
    const world = new CronWorld({ rules: { lateMs: [HOUR_MS] } });
    world.scenario({ charges: ["lose_before_charging"] });
    await world.charged({ key: "lost" });
    const late = () =>
      journalOf(world).filter(
        ({ type, detail }) => type === "looked" && detail?.["purpose"] === "late",
      );
    await world.time.until(() =>
      journalOf(world).some(({ type }) => type === "not_charged_by_rule"),
    );
    await world.time.advance(HOUR_MS - MINUTE_MS);
    const slow = { kind: "approve" as const, latencyMs: 19_000 };
    world.scenario({ charges: Array.from({ length: 40 }, () => slow) });
    for (let index = 0; index < 40; index += 1) {
      world.charge({ key: `slow-${index}`, amountMinor: 700 + index, waitMs: 20 * MINUTE_MS });
    }
    await world.time.advance(HOUR_MS);
    expect(world.longestAlarmMs).toBeLessThan(MINUTE_MS + 25_000);
    expect(late().length).toBeGreaterThan(0);
  });

  it("polls what a clock that went back has put far ahead", async ({ expect }) => {
    const world = new CronWorld();
    world.scenario({ charges: [{ kind: "pending", polls: 1000, then: "CONFIRMED" }] });
    await world.charged();
    await world.time.advance(HOUR_MS);
    world.kill();
    const before = journalOf(world).filter(({ type }) => type === "polled").length;
    world.jumpClock(-40 * MINUTE_MS);
    world.send({
      v: 1,
      type: "read_charge",
      paymentMethodId: METHOD_ID,
      caller: "main",
      by: { caller: "main", idempotencyKey: "key-1" },
    });
    await world.time.advance(MINUTE_MS);
    expect(journalOf(world).filter(({ type }) => type === "polled").length).toBeGreaterThan(before);
  });
});
