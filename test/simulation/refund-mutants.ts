/**
 * Owns the planted bugs of refunds and revokes, beside those of charges in mutants.ts.
 */
import type { Mutant } from "./plant.ts";

export const REFUND_MUTANTS: readonly Mutant[] = [
  {
    name: "an alarm sends a refund again",
    edits: [
      {
        file: "payment-method/refund-reads.ts",
        from: `      await pollPayment(this.#host, this.#books, read, actor);
`,
        to: `      const { payment } = await pollPayment(this.#host, this.#books, read, actor);
      if (payment?.status === "CONFIRMED")
        await this.#host.harmony.refund(this.#host.paymentMethodId, payment.id, null);
`,
      },
    ],
  },
  {
    name: "another refund goes while one may be under way",
    edits: [
      {
        file: "domain/refund-decide.ts",
        from: `  if (all.some((one) => nowMs < underWayUntilMs(one))) {`,
        to: `  if (false) {`,
      },
    ],
  },
  {
    name: "a lost refund is asked for again before its horizon",
    edits: [
      {
        file: "domain/refund.ts",
        from: `(one.answeredAtMs ?? one.intendedAtMs) + spanMs(one)`,
        to: `(one.answeredAtMs ?? one.intendedAtMs) + spanMs(one) / 2`,
      },
    ],
  },
  {
    name: "under never a lost refund keeps nobody out",
    edits: [
      {
        file: "domain/refund.ts",
        from: `(one.answeredAtMs ?? one.intendedAtMs) + spanMs(one)`,
        to: `(one.answeredAtMs ?? one.intendedAtMs) + (one.horizonMs ?? 0)`,
      },
    ],
  },
  {
    name: "a further refund goes unread",
    edits: [
      {
        file: "domain/refund-decide.ts",
        from: `const isPlain = all.length === 0 && `,
        to: `const isPlain = `,
      },
    ],
  },
  {
    name: "a refund of what is not CONFIRMED is asked for",
    edits: [
      {
        file: "domain/refund-decide.ts",
        from: `  if (status === "CONFIRMED") {`,
        to: `  if (status !== "REFUNDED") {`,
      },
    ],
  },
  {
    name: "refuses by the books where Harmony took a refund back",
    edits: [
      {
        file: "domain/refund-decide.ts",
        from: `  const status = readAs ??`,
        to: `  if (record?.status === "REFUNDED" && refund?.state !== "in_doubt")
    return { type: "refuse", payment: bare(record) };
  const status = readAs ??`,
      },
    ],
  },
  {
    name: "tells a key that another key's refund is its own",
    edits: [
      {
        file: "domain/refund-decide.ts",
        from: `as: "refused", by: "read"`,
        to: `as: payment.status === "REFUNDED" ? "refunded" : "refused", by: "read"`,
      },
    ],
  },
  {
    name: "leaves the older key in doubt when a newer one is answered",
    edits: [
      {
        file: "domain/refund-decide.ts",
        from: `  if (outcome.kind === "refunded") {
    // Harmony`,
        to: `  if (false) {
    // Harmony`,
      },
    ],
  },
  {
    name: "tells the older key that it refunded when a newer one is answered",
    edits: [
      {
        file: "domain/refund-decide.ts",
        from: `as: "not_refunded",`,
        to: `as: "refunded",`,
      },
    ],
  },
  {
    name: "a refusal ends the doubt about an earlier attempt",
    edits: [
      {
        file: "domain/refund-decide.ts",
        from: `outcome.kind === "indeterminate" || doubt !== null`,
        to: `outcome.kind === "indeterminate"`,
      },
    ],
  },
  {
    name: "a read of REFUNDED ends the doubt of one key alone",
    edits: [
      {
        file: "domain/refund-doubt.ts",
        from: `for (const refund of refundsIn(draft, "in_doubt", payment.id)) {`,
        to: `for (const refund of refundsIn(draft, "in_doubt", payment.id).filter(
        ({ refundId }) => ("refundId" in noted.fact ? noted.fact.refundId : null) === refundId,
      )) {`,
      },
    ],
  },
  {
    name: "a read of REFUNDED ends no doubt",
    edits: [
      {
        file: "domain/refund-doubt.ts",
        from: `.filter(({ status }) => status === "REFUNDED")`,
        to: `.filter(({ status }) => status === "REFUNDED" && fact.type === "looked")`,
      },
    ],
  },
  {
    name: "a payment read CONFIRMED is taken for not refunded",
    edits: [
      {
        file: "domain/refund-doubt.ts",
        from: `  learnFromPoll(draft, { ...report, refundId, watch });`,
        to: `  learnFromPoll(draft, { ...report, refundId, watch });
  if (state === "in_doubt" && report.seen?.status === "CONFIRMED") {
    const conclusion = { as: "not_refunded", by: "read", evidence: [], decision: null } as const;
    const identity = identityOf(refundIn(draft, refundId));
    concludeRefund(draft, identity, { ...conclusion, payment: bare(report.seen) });
  }`,
      },
    ],
  },
  {
    name: "a read of before a refund was sent ends its doubt",
    edits: [
      {
        file: "domain/refund-doubt.ts",
        from: `const isNewer = beganSeq >= (lastRefundAttempt(refund)?.intentSeq ?? 0);`,
        to: `const isNewer = beganSeq >= 0;`,
      },
    ],
  },
  {
    name: "tells an older key that it refunded while a newer one is in flight",
    edits: [
      {
        file: "domain/refund-doubt.ts",
        from: ` && !isInFlight`,
        to: ``,
      },
    ],
  },
  {
    name: "a refund in doubt is read for no more",
    edits: [
      {
        file: "domain/refund-doubt.ts",
        from: `{ doubt: { ...doubt, looks }, nextRead }`,
        to: `{ doubt: { ...doubt, looks }, nextRead: null }`,
      },
    ],
  },
  {
    name: "asks no person about a refund in doubt",
    edits: [
      {
        file: "domain/refund-doubt.ts",
        from: `doubt.sinceMs >= DAY_MS`,
        to: `doubt.sinceMs >= 99 * DAY_MS`,
      },
    ],
  },
  {
    name: "asks a person about a refund at once",
    edits: [
      {
        file: "domain/refund-doubt.ts",
        from: `doubt.sinceMs >= DAY_MS`,
        to: `doubt.sinceMs >= 0`,
      },
    ],
  },
  {
    name: "takes a person's word against what Harmony shows",
    edits: [
      {
        file: "domain/refund-doubt.ts",
        from: `  if (!isProven && !override) {`,
        to: `  if (false) {`,
      },
    ],
  },
  {
    name: "takes a person's no while a refund may be under way",
    edits: [
      {
        file: "domain/refund-doubt.ts",
        from: `as === "not_refunded" && isOver && seen`,
        to: `as === "not_refunded" && seen`,
      },
    ],
  },
  {
    name: "tells of a person's decision and enters none",
    edits: [
      {
        file: "domain/refund-doubt.ts",
        from: `  concludeRefund(draft, identityOf(refund), {
    as,
    by: "operator",`,
        to: `  if (draft.view.nowMs < 0)
    concludeRefund(draft, identityOf(refund), {
    as,
    by: "operator",`,
      },
    ],
  },
  {
    name: "books a refund twice",
    edits: [
      {
        file: "domain/draft.ts",
        from: `? set(fact.outcome.payment, { missing: false, contradicted: null })`,
        to: `? 2 * set(fact.outcome.payment, { missing: false, contradicted: null })`,
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
        from: `  return from === "CONFIRMED" && to === "REFUNDED";`,
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
        from: `{ kind: "indeterminate", reason: "interrupted" } as const`,
        to: `{ kind: "not_sent", reason: "upstream_unavailable", retryAfterSeconds: null } as const`,
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
        file: "domain/refund-decide.ts",
        from: `  if (refund.request.paymentId !== request.paymentId) {`,
        to: `  if (false) {`,
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
