/**
 * Chance from a seed. Each user forks a stream of its own by name, so that what one draws does not
 * depend on how often the others drew: real processes never interleave twice in the same way.
 */

import { seededRandom } from "../support/virtual-time.ts";

export class Random {
  readonly #seed: string;
  readonly #next: () => number;

  constructor(seed: string) {
    this.#seed = seed;
    let hash = 0x811c9dc5;
    // FNV-1a, so that near seeds begin far apart.
    for (const character of seed) {
      hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
    }
    this.#next = seededRandom(hash);
  }

  fork(name: string): Random {
    return new Random(`${this.#seed}/${name}`);
  }

  /** A whole number, both ends included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.#next() * (to - from + 1));
  }

  isLucky(share: number): boolean {
    return this.#next() < share;
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[this.between(0, list.length - 1)];
    if (picked === undefined) {
      throw new Error("Bug: nothing to pick from");
    }
    return picked;
  }

  /** One of several, each as likely as its weight. */
  weighed<T>(options: readonly (readonly [weight: number, value: T])[]): T {
    let left = this.#next() * options.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of options) {
      left -= weight;
      if (left < 0) {
        return value;
      }
    }
    return this.pick(options)[1];
  }
}
