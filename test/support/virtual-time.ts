/**
 * Time and chance that a test drives: tasks run in the order of their time, one after another, and
 * nothing runs by itself. The same seed gives the same run.
 */

export const T0 = 1_800_000_000_000;

interface Task {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void | Promise<void>;
}

/** A life of days takes some ten thousands of tasks. */
const TASKS_MAX = 2_000_000;

export class VirtualTime {
  nowMs = T0;
  #ran = 0;
  #order = 0;
  #tasks: Task[] = [];

  after(delayMs: number, run: Task["run"]): void {
    this.#order += 1;
    const task = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order, run };
    const place = this.#tasks.findLastIndex((other) => other.atMs <= task.atMs);
    this.#tasks.splice(place + 1, 0, task);
  }

  /** Runs everything due within this span, then lets the rest of it pass. */
  async advance(spanMs: number): Promise<void> {
    const untilMs = this.nowMs + spanMs;
    await this.#runUntil(untilMs, () => false);
    this.nowMs = untilMs;
  }

  /** Runs until `done`; throws where that does not come about within the span. */
  async until(done: () => boolean, withinMs = 3_600_000): Promise<void> {
    await this.#runUntil(this.nowMs + withinMs, done);
    if (!done()) {
      throw new Error("it did not happen in time");
    }
  }

  async #runUntil(untilMs: number, done: () => boolean): Promise<void> {
    while (!done()) {
      const [next] = this.#tasks;
      if (next === undefined || next.atMs > untilMs) {
        return;
      }
      this.#tasks.shift();
      this.#ran += 1;
      if (this.#ran > TASKS_MAX) {
        throw new Error("it runs in circles");
      }
      this.nowMs = Math.max(this.nowMs, next.atMs);
      await next.run();
    }
  }
}

/** A small seeded generator (mulberry32): 0 inclusive to 1 exclusive. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lets every promise that can go on do so: the end of a turn. */
export async function endOfTurn(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}
