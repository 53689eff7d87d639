/**
 * What a payment method of the sandbox can be told to do: every kind of step, its members, their
 * defaults, and the types that follow from them. Owns no behaviour; reading a scenario from JSON is
 * scenario.ts, playing one is acts.ts, reads.ts and history.ts.
 */
import * as z from "zod";

export const PAYMENT_STATUSES = [
  "NOT_INITIALIZED",
  "PENDING",
  "CONFIRMED",
  "CANCELLED",
  "REFUNDED",
] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

export const PAYMENT_METHOD_STATUSES = ["PENDING", "ACTIVE", "EXPIRED", "REVOKED"] as const;
export type PaymentMethodStatus = (typeof PAYMENT_METHOD_STATUSES)[number];

/** The longest delay that a timer can hold; a longer one would fire at once. */
const DELAY_MS_MAX = 2_147_483_647;

const delay = z.int().min(0).max(DELAY_MS_MAX);
const latency = { latencyMs: delay.default(0) };
const how = { how: z.enum(["reset", "hang", "truncate"]).default("reset"), ...latency };
/** A member that stands twice, once with another value; `wrong` says which of the two is not true. */
const doubling = {
  member: z.enum(["status", "id"]).default("status"),
  wrong: z.enum(["first", "last"]).default("last"),
  ...latency,
};
const errorStatus = { status: z.int().min(400).max(599).default(500), ...latency };

const plainActs = {
  approve: { ...latency },
  decline: {
    as: z.union([z.literal("cancelled"), z.literal([400, 402, 404, 422])]).default("cancelled"),
    ...latency,
  },
  lose_reply_after_charging: how,
  lose_before_charging: how,
  error_after_charging: errorStatus,
  error_before_charging: errorStatus,
  error_naming_payment: errorStatus,
  garbage_after_charging: { ...latency },
  html_after_charging: { ...latency },
  unknown_status_after_charging: { ...latency },
  wrong_amount_after_charging: { ...latency },
  doubled_member_after_charging: doubling,
  approve_with_known_id: { ...latency },
  approve_in_capitals: { ...latency },
  redirect: { status: z.literal([301, 302, 303, 307, 308]).default(307), ...latency },
  refuse: {
    status: z.int().min(400).max(599).default(429),
    retryAfter: z.union([z.string(), z.number()]).nullable().default(null),
    /** A string is sent as text, anything else as JSON; null stands for Harmony's usual error. */
    body: z.json().default(null),
    ...latency,
  },
  late: { chargeAfterMs: delay.default(1000) },
};

function pendingAct<const Then extends string>(thens: readonly [Then, ...Then[]]) {
  return {
    pending: {
      /** The GET that first sees the final status, counted from one. */
      polls: z.int().min(1).default(3),
      // oxlint-disable-next-line unicorn/no-thenable -- the contract's name; nothing awaits a step
      then: z.enum(thens).default(() => thens[0]),
      ...latency,
    },
  };
}

/** What a body that refuses may name: the number of the request, a payment of some kind, or nothing. */
export const NAMES = [
  "nothing",
  "request_id",
  "made",
  "known",
  "other_card",
  "not_a_uuid",
] as const;

/** Only what is charged leaves payments behind, or is answered over a connection that is kept. */
const chargeActs = {
  refuse_leaving_payments: {
    status: z.int().min(400).max(599).default(402),
    /** Each of them is there, whatever the answer says. */
    leaves: z.array(z.enum(PAYMENT_STATUSES)).default(["CONFIRMED"]),
    /** From when on the history lists those that are neither cancelled nor given back. */
    shownAfterMs: delay.default(0),
    names: z.enum(NAMES).default("nothing"),
    as: z.enum(["id", "paymentId", "payment.id"]).default("id"),
    ...latency,
  },
  answer_of_the_charge_before: { ...latency },
};

/** The answer to a revoke has no amount that could be wrong. */
const { wrong_amount_after_charging: _, ...amountlessActs } = plainActs;

export const actKinds = {
  charge: { ...plainActs, ...chargeActs, ...pendingAct(["CONFIRMED", "CANCELLED", "REFUNDED"]) },
  refund: { ...plainActs, ...pendingAct(["REFUNDED", "CONFIRMED"]) },
  revoke: { ...amountlessActs, ...pendingAct(["REVOKED", "ACTIVE"]) },
};

export const readKinds = {
  ok: { ...latency },
  error: errorStatus,
  hang: {},
  reset: { ...latency },
  garbage: { ...latency },
  doubled_member: doubling,
  empty: { ...latency },
  /** Another merchant's: these amounts, in pesos, under ids of nobody here. */
  foreign: { amounts: z.array(z.number()).default([1234.56, 77]), ...latency },
};

export const historyShape = {
  fields: z.enum(["minimal", "createdAt", "full"]).default("minimal"),
  description: z.enum(["echo", "cut", "altered"]).default("echo"),
  createdAt: z.enum(["utc", "local", "skewed"]).default("utc"),
  order: z.enum(["newest", "oldest"]).default("newest"),
  visibleAfterMs: z.int().min(0).default(0),
  /** Rows by which every page but the first starts too early (repeats), or too late (skips). */
  pageShift: z.int().min(-500).max(500).default(0),
  pageSizeCap: z.int().min(1).max(500).nullable().default(null),
  countIsPage: z.boolean().default(false),
  dropItem: z.boolean().default(false),
  hideStatuses: z.array(z.enum(PAYMENT_STATUSES)).default([]),
};
export const historySchema = z.strictObject(historyShape);

type StepOf<Kinds> = {
  [K in keyof Kinds & string]: { kind: K } & z.output<
    z.ZodObject<Kinds[K] extends z.ZodRawShape ? Kinds[K] : never>
  >;
}[keyof Kinds & string];
type PlainActStep = StepOf<typeof plainActs>;
export type PendingStep<Then> = {
  kind: "pending";
  polls: number;
  then: Then;
  latencyMs: number;
};

/** What one charge, refund or revoke does; the names of the kinds are those of a charge. */
export type ActStep<Then> = PlainActStep | PendingStep<Then>;
export type ChargeStep = ActStep<PaymentStatus> | StepOf<typeof chargeActs>;
export type RefusalStep = Extract<ChargeStep, { kind: "refuse_leaving_payments" }>;
export type Doubling = Pick<z.output<z.ZodObject<typeof doubling>>, "member" | "wrong">;
export type RefundStep = ActStep<PaymentStatus>;
export type RevokeStep = ActStep<PaymentMethodStatus>;
export type ReadStep = StepOf<typeof readKinds>;
export type HistoryOptions = z.output<typeof historySchema>;
export type SeverHow = z.output<typeof how.how>;

export type Scenario = {
  charges: ChargeStep[];
  refunds: RefundStep[];
  revokes: RevokeStep[];
  reads: ReadStep[];
  looks: ReadStep[];
  history: HistoryOptions;
};

export type Act = keyof typeof actKinds;
/** How a kind names the act: `lose_reply_after_refunding`. */
export const actSuffix = { charge: "charging", refund: "refunding", revoke: "revoking" } as const;

/**
 * `{kind, ...}` or, where the defaults will do, the bare name of the kind. In refunds and revokes a
 * kind may be named by their own act or by that of a charge.
 */
type StepInputOf<Kinds, Of extends Act> = {
  [K in keyof Kinds & string]:
    | KindName<K, Of>
    | ({ kind: KindName<K, Of> } & MembersOf<
        z.input<z.ZodObject<Kinds[K] extends z.ZodRawShape ? Kinds[K] : never>>,
        Of
      >);
}[keyof Kinds & string];
type KindName<K extends string, Of extends Act> = K extends `${infer Head}_charging`
  ? K | `${Head}_${(typeof actSuffix)[Of]}`
  : K;
type MembersOf<Members, Of extends Act> = Members extends { chargeAfterMs?: infer AfterMs }
  ? Members | { [K in `${Of}AfterMs`]?: AfterMs }
  : Members;

export type ChargeStepInput = StepInputOf<typeof actKinds.charge, "charge">;
export type ReadStepInput = StepInputOf<typeof readKinds, "charge">;
/** What `PUT /sandbox/payment-methods/{id}/scenario` takes. */
export interface ScenarioInput {
  charges?: ChargeStepInput[];
  refunds?: StepInputOf<typeof actKinds.refund, "refund">[];
  revokes?: StepInputOf<typeof actKinds.revoke, "revoke">[];
  reads?: ReadStepInput[];
  looks?: ReadStepInput[];
  history?: z.input<typeof historySchema>;
}
