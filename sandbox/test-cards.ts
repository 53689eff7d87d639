/**
 * The payment methods that are always there, each with one standing behaviour, so that a person can
 * try the gateway without writing a scenario. Owns their ids, which documentation and demo quote.
 */
import { emptyScenario, parseChargeStep } from "./scenario.ts";
import type { PaymentMethod } from "./book.ts";
import type { ChargeStepInput, PaymentMethodStatus } from "./kinds.ts";

interface TestCard {
  id: string;
  does: string;
  status: PaymentMethodStatus;
  standing: ChargeStepInput | null;
}

export const TEST_CARDS: readonly TestCard[] = [
  {
    id: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    does: "approves",
    status: "ACTIVE",
    standing: null,
  },
  {
    id: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeee001",
    does: "declines",
    status: "ACTIVE",
    standing: "decline",
  },
  {
    id: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeee002",
    does: "pends, confirms at the third poll",
    status: "ACTIVE",
    standing: { kind: "pending", polls: 3 },
  },
  {
    id: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeee003",
    does: "charges, loses the reply",
    status: "ACTIVE",
    standing: { kind: "lose_reply_after_charging", how: "reset" },
  },
  {
    id: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeee004",
    does: "loses the request",
    status: "ACTIVE",
    standing: { kind: "lose_before_charging", how: "reset" },
  },
  {
    id: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeee005",
    does: "is revoked",
    status: "REVOKED",
    standing: null,
  },
];

export function testCards(now: number): PaymentMethod[] {
  return TEST_CARDS.map((card) => {
    const standing = card.standing === null ? null : parseChargeStep(card.standing);
    return {
      id: card.id,
      status: card.status,
      externalId: null,
      createdAt: now,
      expiresAt: null,
      standing: standing?.ok ? standing.value : null,
      scenario: emptyScenario(),
      pending: null,
    };
  });
}
