/**
 * Which requests arrived, and which were open at the same time. Owns the sequence numbers by which
 * overlap is decided exactly, the counts and the highest number of charges open at once. Knows
 * nothing of payments. Kept in memory only: it begins anew with each start.
 */

/** Enough for any test to read every exchange, while a benchmark of an hour stays in memory. */
const EXCHANGES_KEPT_MAX = 50_000;

/** `read` is a GET of a payment, `look` of a method's history, `method_read` of one method. */
export const EXCHANGE_KINDS = [
  "charge",
  "refund",
  "revoke",
  "read",
  "look",
  "method_read",
  "method_list",
  "method_create",
  "other",
] as const;
export type ExchangeKind = (typeof EXCHANGE_KINDS)[number];
export type Counts = Record<ExchangeKind, number>;

export type Exchange = {
  kind: ExchangeKind;
  paymentMethodId: string | null;
  /** The scenario's step that was played, `outage`, or null for a plain one. */
  step: string | null;
  beganSeq: number;
  beganAt: number;
  /** Null while it is open. Beginnings and endings share one count. */
  endedSeq: number | null;
  endedAt: number | null;
  /** `answered` and `severed` by the sandbox, `abandoned` by the client. */
  ended: Ending | null;
  httpStatus: number | null;
};
export type Ending = "answered" | "severed" | "abandoned";

interface Tally {
  counts: Counts;
  chargesOpen: number;
  chargesOpenMax: number;
}

export class Exchanges {
  readonly #now: () => number;
  #seq = 0;
  #kept: Exchange[] = [];
  #dropped = 0;
  #overall = newTally();
  #byMethod = new Map<string, Tally>();
  /** The tallies an open charge is counted in: after a reset it still leaves its own, old ones. */
  readonly #openCharges = new Map<Exchange, Tally[]>();

  constructor(now: () => number) {
    this.#now = now;
  }

  begin(kind: ExchangeKind, paymentMethodId: string | null): Exchange {
    this.#seq += 1;
    const exchange: Exchange = {
      kind,
      paymentMethodId,
      step: null,
      beganSeq: this.#seq,
      beganAt: this.#now(),
      endedSeq: null,
      endedAt: null,
      ended: null,
      httpStatus: null,
    };
    this.#keep(exchange);
    const tallies = this.#talliesOf(exchange);
    for (const tally of tallies) {
      tally.counts[kind] += 1;
      if (kind === "charge") {
        tally.chargesOpen += 1;
        tally.chargesOpenMax = Math.max(tally.chargesOpenMax, tally.chargesOpen);
      }
    }
    if (kind === "charge") {
      this.#openCharges.set(exchange, tallies);
    }
    return exchange;
  }

  /** The first ending counts; a socket that closes after its answer changes nothing. */
  end(exchange: Exchange, ended: Ending): void {
    if (exchange.ended !== null) {
      return;
    }
    this.#seq += 1;
    exchange.endedSeq = this.#seq;
    exchange.endedAt = this.#now();
    exchange.ended = ended;
    for (const tally of this.#openCharges.get(exchange) ?? []) {
      tally.chargesOpen -= 1;
    }
    this.#openCharges.delete(exchange);
  }

  list(paymentMethodId: string | null): Exchange[] {
    return paymentMethodId === null
      ? this.#kept
      : this.#kept.filter((exchange) => exchange.paymentMethodId === paymentMethodId);
  }

  get dropped(): number {
    return this.#dropped;
  }

  counts(paymentMethodId: string | null): Counts {
    return paymentMethodId === null
      ? this.#overall.counts
      : (this.#byMethod.get(paymentMethodId) ?? newTally()).counts;
  }

  /** The most charges ever open at once: over all methods, and on any one (or on the one given). */
  maxConcurrent(paymentMethodId: string | null): { overall: number; perMethod: number } {
    const perMethod =
      paymentMethodId === null
        ? [...this.#byMethod.values()].reduce((max, { chargesOpenMax }) => {
            return Math.max(max, chargesOpenMax);
          }, 0)
        : (this.#byMethod.get(paymentMethodId)?.chargesOpenMax ?? 0);
    return { overall: this.#overall.chargesOpenMax, perMethod };
  }

  /** Sequence numbers go on, so that an exchange across a reset stays in order. */
  reset(): void {
    this.#kept = [];
    this.#dropped = 0;
    this.#overall = newTally();
    this.#byMethod = new Map();
  }

  #keep(exchange: Exchange): void {
    this.#kept.push(exchange);
    // Twice the limit before cutting, so that the cost of a cut is spread over many requests.
    if (this.#kept.length >= 2 * EXCHANGES_KEPT_MAX) {
      this.#dropped += EXCHANGES_KEPT_MAX;
      this.#kept = this.#kept.slice(EXCHANGES_KEPT_MAX);
    }
  }

  #talliesOf(exchange: Exchange): Tally[] {
    if (exchange.paymentMethodId === null) {
      return [this.#overall];
    }
    let tally = this.#byMethod.get(exchange.paymentMethodId);
    if (tally === undefined) {
      tally = newTally();
      this.#byMethod.set(exchange.paymentMethodId, tally);
    }
    return [this.#overall, tally];
  }
}

function newTally(): Tally {
  const counts = Object.fromEntries(EXCHANGE_KINDS.map((kind) => [kind, 0])) as Counts;
  return { counts, chargesOpen: 0, chargesOpenMax: 0 };
}
