/**
 * Owns the shape of a reconciliation on the wire: what a request asks for, and how a run reads.
 * Must not ask anyone.
 */
import * as z from "zod";
import { time } from "../audit/parameters.ts";
import { GATEWAY_CHAIN_ID } from "../domain/entries.ts";
import { foldId, isUuid } from "../domain/ids.ts";
import {
  type Figures,
  type NotCompared,
  outcomeOf,
  type Report,
  type ReportRow,
  type Scope,
} from "../domain/reconciliation.ts";
import type { Progress } from "../ledger/reconciliation-figures.ts";
import type { NewRun, Run } from "../ledger/reconciliations.ts";
import { type BodyReading, readJson } from "./schemas.ts";

const Time = z.string({ error: "must be an RFC 3339 time" }).pipe(time);

const Wanted = z
  .strictObject(
    {
      paymentMethodId: z
        .string({ error: "must be a UUID" })
        .refine(isUuid, "must be a UUID")
        .transform(foldId)
        .refine((id) => id !== GATEWAY_CHAIN_ID, "is the gateway's own chain")
        .optional(),
      from: Time.optional(),
      to: Time.optional(),
    },
    { error: "must be an object" },
  )
  .transform(({ paymentMethodId, from, to }, context): NewRun["scope"] => {
    if (paymentMethodId !== undefined && from === undefined && to === undefined) {
      return { paymentMethodId };
    }
    if (paymentMethodId === undefined && from !== undefined && to !== undefined) {
      if (from < to) {
        return { from, to };
      }
      context.addIssue({ code: "custom", path: ["to"], message: "must be later than from" });
      return z.NEVER;
    }
    context.addIssue({ code: "custom", message: "must have paymentMethodId, or from and to" });
    return z.NEVER;
  });

export function readWanted(bytes: Uint8Array): BodyReading<NewRun["scope"]> {
  return readJson(Wanted, bytes);
}

/** What a run covers. */
export function scopeOf(run: Run): Scope {
  if (run.paymentMethodId !== null) {
    return { paymentMethodId: run.paymentMethodId };
  }
  return run.fromAt === null || run.toAt === null
    ? { afterPosition: run.fromPosition }
    : { from: run.fromAt, to: run.toAt };
}

/** What a run under way has come to so far. */
export interface Found {
  readonly progress: Progress;
  readonly figures: Figures;
  readonly rows: readonly ReportRow[];
  readonly methodsNotCompared: readonly NotCompared[];
}

/** A run under way as a caller reads it. */
export function runningBody(run: Run, found: Found): unknown {
  const { progress, figures, rows, methodsNotCompared } = found;
  return bodyOf(run, figures, { progress, rows, methodsNotCompared, report: null });
}

/** A run as a caller reads it from its report. */
export function reportBody(run: Run, text: string): unknown {
  const report = JSON.parse(text) as Report;
  const { rows, methodsNotCompared, compared, notCompared } = report;
  const all = compared + notCompared;
  const progress = { done: all, total: all };
  return bodyOf(run, report, { progress, rows, methodsNotCompared, report });
}

function bodyOf(
  run: Run,
  { compared, notCompared, differences, harmony, books, earlier, rowCount }: Figures,
  said: Omit<Found, "figures"> & { readonly report: Report | null },
): unknown {
  const { report, progress, rows, methodsNotCompared } = said;
  return {
    id: run.id,
    status: run.status === "done" ? "done" : "running",
    begunBy: run.begunBy,
    scope: scopeOf(run),
    asOf: run.toPosition,
    startedAt: new Date(run.startedAtMs).toISOString(),
    endedAt: report === null ? null : new Date(report.endedAtMs).toISOString(),
    progress,
    outcome: report === null ? null : outcomeOf(report),
    methods: { compared, notCompared },
    differences,
    harmony,
    books,
    earlier,
    rowCount,
    rows,
    rowsHash: report?.rowsHash ?? null,
    methodsNotCompared,
    entry: run.entrySeq === null ? null : { paymentMethodId: GATEWAY_CHAIN_ID, seq: run.entrySeq },
  };
}
