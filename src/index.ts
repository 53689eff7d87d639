/**
 * The Worker's surface: requests go to the router, the cron to its sweep, payment methods and
 * what was saved under a key live in their objects. No logic stands here.
 */
import type { Env } from "./env.ts";
import { reconcileDue } from "./http/reconcile-due.ts";
import { handle } from "./http/router.ts";
import { sweep } from "./http/sweep.ts";

export { PaymentMethod } from "./payment-method/object.ts";
export { CardShard } from "./saving/card-shard.ts";

export default {
  fetch: async (request, env, execution) => handle(request, env, execution),
  scheduled: async (_controller, env, execution) => {
    await Promise.all([sweep(env, execution), reconcileDue(env, execution)]);
  },
} satisfies ExportedHandler<Env>;
