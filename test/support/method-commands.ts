/** Commands about the payment method itself, as the Worker would send them. Owns no expectation. */
import type { PageQuery } from "../../src/harmony/methods.ts";
import type { Decision } from "../../src/domain/resolve.ts";
import type {
  ReadHistoryCommand,
  ResolveChargeCommand,
  ResumeMethodCommand,
  RevokeMethodCommand,
} from "../../src/payment-method/commands.ts";
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

const OPERATOR = { ...ACTOR, caller: "back-office", keyId: "anna", requestId: "by-hand" };

/** A person's word on a charge. */
export function resolveCommand(
  chargeId: string | null,
  decision: Decision,
  waitMs = 25_000,
): ResolveChargeCommand {
  return {
    v: 1,
    type: "resolve_charge",
    paymentMethodId: METHOD_ID,
    chargeId: chargeId ?? "none",
    decision,
    actor: OPERATOR,
    waitMs,
  };
}

export function itWas(paymentId: string): Decision {
  return { decision: "charged", paymentId, reason: "seen in Harmony's dashboard" };
}

export function itWasNot(override = false): Decision {
  return { decision: "not_charged", override, reason: "Harmony's support says so" };
}

export function resumeCommand(reason = "the ledger was put right"): ResumeMethodCommand {
  return { v: 1, type: "resume_method", paymentMethodId: METHOD_ID, reason, actor: OPERATOR };
}
