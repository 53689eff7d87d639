/**
 * Owns the Worker's bindings and its configuration, checked by name at the first request.
 * A leaf: it imports nothing of ours, so that every layer may import it.
 */
import * as z from "zod";

export interface Env {
  readonly PAYMENT_METHODS: DurableObjectNamespace;
  readonly CARD_SHARDS: DurableObjectNamespace;
  readonly LEDGER: D1Database;
  readonly HARMONY_API_KEY?: string;
  readonly [variable: string]: unknown;
}

/** Whole seconds or milliseconds that may arrive as a number (TOML) or as text (`--var`). */
const whole = (min: number, max: number) =>
  z.coerce.number().pipe(z.int().min(min).max(max)) as z.ZodType<number>;

/** `0,2,5`: seconds between steps of a schedule, ascending or not, the last repeats. */
const delays = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text) => text.split(",").map((part) => Number(part.trim() || "NaN")))
    .refine(
      (list) =>
        list.length <= 64 && list.every((s) => Number.isFinite(s) && s >= 0 && s <= 604_800),
      "comma-separated seconds, each from 0 to 604800",
    );

/** The last delay repeats, so a short one would ask without end. */
const repeating = (fallback: string) =>
  delays(fallback).refine((list) => (list.at(-1) ?? 0) >= 1, "the last delay repeats: at least 1");

const yesNo = z
  .enum(["yes", "no"])
  .default("no")
  .transform((text) => text === "yes");

const Configuration = z
  .object({
    HARMONY_API_KEY: z.string().min(1),
    HARMONY_BASE_URL: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, "")),
    HARMONY_TIMEOUT_MS: whole(100, 120_000).default(20_000),
    WAIT_SECONDS: whole(1, 30).default(25),
    RECONCILE_SECONDS: repeating("0,2,5,15,60,120"),
    HORIZON_SECONDS: z.union([z.literal("never"), whole(1, 604_800)]).default(900),
    ALLOW_SHORT_HORIZON: yesNo,
    LATE_SECONDS: delays("3600,21600,86400"),
    POLL_SECONDS: repeating("2,5,15,60,300,900,3600"),
    FOREIGN_WRITERS: yesNo,
    TAG: z
      .enum(["on", "off"])
      .default("on")
      .transform((text) => text === "on"),
    BRAKE: z
      .enum(["on", "off"])
      .default("on")
      .transform((text) => text === "on"),
    LOCATION_HINT: z
      .enum([
        "wnam",
        "enam",
        "sam",
        "weur",
        "eeur",
        "apac",
        "apac-ne",
        "apac-se",
        "oc",
        "afr",
        "me",
      ])
      .optional(),
  })
  .superRefine((value, context) => {
    const horizonMs = value.HORIZON_SECONDS === "never" ? null : value.HORIZON_SECONDS * 1000;
    if (
      horizonMs !== null &&
      !value.ALLOW_SHORT_HORIZON &&
      horizonMs < 10 * value.HARMONY_TIMEOUT_MS
    ) {
      context.addIssue({
        code: "custom",
        path: ["HORIZON_SECONDS"],
        message: "must be at least ten times HARMONY_TIMEOUT_MS (or `never`)",
      });
    }
  });

/** Configuration in the units the code computes with. */
export interface Config {
  readonly harmonyApiKey: string;
  readonly harmonyBaseUrl: string;
  readonly harmonyTimeoutMs: number;
  readonly waitMs: number;
  readonly reconcileMs: readonly number[];
  /** Null means `never`: absence is never taken for proof. */
  readonly horizonMs: number | null;
  readonly lateMs: readonly number[];
  readonly pollMs: readonly number[];
  readonly foreignWriters: boolean;
  readonly tag: boolean;
  readonly brake: boolean;
  readonly locationHint: DurableObjectLocationHint | null;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] };

const checked = new WeakMap<Env, ConfigResult>();

/** The configuration of this environment, or what is wrong with it, by variable name. */
export function configOf(env: Env): ConfigResult {
  const known = checked.get(env);
  if (known !== undefined) {
    return known;
  }
  const result = readConfig(env);
  checked.set(env, result);
  return result;
}

function readConfig(env: Env): ConfigResult {
  const problems: string[] = [];
  for (const binding of ["PAYMENT_METHODS", "CARD_SHARDS", "LEDGER"] as const) {
    if (typeof env[binding] !== "object") {
      problems.push(`${binding}: binding is missing`);
    }
  }
  const parsed = Configuration.safeParse(env);
  if (!parsed.success) {
    problems.push(
      ...parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`),
    );
    return { ok: false, problems };
  }
  if (problems.length > 0) {
    return { ok: false, problems };
  }
  const value = parsed.data;
  const inMs = (list: readonly number[]) => list.map((seconds) => Math.round(seconds * 1000));
  return {
    ok: true,
    config: {
      harmonyApiKey: value.HARMONY_API_KEY,
      harmonyBaseUrl: value.HARMONY_BASE_URL,
      harmonyTimeoutMs: value.HARMONY_TIMEOUT_MS,
      waitMs: value.WAIT_SECONDS * 1000,
      reconcileMs: inMs(value.RECONCILE_SECONDS),
      horizonMs: value.HORIZON_SECONDS === "never" ? null : value.HORIZON_SECONDS * 1000,
      lateMs: inMs(value.LATE_SECONDS),
      pollMs: inMs(value.POLL_SECONDS),
      foreignWriters: value.FOREIGN_WRITERS,
      tag: value.TAG,
      brake: value.BRAKE,
      locationHint: value.LOCATION_HINT ?? null,
    },
  };
}
