/** When work is due, and how much time a look proves. Clocks jump here. Pure. */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import type { Doubt } from "../../src/domain/charge.ts";
import {
  alarmTime,
  creditedMs,
  horizonReached,
  isDue,
  lookGapMs,
  mustEscalate,
  newDoubt,
  nextLateLook,
  nextLook,
  nextPoll,
} from "../../src/domain/schedule.ts";
import { attemptOf, RULES, T0 } from "./builders.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

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

  it("is at most twice the planned gap, so that an outage proves nothing", ({ expect }) => {
    expect(creditedMs(counted(), T0 + DAY_MS)).toBe(120_000);
  });

  it("is nothing where the clock went back", ({ expect }) => {
    expect(creditedMs(counted({ creditedMs: 7 }), T0 - DAY_MS)).toBe(7);
  });

  it("never shrinks and never grows by more than twice the gap, whatever the clock does", ({
    expect,
  }) => {
    const time = fc.integer({ min: -(10 ** 13), max: 10 ** 13 });
    fc.assert(
      fc.property(time, time, fc.nat(DAY_MS), fc.nat(DAY_MS), (last, began, gapMs, before) => {
        const doubt = counted({ countedAtMs: last, plannedGapMs: gapMs, creditedMs: before });
        const credited = creditedMs(doubt, began);
        expect(credited).toBeGreaterThanOrEqual(before);
        expect(credited - before).toBeLessThanOrEqual(2 * gapMs);
        expect(credited - before).toBeLessThanOrEqual(Math.max(0, began - last));
      }),
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
    expect(horizonReached({ ...attempt, namedPaymentId: "p" }, Number.MAX_SAFE_INTEGER)).toBe(
      false,
    );
  });

  it("hands over to a person where no rule can decide by then", ({ expect }) => {
    const never = { ...attempt, horizonMs: null };
    const named = { ...attempt, namedPaymentId: "p" };
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

describe("looks", () => {
  it("follow the configured delays, the last of which repeats", ({ expect }) => {
    const gaps = [0, 1, 2, 3, 4, 5, 6, 100].map((looks) => lookGapMs(RULES, looks, 0, false));
    expect(gaps).toEqual([0, 2000, 5000, 15_000, 60_000, 120_000, 120_000, 120_000]);
  });

  it("are hourly for a charge handed to a person", ({ expect }) => {
    expect(lookGapMs(RULES, 0, 0, true)).toBe(HOUR_MS);
    expect(lookGapMs(RULES, 50, 9, true)).toBe(HOUR_MS);
  });

  it("wait twice as long after each that failed, up to an hour", ({ expect }) => {
    const gaps = [1, 2, 3, 4, 5, 6, 7, 1000].map((failed) => lookGapMs(RULES, 5, failed, false));
    expect(gaps.slice(0, 4)).toEqual([240_000, 480_000, 960_000, 1_920_000]);
    expect(gaps.slice(4)).toEqual([HOUR_MS, HOUR_MS, HOUR_MS, HOUR_MS]);
  });

  it("never wait longer than an hour, nor shorter than planned, however many failed", ({
    expect,
  }) => {
    fc.assert(
      fc.property(fc.nat(5000), fc.nat(5000), fc.boolean(), (looks, failures, escalated) => {
        const gapMs = lookGapMs(RULES, looks, failures, escalated);
        expect(gapMs).toBeLessThanOrEqual(HOUR_MS);
        expect(gapMs).toBeGreaterThanOrEqual(lookGapMs(RULES, looks, 0, escalated));
      }),
    );
  });

  it("are at most 30 in the first hour of a doubt that no rule resolves", ({ expect }) => {
    for (const failing of [false, true]) {
      const attempt = attemptOf({ horizonMs: null });
      let doubt = newDoubt(T0);
      let escalated = false;
      let nowMs = T0;
      while (nowMs < T0 + HOUR_MS) {
        doubt = {
          ...doubt,
          looks: doubt.looks + 1,
          failures: failing ? doubt.failures + 1 : 0,
          countedAtMs: failing ? null : nowMs,
        };
        escalated ||= mustEscalate(attempt, doubt, nowMs);
        nowMs = nextLook(RULES, doubt, escalated, nowMs, 0).atMs;
      }
      expect(doubt.looks).toBeLessThanOrEqual(30);
      expect(escalated).toBe(true);
    }
  });

  it("after `not charged` come at 1, 6 and 24 hours and then no more", ({ expect }) => {
    const due = [0, 1, 2].map((late) => nextLateLook(RULES, late, T0, T0, 0)?.atMs);
    expect(due).toEqual([T0 + HOUR_MS, T0 + 6 * HOUR_MS, T0 + DAY_MS]);
    expect(nextLateLook(RULES, 3, T0, T0, 0)).toBeNull();
    expect(nextLateLook({ ...RULES, lateMs: [] }, 0, T0, T0, 0)).toBeNull();
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
        (gapMs, jumpMs) => {
          const due = { atMs: T0 + gapMs, gapMs };
          const nowMs = T0 + jumpMs;
          expect(isDue(due, nowMs) || due.atMs - nowMs <= gapMs).toBe(true);
        },
      ),
    );
  });

  it("is stretched by a tenth at most, and never shortened", ({ expect }) => {
    fc.assert(
      fc.property(fc.nat(60), fc.double({ min: 0, max: 1, noNaN: true }), (looks, jitter) => {
        const doubt = { ...newDoubt(T0), looks };
        const plain = lookGapMs(RULES, looks, 0, false);
        const { atMs, gapMs } = nextLook(RULES, doubt, false, T0, jitter);
        expect(atMs).toBe(T0 + gapMs);
        expect(gapMs).toBeGreaterThanOrEqual(plain);
        expect(gapMs).toBeLessThanOrEqual(Math.ceil(plain * 1.1));
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
