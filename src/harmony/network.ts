/** The real network, as the Worker has it. A leaf: tests and the simulator hand in their own. */
import type { Network } from "./client.ts";
import { Limits } from "./limits.ts";

export const NETWORK: Network = {
  fetch: async (url, init) => fetch(url, init),
  now: () => Date.now(),
  deadline: (ms) => AbortSignal.timeout(ms),
  // Of this isolate, like the brake.
  limits: new Limits(),
};
