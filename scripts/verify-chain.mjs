/**
 * Checks the chain of payment methods in a running ledger, from its public answers alone; shares no
 * code with the gateway. Usage: node scripts/verify-chain.mjs URL KEY PAYMENT_METHOD_ID...
 */
import { createHash } from "node:crypto";

const jcs = (value) =>
  value === null || typeof value !== "object"
    ? JSON.stringify(value)
    : Array.isArray(value)
      ? `[${value.map(jcs).join(",")}]`
      : `{${Object.keys(value)
          .sort()
          .map((name) => `${JSON.stringify(name)}:${jcs(value[name])}`)
          .join(",")}}`;

/** The entries of a method, sound or a throw that says which is not; their count and net. */
export async function verifyChain(url, key, id) {
  const entries = [];
  for (let cursor = ""; cursor !== null;) {
    const answer = await fetch(`${url}/ledger/entries?paymentMethodId=${id}&limit=500${cursor}`, {
      headers: { "x-api-key": key },
    });
    const page = await answer.json();
    entries.push(...page.entries);
    cursor = page.nextCursor === null ? null : `&cursor=${encodeURIComponent(page.nextCursor)}`;
  }
  let prevHash = "0".repeat(64);
  for (const [index, { hash, position: _p, recordedAt: _r, ...sealed }] of entries.entries()) {
    const sound =
      sealed.seq === index + 1 &&
      sealed.prevHash === prevHash &&
      createHash("sha256").update(jcs(sealed)).digest("hex") === hash;
    if (!sound) {
      throw new Error(`${id}: entry ${index + 1} is not sound`);
    }
    prevHash = hash;
  }
  return { entries, netMinor: entries.reduce((sum, entry) => sum + entry.effectMinor, 0) };
}

if (import.meta.main) {
  const [url, key, ...ids] = process.argv.slice(2);
  for (const id of ids) {
    const { entries, netMinor } = await verifyChain(url, key, id);
    console.log(`${id}: ${entries.length} entries, sound, net ${netMinor} centavos`);
  }
}
