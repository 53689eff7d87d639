/**
 * A payment method's whole world on virtual time: its instance, its storage, the simulated Harmony
 * in this process, a ledger, an alarm, and callers. What leaves an instance leaves at the end of
 * the turn, after its commit, as at the output gate; a crash throws the instance away, its
 * promises never go on, and the next command or alarm begins a new one on the same storage.
 * Owns no expectation.
 */
import { Limits } from "../../src/harmony/limits.ts";
import { createHash } from "node:crypto";
import { createHarmony as createSandbox } from "../../sandbox/core.ts";
import type { Harmony as Sandbox } from "../../sandbox/core.ts";
import type { ExchangeKind } from "../../sandbox/exchanges.ts";
import type { HarmonyRequest, Reply as SandboxReply } from "../../sandbox/wire.ts";
import type { OutageMode } from "../../sandbox/world.ts";
import type { Rules } from "../../src/domain/draft.ts";
import { createHarmony, type Network } from "../../src/harmony/client.ts";
import { createMethods } from "../../src/harmony/methods.ts";
import { appendEntries, lastOf } from "../../src/ledger/append.ts";
import { reportMethod } from "../../src/ledger/methods.ts";
import type {
  Answer,
  ChargeCommand,
  Command,
  RefundCommand,
} from "../../src/payment-method/commands.ts";
import type { Host } from "../../src/payment-method/host.ts";
import { PaymentMethod } from "../../src/payment-method/payment-method.ts";
import type { SharedBrake } from "../../src/payment-method/shared-brake.ts";
import { NodeLedger } from "./node-ledger.ts";
import { NodeStorage, type Snapshot } from "./node-storage.ts";
import type { ScenarioInput } from "./sandbox.ts";
import { endOfTurn, seededRandom, VirtualTime } from "./virtual-time.ts";

/** The sandbox's test card that is ACTIVE. */
export const METHOD_ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
export const TIMEOUT_MS = 20_000;
const LEDGER_TIMEOUT_MS = 10_000;
/** What the runtime waits before it repeats an alarm that did not end well. */
const ALARM_RETRY_MS = 2500;

const DEFAULT_RULES: Rules = {
  reconcileMs: [0, 2000, 5000, 15_000, 60_000, 120_000],
  lateMs: [3_600_000, 21_600_000, 86_400_000],
  pollMs: [2000, 5000, 15_000, 60_000, 300_000, 900_000, 3_600_000],
  horizonMs: 900_000,
  foreignWriters: false,
};

/** Where a turn ends in a crash: before its commit, or after it with what left or without. */
export type Crash = "before" | "after" | "after_leaving" | null;

/** What the runtime makes of an alarm whose time has come: it fires so much later, twice, or never. */
export type AlarmFate =
  | { readonly kind: "fires"; readonly lateMs: number }
  | { readonly kind: "doubled"; readonly againMs: number }
  | { readonly kind: "dropped" };

/** What several payment methods have in common: time, Harmony, the ledger. */
export interface Shared {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly sandbox: Sandbox;
  readonly ledger: NodeLedger;
}

export interface WorldOptions {
  readonly seed?: number;
  readonly rules?: Partial<Rules>;
  readonly tag?: boolean;
  readonly paymentMethodId?: string;
  readonly shared?: Shared;
  /** None unless given: most tests lose replies on purpose. */
  readonly brake?: SharedBrake;
  readonly onLog?: Host["log"];
  /** Runs right after Harmony has handled a request, before anyone is answered. */
  readonly afterHarmony?: () => void;
  /** A ledger that others have written to. */
  readonly ledger?: NodeLedger;
  /** Whether an idle instance is kept until the next event, as the runtime may do, or begun anew. */
  readonly staysInMemory?: boolean;
  /** How long one way to Harmony or the ledger takes. */
  readonly latencyMs?: (random: () => number) => number;
}

/** One command of a caller and what came of it. */
export interface Call {
  readonly command: Command;
  answer: Answer | null;
  /** The instance was gone before it answered. */
  lost: boolean;
  error: unknown;
  endedAtMs: number | null;
}

/** What the instance that sent a request got to read of its answer; all null where it read none. */
interface Heard {
  answeredAtMs: number | null;
  httpStatus: number | null;
  body: string | null;
}

/** One POST of a charge as it left, whoever got to read it. */
export interface Submission extends Heard {
  readonly atMs: number;
  readonly amount: number;
  readonly description: string;
}

/** One POST of a refund as it left. */
export interface RefundSubmission extends Heard {
  readonly atMs: number;
  readonly paymentId: string;
}

/** One line of an instance's log, and when it was written. */
interface Logged {
  readonly atMs: number;
  readonly level: string;
  readonly event: string;
  readonly fields: Record<string, unknown>;
}

/** What keeps an idle instance in memory beside calls and connections: deliveries, deferred work. */
interface Holds {
  count: number;
}

interface Instance {
  readonly logic: PaymentMethod;
  readonly holds: Holds;
  /** The calls that are not answered yet, each with what loses it. */
  readonly calls: Map<Call, () => void>;
  readonly connections: Set<SandboxReply>;
}

export class World {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly paymentMethodId: string;
  readonly storage = new NodeStorage();
  readonly ledger: NodeLedger;
  readonly sandbox: Sandbox;
  readonly submissions: Submission[] = [];
  readonly refundSubmissions: RefundSubmission[] = [];
  readonly #brake: SharedBrake | null;
  readonly logged: Logged[] = [];
  /** Asked at the end of each turn. */
  crash: () => Crash = () => null;
  alarmFate: () => AlarmFate = () => ({ kind: "fires", lateMs: 0 });
  /** How far the machine's clock is off; its timers run on regardless. */
  clockOffsetMs = 0;
  /** Each time the clock was set, and by how much: what it costs a horizon is measured by it. */
  readonly jumps: { readonly atMs: number; readonly byMs: number }[] = [];
  /** What the clock was read to say, and when that was by the time that no clock follows. */
  readonly clockReads = new Map<number, number[]>();
  alarmAtMs: number | null = null;
  /** Alarms that were due and did not run, since the constructor had set a later one. */
  alarmsPutOff = 0;
  crashes = 0;
  longestAlarmMs = 0;
  /** The runtime has dropped an alarm for good: work may wait for a caller, or for the cron. */
  hasDroppedAlarm = false;
  readonly #options: WorldOptions;
  #instance: Instance | null = null;
  #alarmRunning = false;
  #alarmWaiting = false;
  #alarmPlan = 0;
  #suspendedUntilMs = 0;
  #ids = 0;
  #turns: Promise<void> = Promise.resolve();
  #leaving: (() => void)[] = [];
  #alarmSet: number | null | undefined;
  /** The alarm that the instance of this turn has set while it was constructed. */
  #alarmSetAtBirth: number | null | undefined;
  /** When the alarm that runs was due: it is stored until it has ended well. */
  #deliveringAtMs = 0;
  #aborted = false;
  /** How long each request on its way may take. */
  readonly #deadlines = new WeakMap<AbortSignal, number>();

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    const { shared } = options;
    this.time = shared?.time ?? new VirtualTime();
    this.random = shared?.random ?? seededRandom(options.seed ?? 1);
    this.ledger = shared?.ledger ?? options.ledger ?? new NodeLedger();
    this.#brake = options.brake ?? null;
    this.paymentMethodId = options.paymentMethodId ?? METHOD_ID;
    this.sandbox =
      shared?.sandbox ??
      createSandbox({
        now: () => this.time.nowMs,
        uuid: () => this.#uuid(4),
        schedule: (afterMs, run) => this.time.after(afterMs, run),
      });
  }

  /** The `seq` of the last entry in the object's own journal. */
  get lastSeq(): number {
    return this.storage.countOf("entry");
  }

  /** What the machine's clock says. */
  get wallMs(): number {
    return this.time.nowMs + this.clockOffsetMs;
  }

  #readClock(): number {
    const { wallMs } = this;
    const reads = this.clockReads.get(wallMs) ?? [];
    if (reads.at(-1) !== this.time.nowMs) {
      this.clockReads.set(wallMs, [...reads, this.time.nowMs]);
    }
    return wallMs;
  }

  /** Sets the machine's clock forward or back; the runtime's alarm follows it. */
  jumpClock(byMs: number): void {
    this.clockOffsetMs += byMs;
    this.jumps.push({ atMs: this.time.nowMs, byMs });
    if (this.alarmAtMs !== null) {
      this.#storeAlarm(this.alarmAtMs);
    }
  }

  /** The process stands still: nothing of it runs until then, and what came meanwhile comes at once. */
  suspend(forMs: number): void {
    this.#suspendedUntilMs = Math.max(this.#suspendedUntilMs, this.time.nowMs + forMs);
  }

  /** The object's storage goes back to what it was. */
  restore(snapshot: Snapshot): void {
    this.kill();
    this.storage.restore(snapshot);
  }

  /** Tells the simulated Harmony what to do with this method. */
  scenario(scenario: ScenarioInput): void {
    this.#control("PUT", `payment-methods/${this.paymentMethodId}/scenario`, scenario);
  }

  /** Of these kinds of call only, or of everything. */
  outage(mode: OutageMode, kinds: readonly ExchangeKind[] | null = null): void {
    this.#control("PUT", "outage", { mode, kinds });
  }

  foreignPayment(amount: number): void {
    this.#control("POST", "payments", { paymentMethodId: this.paymentMethodId, amount });
  }

  /** The runtime forgets the alarm, as it does after too many failures. */
  dropAlarm(): void {
    this.hasDroppedAlarm = true;
    this.#storeAlarm(null);
  }

  /** Work is stored and no alarm will ever come for it, though the runtime has dropped none. */
  get hasLostAlarm(): boolean {
    if (this.alarmAtMs !== null || this.#alarmRunning || this.hasDroppedAlarm) {
      return false;
    }
    // What only a person ends needs no alarm.
    const isPlanned = (plans: readonly string[]) =>
      ["open = 1 AND (body ->> 'state' = 'in_flight'", ...plans].join(" OR ").concat(")");
    const charges = isPlanned([
      "body ->> 'nextLook' IS NOT NULL",
      "body ->> 'nextPoll' IS NOT NULL",
    ]);
    const refunds = isPlanned(["body ->> 'nextRead' IS NOT NULL"]);
    return this.storage.countOf("charge", charges) + this.storage.countOf("refund", refunds) > 0;
  }

  /** Sends a command that arrives now, before anything that is due later; `onEnd` hears how it ended. */
  send(command: Command, onEnd: (call: Call) => void = () => undefined): Call {
    const call: Call = { command, answer: null, lost: false, error: null, endedAtMs: null };
    const settle = (change: Partial<Call>) => {
      Object.assign(call, change, { endedAtMs: this.time.nowMs });
      onEnd(call);
    };
    const run = (instance: Instance) => {
      const end = (change: Partial<Call>) =>
        this.#leave(() => {
          instance.calls.delete(call);
          settle(change);
        });
      instance.calls.set(call, () => settle({ lost: true }));
      instance.logic.execute(command).then(
        (answer) => end({ answer }),
        (error: unknown) => end({ error }),
      );
    };
    this.time.after(0, async () => this.#turn(run, () => settle({ lost: true })));
    return call;
  }

  charge(change: ChargeChange = {}): Call {
    this.#ids += 1;
    return this.send(chargeCommand({ requestId: `request-${this.#ids}`, ...change }));
  }

  /** Sends a charge and waits, on virtual time, until it is answered or lost. */
  async charged(change: ChargeChange = {}): Promise<Answer["reply"]> {
    const call = this.charge(change);
    await this.time.until(() => call.endedAtMs !== null);
    if (call.answer === null) {
      throw new Error("the charge was not answered", { cause: call.error });
    }
    return call.answer.reply;
  }

  refund(change: RefundChange): Call {
    this.#ids += 1;
    return this.send(refundCommand({ requestId: `request-${this.#ids}`, ...change }));
  }

  /** Sends a refund and waits, on virtual time, until it is answered or lost. */
  async refunded(change: RefundChange): Promise<Answer["reply"]> {
    const call = this.refund(change);
    await this.time.until(() => call.endedAtMs !== null);
    if (call.answer === null) {
      throw new Error("the refund was not answered", { cause: call.error });
    }
    return call.answer.reply;
  }

  /** Throws the instance away, between two turns. */
  kill(): void {
    const instance = this.#instance;
    this.#instance = null;
    if (instance === null) {
      return;
    }
    this.crashes += 1;
    for (const lose of instance.calls.values()) {
      lose();
    }
    for (const reply of instance.connections) {
      this.sandbox.end(reply, "abandoned");
    }
    if (this.#alarmRunning) {
      this.#alarmRunning = false;
      if (this.alarmAtMs === null || this.alarmAtMs <= this.wallMs) {
        // Otherwise the alarm that it has set takes the place of the one that did not end.
        this.alarmAtMs ??= this.#deliveringAtMs;
        this.time.after(ALARM_RETRY_MS, async () => this.#fireAlarm());
      }
    }
  }

  /** An instance with nothing to do is not kept in memory: the next event finds a new one. */
  #evict(): void {
    const instance = this.#instance;
    const isKept = this.#options.staysInMemory === true;
    if (!isKept && instance?.calls.size === 0 && instance.connections.size === 0) {
      this.#instance = instance.holds.count === 0 ? null : instance;
    }
  }

  /** Runs one turn as soon as the process runs. */
  async #turn(
    run: (instance: Instance) => void,
    unborn: () => void = () => undefined,
  ): Promise<void> {
    const suspendedMs = this.#suspendedUntilMs - this.time.nowMs;
    if (suspendedMs > 0) {
      this.time.after(suspendedMs, async () => this.#turn(run, unborn));
      return;
    }
    await this.#runTurn(run, unborn);
  }

  /** Runs one turn: begins an instance where there is none, commits at its end, lets out what left. */
  async #runTurn(run: (instance: Instance) => void, unborn: () => void): Promise<void> {
    const before = this.#turns;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turns = promise;
    await before;
    try {
      await this.#alone(run, unborn);
    } finally {
      resolve();
    }
  }

  /** `unborn` hears that the instance could not even begin: its storage refused. */
  async #alone(run: (instance: Instance) => void, unborn: () => void): Promise<void> {
    this.#leaving = [];
    this.#alarmSet = undefined;
    this.#aborted = false;
    this.storage.beginTurn();
    const instance = this.#instance ?? this.#begun();
    this.#alarmSetAtBirth = this.#instance === null ? this.#alarmSet : undefined;
    if (instance === null) {
      this.storage.endTurn("rollback");
      unborn();
      return;
    }
    this.#instance = instance;
    run(instance);
    await endOfTurn();
    const crash = this.#aborted ? "before" : this.crash();
    this.storage.endTurn(crash === "before" ? "rollback" : "commit");
    if (crash !== "before" && this.#alarmSet !== undefined) {
      this.#storeAlarm(this.#alarmSet);
    }
    if (crash === null || crash === "after_leaving") {
      for (const leave of this.#leaving.splice(0)) {
        leave();
      }
    }
    if (crash !== null) {
      this.kill();
    }
  }

  #begun(): Instance | null {
    try {
      return this.#begin();
    } catch (error) {
      this.#note("alert", "not_begun", { message: String(error) });
      return null;
    }
  }

  #begin(): Instance {
    const connections = new Set<SandboxReply>();
    const holds = { count: 0 };
    const alive = () => this.#instance?.connections === connections;
    const logic = new PaymentMethod(this.#host(connections, holds, alive), this.alarmAtMs);
    return { logic, connections, holds, calls: new Map() };
  }

  #note(level: string, event: string, fields: Record<string, unknown>): void {
    this.logged.push({ atMs: this.time.nowMs, level, event, fields });
  }

  #leave(effect: () => void): void {
    this.#leaving.push(effect);
  }

  /** Goes on in an instance, in a turn of its own, if it is still there. */
  async #goOn(alive: () => boolean, run: () => void): Promise<void> {
    if (alive()) {
      await this.#turn(() => {
        if (alive()) {
          run();
        }
      });
    }
  }

  #storeAlarm(atMs: number | null): void {
    this.alarmAtMs = atMs;
    this.#alarmPlan += 1;
    if (atMs === null) {
      return;
    }
    const plan = this.#alarmPlan;
    const fate = this.alarmFate();
    const lateMs = fate.kind === "fires" ? fate.lateMs : 0;
    this.time.after(atMs - this.wallMs + lateMs, async () => {
      if (this.#alarmPlan !== plan) {
        return;
      }
      if (fate.kind === "dropped") {
        this.hasDroppedAlarm = true;
        this.alarmAtMs = null;
        return;
      }
      if (fate.kind === "doubled") {
        this.time.after(fate.againMs, async () => this.#fireAlarm());
      }
      await this.#fireAlarm();
    });
  }

  async #fireAlarm(): Promise<void> {
    if (this.#alarmRunning) {
      // One that falls due meanwhile comes after it; the runtime keeps one, not many.
      if (!this.#alarmWaiting) {
        this.#alarmWaiting = true;
        this.time.after(100, async () => {
          this.#alarmWaiting = false;
          await this.#fireAlarm();
        });
      }
      return;
    }
    this.#alarmRunning = true;
    this.#deliveringAtMs = this.alarmAtMs ?? this.wallMs;
    this.#evict();
    const beganAtMs = this.time.nowMs;
    const run = (instance: Instance) => {
      const later = this.#alarmSetAtBirth;
      if (later != null && later > this.wallMs) {
        // The runtime compares what is stored with what it delivers, and lets it be.
        this.alarmsPutOff += this.alarmAtMs !== null && this.alarmAtMs <= this.wallMs ? 1 : 0;
        this.#leave(() => {
          this.#alarmRunning = false;
        });
        return;
      }
      this.alarmAtMs = null;
      instance.logic.alarm().then(
        () =>
          this.#leave(() => {
            this.#alarmRunning = false;
            this.longestAlarmMs = Math.max(this.longestAlarmMs, this.time.nowMs - beganAtMs);
          }),
        (error: unknown) => {
          this.#note("alert", "alarm_failed", { error });
          this.#aborted = true;
        },
      );
    };
    const unborn = () => {
      this.#alarmRunning = false;
      this.time.after(ALARM_RETRY_MS, async () => this.#fireAlarm());
    };
    await this.#turn(run, unborn);
  }

  #host(connections: Set<SandboxReply>, holds: Holds, alive: () => boolean): Host {
    const latencyMs = () => (this.#options.latencyMs ?? (() => 10))(this.random);
    const asked = async <T>(ask: () => Promise<T>): Promise<T> => {
      const { promise, resolve } = Promise.withResolvers<T>();
      holds.count += 1;
      this.#leave(() => {
        this.time.after(latencyMs(), async () => {
          const result = await ask();
          this.time.after(latencyMs(), async () =>
            this.#goOn(alive, () => {
              holds.count -= 1;
              resolve(result);
            }),
          );
        });
      });
      return promise;
    };
    const settings = {
      baseUrl: "https://harmony.test/api",
      apiKey: "sandbox",
      timeoutMs: TIMEOUT_MS,
    };
    const network: Network = {
      fetch: async (url, init) => this.#fetch(url, init, connections, alive, latencyMs),
      now: () => this.wallMs,
      limits: new Limits(),
      deadline: (timeoutMs) => {
        const { signal } = new AbortController();
        this.#deadlines.set(signal, timeoutMs);
        return signal;
      },
    };
    return {
      paymentMethodId: this.paymentMethodId,
      storage: this.storage,
      harmony: createHarmony(settings, network),
      methods: createMethods(settings, network),
      ledger: {
        append: async (entries) =>
          asked(async () => appendEntries(this.ledger, entries, LEDGER_TIMEOUT_MS)),
        lastOf: async (id) => asked(async () => lastOf(this.ledger, id, LEDGER_TIMEOUT_MS)),
      },
      registry: {
        report: async (wakeAtMs, nowMs, halted) =>
          asked(async () =>
            reportMethod(
              this.ledger,
              { paymentMethodId: this.paymentMethodId, wakeAtMs, nowMs, halted },
              LEDGER_TIMEOUT_MS,
            ),
          ),
      },
      rules: { ...DEFAULT_RULES, ...this.#options.rules },
      harmonyTimeoutMs: TIMEOUT_MS,
      tag: this.#options.tag ?? true,
      brake: this.#brake,
      now: () => this.#readClock(),
      timer: (delayMs) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        let wanted = true;
        this.#leave(() => {
          this.time.after(delayMs, async () => {
            if (wanted) {
              await this.#goOn(alive, resolve);
            }
          });
        });
        return {
          done: promise,
          cancel: () => {
            wanted = false;
          },
        };
      },
      defer: (delayMs, work) => {
        holds.count += 1;
        this.#leave(() => {
          this.time.after(delayMs, async () =>
            this.#goOn(alive, () => {
              const ended = () => {
                holds.count -= 1;
              };
              work().then(ended, ended);
            }),
          );
        });
      },
      newId: () => this.#uuid(7),
      tagId: () => {
        this.#ids += 1;
        return this.#ids.toString(36).padStart(8, "0");
      },
      jitter: () => this.random(),
      hashIds: (ids) => createHash("sha256").update(ids.join("\n")).digest("hex"),
      setAlarm: async (atMs) => {
        this.#alarmSet = atMs;
      },
      abort: () => {
        this.#aborted = true;
      },
      log: (level, event, fields) => {
        this.#note(level, event, fields);
        this.#options.onLog?.(level, event, fields);
      },
    };
  }

  /** A request on its way: the sandbox acts when it arrives, whether or not anyone still listens. */
  async #fetch(
    url: string,
    init: RequestInit,
    connections: Set<SandboxReply>,
    alive: () => boolean,
    latencyMs: () => number,
  ): Promise<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    let open = true;
    this.#leave(() => {
      const sentAtMs = this.time.nowMs;
      const noted = init.method === "POST" ? this.#noteSubmission(url, init.body as string) : null;
      const finish = async (run: () => void) => {
        if (open) {
          open = false;
          await this.#goOn(alive, run);
        }
      };
      this.time.after(latencyMs(), () => {
        const reply = this.#handled(requestOf(url, init), init.redirect === "follow");
        this.#options.afterHarmony?.();
        if (!alive()) {
          this.sandbox.end(reply, "abandoned");
          return;
        }
        connections.add(reply);
        const end = (how: "answered" | "severed" | "abandoned") => {
          connections.delete(reply);
          this.sandbox.end(reply, how);
        };
        if (reply.kind === "respond" || reply.how !== "hang") {
          this.time.after(reply.delayMs + latencyMs(), async () => {
            if (open) {
              end(reply.kind === "respond" ? "answered" : "severed");
              await finish(() => {
                if (noted !== null && reply.kind === "respond") {
                  const { status: httpStatus, body } = reply;
                  Object.assign(noted, { answeredAtMs: this.time.nowMs, httpStatus, body });
                }
                deliver(reply, resolve, reject);
              });
            }
          });
        }
        const timeoutMs = this.#deadlines.get(init.signal as AbortSignal) ?? TIMEOUT_MS;
        this.time.after(sentAtMs + timeoutMs - this.time.nowMs, async () => {
          if (open) {
            end("abandoned");
            await finish(() => reject(new DOMException("too late", "TimeoutError")));
          }
        });
      });
    });
    return promise;
  }

  /** Harmony's reply; a client that follows redirects sends a 307 or 308 once more, as fetch does. */
  #handled(request: HarmonyRequest, follows: boolean): SandboxReply {
    const reply = this.sandbox.handle(request);
    const redirected = reply.kind === "respond" && (reply.status === 307 || reply.status === 308);
    if (!follows || !redirected) {
      return reply;
    }
    this.sandbox.end(reply, "answered");
    const to = new URL(reply.headers["location"] ?? "", "https://harmony.test");
    const query = Object.fromEntries(to.searchParams);
    return this.sandbox.handle({ ...request, path: to.pathname, query });
  }

  /** Notes what leaves; gives the note, for what will be heard of it. */
  #noteSubmission(url: string, text: string): Heard {
    const unheard = { atMs: this.time.nowMs, answeredAtMs: null, httpStatus: null, body: null };
    const paymentId = /\/payment\/([^/]+)\/refund$/.exec(url)?.[1];
    if (paymentId !== undefined) {
      // A UUID is the same in any letter case.
      const refund = { ...unheard, paymentId: paymentId.toLowerCase() };
      this.refundSubmissions.push(refund);
      return refund;
    }
    const { amount, description } = JSON.parse(text) as { amount: number; description?: string };
    const submission = { ...unheard, amount, description: description ?? "" };
    this.submissions.push(submission);
    return submission;
  }

  #control(method: string, path: string, body: unknown): void {
    const reply = this.sandbox.control({
      method,
      path: `/sandbox/${path}`,
      query: {},
      headers: {},
      body: JSON.stringify(body),
    });
    if (reply.kind !== "respond" || reply.status >= 300) {
      throw new Error(`sandbox: ${method} ${path}: ${JSON.stringify(reply)}`);
    }
  }

  #uuid(version: number): string {
    this.#ids += 1;
    return `00000000-0000-${version}000-8000-${this.#ids.toString(16).padStart(12, "0")}`;
  }
}

function requestOf(url: string, init: RequestInit) {
  const { pathname, searchParams } = new URL(url);
  return {
    method: init.method ?? "GET",
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: init.headers as Record<string, string>,
    body: typeof init.body === "string" ? init.body : "",
  };
}

function deliver(
  reply: SandboxReply,
  resolve: (response: Response) => void,
  reject: (error: Error) => void,
): void {
  if (reply.kind === "sever" && reply.how !== "truncate") {
    reject(new Error("Network connection lost."));
    return;
  }
  const whole = reply.kind === "respond";
  const text = "cutAt" in reply ? reply.body.slice(0, reply.cutAt) : reply.body;
  const chunks = text === "" ? [] : [new TextEncoder().encode(text)];
  // Only what the client uses, on promises alone: a real stream would need real time.
  const body = {
    getReader: () => ({
      read: async () => {
        const value = chunks.shift();
        if (value === undefined && !whole) {
          throw new Error("Network connection lost.");
        }
        return { done: value === undefined, value };
      },
      cancel: async () => undefined,
    }),
  };
  const headers = new Headers(reply.headers);
  resolve({ status: reply.status, headers, body } as unknown as Response);
}

export interface ChargeChange {
  readonly key?: string;
  readonly amountMinor?: number;
  readonly caller?: string;
  readonly description?: string | null;
  readonly waitMs?: number;
  readonly requestId?: string;
  readonly paymentMethodId?: string;
}

export function chargeCommand(change: ChargeChange = {}): ChargeCommand {
  const caller = change.caller ?? "main";
  const key = change.key ?? "key-1";
  const requestId = change.requestId ?? null;
  return {
    v: 1,
    type: "charge",
    paymentMethodId: change.paymentMethodId ?? METHOD_ID,
    caller,
    idempotencyKey: key,
    request: {
      amountMinor: change.amountMinor ?? 5000,
      currency: "MXN",
      description: change.description === undefined ? `for ${key}` : change.description,
      reference: null,
    },
    actor: { caller, keyId: "test", requestId, traceId: null, origin: "192.0.2.1" },
    waitMs: change.waitMs ?? 25_000,
  };
}

export interface RefundChange {
  /** The payment's id, or a charge's. */
  readonly of: string;
  readonly key?: string;
  readonly caller?: string;
  readonly reason?: string | null;
  readonly waitMs?: number;
  readonly requestId?: string;
  readonly paymentMethodId?: string;
}

export function refundCommand(change: RefundChange): RefundCommand {
  const caller = change.caller ?? "main";
  const requestId = change.requestId ?? null;
  return {
    v: 1,
    type: "refund",
    paymentMethodId: change.paymentMethodId ?? METHOD_ID,
    caller,
    idempotencyKey: change.key ?? "refund-1",
    id: change.of,
    reason: change.reason ?? null,
    actor: { caller, keyId: "test", requestId, traceId: null, origin: "192.0.2.1" },
    waitMs: change.waitMs ?? 25_000,
  };
}
