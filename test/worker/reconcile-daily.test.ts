/**
 * The promises of the daily run, in a file of its own since it covers the whole ledger: it begins
 * once a day, over the methods that were active since the last.
 */
import { env } from "cloudflare:workers";
import { afterEach, describe, inject, it, vi } from "vitest";
import { createMethod, setScenario } from "../support/sandbox.ts";
import { charged, entriesAbout, minute } from "./reconcile-support.ts";
import { charge, get, newKey, seedKeys } from "./support.ts";

const db = env.LEDGER;
const sandbox = inject("sandboxUrl");
await seedKeys();

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the daily run", () => {
  const daily = async () => {
    const { results } = await db
      .prepare("SELECT * FROM reconciliation WHERE begun_by = 'daily' ORDER BY started_at")
      .all();
    return results;
  };

  const delivered = async (id: string) =>
    vi.waitFor(async () => {
      const { json } = await get(`/ledger/entries?paymentMethodId=${id}&type=attempt_answered`);
      if ((json["entries"] as unknown[]).length === 0) {
        throw new Error("not delivered yet");
      }
    });

  it("covers what was active since the last, a day apart, and not its own looks", async ({
    expect,
  }) => {
    await delivered((await charged(2)).id);
    await minute();
    // The books are younger than a day.
    expect(await daily()).toEqual([]);
    const DAY_MS = 86_400_000;
    const now = Date.now.bind(Date);
    vi.spyOn(Date, "now").mockImplementation(() => now() + DAY_MS);
    await minute();
    await minute();
    const [first, ...more] = await daily();
    expect(more).toEqual([]);
    expect(first).toMatchObject({ status: "done", from_position: 0 });
    const read = await get(`/ledger/reconciliations/${String(first?.["reconciliation_id"])}`);
    expect(read.json).toMatchObject({ begunBy: "daily", scope: { afterPosition: 0 } });
    await entriesAbout(read.json["id"]);
    vi.spyOn(Date, "now").mockImplementation(() => now() + 2 * DAY_MS + 60_000);
    await db.prepare("DELETE FROM method").run();
    await minute();
    expect(await daily()).toHaveLength(1);
    await delivered((await charged(3)).id);
    await minute();
    const [, second] = await daily();
    const next = await get(`/ledger/reconciliations/${String(second?.["reconciliation_id"])}`);
    expect(next.json).toMatchObject({
      status: "done",
      progress: { done: 1, total: 1 },
      harmony: { payments: 1, confirmedMinor: 300 },
    });
    // The same day: what is active now is the next day's.
    await delivered((await charged(4)).id);
    await minute();
    expect(await daily()).toHaveLength(2);
    vi.spyOn(Date, "now").mockImplementation(() => now());
    await db.prepare("DELETE FROM reconciliation").run();
  });

  it("covers a card whose attempt had no answer for ninety days, and no longer", async ({
    expect,
  }) => {
    const id = await createMethod(sandbox);
    await setScenario(sandbox, id, { charges: ["lose_before_charging"] });
    expect((await charge(id, newKey(), { amount: 12 })).status).toBe(202);
    await delivered(id);
    const now = Date.now.bind(Date);
    const dayLater = async (days: number) => {
      vi.spyOn(Date, "now").mockImplementation(() => now() + days * 86_400_000);
      await db.prepare("DELETE FROM method").run();
      const before = (await daily()).length;
      await minute();
      await minute();
      const runs = await daily();
      const run = String(runs.at(-1)?.["reconciliation_id"]);
      const { json } = await get(`/ledger/reconciliations/${run}`);
      return runs.length > before ? (json["progress"] as { total: number }).total : 0;
    };
    expect(await dayLater(1.1)).toBeGreaterThan(1);
    // Nothing else has happened since.
    expect(await dayLater(40)).toBe(1);
    expect(await dayLater(89)).toBe(1);
    expect(await dayLater(92)).toBe(0);
  });
});
