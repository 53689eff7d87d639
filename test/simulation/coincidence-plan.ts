/**
 * Owns which seeds have a life that is made for one coincidence, and what such a life stands for: what
 * befalls a charge seldom, and needs much to go well beside it. They are drawn apart from all else, so
 * that every other life stays as it is. Must not run anything.
 */
import { Chance } from "./chance.ts";
import {
  type Card,
  type ChargeStep,
  type History,
  type Plan,
  planOf,
  type ReadStep,
} from "./plan.ts";

export const COINCIDENCES = [
  /** Somebody else's of the price is listed while nobody can see what the reply has named. */
  "rival_of_a_name",
  /** Somebody else's of the price is listed in a doubt, and its date speaks against it. */
  "rival_of_long_ago",
  /** Somebody else's of the price is first listed when all windows have closed. */
  "rival_after_the_window",
  /** The history is out for long while a charge is in doubt. */
  "history_out_in_a_doubt",
  /** What a refusal has named is read while the next charge is in flight. */
  "read_in_flight",
] as const;
export type Coincidence = (typeof COINCIDENCES)[number];

export interface FatedPlan extends Plan {
  /** What this life is made for, where it is made for one thing. */
  readonly coincidence: Coincidence | null;
}
type Fated = Partial<Pick<Card, "charges" | "reads" | "history">>;

const MINUTE_MS = 60_000;
const SHARE = 0.12;
const SALT = 0xc01d;
const FAILED = { kind: "error", status: 500 } as const;
/** So many reads as a doubt makes of a name, and more. */
const DEAF_READS = 60;
/** So many as a look may make of a guess beside a refusal, but not what others read later. */
const DEAF_AT_FIRST = 8;
/** A price that nobody else asks for, so that a life has a second charge. */
const FURTHER_MINOR = 613_700;

const LOST: readonly ChargeStep[] = [
  { kind: "lose_before_charging", how: "reset" },
  { kind: "lose_before_charging", how: "hang" },
  { kind: "error_before_charging", status: 503 },
];
const HISTORIES: readonly History[] = [{}, { fields: "createdAt" }, { fields: "full" }];
const DATED: readonly History[] = [
  { fields: "createdAt" },
  { fields: "createdAt", order: "oldest" },
  { fields: "full" },
];

function fate(coincidence: Coincidence, chance: Chance): Fated {
  const naming = (statuses: readonly number[]): ChargeStep => ({
    kind: "refuse_leaving_payments",
    status: chance.pick(statuses),
    leaves: ["CONFIRMED"],
    shownAfterMs: chance.pick([8, 12, 30]) * MINUTE_MS,
    names: "made",
    as: chance.pick(["id", "paymentId", "payment.id"] as const),
  });
  const deaf = (reads: number): ReadStep[] => Array.from({ length: reads }, () => FAILED);
  const lost = () => chance.pick(LOST);
  switch (coincidence) {
    case "rival_of_a_name": {
      const charges = ["approve", naming([500, 503, 409]), "approve"] as const;
      return { charges, reads: deaf(DEAF_READS), history: chance.pick(HISTORIES) };
    }
    case "rival_of_long_ago":
      return { charges: ["approve", lost(), lost()], reads: [], history: chance.pick(DATED) };
    case "rival_after_the_window":
      return { charges: ["approve", lost(), lost()], reads: [], history: chance.pick(HISTORIES) };
    case "history_out_in_a_doubt":
      return { charges: ["approve", lost(), lost()], reads: [], history: chance.pick(HISTORIES) };
    case "read_in_flight": {
      const charges = ["approve", naming([402, 422, 403, 429])] as const;
      return { charges, reads: deaf(DEAF_AT_FIRST), history: chance.pick(HISTORIES) };
    }
  }
}

/** The life that a seed stands for; one that is made for a coincidence is disturbed by nothing else. */
export function fatedPlanOf(seed: number): FatedPlan {
  const plan = planOf(seed);
  const chance = new Chance(seed ^ SALT);
  if (!chance.yes(SHARE)) {
    return { ...plan, coincidence: null };
  }
  const coincidence = chance.pick(COINCIDENCES);
  const isLong = coincidence === "history_out_in_a_doubt";
  return {
    ...plan,
    coincidence,
    troubles: new Set(),
    laterTroubles: new Set(),
    cards: plan.cards.slice(0, 1).map((card) => ({
      ...card,
      looks: [],
      hiddenMs: 0,
      after: { ...card.after, revokeAtMs: null },
      ...fate(coincidence, chance),
    })),
    amountsMinor: [...plan.amountsMinor.slice(0, 3), FURTHER_MINOR],
    busyMs: isLong ? 240 * MINUTE_MS : plan.busyMs,
    rules: {},
    operatorShare: 0,
    belated: false,
    unlooked: false,
    copied: false,
  };
}
