/** Commands about the payment method itself, as the Worker would send them. Owns no expectation. */
import type { PageQuery } from "../../src/harmony/methods.ts";
import type { ReadHistoryCommand, RevokeMethodCommand } from "../../src/payment-method/commands.ts";
import { METHOD_ID } from "./fake-host.ts";

const ACTOR = { caller: "main", keyId: "test", requestId: null, traceId: null, origin: null };

/** One page of the history; Harmony's own page where nothing is asked for. */
export function historyCommand(query: Partial<PageQuery> = {}): ReadHistoryCommand {
  return {
    v: 1,
    type: "read_history",
    paymentMethodId: METHOD_ID,
    query: { page: null, pageSize: null, status: null, ...query },
    actor: ACTOR,
  };
}

export function revokeCommand(waitMs = 25_000): RevokeMethodCommand {
  return { v: 1, type: "revoke_method", paymentMethodId: METHOD_ID, actor: ACTOR, waitMs };
}
