/**
 * Owns the planted bugs of refunds and revokes, beside those of charges in mutants.ts.
 */
import type { Mutant } from "./plant.ts";

export const REFUND_MUTANTS: readonly Mutant[] = [
  {
    name: "tells a late refund's key of another key's refund",
    edits: [
      {
        file: "domain/refund-decide.ts",
        from: `return hasUnexplainedAttempt(refund) && !claimed;`,
        to: `return hasUnexplainedAttempt(refund);`,
      },
    ],
  },
  {
    name: "tells two keys of one refund",
    edits: [
      {
        file: "domain/refund-decide.ts",
        from: `  if (done !== undefined) {`,
        to: `  if (false) {`,
      },
      {
        file: "domain/refund-decide.ts",
        from: `const ours = refund !== null && hasUnexplainedAttempt(refund);`,
        to: `const ours = true;`,
      },
    ],
  },
  {
    name: "an alarm sends a refund again",
    edits: [
      {
        file: "payment-method/refund-reads.ts",
        from: `      await this.read(refund, actor);
    }
  }

  /** The first read`,
        to: `      const { payment } = await this.read(refund, actor);
      if (payment?.status === "CONFIRMED")
        await this.#host.harmony.refund(this.#host.paymentMethodId, payment.id, null);
    }
  }

  /** The first read`,
      },
    ],
  },
  {
    name: "books a refund twice",
    edits: [
      {
        file: "domain/draft.ts",
        from: `return fact.outcome.kind === "refunded" ? set(fact.outcome.payment, { missing: false }) : 0;`,
        to: `return fact.outcome.kind === "refunded" ? 2 * set(fact.outcome.payment, {}) : 0;`,
      },
    ],
  },
  {
    name: "books a refund when it is answered and again when it is resolved",
    edits: [
      {
        file: "domain/draft.ts",
        from: `    case "refund_intended":
    case "refund_resolved":`,
        to: `    case "refund_resolved":
      return fact.as === "refunded" && fact.chargeId !== null ? -fact.payment.amountMinor : 0;
    case "refund_intended":`,
      },
    ],
  },
  {
    name: "books no refund that others made",
    edits: [
      {
        file: "domain/status.ts",
        from: `  return from === "CONFIRMED" && (to === "REFUNDED" || to === "CANCELLED");`,
        to: `  return from === "CONFIRMED" && to === "CANCELLED";`,
      },
    ],
  },
  {
    name: "sends a refund before its intent is durable",
    edits: [
      {
        file: "payment-method/refunds.ts",
        from: `      const refund = this.#books.step(command.actor, this.#books.around(payment.id), (draft) =>
        intendRefund(draft, identity, payment),
      );`,
        to: `      const submission = await this.#host.harmony.refund(paymentMethodId, payment.id, request.reason);
      const refund = this.#books.step(command.actor, this.#books.around(payment.id), (draft) =>
        intendRefund(draft, identity, payment),
      );`,
      },
      {
        file: "payment-method/refunds.ts",
        from: `      const { harmony } = this.#host;
      const submission = await harmony.refund(
        paymentMethodId,
        this.#books.speltOf(payment.id),
        request.reason,
      );`,
        to: ``,
      },
    ],
  },
  {
    name: "forgets a refund that a crash interrupted",
    edits: [
      {
        file: "payment-method/refund-reads.ts",
        from: `if (state === "in_flight" && refundId !== this.#owned()) {`,
        to: `if (false) {`,
      },
    ],
  },
  {
    name: "takes a refund that a crash interrupted for not made",
    edits: [
      {
        file: "domain/refund-decide.ts",
        from: `{ kind: "indeterminate", reason: "interrupted" },`,
        to: `{ kind: "not_sent", reason: "upstream_unavailable", retryAfterSeconds: null },`,
      },
    ],
  },
  {
    name: "takes a payment still CONFIRMED for not refunded at once",
    edits: [
      {
        file: "domain/refund-watch.ts",
        from: `if (unmoved && horizonReached(rule, doubt.creditedMs)) {`,
        to: `if (unmoved) {`,
      },
    ],
  },
  {
    name: "another refund goes while one is in doubt",
    edits: [
      {
        file: "domain/refund-decide.ts",
        from: `  if (others.some(isRefundUndecided)) {`,
        to: `  if (false) {`,
      },
    ],
  },
  {
    name: "a refund goes that nobody waits for any more",
    edits: [
      {
        file: "payment-method/refunds.ts",
        from: `if (ticket.waiters.size === 0) {`,
        to: `if (false) {`,
      },
    ],
  },
  {
    name: "forgets the late reads of a refund",
    edits: [
      {
        file: "domain/refund-watch.ts",
        from: `      horizonMs: attempt.horizonMs,
      nextRead: nextLateLook(rules, 0, nowMs, nowMs, jitter),`,
        to: `      horizonMs: attempt.horizonMs,
      nextRead: null,`,
      },
    ],
  },
  {
    name: "takes a lost answer to a refund for a refusal",
    edits: [
      {
        file: "harmony/classify-refund.ts",
        from: `    return indeterminate(exchange.reason);`,
        to: `    return notSent("upstream_unavailable");`,
      },
    ],
  },
  {
    name: "takes any yes to a refund for this payment's",
    edits: [
      {
        file: "harmony/classify-refund.ts",
        from: `  return payment.status === "REFUNDED"
    ? `,
        to: `  return payment !== null
    ? `,
      },
    ],
  },
  {
    name: "does not bind the first final answer to a refund",
    edits: [
      {
        file: "domain/refund-reply.ts",
        from: `      ...refund.boundReply,`,
        to: `      ...(bindRefundReply({ ...refund, payment }) ?? refund.boundReply),`,
      },
    ],
  },
  {
    name: "answers a refund of another payment like a repeat",
    edits: [
      {
        file: "domain/refund.ts",
        from: `return first.paymentId === second.paymentId ? [] : ["paymentId"];`,
        to: `return [];`,
      },
    ],
  },
  {
    name: "lets a refund have a charge's key",
    edits: [
      {
        file: "payment-method/refunds.ts",
        from: `    if (charge !== null) {
      const differing = ["operation"];`,
        to: `    if (false) {
      const differing = ["operation"];`,
      },
    ],
  },
  {
    name: "lets a charge have a refund's key",
    edits: [
      {
        file: "payment-method/payment-method.ts",
        from: `    if (refund !== null) {
      const differing = ["operation"];`,
        to: `    if (false) {
      const differing = ["operation"];`,
      },
    ],
  },
  {
    name: "leaves a refund to a person and tells nobody",
    edits: [
      {
        file: "payment-method/books.ts",
        from: `  "refund_escalated",
`,
        to: ``,
      },
    ],
  },
  {
    name: "enters a revoke that Harmony refused",
    edits: [
      {
        file: "payment-method/revoke.ts",
        from: `    if (asked.type === "done") {`,
        to: `    if (asked.type === "done" || asked.type === "refused") {`,
      },
    ],
  },
  {
    name: "takes an unread revoke for done",
    edits: [
      {
        file: "payment-method/revoke.ts",
        from: `    if (asked.type === "done") {`,
        to: `    if (asked.type !== "refused") {`,
      },
    ],
  },
  {
    name: "revokes in the middle of a charge",
    edits: [
      {
        file: "payment-method/turn.ts",
        from: `const done = queue.run(async () => {`,
        to: `const done = ((run: () => Promise<Reply | null>) => run())(async () => {`,
      },
    ],
  },
];
