/**
 * Owns `npm run demo`: shows the promises against a running `npm start`, or one of its own, and
 * ends with 0 only if each step did what it should. Must not use the gateway's code.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { startLocal } from "./lib/local.mjs";
import { verifyChain } from "./verify-chain.mjs";

const RESOLVE_MS = 60_000;
const local = await running();
const { url, sandboxUrl } = local;
let failed = 0;

function check(what, holds, told = "") {
  console.log(`${holds ? "\u2713" : "\u2717"} ${what}${told === "" ? "" : `  ${told}`}`);
  failed += holds ? 0 : 1;
}

async function call(path, { key = "cobro_test_storefront", ...init } = {}) {
  const answer = await fetch(`${url}${path}`, {
    ...init,
    headers: { "x-api-key": key, ...init.headers },
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, json: JSON.parse(text) };
}

async function charge(id, key, body) {
  return call(`/api/payment-method/${id}/payment`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(body),
  });
}

async function control(method, path, body) {
  const answer = await fetch(`${sandboxUrl}/sandbox/${path}`, {
    method,
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return answer.json();
}

async function until(what, probe) {
  const deadline = Date.now() + RESOLVE_MS;
  for (;;) {
    const found = await probe();
    if (found !== null) {
      return found;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what} did not happen within a minute`);
    }
    await new Promise((wake) => setTimeout(wake, 100));
  }
}

async function showCharges(id) {
  const key = `demo-${randomUUID()}`;
  const first = await charge(id, key, { amount: 129.5, description: "Order 1001" });
  check(
    "a charge is answered with the payment",
    first.status === 201 && first.json.status === "CONFIRMED",
    first.text,
  );
  const again = await charge(id, key, { amount: 129.5, description: "Order 1001" });
  const replayed = again.text === first.text && again.headers.get("idempotent-replayed") === "true";
  check(
    "the same again is replayed to the byte",
    again.status === 201 && replayed,
    "Idempotent-Replayed: true",
  );
  const other = await charge(id, key, { amount: 200 });
  const named = other.json.differing?.includes("amount") ?? false;
  check(
    "the same key with another amount is refused",
    other.status === 422 && named,
    `differing: ${other.json.differing}`,
  );
}

async function showLostReply(id) {
  await control("PUT", `payment-methods/${id}/scenario`, {
    charges: [{ kind: "lose_reply_after_charging", how: "reset" }],
  });
  const key = `demo-${randomUUID()}`;
  const answer = await charge(id, key, { amount: 75 });
  const found = await until("finding the lost reply", async () => {
    const shown = await call(`/api/payment-method/${id}/charge?idempotencyKey=${key}`);
    return shown.json.state === "approved" ? shown.json : null;
  });
  const { payments } = await control("GET", `book?paymentMethodId=${id}`);
  const made = payments.filter((payment) => payment.amount === 75);
  check(
    "a lost reply is found in the history",
    made.length === 1 && made[0].id === found.payment.id,
    `answered ${answer.status}, resolved by ${found.resolvedBy}`,
  );
}

async function showLostRequest(id) {
  await control("PUT", `payment-methods/${id}/scenario`, {
    charges: [{ kind: "lose_before_charging", how: "reset" }],
  });
  const key = `demo-${randomUUID()}`;
  const answer = await charge(id, key, { amount: 60 });
  const shown = await call(`/api/payment-method/${id}/charge?idempotencyKey=${key}`);
  const doubtful = answer.status === 202 && answer.headers.get("cobro-money") === "unknown";
  check(
    "a lost request is in doubt, and nothing is guessed",
    doubtful && shown.json.state === "in_doubt",
    `Cobro-Money: ${answer.headers.get("cobro-money")}`,
  );
  const other = await charge(id, `demo-${randomUUID()}`, { amount: 5 });
  check(
    "meanwhile the card is frozen for other charges",
    other.status === 409 && other.json.money === "not_charged",
    other.json.code,
  );
}

/** Every entry has arrived once the ledger has as many answers as charges were sent. */
async function showLedger(ids) {
  for (const id of ids) {
    const { payments, requests } = await control("GET", `book?paymentMethodId=${id}`);
    const { entries, netMinor } = await until("the ledger's delivery", async () => {
      const chain = await verifyChain(url, "cobro_test_auditor", id);
      const answered = chain.entries.filter((entry) => entry.type === "attempt_answered").length;
      const waiting =
        chain.entries.at(-1)?.type === "attempt_answered" &&
        chain.entries.at(-1).outcome === "indeterminate";
      return answered === requests.charge && !waiting ? chain : null;
    });
    console.log(`\n  ${id}`);
    for (const entry of entries) {
      const effect = entry.effectMinor === 0 ? "" : (entry.effectMinor / 100).toFixed(2);
      console.log(
        `  ${String(entry.seq).padStart(3)}  ${entry.type.padEnd(20)} ${effect.padStart(9)}  ${entry.outcome ?? ""}`,
      );
    }
    const net = payments
      .filter((payment) => payment.status === "CONFIRMED")
      .reduce((sum, payment) => sum + payment.amountMinor, 0);
    const booked = new Set(
      entries.filter((entry) => entry.effectMinor > 0).map((entry) => entry.paymentId),
    );
    const same =
      payments.length === booked.size && payments.every((payment) => booked.has(payment.id));
    check(
      "the chain verifies, and ledger and Harmony's book agree",
      same && net === netMinor,
      `${entries.length} entries, net ${(netMinor / 100).toFixed(2)} MXN`,
    );
  }
}

async function running() {
  const port = Number(process.env.PORT ?? 8787);
  const at = {
    url: `http://127.0.0.1:${port}`,
    sandboxUrl: `http://127.0.0.1:${Number(process.env.SANDBOX_PORT ?? 8788)}`,
  };
  const health = await fetch(`${at.url}/healthz`).catch(() => null);
  if (health?.ok) {
    return { ...at, stop: async () => undefined };
  }
  console.log(`nothing runs at ${at.url}: starting an own one`);
  const stateDir = mkdtempSync(`${tmpdir()}/cobro-demo-`);
  const own = await startLocal({
    port: await freePort(),
    sandboxPort: await freePort(),
    stateDir,
    say: () => undefined,
  });
  return {
    ...own,
    stop: async () => {
      await own.stop();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

async function freePort() {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

try {
  const ids = [];
  for (const show of [showCharges, showLostReply, showLostRequest]) {
    const { id } = await control("POST", "payment-methods", {});
    ids.push(id);
    await show(id);
  }
  await showLedger(ids);
} catch (error) {
  check(error.message, false);
}
await local.stop();
console.log(
  failed === 0
    ? "\nEvery step did what it should."
    : `\n${failed} step(s) did not do what they should.`,
);
process.exit(failed === 0 ? 0 : 1);
