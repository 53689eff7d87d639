/**
 * Owns the judgement whether Harmony is out (design.md, The brake): over the last submissions of
 * one isolate, so that an outage does not freeze every card of the day. Must not read a clock nor
 * decide anything about one charge. Pure.
 */

/** One submission of this isolate; the brake's own memory, never stored. */
export interface Submission {
  readonly id: number;
  readonly paymentMethodId: string;
  readonly startedAtMs: number;
  readonly isProbe: boolean;
  /** Null while it is open. */
  readonly ended: { readonly atMs: number; readonly answered: boolean } | null;
}

export interface Brake {
  readonly submissions: readonly Submission[];
  readonly nextId: number;
  /** The pause before the next probe, and when the last one ended. */
  readonly pauseMs: number;
  readonly probedAtMs: number | null;
}

/** How many submissions are judged, and how many bad ones of them trip the brake. */
export const JUDGED = 20;
export const BAD_MIN = 10;
/** A submission that is open this much longer than usual counts as bad. */
const SLOW_BEYOND_MS = 2000;
/** What is usual while nothing has been answered yet. */
const USUAL_MS = 1000;
const PAUSE_MS = 1000;
const PAUSE_MAX_MS = 60_000;
/** An old verdict says nothing of now. */
const REMEMBERED_MS = 600_000;
/** Longer than any deadline: a submission still open by then was lost with its object. */
const OPEN_MAX_MS = 150_000;

export const RELEASED: Brake = { submissions: [], nextId: 1, pauseMs: PAUSE_MS, probedAtMs: null };

export type Permission = "go" | "probe" | "stop";

/** Whether a charge may be sent now, as any other (`go`), as the one probe, or not. */
export function permission(brake: Brake, nowMs: number): Permission {
  if (!isTripped(brake, nowMs)) {
    return "go";
  }
  const probing = brake.submissions.some((one) => one.isProbe && isOpen(one, nowMs));
  const since = brake.probedAtMs ?? lastBadMs(brake, nowMs);
  // A clock that went back must not hold the probe for ever.
  const paused = nowMs >= since && nowMs - since < brake.pauseMs;
  return probing || paused ? "stop" : "probe";
}

function isOpen({ ended, startedAtMs }: Submission, nowMs: number): boolean {
  return ended === null && nowMs - startedAtMs < OPEN_MAX_MS;
}

/** Notes that a charge leaves. */
export function begin(
  brake: Brake,
  paymentMethodId: string,
  nowMs: number,
  isProbe: boolean,
): { readonly brake: Brake; readonly id: number } {
  const id = brake.nextId;
  const submission = { id, paymentMethodId, startedAtMs: nowMs, isProbe, ended: null };
  const remembered = brake.submissions.filter(
    (one) => Math.abs(nowMs - one.startedAtMs) < REMEMBERED_MS,
  );
  return { brake: { ...brake, submissions: [...remembered, submission], nextId: id + 1 }, id };
}

/** Notes how it ended; only the first such note counts. A probe that was answered releases the brake; one that was not waits longer. */
export function end(brake: Brake, id: number, nowMs: number, answered: boolean): Brake {
  const own = brake.submissions.find((one) => one.id === id);
  if (own === undefined || own.ended !== null) {
    return brake;
  }
  if (own.isProbe && answered) {
    // The pause stays what it grew to until Harmony has shown that it is well again.
    const open = brake.submissions.filter((one) => one.ended === null && one.id !== id);
    return { ...brake, submissions: open, probedAtMs: null };
  }
  const ended = { atMs: nowMs, answered };
  const submissions = trim(
    brake.submissions.map((one) => (one.id === id ? { ...one, ended } : one)),
  );
  if (own.isProbe) {
    const pauseMs = Math.min(PAUSE_MAX_MS, brake.pauseMs * 2);
    return { ...brake, submissions, pauseMs, probedAtMs: nowMs };
  }
  const well = submissions.length >= JUDGED && submissions.every((one) => one.ended?.answered);
  return { ...brake, submissions, ...(well ? { pauseMs: PAUSE_MS } : {}) };
}

/** Every open submission, and as many ended ones as can be judged, in the order of their ending. */
function trim(submissions: readonly Submission[]): Submission[] {
  const open = submissions.filter((one) => one.ended === null);
  const ended = submissions
    .filter((one) => one.ended !== null)
    .toSorted((a, b) => (a.ended?.atMs ?? 0) - (b.ended?.atMs ?? 0));
  return [...ended.slice(-2 * JUDGED), ...open];
}

interface Verdict {
  readonly paymentMethodId: string;
  readonly atMs: number;
  readonly bad: boolean;
}

function isTripped(brake: Brake, nowMs: number): boolean {
  return verdicts(brake, nowMs).filter((one) => one.bad).length >= BAD_MIN;
}

/**
 * The last verdicts, each payment method once: one card whose every charge is lost (or one caller
 * who retries it) is no outage, and must not stop the others.
 */
function verdicts(brake: Brake, nowMs: number): Verdict[] {
  const slowMs = usualMs(brake) + SLOW_BEYOND_MS;
  const byMethod = new Map<string, Verdict>();
  const all = brake.submissions
    .flatMap((one): Verdict[] => {
      const { paymentMethodId, startedAtMs, ended } = one;
      if (ended !== null) {
        return [{ paymentMethodId, atMs: ended.atMs, bad: !ended.answered }];
      }
      const isSlow = isOpen(one, nowMs) && nowMs - startedAtMs > slowMs;
      return isSlow ? [{ paymentMethodId, atMs: startedAtMs + slowMs, bad: true }] : [];
    })
    .toSorted((a, b) => a.atMs - b.atMs);
  for (const verdict of all) {
    byMethod.delete(verdict.paymentMethodId);
    byMethod.set(verdict.paymentMethodId, verdict);
  }
  return [...byMethod.values()].slice(-JUDGED);
}

function lastBadMs(brake: Brake, nowMs: number): number {
  return Math.max(
    Number.NEGATIVE_INFINITY,
    ...verdicts(brake, nowMs).flatMap(({ bad, atMs }) => (bad ? [atMs] : [])),
  );
}

/** The median time that an answer took of late. */
function usualMs(brake: Brake): number {
  const times = brake.submissions
    .flatMap(({ startedAtMs, ended }) => (ended?.answered ? [ended.atMs - startedAtMs] : []))
    .toSorted((a, b) => a - b);
  return times[Math.floor(times.length / 2)] ?? USUAL_MS;
}
