/** Delivery to the ledger: in order, at least once, stored exactly once, and never past a refusal. */
import { describe, it } from "vitest";
import { METHOD_ID, World } from "../support/fake-host.ts";
import { assertDelivered, assertSound, journalOf } from "./promises.ts";

async function charged(...amounts: number[]): Promise<World> {
  const world = new World();
  for (const amountMinor of amounts) {
    await world.charged({ key: `key-${amountMinor}`, amountMinor });
  }
  return world;
}

describe("the relay", () => {
  it("delivers what was written soon after the reply, without an alarm", async ({ expect }) => {
    const world = await charged(100);
    expect(world.ledger.entries(METHOD_ID)).toEqual([]);
    await world.time.advance(200);
    assertDelivered(world);
    expect(world.ledger.entries(METHOD_ID).map(({ type }) => type)).toEqual([
      "looked",
      "attempt_intended",
      "attempt_answered",
    ]);
  });

  it("stores once what it delivers twice", async ({ expect }) => {
    const world = await charged(100);
    let lost = 0;
    world.ledger.failure = () => (++lost <= 2 ? "after" : null);
    await world.time.advance(60_000);
    expect(lost).toBeGreaterThan(2);
    assertDelivered(world);
  });

  it("delivers again after a crash that forgot what was delivered", async () => {
    const world = await charged(100);
    await world.time.advance(200);
    world.kill();
    await world.charged({ key: "key-2", amountMinor: 200 });
    await world.time.advance(60_000);
    assertDelivered(world);
  });

  it("delivers by alarm where the instance is gone before it could", async () => {
    const world = await charged(100);
    world.kill();
    await world.time.advance(60_000);
    assertDelivered(world);
  });

  it("goes on when the ledger has been away for a day, and holds up no charge", async ({
    expect,
  }) => {
    const world = new World();
    world.ledger.failure = () => "before";
    for (const amountMinor of [100, 200, 300]) {
      expect((await world.charged({ key: `k${amountMinor}`, amountMinor })).status).toBe(201);
      await world.time.advance(8 * 3_600_000);
    }
    expect(world.ledger.entries(METHOD_ID)).toEqual([]);
    world.ledger.failure = () => null;
    await world.time.advance(600_000);
    assertDelivered(world);
  });

  it("asks a ledger that is away less and less often", async ({ expect }) => {
    const world = await charged(100);
    let asked = 0;
    world.ledger.failure = () => {
      asked += 1;
      return "before";
    };
    await world.time.advance(3_600_000);
    expect(asked).toBeLessThan(60);
    expect(asked).toBeGreaterThan(5);
  });

  it("delivers again from where a restored ledger ends", async ({ expect }) => {
    const world = await charged(100, 200, 300);
    await world.time.advance(60_000);
    world.ledger.fallBack(4);
    expect((await world.charged({ key: "later", amountMinor: 400 })).status).toBe(201);
    await world.time.advance(60_000);
    assertDelivered(world);
    expect(world.logged.some(({ event }) => event === "ledger_fell_back")).toBe(true);
  });

  it("halts on a fork: nothing is sent any more, what is known is still answered", async ({
    expect,
  }) => {
    const other = await charged(100, 150);
    await other.time.advance(60_000);
    // The ledger has another history of this method: one of the two objects was restored.
    const forked = new World({ ledger: other.ledger });
    await forked.charged({ key: "other", amountMinor: 900 });
    await forked.time.advance(60_000);
    expect(await forked.charged({ key: "new", amountMinor: 500 })).toMatchObject({
      status: 503,
      money: "unknown",
      retry: "same_key",
    });
    expect(await forked.charged({ key: "other", amountMinor: 900 })).toMatchObject({ status: 201 });
    expect(forked.submissions.map(({ amount }) => amount)).toEqual([9]);
    expect(journalOf(forked).at(-1)?.type).toBe("delivery_refused");
    assertSound(journalOf(forked));
    forked.kill();
    expect((await forked.charged({ key: "new", amountMinor: 500 })).status).toBe(503);
  });
});
