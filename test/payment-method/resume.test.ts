/** The end of a halt: only where the ledger takes what it refused, and by a person's word. */
import { describe, it } from "vitest";
import { listOpen } from "../../src/audit/open.ts";
import { type Call, type Crash, METHOD_ID, World } from "../support/fake-host.ts";
import { itWasNot, resolveCommand, resumeCommand } from "../support/method-commands.ts";
import { NodeLedger } from "../support/node-ledger.ts";
import { assertDelivered, assertSound, journalOf } from "./promises.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A ledger that can be told to refuse entries, as one does whose tables are not what they should be. */
class RefusingLedger extends NodeLedger {
  refuses = false;

  override prepare(sql: string) {
    if (this.refuses && sql.includes("INSERT INTO entry")) {
      throw new Error("D1_ERROR: CHECK constraint failed: entry: SQLITE_CONSTRAINT");
    }
    return super.prepare(sql);
  }
}

async function refused() {
  const ledger = new RefusingLedger();
  const world = new World({ ledger });
  await world.charged({ key: "a" });
  ledger.refuses = true;
  await world.time.advance(5 * MINUTE_MS);
  return { world, ledger };
}

/** Journal and ledger have parted: the object began anew, or the ledger is another's. */
async function forked() {
  const other = new World();
  await other.charged({ key: "theirs", amountMinor: 150 });
  await other.time.advance(HOUR_MS);
  const world = new World({ ledger: other.ledger });
  await world.charged({ key: "a", amountMinor: 900 });
  await world.time.advance(5 * MINUTE_MS);
  return world;
}

function replyOf(call: Call) {
  if (call.answer === null) {
    throw new Error("not answered", { cause: call.error });
  }
  const { reply } = call.answer;
  return { ...reply, json: JSON.parse(reply.body) as Record<string, unknown> };
}

async function resumed(world: World) {
  const call = world.send(resumeCommand());
  await world.time.until(() => call.endedAtMs !== null);
  return replyOf(call);
}

async function haltedMethods(world: World): Promise<number> {
  const url = new URL("https://cobro.test/ledger/open");
  const listed = await listOpen(world.ledger, url, world.wallMs);
  return listed.type === "ok" ? listed.body.totals.halted.methods : -1;
}

describe("a resume", () => {
  it("ends a halt whose cause is gone, with who and why, and charges go on", async ({ expect }) => {
    const { world, ledger } = await refused();
    expect((await world.charged({ key: "b" })).status).toBe(503);
    expect(await haltedMethods(world)).toBe(1);
    ledger.refuses = false;
    expect(await resumed(world)).toMatchObject({
      status: 200,
      json: { id: METHOD_ID, halted: false },
    });
    expect(journalOf(world).slice(-2)).toMatchObject([
      { type: "delivery_refused" },
      {
        type: "method_resumed",
        caller: "back-office",
        keyId: "anna",
        detail: {
          reason: "the ledger was put right",
          halted: expect.stringContaining("CHECK constraint failed") as string,
        },
      },
    ]);
    expect((await world.charged({ key: "b" })).status).toBe(201);
    await world.time.advance(HOUR_MS);
    assertDelivered(world);
    expect(await haltedMethods(world)).toBe(0);
  });

  it("of a method that is not halted is refused, and nothing is recorded", async ({ expect }) => {
    const world = new World();
    await world.charged({ key: "a" });
    const before = journalOf(world).length;
    expect(await resumed(world)).toMatchObject({ status: 409, json: { code: "not_halted" } });
    expect(journalOf(world)).toHaveLength(before);
  });

  it("is refused while the ledger still refuses, and nothing is sent meanwhile", async ({
    expect,
  }) => {
    const { world, ledger } = await refused();
    const sent = world.submissions.length;
    const call = world.send(resumeCommand());
    const beside = world.charge({ key: "b" });
    await world.time.advance(MINUTE_MS);
    expect(replyOf(call)).toMatchObject({ status: 503, json: { code: "halted" } });
    expect(replyOf(beside)).toMatchObject({ status: 503, json: { code: "halted" } });
    expect(world.submissions).toHaveLength(sent);
    ledger.refuses = false;
    ledger.failure = () => "before";
    expect(await resumed(world)).toMatchObject({
      status: 503,
      json: { code: "ledger_unavailable" },
    });
    expect((await world.charged({ key: "b" })).status).toBe(503);
    expect(journalOf(world).map(({ type }) => type)).not.toContain("method_resumed");
  });

  it("overwrites nothing where journal and ledger have parted: it stays halted", async ({
    expect,
  }) => {
    const world = await forked();
    const theirs = world.ledger.entries(METHOD_ID);
    const mine = journalOf(world);
    for (let tries = 0; tries < 3; tries += 1) {
      const reply = await resumed(world);
      expect(reply).toMatchObject({ status: 503, json: { code: "halted" } });
      expect(reply.json["detail"]).toContain("the ledger has another entry");
    }
    world.kill();
    expect((await resumed(world)).status).toBe(503);
    expect((await world.charged({ key: "new", amountMinor: 100 })).status).toBe(503);
    await world.time.advance(HOUR_MS);
    expect(world.ledger.entries(METHOD_ID)).toEqual(theirs);
    expect(journalOf(world)).toEqual(mine);
    assertSound(journalOf(world));
  });

  it("has to come before any decision about a charge", async ({ expect }) => {
    const ledger = new RefusingLedger();
    const world = new World({ ledger });
    world.scenario({ charges: ["lose_before_charging"] });
    const { chargeId } = await world.charged({ key: "a" });
    ledger.refuses = true;
    await world.charged({ key: "b" });
    await world.time.advance(5 * MINUTE_MS);
    const call = world.send(resolveCommand(chargeId, itWasNot(true)));
    await world.time.until(() => call.endedAtMs !== null);
    expect(replyOf(call)).toMatchObject({ status: 503, json: { code: "halted" } });
  });

  it("that crashes at any turn has ended the halt, with its entry, or not at all", async ({
    expect,
  }) => {
    for (const how of ["before", "after", "after_leaving"] satisfies Crash[]) {
      for (let turn = 1; turn < 20; turn += 1) {
        const { world, ledger } = await refused();
        ledger.refuses = false;
        let turns = 0;
        world.crash = () => {
          turns += 1;
          return turns === turn ? how : null;
        };
        world.send(resumeCommand());
        await world.time.advance(MINUTE_MS);
        world.crash = () => null;
        const where = `${how} turn ${turn}`;
        const isOver = journalOf(world).some(({ type }) => type === "method_resumed");
        expect((await world.charged({ key: "b" })).status, where).toBe(isOver ? 201 : 503);
        expect((await resumed(world)).status, where).toBe(isOver ? 409 : 200);
        expect((await world.charged({ key: "b" })).status, where).toBe(201);
        await world.time.advance(HOUR_MS);
        assertDelivered(world);
        expect(await haltedMethods(world), where).toBe(0);
        if (turns < turn) {
          break;
        }
      }
    }
  });
});
