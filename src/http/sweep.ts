/**
 * Owns the cron's work: each minute it wakes the payment methods whose work is overdue by what
 * the registry knows. Must not do their work, nor decide what it is: the object does. Never throws.
 */
import { configOf, type Env } from "../env.ts";
import { claimOverdue } from "../ledger/methods.ts";
import type { WakeCommand } from "../payment-method/commands.ts";
import { askObject } from "./ask-object.ts";
import type { Reach } from "./context.ts";
import { log } from "./log.ts";

/** Methods woken by one sweep; those that are left are overdue for the next one, a minute later. */
export const SWEEP_MAX = 100;
/** So many at once: an outage that made many overdue must not become a storm when it ends. */
const AT_ONCE = 10;
/** The sweep goes on to the next method after this long; the object goes on by itself. */
const WAKE_MS = 30_000;
/** A reset object is asked again for this long. */
const ASK_MS = 5000;
const CLAIM_TIMEOUT_MS = 10_000;

/** Wakes the methods that are overdue the longest. */
export async function sweep(env: Env, execution: Reach["execution"]): Promise<void> {
  const config = configOf(env);
  if (!config.ok) {
    log("alert", "sweep_failed", { message: `not configured: ${config.problems.join("; ")}` });
    return;
  }
  const claim = await claimOverdue(env.LEDGER, Date.now(), SWEEP_MAX, CLAIM_TIMEOUT_MS);
  if (claim.type === "unavailable") {
    log("warn", "sweep_failed", { message: claim.message });
    return;
  }
  const ids = [...claim.paymentMethodIds];
  if (ids.length === 0) {
    return;
  }
  // More may be overdue than one sweep takes: a person should see that it goes on.
  log("warn", "methods_overdue", { methods: ids.length, isFull: ids.length === SWEEP_MAX });
  const reach = { env, config: config.config, execution };
  const wakeNext = async () => {
    for (let id = ids.shift(); id !== undefined; id = ids.shift()) {
      await wake(reach, id);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, wakeNext));
}

/** A method that cannot be woken now stays in the registry and is tried again. */
async function wake(reach: Reach, paymentMethodId: string): Promise<void> {
  const actor = { caller: null, keyId: null, requestId: null, traceId: null, origin: "cron" };
  const command: WakeCommand = { v: 1, type: "wake", paymentMethodId, actor };
  const asked = askObject(reach, command, Date.now() + ASK_MS).then(
    () => undefined,
    (error: unknown) => log("warn", "wake_failed", { paymentMethodId, message: String(error) }),
  );
  // What takes longer than the sweep waits is still heard of, should it fail.
  reach.execution.waitUntil(asked);
  const late = new AbortController();
  const waited = scheduler.wait(WAKE_MS, { signal: late.signal }).catch(() => undefined);
  await Promise.race([asked, waited]);
  late.abort();
}
