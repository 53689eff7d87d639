/**
 * Owns the facts that decisions are made of: each becomes one ledger entry, and `evolve` says
 * what it changes. Must not hold behaviour. Pure.
 */
import type { Attempt, ChargeRequest, Doubt, Due } from "./charge.ts";
import type { Outcome, Payment } from "./outcome.ts";
import type { PaymentRecord } from "./payment.ts";
import type {
  Refund,
  RefundAttempt,
  RefundOutcome,
  RefundResolvedBy,
  RefundState,
} from "./refund.ts";
import type { RunOutcome, Summary } from "./reconciliation.ts";

/** Who a charge belongs to and what it asks; fixed at its first intent. */
export interface ChargeIdentity {
  readonly chargeId: string;
  readonly paymentMethodId: string;
  readonly caller: string;
  readonly idempotencyKey: string;
  readonly request: ChargeRequest;
}

/** What one look at the history brought (design.md, Finding a lost charge). */
export interface LookReport {
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  /** The journal's last `seq` when it began: a look counts only for what had ended by then. */
  readonly beganSeq: number;
  readonly complete: boolean;
  /** Why it is not complete, in one word; null where it is. */
  readonly why: string | null;
  /** The HTTP status that ended an incomplete look, where there was one. */
  readonly httpStatus: number | null;
  readonly pages: number;
  readonly count: number | null;
  readonly payments: readonly SeenPayment[];
  /** What it had to list and did not, where that is why it is not complete. */
  readonly missing: readonly string[];
  /** Hash of the ids seen, so that two looks can be compared without storing them. */
  readonly idsHash: string | null;
}

export interface SeenPayment extends Payment {
  readonly tag: string | null;
  readonly createdAtMs: number | null;
}

/**
 * `read` is one page that a caller asked for: what it shows exists, what it leaves out proves nothing.
 * `operator` is made for a person's decision: whole, but it moves no schedule and counts for no rule.
 * `reconciliation` counts for no horizon; what it finds is held against every charge.
 */
export type LookPurpose =
  | "baseline"
  | "before_attempt"
  | "doubt"
  | "late"
  | "read"
  | "operator"
  | "reconciliation";

/** What a person decided about a charge. */
export type Resolution =
  | { readonly decision: "charged"; readonly payment: Payment }
  | {
      readonly decision: "not_charged";
      readonly override: boolean;
      /** The payments that spoke against it, named foreign by this. */
      readonly foreign: readonly string[];
      /** The payments of its own that Harmony contradicts or has lost, which it speaks of. */
      readonly own: readonly string[];
    };

/** Who a refund belongs to and what it asks; fixed at its first entry. */
export type RefundIdentity = Pick<
  Refund,
  "refundId" | "paymentMethodId" | "caller" | "idempotencyKey" | "request"
>;

/** What a read of the payment changes in the refund that it was made for. */
export type RefundWatch = Pick<Refund, "doubt" | "nextRead">;

interface About {
  readonly atMs: number;
  readonly chargeId: string;
}

/** An act on a payment method as a whole, and the exchange with Harmony that it came to. */
interface AboutMethod {
  readonly atMs: number;
  readonly chargeId: null;
  readonly httpStatus: number | null;
  readonly latencyMs: number;
}

interface AboutRefund {
  readonly atMs: number;
  readonly refundId: string;
  /** The charge whose payment it is of; null for a payment that no charge of ours has made. */
  readonly chargeId: string | null;
}

export type Fact =
  | (About & {
      readonly type: "attempt_intended";
      readonly identity: ChargeIdentity;
      readonly attempt: Pick<Attempt, "attempt" | "tag" | "horizonMs">;
    })
  | (About & {
      readonly type: "attempt_answered";
      readonly attempt: number;
      readonly outcome: Outcome;
      readonly httpStatus: number | null;
      readonly latencyMs: number | null;
      readonly excerpt: string | null;
      readonly nextLook: Due | null;
      readonly nextPoll: Due | null;
    })
  | {
      readonly type: "looked";
      readonly atMs: number;
      /** The charge it was begun for; null for a baseline. */
      readonly chargeId: string | null;
      readonly attempt: number | null;
      readonly purpose: LookPurpose;
      readonly report: LookReport;
      readonly newIds: readonly string[];
      readonly doubt: Doubt | null;
      readonly nextLook: Due | null;
    }
  | {
      readonly type: "polled";
      readonly atMs: number;
      readonly chargeId: string | null;
      /** The refund it was made for, if it was for one, and what it changes in that. */
      readonly refundId?: string | null;
      readonly watch?: RefundWatch | null;
      readonly paymentId: string;
      readonly seen: Payment | null;
      /** The journal's last `seq` when the read began: what was told since is newer news. */
      readonly beganSeq: number;
      readonly httpStatus: number | null;
      readonly latencyMs: number;
      readonly failure: string | null;
      readonly nextPoll: Due | null;
    }
  | (About & {
      readonly type: "payment_adopted";
      readonly attempt: number;
      readonly payment: Payment;
      readonly by: "tag" | "single" | "named";
      /** `seq` of the look or poll it rests on. */
      readonly evidenceSeq: number;
      readonly nextLook: Due | null;
      readonly nextPoll: Due | null;
    })
  | (About & {
      readonly type: "status_changed";
      readonly payment: Payment;
      readonly from: string;
      readonly nextPoll: Due | null;
    })
  | (About & {
      readonly type: "not_charged_by_rule";
      readonly attempt: number;
      readonly doubt: Doubt;
      readonly horizonMs: number;
      readonly nextLook: Due | null;
    })
  | (About & {
      readonly type: "charge_escalated";
      readonly attempt: number;
      readonly reason: string;
      readonly candidates: readonly string[];
      readonly nextLook: Due | null;
    })
  | (About & {
      readonly type: "operator_resolved";
      /** The attempt that the payment explains; the last one where no money moved. */
      readonly attempt: number;
      readonly reason: string;
      readonly resolution: Resolution;
      /** `seq` of the look and of the reads of payments that were made for it. */
      readonly evidence: readonly number[];
      readonly nextLook: Due | null;
      readonly nextPoll: Due | null;
    })
  | (About & {
      readonly type: "late_truth_found";
      readonly attempt: number | null;
      readonly payment: Payment;
      /** A further payment that is cancelled is noted: nobody paid it. */
      readonly as: "payment" | "duplicate" | "cancelled";
      readonly by: "reply" | "look";
      /** The other charge of that amount or reference that was paid since; null for none. */
      readonly beside: string | null;
      readonly nextPoll: Due | null;
    })
  /** A refusal stands: a look, complete or not, has shown nothing that speaks against it. */
  | (About & {
      readonly type: "refusal_checked";
      readonly attempt: number;
      readonly complete: boolean;
      readonly nextLook: Due | null;
    })
  /** Nothing was found under a name that a reply told. */
  | (About & { readonly type: "name_dropped"; readonly paymentId: string })
  /** A payment may be this charge's, which a person has to judge. */
  | (About & {
      readonly type: "payment_contested";
      readonly payment: PaymentRecord;
      readonly reason: string;
    })
  /** It may be this charge's no more; `isOpen`: another charge's it may still be. */
  | (About & {
      readonly type: "contest_ended";
      readonly payment: PaymentRecord;
      readonly isOpen: boolean;
    })
  | {
      readonly type: "contradiction_found";
      readonly atMs: number;
      readonly chargeId: string;
      /** The payment as it stands in our books, and what Harmony says of it now. */
      readonly payment: PaymentRecord;
      readonly said: string;
    }
  | {
      readonly type: "payment_unattributed";
      readonly atMs: number;
      readonly chargeId: null;
      readonly payment: PaymentRecord;
      /** `seq` of the decision by which a person named it foreign; null where nobody did. */
      readonly decisionSeq: number | null;
    }
  | ((About | AboutRefund) & { readonly type: "replayed"; readonly count: number })
  | ((About | AboutRefund) & {
      readonly type: "key_mismatched";
      readonly differing: readonly string[];
      /** Null where a refund was asked for, which names no amount. */
      readonly amountMinor: number | null;
    })
  | (AboutRefund & {
      readonly type: "refund_intended";
      readonly identity: RefundIdentity;
      readonly attempt: Pick<RefundAttempt, "attempt" | "horizonMs">;
      readonly payment: Payment;
    })
  | (AboutRefund & {
      readonly type: "refund_answered";
      readonly attempt: number;
      readonly outcome: RefundOutcome;
      readonly becomes: Exclude<RefundState, "in_flight">;
      /** The payment as the answer left it, where it is known. */
      readonly payment: Payment | null;
      readonly httpStatus: number | null;
      readonly latencyMs: number | null;
      readonly excerpt: string | null;
      readonly nextRead: Due | null;
    })
  | (AboutRefund & {
      readonly type: "refund_resolved";
      readonly identity: RefundIdentity;
      readonly attempt: number | null;
      readonly as: "refunded" | "refused" | "not_refunded";
      readonly by: Exclude<RefundResolvedBy, "reply">;
      readonly payment: Payment;
      /** `seq`s of the entries it rests on. */
      readonly evidence: readonly number[];
      /** What a person said, where one decided: its entry is `operator_resolved`. */
      readonly decision: { readonly override: boolean; readonly reason: string } | null;
    })
  | (AboutRefund & {
      readonly type: "refund_escalated";
      readonly attempt: number | null;
      readonly reason: string;
    })
  | (About & { readonly type: "method_frozen" })
  | (About & { readonly type: "method_unfrozen" })
  | (AboutMethod & {
      readonly type: "method_created";
      readonly paymentMethodId: string;
      readonly externalId: string | null;
    })
  | (AboutMethod & {
      readonly type: "method_create_failed";
      /** Refused by Harmony's own word; unanswered, it may have been created. */
      readonly outcome: "refused" | "unanswered";
      readonly failure: string;
      readonly externalId: string | null;
    })
  | (AboutMethod & {
      readonly type: "method_revoked";
      /** Whether the answer to the revoke said so, or a read of the method after it. */
      readonly by: "reply" | "read";
      /** How often it was asked for: twice where the first was not answered and not done. */
      readonly tries: number;
    })
  | (AboutMethod & {
      readonly type: "method_revoke_failed";
      /** Refused by Harmony's own word; unknown, it may have been revoked, or may yet be. */
      readonly outcome: "refused" | "unknown";
      readonly failure: string;
      /** What a read of the method said after it, if it said anything. */
      readonly methodStatus: string | null;
      readonly tries: number;
    })
  | {
      readonly type: "method_resumed";
      readonly atMs: number;
      readonly chargeId: null;
      readonly reason: string;
      /** Why it was halted. */
      readonly halted: string;
    }
  | {
      readonly type: "reconciliation_recorded";
      readonly atMs: number;
      readonly chargeId: null;
      readonly outcome: RunOutcome;
      readonly summary: Summary;
    }
  /** A charge has had to wait for the whole history for an hour, and no look was complete. */
  | {
      readonly type: "history_unreadable";
      readonly atMs: number;
      readonly chargeId: null;
      /** When the first of those looks ended. */
      readonly sinceMs: number;
      readonly why: string | null;
      readonly httpStatus: number | null;
    }
  | {
      readonly type: "history_readable";
      readonly atMs: number;
      readonly chargeId: null;
      readonly sinceMs: number;
    }
  | {
      readonly type: "delivery_refused";
      readonly atMs: number;
      readonly chargeId: null;
      readonly reason: string;
    };

/** Who or what caused the facts of one step: a caller's request, an alarm, the cron. */
export interface Actor {
  readonly caller: string | null;
  readonly keyId: string | null;
  readonly requestId: string | null;
  readonly traceId: string | null;
  readonly origin: string | null;
}
