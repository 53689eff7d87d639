/**
 * A payment method's world with what the Worker adds: it registers the method beside the commands
 * of callers, and the cron comes every minute. Both run the real SQL on the world's ledger. Owns
 * no expectation.
 */
import { claimOverdue, REGISTER_EVERY_MS, registerMethod } from "../../src/ledger/methods.ts";
import { type Command, isRegistered } from "../../src/payment-method/commands.ts";
import { type Call, World, type WorldOptions } from "./fake-host.ts";

const CRON_MS = 60_000;
const SWEEP_MAX = 100;
const TIMEOUT_MS = 10_000;

export class CronWorld extends World {
  /** When the cron has woken the method. */
  readonly wokenAtMs: number[] = [];
  /** Whether a method that the cron has claimed can be reached. */
  reachable = true;
  #registeredAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: WorldOptions = {}) {
    super(options);
    this.time.after(CRON_MS, async () => this.#sweep());
  }

  override send(command: Command): Call {
    const { nowMs } = this.time;
    if (isRegistered(command) && nowMs - this.#registeredAtMs >= REGISTER_EVERY_MS) {
      this.#registeredAtMs = nowMs;
      void registerMethod(this.ledger, this.paymentMethodId, nowMs, TIMEOUT_MS);
    }
    return super.send(command);
  }

  async #sweep(): Promise<void> {
    const { nowMs } = this.time;
    const claim = await claimOverdue(this.ledger, nowMs, SWEEP_MAX, TIMEOUT_MS);
    const actor = { caller: null, keyId: null, requestId: null, traceId: null, origin: "cron" };
    for (const paymentMethodId of claim.type === "claimed" ? claim.paymentMethodIds : []) {
      if (!this.reachable) {
        continue;
      }
      this.wokenAtMs.push(nowMs);
      this.send({ v: 1, type: "wake", paymentMethodId, actor });
    }
    this.time.after(CRON_MS, async () => this.#sweep());
  }
}
