/**
 * The Worker's surface: requests go to the router, payment methods live in their objects. No
 * logic stands here.
 */
import type { Env } from "./env.ts";
import { handle } from "./http/router.ts";

export { PaymentMethod } from "./payment-method/object.ts";

export default {
  fetch: async (request, env) => handle(request, env),
} satisfies ExportedHandler<Env>;
