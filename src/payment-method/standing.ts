/**
 * Owns what the registry is told of this method: when it wants to be woken if its own alarm does
 * not, or that it has nothing to do. Must not wake or arm anything. A report that fails changes
 * nothing: the method is then woken early, and reports again.
 */
import { OVERDUE_AFTER_MS, REGISTER_EVERY_MS } from "../ledger/methods.ts";
import type { Books } from "./books.ts";
import type { Host } from "./host.ts";

/** A stored time is good from this long after the work is due: each change is a write to D1. */
const SLACK_MIN_MS = 5 * 60_000;
/** A stored time later than this after the work is due is moved up. */
const SLACK_MAX_MS = 20 * 60_000;
/** A halted method waits for a person; it is only looked at, so that its row stays true. */
const HALTED_CHECK_MS = 3_600_000;

export class Standing {
  readonly #host: Host;
  readonly #books: Books;
  /** What the registry holds, at the earliest; null: nothing to do; undefined: not known here. */
  #stored: number | null | undefined = undefined;
  /** Since when it is not known here; a registration may be as old as that. */
  #unknownSinceMs: number;
  #touches = 0;
  /** Why the registry was last told that it is halted; null: told that it is not, or not told. */
  #toldHalt: string | null = null;

  constructor(host: Host, books: Books) {
    this.#host = host;
    this.#books = books;
    this.#unknownSinceMs = host.now();
  }

  /** A caller's command came: the Worker has registered it, now or up to a minute ago. */
  touched(): void {
    this.#touches += 1;
    const nowMs = this.#host.now();
    if (this.#stored === null) {
      this.#stored = undefined;
      this.#unknownSinceMs = nowMs;
    } else if (this.#stored !== undefined) {
      this.#stored = Math.min(this.#stored, nowMs + OVERDUE_AFTER_MS - REGISTER_EVERY_MS);
    }
  }

  /** The cron has moved the stored time on, so that it has to be told how the method stands. */
  forget(): void {
    this.#stored = undefined;
    this.#unknownSinceMs = Number.NEGATIVE_INFINITY;
  }

  /** Tells the registry how the method stands, where that differs enough from what it holds. */
  async report(): Promise<void> {
    const nowMs = this.#host.now();
    const workDueAtMs = this.#dueAtMs(nowMs);
    const dueAtMs = workDueAtMs ?? this.#books.settlesAtMs(nowMs);
    const isSettling = workDueAtMs === null && dueAtMs !== null;
    // Quiet already, or the registration stands for a while yet and the alarm comes back before.
    const isEnough = this.#stored === null || (this.#stored === undefined && this.#isYoung(nowMs));
    const { halted } = this.#books.journal.method;
    const isTold = this.#toldHalt === halted;
    if (isTold && ((isSettling && isEnough) || this.#isGood(dueAtMs))) {
      return;
    }
    const wakeAtMs = dueAtMs === null ? null : dueAtMs + OVERDUE_AFTER_MS;
    const touches = this.#touches;
    const result = await this.#host.registry.report(wakeAtMs, nowMs, halted);
    const isKnown = result.type === "stored" && touches === this.#touches;
    this.#stored = isKnown ? result.wakeAtMs : undefined;
    this.#unknownSinceMs = nowMs;
    this.#toldHalt = result.type === "stored" ? halted : this.#toldHalt;
    if (result.type === "unavailable") {
      this.#host.log("warn", "report_failed", { message: result.message });
    }
  }

  #isYoung(nowMs: number): boolean {
    return Math.abs(nowMs - this.#unknownSinceMs) < SLACK_MIN_MS;
  }

  #dueAtMs(nowMs: number): number | null {
    const dueAtMs = this.#books.workDueAtMs(nowMs);
    const isHalted = this.#books.journal.method.halted !== null;
    if (dueAtMs !== null || !isHalted || !this.#books.journal.hasUndelivered) {
      return dueAtMs;
    }
    return nowMs + HALTED_CHECK_MS;
  }

  #isGood(dueAtMs: number | null): boolean {
    if (dueAtMs === null || this.#stored == null) {
      return dueAtMs === null && this.#stored === null;
    }
    const slackMs = this.#stored - dueAtMs;
    return slackMs >= SLACK_MIN_MS && slackMs <= SLACK_MAX_MS;
  }
}
