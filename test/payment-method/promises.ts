/**
 * What must hold of a payment method's life whatever happened in it, read from its ledger and the
 * simulated Harmony's own book. Each throws with what it found.
 */
import type { Charge } from "../../src/domain/charge.ts";
import type { Entry } from "../../src/domain/entries.ts";
import { isLinked, verifyEntry } from "../../src/ledger/chain.ts";
import { type Call, METHOD_ID, type World } from "../support/fake-host.ts";

/** The entries of the object's own journal; none where a crash took its very tables back. */
export function journalOf(world: World): Entry[] {
  const tables = world.storage.sql.exec("SELECT 1 FROM sqlite_schema WHERE name = 'entry'");
  if (tables.toArray().length === 0) {
    return [];
  }
  return world.storage.sql
    .exec("SELECT body FROM entry ORDER BY seq")
    .toArray()
    .map((row) => JSON.parse(String(row["body"])) as Entry);
}

/** Gap-free numbers, each entry sealed and linked to the one before. */
export function assertSound(entries: readonly Entry[]): void {
  let previous: Entry | null = null;
  for (const entry of entries) {
    if (!verifyEntry(entry) || !isLinked(previous, entry)) {
      throw new Error(`the chain breaks at ${entry.seq}`);
    }
    previous = entry;
  }
}

/** The ledger holds the journal, every entry once, in order of arrival without gaps. */
export function assertDelivered(world: World): void {
  const journal = journalOf(world);
  const ledger = world.ledger.entries(METHOD_ID);
  assertSound(journal);
  assertSound(ledger);
  if (ledger.map(({ hash }) => hash).join() !== journal.map(({ hash }) => hash).join()) {
    throw new Error(`the ledger has ${ledger.length} entries, the journal ${journal.length}`);
  }
  if (ledger.some(({ position }, index) => position !== index + 1)) {
    throw new Error("positions have gaps");
  }
}

/**
 * Nothing was intended while an attempt was open or in doubt; a further attempt of a charge only
 * after it was known that the earlier moved no money, and after a complete look since.
 */
export function assertOneAtATime(entries: readonly Entry[]): void {
  let open: string | null = null;
  let inDoubt: string | null = null;
  const chargeable = new Set<string>();
  const lookedSince = new Set<string>();
  const attempted = new Set<string>();
  for (const entry of entries) {
    const chargeId = entry.chargeId ?? "";
    // A string on purpose: the other types change nothing here.
    const type: string = entry.type;
    switch (type) {
      case "attempt_intended":
        if (open !== null || inDoubt !== null) {
          throw new Error(`entry ${entry.seq}: an attempt while ${open ?? inDoubt} is open`);
        }
        if (attempted.has(chargeId) && !(chargeable.has(chargeId) && lookedSince.has(chargeId))) {
          throw new Error(`entry ${entry.seq}: a further attempt without proof and look`);
        }
        open = chargeId;
        attempted.add(chargeId);
        chargeable.delete(chargeId);
        lookedSince.delete(chargeId);
        break;
      case "attempt_answered":
        open = null;
        if (entry.outcome === "not_sent") {
          chargeable.add(chargeId);
        }
        break;
      case "not_charged_by_rule":
        chargeable.add(chargeId);
        break;
      case "operator_resolved":
        if (entry.outcome === "not_charged") {
          chargeable.add(chargeId);
        }
        break;
      case "looked":
        if (entry.outcome === "complete" && entry.detail?.["purpose"] === "before_attempt") {
          lookedSince.add(chargeId);
        }
        break;
      case "method_frozen":
        inDoubt = chargeId;
        break;
      case "method_unfrozen":
        inDoubt = null;
        break;
      default:
        break;
    }
  }
}

/** For each idempotency key: what Harmony really made of it. Descriptions begin with the key. */
export function paymentsByKey(world: World) {
  return Map.groupBy(
    world.sandbox.book.paymentsOf(METHOD_ID).filter(({ origin }) => origin !== "foreign"),
    ({ description }) => /^for (\S+)/.exec(description ?? "")?.[1] ?? "?",
  );
}

/** No key made two payments, and no submission of a key differs from its first. */
export function assertChargedOnce(world: World): void {
  for (const [key, payments] of paymentsByKey(world)) {
    if (payments.length > 1) {
      throw new Error(`${key} was charged ${payments.length} times`);
    }
  }
  const amounts = new Map<string, number>();
  for (const { description, amount } of world.submissions) {
    const key = /^for (\S+)/.exec(description)?.[1] ?? "?";
    if ((amounts.get(key) ?? amount) !== amount) {
      throw new Error(`${key} was submitted with two amounts`);
    }
    amounts.set(key, amount);
  }
  const { perMethod } = world.sandbox.exchanges.maxConcurrent(null);
  if (perMethod > 1) {
    throw new Error(`${perMethod} charges were open at once`);
  }
}

/**
 * What a charge's payment is, by the ledger: the last payment attributed to each key, and the net
 * that the entries make known.
 */
export function attributed(entries: readonly Entry[]): Map<string, string> {
  const attributedTo = new Map<string, string>();
  for (const entry of entries) {
    const attributes =
      entry.type === "payment_adopted" ||
      entry.type === "late_truth_found" ||
      (entry.type === "operator_resolved" && entry.outcome === "charged") ||
      (entry.type === "attempt_answered" &&
        ["approved", "pending", "declined"].includes(entry.outcome ?? ""));
    if (attributes && entry.paymentId !== null && entry.idempotencyKey !== null) {
      attributedTo.set(entry.paymentId, entry.idempotencyKey);
    }
  }
  return attributedTo;
}

/** Every attribution is true by the book, and the effects sum up to the money really taken. */
export function assertTrueToTheBook(world: World, entries: readonly Entry[]): void {
  let confirmed = 0;
  for (const [paymentId, key] of attributed(entries)) {
    const payment = world.sandbox.book.payment(paymentId);
    if (payment === undefined || !(payment.description ?? "").startsWith(`for ${key} `)) {
      throw new Error(`${paymentId} is not ${key}'s: ${payment?.description}`);
    }
    confirmed += payment.status === "CONFIRMED" ? payment.amountMinor : 0;
  }
  const effect = entries.reduce((sum, { effectMinor }) => sum + effectMinor, 0);
  if (effect !== confirmed) {
    throw new Error(`the entries make ${effect} known, the book has ${confirmed}`);
  }
}

/** Who was told that the method is revoked was told the truth, and so is the ledger. */
export function assertRevokesAreTrue(world: World, calls: readonly Call[]): void {
  const told = calls.some(
    ({ command, answer }) => command.type === "revoke_method" && answer?.reply.status === 200,
  );
  const entered = journalOf(world).some(({ type }) => type === "method_revoked");
  const status = world.sandbox.book.method(world.paymentMethodId)?.status;
  if ((told && !entered) || (entered && status !== "REVOKED")) {
    throw new Error(`told ${told}, entered ${entered}, and the method is ${status}`);
  }
}

/** Nothing is left as it is for ever: every charge's end is known, or a person was told. */
export function assertSettledOrEscalated(world: World): void {
  const rows = world.storage.sql.exec("SELECT body FROM charge").toArray();
  for (const row of rows) {
    const { idempotencyKey, state, escalated } = JSON.parse(String(row["body"])) as Charge;
    const settled = state === "approved" || state === "declined" || state === "not_charged";
    if (!settled && !(state === "in_doubt" && escalated)) {
      throw new Error(`${idempotencyKey} is still ${state}`);
    }
  }
}
