/**
 * The object's storage on `node:sqlite`, as strict as the real one: what `ctx.storage.sql` refuses
 * is refused here, so that code proven on Node runs in the object. A turn is an atom, as at the
 * output gate: everything written in it is committed at its end, or a crash takes it all back.
 */
import { DatabaseSync } from "node:sqlite";
import type { StatementSync } from "node:sqlite";
import type { Storage } from "../../src/payment-method/host.ts";

type Value = string | number | null;

/** The object's own limit of bound parameters. */
const BINDINGS_MAX = 100;
const REFUSED =
  /^\s*(begin|commit|end|rollback|savepoint|release|attach|detach|vacuum)\b|\btemp(orary)?\b|\bsqlite_version\s*\(|\bpragma\s+user_version\b/i;

/** Every table with its rows, as they were at one time. */
export interface Snapshot {
  readonly tables: readonly { readonly sql: string; readonly name: string }[];
  readonly rows: ReadonlyMap<string, readonly Record<string, Value>[]>;
}

export class NodeStorage implements Storage {
  #db: DatabaseSync;
  /** Asked before each statement that writes: true makes it fail, as a disk does. */
  failure: () => boolean = () => false;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;
  #inTurn = false;
  readonly sql = { exec: (query: string, ...bindings: Value[]) => this.#exec(query, bindings) };

  constructor(path = ":memory:") {
    this.#db = new DatabaseSync(path, { enableDoubleQuotedStringLiterals: false });
  }

  transactionSync<T>(body: () => T): T {
    const name = `s${this.#depth}`;
    this.#depth += 1;
    this.#db.exec(`SAVEPOINT ${name}`);
    try {
      const result = body();
      this.#db.exec(`RELEASE ${name}`);
      return result;
    } catch (error) {
      this.#db.exec(`ROLLBACK TO ${name}; RELEASE ${name}`);
      throw error;
    } finally {
      this.#depth -= 1;
    }
  }

  beginTurn(): void {
    this.#db.exec("BEGIN");
    this.#inTurn = true;
  }

  endTurn(how: "commit" | "rollback"): void {
    if (this.#inTurn) {
      this.#db.exec(how);
      this.#inTurn = false;
    }
  }

  /** What is committed now; not to be called within a turn. */
  snapshot(): Snapshot {
    const tables = this.#db
      .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
      .all() as { name: string; sql: string }[];
    const named = tables.filter(({ sql }) => /^create table/i.test(sql));
    const rows = new Map(
      named.map(({ name }) => [
        name,
        this.#db.prepare(`SELECT * FROM ${name} ORDER BY rowid`).all() as Record<string, Value>[],
      ]),
    );
    return { tables, rows };
  }

  /** How many rows of a table are committed now, 0 where it does not exist; not within a turn. */
  countOf(table: string, where = "1"): number {
    const schema = this.#exec("SELECT 1 FROM sqlite_schema WHERE name = ?", [table]).toArray();
    if (schema.length === 0) {
      return 0;
    }
    const [row] = this.#exec(`SELECT count(*) AS rows FROM ${table} WHERE ${where}`, []).toArray();
    return Number(row?.["rows"] ?? 0);
  }

  /** Goes back to what was: what has been committed since is gone. */
  restore({ tables, rows }: Snapshot): void {
    this.#db.close();
    this.#statements.clear();
    this.#db = new DatabaseSync(":memory:", { enableDoubleQuotedStringLiterals: false });
    for (const { sql } of tables) {
      this.#db.exec(sql);
    }
    for (const [name, list] of rows) {
      for (const row of list) {
        const places = Object.keys(row).map(() => "?");
        const insert = `INSERT INTO ${name} (${Object.keys(row).join(", ")}) VALUES (${places.join(", ")})`;
        this.#db.prepare(insert).run(...Object.values(row));
      }
    }
  }

  close(): void {
    this.#db.close();
  }

  #exec(query: string, given: readonly unknown[]): { toArray(): Record<string, Value>[] } {
    const bindings = given.map(bound);
    if (/^\s*(insert|update|delete)/i.test(query) && this.failure()) {
      throw new Error("disk I/O error: SQLITE_IOERR");
    }
    if (REFUSED.test(query)) {
      throw new Error(`not authorized: ${query}`);
    }
    if (bindings.length > BINDINGS_MAX) {
      throw new Error("too many SQL variables");
    }
    if (/;\s*\S/.test(query)) {
      if (bindings.length > 0) {
        throw new Error("several statements take no bindings");
      }
      this.#db.exec(query);
      return { toArray: () => [] };
    }
    // A missing binding is NULL for Node and an error for the object.
    if ((query.match(/\?/g) ?? []).length !== bindings.length) {
      throw new Error(`Wrong number of parameter bindings: ${query}`);
    }
    let statement = this.#statements.get(query);
    if (statement === undefined) {
      statement = this.#db.prepare(query);
      this.#statements.set(query, statement);
    }
    const rows = statement.all(...bindings).map(({ ...row }) => row as Record<string, Value>);
    return { toArray: () => rows };
  }
}

function bound(value: unknown): Value {
  if (value === undefined || value === null || Number.isNaN(value)) {
    return null;
  }
  if (typeof value === "boolean") {
    return String(value);
  }
  if (typeof value === "string" && !value.isWellFormed()) {
    throw new Error("text that is not well-formed is stored differently by the two");
  }
  if (typeof value === "string" || typeof value === "number") {
    return value;
  }
  throw new Error(`cannot bind a ${typeof value}`);
}
