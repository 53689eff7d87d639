/**
 * Owns the way of every caller's command to the gateway: what the Worker does beside one, how many
 * are still unanswered, and the errors of our own code that came back. Must not look into the
 * gateway.
 */
import { REGISTER_EVERY_MS, registerMethod } from "../../src/ledger/methods.ts";
import { type Command, isRegistered } from "../../src/payment-method/commands.ts";
import type { Call, World } from "../support/fake-host.ts";

const LEDGER_TIMEOUT_MS = 10_000;

export const CALLER = "main";
export const READER = {
  caller: CALLER,
  keyId: "test",
  requestId: null,
  traceId: null,
  origin: "192.0.2.2",
};

export class Door {
  /** Errors of our own code that a caller got to see. */
  readonly errors: unknown[] = [];
  open = 0;
  readonly #registeredAtMs = new Map<string, number>();
  #requests = 0;

  requestId(): string {
    this.#requests += 1;
    return `request-${this.#requests}`;
  }

  /** Sends a command; `heard` hears how it ended. */
  send(world: World, command: Command, heard: (call: Call) => void = () => undefined): Call {
    if (isRegistered(command)) {
      void this.#register(world);
    }
    this.open += 1;
    return world.send(command, (call) => {
      this.open -= 1;
      if (call.error !== null) {
        this.errors.push(call.error);
      }
      heard(call);
    });
  }

  /** As the Worker does beside a command: at most once a minute, and nobody waits for it. */
  async #register({ ledger, time, paymentMethodId }: World): Promise<void> {
    const lastMs = this.#registeredAtMs.get(paymentMethodId) ?? Number.NEGATIVE_INFINITY;
    if (time.nowMs - lastMs >= REGISTER_EVERY_MS) {
      this.#registeredAtMs.set(paymentMethodId, time.nowMs);
      const done = await registerMethod(ledger, paymentMethodId, time.nowMs, LEDGER_TIMEOUT_MS);
      if (done.type === "unavailable") {
        this.#registeredAtMs.delete(paymentMethodId);
      }
    }
  }
}
