/**
 * The gateway is killed, by SIGKILL of its whole process group, while a refund is at Harmony: after
 * the restart the key is told what became of it, and nothing is refunded or asked a second time.
 */
import { afterEach, describe, expect, it } from "vitest";
import { eventually, removeRuntimes, type Runtime, until } from "../support/runtime.ts";
import { chainProblems } from "../support/runtime-ledger.ts";
import { book, createMethod, setScenario } from "../support/sandbox.ts";
import { chainWith, gatewayOnSandbox } from "./support.ts";

const startOnSandbox = gatewayOnSandbox();
afterEach(removeRuntimes);

async function refund(runtime: Runtime, id: string, paymentId: string) {
  return runtime.send(`/api/payment-method/${id}/payment/${paymentId}/refund`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": "refund-1" },
    body: "{}",
  });
}

describe("a refund killed between intent and outcome", () => {
  it.for(["lose_reply_after_refunding", "lose_before_refunding"] as const)(
    "(%s) is in doubt after the restart, and is not sent again",
    async (kind) => {
      // A long timeout: however slow the machine is, the kill comes first.
      const runtime = await startOnSandbox({ HARMONY_TIMEOUT_MS: "10000" });
      const id = await createMethod(runtime.sandboxUrl);
      const charged = await runtime.charge(id, "charge-1");
      const paymentId = String(charged.json["id"]);
      await setScenario(runtime.sandboxUrl, id, { refunds: [{ kind, how: "hang" }] });
      const requests = async () => (await book(runtime.sandboxUrl, id)).requests.refund;
      void refund(runtime, id, paymentId).catch(() => "lost with the connection");
      await until("the refund is at Harmony", async () => (await requests()) === 1);

      await runtime.restart();
      const made = kind === "lose_reply_after_refunding";
      const answer = await eventually("the key is told", async () => {
        const told = await refund(runtime, id, paymentId);
        expect([201, 202]).toContain(told.status);
        return told.status === 201 || !made ? told : null;
      });
      expect(answer.headers.get("idempotent-replayed")).toBe("true");
      expect(answer.headers.get("cobro-money")).toBe(made ? "refunded" : "unknown");
      expect(await requests()).toBe(1);

      const chain = await chainWith(runtime, id, made ? "refund_resolved" : "polled");
      expect(chainProblems(chain)).toEqual([]);
      const net = chain.reduce((sum, entry) => sum + Number(entry["effectMinor"]), 0);
      const { payments } = await book(runtime.sandboxUrl, id);
      expect(payments.map(({ status }) => status)).toEqual([made ? "REFUNDED" : "CONFIRMED"]);
      expect(net).toBe(made ? 0 : Math.round(Number(charged.json["amount"]) * 100));
    },
  );
});
