/** The promises about what Harmony asks us to wait for: its times, in both forms, and whom they hold back. */
import { describe, it } from "vitest";
import { Limits, retryAfterOf } from "../../src/harmony/limits.ts";

const NOW = Date.UTC(2026, 0, 1);

describe("a Retry-After", () => {
  it.for([
    ["0", 1],
    ["7", 7],
    [" 7 ", 7],
    ["600", 600],
    ["99999999", 600],
    ["9".repeat(60), 600],
    ["Thu, 01 Jan 2026 00:01:30 GMT", 90],
    ["Thursday, 01-Jan-26 00:01:30 GMT", 90],
    ["Thu, 01 Jan 2025 00:00:00 GMT", 1],
    ["Thu, 01 Jan 2099 00:00:00 GMT", 600],
    ["soon", null],
    ["", null],
    ["9".repeat(65), null],
    [null, null],
  ] as const)("%j is %j seconds", ([header, seconds], { expect }) => {
    expect(retryAfterOf(header, NOW)).toBe(seconds);
  });
});

describe("a limit", () => {
  it("is for one kind and one method, until its time", ({ expect }) => {
    const limits = new Limits();
    limits.tell("submission", "a", 30, NOW);
    expect(limits.leftMs("submission", "a", NOW + 1000)).toBe(29_000);
    expect(limits.leftMs("query", "a", NOW)).toBe(0);
    expect(limits.leftMs("submission", "b", NOW)).toBe(0);
    expect(limits.leftMs("submission", "a", NOW + 30_000)).toBe(0);
  });

  it("is for all once two methods were told so, until the later time", ({ expect }) => {
    const limits = new Limits();
    limits.tell("query", "a", 30, NOW);
    limits.tell("query", "a", 40, NOW);
    expect(limits.leftMs("query", "c", NOW)).toBe(0);
    limits.tell("query", "b", null, NOW);
    expect(limits.leftMs("query", "c", NOW)).toBe(60_000);
    expect(limits.leftMs("query", "c", NOW + 45_000)).toBe(0);
    expect(limits.leftMs("query", "b", NOW + 45_000)).toBe(15_000);
  });

  it("ends where a clock goes back", ({ expect }) => {
    const limits = new Limits();
    limits.tell("query", "a", 30, NOW);
    expect(limits.leftMs("query", "a", NOW - 3_600_000)).toBe(0);
  });
});
