/**
 * The ledger as an auditor sees it over HTTP, and a check of its chain that shares no code with
 * the gateway's: whoever can read contract.md can write it.
 */
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import type { Runtime } from "./runtime.ts";

export type LedgerEntry = Readonly<Record<string, unknown>> & {
  readonly seq: number;
  readonly type: string;
  readonly outcome: string | null;
  readonly paymentId: string | null;
};

/** All entries of one payment method in the order of arrival; null while they cannot be read. */
export async function ledgerOf(
  runtime: Runtime,
  paymentMethodId: string,
): Promise<LedgerEntry[] | null> {
  const query = `paymentMethodId=${paymentMethodId}&order=asc&limit=500`;
  const answer = await runtime.send(`/ledger/entries?${query}`, { key: "cobro_test_auditor" });
  if (answer.status !== 200) {
    return null;
  }
  if (answer.json["nextCursor"] !== null) {
    throw new Error("more entries than a test should have");
  }
  return answer.json["entries"] as LedgerEntry[];
}

/** What is wrong with a chain, by line; empty where every number, link and hash is right. */
export function chainProblems(entries: readonly LedgerEntry[]): string[] {
  const problems: string[] = [];
  let prevHash: unknown = "0".repeat(64);
  for (const [index, entry] of entries.entries()) {
    const { hash, position: _position, recordedAt: _recordedAt, ...content } = entry;
    if (entry.seq !== index + 1) {
      problems.push(`seq ${entry.seq} stands at place ${index + 1}`);
    }
    if (entry["prevHash"] !== prevHash) {
      problems.push(`seq ${entry.seq} does not link to the one before`);
    }
    if (createHash("sha256").update(canonical(content)).digest("hex") !== hash) {
      problems.push(`seq ${entry.seq} is not what was hashed`);
    }
    prevHash = hash;
  }
  return problems;
}

/** RFC 8785 for what entries hold: text, safe integers, booleans, null, lists and objects. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(canonical).join(",")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`);
    return `{${members.join(",")}}`;
  }
  return JSON.stringify(value);
}

/** How many entries of a payment method D1's file holds; the runtime may be working on it. */
export function countEntries(ledgerFile: string, paymentMethodId: string): number {
  const sql = "SELECT count(*) AS value FROM entry WHERE payment_method_id = ?";
  return valueIn(ledgerFile, sql, paymentMethodId);
}

/** Up to which entry an object's file says that all is delivered. Only while the runtime is dead. */
export function deliveredMark(objectFile: string): number {
  return valueIn(objectFile, "SELECT delivered_seq AS value FROM method");
}

/** An object's own journal, in order. Only while the runtime is dead. */
export function journalIn(objectFile: string): LedgerEntry[] {
  const db = new DatabaseSync(objectFile);
  try {
    return db
      .prepare("SELECT body FROM entry ORDER BY seq")
      .all()
      .map((row) => JSON.parse(String(row["body"])) as LedgerEntry);
  } finally {
    db.close();
  }
}

function valueIn(file: string, sql: string, ...bindings: string[]): number {
  // A writer must find nothing of us: neither a lock nor a checkpoint at our end.
  const db = new DatabaseSync(file, { readOnly: true, timeout: 1000 });
  try {
    return Number(db.prepare(sql).get(...bindings)?.["value"]);
  } finally {
    db.close();
  }
}

/** Takes the write lock of a state file, so that whoever writes to it fails; gives the release. */
export function lockFile(file: string): () => void {
  const db = new DatabaseSync(file, { timeout: 1000 });
  db.exec("BEGIN IMMEDIATE");
  return () => {
    if (db.isOpen) {
      db.exec("ROLLBACK");
      db.close();
    }
  };
}
