/**
 * No alarm is put off by waking up: what is due is done by the object's own alarm, without a caller
 * and without the cron, however often the object is begun anew meanwhile. On virtual time.
 */
import { describe, it } from "vitest";
import { METHOD_ID, World } from "../support/fake-host.ts";
import { assertDelivered, journalOf } from "./promises.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Something that begins the instance and asks nothing of it that is written down. */
function touch(world: World): void {
  const by = { caller: "main", idempotencyKey: "none" };
  world.send({ v: 1, type: "read_charge", paymentMethodId: METHOD_ID, caller: "main", by });
}

/** Killed and begun anew again and again, by somebody who only reads. */
async function restartFor(world: World, spanMs: number, everyMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < spanMs; passedMs += everyMs) {
    world.kill();
    touch(world);
    await world.time.advance(everyMs);
  }
}

describe("an object that is begun anew before its alarm comes", () => {
  it.for([300, 1100, 4000, 9000])(
    "delivers its entries within a minute though it is restarted every %d ms",
    async (everyMs) => {
      const world = new World();
      await world.charged();
      world.kill();
      await restartFor(world, MINUTE_MS, everyMs);
      assertDelivered(world);
    },
  );

  it("delivers within two minutes where D1 was away for 45 s, and nobody touches it", async () => {
    const world = new World();
    world.ledger.failure = () => "before";
    await world.charged();
    await world.time.advance(45 * SECOND_MS);
    world.ledger.failure = () => null;
    await world.time.advance(75 * SECOND_MS);
    assertDelivered(world);
  });

  it("keeps the day's pace of a ledger that is away, though each alarm begins it anew", async ({
    expect,
  }) => {
    const world = new World();
    let asked = 0;
    world.ledger.failure = () => {
      asked += 1;
      return "before";
    };
    await world.charged();
    await world.time.advance(24 * HOUR_MS);
    expect(asked).toBeGreaterThan(12 * 24 - 60);
    // Two deliveries and a report at each alarm.
    expect(asked).toBeLessThan(3 * 12 * 24);
  });

  it("looks and polls in time though it is restarted all the while", async ({ expect }) => {
    const world = new World();
    world.scenario({
      charges: [{ kind: "pending", polls: 2, then: "CONFIRMED" }, "lose_before_charging"],
    });
    await world.charged({ key: "pending", amountMinor: 100 });
    await world.charged({ key: "lost", amountMinor: 200 });
    await restartFor(world, 20 * MINUTE_MS, 7000);
    const types = journalOf(world).map(({ type }) => type);
    expect(types).toContain("status_changed");
    expect(types).toContain("not_charged_by_rule");
    await restartFor(world, 61 * MINUTE_MS, 7000);
    const late = journalOf(world).filter(({ detail }) => detail?.["purpose"] === "late");
    expect(late).toHaveLength(1);
  });

  it("never calls off an alarm that is being delivered", async ({ expect }) => {
    const world = new World();
    world.scenario({ charges: [{ kind: "lose_reply_after_charging", how: "hang" }] });
    world.charge();
    await world.time.advance(100);
    world.kill();
    await world.time.advance(2 * HOUR_MS);
    expect(world.alarmsPutOff).toBe(0);
    expect(journalOf(world).map(({ type }) => type)).toContain("payment_adopted");
    assertDelivered(world);
  });

  it("finds its alarm again after any number of crashes in the alarm itself", async ({
    expect,
  }) => {
    const world = new World();
    await world.charged();
    world.kill();
    let crashes = 0;
    world.crash = () => {
      crashes += 1;
      return crashes <= 10 ? "after" : null;
    };
    await world.time.advance(2 * MINUTE_MS);
    expect(crashes).toBeGreaterThan(10);
    assertDelivered(world);
  });

  it("brings an alarm forward that a clock which went back has put far ahead", async () => {
    const world = new World();
    await world.charged();
    world.kill();
    world.jumpClock(-3 * HOUR_MS);
    touch(world);
    await world.time.advance(MINUTE_MS);
    assertDelivered(world);
  });
});
