/**
 * Keeps the sandbox's book in a directory. Owns the SQLite file: one row a record, each request's
 * changes in one transaction. What was saved before a reply left is there after a SIGKILL; losing
 * power is no concern of a sandbox, so nothing waits for the disk.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { BookRecord, Change } from "./book.ts";

export interface Store {
  load(): BookRecord[];
  save(changes: readonly Change[]): void;
  close(): void;
}

/** Throws if another process has the same directory open. */
export function openStore(directory: string): Store {
  mkdirSync(directory, { recursive: true });
  const db = new DatabaseSync(join(directory, "book.sqlite"), { timeout: 0 });
  // Exclusive: two sandboxes with one book would each overwrite what the other knows. In WAL mode
  // a commit is a write to a file, which the kernel keeps when the process dies.
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
  } catch (cause) {
    db.close();
    throw new Error(`the book in ${directory} cannot be opened; is it in use?`, { cause });
  }
  db.exec(
    `CREATE TABLE IF NOT EXISTS record (
       position INTEGER PRIMARY KEY,
       noun TEXT NOT NULL,
       id TEXT NOT NULL,
       value TEXT NOT NULL,
       UNIQUE (noun, id)
     ) STRICT`,
  );
  const select = db.prepare("SELECT noun, id, value FROM record ORDER BY position");
  // An update keeps the position, and with it the order in which payments were made.
  const upsert = db.prepare(
    `INSERT INTO record (noun, id, value) VALUES (?, ?, ?)
     ON CONFLICT (noun, id) DO UPDATE SET value = excluded.value`,
  );
  const remove = db.prepare("DELETE FROM record WHERE noun = ? AND id = ?");
  const write = ({ noun, id, value }: Change): void => {
    if (value === null) {
      remove.run(noun, id);
    } else {
      upsert.run(noun, id, JSON.stringify(value));
    }
  };
  return {
    load: () =>
      select.all().map(({ noun, id, value }) => {
        return { noun, id, value: JSON.parse(String(value)) as unknown } as BookRecord;
      }),
    save: (changes) => {
      const [first, ...others] = changes;
      if (first !== undefined && others.length === 0) {
        write(first);
        return;
      }
      db.exec("BEGIN");
      changes.forEach(write);
      db.exec("COMMIT");
    },
    close: () => db.close(),
  };
}
