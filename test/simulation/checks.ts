/**
 * Owns what must hold of a life once it is quiet: what the gateway's own books and answers say,
 * held against the simulated Harmony's book. Each check names what it found. Must not change
 * anything.
 */
import { type Charge, lastAttempt } from "../../src/domain/charge.ts";
import type { Entry } from "../../src/domain/entries.ts";
import type { Payment } from "../../sandbox/book.ts";
import { visibleAt } from "../../sandbox/history.ts";
import type { World } from "../support/fake-host.ts";
import {
  assertOneAtATime,
  assertSound,
  attributed,
  journalOf,
} from "../payment-method/promises.ts";
import type { Life } from "./life.ts";
import type { Card, Trouble } from "./plan.ts";
import type { Told } from "./shop.ts";

const HOUR_MS = 3_600_000;
const HORIZON_MS = 900_000;
/** A look may have begun this long before the payment showed: latency, slow pages, one deadline. */
const LOOK_MS = 25_000;
const LOOKS_IN_FIRST_HOUR_MAX = 30;

/** What one card's life comes down to. */
interface Facts {
  readonly life: Life;
  readonly world: World;
  readonly card: Card;
  readonly index: number;
  readonly journal: readonly Entry[];
  readonly charges: readonly Charge[];
  readonly payments: readonly Payment[];
  readonly told: readonly Told[];
  readonly isHalted: boolean;
  readonly isRestored: boolean;
}

/** Everything that is wrong with a life; empty where nothing is. */
export function failuresOf(life: Life): string[] {
  const failures: string[] = [];
  const check = (name: string, run: () => void): void => {
    try {
      run();
    } catch (error) {
      const { message, cause } = error as Error;
      failures.push(`${name}: ${message}${cause instanceof Error ? `: ${cause.stack}` : ""}`);
    }
  };
  check("callers", () => assertAnswered(life));
  check("positions", () => assertPositions(life));
  for (const [index, world] of life.worlds.entries()) {
    const facts = factsOf(life, world, index);
    const on = (name: string) => `card ${index}, ${name}`;
    check(on("ledger"), () => assertDelivered(facts));
    check(on("looks"), () => assertFewLooks(facts));
    if (facts.isRestored) {
      continue;
    }
    check(on("order of charges"), () => assertOneAtATime(facts.journal));
    check(on("concurrency"), () => assertNeverTwoAtOnce(facts));
    check(on("attempts"), () => assertOneAnswerEach(facts));
    check(on("looks"), () => assertCompleteLooksShowAll(facts));
    check(on("adoptions"), () => assertNothingKnownIsTaken(facts));
    check(on("own payment"), () => assertOwnIsPreferred(facts));
    check(on("finality"), () => assertFinalStays(facts));
    check(on("rule"), () => assertAbsenceWasProven(facts));
    check(on("submissions"), () => assertNoSubmissionBesideAPayment(facts));
    check(on("payments"), () => assertEveryPaymentIsKnown(facts));
    check(on("states"), () => assertSettled(facts));
    check(on("money"), () => assertMoney(facts));
    check(on("answers"), () => assertAnswersTrue(facts));
    check(on("alerts"), () => assertAlerts(facts));
  }
  return failures;
}

function factsOf(life: Life, world: World, index: number): Facts {
  const journal = journalOf(world);
  const has = journal.length > 0;
  const rows = has ? world.storage.sql.exec("SELECT body FROM charge").toArray() : [];
  const [method] = has ? world.storage.sql.exec("SELECT halted FROM method").toArray() : [];
  const card = life.plan.cards[index];
  if (card === undefined) {
    throw new Error(`there is no card ${index}`);
  }
  return {
    life,
    world,
    card,
    index,
    journal,
    charges: rows.map((row) => JSON.parse(String(row["body"])) as Charge),
    payments: life.worlds[0]?.sandbox.book.paymentsOf(world.paymentMethodId) ?? [],
    told: life.shop.told.filter(({ order }) => order.card === index),
    isHalted: method?.["halted"] != null,
    isRestored: life.restored.has(world),
  };
}

/** The key that a payment was really made for; null for one that others made. */
function keyOf({ origin, description }: Payment): string | null {
  return origin === "foreign" ? null : (/^for (\S+)/.exec(description ?? "")?.[1] ?? null);
}

function assertAnswered({ shop }: Life): void {
  if (shop.open > 0) {
    throw new Error(`${shop.open} callers were never answered`);
  }
  const [error] = shop.errors.filter((one) => !/disk I\/O error/.test(String(one)));
  if (error !== undefined) {
    throw new Error("an error of our own", { cause: error });
  }
}

function assertPositions({ ledger, worlds }: Life): void {
  const positions = worlds
    .flatMap(({ paymentMethodId }) => ledger.entries(paymentMethodId))
    .map(({ position }) => position)
    .toSorted((a, b) => a - b);
  if (positions.some((position, index) => position !== index + 1)) {
    throw new Error("positions in the ledger have gaps");
  }
}

/** Every entry is in the ledger exactly once; after a restore, at least nothing there is changed. */
function assertDelivered({ life, world, journal, isHalted, isRestored }: Facts): void {
  const ledger = life.ledger.entries(world.paymentMethodId);
  assertSound(journal);
  assertSound(ledger);
  if (isHalted && !isRestored) {
    throw new Error("halted without cause");
  }
  const hashes = (entries: readonly Entry[]) => entries.map(({ hash }) => hash).join();
  // An object that went back and has written nothing since does not know of it yet.
  const own = isRestored ? ledger.slice(0, journal.length) : ledger;
  // Nor does one whose ledger went back, as long as it has nothing new to deliver.
  const wentBackAt = life.ledgerRestoredAt.get(world);
  const isUnaware = wentBackAt === journal.length || (isRestored && wentBackAt !== undefined);
  const expected = isUnaware ? journal.slice(0, own.length) : journal;
  if (!isHalted && hashes(own) !== hashes(expected)) {
    throw new Error(`the ledger has ${ledger.length} entries, the journal ${journal.length}`);
  }
}

function assertNeverTwoAtOnce({ world }: Facts): void {
  const { exchanges } = world.sandbox;
  const { perMethod } = exchanges.maxConcurrent(world.paymentMethodId);
  if (perMethod > 1) {
    throw new Error(`${perMethod} charges were open at once`);
  }
  const arrived = exchanges.counts(world.paymentMethodId).charge;
  if (arrived > world.submissions.length) {
    throw new Error(`${world.submissions.length} charges left, ${arrived} arrived`);
  }
}

function assertFewLooks({ life, journal, charges }: Facts): void {
  if (life.plan.troubles.has("clock_back")) {
    // The entries' times repeat an hour there.
    return;
  }
  for (const { chargeId, attempts } of charges) {
    for (const { attempt, answeredAtMs } of attempts) {
      const looks = journal.filter(
        (entry) =>
          entry.type === "looked" &&
          entry.chargeId === chargeId &&
          entry.attempt === attempt &&
          entry.detail?.["purpose"] === "doubt" &&
          answeredAtMs !== null &&
          Date.parse(entry.occurredAt) - answeredAtMs < HOUR_MS,
      );
      if (looks.length > LOOKS_IN_FIRST_HOUR_MAX) {
        throw new Error(`${looks.length} looks in the first hour of ${chargeId}`);
      }
    }
  }
}

/**
 * Nothing is submitted for a key that has a payment which Harmony shows; nor after an attempt
 * whose payment shows within the horizon, however late within it.
 */
function assertNoSubmissionBesideAPayment({ world, payments, card, life }: Facts): void {
  for (const payment of payments) {
    const key = keyOf(payment);
    const sent = world.submissions
      .filter(({ description }) => description.startsWith(`for ${key} `))
      .map(({ atMs }) => atMs);
    const cause = sent.findLast((atMs) => atMs <= payment.createdAt) ?? 0;
    const origin = life.plan.tag ? submissionOf(world, payment) : cause;
    const horizonMs = life.plan.rules.horizonMs === null ? Infinity : HORIZON_MS;
    const isWithin = shownAt(payment, card) <= origin + horizonMs;
    const isPlain = life.plan.tag || payment.origin === "charge";
    for (const atMs of sent) {
      if (atMs > shownAt(payment, card) + LOOK_MS) {
        throw new Error(`${key} was submitted beside ${payment.id}, which is shown`);
      }
      if (isPlain && isWithin && atMs > origin) {
        throw new Error(`${key} was submitted again within the horizon of ${payment.id}`);
      }
    }
  }
}

/** Each attempt ends once, and what ended it stays. */
function assertOneAnswerEach({ journal }: Facts): void {
  const answered = new Set<string>();
  for (const { type, chargeId, attempt, seq } of journal) {
    const name = `${chargeId} ${attempt}`;
    if (type === "attempt_answered" && answered.has(name)) {
      throw new Error(`entry ${seq}: an attempt is answered a second time`);
    }
    if (type === "attempt_answered") {
      answered.add(name);
    }
  }
}

/** A complete look shows every payment that an earlier one has shown, and all of ours. */
function assertCompleteLooksShowAll({ journal }: Facts): void {
  const isBaseline = ({ type, outcome }: Entry) => type === "looked" && outcome === "complete";
  const intended = journal.findIndex(({ type }) => type === "attempt_intended");
  if (intended >= 0 && !journal.slice(0, intended).some(isBaseline)) {
    throw new Error("the first charge left before any look was complete");
  }
  const known = new Set<string>();
  for (const entry of journal) {
    const isComplete = entry.type === "looked" && entry.outcome === "complete";
    const shown = Number(entry.detail?.["payments"] ?? 0);
    if (isComplete) {
      for (const id of (entry.detail?.["new"] ?? []) as string[]) {
        known.add(id);
      }
    }
    if (isComplete && shown < known.size) {
      throw new Error(`entry ${entry.seq}: a complete look shows ${shown} of ${known.size}`);
    }
    if (entry.type === "attempt_answered" && entry.paymentId !== null) {
      known.add(entry.paymentId);
    }
  }
}

/** What was seen before an attempt was intended is never taken for its payment. */
function assertNothingKnownIsTaken({ journal }: Facts): void {
  const seen = new Map<string, number>();
  const intended = new Map<string, number>();
  for (const { type, seq, chargeId, attempt, paymentId, outcome, detail } of journal) {
    const isShown = type === "looked" && (outcome === "complete" || detail?.["purpose"] === "read");
    const ids = isShown ? ((detail?.["new"] ?? []) as string[]) : [];
    const isPolled = type === "polled" && outcome === "answered";
    for (const id of isPolled && paymentId !== null ? [paymentId] : ids) {
      seen.set(id, Math.min(seq, seen.get(id) ?? seq));
    }
    if (type === "attempt_intended") {
      intended.set(`${chargeId} ${attempt}`, seq);
    }
    const takes =
      type === "payment_adopted" ||
      type === "late_truth_found" ||
      (type === "attempt_answered" && outcome !== "contradictory");
    const intentSeq = intended.get(`${chargeId} ${attempt}`);
    if (takes && paymentId !== null && intentSeq !== undefined) {
      if ((seen.get(paymentId) ?? seq) < intentSeq) {
        throw new Error(`entry ${seq}: ${paymentId} was known before the attempt`);
      }
    }
    if (takes && paymentId !== null) {
      seen.set(paymentId, Math.min(seq, seen.get(paymentId) ?? seq));
    }
  }
}

/** Another's payment is never taken for one of ours that Harmony shows as well. */
function assertOwnIsPreferred({ life, journal, payments, card }: Facts): void {
  if (["clock_forward", "clock_back"].some((name) => life.plan.troubles.has(name as Trouble))) {
    // The entries' times are not the payments' there.
    return;
  }
  for (const { type, paymentId, idempotencyKey, occurredAt, seq } of journal) {
    const isOwn = (payment: Payment) => keyOf(payment) === idempotencyKey;
    const adopted = payments.find(({ id }) => id === paymentId);
    if (type !== "payment_adopted" || adopted === undefined || isOwn(adopted)) {
      continue;
    }
    const before = Date.parse(occurredAt) - LOOK_MS;
    if (payments.some((payment) => isOwn(payment) && shownAt(payment, card) < before)) {
      throw new Error(`entry ${seq}: ${adopted.id} was adopted, and the own one is shown`);
    }
  }
}

/** A final payment never goes back to one that is not. */
function assertFinalStays({ journal, card }: Facts): void {
  for (const { type, paymentStatus, detail, seq } of journal) {
    const isOpen = paymentStatus === "PENDING" || paymentStatus === "NOT_INITIALIZED";
    const wasFinal = ["CONFIRMED", "CANCELLED", "REFUNDED"].some((one) => one === detail?.["from"]);
    if (type === "status_changed" && isOpen && wasFinal) {
      throw new Error(`entry ${seq}: a final payment is ${paymentStatus} again`);
    }
    if (type === "contradiction_found" && !card.charges.includes("approve_with_known_id")) {
      throw new Error(`entry ${seq}: Harmony contradicted itself, which it never does here`);
    }
  }
}

/** No rule calls an attempt not charged whose payment was named, or shows within the horizon. */
function assertAbsenceWasProven({ journal, payments, world, card }: Facts): void {
  for (const { type, chargeId, attempt, seq } of journal) {
    if (type !== "not_charged_by_rule") {
      continue;
    }
    const own = journal.filter((one) => one.chargeId === chargeId && one.attempt === attempt);
    const answer = own.find((one) => one.type === "attempt_answered");
    if (answer?.detail?.["named"] != null || answer?.outcome === "contradictory") {
      throw new Error(`entry ${seq}: the reply had said yes or named a payment`);
    }
    const tag = own.find((one) => one.type === "attempt_intended")?.detail?.["tag"] ?? null;
    const payment = payments.find(
      ({ description }) =>
        typeof tag === "string" && description?.includes(`[cobro:${tag}]`) === true,
    );
    if (payment !== undefined) {
      const sentAtMs = submissionOf(world, payment);
      if (shownAt(payment, card) <= sentAtMs + HORIZON_MS) {
        throw new Error(`entry ${seq}: ${payment.id} was shown within the horizon`);
      }
    }
  }
}

function shownAt(payment: Payment, { history }: Card): number {
  return visibleAt(payment, { visibleAfterMs: 0, ...history } as Parameters<typeof visibleAt>[1]);
}

/** When the submission left that made a payment: its tag stands in both. */
function submissionOf(world: World, payment: Payment): number {
  return (
    world.submissions.find(({ description }) => description === payment.description)?.atMs ?? 0
  );
}

/** Each payment of ours is attributed to its charge, or in a person's hands by name. */
function assertEveryPaymentIsKnown(facts: Facts): void {
  const { journal, payments, charges } = facts;
  const owners = attributed(journal);
  const named = new Set(
    journal.flatMap((entry) =>
      entry.type === "charge_escalated"
        ? ((entry.detail?.["candidates"] ?? []) as string[])
        : entry.type === "payment_unattributed" && entry.paymentId !== null
          ? [entry.paymentId]
          : [],
    ),
  );
  for (const payment of payments) {
    const key = keyOf(payment);
    const owner = owners.get(payment.id);
    const charge = charges.find(({ idempotencyKey }) => idempotencyKey === key);
    if (owner !== undefined && owner !== key && !mayBeMistaken(facts)) {
      throw new Error(`${payment.id} of ${key} is said to be ${owner}'s`);
    }
    const isHeld =
      named.has(payment.id) ||
      (charge?.state === "in_doubt" && charge.escalated) ||
      // Another's payment was taken for it; its own is found when the books are compared.
      (mayBeMistaken(facts) && charge?.payment != null) ||
      // No look is complete where pages lie, and so none finds a late truth.
      isUnreadable(facts.card);
    if (key !== null && owner === undefined && !isHeld) {
      throw new Error(`${payment.id} of ${key} is on no one's books`);
    }
    const isFree = charge?.state === "not_charged" && owner === undefined;
    if (isFree && !named.has(payment.id) && !isUnreadable(facts.card)) {
      throw new Error(`${key} is said to be not charged, though ${payment.id} exists`);
    }
  }
}

/**
 * The exception that the design names: a payment of the same amount, made by someone else between
 * our last complete look and the doubt, where neither tag nor time tells it apart.
 */
function mayBeMistaken(facts: Facts): boolean {
  return facts.life.plan.troubles.has("foreign_same_amount") || isLiedTo(facts);
}

/**
 * A reply that names another payment as ours is believed where nobody has seen that one yet. What
 * was seen is held against such replies by `assertNothingKnownIsTaken`.
 */
function isLiedTo({ card }: Facts): boolean {
  return card.charges.includes("approve_with_known_id");
}

/** No charge stays as it is for ever without a cause that a person must judge. */
function assertSettled(facts: Facts): void {
  for (const charge of facts.charges) {
    const { idempotencyKey, state, escalated } = charge;
    const isSettled = state === "approved" || state === "declined" || state === "not_charged";
    if (isSettled) {
      continue;
    }
    if (state !== "in_doubt" || !escalated) {
      throw new Error(`${idempotencyKey} is still ${state}`);
    }
    if (!hasCause(facts, charge)) {
      throw new Error(`${idempotencyKey} was left to a person without cause`);
    }
  }
}

function hasCause(facts: Facts, charge: Charge): boolean {
  const { life, card, payments, charges } = facts;
  const { amountMinor } = charge.request;
  const { plan } = life;
  const { fields, description } = card.history;
  const echoes = plan.tag && fields === "full" && (description ?? "echo") === "echo";
  const clock = ["clock_forward", "clock_back"] as const;
  return (
    wasShownAnotherMerchants(facts) ||
    card.history.createdAt === "skewed" ||
    plan.rules.horizonMs === null ||
    lastAttempt(charge).namedPaymentId !== null ||
    lastAttempt(charge).outcome === "contradictory" ||
    (plan.rules.foreignWriters === true && !echoes) ||
    isUnreadable(card) ||
    payments.filter((payment) => payment.amountMinor === amountMinor).length > 1 ||
    charges.filter(({ request }) => request.amountMinor === amountMinor).length > 1 ||
    clock.some((trouble) => plan.troubles.has(trouble))
  );
}

function isUnreadable({ history }: Card): boolean {
  const { dropItem, countIsPage, pageShift } = history;
  return dropItem === true || countIsPage === true || (pageShift ?? 0) !== 0;
}

/**
 * Another merchant's list, shown before any payment of this card was known, cannot be told from a
 * true one; what it showed is then missed in every later look.
 */
function wasShownAnotherMerchants({ journal, payments }: Facts): boolean {
  return journal.some(
    ({ type, outcome, detail }) =>
      type === "looked" &&
      outcome === "complete" &&
      ((detail?.["new"] ?? []) as string[]).some((id) => !payments.some((one) => one.id === id)),
  );
}

/** The effects of all entries sum up to the money of the payments that are on our books. */
function assertMoney(facts: Facts): void {
  const { journal, payments } = facts;
  if (isLiedTo(facts)) {
    return;
  }
  const owners = attributed(journal);
  const taken = payments
    .filter(({ id, status }) => owners.has(id) && status === "CONFIRMED")
    .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  const effect = journal.reduce((sum, { effectMinor }) => sum + effectMinor, 0);
  if (effect !== taken) {
    throw new Error(`the entries make ${effect} known, the book has ${taken}`);
  }
}

/** What callers were told is true by the book, or a reported late truth contradicts it. */
function assertAnswersTrue(facts: Facts): void {
  const { told, payments, journal } = facts;
  const late = new Set(
    journal.flatMap(({ type, paymentId }) =>
      (type === "late_truth_found" || type === "payment_unattributed") && paymentId !== null
        ? [paymentId]
        : [],
    ),
  );
  const final = new Map<string, string>();
  for (const { order, toldAtMs, reply } of told) {
    const own = payments.filter((payment) => keyOf(payment) === order.key);
    const isSame = new RegExp(`"amount":${order.amountMinor / 100}[,}]`);
    if ((reply.status === 201 || reply.status === 202) && !isSame.test(reply.body)) {
      throw new Error(`${order.key} wished ${order.amountMinor} and got ${reply.body}`);
    }
    const isConfirmed = ({ statusHistory }: Payment) =>
      statusHistory.some(({ status, at }) => status === "CONFIRMED" && at <= toldAtMs);
    if (reply.money === "charged" && !own.some(isConfirmed) && !mayBeMistaken(facts)) {
      throw new Error(`${order.key} was told it is charged, and no payment is confirmed`);
    }
    if (reply.money === "not_charged" && reply.status !== 422) {
      const taken = own.find((payment) => isConfirmed(payment) && !late.has(payment.id));
      if (taken !== undefined && !isUnreadable(facts.card) && !isLiedTo(facts)) {
        throw new Error(`${order.key} was told it is not charged, and ${taken.id} was`);
      }
    }
    if (/"status":"(CONFIRMED|CANCELLED)"|"code":"charge_refused"/.test(reply.body)) {
      const wish = `${order.key} ${order.amountMinor}`;
      const bytes = `${reply.status} ${reply.body}`;
      if ((final.get(wish) ?? bytes) !== bytes) {
        throw new Error(`${order.key} got ${bytes} after ${final.get(wish)}`);
      }
      final.set(wish, bytes);
    }
  }
}

/** A person hears of everything that only a person can judge. */
function assertAlerts({ world, journal }: Facts): void {
  for (const type of ["charge_escalated", "late_truth_found", "payment_unattributed"]) {
    const entries = journal.filter((entry) => entry.type === type).length;
    const alerts = world.logged.filter(({ level, event }) => level === "alert" && event === type);
    if (alerts.length < entries) {
      throw new Error(`${entries} entries ${type}, ${alerts.length} alerts`);
    }
  }
}
