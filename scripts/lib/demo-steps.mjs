/**
 * Owns what the demo does and expects: each step acts on a payment method of its own, says what it
 * saw through `check(what, holds, told)`, and names the entries that it must have left. Must not
 * use the gateway's code.
 */
import { randomUUID } from "node:crypto";
import { until } from "./until.mjs";

/** Far beyond the first looks for a lost reply. */
const RESOLVE_MS_MAX = 60_000;

export const STEPS = [showCharge, showLostReply, showLostRequest, showRefund];

/** A charge, the same once more, and the same key for another amount. */
async function showCharge({ id, gateway, check }) {
  const key = `demo-${randomUUID()}`;
  const wish = { amount: 129.5, description: "Order 1001" };
  const first = await gateway.charge(id, key, wish);
  check(
    "a charge is answered with the payment",
    first.status === 201 && first.json.status === "CONFIRMED",
    `${first.status} ${first.text}`,
  );
  const again = await gateway.charge(id, key, wish);
  const flag = again.headers.get("idempotent-replayed");
  check(
    "the same again is a replay, to the byte",
    again.status === 201 && again.text === first.text && flag === "true",
    `${again.status} Idempotent-Replayed: ${flag}`,
  );
  const other = await gateway.charge(id, key, { ...wish, amount: 200 });
  check(
    "the same key for another amount is refused",
    other.status === 422 && String(other.json.differing) === "amount",
    `${other.status} ${other.json.code}, differing: ${other.json.differing}`,
  );
  return ["attempt_answered", "replayed", "key_mismatched"];
}

/** Harmony charges, its reply is lost: the payment is found, and charged once. */
async function showLostReply({ id, gateway, sandbox, check }) {
  await sandbox.setCharges(id, [{ kind: "lose_reply_after_charging" }]);
  const key = `demo-${randomUUID()}`;
  const answer = await gateway.charge(id, key, { amount: 75 });
  check(
    "a lost reply is answered as found, or as in doubt",
    answer.status === 201 || (answer.status === 202 && answer.json.status === "PENDING"),
    `${answer.status} Cobro-Money: ${answer.headers.get("cobro-money")}`,
  );
  const found = await until("finding the payment", RESOLVE_MS_MAX, async () => {
    const { json } = await gateway.findCharge(id, key);
    return json.state === "approved" ? json : null;
  });
  const { payments } = await sandbox.book(id);
  check(
    "it is the one payment that Harmony made",
    payments.length === 1 && payments[0].id === found.payment.id,
    `payment ${found.payment.id}, resolved by ${found.resolvedBy}`,
  );
  return ["attempt_answered", "payment_adopted", "method_unfrozen"];
}

/** Nothing reached Harmony, which nobody can know yet: nothing is guessed, nothing is sent. */
async function showLostRequest({ id, gateway, sandbox, check }) {
  await sandbox.setCharges(id, [{ kind: "lose_before_charging" }]);
  const key = `demo-${randomUUID()}`;
  const answer = await gateway.charge(id, key, { amount: 60 });
  const money = answer.headers.get("cobro-money");
  const { json } = await gateway.findCharge(id, key);
  check(
    "a lost request is in doubt, and nothing is guessed",
    answer.status === 202 && money === "unknown" && json.state === "in_doubt",
    `${answer.status} Cobro-Money: ${money}, the charge is ${json.state}`,
  );
  const other = await gateway.charge(id, `demo-${randomUUID()}`, { amount: 5 });
  check(
    "meanwhile the card is frozen for other charges",
    other.status === 409 && other.json.money === "not_charged",
    `${other.status} ${other.json.code}`,
  );
  return ["attempt_answered", "method_frozen"];
}

/** Harmony refunds, its reply is lost: the refund is found, told to its key, and made once. */
async function showRefund({ id, gateway, sandbox, check }) {
  const charged = await gateway.charge(id, `demo-${randomUUID()}`, { amount: 80 });
  const paymentId = charged.json.id;
  await sandbox.setRefunds(id, [{ kind: "lose_reply_after_refunding" }]);
  const key = `demo-${randomUUID()}`;
  const answer = await gateway.refund(id, paymentId, key, { reason: "returned" });
  check(
    "a refund whose reply is lost is answered as found, or as in doubt",
    answer.status === 201 || (answer.status === 202 && answer.json.status === "CONFIRMED"),
    `${answer.status} Cobro-Money: ${answer.headers.get("cobro-money")}`,
  );
  const found = await until("finding the refund", RESOLVE_MS_MAX, async () => {
    const { json } = await gateway.get(answer.headers.get("location"));
    return json.state === "refunded" ? json : null;
  });
  const again = await gateway.refund(id, paymentId, key, { reason: "returned" });
  check(
    "the same key is told that the money went back",
    again.status === 201 && again.json.status === "REFUNDED",
    `refund ${found.refundId}, resolved by ${found.resolvedBy}`,
  );
  const other = await gateway.refund(id, paymentId, `demo-${randomUUID()}`, {});
  const { requests } = await sandbox.book(id);
  check(
    "another key is told that there is nothing left to refund",
    other.status === 400 && other.json.money === "refunded" && requests.refund === 1,
    `${other.status} ${other.json.code}, refunds sent to Harmony: ${requests.refund}`,
  );
  return ["refund_intended", "refund_answered", "refund_resolved"];
}
