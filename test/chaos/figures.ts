/** The figures of a run, counted from its evidence, and how they are printed. Judges nothing. */
import { lostEntries } from "./checks.ts";
import type { Evidence } from "./evidence.ts";
import { keyIn } from "./orders.ts";

export interface Kill {
  readonly afterMs: number;
  /** Requests of callers on their way when it struck. */
  readonly inFlight: number;
}

interface Counted {
  readonly kills: readonly Kill[];
  readonly requests: number;
  readonly lost: number;
  readonly outages: number;
  readonly durationMs: number;
}

type Counts = Readonly<Record<string, number>>;

export interface Figures {
  readonly kills: number;
  readonly killsInFlight: number;
  /** Attempts that a kill left without an outcome, as the ledger tells. */
  readonly interrupted: number;
  readonly requests: number;
  readonly lostAnswers: number;
  readonly keys: number;
  readonly charges: Counts;
  readonly answers: Counts;
  readonly payments: number;
  readonly entries: number;
  readonly entriesByType: Counts;
  readonly faults: Counts;
  readonly doubleCharges: number;
  readonly lostEntries: number;
  readonly durationMs: number;
}

export function figuresOf(evidence: Evidence, counted: Counted): Figures {
  const { orders, resources, book, entries } = evidence;
  const keys = book.payments.map(({ description }) => keyIn(description));
  return {
    kills: counted.kills.length,
    killsInFlight: counted.kills.filter(({ inFlight }) => inFlight > 0).length,
    interrupted: entries.filter(
      ({ type, detail }) =>
        type === "attempt_answered" && JSON.stringify(detail ?? null).includes("interrupted"),
    ).length,
    requests: counted.requests,
    lostAnswers: counted.lost,
    keys: orders.length,
    charges: countsOf(orders.map(({ key }) => resources.get(key)?.state ?? "never begun")),
    answers: countsOf(
      orders.flatMap(({ answers }) =>
        answers.map(({ status, code }) => (code === null ? `${status}` : `${status} ${code}`)),
      ),
    ),
    payments: book.payments.length,
    entries: entries.length,
    entriesByType: countsOf(entries.map(({ type }) => type)),
    faults: {
      ...countsOf(
        book.exchanges.flatMap(({ kind, step }) => (step === null ? [] : [`${kind} ${step}`])),
      ),
      outages: counted.outages,
    },
    doubleCharges: keys.length - new Set(keys).size,
    lostEntries: lostEntries(evidence).length,
    durationMs: counted.durationMs,
  };
}

export function printed(figures: Figures): string {
  const list = (counts: Counts): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ");
  return [
    `kills ${figures.kills}, with requests in flight ${figures.killsInFlight}, attempts interrupted ${figures.interrupted}`,
    `requests ${figures.requests}, answers lost ${figures.lostAnswers}, keys ${figures.keys}`,
    `answers: ${list(figures.answers)}`,
    `charges: ${list(figures.charges)}`,
    `payments in the book ${figures.payments}, entries ${figures.entries}`,
    `entries: ${list(figures.entriesByType)}`,
    `faults: ${list(figures.faults)}`,
    `double charges ${figures.doubleCharges}, lost entries ${figures.lostEntries}`,
    `duration ${Math.round(figures.durationMs / 1000)} s`,
  ].join("\n");
}

function countsOf(names: readonly string[]): Counts {
  const counts = new Map<string, number>();
  for (const name of names.toSorted()) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}
