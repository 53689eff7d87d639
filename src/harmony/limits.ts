/**
 * Owns what Harmony has asked us to wait for (429): for one payment method, and for all that this isolate
 * asks once two of them were told so. A restart forgets it. Must not send anything.
 */

/** What is limited apart from each other: a charge or a refund, and what only reads. */
export type Kind = "submission" | "query";

const MIN_SECONDS = 1;
const MAX_SECONDS = 600;
/** Where Harmony names no time. */
export const UNNAMED_SECONDS = 60;

/** A method's id and until when, in ms. */
type Told = ReadonlyMap<string, number>;

export class Limits {
  readonly #told: Record<Kind, Told> = { submission: new Map(), query: new Map() };

  /** Harmony has answered 429; `seconds` as it named them, null where it did not. */
  tell(kind: Kind, paymentMethodId: string, seconds: number | null, nowMs: number): void {
    const untilMs = nowMs + (seconds ?? UNNAMED_SECONDS) * 1000;
    this.#told[kind] = new Map([...this.#current(kind, nowMs), [paymentMethodId, untilMs]]);
  }

  /** How long nothing of that kind may leave for a payment method, in ms; 0 where it may. */
  leftMs(kind: Kind, paymentMethodId: string, nowMs: number): number {
    const told = this.#current(kind, nowMs);
    const untilMs = told.size > 1 ? Math.max(...told.values()) : told.get(paymentMethodId);
    return untilMs === undefined ? 0 : untilMs - nowMs;
  }

  /** What is not over; a time farther ahead than any that is named means that a clock went back. */
  #current(kind: Kind, nowMs: number): Told {
    const isCurrent = (untilMs: number) => nowMs < untilMs && untilMs - nowMs <= MAX_SECONDS * 1000;
    return new Map([...this.#told[kind]].filter(([, untilMs]) => isCurrent(untilMs)));
  }
}

/** Seconds of a `Retry-After` in either form (RFC 9110, 10.2.3), from one to ten minutes; null for none. */
export function retryAfterOf(header: string | null, nowMs: number): number | null {
  const text = header?.trim() ?? "";
  if (text === "" || text.length > 64) {
    return null;
  }
  // What begins with a letter is a date, or none.
  const dateMs = /^[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN;
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((dateMs - nowMs) / 1000);
  return Number.isNaN(seconds) ? null : Math.min(MAX_SECONDS, Math.max(MIN_SECONDS, seconds));
}
