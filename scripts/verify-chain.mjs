/**
 * Checks the chains of payment methods in a running ledger, from its public answers alone
 * (docs/verify.md): `node scripts/verify-chain.mjs URL KEY [PAYMENT_METHOD_ID...]`, all of them
 * where none is named. Must not share code with the gateway: it is there to doubt it.
 */
import { createHash } from "node:crypto";

/** All entries of these payment methods, in the order of arrival, which is that of `seq`, too. */
export async function readEntries(url, key, ids) {
  const entries = [];
  const filters = ids.map((id) => `&paymentMethodId=${id}`).join("");
  for (let cursor = ""; cursor !== null;) {
    const page = await fetch(`${url}/ledger/entries?order=asc&limit=500${filters}${cursor}`, {
      headers: { "x-api-key": key },
    });
    if (!page.ok) {
      throw new Error(`the ledger answers ${page.status}: ${await page.text()}`);
    }
    const { entries: more, nextCursor } = await page.json();
    entries.push(...more);
    cursor = nextCursor === null ? null : `&cursor=${encodeURIComponent(nextCursor)}`;
  }
  return entries;
}

/** What is wrong with the chain of one payment method, or null. */
export function problemOf(entries) {
  let prevHash = "0".repeat(64);
  for (const [index, { hash, position: _, recordedAt: __, ...hashed }] of entries.entries()) {
    if (hashed.seq !== index + 1) {
      return `entry ${index + 1} is missing`;
    }
    if (hashed.prevHash !== prevHash) {
      return `entry ${hashed.seq} does not follow the one before`;
    }
    if (createHash("sha256").update(jcs(hashed)).digest("hex") !== hash) {
      return `entry ${hashed.seq} is not what was hashed`;
    }
    prevHash = hash;
  }
  return null;
}

/** RFC 8785, for the values that entries have: safe integers and well-formed text. */
function jcs(value) {
  if (value === null || typeof value !== "object") {
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map(jcs).join(",")}]`;
  }
  const names = Object.keys(value).toSorted();
  return `{${names.map((name) => `${JSON.stringify(name)}:${jcs(value[name])}`).join(",")}}`;
}

/** The centavos that these entries make known as moved. */
export function netMinorOf(entries) {
  return entries.reduce((sum, entry) => sum + entry.effectMinor, 0);
}

async function main([url, key, ...ids]) {
  if (url === undefined || key === undefined) {
    throw new Error("usage: node scripts/verify-chain.mjs URL KEY [PAYMENT_METHOD_ID...]");
  }
  const chains = Map.groupBy(await readEntries(url, key, ids), (entry) => entry.paymentMethodId);
  for (const [id, entries] of chains) {
    const problem = problemOf(entries);
    console.log(
      `${id}: ${entries.length} entries, net ${netMinorOf(entries)} centavos, ${problem ?? "sound"}`,
    );
    process.exitCode = problem === null ? process.exitCode : 1;
  }
}

if (import.meta.main) {
  await main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
