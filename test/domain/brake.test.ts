/** The brake: what trips it, what it lets through, and what releases it. */
import { describe, it } from "vitest";
import { BAD_MIN, begin, type Brake, end, permission, RELEASED } from "../../src/domain/brake.ts";
import { T0 } from "./builders.ts";

/** One submission on each card, ended after `latencyMs`; `answered: null` leaves it open. */
function sent(
  brake: Brake,
  cards: readonly string[],
  answered: boolean | null,
  { atMs = T0, latencyMs = 300 } = {},
): Brake {
  return cards.reduce((before, card) => {
    const isProbe = permission(before, atMs) === "probe";
    const begun = begin(before, card, atMs, isProbe);
    return answered === null ? begun.brake : end(begun.brake, begun.id, atMs + latencyMs, answered);
  }, brake);
}

const cards = (count: number, name = "card") =>
  Array.from({ length: count }, (_, index) => `${name}-${index}`);

describe("the brake", () => {
  it("is on once half of the last twenty cards' charges were not answered", ({ expect }) => {
    const well = sent(RELEASED, cards(30, "well"), true);
    expect(permission(sent(well, cards(BAD_MIN - 1), false), T0 + 300)).toBe("go");
    expect(permission(sent(well, cards(BAD_MIN), false), T0 + 300)).toBe("stop");
  });

  it("is not tripped by one card that always fails", ({ expect }) => {
    const same = Array.from({ length: 50 }, () => "card-1");
    expect(permission(sent(RELEASED, same, false), T0 + 300)).toBe("go");
  });

  it("counts charges that are open for two seconds beyond the usual", ({ expect }) => {
    const open = sent(sent(RELEASED, cards(20, "well"), true), cards(BAD_MIN), null);
    expect(permission(open, T0 + 2300)).toBe("go");
    expect(permission(open, T0 + 2301)).toBe("stop");
  });

  it("takes a slow answer back into the usual", ({ expect }) => {
    const slow = sent(RELEASED, cards(20), true, { latencyMs: 9000 });
    const open = sent(slow, cards(BAD_MIN, "open"), null, { atMs: T0 + 9000 });
    expect(permission(open, T0 + 9000 + 10_000)).toBe("go");
  });

  it("lets one probe through at a time, with growing pauses", ({ expect }) => {
    let brake = sent(RELEASED, cards(BAD_MIN), false, { latencyMs: 0 });
    let nowMs = T0;
    const pausesMs: number[] = [];
    for (let probe = 0; probe < 9; probe += 1) {
      let pauseMs = 0;
      while (permission(brake, nowMs + pauseMs) === "stop") {
        pauseMs += 100;
      }
      pausesMs.push(pauseMs);
      nowMs += pauseMs;
      const begun = begin(brake, `probe-${probe}`, nowMs, true);
      expect(permission(begun.brake, nowMs + 50_000)).toBe("stop");
      nowMs += 1000;
      brake = end(begun.brake, begun.id, nowMs, false);
    }
    expect(pausesMs).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it("is released by a probe that was answered", ({ expect }) => {
    const on = sent(RELEASED, cards(BAD_MIN), false);
    const begun = begin(on, "probe", T0 + 5000, true);
    const released = end(begun.brake, begun.id, T0 + 5300, true);
    expect(permission(released, T0 + 5300)).toBe("go");
  });

  it("does not wait for a probe that was lost with its object, nor for a clock that went back", ({
    expect,
  }) => {
    const on = sent(RELEASED, cards(BAD_MIN), false);
    const probing = begin(on, "probe", T0 + 5000, true).brake;
    expect(permission(probing, T0 + 100_000)).toBe("stop");
    expect(permission(probing, T0 + 200_000)).toBe("probe");
    expect(permission(on, T0 - 3_600_000)).toBe("probe");
  });
});
