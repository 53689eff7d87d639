/** What the object makes of payments that are not its own, on virtual time. */
import { describe, it } from "vitest";
import { World } from "../support/fake-host.ts";
import { assertDelivered, journalOf } from "./promises.ts";

describe("a payment that was there before", () => {
  it("is not taken for ours where Harmony's answer names it", async ({ expect }) => {
    const world = new World();
    world.foreignPayment(50);
    const [foreign] = world.sandbox.book.payments();
    world.scenario({ charges: ["approve_with_known_id"] });
    const reply = await world.charged({ key: "ours", amountMinor: 5000 });
    const made = world.sandbox.book.payments().find(({ origin }) => origin === "charge");
    expect(reply).toMatchObject({ status: 201, money: "charged" });
    expect(JSON.parse(reply.body)).toMatchObject({ id: made?.id });
    expect(reply.body).not.toContain(foreign?.id);
    expect(journalOf(world).map(({ type }) => type)).toContain("charge_escalated");
  });

  it("is no news: the baseline reports nothing as nobody's", async ({ expect }) => {
    const world = new World();
    world.foreignPayment(50);
    expect((await world.charged()).status).toBe(201);
    expect(journalOf(world).map(({ type }) => type)).toEqual([
      "looked",
      "attempt_intended",
      "attempt_answered",
    ]);
  });
});

describe("payments of others that fit a charge that was not sent", () => {
  it("forbid a further attempt, for as long as no person has decided", async ({ expect }) => {
    const world = new World();
    world.scenario({ charges: [{ kind: "refuse", status: 429 }] });
    expect((await world.charged()).status).toBe(503);
    world.foreignPayment(50);
    world.foreignPayment(50);
    await world.time.advance(60_000);
    for (let repeat = 0; repeat < 3; repeat += 1) {
      const reply = await world.charged();
      expect(reply).toMatchObject({ status: 409, money: "unknown", retry: "same_key" });
      expect(reply.retryAfterSeconds).toBe(60);
      expect(JSON.parse(reply.body)).toMatchObject({ code: "payment_contested" });
      await world.time.advance(86_400_000);
    }
    expect(world.submissions).toHaveLength(1);
    // One question for each payment, however often it is met.
    const asked = world.logged.filter(({ event }) => event === "payment_contested");
    expect(asked).toHaveLength(2);
    assertDelivered(world);
  });
});
