/**
 * Owns what follows from the answer whose a payment is: adoption, late truth, a person's question, a
 * report. Must not hold the rows: whose.ts does. Pure.
 */
import { type AttemptRecord, hasPayment, isUnexplained, lastAttempt } from "./charge.ts";
import { contest } from "./contest.ts";
import { pollOf } from "./polls.ts";
import { attemptsIn, chargeIn, type Draft, note } from "./draft.ts";
import { bare, holdsMoney, type PaymentRecord } from "./payment.ts";
import { nextLateLook } from "./schedule.ts";
import { type Verdict, whose } from "./whose.ts";

/**
 * Notes what whose.ts says of every payment that no charge has: those in `listed`, and those that a
 * reply named and a read of that id has shown. `evidenceSeq` is the entry that it rests on.
 */
export function judge(
  draft: Draft,
  listed: ReadonlySet<string>,
  evidenceSeq: number,
): readonly Verdict[] {
  const { nowMs, rules } = draft.view;
  const { foreignWriters, lateMs } = rules;
  const payments = [...draft.payments.values()];
  const verdicts = whose(attemptsIn(draft), payments, listed, { foreignWriters, lateMs, nowMs });
  for (const verdict of verdicts) {
    apply(draft, verdict, evidenceSeq);
  }
  return verdicts;
}

function apply(draft: Draft, verdict: Verdict, evidenceSeq: number): void {
  const { payment } = verdict;
  switch (verdict.is) {
    case "a charge's":
      attribute(draft, payment, verdict, evidenceSeq);
      return;
    case "a person's":
      for (const chargeId of verdict.fits) {
        contest(draft, chargeId, payment, verdict.reason);
      }
      return;
    case "denied":
      return;
    case "nobody's":
      // What the baseline listed was there before our books began.
      if (!payment.unattributed && payment.recordedSeq > (draft.baselineSeq ?? 0)) {
        note(draft, {
          type: "payment_unattributed",
          atMs: draft.view.nowMs,
          chargeId: null,
          payment,
          decisionSeq: null,
        });
      }
  }
}

/** Ends the doubt, or is late truth: its payment, a further one, or one that was cancelled. */
function attribute(
  draft: Draft,
  record: PaymentRecord,
  { by, of }: Verdict & { is: "a charge's" },
  evidenceSeq: number,
): void {
  const { nowMs, jitter, rules } = draft.view;
  const charge = chargeIn(draft, of.chargeId);
  const payment = bare(record);
  const about = { atMs: nowMs, chargeId: of.chargeId, attempt: of.attempt, payment };
  const pollDue = pollOf(draft, payment);
  const isCancelled = payment.status === "CANCELLED";
  const others = charge.attempts.some((a) => a.attempt !== of.attempt && isUnexplained(a));
  // A refusal that left a cancelled payment is one: its answer stays Harmony's own. Nor does what one
  // attempt has left say anything of another that is in doubt.
  const isRefused = lastAttempt(charge).refusal !== null;
  const isNoted = isCancelled && (isRefused || others || charge.payment !== null);
  if (charge.state === "in_doubt" && !isNoted) {
    const nextLook = others ? nextLateLook(rules, 0, nowMs, nowMs, jitter) : null;
    const plans = { nextLook, nextPoll: pollDue };
    note(draft, { type: "payment_adopted", ...about, by, evidenceSeq, ...plans });
    return;
  }
  const as = isNoted ? "cancelled" : hasPayment(charge) ? "duplicate" : "payment";
  note(draft, {
    type: "late_truth_found",
    ...about,
    as,
    by: "look",
    beside: paidSince(draft, of),
    nextPoll: pollDue,
  });
}

function isPaid(draft: Draft, { explainedBy }: AttemptRecord): boolean {
  const payment = explainedBy === null ? undefined : draft.payments.get(explainedBy);
  return payment !== undefined && holdsMoney(payment);
}

/** The other charge of that amount or reference that was paid since: one of the two is to be given back. */
function paidSince(draft: Draft, late: AttemptRecord): string | null {
  const paid = attemptsIn(draft).find(
    (one) =>
      one.chargeId !== late.chargeId &&
      isPaid(draft, one) &&
      one.intentSeq > late.intentSeq &&
      (one.amountMinor === late.amountMinor ||
        (one.reference !== null && one.reference === late.reference)),
  );
  return paid?.chargeId ?? null;
}
