/**
 * The promises of holding the books against Harmony, at the Worker's edge against the real sandbox:
 * each way in which a book can be altered behind Cobro's back is reported, a clean one is not, and
 * a run goes on after whatever ended a step of it.
 */
import { abortAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, inject, it, vi } from "vitest";
import {
  book,
  createMethod,
  deletePayment,
  foreignPayment,
  patchPayment,
  setScenario,
} from "../support/sandbox.ts";
import { begin, charged, entriesAbout, minute, NIL, reconciled } from "./reconcile-support.ts";
import { charge, get, newKey, seedKeys, sha256 } from "./support.ts";

const sandbox = inject("sandboxUrl");
const db = env.LEDGER;
await seedKeys();

afterEach(() => {
  vi.restoreAllMocks();
});

const NONE = { count: 0, booksMinor: 0, harmonyMinor: 0 };
const EQUAL = {
  unexplained: NONE,
  missing: NONE,
  amount_differs: NONE,
  status_differs: NONE,
  duplicate: NONE,
};
const side = (amountMinor: number, status = "CONFIRMED") => ({
  status,
  amountMinor,
  currency: "MXN",
});

describe("a clean book", () => {
  it("gives an empty report, kept and entered in the gateway's chain", async ({ expect }) => {
    const { id } = await charged(12.5, 7.25);
    const begun = await begin({ paymentMethodId: id.toUpperCase() });
    expect(begun.status).toBe(201);
    expect(begun.headers.get("location")).toBe(
      `/ledger/reconciliations/${String(begun.json["id"])}`,
    );
    expect(begun.json).toMatchObject({
      status: "done",
      begunBy: "request",
      scope: { paymentMethodId: id },
      progress: { done: 1, total: 1 },
      outcome: "equal",
      methods: { compared: 1, notCompared: 0 },
      differences: EQUAL,
      harmony: { payments: 2, confirmedMinor: 1975 },
      books: { payments: 2, confirmedMinor: 1975 },
      earlier: { payments: 0, confirmedMinor: 0 },
      rowCount: 0,
      rows: [],
      methodsNotCompared: [],
      rowsHash: await sha256("[]"),
    });
    const [entry, ...more] = await entriesAbout(begun.json["id"]);
    expect(more).toEqual([]);
    expect(entry).toMatchObject({
      outcome: "equal",
      caller: "main",
      keyId: "test_operator",
      effectMinor: 0,
      seq: (begun.json["entry"] as { seq: number }).seq,
      detail: { methods: { compared: 1 }, rowsHash: begun.json["rowsHash"] },
    });
    for (const key of ["cobro_test_auditor", "cobro_test_operator"]) {
      const read = await get(begun.headers.get("location") ?? "", key);
      expect([read.status, read.json]).toEqual([200, begun.json]);
    }
  });

  it("has what was at Harmony before the books began apart, as no difference", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    await foreignPayment(sandbox, { paymentMethodId: id, amount: 40 });
    await charge(id, newKey(), { amount: 10 });
    expect(await reconciled(id)).toMatchObject({
      outcome: "equal",
      differences: EQUAL,
      harmony: { payments: 2, confirmedMinor: 5000 },
      books: { payments: 1, confirmedMinor: 1000 },
      earlier: { payments: 1, confirmedMinor: 4000 },
    });
  });
});

describe("a book altered behind Cobro's back", () => {
  it("by a payment that no entry explains is reported", async ({ expect }) => {
    const { id } = await charged(10);
    const foreign = await foreignPayment(sandbox, { paymentMethodId: id, amount: 33.5 });
    const report = await reconciled(id);
    expect(report).toMatchObject({
      outcome: "differs",
      differences: { ...EQUAL, unexplained: { count: 1, booksMinor: 0, harmonyMinor: 3350 } },
      rowCount: 1,
      rows: [
        {
          kind: "unexplained",
          paymentMethodId: id,
          paymentId: foreign.id,
          chargeId: null,
          books: null,
          harmony: side(3350),
        },
      ],
    });
    expect(report["rowsHash"]).toBe(await sha256(JSON.stringify(report["rows"])));
    // What the look saw was handed to the books as well, and stays reported until it is explained.
    await vi.waitFor(async () => {
      const { json } = await get(`/ledger/entries?paymentId=${foreign.id}`);
      expect(json["entries"]).toMatchObject([{ type: "payment_unattributed" }]);
    });
    expect(await reconciled(id)).toMatchObject({ outcome: "differs", rowCount: 1 });
  });

  it("by taking a payment of ours away is reported", async ({ expect }) => {
    const { id, payments } = await charged(10, 20);
    await deletePayment(sandbox, payments[1] ?? "");
    expect(await reconciled(id)).toMatchObject({
      outcome: "differs",
      differences: { ...EQUAL, missing: { count: 1, booksMinor: 2000, harmonyMinor: 0 } },
      methods: { compared: 1 },
      rows: [
        {
          kind: "missing",
          paymentId: payments[1],
          chargeId: expect.any(String) as string,
          books: side(2000),
          harmony: null,
        },
      ],
    });
  });

  it("by another amount is reported, and contradicts the books without editing them", async ({
    expect,
  }) => {
    const { id, payments } = await charged(10, 20);
    await patchPayment(sandbox, payments[0] ?? "", { amount: 9 });
    const differs = {
      outcome: "differs",
      differences: { ...EQUAL, amount_differs: { count: 1, booksMinor: 1000, harmonyMinor: 900 } },
      rows: [
        {
          kind: "amount_differs",
          paymentId: payments[0],
          books: side(1000),
          harmony: side(900),
          learned: false,
        },
      ],
    };
    expect(await reconciled(id)).toMatchObject(differs);
    expect(await reconciled(id)).toMatchObject(differs);
    await vi.waitFor(async () => {
      const { json } = await get(`/ledger/entries?paymentMethodId=${id}&type=contradiction_found`);
      expect(json["entries"]).toMatchObject([{ paymentId: payments[0] }]);
    });
  });

  it("by a status that may follow is reported, and then learnt", async ({ expect }) => {
    const { id, payments } = await charged(10, 20);
    await patchPayment(sandbox, payments[0] ?? "", { status: "REFUNDED" });
    expect(await reconciled(id)).toMatchObject({
      outcome: "differs",
      differences: { ...EQUAL, status_differs: { count: 1, booksMinor: 1000, harmonyMinor: 1000 } },
      rows: [
        {
          kind: "status_differs",
          paymentId: payments[0],
          books: side(1000),
          harmony: side(1000, "REFUNDED"),
          learned: true,
        },
      ],
    });
    expect(await reconciled(id)).toMatchObject({
      outcome: "equal",
      books: { payments: 2, confirmedMinor: 2000 },
    });
    await vi.waitFor(async () => {
      const { json } = await get(`/ledger/entries?paymentMethodId=${id}&type=status_changed`);
      expect(json["entries"]).toMatchObject([{ effectMinor: -1000 }]);
    });
  });

  it("by a status that cannot follow is reported each time", async ({ expect }) => {
    const { id, payments } = await charged(10);
    await patchPayment(sandbox, payments[0] ?? "", { status: "PENDING" });
    for (const _ of [1, 2]) {
      expect(await reconciled(id)).toMatchObject({
        differences: { ...EQUAL, status_differs: { count: 1 } },
        rows: [{ kind: "status_differs", harmony: side(1000, "PENDING"), learned: false }],
      });
    }
  });

  it("by a second payment that fits a charge is reported as its duplicate", async ({ expect }) => {
    const { id, payments } = await charged(10, 20, 20);
    const twin = await foreignPayment(sandbox, { paymentMethodId: id, amount: 10 });
    const twins = { count: 1, booksMinor: 0, harmonyMinor: 1000 };
    expect(await reconciled(id)).toMatchObject({
      outcome: "differs",
      // No entry explains it either.
      differences: { ...EQUAL, unexplained: twins, duplicate: twins },
      rows: [
        { kind: "unexplained", paymentId: twin.id },
        {
          kind: "duplicate",
          paymentId: twin.id,
          chargeId: expect.any(String) as string,
          besidePaymentId: payments[0],
          harmony: side(1000),
        },
      ],
    });
  });

  it("in every way at once is reported in every way", async ({ expect }) => {
    const { id, payments } = await charged(10, 20, 30, 40);
    await foreignPayment(sandbox, { paymentMethodId: id, amount: 10 });
    await foreignPayment(sandbox, { paymentMethodId: id, amount: 99 });
    await deletePayment(sandbox, payments[1] ?? "");
    await patchPayment(sandbox, payments[2] ?? "", { amount: 31 });
    await patchPayment(sandbox, payments[3] ?? "", { status: "CANCELLED" });
    expect(await reconciled(id)).toMatchObject({
      differences: {
        unexplained: { count: 2, harmonyMinor: 10_900 },
        missing: { count: 1, booksMinor: 2000 },
        amount_differs: { count: 1, booksMinor: 3000, harmonyMinor: 3100 },
        status_differs: { count: 1, booksMinor: 4000 },
        duplicate: { count: 1, harmonyMinor: 1000 },
      },
      rowCount: 6,
    });
  });
});

describe("a run over several methods", () => {
  it("covers the methods with entries of that time, and no other", async ({ expect }) => {
    const before = await charged(1);
    await new Promise((wake) => setTimeout(wake, 5));
    const from = new Date().toISOString();
    const inside = [await charged(2), await charged(3)];
    // The entries are delivered after the answer.
    await vi.waitFor(async () => {
      const { json } = await get(`/ledger/entries?type=attempt_answered&occurredFrom=${from}`);
      expect(json["entries"]).toHaveLength(2);
    });
    const to = new Date(Date.now() + 1000).toISOString();
    await foreignPayment(sandbox, { paymentMethodId: before.id, amount: 5 });
    const foreign = await foreignPayment(sandbox, {
      paymentMethodId: inside[1]?.id ?? "",
      amount: 5,
    });
    const { status, json } = await begin({ from, to });
    expect(status).toBe(201);
    expect(json).toMatchObject({
      scope: { from, to },
      progress: { done: 2, total: 2 },
      harmony: { payments: 3, confirmedMinor: 1000 },
      rows: [{ paymentMethodId: inside[1]?.id, paymentId: foreign.id }],
    });
    const none = await begin({ from: "2001-01-01T00:00:00Z", to: "2001-01-02T00:00:00+01:00" });
    expect(none.json).toMatchObject({ outcome: "equal", progress: { done: 0, total: 0 } });
  });

  it("says which method was not compared, and why, and goes on", async ({ expect }) => {
    const from = new Date().toISOString();
    const broken = await charged(2);
    const sound = await charged(3);
    await setScenario(sandbox, broken.id, {
      looks: [{ kind: "error", status: 500 }],
    });
    await vi.waitFor(async () => {
      const { json } = await get(`/ledger/entries?type=attempt_answered&occurredFrom=${from}`);
      expect(json["entries"]).toHaveLength(2);
    });
    const to = new Date(Date.now() + 1000).toISOString();
    const { status, json } = await begin({ from, to });
    expect(status).toBe(201);
    expect(json).toMatchObject({
      outcome: "incomplete",
      methods: { compared: 1, notCompared: 1 },
      harmony: { payments: 1, confirmedMinor: 300 },
      methodsNotCompared: [{ paymentMethodId: broken.id, reason: "status_500" }],
    });
    expect(await reconciled(broken.id)).toMatchObject({ outcome: "equal" });
    expect(sound.payments).toHaveLength(1);
  });

  it("that was cut off between two steps goes on from there, once", async ({ expect }) => {
    const from = new Date().toISOString();
    const methods = [await charged(2), await charged(3), await charged(4)];
    await vi.waitFor(async () => {
      const { json } = await get(`/ledger/entries?type=attempt_answered&occurredFrom=${from}`);
      expect(json["entries"]).toHaveLength(3);
    });
    const to = new Date(Date.now() + 1000).toISOString();
    // The isolate dies with one method settled and the others claimed: nothing is written any more.
    let settled = 0;
    const withSession = db.withSession.bind(db);
    const dying = vi.spyOn(db, "withSession").mockImplementation((...given) => {
      const session = withSession(...given);
      return Object.assign(Object.create(session) as typeof session, {
        prepare: (sql: string) => {
          if (sql.includes("UPDATE reconciliation_method SET status") && ++settled > 1) {
            throw new Error("the isolate is gone");
          }
          return session.prepare(sql);
        },
      });
    });
    const begun = await begin({ from, to });
    dying.mockRestore();
    const path = begun.headers.get("location") ?? "";
    expect(begun.status).toBe(202);
    expect(begun.headers.get("retry-after")).not.toBeNull();
    expect((await get(path)).json).toMatchObject({
      status: "running",
      endedAt: null,
      outcome: null,
      entry: null,
      progress: { done: 1, total: 3 },
    });
    // While the claims hold nobody else takes the methods; then any step does.
    await minute();
    expect((await get(path)).json).toMatchObject({ progress: { done: 1, total: 3 } });
    await db.prepare("UPDATE reconciliation_method SET claimed_until = 1").run();
    await minute();
    const done = (await get(path)).json;
    expect(done).toMatchObject({
      status: "done",
      outcome: "equal",
      progress: { done: 3, total: 3 },
      harmony: { payments: 3, confirmedMinor: 900 },
    });
    await minute();
    expect(await entriesAbout(done["id"])).toHaveLength(1);
    expect(methods).toHaveLength(3);
  });

  it("is entered once, though the end of the run was not written", async ({ expect }) => {
    const { id } = await charged(2);
    const withSession = db.withSession.bind(db);
    const dying = vi.spyOn(db, "withSession").mockImplementation((...given) => {
      const session = withSession(...given);
      return Object.assign(Object.create(session) as typeof session, {
        prepare: (sql: string) => {
          if (sql.includes("SET status = 'done'")) {
            throw new Error("the isolate is gone");
          }
          return session.prepare(sql);
        },
      });
    });
    const begun = await begin({ paymentMethodId: id });
    dying.mockRestore();
    expect(begun.status).toBe(202);
    expect(begun.json).toMatchObject({ status: "running", outcome: "equal" });
    await abortAllDurableObjects();
    await minute();
    const done = (await get(begun.headers.get("location") ?? "")).json;
    expect(done).toMatchObject({ status: "done", endedAt: begun.json["endedAt"] });
    expect(await entriesAbout(done["id"])).toHaveLength(1);
    const left = await db.prepare("SELECT count(*) AS n FROM reconciliation_method").first("n");
    expect(left).toBe(0);
  });

  it("driven by several at once looks at each method once", async ({ expect }) => {
    const from = new Date().toISOString();
    const methods = await Promise.all(Array.from({ length: 24 }, async () => charged(2)));
    await vi.waitFor(async () => {
      const { json } = await get(
        `/ledger/entries?type=attempt_answered&limit=500&occurredFrom=${from}`,
      );
      expect(json["entries"]).toHaveLength(24);
    });
    const looksAt = async (id: string) => (await book(sandbox, id)).requests.look;
    const before = await Promise.all(methods.map(async ({ id }) => looksAt(id)));
    const to = new Date(Date.now() + 1000).toISOString();
    const begun = begin({ from, to });
    await vi.waitFor(async () => {
      const begunAt = await db
        .prepare("SELECT 1 AS one FROM reconciliation WHERE from_at = ?")
        .bind(from)
        .first("one");
      expect(begunAt).toBe(1);
    });
    await Promise.all([minute(), minute(), minute()]);
    const path = (await begun).headers.get("location") ?? "";
    const report = await vi.waitFor(async () => {
      const { json } = await get(path);
      expect(json).toMatchObject({ status: "done" });
      return json;
    });
    expect(report).toMatchObject({ methods: { compared: 24, notCompared: 0 } });
    const after = await Promise.all(methods.map(async ({ id }) => looksAt(id)));
    expect(after.map((looks, index) => looks - (before[index] ?? 0))).toEqual(
      Array.from({ length: 24 }, () => 1),
    );
    expect(await entriesAbout(report["id"])).toHaveLength(1);
  });

  it("gives a method up that ends every driver", async ({ expect }) => {
    const { id } = await charged(2);
    const getByName = env.PAYMENT_METHODS.getByName.bind(env.PAYMENT_METHODS);
    vi.spyOn(env.PAYMENT_METHODS, "getByName").mockImplementation((name, ...rest) => {
      if (name === id) {
        throw Object.assign(new Error("broken"), { remote: true });
      }
      return getByName(name, ...rest);
    });
    const begun = await begin({ paymentMethodId: id });
    expect(begun.status).toBe(202);
    for (const _ of [2, 3, 4]) {
      await db.prepare("UPDATE reconciliation_method SET claimed_until = 1").run();
      await minute();
    }
    const { json } = await get(begun.headers.get("location") ?? "");
    expect(json).toMatchObject({
      status: "done",
      outcome: "incomplete",
      methodsNotCompared: [{ paymentMethodId: id, reason: "object_failed" }],
    });
  });
});

describe("a request", () => {
  it("to begin a run needs `operate`, since a run asks Harmony; to read one, `audit` too", async ({
    expect,
  }) => {
    const id = crypto.randomUUID();
    for (const key of ["cobro_test_auditor", "cobro_test_storefront", "cobro_test_manager"]) {
      expect((await begin({ paymentMethodId: id }, key)).status).toBe(403);
    }
    expect((await get(`/ledger/reconciliations/${id}`, "cobro_test_storefront")).status).toBe(403);
    expect((await get(`/ledger/reconciliations/${id}`, "cobro_test_auditor")).status).toBe(404);
    expect((await get("/ledger/reconciliations/x")).status).toBe(404);
  });

  it.for<[unknown, string]>([
    ["not json", ""],
    [[], ""],
    [{}, ""],
    [{ paymentMethodId: "x" }, "/paymentMethodId"],
    [{ paymentMethodId: NIL }, "/paymentMethodId"],
    [{ from: "2026-01-01T00:00:00Z" }, ""],
    [{ from: "yesterday", to: "2026-01-01T00:00:00Z" }, "/from"],
    [{ from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z" }, "/to"],
    [{ from: "2026-01-01T00:00:00Z", to: "2026-01-01T00:00:00Z" }, "/to"],
    [{ paymentMethodId: crypto.randomUUID(), from: "2026-01-01T00:00:00Z" }, ""],
    [{ paymentMethodId: crypto.randomUUID(), all: true }, "/all"],
  ])("that is not one is refused: %j", async ([body, pointer], { expect }) => {
    const answer = await begin(body);
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ code: "invalid_request", errors: [{ pointer }] });
  });

  it("is told that the ledger cannot be asked", async ({ expect }) => {
    await begin({ paymentMethodId: "warm" });
    vi.spyOn(db, "withSession").mockImplementation(() => {
      throw new Error("Network connection lost.");
    });
    const answer = await begin({ paymentMethodId: crypto.randomUUID() });
    expect(answer.json).toMatchObject({ status: 503, code: "ledger_unavailable" });
    const read = await get(`/ledger/reconciliations/${crypto.randomUUID()}`);
    expect(read.json).toMatchObject({ status: 503, code: "ledger_unavailable" });
  });
});
