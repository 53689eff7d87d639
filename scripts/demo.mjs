/**
 * Owns `npm run demo`: shows the promises against a running `npm start`, or against one of its own
 * that leaves nothing behind, verifies the ledger against Harmony's book by itself, and ends with 0
 * only if each step did what it should. Must not use the gateway's code.
 */
import "./lib/loopback.mjs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { gatewayClient, sandboxClient } from "./lib/demo-clients.mjs";
import { STEPS } from "./lib/demo-steps.mjs";
import { startLocal } from "./lib/local.mjs";
import { localSettings } from "./lib/settings.mjs";
import { until } from "./lib/until.mjs";
import { netMinorOf, problemOf, readEntries } from "./verify-chain.mjs";

/** Delivery takes a fraction of a second; a loaded machine gets more. */
const DELIVERY_MS_MAX = 30_000;

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => stopping.abort());
}

let failures = 0;

function check(what, holds, told = "") {
  console.log(`${holds ? "✓" : "✗"} ${what}${told === "" ? "" : `\n    ${told}`}`);
  failures += holds ? 0 : 1;
}

try {
  await demo();
} catch (error) {
  check(error.message, false);
}
console.log(
  failures === 0 ? "\nEvery step did what it should." : `\nNot as it should be: ${failures}.`,
);
process.exit(failures === 0 ? 0 : 1);

async function demo() {
  const local = await running();
  try {
    const aborted = new Promise((_, reject) => {
      stopping.signal.addEventListener("abort", () => reject(new Error("stopped")));
    });
    await Promise.race([show(local), aborted]);
  } finally {
    await local.stop();
  }
}

async function show({ url, sandboxUrl }) {
  const gateway = gatewayClient(url);
  const sandbox = sandboxClient(sandboxUrl);
  const expected = new Map();
  for (const step of STEPS) {
    const id = await sandbox.createMethod();
    expected.set(id, await step({ id, gateway, sandbox, check }));
  }
  const ids = [...expected.keys()];
  const chains = await until("the ledger's delivery", DELIVERY_MS_MAX, async () => {
    const entries = await readEntries(url, "cobro_test_auditor", ids);
    const found = Map.groupBy(entries, (entry) => entry.paymentMethodId);
    return ids.every((id) => containsAll(found.get(id) ?? [], expected.get(id))) ? found : null;
  });
  for (const [id, entries] of chains) {
    const { payments } = await sandbox.book(id);
    printTable(id, entries);
    verify(entries, payments);
  }
}

function containsAll(entries, types) {
  return types.every((type) => entries.some((entry) => entry.type === type));
}

/** The chain by its hashes, its sum and its payments by what Harmony really did. */
function verify(entries, payments) {
  const problem = problemOf(entries);
  check("the chain verifies", problem === null, problem ?? `${entries.length} entries`);
  const confirmed = payments.filter((payment) => payment.status === "CONFIRMED");
  const booked = confirmed.reduce((sum, payment) => sum + payment.amountMinor, 0);
  check(
    "its sum is the money that Harmony moved",
    netMinorOf(entries) === booked,
    `ledger ${pesos(netMinorOf(entries))} MXN, Harmony's book ${pesos(booked)} MXN`,
  );
  const known = entries.filter((entry) => entry.effectMinor > 0).map((entry) => entry.paymentId);
  const taken = payments.filter(({ status }) => status === "CONFIRMED" || status === "REFUNDED");
  const made = taken.map((payment) => payment.id);
  check(
    "its payments are the ones that Harmony made",
    known.toSorted().join() === made.toSorted().join(),
    made.length === 0 ? "none" : made.join(", "),
  );
}

function printTable(id, entries) {
  const rows = entries.map((entry) => [
    String(entry.seq).padStart(3),
    entry.type.padEnd(20),
    pesos(entry.amountMinor).padStart(9),
    pesos(entry.effectMinor).padStart(9),
    entry.outcome ?? "",
  ]);
  const head = ["seq", "type".padEnd(20), "   amount", "   effect", "outcome"];
  console.log(`\npayment method ${id}`);
  console.log([head, ...rows].map((row) => `  ${row.join("  ")}`.trimEnd()).join("\n"));
}

function pesos(minor) {
  return minor === null ? "" : (minor / 100).toFixed(2);
}

/** What runs on the ports of the environment, or an own one on free ports. */
async function running() {
  const { port, sandboxPort } = localSettings(process.env);
  const url = `http://127.0.0.1:${port}`;
  const health = await fetch(`${url}/healthz`).catch(() => null);
  if (health?.ok) {
    console.log(`The gateway at ${url} shows:\n`);
    return { url, sandboxUrl: `http://127.0.0.1:${sandboxPort}`, stop: async () => undefined };
  }
  console.log(`Nothing runs at ${url}: a gateway of the demo's own shows:\n`);
  const stateDir = mkdtempSync(`${tmpdir()}/cobro-demo-`);
  const remove = () => rmSync(stateDir, { recursive: true, force: true });
  const ports = { port: 0, sandboxPort: 0 };
  try {
    // An environment of its own: whatever is set here, the demo speaks to its sandbox alone.
    const { signal } = stopping;
    const own = await startLocal({ ...ports, stateDir, environment: {}, signal });
    return { ...own, stop: async () => own.stop().finally(remove) };
  } catch (error) {
    remove();
    throw error;
  }
}
