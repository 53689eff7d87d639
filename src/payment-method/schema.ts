/**
 * Owns the tables of the object's own SQLite and their numbered migrations. Must not be edited
 * once landed: a change is a further migration that only adds. PERSISTED CONTRACT.
 */
import type { Storage } from "./host.ts";

const HEX = "[0-9A-Fa-f]";
const UUID_GLOB = `'${[8, 4, 4, 4, 12].map((length) => HEX.repeat(length)).join("-")}'`;

/** Migration 4's: an id as it is compared (RFC 9562, 4). */
const FOLDED = (id: string) => `CASE WHEN ${id} GLOB ${UUID_GLOB} THEN lower(${id}) ELSE ${id} END`;
const FOLDED_ALL = (ids: string) =>
  `(SELECT json_group_array(${FOLDED("value")}) FROM json_each(${ids}))`;
/** Migration 4's: an attempt with what is new of it; a name is folded, and kept as it was spelt. */
const NAMES = (attempt: string) => `json_set(${attempt},
     '$.nameIs', CASE WHEN ${attempt} ->> 'namedPaymentId' IS NOT NULL THEN 'sure' END,
     '$.namedAs', ${attempt} ->> 'namedPaymentId',
     '$.namedPaymentId', ${FOLDED(`${attempt} ->> 'namedPaymentId'`)},
     '$.explainedBy', ${FOLDED(`${attempt} ->> 'explainedBy'`)},
     '$.noAtMs', NULL, '$.refusal', NULL)`;

const MIGRATIONS: readonly string[] = [
  // 1: the charges, the payments as far as they are recorded, and the chain of entries. Entries
  // stay after delivery, so that a ledger that fell back can be delivered to again.
  `CREATE TABLE method (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     payment_method_id TEXT NOT NULL,
     baseline_seq INTEGER,
     foreign_seen INTEGER NOT NULL DEFAULT 0,
     delivered_seq INTEGER NOT NULL DEFAULT 0,
     halted TEXT
   ) STRICT;
   CREATE TABLE charge (
     charge_id TEXT PRIMARY KEY,
     caller TEXT NOT NULL,
     idempotency_key TEXT NOT NULL,
     open INTEGER NOT NULL,
     body TEXT NOT NULL,
     UNIQUE (caller, idempotency_key)
   ) STRICT;
   CREATE INDEX charge_open ON charge (open) WHERE open = 1;
   CREATE TABLE payment (
     payment_id TEXT PRIMARY KEY,
     charge_id TEXT,
     body TEXT NOT NULL
   ) STRICT;
   CREATE TABLE entry (
     seq INTEGER PRIMARY KEY,
     hash TEXT NOT NULL,
     body TEXT NOT NULL
   ) STRICT;`,
  // 2: the refunds, found by their key, by their payment, and where they wait for something.
  `CREATE TABLE refund (
     refund_id TEXT PRIMARY KEY,
     caller TEXT NOT NULL,
     idempotency_key TEXT NOT NULL,
     payment_id TEXT NOT NULL,
     open INTEGER NOT NULL,
     body TEXT NOT NULL,
     UNIQUE (caller, idempotency_key)
   ) STRICT;
   CREATE INDEX refund_open ON refund (open) WHERE open = 1;
   CREATE INDEX refund_payment ON refund (payment_id);`,
  // 3: every attempt beside the payments, so that both are read whole where a look is judged; what is
  // contested, and what was first listed when, as far as it can be told of what was there before.
  `CREATE TABLE attempt (
     charge_id TEXT NOT NULL,
     attempt INTEGER NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (charge_id, attempt)
   ) STRICT;
   INSERT INTO attempt (charge_id, attempt, body)
     SELECT charge_id, one.value ->> 'attempt', json_set(one.value,
       '$.chargeId', charge_id, '$.amountMinor', charge.body ->> '$.request.amountMinor',
       '$.currency', charge.body ->> '$.request.currency',
       '$.reference', charge.body ->> '$.request.reference',
       '$.doubtEndedAtMs', charge.body ->> '$.resolvedAtMs')
     FROM charge, json_each(charge.body, '$.attempts') AS one;
   UPDATE charge SET body = json_set(body, '$.contested', json_array(), '$.attempts', (
     SELECT json_group_array(json_set(one.value, '$.doubtEndedAtMs', charge.body ->> '$.resolvedAtMs'))
     FROM json_each(charge.body, '$.attempts') AS one));
   UPDATE payment SET body = json_set(body, '$.statusSeq',
     coalesce(body ->> 'statusSeq', body ->> 'recordedSeq'), '$.listedSeq',
     CASE WHEN body ->> 'listed' = 1 THEN body ->> 'recordedSeq' END, '$.absentAtMs', NULL,
     '$.read', json('false'), '$.reread', json('false'), '$.notOf', json_array(),
     '$.foreign', json(CASE WHEN body ->> 'foreign' = 1 THEN 'true' ELSE 'false' END));
   ALTER TABLE method ADD COLUMN looked_at_ms INTEGER;
   ALTER TABLE method ADD COLUMN looked_seq INTEGER;`,
  // 4: attempts that were told no, by their amount: a later charge of it looks first. Ids are folded;
  // what a caller was answered stays as it was.
  `ALTER TABLE attempt ADD COLUMN amount_minor INTEGER;
   ALTER TABLE attempt ADD COLUMN no_at_ms INTEGER;
   CREATE INDEX attempt_no ON attempt (amount_minor, no_at_ms) WHERE no_at_ms IS NOT NULL;
   UPDATE charge SET body = json_set(body, '$.cancelled', json_array(),
     '$.duplicates', ${FOLDED_ALL("body -> '$.duplicates'")},
     '$.contested', ${FOLDED_ALL("body -> '$.contested'")}, '$.attempts', (
     SELECT json_group_array(json_set(${NAMES("one.value")}, '$.noAtMs', CASE
       WHEN one.value ->> 'outcome' IN ('declined', 'not_sent') THEN one.value ->> 'answeredAtMs'
       WHEN charge.body ->> 'state' = 'not_charged' OR charge.body ->> '$.payment.status' = 'CANCELLED'
       THEN charge.body ->> 'resolvedAtMs' END))
     FROM json_each(charge.body, '$.attempts') AS one));
   UPDATE attempt SET amount_minor = body ->> 'amountMinor', body = json_set(${NAMES("body")},
     '$.caller', (SELECT caller FROM charge WHERE charge.charge_id = attempt.charge_id),
     '$.noAtMs', (SELECT one.value ->> 'noAtMs'
       FROM charge, json_each(charge.body, '$.attempts') AS one
       WHERE charge.charge_id = attempt.charge_id AND one.value ->> 'attempt' = attempt.attempt));
   UPDATE attempt SET no_at_ms = body ->> 'noAtMs';
   CREATE INDEX attempt_named ON attempt (body ->> 'namedPaymentId')
     WHERE body ->> 'namedPaymentId' IS NOT NULL;
   UPDATE charge SET body = json_set(body, '$.payment.id', ${FOLDED("body ->> '$.payment.id'")})
   WHERE body ->> '$.payment.id' IS NOT NULL;
   UPDATE refund SET payment_id = ${FOLDED("payment_id")}, body = json_set(body,
     '$.request.paymentId', ${FOLDED("body ->> '$.request.paymentId'")},
     '$.payment.id', ${FOLDED("body ->> '$.payment.id'")});
   UPDATE payment SET body = json_set(body, '$.missing', json('false'), '$.listedAtMs', NULL,
     '$.absentSeq', NULL, '$.disputed', json('false'));
   DELETE FROM payment WHERE charge_id IS NULL AND lower(payment_id) IN (
     SELECT lower(payment_id) FROM payment AS other
     WHERE other.charge_id IS NOT NULL AND other.payment_id GLOB ${UUID_GLOB});
   DELETE FROM payment WHERE payment_id GLOB ${UUID_GLOB} AND payment_id <> lower(payment_id)
     AND lower(payment_id) IN (SELECT payment_id FROM payment);
   UPDATE payment SET payment_id = lower(payment_id),
     body = json_set(body, '$.id', lower(payment_id), '$.spelt', payment_id)
   WHERE payment_id GLOB ${UUID_GLOB} AND payment_id <> lower(payment_id);`,
  // 5: what is known of the method itself; one that was revoked through us is charged no more.
  `ALTER TABLE method ADD COLUMN inactive TEXT;
   ALTER TABLE method ADD COLUMN created_at_ms INTEGER;
   UPDATE method SET inactive = '{"status":"REVOKED","forGood":true,"atMs":0}'
   WHERE EXISTS (SELECT 1 FROM entry WHERE body ->> 'type' = 'method_revoked');`,
  // 6: since when no look was complete that a charge had to wait for.
  "ALTER TABLE method ADD COLUMN unreadable TEXT",
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Brings the tables up to date. Returns false where they are of a later version than this code
 * knows: then nothing may be sent, since old code runs beside new for minutes after a deploy.
 */
export function migrate(storage: Storage): boolean {
  storage.sql.exec("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT");
  const [row] = storage.sql.exec("SELECT max(version) AS version FROM schema_version").toArray();
  const stored = Number(row?.["version"] ?? 0);
  if (stored > SCHEMA_VERSION) {
    return false;
  }
  if (stored < SCHEMA_VERSION) {
    storage.transactionSync(() => {
      for (const sql of MIGRATIONS.slice(stored)) {
        storage.sql.exec(sql);
      }
      storage.sql.exec("INSERT INTO schema_version (version) VALUES (?)", SCHEMA_VERSION);
    });
  }
  return true;
}
