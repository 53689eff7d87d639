/**
 * Plays one step of a scenario for a charge, a refund or a revoke: whether the deed is done in the
 * book, and what the caller gets to see of it. Owns what every kind of step means. The deed itself,
 * and the answer that fits it, are handed in, since the kinds mean the same for all three.
 */
import { garbage, refusal, respond, respondDoubled, respondText } from "./wire.ts";
import { sever, unreachable } from "./wire.ts";
import type { ActStep } from "./kinds.ts";
import type { Action, Json } from "./wire.ts";

/** A status that no documentation of Harmony names. */
const UNKNOWN_STATUS = "UNDER_REVIEW";

/** Breaks a truncated answer off before the first character of an id. */
const CUT_BEFORE_ID = '{"id":"'.length;

export interface Deed<Then> {
  /** The status of an answer that says yes. */
  okStatus: number;
  /** Does it in the book, for good. */
  perform(): void;
  /** Leaves a trace of a decline in the book, where there is one to leave. */
  decline(): void;
  /** Begins it: `becomes` shows at the poll number `polls`. Gives the answer meanwhile. */
  pend(polls: number, becomes: Then): Record<string, Json>;
  performLater(afterMs: number): void;
  /** What Harmony would answer now, after one of the above. */
  answer(): Record<string, Json>;
  /** Of the payment that was touched; of the payment method for a revoke. */
  touchedId(): string;
  /** Of another one that the caller may know already. */
  knownId(): string;
  /** Where a redirect sends the caller. */
  redirectTo: string;
}

export function play<Then>(step: ActStep<Then>, deed: Deed<Then>): Action {
  switch (step.kind) {
    case "approve":
      deed.perform();
      return respond(deed.okStatus, deed.answer());
    case "decline":
      return decline(step.as, deed);
    case "pending":
      return respond(deed.okStatus, deed.pend(step.polls, step.then));
    case "lose_reply_after_charging":
      deed.perform();
      return sever(step.how, deed.answer(), deed.okStatus);
    case "lose_before_charging":
      return sever(step.how, { id: "", status: "", amount: 0 }, deed.okStatus, CUT_BEFORE_ID);
    case "error_after_charging":
      deed.perform();
      return refusal(step.status, "an error after the act");
    case "error_before_charging":
      return refusal(step.status, "an error before the act");
    case "error_naming_payment":
      deed.perform();
      return respond(step.status, { message: "an error after the act", id: deed.touchedId() });
    case "garbage_after_charging":
      deed.perform();
      return garbage(deed.okStatus);
    case "html_after_charging":
      deed.perform();
      return respondText(200, "<!doctype html><title>One moment</title>", "text/html");
    case "unknown_status_after_charging":
      deed.perform();
      return respond(deed.okStatus, { ...deed.answer(), status: UNKNOWN_STATUS });
    case "wrong_amount_after_charging":
      deed.perform();
      return respond(deed.okStatus, withWrongAmount(deed.answer()));
    case "approve_with_known_id":
      deed.perform();
      return respond(deed.okStatus, { ...deed.answer(), id: deed.knownId() });
    case "approve_in_capitals":
      deed.perform();
      return respond(deed.okStatus, inCapitals(deed.answer()));
    case "doubled_member_after_charging":
      deed.perform();
      return respondDoubled(deed.okStatus, deed.answer(), step, deed.knownId());
    case "redirect":
      return respondText(step.status, "", "text/plain", { location: deed.redirectTo });
    case "refuse":
      return refuse(step);
    case "late":
      deed.performLater(step.chargeAfterMs);
      return { kind: "sever", how: "hang" };
  }
  return unreachable(step);
}

function decline<Then>(as: "cancelled" | 400 | 402 | 404 | 422, deed: Deed<Then>): Action {
  if (as !== "cancelled") {
    return refusal(as, "declined");
  }
  deed.decline();
  return respond(deed.okStatus, deed.answer());
}

function refuse(step: { status: number; retryAfter: string | number | null; body: Json }): Action {
  const headers: Record<string, string> =
    step.retryAfter === null ? {} : { "retry-after": String(step.retryAfter) };
  return typeof step.body === "string"
    ? respondText(step.status, step.body, "text/plain; charset=utf-8", headers)
    : respond(step.status, step.body ?? { message: "refused" }, headers);
}

/** A UUID is the same in any letter case, and the history spells it in small ones. */
function inCapitals(answer: Record<string, Json>): Record<string, Json> {
  return typeof answer["id"] === "string" ? { ...answer, id: answer["id"].toUpperCase() } : answer;
}

function withWrongAmount(answer: Record<string, Json>): Record<string, Json> {
  return typeof answer["amount"] === "number"
    ? { ...answer, amount: answer["amount"] + 1 }
    : answer;
}
