/**
 * Owns the wording of a payment method's answers that are not about a charge as it stands: what
 * was not sent and why. Must not decide what is sent.
 */
import type { Charge, NotSent } from "../domain/charge.ts";
import { ERRORS, type FirstUse, type Problem } from "../domain/errors.ts";
import { centavosToPesos } from "../domain/money.ts";
import type { LookReport } from "../domain/facts.ts";
import { firstWaitSeconds, heldBack, retryOfNotSent } from "../domain/not-sent.ts";
import {
  type Reply,
  replyProblem,
  RETRY_AFTER_SECONDS,
  secondsUntil,
  SLOW_SECONDS,
} from "../domain/reply.ts";
import type { Books } from "./books.ts";
import type { Answer } from "./commands.ts";
import type { Host } from "./host.ts";
import type { UnknownStateError } from "./unknown-state.ts";
import type { Settlement } from "./queue.ts";
import { found, untimed } from "./reads.ts";

export const RETRY = { retryAfterSeconds: RETRY_AFTER_SECONDS };

/** A person has to judge: asking more often than each minute brings nothing sooner. */
export const CONTESTED = { money: "unknown", retryAfterSeconds: 60 } as const;

/** What an error says of the charge under the key, where there is one. */
export function aboutCharge(books: Books, charge: Charge | null): Partial<Problem> {
  return charge === null ? {} : { chargeId: charge.chargeId, money: books.moneyOf(charge) };
}

/** To the cron, which asks for nothing but that work be done. */
export const AWAKE: Answer = untimed(found("{}", null));

/** An error by its code; no money moved unless `rest` says otherwise. */
export function problem(code: Problem["code"], rest: Partial<Problem> = {}): Reply {
  return replyProblem({ code, detail: ERRORS[code].explanation, money: "not_charged", ...rest });
}

/** What another charge is, to one that is told of it. */
export function firstUse(books: Books, charge: Charge): FirstUse {
  const { chargeId, state, request } = charge;
  const amount = centavosToPesos(request.amountMinor);
  return { chargeId, state, money: books.moneyOf(charge), amount };
}

/** The same key with another request: what differs, and what became of the first. */
export function mismatchAnswer(books: Books, charge: Charge, differing: readonly string[]): Reply {
  const { chargeId } = charge;
  const { amountMinor, ...members } = charge.request;
  const request = { amount: centavosToPesos(amountMinor), ...members };
  const first = { ...firstUse(books, charge), request };
  // The header speaks of this request, for which nothing was sent; `first` of the other.
  const money = "unknown";
  return problem("idempotency_key_reused", { money, chargeId, differing, first });
}

/** What the one who sent the attempt is told, once its outcome is recorded and looked for. */
export function answerAfter(books: Books, charge: Charge): Reply {
  if (charge.state !== "not_charged") {
    return books.about(charge, false);
  }
  const { chargeId } = charge;
  if (books.moneyOf(charge) !== "not_charged") {
    return problem("payment_contested", { ...CONTESTED, chargeId });
  }
  return notCharged(books, charge);
}

/** The answer about a charge that took nothing: why its last attempt was not sent, while that holds. */
export function notCharged(books: Books, charge: Charge): Reply {
  const { chargeId } = charge;
  const nowMs = books.nowMs();
  const held = heldBack(charge, nowMs);
  return held === null
    ? problem("not_charged", { chargeId })
    : notSentAnswer(books, held.notSent, { chargeId }, secondsUntil(held.untilMs, nowMs));
}

/** What was not sent, and why: the word and the wait are by what is known of the payment method. */
export function notSentAnswer(
  books: Books,
  notSent: NotSent,
  about: Partial<Problem>,
  retryAfterSeconds: number,
): Reply {
  const { reason, paymentMethodStatus } = notSent;
  const retry = retryOfNotSent(notSent, books.isKnownToHarmony());
  return problem(reason, {
    ...about,
    retry,
    ...(paymentMethodStatus === null ? {} : { paymentMethodStatus }),
    ...(retry === "same_key" ? { retryAfterSeconds } : {}),
  });
}

export const LIMITED =
  "Harmony has asked us to slow down (429), and the time it named is not over.";

/** Harmony does not answer, and what is sent now would most likely be in doubt. */
export const BRAKED = {
  ...RETRY,
  detail:
    "Harmony has not answered the last charges of other payment methods, so that none is sent for a moment but a probe. Nothing was sent.",
};

/** Harmony has asked us to wait: what is left of it. */
export function limited(leftMs: number, about: Partial<Problem>): Reply {
  const detail = `${LIMITED} Nothing was sent.`;
  const retryAfterSeconds = Math.ceil(leftMs / 1000);
  return problem("upstream_unavailable", { ...about, detail, retryAfterSeconds });
}

/** The payment method is not to be charged, as is known: nothing was asked of Harmony. */
export function notActive(books: Books, status: string, about: Partial<Problem>): Reply {
  const reason = "payment_method_not_active";
  const notSent = { reason, paymentMethodStatus: status, retryAfterSeconds: null } as const;
  return notSentAnswer(books, notSent, about, firstWaitSeconds(notSent));
}

/** The answer on stored state that this code does not understand: nothing is sent, a person is needed. */
export function haltedAnswer(host: Pick<Host, "log">, error: UnknownStateError): Answer {
  host.log("alert", "state_unknown", { message: error.message });
  return { reply: problem("halted", { money: "unknown" }), timing: null };
}

/** A settlement for which nothing went to Harmony. */
export function unsent(reply: Reply): Settlement {
  return { reply, harmonyMs: 0 };
}

/** Nothing is sent without a complete look; Harmony's own 401 and 404 say why there is none. */
export function lookFailed(
  books: Books,
  { httpStatus, why }: LookReport,
  charge: Charge | null,
): Reply {
  const isUnauthorized = httpStatus === 401 || httpStatus === 403;
  const notSent: NotSent = {
    reason: isUnauthorized
      ? "upstream_unauthorized"
      : httpStatus === 404
        ? "payment_method_not_found"
        : "upstream_unavailable",
    paymentMethodStatus: null,
    retryAfterSeconds: null,
  };
  const about = aboutCharge(books, charge);
  const { unreadable } = books.journal.method;
  if (notSent.reason === "upstream_unavailable" && unreadable?.told === true) {
    const since = new Date(unreadable.sinceMs).toISOString();
    return problem("history_unreadable", {
      ...about,
      detail: `Since ${since} the payment history of this payment method could not be read whole (${why}), without which nothing is sent. A person was told. Nothing was sent.`,
      retryAfterSeconds: SLOW_SECONDS,
    });
  }
  const detail = `The payment history must be read whole before this charge may be sent, and was not (${why}). Nothing was sent.`;
  const said = notSent.reason === "upstream_unavailable" ? { ...about, detail } : about;
  return notSentAnswer(books, notSent, said, firstWaitSeconds(notSent));
}
