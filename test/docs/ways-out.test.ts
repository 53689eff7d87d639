/**
 * docs/states.md says when each state comes into the list of what is open, who is told and what ends it:
 * the list is asked with the ledger's own SQL, the decisions with their own rules.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "vitest";
import { listOpen } from "../../src/audit/open.ts";
import type { Charge } from "../../src/domain/charge.ts";
import type { Noted } from "../../src/domain/draft.ts";
import type { Fact } from "../../src/domain/facts.ts";
import { REFUND_STATES, type RefundState } from "../../src/domain/refund.ts";
import { foreclosedRefund } from "../../src/domain/refund-doubt.ts";
import { entryOf } from "../../src/domain/render.ts";
import { foreclosed } from "../../src/domain/resolve.ts";
import { appendEntries } from "../../src/ledger/append.ts";
import { sealEntry } from "../../src/ledger/chain.ts";
import { claimOverdue, reportMethod } from "../../src/ledger/methods.ts";
import { FIRST_PREV_HASH } from "../../src/domain/entries.ts";
import { ALERTS, NOBODY } from "../../src/payment-method/books.ts";
import { chargeOf, recordOf, T0 } from "../domain/builders.ts";
import { NodeLedger } from "../support/node-ledger.ts";
import { examplesOf, type Situation, SITUATIONS } from "./charge-situations.ts";
import { refundsIn } from "./refund-situations.ts";
import { differences, readDocument, tableUnder } from "./tables.ts";

const METHOD_ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const TABLE = tableUnder(readDocument("states.md"), "Ways out");
const MINUTE_MS = 60_000;
const TIMES = [
  [MINUTE_MS, "at once"],
  [2.5 * MINUTE_MS, "after 2 min"],
  [4 * MINUTE_MS, "after 3 min"],
  [8 * 24 * 60 * MINUTE_MS, "after 7 days"],
] as const;

/** What of a method is listed, and when first, from its facts alone. */
async function listed(
  noted: readonly Omit<Noted, "seq" | "effectMinor">[],
  prepare: (ledger: NodeLedger) => Promise<unknown> = async () => null,
): Promise<string> {
  const ledger = new NodeLedger();
  let prevHash = FIRST_PREV_HASH;
  const entries = noted.map((one, index) => {
    const iso = (ms: number) => new Date(ms).toISOString();
    const content = entryOf({ ...one, seq: 1, effectMinor: 0 }, METHOD_ID, NOBODY, iso(T0), iso);
    const { entry } = sealEntry(content, index + 1, prevHash);
    prevHash = entry.hash;
    return entry;
  });
  const appended = await appendEntries(ledger, entries, 1000);
  if (appended.type !== "appended") {
    throw new Error(JSON.stringify(appended));
  }
  await prepare(ledger);
  const first = new Map<string, string>();
  for (const [afterMs, words] of TIMES) {
    const list = await listOpen(ledger, new URL("https://cobro.test/ledger/open"), T0 + afterMs);
    for (const { kind } of list.type === "ok" ? list.body.open : []) {
      first.set(String(kind), first.get(String(kind)) ?? words);
    }
  }
  return [...first].map(([kind, words]) => `${words} (${kind})`).join(", ") || "–";
}

/** An entry that leaves a charge as it is, and says what that is. */
function ofCharge(charge: Charge): Omit<Noted, "seq" | "effectMinor">[] {
  const { chargeId } = charge;
  const about = { atMs: T0, chargeId };
  const contested = charge.contested.map((id): Fact => {
    const payment = recordOf({ id });
    return { ...about, type: "payment_contested", payment, reason: "a_reason" };
  });
  const facts: Fact[] = [{ ...about, type: "name_dropped", paymentId: "payment-9" }, ...contested];
  return facts.map((fact) => ({ fact, charge, refund: null }));
}

async function either(cells: readonly Promise<string>[]): Promise<string> {
  return [...new Set(await Promise.all(cells))].join(" or ");
}

const UNREADABLE: Fact = {
  type: "history_unreadable",
  atMs: T0,
  chargeId: null,
  sinceMs: T0,
  why: "status_500",
  httpStatus: 500,
};

/** The states of a payment and of a method, and what of them is on the books. */
const OTHERS: Readonly<Record<string, () => Promise<string>>> = {
  "payment contested": async () =>
    listed(ofCharge(chargeOf({ state: "approved", contested: ["payment-4"] }))),
  "payment foreign": async () => {
    const payment = recordOf({ unattributed: true });
    const fact: Fact = {
      type: "payment_unattributed",
      atMs: T0,
      chargeId: null,
      payment,
      decisionSeq: null,
    };
    return listed([{ fact, charge: null, refund: null }]);
  },
  "method frozen": async () => listed(ofCharge(chargeOf())),
  "method unreadable": async () => listed([{ fact: UNREADABLE, charge: null, refund: null }]),
  "method halted": async () =>
    listed([], async (ledger) => report(ledger, "the ledger refused it")),
  "method overdue": async () =>
    listed([], async (ledger) => {
      await report(ledger, null);
      await claimOverdue(ledger, T0 + 1, 100, 1000);
    }),
};

async function report(ledger: NodeLedger, halted: string | null): Promise<void> {
  const stored = { paymentMethodId: METHOD_ID, wakeAtMs: halted === null ? T0 : null, nowMs: T0 };
  await reportMethod(ledger, { ...stored, halted }, 1000);
}

const ROWS = [
  ...SITUATIONS.map((situation) => `charge ${situation}`),
  ...REFUND_STATES.map((state) => `refund ${state}`),
  ...Object.keys(OTHERS),
];

/** When it is listed, by the SQL of the ledger. */
async function openOf(row: string): Promise<string> {
  const [of, state = ""] = row.split(" ");
  const other = OTHERS[row];
  if (other !== undefined) {
    return other();
  }
  return either(
    of === "charge"
      ? examplesOf(state as Situation).map(async (charge) => listed(ofCharge(charge)))
      : refundsIn(state as RefundState).map(async (refund) => {
          const { refundId } = refund;
          const about = { atMs: T0, refundId, chargeId: null };
          const fact: Fact = { ...about, type: "refund_escalated", attempt: 1, reason: "a_reason" };
          return listed([{ fact, charge: null, refund }]);
        }),
  );
}

/** The decisions that are heard at all in a state. */
function decisionsOf(row: string): string {
  const [of, state = ""] = row.split(" ");
  const reason = "a reason";
  const heard =
    of === "charge"
      ? examplesOf(state as Situation).map((charge) => {
          const charged = { decision: "charged", paymentId: "payment-77", reason } as const;
          const notCharged = { decision: "not_charged", override: true, reason } as const;
          const isHeard = [charged, notCharged].every((one) => foreclosed(charge, one) === null);
          return isHeard ? "charged, not_charged" : "–";
        })
      : refundsIn(state as RefundState).map((refund) => {
          const decisions = ["refunded", "not_refunded"] as const;
          const isHeard = decisions.every(
            (decision) => foreclosedRefund(refund, { decision, override: true, reason }) === null,
          );
          return isHeard ? "refunded, not_refunded" : "–";
        });
  return [...new Set(heard)].sort().toReversed().join(" or ");
}

/** The events of alerts and warnings that the code logs. */
function logged(): Set<string> {
  const root = new URL("../../src/", import.meta.url);
  const names = readdirSync(root, { recursive: true, encoding: "utf8" });
  const text = names
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(new URL(name, root), "utf8"))
    .join("\n");
  const events = [...text.matchAll(/"(?:alert|warn)",\s*"(?<event>[a-z_]+)"/gu)];
  return new Set([...ALERTS, ...events.map(({ groups }) => groups?.["event"] ?? "")]);
}

describe("docs/states.md, the ways out", () => {
  it("says of every state when it is listed as open, and by which decisions it ends", async ({
    expect,
  }) => {
    const open = new Map<string, string>();
    for (const row of ROWS) {
      open.set(row, await openOf(row));
    }
    const real = (row: string, column: string): string => {
      if (column === "listed as open") {
        return open.get(row) ?? "";
      }
      return row in OTHERS ? (TABLE.rows.get(row)?.get(column) ?? "") : decisionsOf(row);
    };
    const wanted = {
      rows: ROWS,
      columns: ["listed as open", "decisions"],
      words: ["told", "ends by"],
    };
    expect(differences(TABLE, wanted, real)).toEqual([]);
  });

  it("names alerts that there are, and one wherever something is listed at once", ({ expect }) => {
    const known = logged();
    for (const [row, cells] of TABLE.rows) {
      const told = cells.get("told") ?? "";
      const names = told.match(/[a-z]+(?:_[a-z]+)+/gu) ?? [];
      expect(
        names.filter((name) => !known.has(name)),
        row,
      ).toEqual([]);
      if (cells.get("listed as open")?.includes("at once") === true) {
        expect(names, row).not.toEqual([]);
      }
    }
  });
});
