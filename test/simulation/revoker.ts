/**
 * Owns the caller that revokes a card: at the time its plan says, again where it was not told that
 * it is done, and vanishing now and then. Must not look into the gateway.
 */
import type { RevokeMethodCommand } from "../../src/payment-method/commands.ts";
import type { Call, World } from "../support/fake-host.ts";
import type { Chance } from "./chance.ts";
import { type Door, READER } from "./door.ts";
import type { Log } from "./log.ts";
import type { Plan } from "./plan.ts";

/** One wish to revoke a card, and how it ended. */
export interface Revoke {
  readonly card: number;
  readonly call: Call;
}

const PAUSES_MS = [0, 1000, 30_000, 600_000];

export class Revoker {
  readonly revokes: Revoke[] = [];
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #door: Door;

  constructor(chance: Chance, log: Log, door: Door) {
    this.#chance = chance;
    this.#log = log;
    this.#door = door;
  }

  begin({ cards }: Plan, worlds: readonly World[]): void {
    for (const [card, world] of worlds.entries()) {
      const atMs = cards[card]?.after.revokeAtMs ?? null;
      if (atMs !== null) {
        world.time.after(atMs, () => this.#ask(card, world, this.#chance.between(0, 4)));
      }
    }
  }

  #ask(card: number, world: World, patience: number): void {
    this.#log.note("ask to revoke", { card });
    const command: RevokeMethodCommand = {
      v: 1,
      type: "revoke_method",
      paymentMethodId: world.paymentMethodId,
      actor: { ...READER, requestId: this.#door.requestId() },
      waitMs: this.#chance.pick([1000, 25_000, 25_000]),
    };
    const call = this.#door.send(world, command, ({ answer }) => {
      const status = answer?.reply.status ?? "lost";
      this.#log.note("told of the revoke", { card, status, body: answer?.reply.body ?? null });
      // One that is revoked is sometimes revoked again: that is no error.
      if (patience > 0 && (status !== 200 || this.#chance.yes(0.3))) {
        const pauseMs = this.#chance.pick(PAUSES_MS);
        world.time.after(pauseMs, () => this.#ask(card, world, patience - 1));
      }
    });
    this.revokes.push({ card, call });
  }
}
