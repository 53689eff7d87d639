/**
 * A store that an earlier version has written, after it was brought up to date: what it holds of a
 * payment whose id Harmony spelt in capitals. Owns no SQL of the object's.
 */
import { describe, it } from "vitest";
import type { Attempt, Charge } from "../../src/domain/charge.ts";
import type { PaymentRecord } from "../../src/domain/payment.ts";
import { fourFields } from "../../src/domain/reply.ts";
import type { Refund } from "../../src/domain/refund.ts";
import { Books } from "../../src/payment-method/books.ts";
import type { Host, Storage } from "../../src/payment-method/host.ts";
import { Journal } from "../../src/payment-method/journal.ts";
import { migrate } from "../../src/payment-method/schema.ts";
import { attemptOf, chargeOf, METHOD_ID, recordOf, refundOf } from "../domain/builders.ts";
import { NodeStorage } from "../support/node-storage.ts";

const SPELT = "ABCDEF00-1111-4111-8111-111111111111";
const FOLDED = SPELT.toLowerCase();
const PAYMENT = { id: SPELT, status: "CONFIRMED", amountMinor: 5000, currency: "MXN" };
const BOUND = { status: 201, contentType: "application/json", body: fourFields(PAYMENT) };

/** The tables as the first `version` migrations leave them. */
function storeOf(version: number): NodeStorage {
  const storage = new NodeStorage();
  let left = version;
  const exec: Storage["sql"]["exec"] = (query, ...bindings) => {
    if (/;\s*\S|^ALTER/u.test(query)) {
      left -= 1;
      return left < 0 ? { toArray: () => [] } : storage.sql.exec(query);
    }
    const isVersion = query.startsWith("INSERT INTO schema_version");
    return storage.sql.exec(query, ...(isVersion ? [version] : bindings));
  };
  migrate({ sql: { exec }, transactionSync: (body) => storage.transactionSync(body) });
  return storage;
}

function put(storage: NodeStorage, table: string, row: Record<string, string | number | null>) {
  const columns = Object.keys(row);
  const places = columns.map(() => "?").join(", ");
  const query = `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`;
  storage.sql.exec(query, ...Object.values(row)).toArray();
}

interface Stored {
  readonly charges?: readonly Charge[];
  readonly payments?: readonly PaymentRecord[];
  readonly refunds?: readonly Refund[];
}

/** A body as version 3 wrote it: without what version 4 has added. */
function older(value: object): string {
  const added = ["noAtMs", "nameIs", "refusal", "missing", "listedAtMs", "absentSeq"];
  return JSON.stringify(value, (key, member: unknown) =>
    added.includes(key) ? undefined : member,
  );
}

function storeOf3({ charges = [], payments = [], refunds = [] }: Stored): NodeStorage {
  const storage = storeOf(3);
  for (const charge of charges) {
    const { chargeId, caller, idempotencyKey, request, attempts } = charge;
    const idempotency_key = idempotencyKey;
    const key = { charge_id: chargeId, caller, idempotency_key };
    put(storage, "charge", { ...key, open: 0, body: older(charge) });
    const { amountMinor, currency, reference } = request;
    for (const attempt of attempts) {
      const body = older({ ...attempt, chargeId, amountMinor, currency, reference });
      put(storage, "attempt", { charge_id: chargeId, attempt: attempt.attempt, body });
    }
  }
  for (const payment of payments) {
    const { id, chargeId } = payment;
    put(storage, "payment", { payment_id: id, charge_id: chargeId, body: older(payment) });
  }
  for (const refund of refunds) {
    const { refundId, caller, idempotencyKey, request } = refund;
    const key = { refund_id: refundId, caller, idempotency_key: idempotencyKey };
    put(storage, "refund", { ...key, payment_id: request.paymentId, open: 0, body: older(refund) });
  }
  return storage;
}

/** A charge that was answered with the payment, and everything that hangs on it. */
const CHARGE = chargeOf({
  state: "approved",
  payment: PAYMENT,
  attempts: [attemptOf({ outcome: "approved", explainedBy: SPELT })],
  boundReply: BOUND,
  doubt: null,
  nextLook: null,
});
const RECORD = recordOf({ ...PAYMENT, chargeId: "charge-1", listedSeq: 20 });
const REFUND = refundOf({
  request: { paymentId: SPELT, reason: null },
  payment: PAYMENT,
  state: "refunded",
  boundReply: BOUND,
});

function journalOf(stored: Stored): Journal {
  return new Journal(storeOf3(stored), METHOD_ID);
}

describe("a store of version 3 with a payment whose id is spelt in capitals", () => {
  const all = { charges: [CHARGE], payments: [RECORD], refunds: [REFUND] };

  it("has the payment folded, and as it was spelt", ({ expect }) => {
    const journal = journalOf(all);
    expect(journal.payment(SPELT)).toBeNull();
    expect(journal.payment(FOLDED)).toEqual({ ...RECORD, id: FOLDED, spelt: SPELT });
    expect([...journal.listedPaymentIds()]).toEqual([FOLDED]);
  });

  it("has its charge folded, and each of its attempts, beside the charge or in it", ({
    expect,
  }) => {
    const journal = journalOf(all);
    const charge = journal.charges.byKey("main", "key-1");
    expect(charge?.payment?.id).toBe(FOLDED);
    const told = { explainedBy: FOLDED, noAtMs: null, nameIs: null, refusal: null };
    expect(charge?.attempts).toMatchObject([told]);
    expect(journal.charges.attempts()).toMatchObject([
      { ...told, chargeId: "charge-1", caller: "main", amountMinor: 5000 },
    ]);
  });

  it("has what else its charge holds of it folded", ({ expect }) => {
    const other = { ...PAYMENT, id: "payment-2" };
    const beside = { ...CHARGE, payment: other, duplicates: [SPELT], contested: [SPELT] };
    const charge = journalOf({ ...all, charges: [beside] }).charges.byId("charge-1");
    expect(charge).toMatchObject({ payment: other, duplicates: [FOLDED], contested: [FOLDED] });
  });

  it("has its refund folded, and finds it by its payment and by its key", ({ expect }) => {
    const { refunds } = journalOf(all);
    const refund = refunds.byKey("main", "refund-key-1");
    expect(refund).toMatchObject({ request: { paymentId: FOLDED }, payment: { id: FOLDED } });
    expect(refunds.ofPayment(FOLDED)).toEqual([refund]);
    expect(refunds.ofPayment(SPELT)).toEqual([]);
  });

  it("answers with the bytes that it was bound to", ({ expect }) => {
    const journal = journalOf(all);
    expect(journal.charges.byId("charge-1")?.boundReply).toEqual(BOUND);
    expect(journal.refunds.byId("refund-1")?.boundReply).toEqual(BOUND);
    const open = { ...CHARGE, state: "pending" as const, boundReply: null };
    const pending = journalOf({ ...all, charges: [open] }).charges.byId("charge-1");
    expect(pending?.boundReply).toBeNull();
  });

  it("leaves what the callers have said as they said it", ({ expect }) => {
    const request = { ...CHARGE.request, description: `tip for ${SPELT}`, reference: SPELT };
    const charge = { ...CHARGE, chargeId: "charge-2", idempotencyKey: SPELT, request };
    const refund = {
      ...REFUND,
      idempotencyKey: SPELT,
      request: { paymentId: SPELT, reason: `of ${SPELT}` },
    };
    const journal = journalOf({ ...all, charges: [CHARGE, charge], refunds: [refund] });
    const told = journal.charges.byKey("main", SPELT);
    expect(told).toMatchObject({ idempotencyKey: SPELT, request });
    const asked = journal.refunds.byKey("main", SPELT);
    expect(asked).toMatchObject({ idempotencyKey: SPELT, request: { reason: `of ${SPELT}` } });
  });

  it("has one payment where it was recorded in both spellings: no look has to list two", ({
    expect,
  }) => {
    // A page has shown it as the history spells it.
    const shown = recordOf({ ...PAYMENT, id: FOLDED, recordedSeq: 25 });
    for (const payments of [
      [RECORD, shown],
      [shown, RECORD],
    ]) {
      const journal = journalOf({ ...all, payments });
      expect([...journal.listedPaymentIds()]).toEqual([FOLDED]);
      expect(journal.payment(FOLDED)).toMatchObject({ chargeId: "charge-1" });
      expect(journal.charges.byId("charge-1")?.payment?.id).toBe(FOLDED);
    }
  });

  it("leaves payments as they are whose id is folded, or is no UUID", ({ expect }) => {
    const ids = ["Pay_1", "ZZZZZZZZ-1111-4111-8111-111111111111", FOLDED.replace("a", "b")];
    const payments = ids.map((id) => recordOf({ ...PAYMENT, id, listedSeq: 20 }));
    const journal = journalOf({ payments });
    expect([...journal.listedPaymentIds()].toSorted()).toEqual(ids.toSorted());
    for (const id of ids) {
      expect(journal.payment(id)).not.toHaveProperty("spelt");
    }
  });
});

describe("a name in a store of version 3", () => {
  const named = (namedPaymentId: string | null, change: Partial<Attempt> = {}) =>
    chargeOf({ attempts: [attemptOf({ namedPaymentId, ...change })] });

  it("is sure, whatever had told it, and folded", ({ expect }) => {
    const journal = journalOf({ charges: [named(SPELT)] });
    const told = { namedPaymentId: FOLDED, nameIs: "sure", namedAs: SPELT };
    expect(journal.charges.byId("charge-1")?.attempts).toMatchObject([told]);
    expect(journal.charges.attempts()).toMatchObject([told]);
    const none = journalOf({ charges: [named(null)] });
    expect(none.charges.attempts()).toMatchObject([{ namedPaymentId: null, nameIs: null }]);
  });

  it("is asked for as it was spelt, with its payment recorded or not", ({ expect }) => {
    for (const payments of [[], [recordOf(PAYMENT)]]) {
      const storage = storeOf3({ charges: [named(SPELT)], payments });
      const host = { storage, paymentMethodId: METHOD_ID, now: () => 0 } as unknown as Host;
      const books = new Books(host, null);
      expect(books.speltOf(FOLDED)).toBe(SPELT);
      expect(books.speltOf("payment-9")).toBe("payment-9");
    }
  });
});
