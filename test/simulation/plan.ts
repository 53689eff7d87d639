/**
 * Owns what one seed stands for: which troubles its life has, and how many cards, amounts and
 * orders. Each life draws a few kinds of trouble only, so that rare ones meet undisturbed. Must
 * not run anything.
 */
import type { Rules } from "../../src/domain/draft.ts";
import type { ScenarioInput } from "../support/sandbox.ts";
import { Chance } from "./chance.ts";
import { type AfterCharge, planAfterCharge, planRefunding } from "./refund-plan.ts";
import {
  LATER_TROUBLES,
  MISLEADING_READS,
  planMisnamed,
  planRefusals,
  planTorn,
} from "./refusal-plan.ts";

export type ChargeStep = NonNullable<ScenarioInput["charges"]>[number];
export type ReadStep = NonNullable<ScenarioInput["looks"]>[number];
export type History = NonNullable<ScenarioInput["history"]>;

/** Troubles beside what the scenarios of the cards do. */
const TROUBLES = [
  "outage",
  "foreign_other_amount",
  "foreign_same_amount",
  "crash",
  "ledger_fails",
  "alarm_late",
  "alarm_doubled",
  "alarm_dropped",
  "suspended",
  "clock_forward",
  "clock_back",
  "storage_fails",
  "object_restored",
  "ledger_restored",
  "refunded_by_others",
  "history_out",
  "clock_leaps",
  "strays",
  "flapping",
] as const;
export type Trouble = (typeof TROUBLES)[number];
export type LaterTrouble = (typeof LATER_TROUBLES)[number];

export interface Card {
  readonly charges: readonly ChargeStep[];
  readonly looks: readonly ReadStep[];
  readonly reads: readonly ReadStep[];
  readonly history: History;
  /** How long the history leaves out every payment but the first. */
  readonly hiddenMs: number;
  readonly after: AfterCharge;
}

export interface Plan {
  readonly seed: number;
  readonly troubles: ReadonlySet<Trouble>;
  readonly laterTroubles: ReadonlySet<LaterTrouble>;
  readonly cards: readonly Card[];
  /** The price of each order, mostly one of its own. */
  readonly amountsMinor: readonly number[];
  /** Who orders: two of them may mean two charges of one price on one card. */
  readonly callers: readonly string[];
  /** How long callers order and troubles last. */
  readonly busyMs: number;
  readonly rules: Partial<Rules>;
  readonly tag: boolean;
  readonly brake: boolean;
  /** How readily a charge that went well is given back. */
  readonly refundShare: number;
  /** How readily a person decides about a charge by hand. */
  readonly operatorShare: number;
  /** Whether, after a no, the history lists somebody else's payment of the price: old, or belated. */
  readonly belated: boolean;
  /** Whether looks fail once the baseline is had, and the price of a refusal is asked for again. */
  readonly unlooked: boolean;
  /** Whether somebody charges the card by hand with the description of a charge of ours. */
  readonly copied: boolean;
}

const MINUTE_MS = 60_000;

const APPROVED: readonly ChargeStep[] = ["approve", { kind: "approve", latencyMs: 12_000 }];
const LOST_AFTER: readonly ChargeStep[] = [
  { kind: "lose_reply_after_charging", how: "reset" },
  { kind: "lose_reply_after_charging", how: "hang" },
  { kind: "lose_reply_after_charging", how: "truncate" },
  { kind: "error_after_charging", status: 500 },
  { kind: "error_after_charging", status: 418 },
  "garbage_after_charging",
  "html_after_charging",
  "unknown_status_after_charging",
  "wrong_amount_after_charging",
];
const LOST_BEFORE: readonly ChargeStep[] = [
  { kind: "lose_before_charging", how: "reset" },
  { kind: "lose_before_charging", how: "hang" },
  { kind: "lose_before_charging", how: "truncate" },
  { kind: "error_before_charging", status: 503 },
  { kind: "redirect", status: 307 },
  { kind: "redirect", status: 302 },
];
const REFUSED: readonly ChargeStep[] = [
  { kind: "refuse", status: 429, retryAfter: 3 },
  { kind: "refuse", status: 401 },
  { kind: "refuse", status: 404 },
  { kind: "refuse", status: 402, body: "no JSON" },
];
const DECLINED: readonly ChargeStep[] = [
  { kind: "decline", as: "cancelled" },
  { kind: "decline", as: 400 },
  { kind: "decline", as: 402 },
  { kind: "decline", as: 422 },
];
const PENDING: readonly ChargeStep[] = [
  { kind: "pending", polls: 2, then: "CONFIRMED" },
  { kind: "pending", polls: 4, then: "CONFIRMED" },
  { kind: "pending", polls: 1, then: "CANCELLED" },
];
const NAMED: readonly ChargeStep[] = [
  { kind: "error_naming_payment", status: 402 },
  { kind: "error_naming_payment", status: 500 },
  "approve_with_known_id",
];
const LATE_WITHIN: readonly ChargeStep[] = [
  { kind: "late", chargeAfterMs: 40_000 },
  { kind: "late", chargeAfterMs: 5 * MINUTE_MS },
];
const LATE_BEYOND: readonly ChargeStep[] = [
  { kind: "late", chargeAfterMs: 25 * MINUTE_MS },
  { kind: "late", chargeAfterMs: 100 * MINUTE_MS },
  { kind: "late", chargeAfterMs: 5 * 60 * MINUTE_MS },
];
const CHARGE_KINDS = [
  LOST_AFTER,
  LOST_AFTER,
  LOST_BEFORE,
  LOST_BEFORE,
  REFUSED,
  DECLINED,
  PENDING,
  NAMED,
  LATE_WITHIN,
  LATE_BEYOND,
];
const READS: readonly ReadStep[] = [
  { kind: "ok", latencyMs: 3000 },
  { kind: "error", status: 500 },
  { kind: "error", status: 401 },
  "hang",
  "reset",
  "garbage",
  "empty",
  "foreign",
];
const HISTORIES: readonly History[] = [
  {},
  {},
  { fields: "full" },
  { fields: "full", description: "altered", createdAt: "skewed" },
  { fields: "full", description: "cut", createdAt: "local" },
  { fields: "createdAt", order: "oldest" },
  { visibleAfterMs: 20_000 },
  { visibleAfterMs: 4 * MINUTE_MS },
  { visibleAfterMs: 10 * MINUTE_MS, fields: "full" },
  { visibleAfterMs: 40 * MINUTE_MS },
  { pageSizeCap: 1, order: "oldest" },
  { pageSizeCap: 2, pageShift: 1 },
  { dropItem: true },
  { countIsPage: true, pageSizeCap: 1 },
  { hideStatuses: ["PENDING", "NOT_INITIALIZED"] },
  { hideStatuses: ["CANCELLED"] },
  { hideStatuses: ["REFUNDED"], fields: "createdAt" },
];
/** So many of them show everything at once, each in its own way. */
const SHOWING = 6;
const AMOUNT_MAX_MINOR = 9_999_999;
/** Amounts of which some are not whole in binary pesos. */
const AMOUNTS_MINOR: readonly number[] = [1999, 435, 110, 5000, 820_133, 28_970];

/** Several attempts of one amount of which nothing is heard: whose is a payment that shows up? */
const TWINS: readonly ChargeStep[] = [...LATE_BEYOND, ...LATE_WITHIN, ...LOST_BEFORE.slice(0, 1)];
const AT_FIRST_REFUSED: readonly ChargeStep[] = [
  "approve",
  { kind: "decline", as: 402 },
  { kind: "decline", as: 402 },
];
/** Of one attempt two are left, and only its tag tells whose they are. */
const TORN: readonly ChargeStep[] = ["approve", planTorn()];
const TAGGED: History = { fields: "full" };
const FAILED = { kind: "error", status: 500 } as const;
/** Looks that fail for a while, after the baseline. */
const UNLOOKED: readonly ReadStep[] = ["ok", ...repeat(6, () => FAILED)];
/** A payment that two refusals name, and that no read shows. */
const UNREAD: Pick<Card, "charges" | "reads"> = {
  charges: ["approve", ...planMisnamed()],
  reads: repeat(9, () => FAILED),
};
/** Reads that overtake one another: what was true a while ago arrives last. */
const OVERTAKING: readonly ReadStep[] = ["ok", { kind: "ok", latencyMs: 3000 }];

function repeat<T>(times: number, draw: () => T): T[] {
  return Array.from({ length: times }, draw);
}

const PROFILE_NAMES = [
  ...(["mixed", "mixed", "mixed", "twins", "pending", "deaf"] as const),
  ...(["refusing", "refusing", "refusing"] as const),
];

function planCard(chance: Chance, busyMs: number): Card {
  const profile = chance.pick(PROFILE_NAMES);
  const overtakes = chance.yes(0.15);
  const refusals = planRefusals(chance);
  const profiles = { twins: TWINS, pending: PENDING, deaf: NAMED, refusing: refusals.flat() };
  const kinds =
    profile === "mixed"
      ? chance.some([...CHARGE_KINDS, ...refusals], 0.35).flat()
      : profiles[profile];
  const wellShare = chance.pick([0.1, 0.3, 0.6]);
  const charge = () => (kinds.length === 0 || chance.yes(wellShare) ? APPROVED : kinds);
  const misleading = [...READS, ...MISLEADING_READS];
  const lies = chance.yes(0.5) ? misleading : READS.slice(0, 1);
  const read = (): ReadStep =>
    chance.yes(0.5) ? "ok" : chance.pick(overtakes ? OVERTAKING : lies);
  // What a look can show soon is what a refusal is judged by.
  const isShown = profile === "refusing" && chance.yes(0.7);
  const histories = isShown ? HISTORIES.slice(0, SHOWING) : HISTORIES;
  const readsOf = {
    mixed: () => repeat(chance.between(0, 12), read),
    twins: () => [],
    refusing: () => repeat(chance.pick([0, 6]), read),
    pending: () => repeat(20, () => chance.pick(OVERTAKING)),
    // Harmony names a payment and does not let it be read for long.
    deaf: () => repeat(30, (): ReadStep => ({ kind: "error", status: 500 })),
  };
  return {
    // The first charge and look go well: a lie needs a payment that is known to be seen through,
    // and so does an answer that names a known one.
    charges: ["approve", ...repeat(chance.between(2, 14), () => chance.pick(charge()))],
    looks:
      profile === "mixed" || profile === "refusing"
        ? ["ok", ...repeat(chance.between(0, 12), read)]
        : [],
    reads: readsOf[profile](),
    history: chance.pick(profile === "twins" ? HISTORIES.slice(0, 2) : histories),
    hiddenMs: isShown ? 0 : chance.pick([0, 0, 0, 0, 3, 12, 40, 180]) * MINUTE_MS,
    after: planAfterCharge(chance, busyMs),
  };
}

/** Amounts mostly differ, so that a mistake cannot hide behind an equal one; some repeat on purpose. */
function planAmounts(chance: Chance, orders: number): number[] {
  const draw = () =>
    chance.yes(0.2) ? chance.pick(AMOUNTS_MINOR) : chance.between(100, AMOUNT_MAX_MINOR);
  const shared = chance.pick([null, null, null, 1, 1, 2]);
  const prices = repeat(shared ?? orders, draw);
  return repeat(orders, () => chance.pick(prices)).map((price, index) =>
    shared === null ? (prices[index] ?? price) : price,
  );
}

/** The life that a seed stands for. */
export function planOf(seed: number): Plan {
  const chance = new Chance(seed);
  const troubles = new Set(chance.some(TROUBLES, 0.2));
  const isLong = troubles.has("history_out");
  const busyMs = chance.pick(isLong ? [45, 240] : [2, 10, 45]) * MINUTE_MS;
  const amountsMinor = planAmounts(chance, chance.between(1, 10));
  const plan = {
    seed,
    troubles,
    laterTroubles: new Set(chance.some(LATER_TROUBLES, 0.2)),
    cards: Array.from({ length: chance.pick([1, 1, 1, 2, 3]) }, () => planCard(chance, busyMs)),
    amountsMinor,
    callers: chance.pick([["main"], ["main"], ["main", "second"]]),
    busyMs,
    rules: {
      ...(chance.yes(0.1) ? { horizonMs: null } : {}),
      ...(chance.yes(0.2) ? { foreignWriters: true } : {}),
    },
    tag: chance.yes(0.6),
    brake: chance.yes(0.3),
    refundShare: planRefunding(chance),
    operatorShare: chance.pick([0, 0, 0, 0.2, 0.7]),
    belated: chance.yes(0.2),
    unlooked: chance.yes(0.2),
  };
  const named = chance.yes(0.4) ? UNREAD : {};
  // What follows a refusal needs one.
  const isRefused = chance.yes(0.7) && (plan.belated || plan.laterTroubles.has("cancelled_strays"));
  const isTorn = chance.yes(0.1);
  const cards = plan.cards.map((card) => ({
    ...card,
    ...(isRefused ? { charges: [...AT_FIRST_REFUSED, ...card.charges] } : {}),
    ...(isTorn ? { charges: TORN, history: TAGGED, hiddenMs: 0 } : {}),
    ...(plan.unlooked ? { looks: UNLOOKED, ...named } : {}),
  }));
  // A person who decides may well find that it is that charge's.
  const copied = chance.yes(0.25) && plan.operatorShare === 0;
  return { ...plan, cards, copied };
}
