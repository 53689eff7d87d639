/** When work is due, and how much time a look proves. Clocks jump here. Pure. */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import type { Doubt } from "../../src/domain/charge.ts";
import {
  alarmTime,
  creditedMs,
  doubtAfter,
  horizonReached,
  isDue,
  lookGapMs,
  mustEscalate,
  newDoubt,
  nextLateLook,
  nextLook,
  nextPoll,
  repeatLateLook,
  type Watch,
} from "../../src/domain/schedule.ts";
import { attemptOf, RULES, T0 } from "./builders.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What says how often a charge in doubt is looked at: it is new, and no person was told of it. */
const FRESH: Watch = { escalated: false, horizonMs: 900_000 };

/** The planned delay after so many looks, so many of them just failed. */
function gapMs(looks: number, failures: number, watch: Watch = FRESH, credited = 0): number {
  return lookGapMs(RULES, { looks, failures, creditedMs: credited }, watch);
}

function counted(change: Partial<Doubt> = {}): Doubt {
  return { ...newDoubt(T0), countedAtMs: T0, plannedGapMs: 60_000, ...change };
}

describe("the time credited towards the horizon", () => {
  it("starts with the first complete look", ({ expect }) => {
    expect(creditedMs(newDoubt(T0), T0 + HOUR_MS)).toBe(0);
  });

  it("is what passed between two complete looks", ({ expect }) => {
    expect(creditedMs(counted({ creditedMs: 7 }), T0 + 60_000)).toBe(60_007);
  });

  it("is at most the planned delay, so that an outage proves nothing", ({ expect }) => {
    expect(creditedMs(counted(), T0 + 60_000)).toBe(60_000);
    expect(creditedMs(counted(), T0 + 60_001)).toBe(60_000);
    expect(creditedMs(counted({ creditedMs: 7 }), T0 + DAY_MS)).toBe(60_007);
  });

  it("is nothing where the clock went back", ({ expect }) => {
    expect(creditedMs(counted({ creditedMs: 7 }), T0 - DAY_MS)).toBe(7);
  });

  it("never shrinks and never grows by more than the planned delay, whatever the clock does", ({
    expect,
  }) => {
    const time = fc.integer({ min: -(10 ** 13), max: 10 ** 13 });
    fc.assert(
      fc.property(
        time,
        time,
        fc.nat(DAY_MS),
        fc.nat(DAY_MS),
        (last, began, plannedGapMs, before) => {
          const doubt = counted({ countedAtMs: last, plannedGapMs, creditedMs: before });
          const credited = creditedMs(doubt, began);
          expect(credited).toBeGreaterThanOrEqual(before);
          expect(credited - before).toBeLessThanOrEqual(plannedGapMs);
          expect(credited - before).toBeLessThanOrEqual(Math.max(0, began - last));
        },
      ),
    );
  });
});

describe("the horizon", () => {
  const attempt = attemptOf({ horizonMs: 900_000 });

  it("is reached when all of it is credited, not before", ({ expect }) => {
    expect(horizonReached(attempt, 899_999)).toBe(false);
    expect(horizonReached(attempt, 900_000)).toBe(true);
  });

  it("is never reached under `never`, nor where a reply named a payment", ({ expect }) => {
    expect(horizonReached({ ...attempt, horizonMs: null }, Number.MAX_SAFE_INTEGER)).toBe(false);
    for (const nameIs of ["sure", "told"] as const) {
      expect(horizonReached({ ...attempt, nameIs }, Number.MAX_SAFE_INTEGER)).toBe(false);
    }
  });

  it("is reached beside a name that is but a guess", ({ expect }) => {
    expect(horizonReached({ ...attempt, nameIs: "guess" }, 900_000)).toBe(true);
  });

  it("hands over to a person where no rule can decide by then", ({ expect }) => {
    const never = { ...attempt, horizonMs: null };
    const named = { ...attempt, nameIs: "sure" as const };
    expect(mustEscalate(never, counted(), T0 + 899_999)).toBe(false);
    expect(mustEscalate(never, counted(), T0 + 900_000)).toBe(true);
    expect(mustEscalate(named, counted(), T0 + 900_000)).toBe(true);
    expect(mustEscalate(attempt, newDoubt(T0), T0 + 900_000)).toBe(true);
    expect(mustEscalate(attempt, counted({ countedAtMs: T0 + 500_000 }), T0 + 900_000)).toBe(false);
  });

  it("hands over to a person where looks were complete once and then no more", ({ expect }) => {
    const doubt = counted({ countedAtMs: T0 + 500_000 });
    expect(mustEscalate(attempt, doubt, T0 + 1_399_999)).toBe(false);
    expect(mustEscalate(attempt, doubt, T0 + 1_400_000)).toBe(true);
  });
});

describe("a doubt over many looks", () => {
  /** Looks in a row, each so long after the one before and by a clock that jumped so far. */
  function after(steps: readonly { afterMs: number; jumpMs: number; complete: boolean }[]) {
    let doubt = newDoubt(T0);
    let [nowMs, trueMs, jumps] = [T0, 0, 0];
    for (const [index, { afterMs, jumpMs, complete }] of steps.entries()) {
      nowMs += afterMs + jumpMs;
      trueMs += index === 0 ? 0 : afterMs;
      jumps += index > 0 && jumpMs > 0 ? 1 : 0;
      doubt = doubtAfter(RULES, doubt, { complete, beganAtMs: nowMs, seq: index }, FRESH, nowMs);
    }
    return { doubt, trueMs, jumps };
  }

  it("credits at most the time between its looks, and one planned delay for each jump forward", ({
    expect,
  }) => {
    const steps = fc.array(
      fc.record({
        afterMs: fc.integer({ min: 0, max: 400_000 }),
        jumpMs: fc.constantFrom(0, 0, 0, 10_000, 900_000, DAY_MS, -60_000, -DAY_MS),
        complete: fc.constantFrom(true, true, true, false),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(steps, (list) => {
        const { doubt, trueMs, jumps } = after(list);
        expect(doubt.creditedMs).toBeLessThanOrEqual(trueMs + jumps * 120_000);
      }),
      { numRuns: 2000 },
    );
  });

  it("needs at least 8 looks 120 seconds apart for 900 seconds, whatever the clock does", ({
    expect,
  }) => {
    const jumping = Array.from({ length: 40 }, () => ({
      afterMs: 0,
      jumpMs: DAY_MS,
      complete: true,
    }));
    const reached = jumping.findIndex(
      (_, index) => after(jumping.slice(0, index + 1)).doubt.creditedMs >= 900_000,
    );
    // 2, 5, 15 and 60 seconds, then 120 each.
    expect(reached).toBe(4 + Math.ceil((900 - 82) / 120));
  });

  it("plans what it credits: the delay after this look, by looks made and not by failures", ({
    expect,
  }) => {
    const complete = { afterMs: 1000, jumpMs: 0, complete: true };
    const failed = { ...complete, complete: false };
    const { doubt } = after([complete, failed, failed]);
    expect(doubt).toMatchObject({ looks: 3, failures: 2, plannedGapMs: 2000, countedLooks: 1 });
    const again = after([complete, failed, failed, complete]).doubt;
    // Three seconds had passed, two of them planned.
    expect(again).toMatchObject({ failures: 0, creditedMs: 2000, plannedGapMs: 60_000 });
    expect(again).toMatchObject({ countedLooks: 2, firstCountedSeq: 0, lastCountedSeq: 3 });
  });

  it("begins with the first look where there was none", ({ expect }) => {
    const look = { complete: true, beganAtMs: T0 - 5, seq: 7 };
    expect(doubtAfter(RULES, null, look, FRESH, T0)).toEqual({
      ...newDoubt(T0),
      looks: 1,
      countedLooks: 1,
      countedAtMs: T0 - 5,
      plannedGapMs: 2000,
      firstCountedSeq: 7,
      lastCountedSeq: 7,
    });
  });
});

describe("looks", () => {
  it("follow the configured delays, the last of which repeats", ({ expect }) => {
    const gaps = [0, 1, 2, 3, 4, 5, 6, 100].map((looks) => gapMs(looks, 0));
    expect(gaps).toEqual([0, 2000, 5000, 15_000, 60_000, 120_000, 120_000, 120_000]);
  });

  it("are hourly once a person was told and absence was observed over the horizon", ({
    expect,
  }) => {
    const told = { ...FRESH, escalated: true };
    expect(gapMs(50, 0, told, 899_999)).toBe(120_000);
    expect(gapMs(50, 0, told, 900_000)).toBe(HOUR_MS);
    expect(gapMs(0, 0, told, 900_000)).toBe(HOUR_MS);
    expect(gapMs(50, 9, told, 900_000)).toBe(HOUR_MS);
    expect(gapMs(50, 0, FRESH, DAY_MS)).toBe(120_000);
    expect(gapMs(50, 0, { ...told, horizonMs: 60_000 }, 59_999)).toBe(120_000);
    expect(gapMs(50, 0, { ...told, horizonMs: 60_000 }, 60_000)).toBe(HOUR_MS);
  });

  it("are so after 15 minutes where the horizon is `never`", ({ expect }) => {
    const never = { escalated: true, horizonMs: null };
    expect(gapMs(50, 0, never, 899_999)).toBe(120_000);
    expect(gapMs(50, 0, never, 900_000)).toBe(HOUR_MS);
  });

  it("wait twice as long after each that failed, up to five minutes", ({ expect }) => {
    const gaps = [1, 2, 3, 4, 1000].map((failures) => gapMs(5, failures));
    expect(gaps).toEqual([240_000, 300_000, 300_000, 300_000, 300_000]);
    const early = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((failures) => gapMs(0, failures));
    expect(early).toEqual([2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000]);
  });

  it("notice the end of an outage within five minutes, though a person was told", ({ expect }) => {
    for (const horizonMs of [900_000, null]) {
      const gap = gapMs(60, 50, { escalated: true, horizonMs }, 0);
      expect(gap).toBe(300_000);
      expect(
        nextLook(
          RULES,
          { ...newDoubt(T0), looks: 60, failures: 50 },
          { escalated: true, horizonMs },
          T0,
          1,
        ),
      ).toEqual({ atMs: T0 + 330_000, gapMs: 330_000 });
    }
  });

  it("wait as long as is planned where that is more than five minutes", ({ expect }) => {
    const slow = { ...RULES, reconcileMs: [600_000] };
    const doubt = { looks: 3, failures: 2, creditedMs: 0 };
    expect(lookGapMs(slow, doubt, FRESH)).toBe(600_000);
  });

  it("never wait longer than an hour, nor shorter than planned, however many failed", ({
    expect,
  }) => {
    const watches = fc.record({
      escalated: fc.boolean(),
      horizonMs: fc.constantFrom(60_000, 900_000, null),
    });
    fc.assert(
      fc.property(
        fc.nat(5000),
        fc.nat(5000),
        watches,
        fc.nat(10 ** 6),
        (looks, failed, watch, ms) => {
          const gap = gapMs(looks, failed, watch, ms);
          expect(gap).toBeLessThanOrEqual(HOUR_MS);
          expect(gap).toBeGreaterThanOrEqual(gapMs(looks, 0, watch, ms));
          if (!watch.escalated || ms < (watch.horizonMs ?? 900_000)) {
            expect(gap).toBeLessThanOrEqual(300_000);
          }
        },
      ),
    );
  });

  it("are at most 30 in the first hour of a doubt that no rule resolves, then one an hour", ({
    expect,
  }) => {
    for (const complete of [true, false]) {
      const attempt = attemptOf({ horizonMs: null });
      let doubt = newDoubt(T0);
      let escalated = false;
      const times: number[] = [];
      for (let nowMs = T0; nowMs < T0 + 5 * HOUR_MS;) {
        times.push(nowMs);
        const watch = { escalated, horizonMs: null };
        const look = { complete, beganAtMs: nowMs, seq: times.length };
        doubt = doubtAfter(RULES, doubt, look, watch, nowMs);
        escalated ||= mustEscalate(attempt, doubt, nowMs);
        nowMs = nextLook(RULES, doubt, { escalated, horizonMs: null }, nowMs, 0).atMs;
      }
      const within = (fromMs: number, toMs: number) =>
        times.filter((at) => at >= T0 + fromMs && at < T0 + toMs).length;
      expect(within(0, HOUR_MS)).toBeLessThanOrEqual(30);
      // An outage is asked for every five minutes, a history that shows nothing once an hour.
      expect(within(2 * HOUR_MS, 4 * HOUR_MS)).toBe(complete ? 2 : 24);
      expect(escalated).toBe(true);
    }
  });

  it("after `not charged` come at 1, 6 and 24 hours and then no more", ({ expect }) => {
    const due = [0, 1, 2].map((late) => nextLateLook(RULES, late, T0, T0, 0)?.atMs);
    expect(due).toEqual([T0 + HOUR_MS, T0 + 6 * HOUR_MS, T0 + DAY_MS]);
    expect(nextLateLook(RULES, 3, T0, T0, 0)).toBeNull();
    expect(nextLateLook({ ...RULES, lateMs: [] }, 0, T0, T0, 0)).toBeNull();
  });

  it("after `not charged` are made again an hour after one that was not complete", ({ expect }) => {
    expect(repeatLateLook(T0, 0)).toEqual({ atMs: T0 + HOUR_MS, gapMs: HOUR_MS });
  });

  it("after `not charged` are due at once where their time is long over", ({ expect }) => {
    expect(nextLateLook(RULES, 0, T0, T0 + DAY_MS, 0)).toEqual({ atMs: T0 + DAY_MS, gapMs: 0 });
  });
});

describe("polls", () => {
  it("follow the configured delays, then are daily after a week", ({ expect }) => {
    const gap = (polls: number, agoMs: number) => nextPoll(RULES, polls, T0 - agoMs, T0, 0).gapMs;
    expect([0, 1, 2, 6, 7, 100].map((polls) => gap(polls, 0))).toEqual([
      2000,
      5000,
      15_000,
      HOUR_MS,
      HOUR_MS,
      HOUR_MS,
    ]);
    expect(gap(100, 7 * DAY_MS)).toBe(HOUR_MS);
    expect(gap(100, 7 * DAY_MS + 1)).toBe(DAY_MS);
  });
});

describe("planned work", () => {
  it("is due at its time, and not before", ({ expect }) => {
    expect(isDue({ atMs: T0, gapMs: 5000 }, T0)).toBe(true);
    expect(isDue({ atMs: T0, gapMs: 5000 }, T0 - 1)).toBe(false);
    expect(isDue({ atMs: T0, gapMs: 5000 }, T0 - 5000)).toBe(false);
    expect(isDue(null, T0)).toBe(false);
  });

  it("is due now where the clock went back over the moment it was planned", ({ expect }) => {
    expect(isDue({ atMs: T0, gapMs: 5000 }, T0 - 5001)).toBe(true);
    expect(isDue({ atMs: T0, gapMs: 5000 }, T0 - DAY_MS)).toBe(true);
  });

  it("is never farther away than its gap, whatever the clock does", ({ expect }) => {
    fc.assert(
      fc.property(
        fc.nat(10 ** 9),
        fc.integer({ min: -(10 ** 10), max: 10 ** 10 }),
        (plannedMs, jumpMs) => {
          const due = { atMs: T0 + plannedMs, gapMs: plannedMs };
          const nowMs = T0 + jumpMs;
          expect(isDue(due, nowMs) || due.atMs - nowMs <= plannedMs).toBe(true);
        },
      ),
    );
  });

  it("is stretched by a tenth at most, and never shortened", ({ expect }) => {
    fc.assert(
      fc.property(fc.nat(60), fc.double({ min: 0, max: 1, noNaN: true }), (looks, jitter) => {
        const doubt = { ...newDoubt(T0), looks };
        const plain = gapMs(looks, 0);
        const due = nextLook(RULES, doubt, FRESH, T0, jitter);
        expect(due.atMs).toBe(T0 + due.gapMs);
        expect(due.gapMs).toBeGreaterThanOrEqual(plain);
        expect(due.gapMs).toBeLessThanOrEqual(Math.ceil(plain * 1.1));
      }),
    );
  });

  it("gets an alarm never before its time and at most five seconds after", ({ expect }) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: DAY_MS }), fc.nat(DAY_MS), (aheadMs, offsetMs) => {
        const nowMs = T0 + offsetMs;
        const atMs = alarmTime(nowMs + aheadMs, nowMs);
        expect(atMs).toBeGreaterThanOrEqual(nowMs + aheadMs);
        expect(atMs - nowMs - aheadMs).toBeLessThan(aheadMs >= 10_000 ? 5000 : 1000);
      }),
    );
  });
});
