/**
 * Owns the list of what must hold of a life once it is quiet: what the gateway's own books and
 * answers say, held against the simulated Harmony's book. Each check names what it found; they stand
 * under checks/. Must not change anything.
 */
import { assertOneAtATime } from "../payment-method/promises.ts";
import {
  assertRefundedOnce,
  assertRefundsAreAsked,
  assertRefundsKnown,
  assertRefundsSettled,
} from "../payment-method/refund-promises.ts";
import { assertContradictionsAreTold, assertContradictionsEnd } from "./checks/contradictions.ts";
import { assertDecisionsAreEntered, assertDecisionsStand } from "./checks/decisions.ts";
import { factsOf, type Facts, isLiedTo } from "./checks/facts.ts";
import {
  assertAbsenceWasProven,
  assertCompleteLooksShowAll,
  assertFewLooks,
  assertNothingKnownIsTaken,
  assertOwnIsPreferred,
} from "./checks/finding.ts";
import {
  assertContestsEnd,
  assertNoRuleBesideAContest,
  assertNothingBesideAName,
  assertNothingIsJudgedInFlight,
  assertTimeSpeaksForWhatIsTaken,
  assertWindowsClose,
} from "./checks/judging.ts";
import {
  assertAlarms,
  assertAlerts,
  assertDelivered,
  assertFinalStays,
  assertOpenIsExact,
  assertMoney,
  assertPositions,
} from "./checks/ledger.ts";
import {
  assertNothingIsForgotten,
  assertOnePaymentPerWish,
  assertToldTrue,
} from "./checks/money.ts";
import {
  assertAnswered,
  assertAnswersStay,
  assertEveryPaymentIsKnown,
  assertNewsStays,
  assertSettled,
} from "./checks/outcomes.ts";
import {
  assertDoubtsEndAsTheyMust,
  assertRefundDecisionsAreEntered,
} from "./checks/refund-doubts.ts";
import {
  assertNoRefundBesideADoubt,
  assertOneAnswerToEachRefund,
  assertRefundAnswersTrue,
  assertRefundKeysStay,
  assertRefundsEscalatedWithCause,
  assertRefundsLeftForCallers,
} from "./checks/refunds.ts";
import {
  assertCancelledIsReadAgain,
  assertCancelledStaysWithItsNo,
  assertEachNoIsLookedAt,
  assertMoneyIsTakenFirst,
  assertNamesAreRead,
  assertNoesAreBeliedInTime,
  assertNothingIsMissedEarly,
  assertRefusalsAreLookedAtInTheirRequest,
  assertRefusalsStandAlone,
  assertTakenIsProven,
} from "./checks/questions.ts";
import {
  assertDeclinesAreCheap,
  assertFreshNoesAreLookedAt,
  assertNothingBesideAContest,
  assertRefusalsAreLookedAt,
  assertRefusedYetPaidIsAlerted,
  assertRequestIdsFreezeNothing,
  assertTypesKnown,
} from "./checks/refusals.ts";
import { assertRevokesTrue } from "./checks/revokes.ts";
import {
  assertNeverTwoAtOnce,
  assertNoSubmissionBesideAPayment,
  assertOneAnswerEach,
} from "./checks/sending.ts";
import { assertDoubtsAreLookedAt, assertOlderNewsIsReadAgain } from "./checks/waiting.ts";
import type { Life } from "./life.ts";

type Check = (name: string, run: () => void) => void;

/** Everything that is wrong with a life; empty where nothing is. */
export function failuresOf(life: Life): string[] {
  const failures: string[] = [];
  const check: Check = (name, run) => {
    try {
      run();
    } catch (error) {
      const { message, cause } = error as Error;
      failures.push(`${name}: ${message}${cause instanceof Error ? `: ${cause.stack}` : ""}`);
    }
  };
  check("callers", () => assertAnswered(life));
  check("positions", () => assertPositions(life));
  for (const [index, world] of life.worlds.entries()) {
    const facts = factsOf(life, world, index);
    const on: Check = (name, run) => check(`card ${index}, ${name}`, run);
    on("ledger", () => assertDelivered(facts));
    on("alarms", () => assertAlarms(facts));
    on("looks", () => assertFewLooks(facts));
    if (!facts.isRestored) {
      checkCharges(facts, on);
      checkJudging(facts, on);
      checkRefunds(facts, on);
      checkRefusals(facts, on);
      on("revokes", () => assertRevokesTrue(facts));
      on("decisions", () => assertDecisionsAreEntered(facts));
      on("decisions stand", () => assertDecisionsStand(facts));
    }
  }
  return failures;
}

function checkCharges(facts: Facts, check: Check): void {
  check("order of charges", () => assertOneAtATime(facts.journal));
  check("concurrency", () => assertNeverTwoAtOnce(facts));
  check("attempts", () => assertOneAnswerEach(facts));
  check("looks", () => assertCompleteLooksShowAll(facts));
  check("adoptions", () => assertNothingKnownIsTaken(facts));
  check("own payment", () => assertOwnIsPreferred(facts));
  check("finality", () => assertFinalStays(facts));
  check("what is open", () => assertOpenIsExact(facts));
  check("rule", () => assertAbsenceWasProven(facts));
  check("submissions", () => assertNoSubmissionBesideAPayment(facts));
  check("payments", () => assertEveryPaymentIsKnown(facts));
  check("states", () => assertSettled(facts));
  check("wishes", () => assertOnePaymentPerWish(facts));
  check("what was told", () => assertToldTrue(facts));
  check("what was forgotten", () => assertNothingIsForgotten(facts));
  check("money", () => assertMoney(facts));
  check("answers", () => assertAnswersStay(facts));
  check("older news", () => assertNewsStays(facts));
  check("contradictions", () => assertContradictionsAreTold(facts));
  check("ends of contradictions", () => assertContradictionsEnd(facts));
  check("alerts", () => assertAlerts(facts));
}

function checkJudging(facts: Facts, check: Check): void {
  check("names of replies", () => assertNothingBesideAName(facts));
  check("dates", () => assertTimeSpeaksForWhatIsTaken(facts));
  check("windows", () => assertWindowsClose(facts));
  check("in flight", () => assertNothingIsJudgedInFlight(facts));
  check("rule beside a contest", () => assertNoRuleBesideAContest(facts));
  check("ends of contests", () => assertContestsEnd(facts));
  check("looks at doubts", () => assertDoubtsAreLookedAt(facts));
  check("reads after older news", () => assertOlderNewsIsReadAgain(facts));
}

function checkRefusals(facts: Facts, check: Check): void {
  check("types of entries", () => assertTypesKnown(facts));
  check("fresh noes", () => assertFreshNoesAreLookedAt(facts));
  check("refusals", () => assertRefusalsAreLookedAt(facts));
  check("contests", () => assertNothingBesideAContest(facts));
  check("declines", () => assertDeclinesAreCheap(facts));
  check("request ids", () => assertRequestIdsFreezeNothing(facts));
  check("refused yet paid", () => assertRefusedYetPaidIsAlerted(facts));
  check("what belies a no", () => assertNoesAreBeliedInTime(facts));
  check("what is taken first", () => assertMoneyIsTakenFirst(facts));
  check("what is taken", () => assertTakenIsProven(facts));
  check("refusals that stand", () => assertRefusalsStandAlone(facts));
  check("looks at refusals", () => assertRefusalsAreLookedAtInTheirRequest(facts));
  check("looks at noes", () => assertEachNoIsLookedAt(facts));
  check("what is left behind", () => assertCancelledStaysWithItsNo(facts));
  check("what is cancelled", () => assertCancelledIsReadAgain(facts));
  check("names", () => assertNamesAreRead(facts));
  check("what is missing", () => assertNothingIsMissedEarly(facts));
}

function checkRefunds(facts: Facts, check: Check): void {
  const { world, journal, refundAsks } = facts;
  const calls = refundAsks.map(({ call }) => call);
  check("intents of refunds", () => assertRefundsAreAsked(world, journal));
  check("refunds nobody waited for", () => assertRefundsLeftForCallers(facts));
  check("refunds beside a doubt", () => assertNoRefundBesideADoubt(facts));
  check("doubts about refunds", () => assertDoubtsEndAsTheyMust(facts));
  check("decisions about refunds", () => assertRefundDecisionsAreEntered(facts));
  check("answers to refunds", () => assertOneAnswerToEachRefund(facts));
  check("refunded once", () => assertRefundedOnce(world, journal, calls));
  check("states of refunds", () => assertRefundsSettled(world));
  if (journal.length > 0 && !isLiedTo(facts)) {
    // A payment of another amount that a reply named as ours is a contradiction, for a person.
    if (!facts.payments.some(({ goneAt }) => goneAt !== undefined)) {
      check("refunds known", () => assertRefundsKnown(world));
    }
    check("escalated refunds", () => assertRefundsEscalatedWithCause(facts));
  }
  check("answers about refunds", () => assertRefundAnswersTrue(facts));
  check("keys of refunds", () => assertRefundKeysStay(facts));
}
