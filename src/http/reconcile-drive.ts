/**
 * Owns the driving of runs that hold the books against Harmony: in bounded steps, by the request
 * that began one and by the cron, so that a crash costs a minute. All that a run knows is in D1.
 * Must not compare: each method's object does. Never throws.
 */
import { GATEWAY_CHAIN_ID } from "../domain/entries.ts";
import type { Actor } from "../domain/facts.ts";
import { outcomeOf, type Report } from "../domain/reconciliation.ts";
import { figuresOf, notComparedOf, rowsOf } from "../ledger/reconciliation-figures.ts";
import {
  claimMethods,
  type ClaimedMethod,
  endRun,
  keepReport,
  listMethods,
  readRun,
  releaseMethod,
  type Result,
  type Run,
  settleMethod,
} from "../ledger/reconciliations.ts";
import type {
  Answer,
  Command,
  ReconcileAnswer,
  RecordedAnswer,
} from "../payment-method/commands.ts";
import { askObject, GRACE_MS } from "./ask-object.ts";
import type { Reach } from "./context.ts";
import { log } from "./log.ts";
import { scopeOf } from "./reconciliation-body.ts";
import { sha256 } from "./sha256.ts";

/** How much one step does, and how long it waits for one method. */
export interface Pace {
  readonly budgetMs: number;
  /** Each costs some three statements on D1; an invocation has a thousand. */
  readonly methodsMax: number;
  readonly methodMs: number;
  /** Whether a method that takes longer is given up, or left to a step that can wait longer. */
  readonly givesUp: boolean;
}

/** Beside a request: what goes on after its answer has to end within half a minute. */
export const FIRST_STEP: Pace = {
  budgetMs: 5000,
  methodsMax: 200,
  methodMs: 20_000,
  givesUp: false,
};
/** So many methods at once: Harmony serves charges meanwhile. */
const AT_ONCE = 10;
/** A method that was claimed so often without an end is given up: whatever ends its drivers goes on. */
const TRIES_MAX = 3;
/** Beyond the wait for a method, its claim holds this much longer. */
const CLAIM_SLACK_MS = 60_000;
const RECORD_MS = 10_000;
export const STATEMENT_TIMEOUT_MS = 10_000;

/** Drives one run as far as one step goes; gives how many methods it took. */
export async function drive(reach: Reach, id: string, pace: Pace): Promise<number> {
  const step = new Step(reach, id, pace);
  try {
    await step.run();
  } catch (error) {
    // Whatever it was, the run stands in D1 and the next step goes on with it.
    log("warn", "reconciliation_failed", { id, message: String(error) });
  }
  return step.taken;
}

class Step {
  readonly #reach: Reach;
  readonly #id: string;
  readonly #pace: Pace;
  readonly #endsAtMs: number;
  taken = 0;

  constructor(reach: Reach, id: string, pace: Pace) {
    this.#reach = reach;
    this.#id = id;
    this.#pace = pace;
    this.#endsAtMs = Date.now() + pace.budgetMs;
  }

  async run(): Promise<void> {
    const { env } = this.#reach;
    for (;;) {
      const run = value(await readRun(env.LEDGER, this.#id, STATEMENT_TIMEOUT_MS));
      switch (run?.status) {
        case undefined:
        case "done":
          return;
        case "listing":
          if (this.#isOver()) {
            return;
          }
          value(await listMethods(env.LEDGER, run, STATEMENT_TIMEOUT_MS));
          break;
        case "comparing":
          await this.#compareAll(run);
          if (!(await this.#report())) {
            return;
          }
          break;
        case "recording":
          await this.#record(run);
          break;
      }
    }
  }

  #isOver(): boolean {
    return this.taken >= this.#pace.methodsMax || Date.now() >= this.#endsAtMs;
  }

  /** Compares what nobody else is at work on, until the step is over. */
  async #compareAll(run: Run): Promise<void> {
    const claimed: ClaimedMethod[] = [];
    let claiming: Promise<number> | null = null;
    const next = async (): Promise<ClaimedMethod | undefined> => {
      while (claimed.length === 0 && !this.#isOver()) {
        claiming ??= this.#claim(claimed).finally(() => {
          claiming = null;
        });
        if ((await claiming) === 0) {
          return undefined;
        }
      }
      return claimed.shift();
    };
    const work = async () => {
      for (let method = await next(); method !== undefined; method = await next()) {
        await this.#compare(run, method);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  async #claim(into: ClaimedMethod[]): Promise<number> {
    const nowMs = Date.now();
    const limit = Math.min(AT_ONCE, this.#pace.methodsMax - this.taken);
    const untilMs = nowMs + this.#pace.methodMs + CLAIM_SLACK_MS;
    const claim = { id: this.#id, nowMs, untilMs, limit };
    const taken = value(await claimMethods(this.#reach.env.LEDGER, claim, STATEMENT_TIMEOUT_MS));
    into.push(...taken);
    this.taken += taken.length;
    return taken.length;
  }

  /** One method. A failure leaves it claimed; it is tried again when the claim has run out. */
  async #compare(run: Run, { paymentMethodId, tries }: ClaimedMethod): Promise<void> {
    const db = this.#reach.env.LEDGER;
    const place = { id: this.#id, paymentMethodId };
    const notCompared = async (reason: string) =>
      settleMethod(db, place, { status: "not_compared", reason }, STATEMENT_TIMEOUT_MS);
    if (tries > TRIES_MAX) {
      value(await notCompared("object_failed"));
      return;
    }
    const answer = await this.#asked(run, paymentMethodId);
    switch (answer?.type) {
      case undefined:
        return;
      case "compared": {
        const result = JSON.stringify(answer.comparison);
        const settled = { status: "compared", result } as const;
        value(await settleMethod(db, place, settled, STATEMENT_TIMEOUT_MS));
        return;
      }
      case "not_compared":
        value(await notCompared(answer.reason));
        return;
      case "busy":
      case "under_way": {
        const reason = answer.type === "busy" ? "busy" : "took_too_long";
        value(
          await (this.#pace.givesUp
            ? notCompared(reason)
            : releaseMethod(db, place, STATEMENT_TIMEOUT_MS)),
        );
      }
    }
  }

  /** What the object answers; null where nothing was heard of it. */
  async #asked(run: Run, paymentMethodId: string): Promise<ReconcileAnswer | null> {
    const { methodMs } = this.#pace;
    const actor = JSON.parse(run.actor) as Actor;
    const waitMs = methodMs - GRACE_MS;
    const asked = askObject(
      this.#reach,
      { v: 1, type: "reconcile", paymentMethodId, actor, waitMs },
      Date.now() + methodMs,
    ).then(reconcileAnswer, (error: unknown) => {
      log("warn", "reconcile_failed", { paymentMethodId, message: String(error) });
      return null;
    });
    const late = new AbortController();
    const waited = scheduler
      .wait(methodMs, { signal: late.signal })
      .then(() => null)
      .catch(() => null);
    const answer = await Promise.race([asked, waited]);
    late.abort();
    return answer;
  }

  /** Keeps the report once every method is settled; false while another driver is at work. */
  async #report(): Promise<boolean> {
    const db = this.#reach.env.LEDGER;
    const { progress, figures } = value(await figuresOf(db, this.#id, STATEMENT_TIMEOUT_MS));
    if (progress.done < progress.total) {
      return false;
    }
    const rows = value(await rowsOf(db, this.#id, STATEMENT_TIMEOUT_MS));
    const methodsNotCompared = value(await notComparedOf(db, this.#id, STATEMENT_TIMEOUT_MS));
    const rowsHash = await sha256(JSON.stringify(rows));
    const report: Report = {
      ...figures,
      endedAtMs: Date.now(),
      rows,
      methodsNotCompared,
      rowsHash,
    };
    value(await keepReport(db, this.#id, JSON.stringify(report), STATEMENT_TIMEOUT_MS));
    return true;
  }

  /** Enters the report in the chain of the gateway, once, and ends the run. */
  async #record(run: Run): Promise<void> {
    const report = JSON.parse(run.report ?? "{}") as Report;
    const { compared, notCompared, differences, harmony, books, earlier, rowCount } = report;
    const outcome = outcomeOf(report);
    const command: Command = {
      v: 1,
      type: "record_reconciliation",
      paymentMethodId: GATEWAY_CHAIN_ID,
      outcome,
      summary: {
        reconciliationId: run.id,
        begunBy: run.begunBy,
        scope: scopeOf(run),
        asOf: run.toPosition,
        methods: { compared, notCompared },
        differences,
        harmony,
        books,
        earlier,
        rowCount,
        rowsKept: report.rows.length,
        rowsHash: report.rowsHash,
      },
      actor: JSON.parse(run.actor) as Actor,
    };
    const answer = await askObject(this.#reach, command, Date.now() + RECORD_MS);
    const { seq } = bodyOf(answer) as Partial<RecordedAnswer>;
    if (seq === undefined) {
      throw new Error(`the gateway's object did not record it: ${answer.reply.status}`);
    }
    value(await endRun(this.#reach.env.LEDGER, this.#id, seq, STATEMENT_TIMEOUT_MS));
    if (outcome !== "equal") {
      const level = outcome === "differs" ? "alert" : "warn";
      const event = outcome === "differs" ? "books_differ" : "books_not_compared";
      log(level, event, { id: run.id, rowCount, notCompared });
    }
  }
}

/** Code of another version may answer what this one does not know. */
function reconcileAnswer(answer: Answer | undefined): ReconcileAnswer {
  const body = bodyOf(answer) as Partial<ReconcileAnswer> & { code?: unknown };
  switch (body.type) {
    case "compared":
    case "not_compared":
    case "busy":
    case "under_way":
      return body as ReconcileAnswer;
    case undefined:
    default:
      return {
        type: "not_compared",
        reason: typeof body.code === "string" ? body.code : "not_understood",
      };
  }
}

function bodyOf(answer: Answer | undefined): unknown {
  return JSON.parse(answer?.reply.body ?? "{}") as unknown;
}

/** Where D1 cannot be asked the step ends: all it knows is there. */
function value<T>(result: Result<T>): T {
  if (result.type === "unavailable") {
    throw new Error(result.message);
  }
  return result.value;
}
