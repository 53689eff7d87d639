/**
 * Owns the delivery of entries to the ledger: in order, one delivery at a time, at least once,
 * in batches, off the path of any reply. Must not change an entry, and must not go past one that
 * the ledger refuses: then the method halts.
 */
import { batchOf } from "../ledger/append.ts";
import type { Host } from "./host.ts";
import type { Journal } from "./journal.ts";

/** How long an entry waits for company: one statement then carries a whole charge. */
const LINGER_MS = 100;
/** Entries loaded at a time; the batch's own limits are the ledger's. */
const LOAD_MAX = 200;
/**
 * After a failed delivery the next waits as long as the oldest entry has waited by then, within
 * these: doubling, with nothing to remember that an instance could take with it.
 */
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 300_000;

export type Delivery = "delivered" | "failed" | "halted";

export class Relay {
  readonly #journal: Journal;
  readonly #host: Host;
  readonly #onRefused: (reason: string) => void;
  readonly #onFailed: () => Promise<void>;
  #running: Promise<Delivery> | null = null;
  #lingering = false;
  #retryAtMs: number | null = null;
  /** What the ledger last refused with. */
  #refusal: string | null = null;

  /** `onRefused` halts the method; `onFailed` arms the alarm for the next try. */
  constructor(
    host: Host,
    journal: Journal,
    on: { refused: (reason: string) => void; failed: () => Promise<void> },
  ) {
    this.#host = host;
    this.#journal = journal;
    this.#onRefused = on.refused;
    this.#onFailed = on.failed;
  }

  get hasBacklog(): boolean {
    return this.#journal.method.halted === null && this.#journal.hasUndelivered;
  }

  /** When a delivery that failed is repeated; null where none did. */
  get retryAtMs(): number | null {
    return this.#retryAtMs;
  }

  /** Delivers soon, after the reply has left. Cheap to call after every write. */
  kick(): void {
    if (this.#lingering || this.#running !== null || this.#retryAtMs !== null) {
      return;
    }
    this.#lingering = true;
    this.#host.defer(LINGER_MS, async () => {
      this.#lingering = false;
      if ((await this.deliver()) === "failed") {
        await this.#onFailed();
      }
    });
  }

  /** Delivers what there is, now; joins a delivery under way. */
  async deliver(): Promise<Delivery> {
    this.#running ??= this.#deliverAll().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /**
   * Delivers though the method is halted, to learn whether the ledger still refuses; null where it
   * does not, else why. The halt stands meanwhile, so that nothing is sent before that is known.
   */
  async retryHalted(): Promise<{
    readonly type: "failed" | "refused";
    readonly reason: string;
  } | null> {
    await this.#running;
    this.#refusal = null;
    this.#running = this.#deliverAll(true).finally(() => {
      this.#running = null;
    });
    const delivery = await this.#running;
    if (delivery === "delivered") {
      return null;
    }
    return this.#refusal === null
      ? { type: "failed", reason: "the ledger cannot be asked" }
      : { type: "refused", reason: this.#refusal };
  }

  async #deliverAll(evenHalted = false): Promise<Delivery> {
    while (evenHalted ? this.#journal.hasUndelivered : this.hasBacklog) {
      const batch = batchOf(this.#journal.undelivered(LOAD_MAX));
      const last = batch.at(-1);
      if (last === undefined) {
        break;
      }
      const result = await this.#host.ledger.append(batch);
      switch (result.type) {
        case "appended":
          this.#journal.markDelivered(last.seq);
          this.#retryAtMs = null;
          break;
        case "unavailable":
          return this.#failed(result.message);
        case "unlinked": {
          const end = await this.#rewind();
          if (end !== null) {
            return end;
          }
          break;
        }
        case "forked":
          return this.#refused(`the ledger has another entry ${result.ledger?.seq ?? ""}`);
        case "refused":
          return this.#refused(result.message);
      }
    }
    this.#retryAtMs = null;
    return "delivered";
  }

  /** The ledger fell back: deliver again from its last entry on, if that one is ours; else the end. */
  async #rewind(): Promise<Delivery | null> {
    const last = await this.#host.ledger.lastOf(this.#host.paymentMethodId);
    if (last.type === "unavailable") {
      return this.#failed(last.message);
    }
    if (last.type === "found" && this.#journal.hashAt(last.seq) !== last.hash) {
      return this.#refused(`the ledger's entry ${last.seq} is not the journal's`);
    }
    const seq = last.type === "none" ? 0 : last.seq;
    if (seq >= this.#journal.deliveredSeq) {
      // The ledger has what we delivered and still lacks it: not ours to understand, try later.
      return this.#failed("unlinked, though the ledger has the entry before");
    }
    this.#host.log("alert", "ledger_fell_back", { from: this.#journal.deliveredSeq, to: seq });
    this.#journal.markDelivered(seq);
    return null;
  }

  #failed(message: string): Delivery {
    const nowMs = this.#host.now();
    const waitedMs = nowMs - (this.#journal.undeliveredSinceMs ?? nowMs);
    const pauseMs = Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, waitedMs));
    this.#retryAtMs = nowMs + Math.round(pauseMs * (1 + this.#host.jitter() / 4));
    this.#host.log("warn", "delivery_failed", { message, waitedMs });
    return "failed";
  }

  #refused(reason: string): Delivery {
    this.#refusal = reason;
    this.#onRefused(reason);
    return "halted";
  }
}
