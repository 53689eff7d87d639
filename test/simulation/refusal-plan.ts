/**
 * Owns which refusals and misleading bodies a card has in its life: a no that
 * charged all the same, one that leaves something behind, names in errors, members that stand twice,
 * ids in capitals, answers of the charge before. Must not run anything.
 */
import type { ScenarioInput } from "../support/sandbox.ts";
import type { Chance } from "./chance.ts";

type ChargeStep = NonNullable<ScenarioInput["charges"]>[number];
type ReadStep = NonNullable<ScenarioInput["looks"]>[number];
type Refusal = Extract<ChargeStep, { kind: "refuse_leaving_payments" }>;
type Leaves = NonNullable<Refusal["leaves"]>;

const MINUTE_MS = 60_000;
/** How many steps of a kind a card draws from: each kind is as frequent as any other. */
const STEPS = 5;

/** With which Harmony says that nothing was charged. */
const NOES = [402, 402, 422, 400, 401, 403, 404, 429];
/** With which it says nothing, though its body may name something. */
const ERRORS = [409, 418, 500, 503];

const PAID: readonly Leaves[] = [
  ["CONFIRMED"],
  ["CONFIRMED"],
  ["CANCELLED", "CONFIRMED"],
  ["NOT_INITIALIZED", "CONFIRMED"],
];
const UNPAID: readonly Leaves[] = [[], [], ["CANCELLED"], ["NOT_INITIALIZED"]];
/** From at once to beyond every horizon. */
const SHOWN_AFTER_MS = [0, 0, 0, 0, 0, 0, 5000, 30_000, 5 * MINUTE_MS, 20 * MINUTE_MS];

const NAMES = ["request_id", "request_id", "made", "known", "other_card", "not_a_uuid"] as const;
const PLACES = ["id", "paymentId", "payment.id"] as const;

const DOUBLED: readonly ChargeStep[] = [
  "doubled_member_after_charging",
  { kind: "doubled_member_after_charging", wrong: "first" },
  { kind: "doubled_member_after_charging", member: "id" },
  { kind: "doubled_member_after_charging", member: "id", wrong: "first" },
];

export const MISLEADING_READS: readonly ReadStep[] = [
  "doubled_member",
  { kind: "doubled_member", wrong: "first" },
  { kind: "doubled_member", member: "id" },
];

/** What befalls payments of which a no was told, or that were listed. */
export const LATER_TROUBLES = ["taken_back", "cancelled_strays", "forgotten"] as const;

function steps(draw: () => ChargeStep): ChargeStep[] {
  return Array.from({ length: STEPS }, draw);
}

/** Each kind with the steps that it may play. */
export function planRefusals(chance: Chance): ChargeStep[][] {
  const kind = "refuse_leaving_payments" as const;
  const paid = (): ChargeStep => ({
    kind,
    status: chance.pick(NOES),
    leaves: chance.pick(PAID),
    shownAfterMs: chance.pick(SHOWN_AFTER_MS),
  });
  const named = (): ChargeStep => ({
    kind,
    status: chance.pick([...NOES, ...ERRORS]),
    leaves: chance.pick(chance.yes(0.7) ? UNPAID : PAID),
    shownAfterMs: chance.pick(SHOWN_AFTER_MS),
    names: chance.pick(NAMES),
    as: chance.pick(PLACES),
  });
  const unpaid = (): ChargeStep => ({
    kind,
    status: chance.pick(NOES),
    leaves: chance.pick(UNPAID),
  });
  return [
    steps(paid),
    steps(paid),
    steps(named),
    steps(unpaid),
    [...DOUBLED],
    ["approve_in_capitals"],
    ["answer_of_the_charge_before"],
  ];
}

/** A refusal that names what it has made, and a further one that names the same. */
export function planMisnamed(): ChargeStep[] {
  const named = { kind: "refuse_leaving_payments", status: 402, as: "id" } as const;
  return [
    { ...named, leaves: ["CONFIRMED"], shownAfterMs: 5 * MINUTE_MS, names: "made" },
    { ...named, leaves: [], names: "known" },
  ];
}

/** No answer, and two payments of one request. */
export function planTorn(): ChargeStep {
  return { kind: "refuse_leaving_payments", status: 500, leaves: ["CANCELLED", "CONFIRMED"] };
}
