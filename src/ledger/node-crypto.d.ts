/**
 * The one thing of `node:crypto` that the ledger uses: both runtimes have it, but the Workers
 * types do not declare it. Synchronous on purpose: a chain is sealed within one turn, where an
 * `await` of `crypto.subtle` would let another request in.
 */
declare module "node:crypto" {
  export function createHash(algorithm: "sha256"): {
    update(text: string, encoding: "utf8"): { digest(encoding: "hex"): string };
  };
}
