/** Owns what a life leaves behind to read: its event log, line by line, and which faults fired how often. */
import { T0 } from "../support/virtual-time.ts";

export class Log {
  readonly lines: string[] = [];
  readonly fired = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  note(what: string, about: Readonly<Record<string, unknown>> = {}): void {
    const at = ((this.#now() - T0) / 1000).toFixed(3).padStart(11);
    this.lines.push(`${at} ${what} ${JSON.stringify(about)}`);
  }

  count(fault: string): void {
    this.fired.set(fault, (this.fired.get(fault) ?? 0) + 1);
  }

  /** A fault has really happened. */
  fire(fault: string, about: Readonly<Record<string, unknown>> = {}): void {
    this.count(fault);
    this.note(`fault ${fault}`, about);
  }
}
