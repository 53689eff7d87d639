/**
 * Owns when work is due: looks, late looks, polls, and the time credited towards a horizon.
 * Must not read a clock: `nowMs` and `jitter` (0 to 1) are always handed in. Pure.
 */
import type { Attempt, Doubt, Due } from "./charge.ts";

/** The schedules of the configuration, in ms (contract.md, Configuration). */
export interface Schedules {
  readonly reconcileMs: readonly number[];
  readonly lateMs: readonly number[];
  readonly pollMs: readonly number[];
}

const HOUR_MS = 3_600_000;
/** Also how long a refund is in doubt before a person is asked. */
export const DAY_MS = 24 * HOUR_MS;

/** An escalated charge waits for a person; an hourly look still lets late evidence in. */
const ESCALATED_GAP_MS = HOUR_MS;
/** The horizon where none is in force. */
const UNDECIDED_HORIZON_MS = 900_000;
/**
 * A look that failed doubles the next delay up to this: an outage is not hammered, and its end is
 * noticed within minutes.
 */
const FAILED_GAP_MAX_MS = 300_000;
/** After this long a payment that is not final is polled daily and counts as open. */
const POLL_DAILY_AFTER_MS = 7 * DAY_MS;
/** The share by which a delay is stretched at random, so that methods do not look in step. */
const JITTER_SHARE = 0.1;

/** Entry `index` of a schedule whose last entry repeats. */
function step(list: readonly number[], index: number): number {
  return list[Math.min(index, list.length - 1)] ?? HOUR_MS;
}

function after(nowMs: number, gapMs: number, jitter: number): Due {
  const stretched = Math.round(gapMs * (1 + JITTER_SHARE * jitter));
  return { atMs: nowMs + stretched, gapMs: stretched };
}

/** Whether planned work is due: its time has come, or a clock went back over it. */
export function isDue(due: Due | null, nowMs: number): boolean {
  return due !== null && (due.atMs <= nowMs || due.atMs - nowMs > due.gapMs);
}

/** When planned work is to be done: now, where it is due. */
export function dueTime(due: Due, nowMs: number): number {
  return isDue(due, nowMs) ? nowMs : due.atMs;
}

/** What of a doubt's subject its schedule depends on. `horizonMs` is null under `never`. */
export interface Watch {
  readonly escalated: boolean;
  readonly horizonMs: number | null;
}

/** The planned delay before the next look: hourly once a person is asked and absence was observed. */
export function lookGapMs(
  schedules: Schedules,
  { looks, failures, creditedMs: credited }: Pick<Doubt, "looks" | "failures" | "creditedMs">,
  watch: Watch,
): number {
  const isHourly = watch.escalated && credited >= spanMs(watch);
  const planned = isHourly ? ESCALATED_GAP_MS : step(schedules.reconcileMs, looks);
  if (failures === 0) {
    return planned;
  }
  // A schedule may start with 0; doubling starts from a second at least.
  const doubled = Math.max(planned, 1000) * 2 ** Math.min(failures, 20);
  return Math.max(planned, Math.min(doubled, FAILED_GAP_MAX_MS));
}

/** When to look next for a charge in doubt. */
export function nextLook(
  schedules: Schedules,
  doubt: Doubt,
  watch: Watch,
  nowMs: number,
  jitter: number,
): Due {
  return after(nowMs, lookGapMs(schedules, doubt, watch), jitter);
}

/** When to look for late truth, `lateLooks` such looks after it was called not charged; null: no more. */
export function nextLateLook(
  schedules: Schedules,
  lateLooks: number,
  resolvedAtMs: number,
  nowMs: number,
  jitter: number,
): Due | null {
  const delay = schedules.lateMs[lateLooks];
  if (delay === undefined) {
    return null;
  }
  return after(nowMs, Math.max(0, resolvedAtMs + delay - nowMs), jitter);
}

/** When to look again after a late look that was not complete. */
export function repeatLateLook(nowMs: number, jitter: number): Due {
  return after(nowMs, HOUR_MS, jitter);
}

/** When to poll a payment next that is not final, `polls` polls after `sinceMs`. */
export function nextPoll(
  schedules: Schedules,
  polls: number,
  sinceMs: number,
  nowMs: number,
  jitter: number,
): Due {
  const daily = nowMs - sinceMs > POLL_DAILY_AFTER_MS;
  return after(nowMs, daily ? DAY_MS : step(schedules.pollMs, polls), jitter);
}

/**
 * Time credited towards the horizon by a complete look begun at `beganAtMs`: what passed since
 * the last counted look, at most what was planned after it, never less than nothing. An outage
 * thereby proves nothing, and a clock that jumps forward at most one planned delay.
 */
export function creditedMs(doubt: Doubt, beganAtMs: number): number {
  if (doubt.countedAtMs === null) {
    return 0;
  }
  const passed = beganAtMs - doubt.countedAtMs;
  return doubt.creditedMs + Math.max(0, Math.min(passed, doubt.plannedGapMs));
}

/** What of an attempt says whether absence can prove anything about it. */
type Decidable = Pick<Attempt, "horizonMs" | "nameIs" | "outcome">;

/**
 * Whether absence can prove anything about an attempt: not under `never`, and not where Harmony
 * answered: a payment that a reply named exists, and a yes that contradicts itself is no absence.
 */
function isDecidable({ horizonMs, nameIs, outcome }: Decidable): boolean {
  const isNamed = nameIs === "sure" || nameIs === "told";
  return horizonMs !== null && !isNamed && outcome !== "contradictory";
}

/**
 * How long what is said of an attempt may still turn out otherwise: its horizon. Under `never` absence
 * proves nothing, but a person hears of a doubt, and a no is believed by later charges, after 15 minutes.
 */
export function spanMs({ horizonMs }: Pick<Attempt, "horizonMs">): number {
  return horizonMs ?? UNDECIDED_HORIZON_MS;
}

/** Whether absence has been observed for long enough. */
export function horizonReached(attempt: Decidable, credited: number): boolean {
  return isDecidable(attempt) && credited >= (attempt.horizonMs ?? 0);
}

/**
 * Whether no rule can resolve this doubt in time: the horizon is `never` (or a payment was named),
 * or no look was complete for as long as the horizon is, at its start or since.
 */
export function mustEscalate(attempt: Decidable, doubt: Doubt, nowMs: number): boolean {
  const afterMs = spanMs(attempt);
  const undecidable = !isDecidable(attempt);
  return (
    // A clock that went back must not put it off: the credited time has no clock in it.
    (undecidable && Math.max(nowMs - doubt.sinceMs, doubt.creditedMs) >= afterMs) ||
    nowMs - (doubt.countedAtMs ?? doubt.sinceMs) >= afterMs
  );
}

/** The start of the doubt about an attempt that ended now. */
export function newDoubt(nowMs: number): Doubt {
  return {
    sinceMs: nowMs,
    looks: 0,
    failures: 0,
    countedAtMs: null,
    plannedGapMs: 0,
    creditedMs: 0,
    countedLooks: 0,
    firstCountedSeq: null,
    lastCountedSeq: null,
  };
}

/** The doubt after one more look; `seq` is the number of its entry. */
export function doubtAfter(
  schedules: Schedules,
  before: Doubt | null,
  look: { readonly complete: boolean; readonly beganAtMs: number; readonly seq: number },
  watch: Watch,
  nowMs: number,
): Doubt {
  const doubt = before ?? newDoubt(nowMs);
  const looks = doubt.looks + 1;
  if (!look.complete) {
    return { ...doubt, looks, failures: doubt.failures + 1 };
  }
  const counted = { looks, failures: 0, creditedMs: creditedMs(doubt, look.beganAtMs) };
  return {
    ...doubt,
    ...counted,
    countedAtMs: look.beganAtMs,
    plannedGapMs: lookGapMs(schedules, counted, watch),
    countedLooks: doubt.countedLooks + 1,
    firstCountedSeq: doubt.firstCountedSeq ?? look.seq,
    lastCountedSeq: look.seq,
  };
}

/** Alarm times are rounded up to this grid: each change of an alarm costs a commit. */
const ALARM_GRID_MS = 1000;
/** Far times can wait for a coarser grid, so that steady traffic leaves the alarm alone. */
const ALARM_COARSE_GRID_MS = 5000;
const ALARM_COARSE_FROM_MS = 10_000;

/** The time at which an alarm for `dueAtMs` is set. */
export function alarmTime(dueAtMs: number, nowMs: number): number {
  const grid = dueAtMs - nowMs >= ALARM_COARSE_FROM_MS ? ALARM_COARSE_GRID_MS : ALARM_GRID_MS;
  return Math.ceil(dueAtMs / grid) * grid;
}
