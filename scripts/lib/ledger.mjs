/**
 * Owns the local ledger before the gateway starts: the database file, its migrations and the
 * local-only keys. Must not run while the gateway does: whoever calls this holds the state's lock.
 *
 * Done on the file itself, with Node's SQLite, in milliseconds. `wrangler d1` would take two more
 * runs of wrangler, which is most of the time that a start takes. What that relies on is how the
 * local runtime names the file; wrangler's version is pinned, and `probeLedger` tells at every
 * start whether the gateway has found the same one. Applied migrations are recorded as wrangler
 * records them, so that `wrangler d1 migrations list --local` agrees.
 */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { CONFIG, ROOT } from "./wrangler.mjs";

/** Local-only: seeded here and nowhere else. */
export const KEYS = {
  cobro_test_storefront: ["charge", "refund", "read"],
  cobro_test_manager: ["manage", "read"],
  cobro_test_auditor: ["audit"],
  cobro_test_operator: ["charge", "refund", "read", "manage", "audit", "operate"],
};

/** The namespace of the local runtime's databases, and their directory. */
const NAMESPACE = "miniflare-D1DatabaseObject";

const MIGRATIONS = `${ROOT}migrations`;

/** A loaded machine answers within a second. */
const PROBE_MS_MAX = 10_000;

/** Brings the ledger of this state directory up to date. Idempotent, but for the key it gives. */
export function prepareLedger(state) {
  const directory = `${state}/v3/d1/${NAMESPACE}`;
  mkdirSync(directory, { recursive: true });
  const db = new DatabaseSync(`${directory}/${objectId(databaseId())}.sqlite`);
  try {
    db.exec("PRAGMA journal_mode=WAL");
    applyMigrations(db);
    seedKeys(db);
    return seedProbeKey(db);
  } finally {
    db.close();
  }
}

/**
 * Throws unless the gateway's ledger is the one prepared: only then it knows the key. Another
 * start's gateway, which has taken the port in the same moment, does not.
 */
export async function probeLedger(url, key) {
  const { status } = await fetch(`${url}/ledger/entries?limit=1`, {
    headers: { "x-api-key": key },
    signal: AbortSignal.timeout(PROBE_MS_MAX),
  });
  if (status !== 200) {
    throw new Error(
      `${url} does not see the ledger prepared for it, it answers ${status}: another start may ` +
        "have taken the port; set PORT to a free one",
    );
  }
}

function databaseId() {
  const id = /^database_id = "(.+)"$/m.exec(readFileSync(CONFIG, "utf8"))?.[1];
  if (id === undefined) {
    throw new Error("wrangler.toml names no database_id");
  }
  return id;
}

/** The id of a named object, as the local runtime derives it: a tag of the name, and its check. */
function objectId(name) {
  const key = createHash("sha256").update(NAMESPACE).digest();
  const tag = (data) => createHmac("sha256", key).update(data).digest().subarray(0, 16);
  return Buffer.concat([tag(name), tag(tag(name))]).toString("hex");
}

function applyMigrations(db) {
  db.exec(`CREATE TABLE IF NOT EXISTS d1_migrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT UNIQUE,
    applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
  )`);
  const rows = db.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set(rows.map((row) => row.name));
  const names = readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql"));
  for (const name of names.toSorted().filter((one) => !applied.has(one))) {
    try {
      db.exec(`BEGIN; ${readFileSync(`${MIGRATIONS}/${name}`, "utf8")}\n`);
      db.prepare("INSERT INTO d1_migrations (name) VALUES (?)").run(name);
      db.exec("COMMIT");
    } catch (error) {
      throw new Error(`migration ${name}: ${error.message}`, { cause: error });
    }
  }
}

/** A key that was revoked by hand stays so. */
function seedKeys(db) {
  const insert = db.prepare(
    `INSERT INTO api_key (key_id, hash, caller_id, name, scopes, created_at)
     VALUES (?, ?, 'main', ?, ?, '2026-01-01T00:00:00.000Z') ON CONFLICT DO NOTHING`,
  );
  for (const [key, scopes] of Object.entries(KEYS)) {
    const keyId = key.slice("cobro_".length);
    const hash = createHash("sha256").update(key).digest("hex");
    insert.run(keyId, hash, `local ${keyId}`, JSON.stringify(scopes));
  }
}

/** New with each start, known to it alone, and of no use once it is over. */
function seedProbeKey(db) {
  const key = `cobro_start_${randomBytes(16).toString("hex")}`;
  const hash = createHash("sha256").update(key).digest("hex");
  db.prepare(
    `INSERT INTO api_key (key_id, hash, caller_id, name, scopes, created_at)
     VALUES ('start', ?, 'start', 'npm start', '["audit"]', '2026-01-01T00:00:00.000Z')
     ON CONFLICT (key_id) DO UPDATE SET hash = excluded.hash`,
  ).run(hash);
  return key;
}
