/** Owns the draws of one simulated life: every choice comes from its seed, in one order. */
import { seededRandom } from "../support/virtual-time.ts";

export class Chance {
  readonly random: () => number;

  constructor(seed: number) {
    // Neighbouring seeds begin alike in so small a generator: the first draws are thrown away.
    this.random = seededRandom(Math.imul(seed, 0x9e3779b1));
    for (let index = 0; index < 8; index += 1) {
      this.random();
    }
  }

  yes(share: number): boolean {
    return this.random() < share;
  }

  /** From `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  pick<T>(list: readonly T[]): T {
    const one = list[Math.floor(this.random() * list.length)];
    if (one === undefined) {
      throw new Error("nothing to pick from");
    }
    return one;
  }

  /** Every member with its own share. */
  some<T>(list: readonly T[], share: number): T[] {
    return list.filter(() => this.yes(share));
  }
}
