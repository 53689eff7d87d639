/**
 * The ledger's database on `node:sqlite`, with the real migrations: a `LedgerDatabase` that can be
 * told to fail before it commits or after. Owns no expectation.
 */
import { readdirSync, readFileSync } from "node:fs";
import { DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite";
import type { Entry } from "../../src/domain/entries.ts";
import { columnOf, MEMBERS } from "../../src/ledger/columns.ts";
import type { LedgerDatabase, LedgerStatement } from "../../src/ledger/database.ts";

/** `before`: nothing happens. `after`: it is committed, and nobody hears of it. */
export type LedgerFailure = "before" | "after" | null;

const MIGRATIONS = new URL("../../migrations/", import.meta.url);

export class NodeLedger implements LedgerDatabase {
  /** Asked before each statement. */
  failure: () => LedgerFailure = () => null;
  #db = migrated();
  readonly #statements = new Map<string, StatementSync>();

  withSession(): this {
    return this;
  }

  prepare(sql: string): LedgerStatement {
    const statement = (values: readonly unknown[]): LedgerStatement => ({
      bind: (...bound) => statement(bound),
      all: async () => this.#run(sql, values as (string | number | null)[]),
    });
    return statement([]);
  }

  /** Every row of a chain in its order, as entries, with their positions. */
  entries(paymentMethodId: string): (Entry & { position: number })[] {
    const shown = MEMBERS.map((member) => `${columnOf(member)} AS ${member}`).join(", ");
    return this.#db
      .prepare(`SELECT ${shown}, position FROM entry WHERE payment_method_id = ? ORDER BY seq`)
      .all(paymentMethodId)
      .map((row) => {
        const detail =
          row["detail"] === null ? null : (JSON.parse(String(row["detail"])) as object);
        return { ...row, detail } as unknown as Entry & { position: number };
      });
  }

  /** The position of the newest row; 0 where there is none. */
  lastPosition(): number {
    return Number(
      this.#db.prepare("SELECT coalesce(max(position), 0) AS last FROM entry").get()?.["last"],
    );
  }

  /** What the registry holds of a method. */
  registered(paymentMethodId: string): { wakeAtMs: number | null } | null {
    const row = this.#db
      .prepare("SELECT wake_at FROM method WHERE payment_method_id = ?")
      .get(paymentMethodId);
    return row === undefined ? null : { wakeAtMs: row["wake_at"] as number | null };
  }

  /** What the ledger's database lists as open of a method: charge or refund, and its state. */
  openItems(paymentMethodId: string): ReadonlyMap<string, string> {
    const rows = this.#db
      .prepare("SELECT item_id, state FROM open_item WHERE payment_method_id = ?")
      .all(paymentMethodId);
    return new Map(rows.map((row) => [String(row["item_id"]), String(row["state"])]));
  }

  /** Falls back to an earlier time, as a restored database does: only the first rows are there. */
  fallBack(position: number): void {
    const rows = this.#db
      .prepare("SELECT * FROM entry WHERE position <= ? ORDER BY position")
      .all(position);
    const methods = this.#db.prepare("SELECT * FROM method").all();
    this.#db = migrated();
    this.#statements.clear();
    this.#insert("entry", rows);
    // Which methods there are was known long before.
    this.#insert("method", methods);
  }

  #insert(table: string, rows: readonly Record<string, SQLOutputValue>[]): void {
    for (const row of rows) {
      const columns = Object.keys(row);
      const places = columns.map(() => "?").join(", ");
      this.#db
        .prepare(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`)
        .run(...Object.values(row));
    }
  }

  #run(sql: string, values: readonly (string | number | null)[]): { results: unknown[] } {
    const failure = this.failure();
    if (failure === "before") {
      throw new Error("D1_ERROR: database is locked: SQLITE_BUSY");
    }
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    const results = statement.all(...values);
    if (failure === "after") {
      throw new Error("Network connection lost.");
    }
    return { results };
  }
}

function migrated(): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  for (const file of readdirSync(MIGRATIONS).toSorted()) {
    db.exec(readFileSync(new URL(file, MIGRATIONS), "utf8"));
  }
  return db;
}
