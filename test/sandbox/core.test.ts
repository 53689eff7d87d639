import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createHarmony } from "../../sandbox/core.ts";
import type { Change } from "../../sandbox/book.ts";
import type { Harmony, HarmonyOptions } from "../../sandbox/core.ts";
import type { Reply } from "../../sandbox/wire.ts";

const T0 = 1_800_000_000_000;
const CARD = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

/** Virtual time: timers run in order of their time, and nothing runs by itself. */
class World {
  now = T0;
  readonly timers: { at: number; run: () => void }[] = [];
  readonly saved: Change[][] = [];
  readonly harmony: Harmony;
  #ids: number;

  constructor(records: HarmonyOptions["records"] = [], firstId = 0) {
    this.#ids = firstId;
    this.harmony = createHarmony({
      now: () => this.now,
      uuid: () => `00000000-0000-4000-8000-${String((this.#ids += 1)).padStart(12, "0")}`,
      schedule: (afterMs, run) => this.timers.push({ at: this.now + afterMs, run }),
      records,
      save: (changes) => this.saved.push(structuredClone([...changes])),
    });
  }

  advance(ms: number): void {
    this.now += ms;
    const due = this.timers.filter(({ at }) => at <= this.now);
    for (const timer of due) {
      this.timers.splice(this.timers.indexOf(timer), 1);
      timer.run();
    }
  }

  send(method: string, path: string, body?: unknown): Reply {
    const request = {
      method,
      path,
      query: {},
      headers: { "x-api-key": "sandbox" },
      body: body === undefined ? "" : JSON.stringify(body),
    };
    return path.startsWith("/api") ? this.harmony.handle(request) : this.harmony.control(request);
  }

  charge(): Reply {
    return this.send("POST", `/api/payment-method/${CARD}/payment`, { amount: 10 });
  }

  told(scenario: unknown): void {
    this.send("PUT", `/sandbox/payment-methods/${CARD}/scenario`, scenario);
  }
}

describe("the core", () => {
  it("is free of Node, of clocks and of chance", () => {
    const files = ["acts", "api", "book", "book-view", "control", "core", "deeds", "exchanges"];
    for (const file of [
      ...files,
      "history",
      "kinds",
      "reads",
      "refusals",
      "scenario",
      "test-cards",
      "wire",
      "world",
    ]) {
      const source = readFileSync(new URL(`../../sandbox/${file}.ts`, import.meta.url), "utf8");
      expect(source, file).not.toMatch(
        /from "node:|\b(process|Buffer|setTimeout|fetch|crypto)\b[.(]|Date\.now|new Date\(\)|Math\.random/,
      );
    }
  });

  it("has done the act when the reply is given, before its delay", () => {
    const world = new World();
    world.told({ charges: [{ kind: "approve", latencyMs: 900 }] });
    const reply = world.charge();
    expect(reply).toMatchObject({ kind: "respond", status: 201, delayMs: 900 });
    expect(world.harmony.book.payments()).toMatchObject([{ createdAt: T0, status: "CONFIRMED" }]);
  });

  it("does a late act at its very time", () => {
    const world = new World();
    world.told({ charges: [{ kind: "late", chargeAfterMs: 5000 }] });
    expect(world.charge()).toMatchObject({ kind: "sever", how: "hang" });
    world.advance(4999);
    expect(world.harmony.book.payments()).toEqual([]);
    world.advance(1);
    expect(world.harmony.book.payments()).toMatchObject([{ createdAt: T0 + 5000, origin: "late" }]);
  });

  it("does a late refund only while the payment is still CONFIRMED", () => {
    const world = new World();
    world.charge();
    const [payment] = world.harmony.book.payments();
    world.told({ refunds: [{ kind: "late", refundAfterMs: 10 }] });
    world.send("POST", `/api/payment-method/${CARD}/payment/${payment?.id}/refund`);
    world.send("PATCH", `/sandbox/payments/${payment?.id}`, { status: "CANCELLED" });
    world.advance(10);
    expect(payment?.statusHistory.map(({ status }) => status)).toEqual(["CONFIRMED", "CANCELLED"]);
  });

  it("gives equal replies and an equal book for equal clocks, ids and requests", () => {
    const run = (): unknown => {
      const world = new World();
      world.told({ charges: ["pending", "decline", { kind: "late", chargeAfterMs: 3 }] });
      const replies = [1, 2, 3, 4].map(() => world.charge());
      world.advance(3);
      return { replies, book: world.send("GET", "/sandbox/book") };
    };
    expect(run()).toEqual(run());
  });

  it("forgets a payment for good, and keeps it in the book", () => {
    const world = new World();
    world.charge();
    const [payment] = world.harmony.book.paymentsOf(CARD);
    if (payment === undefined) {
      throw new Error("nothing was charged");
    }
    world.harmony.book.forgetPayment(payment);
    const path = `/api/payment-method/${CARD}/payment`;
    expect(world.send("GET", `${path}/${payment.id}`)).toMatchObject({ status: 404 });
    expect(world.send("GET", path)).toMatchObject({ body: expect.stringContaining('"count":0') });
    expect(world.harmony.book.paymentsOf(CARD)).toMatchObject([{ status: "CONFIRMED" }]);
  });

  it("saves what a request changed in one piece: the payment and the step used up", () => {
    const world = new World();
    world.told({ charges: ["decline"] });
    world.charge();
    expect(world.saved.at(-1)).toMatchObject([
      { noun: "payment_method", id: CARD, value: { scenario: { charges: [] } } },
      { noun: "payment", value: { status: "CANCELLED" } },
    ]);
    const saves = world.saved.length;
    world.send("GET", `/api/payment-method/${CARD}/payment`);
    expect(world.saved).toHaveLength(saves);
  });

  it("goes on from what was saved, late acts and pending payments included", () => {
    const before = new World();
    before.told({ charges: ["pending", { kind: "late", chargeAfterMs: 5000 }, "decline"] });
    before.charge();
    before.charge();
    const records = new Map<string, Change>();
    for (const change of before.saved.flat()) {
      records.set(`${change.noun} ${change.id}`, change);
    }
    const after = new World(
      [...records.values()].filter((record) => record.value !== null),
      100,
    );
    expect(after.harmony.book.payments()).toEqual(before.harmony.book.payments());
    const [pending] = after.harmony.book.payments();
    for (const _ of [1, 2, 3]) {
      after.send("GET", `/api/payment-method/${CARD}/payment/${pending?.id}`);
    }
    expect(pending?.status).toBe("CONFIRMED");
    after.charge();
    after.advance(5000);
    const statuses = after.harmony.book.payments().map(({ status, origin }) => [status, origin]);
    expect(statuses).toEqual([
      ["CONFIRMED", "charge"],
      ["CANCELLED", "charge"],
      ["CONFIRMED", "late"],
    ]);
  });

  it("refuses ids that repeat, which would replace a payment that was made", () => {
    const harmony = createHarmony({ now: () => T0, uuid: () => "same", schedule: () => {} });
    const headers = { "x-api-key": "sandbox" };
    const path = `/api/payment-method/${CARD}/payment`;
    const request = { method: "POST", path, query: {}, headers, body: '{"amount":10}' };
    harmony.handle(request);
    expect(() => harmony.handle(request)).toThrow("the ids handed in repeat");
  });

  it("lets a PENDING payment method expire when its link lapses", () => {
    const world = new World();
    const reply = world.send("POST", "/api/payment-method", { ttlMinutes: 1 });
    const { id } = JSON.parse(reply.kind === "respond" ? reply.body : "{}") as { id: string };
    world.advance(59_999);
    expect(world.harmony.book.method(id)?.status).toBe("PENDING");
    world.advance(1);
    expect(world.harmony.book.method(id)?.status).toBe("EXPIRED");
  });

  it("counts a charge as open until it is told of its end, the first end only", () => {
    const world = new World();
    const first = world.charge();
    world.charge();
    world.harmony.end(first, "answered");
    world.harmony.end(first, "abandoned");
    world.charge();
    expect(world.harmony.exchanges.maxConcurrent(CARD)).toEqual({ overall: 2, perMethod: 2 });
    expect(first.exchange).toMatchObject({ beganSeq: 1, endedSeq: 3, ended: "answered" });
  });
});
