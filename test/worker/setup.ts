/** Applies the D1 migrations before each file's tests; storage is isolated by file, a limit by test. */
import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach } from "vitest";
import { Limits } from "../../src/harmony/limits.ts";
import { NETWORK } from "../../src/harmony/network.ts";

await applyD1Migrations(env.LEDGER, env.TEST_MIGRATIONS);

// What Harmony asked one test to wait for is not the next one's.
beforeEach(() => {
  Object.assign(NETWORK, { limits: new Limits() });
});
