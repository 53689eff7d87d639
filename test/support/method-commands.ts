/** Commands about the payment method itself, as the Worker would send them. Owns no expectation. */
import type { PageQuery } from "../../src/harmony/methods.ts";
import type { Decision } from "../../src/domain/resolve.ts";
import type { RefundDecision } from "../../src/domain/refund-doubt.ts";
import { GATEWAY_CHAIN_ID } from "../../src/domain/entries.ts";
import type {
  ReadHistoryCommand,
  ReconcileCommand,
  RecordReconciliationCommand,
  ResolveChargeCommand,
  ResolveRefundCommand,
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

/** A person's word on a refund. */
export function resolveRefundCommand(
  of: string,
  refundId: string,
  decision: RefundDecision,
): ResolveRefundCommand {
  return {
    v: 1,
    type: "resolve_refund",
    paymentMethodId: METHOD_ID,
    id: of,
    refundId,
    decision,
    actor: OPERATOR,
    waitMs: 25_000,
  };
}

export function resumeCommand(reason = "the ledger was put right"): ResumeMethodCommand {
  return { v: 1, type: "resume_method", paymentMethodId: METHOD_ID, reason, actor: OPERATOR };
}

export function reconcileCommand(waitMs = 120_000): ReconcileCommand {
  return { v: 1, type: "reconcile", paymentMethodId: METHOD_ID, actor: ACTOR, waitMs };
}

/** The recording of a run that found nothing. */
export function recordCommand(reconciliationId: string): RecordReconciliationCommand {
  const none = { count: 0, booksMinor: 0, harmonyMinor: 0 };
  const nothing = { payments: 0, confirmedMinor: 0 };
  return {
    v: 1,
    type: "record_reconciliation",
    paymentMethodId: GATEWAY_CHAIN_ID,
    outcome: "equal",
    summary: {
      reconciliationId,
      begunBy: "request",
      scope: { paymentMethodId: METHOD_ID },
      asOf: 0,
      methods: { compared: 1, notCompared: 0 },
      differences: {
        unexplained: none,
        missing: none,
        amount_differs: none,
        status_differs: none,
        duplicate: none,
      },
      harmony: nothing,
      books: nothing,
      earlier: nothing,
      rowCount: 0,
      rowsKept: 0,
      rowsHash: "0".repeat(64),
    },
    actor: ACTOR,
  };
}
