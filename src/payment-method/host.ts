/**
 * Owns what the payment method's logic needs of its host: storage, clock, timers, randomness, the
 * alarm, Harmony and the ledger. The Durable Object hands in the real ones, the simulator its
 * own. Must not hold behaviour.
 */
import type { Rules } from "../domain/draft.ts";
import type { Entry } from "../domain/entries.ts";
import type { Harmony } from "../harmony/client.ts";
import type { Methods } from "../harmony/methods.ts";
import type { AppendResult, LastResult } from "../ledger/append.ts";
import type { ReportResult } from "../ledger/methods.ts";
import type { SharedBrake } from "./shared-brake.ts";

type SqlValue = string | number | null;

/** The part of `ctx.storage` that is used: synchronous SQL, and transactions of several statements. */
export interface Storage {
  readonly sql: {
    exec(query: string, ...bindings: SqlValue[]): { toArray(): Record<string, SqlValue>[] };
  };
  transactionSync<T>(body: () => T): T;
}

export interface Timer {
  /** Resolves after the delay, or never if cancelled. */
  readonly done: Promise<void>;
  cancel(): void;
}

/** Where entries go: the D1 ledger. Values back, never a throw. */
export interface Ledger {
  append(entries: readonly Entry[]): Promise<AppendResult>;
  lastOf(paymentMethodId: string): Promise<LastResult>;
}

/** Where the cron reads whom to wake: a table beside the ledger. Values back, never a throw. */
export interface Registry {
  /**
   * When to wake this method if its alarm does not, null where it has nothing to do; and why it is
   * halted, null where it is not.
   */
  report(wakeAtMs: number | null, nowMs: number, halted: string | null): Promise<ReportResult>;
}

export type LogLevel = "info" | "warn" | "alert";

export interface Host {
  readonly paymentMethodId: string;
  readonly storage: Storage;
  readonly harmony: Harmony;
  readonly methods: Methods;
  readonly ledger: Ledger;
  readonly registry: Registry;
  readonly rules: Rules;
  readonly harmonyTimeoutMs: number;
  readonly tag: boolean;
  /** Shared by every payment method of the isolate; null where it is switched off. */
  readonly brake: SharedBrake | null;
  now(): number;
  timer(delayMs: number): Timer;
  /** Runs after the reply has left, in a later turn; its failures are its own. */
  defer(delayMs: number, work: () => Promise<void>): void;
  /** A sortable id (UUID v7). */
  newId(): string;
  /** Eight characters of [0-9a-z]. */
  tagId(): string;
  /** From 0 to 1. */
  jitter(): number;
  /** Hash of the ids of a look, hex. */
  hashIds(ids: readonly string[]): string;
  setAlarm(atMs: number): Promise<void>;
  /** Ends this instance: everything not committed is gone, and callers may ask a fresh one. */
  abort(reason: string): void;
  log(level: LogLevel, event: string, fields: Record<string, unknown>): void;
}
