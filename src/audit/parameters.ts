/**
 * Owns what may stand in the query string of `GET /ledger/entries`: names, values, how often.
 * Must not run a query, nor know what a cursor holds.
 */
import * as z from "zod";
import { ENTRY_TYPES } from "../domain/entries.ts";
import { readQueryKey } from "../domain/idempotency-key.ts";
import { foldId, isUuid } from "../domain/ids.ts";
import { EQUALITY_FILTERS } from "../ledger/plan.ts";
import type { EntryFilters } from "../ledger/plan.ts";
import { LIMIT_MAX } from "../ledger/queries.ts";

/** Values of one filter. Each is a range of an index to read, and 20 ids fill no URL. */
export const FILTER_VALUES_MAX = 20;

/** The contract's page, where none is asked for. */
export const LIMIT_DEFAULT = 100;

/** Longest text that a column may hold by `outsideText`. */
const TEXT_MAX = 2048;

export interface Parameters {
  readonly filters: EntryFilters;
  readonly order: "asc" | "desc";
  readonly limit: number;
  readonly cursor: string | null;
}

export interface ParameterError {
  readonly parameter: string;
  readonly detail: string;
}

export type ParametersResult =
  | { readonly type: "ok"; readonly parameters: Parameters }
  | { readonly type: "invalid"; readonly errors: readonly ParameterError[] };

/** Repeated: any of them. */
const anyOf = (value: z.ZodType<string, string>) =>
  z
    .array(value)
    .max(FILTER_VALUES_MAX, `may be repeated at most ${FILTER_VALUES_MAX} times`)
    // Sorted, so that the same list asked for in another order has the same cursors.
    .transform((values) => [...new Set(values)].toSorted())
    .optional();

/** Not a filter, so that "any of" has no meaning. */
const once = <Value>(value: z.ZodType<Value, string>) =>
  z.tuple([value], "may be given only once").optional();

const text = z.string().min(1, "must not be empty").max(TEXT_MAX, `is longer than ${TEXT_MAX}`);

/** Kept folded, ours and Harmony's; whatever else a chain is called is left alone. */
const id = text.transform(foldId);

/** As the look-up of a charge takes it: quoted or bare; what is no key is in no entry. */
const key = text.transform((value) => {
  const read = readQueryKey(value);
  return read.type === "key" ? read.key : value;
});

const paymentMethodId = z.string().refine(isUuid, "must be a UUID").transform(foldId);

const centavos = z
  .string()
  .regex(/^-?\d{1,15}$/, "must be whole centavos")
  .transform(Number);

/** A plus sign in a query string means a space: an offset that was not escaped is still one. */
export const time = z
  .string()
  .transform((value) => value.replace(/ (?=\d\d:\d\d$)/, "+").toUpperCase())
  .pipe(z.iso.datetime({ offset: true, error: "must be an RFC 3339 time" }))
  .transform(wholeMs);

const Query = z.strictObject({
  paymentMethodId: anyOf(paymentMethodId),
  paymentId: anyOf(id),
  chargeId: anyOf(id),
  idempotencyKey: anyOf(key),
  reference: anyOf(text),
  caller: anyOf(text),
  type: anyOf(z.enum(ENTRY_TYPES, "must be a type of entry") as z.ZodType<string, string>),
  outcome: anyOf(text),
  paymentStatus: anyOf(text.toUpperCase()),
  occurredFrom: z.array(time).optional(),
  occurredTo: z.array(time).optional(),
  recordedFrom: z.array(time).optional(),
  recordedTo: z.array(time).optional(),
  minAmountMinor: z.array(centavos).optional(),
  maxAmountMinor: z.array(centavos).optional(),
  order: once(
    z.enum(["asc", "desc"], 'must be "asc" or "desc"') as z.ZodType<"asc" | "desc", string>,
  ),
  limit: once(
    z
      .string()
      .regex(/^\d{1,4}$/, `must be a number from 1 to ${LIMIT_MAX}`)
      .transform(Number)
      .refine((limit) => limit >= 1 && limit <= LIMIT_MAX, `must be from 1 to ${LIMIT_MAX}`),
  ),
  cursor: once(z.string()),
});

/** The query string as a query, or everything that is wrong with it, by parameter. */
export function parseParameters(search: URLSearchParams): ParametersResult {
  const given = new Map<string, string[]>();
  for (const [name, value] of search) {
    given.set(name, [...(given.get(name) ?? []), value]);
  }
  const parsed = Query.safeParse(Object.fromEntries(given));
  if (!parsed.success) {
    return { type: "invalid", errors: parsed.error.issues.flatMap(errorsOf) };
  }
  const { order, limit, cursor, ...rest } = parsed.data;
  return {
    type: "ok",
    parameters: {
      filters: filtersOf(rest),
      order: order?.[0] ?? "asc",
      limit: limit?.[0] ?? LIMIT_DEFAULT,
      cursor: cursor?.[0] ?? null,
    },
  };
}

type Given = Omit<z.output<typeof Query>, "order" | "limit" | "cursor">;

/** A bound that is repeated lets pass what any of them would: the loosest one holds. */
function filtersOf(given: Given): EntryFilters {
  const equal = EQUALITY_FILTERS.flatMap((filter) => {
    const values = given[filter];
    return values === undefined ? [] : [[filter, values] as const];
  });
  const sorted = (times: readonly string[] | undefined) => (times ?? []).toSorted();
  const { minAmountMinor, maxAmountMinor } = given;
  return {
    equal: Object.fromEntries(equal),
    occurredFrom: sorted(given.occurredFrom)[0] ?? null,
    occurredTo: sorted(given.occurredTo).at(-1) ?? null,
    recordedFrom: sorted(given.recordedFrom)[0] ?? null,
    recordedTo: sorted(given.recordedTo).at(-1) ?? null,
    minAmountMinor: minAmountMinor === undefined ? null : Math.min(...minAmountMinor),
    maxAmountMinor: maxAmountMinor === undefined ? null : Math.max(...maxAmountMinor),
  };
}

/** What is wrong with the names of a query that may have each of these once, and no other. */
export function misnamed(search: URLSearchParams, names: readonly string[]): ParameterError[] {
  return [...new Set(search.keys())].flatMap((name): ParameterError[] => {
    if (!names.includes(name)) {
      return [{ parameter: name.slice(0, 100), detail: "is not a parameter of this call" }];
    }
    const isOnce = search.getAll(name).length === 1;
    return isOnce ? [] : [{ parameter: name, detail: "may be given only once" }];
  });
}

function errorsOf(issue: z.core.$ZodIssue): ParameterError[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((name) => ({ parameter: name.slice(0, 100), detail: "is not known" }));
  }
  const [name] = issue.path;
  return [{ parameter: String(name), detail: issue.message }];
}

/** What four digits of a year can say: beyond, text order would no longer be time order. */
const EARLIEST_MS = Date.parse("0000-01-01T00:00:00.000Z");
const LATEST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/**
 * Times in the ledger are whole milliseconds, so a bound between two of them is the later one,
 * for `>=` and for `<` alike.
 */
function wholeMs(given: string): string {
  const beyondMs = /\.\d{3}(\d+)/.exec(given)?.[1] ?? "";
  const ms = Date.parse(given) + (/[1-9]/.test(beyondMs) ? 1 : 0);
  return new Date(Math.min(Math.max(ms, EARLIEST_MS), LATEST_MS)).toISOString();
}
