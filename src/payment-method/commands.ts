/**
 * Owns what the Worker may ask of a payment method's object, and the shape of its answers. They
 * cross between versions for minutes after a deploy: members are added, never changed, and `v`
 * tells an object what it is talking to. PERSISTED CONTRACT in that sense.
 */
import type { ChargeRequest } from "../domain/charge.ts";
import type { GATEWAY_CHAIN_ID } from "../domain/entries.ts";
import type { Actor } from "../domain/facts.ts";
import type { Comparison } from "../domain/reconcile.ts";
import type { RunOutcome, Summary } from "../domain/reconciliation.ts";
import type { RefundDecision } from "../domain/refund-doubt.ts";
import type { Reply } from "../domain/reply.ts";
import type { Decision } from "../domain/resolve.ts";
import type { PageQuery } from "../harmony/methods.ts";

/** What every command says. */
interface AnyCommand {
  readonly v: 1;
  readonly paymentMethodId: string;
}

/** Of somebody, who stands in the entries of what it causes. */
interface ActorCommand extends AnyCommand {
  readonly actor: Actor;
}

/** Of somebody who waits for its end, so long at most. */
interface WaitingCommand extends ActorCommand {
  readonly waitMs: number;
}

export interface ChargeCommand extends WaitingCommand {
  readonly type: "charge";
  readonly caller: string;
  readonly idempotencyKey: string;
  readonly request: ChargeRequest;
}

export interface RefundCommand extends WaitingCommand {
  readonly type: "refund";
  readonly caller: string;
  readonly idempotencyKey: string;
  /** Harmony's payment id, or the id of one of the caller's charges. */
  readonly id: string;
  readonly reason: string | null;
}

export interface ReadRefundCommand extends AnyCommand {
  readonly type: "read_refund";
  readonly caller: string;
  /** The payment that the refund must be of; a charge's id serves. */
  readonly id: string;
  readonly refundId: string;
}

export interface ReadPaymentCommand extends ActorCommand {
  readonly type: "read_payment";
  readonly caller: string;
  /** Harmony's payment id, or the id of one of the caller's charges. */
  readonly id: string;
}

export interface ReadChargeCommand extends AnyCommand {
  readonly type: "read_charge";
  /** Whose charge it must be; null for an auditor, who may see any. */
  readonly caller: string | null;
  /** Whether the payments that a person has to judge are shown; absent from a Worker before this was. */
  readonly isOperated?: boolean;
  readonly by:
    | { readonly chargeId: string }
    | { readonly caller: string; readonly idempotencyKey: string };
}

/** Of the cron, to a method whose work is overdue by what the registry knows. */
export interface WakeCommand extends ActorCommand {
  readonly type: "wake";
}

export interface ReadHistoryCommand extends ActorCommand {
  readonly type: "read_history";
  /** What the caller asked for; null where it left that to Harmony. */
  readonly query: PageQuery;
}

export interface CreateMethodCommand extends ActorCommand {
  readonly type: "create_method";
  /** The gateway's own object: the one that is made has no id yet. */
  readonly paymentMethodId: typeof GATEWAY_CHAIN_ID;
  /** What Harmony is sent, as it was checked. */
  readonly body: string;
  /** The caller's own name for it, for the entry. */
  readonly externalId: string | null;
}

/** To a payment method's own object: it was just created through us. */
export interface KnowCreatedCommand extends AnyCommand {
  readonly type: "know_created";
}

export interface RevokeMethodCommand extends WaitingCommand {
  readonly type: "revoke_method";
}

/** Of an operator: what became of a charge that no rule decides. */
export interface ResolveChargeCommand extends WaitingCommand {
  readonly type: "resolve_charge";
  readonly chargeId: string;
  readonly decision: Decision;
}

/** Of an operator: what became of a refund in doubt. */
export interface ResolveRefundCommand extends WaitingCommand {
  readonly type: "resolve_refund";
  /** The payment that the refund must be of; a charge's id serves. */
  readonly id: string;
  readonly refundId: string;
  readonly decision: RefundDecision;
}

/** Of an operator: a halt whose cause is gone ends. */
export interface ResumeMethodCommand extends ActorCommand {
  readonly type: "resume_method";
  readonly reason: string;
}

/** Compares the method's books with a look of its own at Harmony, in its turn. */
export interface ReconcileCommand extends WaitingCommand {
  readonly type: "reconcile";
}

/** Enters what a run came to, once, however often it is asked. */
export interface RecordReconciliationCommand extends ActorCommand {
  readonly type: "record_reconciliation";
  readonly paymentMethodId: typeof GATEWAY_CHAIN_ID;
  readonly outcome: RunOutcome;
  readonly summary: Summary;
}

export type Command =
  | ChargeCommand
  | RefundCommand
  | ReadRefundCommand
  | ReadPaymentCommand
  | ReadChargeCommand
  | ReadHistoryCommand
  | CreateMethodCommand
  | KnowCreatedCommand
  | RevokeMethodCommand
  | ResolveChargeCommand
  | ResolveRefundCommand
  | ResumeMethodCommand
  | ReconcileCommand
  | RecordReconciliationCommand
  | WakeCommand;

/** Commands that give a method no work, so that the registry need not hear of them. */
const WORKLESS: ReadonlySet<Command["type"]> = new Set([
  "read_charge",
  "read_refund",
  "know_created",
  "wake",
]);

/** Whether a command gives its method work, so that the registry must hear of it beforehand. */
export function isRegistered(command: Command): boolean {
  return !WORKLESS.has(command.type);
}

export interface Answer {
  readonly reply: Reply;
  /** Time spent waiting for a turn and for Harmony, for `Server-Timing`; null where none was. */
  readonly timing: { readonly queueMs: number; readonly harmonyMs: number } | null;
}

/** The body of the answer to `reconcile`, as JSON. */
export type ReconcileAnswer =
  | { readonly type: "compared"; readonly comparison: Comparison }
  /** The look did not read the whole history: why, in one word. */
  | { readonly type: "not_compared"; readonly reason: string }
  /** Its turn did not come in time; it was withdrawn. */
  | { readonly type: "busy" }
  /** The look goes on, and is recorded; nobody hears how it compares. */
  | { readonly type: "under_way" };

/** The body of the answer to `record_reconciliation`, as JSON. */
export interface RecordedAnswer {
  readonly seq: number;
}

/** The object's one method: everything goes through `execute`. */
export interface PaymentMethodStub {
  execute(command: Command): Promise<Answer>;
}
