/**
 * Three projects by runtime: `unit` (Node, pure code and the host-free object), `worker` (workerd,
 * the whole Worker against the real sandbox on loopback) and `process` (Node, real processes that
 * are killed). Only the last one starts wrangler's or Miniflare's own processes.
 */
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

// A required secret is read from the environment. A shell's own is none of the sandbox's.
process.env["HARMONY_API_KEY"] = "sandbox";
const migrations = await readD1Migrations("./migrations");

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          environment: "node",
          include: ["test/{domain,harmony,payment-method,sandbox,simulation,docs}/**/*.test.ts"],
          testTimeout: 60_000,
        },
      },
      {
        plugins: [
          cloudflareTest(({ inject }) => ({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                TEST_MIGRATIONS: migrations,
                HARMONY_BASE_URL: `${inject<string>("sandboxUrl")}/api`,
                // Short times, so that a test of a hang takes a second and not half a minute.
                HARMONY_TIMEOUT_MS: "1500",
                WAIT_SECONDS: "4",
                ALLOW_SHORT_HORIZON: "yes",
                // Most tests lose replies on purpose, all in one isolate.
                BRAKE: "off",
              },
            },
          })),
        ],
        test: {
          name: "worker",
          include: ["test/worker/**/*.test.ts"],
          globalSetup: ["test/support/global-setup.ts"],
          setupFiles: ["test/worker/setup.ts"],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "process",
          environment: "node",
          include: ["test/{chaos,crash,e2e}/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
