/** A person's decisions among looks, polls and crashes, on virtual time. */
import { describe, it } from "vitest";
import type { Entry } from "../../src/domain/entries.ts";
import type { Decision } from "../../src/domain/resolve.ts";
import { type Call, type Crash, METHOD_ID, World } from "../support/fake-host.ts";
import { itWas, itWasNot, resolveCommand } from "../support/method-commands.ts";
import type { ScenarioInput } from "../support/sandbox.ts";
import {
  assertChargedOnce,
  assertDelivered,
  assertOneAtATime,
  assertTrueToTheBook,
  journalOf,
} from "./promises.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

function ours(key: string, amountMinor = 5000) {
  return { key, amountMinor, description: `for ${key} of a shop` };
}

function replyOf(call: Call) {
  if (call.answer === null) {
    throw new Error("not answered", { cause: call.error });
  }
  const { reply } = call.answer;
  return { ...reply, json: JSON.parse(reply.body) as Record<string, unknown> };
}

async function resolved(world: World, chargeId: string | null, decision: Decision) {
  const call = world.send(resolveCommand(chargeId, decision));
  await world.time.until(() => call.endedAtMs !== null);
  return replyOf(call);
}

/** A charge in doubt whose history shows nothing of it, one minute on. */
async function inDoubt(scenario: ScenarioInput = {}, options = {}) {
  const world = new World(options);
  await world.charged(ours("before", 700));
  await world.time.advance(DAY_MS);
  world.scenario({ charges: ["lose_before_charging"], ...scenario });
  const { status, chargeId } = await world.charged(ours("a"));
  if (status !== 202) {
    throw new Error(`not in doubt: ${status}`);
  }
  await world.time.advance(MINUTE_MS);
  return { world, chargeId };
}

/** In doubt, and two payments that fit: only a person can tell. */
async function undecidable() {
  const { world, chargeId } = await inDoubt();
  world.foreignPayment(50);
  world.foreignPayment(50);
  await world.time.advance(5 * MINUTE_MS);
  const fitting = world.sandbox.book.paymentsOf(METHOD_ID).slice(1);
  // As the history shows them, the newest first.
  const [one = "", other = ""] = fitting.map(({ id }) => id).toReversed();
  return { world, chargeId, one, other };
}

function entriesOf(world: World, type: Entry["type"]): Entry[] {
  return journalOf(world).filter((entry) => entry.type === type);
}

describe("a person's decision", () => {
  it("that it was charged is one entry with actor, reason and evidence, and unfreezes", async ({
    expect,
  }) => {
    const { world, chargeId, one } = await undecidable();
    expect(entriesOf(world, "charge_escalated")).toHaveLength(1);
    const reply = await resolved(world, chargeId, itWas(one));
    expect(reply).toMatchObject({
      status: 200,
      chargeId,
      json: {
        state: "approved",
        money: "charged",
        resolvedBy: "operator",
        escalated: false,
        methodFrozen: false,
        payment: { id: one, amount: 50 },
      },
    });
    const [entry, ...more] = entriesOf(world, "operator_resolved");
    expect(more).toEqual([]);
    expect(entry).toMatchObject({
      caller: "back-office",
      keyId: "anna",
      requestId: "by-hand",
      origin: null,
      idempotencyKey: "a",
      paymentId: one,
      outcome: "charged",
      effectMinor: 5000,
      detail: { act: "resolution", reason: "seen in Harmony's dashboard" },
    });
    const cited = entry?.detail?.["evidence"] as number[];
    expect(journalOf(world).filter(({ seq }) => cited.includes(seq))).toMatchObject([
      { type: "looked", outcome: "complete", detail: { purpose: "operator" } },
      { type: "polled", paymentId: one, paymentStatus: "CONFIRMED" },
    ]);
    expect(journalOf(world).at(-1)?.type).toBe("method_unfrozen");
    expect(await world.charged(ours("a"))).toMatchObject({ status: 201, money: "charged" });
    expect((await world.charged(ours("b", 100))).status).toBe(201);
    await world.time.advance(3 * DAY_MS);
    assertDelivered(world);
  });

  it("repeated after its answer was lost is told the same, and is no second act", async ({
    expect,
  }) => {
    const { world, chargeId, one } = await undecidable();
    const first = await resolved(world, chargeId, itWas(one));
    expect((await resolved(world, chargeId, itWas(one))).json).toEqual(first.json);
    const other = await undecidable();
    await resolved(other.world, other.chargeId, itWasNot(true));
    expect((await resolved(other.world, other.chargeId, itWasNot(true))).status).toBe(200);
    for (const each of [world, other.world]) {
      expect(entriesOf(each, "operator_resolved")).toHaveLength(1);
    }
  });

  it("that it was not is refused against fitting payments, and by override names them foreign", async ({
    expect,
  }) => {
    const { world, chargeId, one, other } = await undecidable();
    const refused = await resolved(world, chargeId, itWasNot());
    expect(refused).toMatchObject({
      status: 409,
      json: { code: "payments_fit", money: "unknown", state: "in_doubt", candidates: [one, other] },
    });
    expect(entriesOf(world, "operator_resolved")).toEqual([]);
    expect(await resolved(world, chargeId, itWasNot(true))).toMatchObject({
      status: 200,
      json: { state: "not_charged", money: "not_charged", resolvedBy: "operator" },
    });
    const [entry] = entriesOf(world, "operator_resolved");
    expect(entry).toMatchObject({
      outcome: "not_charged",
      effectMinor: 0,
      detail: { override: true, foreign: [one, other], foreignCount: 2 },
    });
    const named = entriesOf(world, "payment_unattributed");
    expect(named.map(({ paymentId }) => paymentId)).toEqual([one, other]);
    expect(named.map(({ keyId, detail }) => [keyId, detail?.["by"], detail?.["evidence"]])).toEqual(
      [
        ["anna", "operator", [entry?.seq]],
        ["anna", "operator", [entry?.seq]],
      ],
    );
    // Never again candidates: neither of late looks, nor of the look before a further attempt.
    await world.time.advance(2 * DAY_MS);
    expect(entriesOf(world, "late_truth_found")).toEqual([]);
    expect(await world.charged(ours("a"))).toMatchObject({ status: 201, money: "charged" });
    expect(world.submissions).toHaveLength(3);
    assertOneAtATime(journalOf(world));
    assertTrueToTheBook(world, journalOf(world));
  });

  it("that it was not is refused before the horizon, and looked after when overridden", async ({
    expect,
  }) => {
    const { world, chargeId } = await inDoubt();
    expect(await resolved(world, chargeId, itWasNot())).toMatchObject({
      status: 409,
      json: { code: "horizon_not_reached", state: "in_doubt" },
    });
    expect((await resolved(world, chargeId, itWasNot(true))).status).toBe(200);
    const looks = entriesOf(world, "looked").length;
    await world.time.advance(2 * DAY_MS);
    const late = entriesOf(world, "looked").slice(looks);
    expect(late.map(({ detail }) => detail?.["purpose"])).toEqual(["late", "late", "late"]);
  });

  it("that turns out wrong later is told as late truth", async ({ expect }) => {
    const { world, chargeId } = await inDoubt({
      charges: [{ kind: "lose_reply_after_charging", how: "reset" }],
      history: { visibleAfterMs: 2 * HOUR_MS },
    });
    expect((await resolved(world, chargeId, itWasNot(true))).status).toBe(200);
    await world.time.advance(DAY_MS);
    expect(entriesOf(world, "late_truth_found")).toHaveLength(1);
    expect(await world.charged(ours("a"))).toMatchObject({ status: 201, money: "charged" });
    assertChargedOnce(world);
    assertTrueToTheBook(world, journalOf(world));
  });

  it("of never having been charged can be taken back by naming the payment", async ({ expect }) => {
    const { world, chargeId, one } = await undecidable();
    await resolved(world, chargeId, itWasNot(true));
    expect(await resolved(world, chargeId, itWas(one))).toMatchObject({
      status: 200,
      json: { state: "approved", resolvedBy: "operator", payment: { id: one } },
    });
    expect(entriesOf(world, "operator_resolved")).toHaveLength(2);
  });

  it("cannot give one payment to two charges, whatever it overrides", async ({ expect }) => {
    const { world, chargeId } = await inDoubt();
    const [taken] = world.sandbox.book.paymentsOf(METHOD_ID);
    const before = journalOf(world).length;
    expect(await resolved(world, chargeId, itWas(taken?.id ?? ""))).toMatchObject({
      status: 409,
      json: { code: "payment_of_another_charge", state: "in_doubt" },
    });
    expect(
      journalOf(world)
        .slice(before)
        .map(({ type }) => type),
    ).toEqual(["looked", "polled"]);
  });

  it("that Harmony contradicts is refused", async ({ expect }) => {
    const { world, chargeId } = await inDoubt();
    world.foreignPayment(51);
    const differing = world.sandbox.book.paymentsOf(METHOD_ID).at(-1)?.id ?? "";
    expect((await resolved(world, chargeId, itWas(differing))).json).toMatchObject({
      code: "payment_not_fitting",
    });
    expect(await resolved(world, chargeId, itWas("no-such-payment"))).toMatchObject({
      status: 404,
      json: { code: "payment_not_found" },
    });
    expect(await resolved(world, "no-such-charge", itWasNot())).toMatchObject({
      status: 404,
      json: { code: "not_found" },
    });
    const settled = await world.time
      .advance(DAY_MS)
      .then(async () => world.charged({ ...ours("b"), amountMinor: 300 }));
    expect(await resolved(world, settled.chargeId, itWasNot(true))).toMatchObject({
      status: 409,
      json: { code: "charge_not_resolvable", state: "approved", money: "charged" },
    });
    expect(entriesOf(world, "operator_resolved")).toEqual([]);
  });

  it("is not made while Harmony does not answer", async ({ expect }) => {
    const { world, chargeId, one } = await undecidable();
    world.scenario({ looks: [{ kind: "error", status: 500 }] });
    expect(await resolved(world, chargeId, itWas(one))).toMatchObject({
      status: 502,
      json: { code: "upstream_error" },
    });
    world.scenario({ looks: [{ kind: "error", status: 500 }] });
    expect((await resolved(world, chargeId, itWasNot(true))).status).toBe(502);
    world.scenario({ reads: ["hang"] });
    expect((await resolved(world, chargeId, itWas(one))).status).toBe(504);
    expect(entriesOf(world, "operator_resolved")).toEqual([]);
    expect((await resolved(world, chargeId, itWas(one))).status).toBe(200);
  });

  it("can still be made where Harmony shows no history any more", async ({ expect }) => {
    const refusals = Array.from({ length: 20 }, () => ({ kind: "error", status: 404 }) as const);
    const { world, chargeId } = await inDoubt({ looks: refusals });
    expect(await resolved(world, chargeId, itWasNot())).toMatchObject({
      status: 409,
      json: { code: "history_incomplete", why: "status_404", missing: [] },
    });
    expect((await resolved(world, chargeId, itWasNot(true))).json).toMatchObject({
      state: "not_charged",
    });
    const other = await inDoubt({ looks: refusals });
    other.world.foreignPayment(50);
    const paid = other.world.sandbox.book.paymentsOf(METHOD_ID).at(-1)?.id ?? "";
    expect((await resolved(other.world, other.chargeId, itWas(paid))).json).toMatchObject({
      state: "approved",
    });
  });
});

describe("a history that cannot be read whole again", () => {
  /** A charge in doubt beside one whose payment Harmony lists no more, and can still read. */
  async function unlisted() {
    const known = await inDoubt();
    known.world.scenario({ history: { dropItem: true } });
    return known;
  }

  it("proves no absence, and a person may say so all the same", async ({ expect }) => {
    const { world, chargeId } = await unlisted();
    await world.time.advance(HOUR_MS);
    const refused = await resolved(world, chargeId, itWasNot());
    expect(refused).toMatchObject({ status: 409, json: { code: "history_incomplete" } });
    expect(refused.json["why"]).toMatch(/^(known_payment_missing|count_differs)$/);
    expect(entriesOf(world, "operator_resolved")).toEqual([]);
    const decided = await resolved(world, chargeId, itWasNot(true));
    expect(decided).toMatchObject({ status: 200, json: { state: "not_charged" } });
    // The key is charged again only after a look that is whole.
    await world.time.advance(HOUR_MS);
    expect((await world.charged(ours("a"))).status).toBe(503);
    expect(world.submissions.filter(({ amount }) => amount === 50)).toHaveLength(1);
  });

  it("forbids nobody to name a payment that can be read", async ({ expect }) => {
    const { world, chargeId } = await unlisted();
    world.foreignPayment(50);
    const paid = world.sandbox.book.paymentsOf(METHOD_ID).at(-1)?.id ?? "";
    expect((await resolved(world, chargeId, itWas(paid))).json).toMatchObject({
      state: "approved",
      payment: { id: paid },
    });
  });
});

describe("a decision beside other work", () => {
  it("comes after a look under way, and does not overwrite what that found", async ({ expect }) => {
    const world = new World();
    await world.charged(ours("before", 700));
    world.scenario({
      charges: [{ kind: "lose_reply_after_charging", how: "reset" }],
      looks: [
        { kind: "error", status: 500 },
        { kind: "ok", latencyMs: 15_000 },
      ],
    });
    const { chargeId } = await world.charged(ours("a"));
    await world.time.advance(5000);
    const call = world.send(resolveCommand(chargeId, itWasNot(true)));
    await world.time.until(() => call.endedAtMs !== null);
    expect(replyOf(call)).toMatchObject({
      status: 409,
      json: { code: "charge_not_resolvable", state: "approved", money: "charged" },
    });
    expect(entriesOf(world, "operator_resolved")).toEqual([]);
    assertTrueToTheBook(world, journalOf(world));
  });

  it("gives way to what its own look finds", async ({ expect }) => {
    const { world, chargeId } = await inDoubt({
      charges: [{ kind: "lose_reply_after_charging", how: "reset" }],
      looks: Array.from({ length: 5 }, () => ({ kind: "error", status: 500 }) as const),
    });
    world.scenario({});
    expect(await resolved(world, chargeId, itWasNot(true))).toMatchObject({
      status: 409,
      json: { code: "charge_moved", state: "approved", money: "charged" },
    });
    expect(entriesOf(world, "operator_resolved")).toEqual([]);
    assertTrueToTheBook(world, journalOf(world));
  });

  it("gives way to a poll that resolves the charge while Harmony is asked", async ({ expect }) => {
    const world = new World();
    await world.charged(ours("before", 700));
    const failing = { kind: "error", status: 500 } as const;
    world.scenario({
      charges: [{ kind: "error_naming_payment", status: 500 }],
      looks: [failing, failing, failing, failing, { kind: "ok", latencyMs: 18_000 }],
      reads: [failing, failing, failing],
      history: { visibleAfterMs: DAY_MS },
    });
    const { chargeId } = await world.charged(ours("a"));
    let answered: ReturnType<typeof replyOf> | null = null;
    for (let tries = 0; answered === null && tries < 40; tries += 1) {
      const call = world.send(resolveCommand(chargeId, itWasNot(true)));
      await world.time.until(() => call.endedAtMs !== null);
      answered = replyOf(call).status === 502 ? null : replyOf(call);
    }
    expect(answered).toMatchObject({ status: 409, json: { state: "approved" } });
    expect(entriesOf(world, "operator_resolved")).toEqual([]);
    assertTrueToTheBook(world, journalOf(world));
  });

  it("is not lost to a look that waits behind it, nor to what comes after", async ({ expect }) => {
    const { world, chargeId, one } = await undecidable();
    world.scenario({ looks: [{ kind: "ok", latencyMs: 15_000 }] });
    const call = world.send(resolveCommand(chargeId, itWas(one)));
    world.time.after(1000, () => void world.charge(ours("b", 100)));
    await world.time.advance(2 * HOUR_MS);
    expect(replyOf(call).json).toMatchObject({ state: "approved", resolvedBy: "operator" });
    expect(await world.charged(ours("a"))).toMatchObject({ status: 201, money: "charged" });
    expect(await world.charged(ours("b", 100))).toMatchObject({ status: 201, replayed: true });
  });

  it("is withdrawn where its turn does not come, and told of where it is under way", async ({
    expect,
  }) => {
    const { world, chargeId, one } = await undecidable();
    world.scenario({ looks: [{ kind: "ok", latencyMs: 15_000 }] });
    const first = world.send(resolveCommand(chargeId, itWas(one), 1000));
    const second = world.send(resolveCommand(chargeId, itWasNot(true), 1000));
    await world.time.advance(2000);
    expect(replyOf(first)).toMatchObject({ status: 504, json: { code: "upstream_error" } });
    expect(replyOf(second)).toMatchObject({ status: 429, json: { code: "payment_method_busy" } });
    await world.time.advance(HOUR_MS);
    expect(entriesOf(world, "operator_resolved").map(({ outcome }) => outcome)).toEqual([
      "charged",
    ]);
  });
});

describe("a crash at any turn of a decision", () => {
  it.for([
    ["that it was charged", itWas("")],
    ["that it was not", itWasNot(true)],
  ] as const)(
    "%s leaves it whole or unmade, and a repeat makes it once",
    async ([, said], { expect }) => {
      for (const how of ["before", "after", "after_leaving"] satisfies Crash[]) {
        for (let turn = 1; turn < 60; turn += 1) {
          const { world, chargeId, one, other } = await undecidable();
          const decision = said.decision === "charged" ? { ...said, paymentId: one } : said;
          let turns = 0;
          world.crash = () => {
            turns += 1;
            return turns === turn ? how : null;
          };
          world.send(resolveCommand(chargeId, decision));
          await world.time.advance(MINUTE_MS);
          world.crash = () => null;
          const where = `${how} turn ${turn}`;
          const made = entriesOf(world, "operator_resolved").length;
          const named = entriesOf(world, "payment_unattributed").length;
          expect(named, where).toBe(decision.decision === "charged" ? 0 : made * 2);
          expect((await resolved(world, chargeId, decision)).status, where).toBe(200);
          expect(entriesOf(world, "operator_resolved"), where).toHaveLength(1);
          await world.time.advance(2 * DAY_MS);
          assertDelivered(world);
          assertOneAtATime(journalOf(world));
          expect(entriesOf(world, "late_truth_found"), where).toEqual([]);
          const last = await world.charged(ours("a"));
          expect(last.money, where).toBe("charged");
          const used = world.submissions.filter(({ amount }) => amount === 50).length;
          expect(used, where).toBe(decision.decision === "charged" ? 1 : 2);
          expect([one, other]).toContain(decision.decision === "charged" ? one : other);
          if (turns < turn) {
            break;
          }
        }
      }
    },
  );
});
