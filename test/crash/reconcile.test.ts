/**
 * A run that holds the books against Harmony, killed by SIGKILL in the middle of a step and started
 * again on the same state: it goes on from where it was, and is entered once.
 */
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, it } from "vitest";
import { foreignPayment, setScenario } from "../support/sandbox.ts";
import { eventually, removeRuntimes, type Runtime, until } from "../support/runtime.ts";
import { gatewayOnSandbox, methodWith } from "./support.ts";

const startOnSandbox = gatewayOnSandbox();
afterEach(removeRuntimes);

const METHODS = 14;
const OPERATOR = "cobro_test_operator";
const NIL = "00000000-0000-0000-0000-000000000000";

/** The cron's minute. */
async function minute({ url }: Runtime): Promise<void> {
  const { status } = await fetch(`${url}/cdn-cgi/local/scheduled`);
  expect(status).toBe(200);
}

/** What the clock would do: the claims of the step that was killed run out. */
function endClaims(runtime: Runtime): void {
  const db = new DatabaseSync(runtime.ledgerFile());
  db.exec("UPDATE reconciliation_method SET claimed_until = 0");
  db.close();
}

/** A look at this method never ends, once so often. */
async function hang(runtime: Runtime, id: string, times: number): Promise<void> {
  const looks = Array.from({ length: times }, () => "hang" as const);
  await setScenario(runtime.sandboxUrl, id, { looks });
}

describe("a run killed in the middle of a step", () => {
  it("goes on from there after the restart, and is entered once", async () => {
    const runtime = await startOnSandbox({ HARMONY_TIMEOUT_MS: "20000", HORIZON_SECONDS: "1" });
    const from = new Date().toISOString();
    const ids: string[] = [];
    for (let method = 0; method < METHODS; method += 1) {
      const id = await methodWith(runtime);
      expect((await runtime.charge(id, "once")).status).toBe(201);
      ids.push(id);
    }
    await until("the entries are in the ledger", async () => {
      const { json } = await runtime.send("/ledger/entries?type=attempt_answered&limit=500", {
        key: OPERATOR,
      });
      return (json["entries"] as unknown[]).length === METHODS;
    });
    const [altered = "", stuck = ""] = ids;
    await foreignPayment(runtime.sandboxUrl, { paymentMethodId: altered, amount: 3 });
    await hang(runtime, stuck, 1);
    const begun = await runtime.send("/ledger/reconciliations", {
      key: OPERATOR,
      method: "POST",
      headers: { "content-type": "application/json", prefer: "wait=1" },
      body: JSON.stringify({ from, to: new Date(Date.now() + 60_000).toISOString() }),
    });
    expect(begun.status).toBe(202);
    const path = String(begun.headers.get("location"));
    const read = async () => (await runtime.send(path, { key: OPERATOR })).json;
    await until("all others are compared", async () => {
      const { progress } = (await read()) as { progress: { done: number } };
      return progress.done === METHODS - 1;
    });

    await runtime.kill();
    endClaims(runtime);
    await runtime.start();
    expect(await read()).toMatchObject({
      status: "running",
      progress: { done: METHODS - 1, total: METHODS },
      entry: null,
    });
    await minute(runtime);
    const done = await eventually("the run is done", async () => {
      const report = await read();
      return report["status"] === "done" ? report : null;
    });
    expect(done).toMatchObject({
      outcome: "differs",
      progress: { done: METHODS, total: METHODS },
      methods: { compared: METHODS, notCompared: 0 },
      harmony: { payments: METHODS + 1 },
      books: { payments: METHODS },
      rows: [{ kind: "unexplained", paymentMethodId: altered }],
    });
    await minute(runtime);
    const entries = await eventually("its entry is in the ledger", async () => {
      const { json } = await runtime.send(`/ledger/entries?paymentMethodId=${NIL}`, {
        key: OPERATOR,
      });
      const found = json["entries"] as Record<string, unknown>[];
      return found.length === 0 ? null : found;
    });
    expect(entries).toMatchObject([
      { type: "reconciliation_recorded", detail: { reconciliationId: done["id"] } },
    ]);
  });
});
