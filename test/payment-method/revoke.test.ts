/** A revoke among the charges of its method, on virtual time: its turn, its end, and every crash. */
import { describe, it } from "vitest";
import { type Crash, type Call, World } from "../support/fake-host.ts";
import { revokeCommand } from "../support/method-commands.ts";
import type { ScenarioInput } from "../support/sandbox.ts";
import {
  assertChargedOnce,
  assertDelivered,
  assertSettledOrEscalated,
  assertTrueToTheBook,
  journalOf,
} from "./promises.ts";
import { METHOD_ID } from "../support/fake-host.ts";

type RevokeStep = NonNullable<ScenarioInput["revokes"]>[number];

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

function statusOf(world: World): string | undefined {
  return world.sandbox.book.method(METHOD_ID)?.status;
}

function replyOf(call: Call) {
  if (call.answer === null) {
    throw new Error("not answered", { cause: call.error });
  }
  const { reply } = call.answer;
  return { ...reply, json: JSON.parse(reply.body) as Record<string, unknown> };
}

async function revoked(world: World, waitMs?: number) {
  const call = world.send(revokeCommand(waitMs));
  await world.time.until(() => call.endedAtMs !== null);
  return replyOf(call);
}

function typesOf(world: World): string[] {
  return journalOf(world).map(({ type }) => type);
}

function ours(key: string, amountMinor = 5000) {
  return { key, amountMinor, description: `for ${key} of a shop` };
}

describe("a revoke", () => {
  it("has its turn after the charges before it, and none is sent after it", async ({ expect }) => {
    const world = new World();
    world.scenario({ charges: [{ kind: "approve", latencyMs: 5000 }] });
    const before = [world.charge(ours("a")), world.charge(ours("b"))];
    const revoke = world.send(revokeCommand());
    const after = world.charge(ours("c"));
    await world.time.advance(30_000);
    expect(before.map((call) => replyOf(call).status)).toEqual([201, 201]);
    expect(replyOf(revoke)).toMatchObject({
      status: 200,
      money: null,
      json: { id: METHOD_ID, status: "REVOKED" },
    });
    expect(replyOf(after).json).toMatchObject({
      code: "payment_method_not_active",
      paymentMethodStatus: "REVOKED",
    });
    expect(world.sandbox.book.payments()).toHaveLength(2);
    assertDelivered(world);
  });

  it("does not wait for a doubt to end, and leaves it as it is", async ({ expect }) => {
    const world = new World();
    world.scenario({ charges: ["lose_reply_after_charging"], looks: ["ok", "error"] });
    expect((await world.charged(ours("a"))).status).toBe(202);
    expect((await revoked(world)).status).toBe(200);
    await world.time.advance(HOUR_MS);
    expect(await world.charged(ours("a"))).toMatchObject({ status: 201, money: "charged" });
    assertTrueToTheBook(world, journalOf(world));
    assertDelivered(world);
  });

  it("hands a doubt to a person at once where the history is refused since", async ({ expect }) => {
    for (const [status, escalates] of [
      [404, true],
      [400, true],
      [500, false],
      [401, false],
      [429, false],
    ] as const) {
      const world = new World();
      const refusals = Array.from({ length: 400 }, () => ({ kind: "error", status }) as const);
      world.scenario({
        charges: ["lose_reply_after_charging"],
        looks: ["ok", ...refusals],
      });
      expect((await world.charged(ours("a"))).status).toBe(202);
      expect(typesOf(world)).not.toContain("charge_escalated");
      await revoked(world);
      await world.time.advance(120_000);
      const found = journalOf(world).find(({ type }) => type === "charge_escalated");
      expect(found?.detail?.["reason"] ?? null, String(status)).toBe(
        escalates ? "history_refused_after_revoke" : null,
      );
      await world.time.advance(DAY_MS);
      expect(typesOf(world)).not.toContain("not_charged_by_rule");
      assertSettledOrEscalated(world);
    }
  });

  it("is withdrawn where its turn does not come within the wait", async ({ expect }) => {
    const world = new World();
    await world.charged(ours("first", 700));
    world.scenario({ charges: [{ kind: "approve", latencyMs: 15_000 }] });
    world.charge(ours("a"));
    const answer = await revoked(world, 1000);
    expect(answer).toMatchObject({ status: 429, json: { code: "payment_method_busy" } });
    await world.time.advance(HOUR_MS);
    expect(statusOf(world)).toBe("ACTIVE");
    expect(typesOf(world)).not.toContain("method_revoked");
  });

  it("under way when the wait is over says so, goes on, and a repeat tells", async ({ expect }) => {
    const world = new World();
    world.scenario({ revokes: [{ kind: "approve", latencyMs: 15_000 }] });
    expect(await revoked(world, 1000)).toMatchObject({
      status: 504,
      json: { code: "upstream_error", lastKnown: null },
    });
    expect(await revoked(world)).toMatchObject({ status: 200, json: { status: "REVOKED" } });
    expect(typesOf(world)).toEqual(["method_revoked", "method_revoked"]);
  });

  it("of a halted method is not asked for", async ({ expect }) => {
    const world = new World();
    await world.charged(ours("a"));
    await world.time.advance(1000);
    world.storage.sql.exec("UPDATE method SET halted = 'for this test'").toArray();
    world.kill();
    expect(await revoked(world)).toMatchObject({ status: 503, json: { code: "halted" } });
    expect(statusOf(world)).toBe("ACTIVE");
  });
});

describe("a crash at any turn of a revoke", () => {
  const lives: readonly (readonly [string, RevokeStep[]])[] = [
    ["that is done", ["approve"]],
    ["whose reply is lost", [{ kind: "lose_reply_after_revoking", how: "hang" }]],
    ["whose request is lost", ["lose_before_revoking"]],
    ["that comes late", [{ kind: "late", revokeAfterMs: 21_000 }]],
  ];
  it.for(lives)(
    "%s leaves nobody in doubt: a repeat is told, and it is on the books",
    async ([, revokes], { expect }) => {
      for (const how of ["before", "after", "after_leaving"] satisfies Crash[]) {
        for (let turn = 1; turn < 60; turn += 1) {
          const world = new World();
          world.scenario({ revokes });
          let turns = 0;
          world.crash = () => {
            turns += 1;
            return turns === turn ? how : null;
          };
          const first = world.send(revokeCommand());
          await world.time.advance(100_000);
          const where = `${how} turn ${turn}`;
          if (first.answer?.reply.status === 200) {
            expect(statusOf(world), where).toBe("REVOKED");
          }
          world.crash = () => null;
          expect((await revoked(world)).status, where).toBe(200);
          await world.time.advance(HOUR_MS);
          expect(statusOf(world), where).toBe("REVOKED");
          expect(typesOf(world), where).toContain("method_revoked");
          assertDelivered(world);
          assertChargedOnce(world);
          if (turns < turn) {
            break;
          }
        }
      }
    },
  );
});
