import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startSandbox } from "../../sandbox/server.ts";
import { createMethod, foreignPayment, patchPayment, setScenario } from "../support/sandbox.ts";
import { ask, charge } from "./harmony-client.ts";
import type { Sandbox } from "../../sandbox/server.ts";
import type { ScenarioInput } from "../support/sandbox.ts";

interface Item extends Record<string, unknown> {
  id: string;
}
interface Page {
  count: number;
  page: number;
  pageSize: number;
  items: Item[];
}

let sandbox: Sandbox;
let url: string;
let id: string;
/** Five payments of 1 to 5 pesos, oldest first. */
let ids: string[];

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, stateDir: null });
  url = sandbox.url;
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  id = await createMethod(url);
  ids = [];
  for (const amount of [1, 2, 3, 4, 5]) {
    const description = `Order ${amount} of today [cobro:abcd123${amount}]`;
    const payment = await foreignPayment(url, {
      paymentMethodId: id,
      amount,
      description,
      createdAt: `2026-11-22T12:00:0${amount}.000Z`,
    });
    ids.push(payment.id);
  }
});

async function history(options: ScenarioInput["history"], query = ""): Promise<Page> {
  await setScenario(url, id, options === undefined ? {} : { history: options });
  return (await ask(url, "GET", `/${id}/payment${query}`)).json as unknown as Page;
}

async function pages(options: ScenarioInput["history"], pageSize: number): Promise<Page[]> {
  const read = [];
  for (const page of [1, 2, 3]) {
    read.push(await history(options, `?pageSize=${pageSize}&page=${page}`));
  }
  return read;
}

function idsOf(...read: Page[]): string[] {
  return read.flatMap(({ items }) => items.map((item) => item.id));
}

describe("the history", () => {
  it("lists the four fields, newest first, with the total", async () => {
    const page = await history(undefined);
    expect(page).toMatchObject({ count: 5, page: 1, pageSize: 100 });
    expect(idsOf(page)).toEqual(ids.toReversed());
    expect(page.items[0]).toEqual({ id: ids[4], status: "CONFIRMED", amount: 5, currency: "MXN" });
  });

  it("pages through all of it once", async () => {
    const read = await pages(undefined, 2);
    expect(idsOf(...read)).toEqual(ids.toReversed());
    expect(read.map(({ count, page, pageSize }) => [count, page, pageSize])).toEqual([
      [5, 1, 2],
      [5, 2, 2],
      [5, 3, 2],
    ]);
  });

  it("filters by status", async () => {
    await patchPayment(url, ids.at(1) ?? "", { status: "CANCELLED" });
    const page = await history(undefined, "?status=CANCELLED");
    expect(page.count).toBe(1);
    expect(idsOf(page)).toEqual([ids[1]]);
  });
});

describe("the history option", () => {
  it("fields adds createdAt, or createdAt and description", async () => {
    const dated = await history({ fields: "createdAt" });
    const full = await history({ fields: "full" });
    const fourFields = ["id", "status", "amount", "currency"];
    expect(Object.keys(dated.items[0] ?? {})).toEqual([...fourFields, "createdAt"]);
    expect(full.items[0]).toMatchObject({
      createdAt: "2026-11-22T12:00:05.000Z",
      description: "Order 5 of today [cobro:abcd1235]",
    });
  });

  it.each([
    ["echo", "Order 5 of today [cobro:abcd1235]"],
    ["cut", "Order 5 of"],
    ["altered", "ORDER 5 OF TODAY COBRO ABCD1235 "],
  ] as const)("description %s", async (description, shown) => {
    const page = await history({ fields: "full", description });
    expect(page.items[0]?.["description"]).toBe(shown);
  });

  it.each([
    ["utc", "2026-11-22T12:00:05.000Z"],
    ["local", "2026-11-22T06:00:05"],
    ["skewed", "2026-11-22T11:50:05.000Z"],
  ] as const)("createdAt %s", async (createdAt, shown) => {
    const page = await history({ fields: "createdAt", createdAt });
    expect(page.items[0]?.["createdAt"]).toBe(shown);
  });

  it("order turns the list round", async () => {
    expect(idsOf(await history({ order: "oldest" }))).toEqual(ids);
  });

  it("visibleAfterMs hides young payments, which a GET by id still finds", async () => {
    await setScenario(url, id, { history: { visibleAfterMs: 3_600_000 } });
    const young = (await charge(url, id)).json["id"];
    const page = await history({ visibleAfterMs: 3_600_000 });
    expect(page.count).toBe(5);
    expect(idsOf(page)).toEqual(ids.toReversed());
    expect((await ask(url, "GET", `/${id}/payment/${String(young)}`)).status).toBe(200);
    await patchPayment(url, String(young), { visibleAt: "2026-01-01T00:00:00Z" });
    expect(idsOf(await history({ visibleAfterMs: 3_600_000 }))).toContain(young);
  });

  it("pageShift repeats rows, or skips them, while the total stays", async () => {
    const [e, d, c, b, a] = ids.toReversed();
    const repeated = await pages({ pageShift: 1 }, 2);
    expect(idsOf(...repeated)).toEqual([e, d, d, c, b, a]);
    const skipped = await pages({ pageShift: -1 }, 2);
    expect(idsOf(...skipped)).toEqual([e, d, b, a]);
    expect([...repeated, ...skipped].every(({ count }) => count === 5)).toBe(true);
  });

  it("pageSizeCap gives smaller pages than were asked for, and says so", async () => {
    const page = await history({ pageSizeCap: 2 }, "?pageSize=100&page=2");
    expect(page).toMatchObject({ count: 5, page: 2, pageSize: 2 });
    expect(idsOf(page)).toEqual([ids[2], ids[1]]);
    expect(await history({ pageSizeCap: 4 }, "?pageSize=3")).toMatchObject({ pageSize: 3 });
  });

  it("countIsPage counts the page instead of the whole", async () => {
    const read = await pages({ countIsPage: true }, 2);
    expect(read.map(({ count }) => count)).toEqual([2, 2, 1]);
  });

  it("dropItem keeps the newest payment back, while the total counts it", async () => {
    const page = await history({ dropItem: true });
    expect(page.count).toBe(5);
    expect(idsOf(page)).toEqual(ids.slice(0, 4).toReversed());
  });

  it("hideStatuses hides payments and leaves them out of the total", async () => {
    await patchPayment(url, ids.at(0) ?? "", { status: "CANCELLED" });
    await patchPayment(url, ids.at(1) ?? "", { status: "REFUNDED" });
    const page = await history({ hideStatuses: ["CANCELLED", "REFUNDED"] });
    expect(page.count).toBe(3);
    expect(idsOf(page)).toEqual(ids.slice(2).toReversed());
  });
});
