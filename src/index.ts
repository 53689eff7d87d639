/**
 * The Worker's surface: requests go to the router, the cron to its sweep, payment methods live in
 * their objects. No logic stands here.
 */
import type { Env } from "./env.ts";
import { handle } from "./http/router.ts";
import { sweep } from "./http/sweep.ts";

export { PaymentMethod } from "./payment-method/object.ts";

export default {
  fetch: async (request, env, execution) => handle(request, env, execution),
  scheduled: async (_controller, env, execution) => sweep(env, execution),
} satisfies ExportedHandler<Env>;
