/**
 * The local runtime as a process of its own, so that it can be killed: Miniflare's API on a bundle
 * of the Worker, state kept in a directory. Configured by one JSON argument; prints one line of
 * JSON once it listens, then the Worker's own log. Must not hold behaviour of the gateway.
 */
import { readFileSync } from "node:fs";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";

/** How often a child looks whether the one that started it is still there. */
const PARENT_CHECK_MS = 1000;

const { scriptPath, stateDir, bindings, migrations, keys } = JSON.parse(process.argv[2] ?? "{}");

const runtime = new Miniflare(
  convertV4MiniflareOptions({
    name: "cobro",
    modules: [{ type: "ESModule", path: "index.js", contents: readFileSync(scriptPath, "utf8") }],
    compatibilityDate: "2026-11-02",
    durableObjects: {
      PAYMENT_METHODS: { className: "PaymentMethod", useSQLite: true },
      CARD_SHARDS: { className: "CardShard", useSQLite: true },
    },
    d1Databases: { LEDGER: "ledger" },
    bindings,
    resourcePersistencePath: stateDir,
    host: "127.0.0.1",
    port: 0,
    // Nothing is fetched from anywhere but the sandbox.
    cf: false,
    telemetry: { enabled: false },
    // The cron never fires by itself here: a test that wants its minute asks for it.
    unsafeTriggerHandlers: true,
    unsafeLocalExplorer: false,
    unsafeObservability: false,
    log: new Log(LogLevel.ERROR),
  }),
);

const url = await runtime.ready;
const ledger = await runtime.getD1Database("LEDGER");
if (migrations.length > 0) {
  for (const sql of migrations) {
    await ledger.prepare(sql).run();
  }
  const insert = ledger.prepare(
    "INSERT INTO api_key (key_id, hash, name, scopes, created_at) VALUES (?, ?, ?, ?, ?)",
  );
  await ledger.batch(
    keys.map(({ keyId, hash, scopes }) =>
      insert.bind(keyId, hash, keyId, JSON.stringify(scopes), new Date().toISOString()),
    ),
  );
}
console.log(JSON.stringify({ ready: url.origin }));

// A test run that is itself killed must not leave its runtimes behind.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) {
    process.kill(-process.pid, "SIGKILL");
  }
}, PARENT_CHECK_MS).unref();
