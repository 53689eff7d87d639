/** The promises of the tables of runs on the real D1: who has a method, and what of it is kept. */
import { env } from "cloudflare:workers";
import { describe, it } from "vitest";
import { figuresOf, notComparedOf, rowsOf } from "../../src/ledger/reconciliation-figures.ts";
import {
  beginRun,
  claimMethods,
  endRun,
  keepReport,
  listMethods,
  readRun,
  releaseMethod,
  settleMethod,
} from "../../src/ledger/reconciliations.ts";
import { TIMEOUT_MS } from "./ledger-support.ts";

const db = env.LEDGER;

describe("what a driver keeps", () => {
  it("is the first word on a method, and a report only of settled ones", async ({ expect }) => {
    const id = crypto.randomUUID();
    const [one, two] = [crypto.randomUUID(), crypto.randomUUID()];
    const scope = { paymentMethodId: one };
    const begun = await beginRun(db, { id, scope, actor: "{}", startedAtMs: 1 }, TIMEOUT_MS);
    if (begun.type !== "ok" || begun.value === null) {
      throw new Error("not begun");
    }
    await listMethods(db, begun.value, TIMEOUT_MS);
    // The same step again, by a driver that read the run before.
    await listMethods(db, begun.value, TIMEOUT_MS);
    await db
      .prepare(
        "INSERT INTO reconciliation_method (reconciliation_id, payment_method_id) VALUES (?, ?)",
      )
      .bind(id, two)
      .run();
    const claim = async (nowMs: number) =>
      claimMethods(db, { id, nowMs, untilMs: nowMs + 100, limit: 1 }, TIMEOUT_MS);
    const taken = [await claim(1000), await claim(1000)].flatMap((claimed) =>
      claimed.type === "ok" ? claimed.value : [],
    );
    expect(taken.map(({ paymentMethodId }) => paymentMethodId).sort()).toEqual([one, two].sort());
    expect(await claim(1099)).toEqual({ type: "ok", value: [] });
    expect(await claim(1100)).toMatchObject({ value: [{ tries: 2 }] });
    const settle = async (paymentMethodId: string, reason: string) =>
      settleMethod(db, { id, paymentMethodId }, { status: "not_compared", reason }, TIMEOUT_MS);
    await settle(one, "first");
    await settle(one, "second");
    await releaseMethod(db, { id, paymentMethodId: one }, TIMEOUT_MS);
    expect(await notComparedOf(db, id, TIMEOUT_MS)).toMatchObject({
      value: [{ paymentMethodId: one, reason: "first" }],
    });
    const statusOf = async () => {
      const run = await readRun(db, id, TIMEOUT_MS);
      return run.type === "ok" ? [run.value?.status, run.value?.report] : run;
    };
    await keepReport(db, id, "early", TIMEOUT_MS);
    expect(await statusOf()).toEqual(["comparing", null]);
    await endRun(db, id, 7, TIMEOUT_MS);
    expect(await figuresOf(db, id, TIMEOUT_MS)).toMatchObject({
      value: { progress: { done: 1, total: 2 } },
    });
    await settle(two, "third");
    await keepReport(db, id, "first", TIMEOUT_MS);
    await keepReport(db, id, "second", TIMEOUT_MS);
    expect(await statusOf()).toEqual(["recording", "first"]);
    await db.prepare("DELETE FROM reconciliation WHERE reconciliation_id = ?").bind(id).run();
  });
});

describe("the rows of a report", () => {
  it("are the first thousand by payment method, and all are counted", async ({ expect }) => {
    const id = crypto.randomUUID();
    const methods = ["b", "a"].map((letter) => crypto.randomUUID().replace(/^./, letter));
    for (const paymentMethodId of methods) {
      const rows = Array.from({ length: 600 }, (_, index) => ({
        kind: "unexplained",
        paymentId: `payment-${index}`,
      }));
      const differences = { unexplained: { count: 601, booksMinor: 0, harmonyMinor: 6e15 } };
      await db
        .prepare(
          `INSERT INTO reconciliation_method
             (reconciliation_id, payment_method_id, status, result) VALUES (?, ?, 'compared', ?)`,
        )
        .bind(id, paymentMethodId, JSON.stringify({ differences, rows }))
        .run();
    }
    const [second, first] = methods;
    const found = await rowsOf(db, id, TIMEOUT_MS);
    const rows = found.type === "ok" ? found.value : [];
    expect(rows).toHaveLength(1000);
    expect(rows.map(({ paymentMethodId, paymentId }) => `${paymentMethodId} ${paymentId}`)).toEqual(
      Array.from({ length: 1000 }, (_, index) =>
        index < 600 ? `${first} payment-${index}` : `${second} payment-${index - 600}`,
      ),
    );
    const sums = await figuresOf(db, id, TIMEOUT_MS);
    expect(sums).toMatchObject({
      value: {
        progress: { done: 2, total: 2 },
        figures: {
          rowCount: 1202,
          // What nobody has, added up, is still a number that an entry may hold.
          differences: { unexplained: { harmonyMinor: Number.MAX_SAFE_INTEGER } },
        },
      },
    });
    await db.prepare("DELETE FROM reconciliation_method").run();
  });
});
