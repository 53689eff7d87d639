/**
 * Owns the Durable Object around a payment method: it hands the real storage, clock, alarm,
 * Harmony and ledger to the host-free logic. Must hold no logic of its own.
 */
import { DurableObject } from "cloudflare:workers";
// oxlint-disable-next-line typescript/triple-slash-reference -- the Workers types lack node:crypto, which the runtime has
/// <reference types="node/crypto" />
import { createHash } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import { configOf, type Env } from "../env.ts";
import { NETWORK } from "../harmony/network.ts";
import { createHarmony } from "../harmony/client.ts";
import { createMethods } from "../harmony/methods.ts";
import { appendEntries, lastOf } from "../ledger/append.ts";
import { reportMethod } from "../ledger/methods.ts";
import type { Answer, Command } from "./commands.ts";
import type { Host, Timer } from "./host.ts";
import { UnknownStateError } from "./unknown-state.ts";
import { haltedAnswer } from "./answers.ts";
import { PaymentMethod as Logic } from "./payment-method.ts";
import { SharedBrake } from "./shared-brake.ts";

/** A delivery that takes longer counts as failed and is repeated, which changes nothing. */
const LEDGER_TIMEOUT_MS = 10_000;
/** Stored state of a later version is tried again this much later, when newer code may run. */
const UNKNOWN_STATE_PAUSE_MS = 300_000;

const log: Host["log"] = (level, event, fields) =>
  console.log(JSON.stringify({ level, event, ...fields }));

/** One for the isolate: whether Harmony is out is no question of one card. */
const brake = new SharedBrake(log);

export class PaymentMethod extends DurableObject<Env> {
  #logic: Logic | UnknownStateError | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      const armedAtMs = await ctx.storage.getAlarm();
      this.#logic = open(this.#host(), armedAtMs);
    });
  }

  async execute(command: Command): Promise<Answer> {
    const logic = this.#ready();
    return logic instanceof UnknownStateError
      ? haltedAnswer(this.#host(), logic)
      : logic.execute(command);
  }

  override async alarm(): Promise<void> {
    const logic = this.#ready();
    if (logic instanceof UnknownStateError) {
      await this.ctx.storage.setAlarm(Date.now() + UNKNOWN_STATE_PAUSE_MS);
      return;
    }
    await logic.alarm();
  }

  #ready(): Logic | UnknownStateError {
    if (this.#logic === null) {
      throw new Error("the object has not opened its journal");
    }
    return this.#logic;
  }

  #host(): Host {
    const read = configOf(this.env);
    if (!read.ok) {
      throw new Error(`not configured: ${read.problems.join("; ")}`);
    }
    const { config } = read;
    const { ctx, env } = this;
    const { harmonyBaseUrl: baseUrl, harmonyApiKey: apiKey, harmonyTimeoutMs: timeoutMs } = config;
    const paymentMethodId = ctx.id.name ?? "";
    const settings = { baseUrl, apiKey, timeoutMs };
    return {
      paymentMethodId,
      storage: ctx.storage,
      harmony: createHarmony(settings, NETWORK),
      methods: createMethods(settings, NETWORK),
      ledger: {
        append: async (entries) => appendEntries(env.LEDGER, entries, LEDGER_TIMEOUT_MS),
        lastOf: async (id) => lastOf(env.LEDGER, id, LEDGER_TIMEOUT_MS),
      },
      registry: {
        report: async (wakeAtMs, nowMs, halted) => {
          const report = { paymentMethodId, wakeAtMs, nowMs, halted };
          return reportMethod(env.LEDGER, report, LEDGER_TIMEOUT_MS);
        },
      },
      rules: config,
      harmonyTimeoutMs: timeoutMs,
      tag: config.tag,
      brake: config.brake ? brake : null,
      now: () => Date.now(),
      timer,
      defer: (delayMs, work) => ctx.waitUntil(scheduler.wait(delayMs).then(work)),
      newId: () => uuidv7(),
      tagId: () => crypto.randomUUID().slice(0, 8),
      jitter: () => Math.random(),
      hashIds: (ids) => createHash("sha256").update(ids.join("\n")).digest("hex"),
      setAlarm: async (atMs) => ctx.storage.setAlarm(atMs),
      // Not at once, since nothing runs after `abort`: the one that failed has yet to log what it
      // could not write. A microtask is still the same turn, so nothing of it is committed.
      abort: (reason) => queueMicrotask(() => ctx.abort(reason)),
      log,
    };
  }
}

function open(host: Host, armedAtMs: number | null): Logic | UnknownStateError {
  try {
    return new Logic(host, armedAtMs);
  } catch (error) {
    if (error instanceof UnknownStateError) {
      return error;
    }
    throw error;
  }
}

function timer(delayMs: number): Timer {
  const abort = new AbortController();
  const done = scheduler.wait(delayMs, { signal: abort.signal });
  // A cancelled timer neither resolves nor complains.
  const settled = new Promise<void>((resolve) => {
    done.then(resolve, () => undefined);
  });
  return { done: settled, cancel: () => abort.abort() };
}
