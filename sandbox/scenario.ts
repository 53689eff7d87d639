/**
 * Reads a scenario from JSON. Pure: no book, no clock, no sockets. A bad scenario comes back as a
 * message that lists what is allowed, never as a throw.
 */
import * as z from "zod";
import { actKinds, actSuffix, historySchema, historyShape, readKinds } from "./kinds.ts";
import type {
  Act,
  ChargeStep,
  HistoryOptions,
  ReadStep,
  RefundStep,
  RevokeStep,
  Scenario,
} from "./kinds.ts";

type Shapes = Record<string, Record<string, z.ZodType>>;
export type Parsed<T> = { ok: true; value: T } | { ok: false; message: string };

export function emptyScenario(): Scenario {
  const history = historySchema.parse({});
  return { charges: [], refunds: [], revokes: [], reads: [], looks: [], history };
}

export function parseScenario(input: unknown): Parsed<Scenario> {
  const scenario = emptyScenario();
  if (!isObject(input)) {
    return { ok: false, message: "a scenario is an object" };
  }
  const unknown = Object.keys(input).find((member) => !(member in scenario));
  if (unknown !== undefined) {
    return { ok: false, message: notAllowed(`"${unknown}"`, Object.keys(scenario)) };
  }
  const lists = {
    charges: parseList("charges", input["charges"], parseChargeStep),
    refunds: parseList("refunds", input["refunds"], parseRefundStep),
    revokes: parseList("revokes", input["revokes"], parseRevokeStep),
    reads: parseList("reads", input["reads"], parseReadStep),
    looks: parseList("looks", input["looks"], parseReadStep),
  };
  const history = parseHistory(input["history"] ?? {});
  if (!history.ok) {
    return history;
  }
  for (const list of Object.values(lists)) {
    if (!list.ok) {
      return list;
    }
  }
  return {
    ok: true,
    value: {
      charges: valueOf(lists.charges),
      refunds: valueOf(lists.refunds),
      revokes: valueOf(lists.revokes),
      reads: valueOf(lists.reads),
      looks: valueOf(lists.looks),
      history: history.value,
    },
  };
}

export function parseChargeStep(input: unknown): Parsed<ChargeStep> {
  return parseStep(actKinds.charge, input, "charge") as Parsed<ChargeStep>;
}

function parseRefundStep(input: unknown): Parsed<RefundStep> {
  return parseStep(actKinds.refund, input, "refund") as Parsed<RefundStep>;
}

function parseRevokeStep(input: unknown): Parsed<RevokeStep> {
  return parseStep(actKinds.revoke, input, "revoke") as Parsed<RevokeStep>;
}

function parseReadStep(input: unknown): Parsed<ReadStep> {
  return parseStep(readKinds, input, null) as Parsed<ReadStep>;
}

function parseStep(kinds: Shapes, input: unknown, act: Act | null): Parsed<unknown> {
  const step = typeof input === "string" ? { kind: input } : input;
  if (!isObject(step)) {
    return { ok: false, message: "a step is an object with a kind, or the bare kind" };
  }
  const { kind, ...members } = renamed(step, act);
  const shape = typeof kind === "string" && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (shape === undefined) {
    const allowed = Object.keys(kinds).map((name) => spoken(name, act));
    return { ok: false, message: notAllowed(`kind ${JSON.stringify(step["kind"])}`, allowed) };
  }
  const parsed = z.strictObject(shape).safeParse(members);
  if (!parsed.success) {
    const allowed = Object.keys(shape).map((name) => spoken(name, act));
    return { ok: false, message: `${spoken(String(kind), act)}: ${told(parsed.error, allowed)}` };
  }
  return { ok: true, value: { kind, ...parsed.data } };
}

/** In refunds and revokes, `_refunding` and `refundAfterMs` say what `_charging` says of charges. */
function renamed(step: Record<string, unknown>, act: Act | null): Record<string, unknown> {
  if (act === null || act === "charge") {
    return step;
  }
  const own: Record<string, unknown> = {};
  for (const [member, value] of Object.entries(step)) {
    own[member === `${act}AfterMs` ? "chargeAfterMs" : member] = value;
  }
  if (typeof own["kind"] === "string") {
    own["kind"] = own["kind"].replace(new RegExp(`_${actSuffix[act]}$`), "_charging");
  }
  return own;
}

function spoken(name: string, act: Act | null): string {
  return act === null
    ? name
    : name.replace(/_charging$/, `_${actSuffix[act]}`).replace(/^chargeAfter/, `${act}After`);
}

function parseHistory(input: unknown): Parsed<HistoryOptions> {
  const parsed = historySchema.safeParse(input);
  return parsed.success
    ? { ok: true, value: parsed.data }
    : { ok: false, message: `history: ${told(parsed.error, Object.keys(historyShape))}` };
}

function parseList<T>(
  name: string,
  input: unknown,
  parse: (step: unknown) => Parsed<T>,
): Parsed<T[]> {
  const steps: T[] = [];
  if (input !== undefined && !Array.isArray(input)) {
    return { ok: false, message: `${name}: must be a list` };
  }
  for (const [index, step] of (input ?? []).entries()) {
    const parsed = parse(step);
    if (!parsed.ok) {
      return { ok: false, message: `${name}[${index}]: ${parsed.message}` };
    }
    steps.push(parsed.value);
  }
  return { ok: true, value: steps };
}

function told(error: z.ZodError, allowed: string[]): string {
  return error.issues
    .map((issue) =>
      issue.code === "unrecognized_keys"
        ? notAllowed(issue.keys.map((key) => `"${key}"`).join(", "), allowed)
        : `${issue.path.join(".")}: ${issue.message}`,
    )
    .join("; ");
}

function notAllowed(what: string, allowed: string[]): string {
  return `${what} is not allowed; allowed: ${allowed.join(", ") || "no members"}`;
}

function valueOf<T>(parsed: Parsed<T[]>): T[] {
  return parsed.ok ? parsed.value : [];
}

export function isObject(input: unknown): input is Record<string, unknown> {
  return typeof input === "object" && input !== null && !Array.isArray(input);
}
