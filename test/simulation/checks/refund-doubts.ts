/**
 * Owns the checks of what ends a refund's doubt: a read of REFUNDED, the answer to another key, a person;
 * and that nothing else does, and each of these at once. Must not change anything.
 */
import type { Entry } from "../../../src/domain/entries.ts";
import { type Facts, HORIZON_MS } from "./facts.ts";

interface Doubtful {
  state: string;
  readonly paymentId: string;
  /** The entry of its last intent, and when the horizon is over since an attempt ended without an answer. */
  intentSeq: number;
  overMs: number;
  isLost: boolean;
}

/** What another step begins with: everything else may be the rest of a step. */
const BEGINNINGS: readonly Entry["type"][] = [
  "attempt_intended",
  "attempt_answered",
  "refund_intended",
  "looked",
  "polled",
  "replayed",
  "key_mismatched",
];

/** Every refund's doubt goes its way, entry by entry. */
export function assertDoubtsEndAsTheyMust(facts: Facts): void {
  const refunds = new Map<string, Doubtful>();
  /** The refunds that the entries of this very step must end, and as what. */
  let due = new Map<string, string>();
  for (const entry of facts.journal) {
    const { type, refundId, seq, outcome } = entry;
    const isEnd = type === "refund_resolved" || (type === "operator_resolved" && refundId !== null);
    if (isEnd && refundId !== null) {
      assertEnd(facts, refunds, entry);
      if ((due.get(refundId) ?? outcome) !== outcome) {
        throw new Error(
          `entry ${seq}: ${refundId} is ${outcome}, and must be ${due.get(refundId)}`,
        );
      }
      due.delete(refundId);
    } else if (due.size > 0 && BEGINNINGS.includes(type)) {
      throw new Error(`entry ${seq}: ${[...due.keys()].join()} had to be ended before it`);
    }
    follow(refunds, entry);
    due = new Map([...due, ...endsBy(facts, refunds, entry)]);
  }
  if (due.size > 0) {
    throw new Error(`${[...due.keys()].join()} had to be ended`);
  }
}

/** What an entry says about a refund, and what that makes of it. */
function follow(refunds: Map<string, Doubtful>, entry: Entry): void {
  const { type, refundId, paymentId, seq, outcome, detail } = entry;
  const standing = detail?.["refund"] as { state: string } | undefined;
  if (refundId === null || standing === undefined) {
    return;
  }
  const before = refunds.get(refundId) ?? {
    state: "",
    paymentId: paymentId ?? "",
    intentSeq: seq,
    overMs: 0,
    isLost: false,
  };
  const now = { ...before, state: standing.state };
  if (type === "refund_intended") {
    now.intentSeq = seq;
  }
  if (type === "refund_answered" && outcome === "indeterminate") {
    now.overMs = Date.parse(entry.occurredAt) + HORIZON_MS;
    now.isLost = true;
  } else if (type === "refund_answered" && now.isLost && outcome !== "refunded") {
    if (standing.state !== "in_doubt") {
      throw new Error(`entry ${seq}: ${refundId} is ${standing.state}, and was lost before`);
    }
  }
  if (!["in_doubt", "in_flight"].includes(now.state)) {
    now.isLost = false;
  }
  refunds.set(refundId, now);
}

/** Which refunds in doubt the next entries must end, since this one says REFUNDED. */
function endsBy(facts: Facts, refunds: Map<string, Doubtful>, entry: Entry): [string, string][] {
  const { type, paymentId, paymentStatus, outcome } = entry;
  const open = [...refunds].filter(
    ([, one]) => one.paymentId === paymentId && one.state === "in_doubt",
  );
  if (type === "refund_answered" && outcome === "refunded") {
    return open.map(([id]) => [id, "not_refunded"]);
  }
  if (type !== "polled" || paymentStatus !== "REFUNDED") {
    return [];
  }
  const isFlying = [...refunds.values()].some(
    (one) => one.paymentId === paymentId && one.state === "in_flight",
  );
  const payment = facts.payments.find(({ id }) => id === paymentId);
  const isLiar = facts.lies.some(({ named }) => named === paymentId) || payment === undefined;
  return isFlying || isLiar
    ? []
    : open.flatMap(([id, { intentSeq }]): [string, string][] =>
        beganAt(facts, entry) > (facts.times.get(intentSeq) ?? 0) ? [[id, "refunded"]] : [],
      );
}

/** When a read began, by the time of the simulation, or a little later. */
function beganAt({ times }: Facts, { seq, latencyMs }: Entry): number {
  return (times.get(seq) ?? 0) - (latencyMs ?? 0);
}

/** An end of a doubt rests on what may end it. */
function assertEnd(facts: Facts, refunds: Map<string, Doubtful>, entry: Entry): void {
  const { type, refundId, seq, outcome, detail } = entry;
  const before = refunds.get(refundId ?? "");
  const cited = (detail?.["evidence"] ?? []) as number[];
  const evidence = facts.journal.filter((one) => cited.includes(one.seq));
  const said = `entry ${seq}: ${refundId} is ${outcome}`;
  if (type === "operator_resolved") {
    const isProven =
      outcome === "not_refunded" &&
      evidence.some(({ paymentStatus }) => paymentStatus === "CONFIRMED") &&
      Date.parse(entry.occurredAt) >= (before?.overMs ?? Infinity);
    if (detail?.["override"] !== true && !isProven) {
      throw new Error(`${said} by a person, unproven, and nobody insisted`);
    }
  } else if (outcome === "not_refunded") {
    if (!evidence.some((one) => one.type === "refund_answered" && one.outcome === "refunded")) {
      throw new Error(`${said}, and no other key's answer says so`);
    }
  } else if (outcome === "refunded") {
    const isFlying = [...refunds.values()].some(
      (one) => one.paymentId === before?.paymentId && one.state === "in_flight",
    );
    // A clock that jumped while it was asked says nothing of when that began.
    const hasJumped = facts.world.jumps.some(({ byMs }) => byMs > 0);
    const isOld = evidence.some(
      (one) =>
        !hasJumped && beganAt(facts, one) + 1 < (facts.times.get(before?.intentSeq ?? 0) ?? 0),
    );
    if (before?.state !== "in_doubt" || evidence.length === 0 || isFlying || isOld) {
      throw new Error(`${said} by what may not say so`);
    }
  }
}

/** Each decision about a refund that was told is entered, with actor, reason and evidence, and no other is. */
export function assertRefundDecisionsAreEntered({ journal, refundResolves }: Facts): void {
  const entered = journal.filter(
    ({ type, refundId }) => type === "operator_resolved" && refundId !== null,
  );
  for (const { seq, requestId, refundId, outcome, caller, keyId, detail } of entered) {
    const asked = refundResolves.find(({ command }) => command.actor.requestId === requestId);
    const { decision, actor } = asked?.command ?? {};
    const isAsked = asked?.command.refundId === refundId && decision?.decision === outcome;
    const isWhole = caller === actor?.caller && keyId === actor?.keyId;
    if (!isAsked || !isWhole || detail?.["reason"] !== decision?.reason) {
      throw new Error(`entry ${seq}: nobody decided that, or not so`);
    }
  }
  for (const { command, call } of refundResolves) {
    const { refundId, decision } = command;
    const isSo = journal.some(
      (one) =>
        one.refundId === refundId &&
        (one.detail?.["refund"] as { state?: string } | undefined)?.state === decision.decision,
    );
    if (call.answer?.reply.status === 200 && !isSo) {
      throw new Error(`${decision.decision} of ${refundId} was told, and is on no one's books`);
    }
  }
}
