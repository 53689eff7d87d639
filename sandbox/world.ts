/**
 * What the handlers of the sandbox share: the book, the exchanges, the outage, and the clock, ids
 * and timers that were handed in. Owns no rule.
 */
import type { Book } from "./book.ts";
import type { ExchangeKind, Exchanges } from "./exchanges.ts";
import type { ActStep, ChargeStep, ReadStep } from "./kinds.ts";
import type { Action, HarmonyRequest } from "./wire.ts";

export const OUTAGE_MODES = ["none", "refuse", "hang", "error500"] as const;
export type OutageMode = (typeof OUTAGE_MODES)[number];

export interface World {
  readonly book: Book;
  readonly exchanges: Exchanges;
  readonly now: () => number;
  readonly uuid: () => string;
  /** Does a late act of the book when its time has come, unless it was forgotten by then. */
  readonly scheduleLateAct: (id: string, afterMs: number) => void;
  /** The answer to the latest charge of each method, whether or not anybody got to read it. */
  readonly chargeAnswers: Map<string, Action>;
  outage: OutageMode;
  /** The kinds of call that the outage strikes; null for all of them. */
  outageKinds: readonly ExchangeKind[] | null;
}

/** What was answered, and which step of a scenario made it so. */
export interface Played {
  action: Action;
  step: string | null;
  delayMs: number;
}

export function plain(action: Action): Played {
  return { action, step: null, delayMs: 0 };
}

/** Undefined stands for normal behaviour. */
export function played(
  step: ActStep<unknown> | ChargeStep | ReadStep | undefined,
  action: Action,
): Played {
  return step === undefined
    ? plain(action)
    : { action, step: step.kind, delayMs: "latencyMs" in step ? step.latencyMs : 0 };
}

/** A caller that followed our redirect is served as any other: the scenario was used up by it. */
export const REDIRECTED = "redirected=1";

export function isRedirected(request: HarmonyRequest): boolean {
  return request.query["redirected"] === "1";
}
