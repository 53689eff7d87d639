/** `GET /ledger/entries` without the wire: what may be asked, what is answered, and cursors. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, it, vi } from "vitest";
import { listEntries, readEntry } from "../../src/audit/entries.ts";
import { FILTER_VALUES_MAX, parseParameters } from "../../src/audit/parameters.ts";
import type { Entry } from "../../src/domain/entries.ts";
import { appendEntries } from "../../src/ledger/append.ts";
import { verifyEntry } from "../../src/ledger/chain.ts";
import { chainOf, contentOf, newMethod, TIMEOUT_MS } from "./ledger-support.ts";

const db = env.LEDGER;
const paymentMethodId = newMethod();
const BASE = "https://cobro.example/ledger/entries";

const chain = chainOf([
  contentOf({ paymentMethodId, type: "attempt_intended", outcome: null, paymentId: null }),
  contentOf({ paymentMethodId, occurredAt: "2026-11-22T09:15:01.000Z", effectMinor: 100 }),
  contentOf({ paymentMethodId, type: "looked", caller: "other", amountMinor: 5, detail: null }),
  contentOf({ paymentMethodId, type: "polled", reference: "ñ & 1", amountMinor: null }),
]);

beforeAll(async () => {
  const result = await appendEntries(db, chain, TIMEOUT_MS);
  if (result.type !== "appended") {
    throw new Error(JSON.stringify(result));
  }
});

async function list(query: string) {
  const result = await listEntries(db, new URL(`${BASE}${query}`));
  if (result.type !== "ok") {
    throw new Error(JSON.stringify(result));
  }
  return result;
}

async function seqs(query: string): Promise<number[]> {
  return (await list(query)).body.entries.map((entry) => entry.seq);
}

async function errors(query: string) {
  const result = await listEntries(db, new URL(`${BASE}${query}`));
  return result.type === "invalid" ? result.errors : result.type;
}

describe("a list", () => {
  it("shows each entry with all its members, its position and its time", async ({ expect }) => {
    const { body, next } = await list("");
    expect(body.entries).toHaveLength(4);
    expect(body).toMatchObject({ nextCursor: null, asOf: 4 });
    expect(next).toBeNull();
    const [first] = body.entries;
    expect(first).toMatchObject({ ...chain[0], position: 1 });
    expect(Object.keys(first ?? {})).toEqual([
      "v",
      "paymentMethodId",
      "seq",
      "type",
      "occurredAt",
      "chargeId",
      "refundId",
      "attempt",
      "idempotencyKey",
      "reference",
      "caller",
      "keyId",
      "requestId",
      "traceId",
      "origin",
      "amountMinor",
      "effectMinor",
      "currency",
      "paymentId",
      "paymentStatus",
      "outcome",
      "httpStatus",
      "latencyMs",
      "detail",
      "prevHash",
      "hash",
      "position",
      "recordedAt",
    ]);
    const wire = JSON.parse(JSON.stringify(body)) as { entries: Entry[] };
    expect(wire.entries.every(verifyEntry)).toBe(true);
  });

  const filters: readonly (readonly [string, readonly number[]])[] = [
    [`?paymentMethodId=${paymentMethodId.toUpperCase()}`, [1, 2, 3, 4]],
    [`?paymentMethodId=${newMethod()}`, []],
    ["?paymentId=pay-1", [2, 3, 4]],
    ["?chargeId=0193A1B2-0000-7000-8000-000000000001", [1, 2, 3, 4]],
    ["?idempotencyKey=order-1", [1, 2, 3, 4]],
    ["?idempotencyKey=ORDER-1", []],
    ["?reference=%C3%B1%20%26%201", [4]],
    ["?caller=other", [3]],
    ["?caller=other&caller=main", [1, 2, 3, 4]],
    ["?type=looked&type=polled&type=looked", [3, 4]],
    ["?outcome=approved", [2, 3, 4]],
    ["?paymentStatus=CONFIRMED&type=polled", [4]],
    ["?minAmountMinor=5&maxAmountMinor=5", [3]],
    ["?minAmountMinor=6", [1, 2]],
    ["?maxAmountMinor=-1", []],
    ["?minAmountMinor=99999&minAmountMinor=6", [1, 2]],
    ["?occurredFrom=2026-11-22T09:15:00.251Z", [2]],
    ["?occurredFrom=2026-11-22T09:15:00.250Z&occurredTo=2026-11-22T09:15:01Z", [1, 3, 4]],
    ["?occurredFrom=2026-11-22T09:15:00.2501Z", [2]],
    ["?occurredTo=2026-11-22T09:15:00.2501Z", [1, 3, 4]],
    ["?occurredFrom=2026-11-22T10:15:01%2B01:00", [2]],
    ["?occurredFrom=2026-11-22T10:15:01+01:00", [2]],
    ["?occurredFrom=2026-11-22t09:15:01z", [2]],
    ["?occurredTo=9999-12-31T23:59:59.9999Z", [1, 2, 3, 4]],
    ["?occurredFrom=0000-01-01T00:00:00%2B23:59", [1, 2, 3, 4]],
    ["?recordedFrom=2026-01-01T00:00:00Z", [1, 2, 3, 4]],
    ["?recordedTo=2026-01-01T00:00:00Z", []],
    ["?order=desc", [4, 3, 2, 1]],
    ["?order=desc&limit=2", [4, 3]],
  ];
  it.for(filters)("for %s has the entries %j", async ([query, expected], { expect }) => {
    expect(await seqs(query)).toEqual(expected);
  });

  const wrong: readonly (readonly [string, string])[] = [
    ["?colour=red", "colour"],
    ["?chargeid=1", "chargeid"],
    ["?__proto__=1", "__proto__"],
    ["?constructor=1", "constructor"],
    ["?type=nonsense", "type"],
    ["?type=", "type"],
    ["?paymentMethodId=1", "paymentMethodId"],
    ["?caller=", "caller"],
    ["?reference=" + "x".repeat(2049), "reference"],
    ["?limit=0", "limit"],
    ["?limit=501", "limit"],
    ["?limit=1e2", "limit"],
    ["?limit=", "limit"],
    ["?limit=1&limit=1", "limit"],
    ["?order=up", "order"],
    ["?order=asc&order=desc", "order"],
    ["?minAmountMinor=1.5", "minAmountMinor"],
    ["?maxAmountMinor=9999999999999999", "maxAmountMinor"],
    ["?occurredFrom=yesterday", "occurredFrom"],
    ["?occurredTo=2026-02-30T00:00:00Z", "occurredTo"],
    ["?recordedFrom=2026-11-22T09:15:00", "recordedFrom"],
    ["?recordedTo=2026-11-22", "recordedTo"],
    ["?cursor=", "cursor"],
    ["?cursor=nonsense", "cursor"],
    [`?cursor=${btoa('{"v":1}').replaceAll("=", "")}`, "cursor"],
    ["?" + "caller=x&".repeat(FILTER_VALUES_MAX + 1), "caller"],
  ];
  it.for(wrong)("refuses %s, naming %s", async ([query, parameter], { expect }) => {
    expect(await errors(query)).toEqual([{ parameter, detail: expect.any(String) as string }]);
  });

  it("names everything that is wrong at once", async ({ expect }) => {
    const found = await errors("?colour=red&limit=0&type=nonsense");
    const names = typeof found === "string" ? [] : found.map((error) => error.parameter);
    expect(names.toSorted()).toEqual(["colour", "limit", "type"]);
  });

  it("takes as many values as are documented", ({ expect }) => {
    const values = Array.from({ length: FILTER_VALUES_MAX }, (_one, index) => `caller=${index}`);
    expect(parseParameters(new URLSearchParams(values.join("&"))).type).toBe("ok");
  });

  it("is unavailable, not empty, while the database does not answer", async ({ expect }) => {
    const spied = vi.spyOn(db, "withSession").mockImplementation(() => {
      throw new Error("D1 DB is overloaded");
    });
    expect(await listEntries(db, new URL(BASE))).toMatchObject({ type: "unavailable" });
    expect(await readEntry(db, paymentMethodId, "1")).toMatchObject({ type: "unavailable" });
    spied.mockRestore();
  });
});

describe("a cursor", () => {
  it("leads through the list, whatever arrives meanwhile", async ({ expect }) => {
    const first = await list("?caller=main&caller=other&limit=2&order=desc");
    expect(first.body.entries.map((entry) => entry.seq)).toEqual([4, 3]);
    expect(first.next?.searchParams.get("cursor")).toBe(first.body.nextCursor);
    const late = chainOf([contentOf({ paymentMethodId: newMethod() })]);
    await appendEntries(db, late, TIMEOUT_MS);
    const second = await list(first.next?.search ?? "");
    expect(second.body.entries.map((entry) => entry.position)).toEqual([2, 1]);
    expect(second.body).toMatchObject({ asOf: 4, nextCursor: null });
    expect((await list("")).body.asOf).toBe(5);
  });

  it("keeps the rest of the query and survives being copied", async ({ expect }) => {
    const { next, body } = await list("?reference=A-17&reference=%C3%B1%20%26%201&limit=1");
    expect(next?.searchParams.getAll("reference")).toEqual(["A-17", "ñ & 1"]);
    expect(body.nextCursor).toMatch(/^[\w-]+$/);
  });

  it("may be used with another limit and with the same values in another order", async ({
    expect,
  }) => {
    const { body } = await list("?type=looked&type=polled&limit=1");
    const found = await seqs(`?type=polled&type=looked&limit=7&cursor=${body.nextCursor}`);
    expect(found).toEqual([4]);
  });

  it("is refused with other filters or another order", async ({ expect }) => {
    const { body } = await list("?caller=main&limit=1");
    const refused = [
      { parameter: "cursor", detail: expect.stringMatching(/other filters/) as string },
    ];
    expect(await errors(`?caller=other&cursor=${body.nextCursor}`)).toEqual(refused);
    expect(await errors(`?cursor=${body.nextCursor}`)).toEqual(refused);
    expect(await errors(`?caller=main&order=desc&cursor=${body.nextCursor}`)).toEqual(refused);
  });

  it("is refused by a ledger that is shorter than it was", async ({ expect }) => {
    const { body } = await list("?limit=1");
    const cursor = JSON.parse(atob(body.nextCursor ?? "")) as object;
    const later = btoa(JSON.stringify({ ...cursor, asOf: 1_000_000 })).replaceAll("=", "");
    expect(await errors(`?cursor=${later}`)).toEqual([
      { parameter: "cursor", detail: expect.stringMatching(/longer ledger/) as string },
    ]);
  });
});

describe("one entry", () => {
  it("is found by its payment method and its number", async ({ expect }) => {
    const found = await readEntry(db, paymentMethodId.toUpperCase(), "2");
    expect(found).toMatchObject({ type: "found", entry: { ...chain[1], position: 2 } });
  });

  it.for(["0", "5", "-1", "1.0", "01", "1e0", "", "x", "9".repeat(16)])(
    "is not there for number %j",
    async (seq, { expect }) => {
      expect(await readEntry(db, paymentMethodId, seq)).toEqual({ type: "none" });
    },
  );

  it("is not there for what is no payment method", async ({ expect }) => {
    expect(await readEntry(db, "nonsense", "1")).toEqual({ type: "none" });
  });
});
