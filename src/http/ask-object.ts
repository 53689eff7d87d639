/**
 * Owns the way from the Worker to a payment method's object: a fresh stub for every try, and
 * asking again where the infrastructure failed. The key decides in the object, so asking again is
 * safe. Must not interpret a command.
 */
import {
  type Answer,
  type Command,
  isRegistered,
  type PaymentMethodStub,
} from "../payment-method/commands.ts";
import type { Reach } from "./context.ts";
import { log } from "./log.ts";
import { register } from "./registration.ts";

/** Pause before asking a reset object again, doubling; it is back within some tens of ms. */
const PAUSE_MS = 50;
const PAUSE_MAX_MS = 1000;

/** Beyond the caller's own wait, the object gets this long to say so. */
export const GRACE_MS = 2000;

/**
 * Asks the object, again after a reset or a deploy, until `deadlineAtMs`. Throws what the object's
 * own code threw (a bug), and the last error once the time is over.
 */
export async function askObject(
  reach: Reach,
  command: Command,
  deadlineAtMs: number,
): Promise<Answer> {
  const { env, config, execution } = reach;
  if (isRegistered(command)) {
    execution.waitUntil(register(env.LEDGER, command.paymentMethodId, Date.now()));
  }
  const hint = config.locationHint === null ? {} : { locationHint: config.locationHint };
  for (let tries = 0; ; tries += 1) {
    try {
      const stub = env.PAYMENT_METHODS.getByName(
        command.paymentMethodId,
        hint,
      ) as unknown as PaymentMethodStub;
      return await stub.execute(remaining(command, deadlineAtMs));
    } catch (error) {
      const pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** tries);
      if (!isInfrastructure(error) || Date.now() + pauseMs >= deadlineAtMs) {
        throw error;
      }
      log("warn", "object_asked_again", { tries, message: String(error) });
      await scheduler.wait(pauseMs);
    }
  }
}

/** A repeated charge or refund waits only for what is left of the caller's wait. */
function remaining(command: Command, deadlineAtMs: number): Command {
  if (!("waitMs" in command)) {
    return command;
  }
  const leftMs = Math.max(0, deadlineAtMs - GRACE_MS - Date.now());
  return { ...command, waitMs: Math.min(command.waitMs, leftMs) };
}

/** Errors of object code carry `remote: true`; resets, deploys and lost connections do not. */
function isInfrastructure(error: unknown): boolean {
  const flags = error as { remote?: unknown; overloaded?: unknown } | null;
  return flags?.remote !== true && flags?.overloaded !== true;
}
