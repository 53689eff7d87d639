/** What the Worker's tests find in `env`, and what the global set-up provides. */
/// <reference types="@cloudflare/vitest-plugin/types" />
import type { D1Migration } from "cloudflare:test";
import type * as Main from "../src/index.ts";

declare module "vitest" {
  export interface ProvidedContext {
    sandboxUrl: string;
  }
}

declare global {
  namespace Cloudflare {
    interface GlobalProps {
      mainModule: typeof Main;
    }
    interface Env {
      PAYMENT_METHODS: DurableObjectNamespace;
      CARD_SHARDS: DurableObjectNamespace;
      LEDGER: D1Database;
      TEST_MIGRATIONS: D1Migration[];
      HARMONY_BASE_URL: string;
      HARMONY_API_KEY: string;
    }
  }
}
