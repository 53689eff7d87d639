/**
 * Owns what a key is bound to that saved a card: the answer of a success, for ever, with its
 * `checkoutUrl`, which no entry may hold. Must not ask Harmony: the gateway's own object does, and
 * writes the entry.
 */
import { DurableObject } from "cloudflare:workers";
import { configOf, type Env } from "../env.ts";
import type { Reply } from "../domain/reply.ts";
import { askObject } from "../http/ask-object.ts";
import type { CreateMethodCommand } from "../payment-method/commands.ts";
import { failed, found } from "../payment-method/reads.ts";

/** A deadline that is over: the object is asked, and not again, since that would make another card. */
export const ASK_ONCE = 0;

/** Crosses between versions, as the commands to a payment method's object do. PERSISTED CONTRACT. */
export interface SaveCommand {
  readonly v: 1;
  /** Of the caller and its key. */
  readonly keyHash: string;
  /** Of these and the body, which names a person and is not kept. */
  readonly requestHash: string;
  readonly create: CreateMethodCommand;
}

/** A success under its key's hash. PERSISTED CONTRACT. */
interface Saved {
  readonly v: number;
  readonly requestHash: string;
  readonly reply: Pick<Reply, "status" | "body" | "location">;
}

interface UnderWay {
  readonly requestHash: string;
  readonly reply: Promise<Reply>;
}

export class CardShard extends DurableObject<Env> {
  readonly #underWay = new Map<string, UnderWay>();

  /** Throws where the card may have been created and nobody can say so. */
  async save(command: SaveCommand): Promise<Reply> {
    const { keyHash, requestHash } = command;
    const saved = this.ctx.storage.kv.get<Saved>(keyHash);
    if (saved !== undefined && saved.v !== 1) {
      return failed({ code: "halted" });
    }
    const known = saved ?? this.#underWay.get(keyHash);
    if (known === undefined) {
      const reply = this.#create(command).finally(() => this.#underWay.delete(keyHash));
      this.#underWay.set(keyHash, { requestHash, reply });
      return reply;
    }
    if (known.requestHash !== requestHash) {
      const detail = "A card was saved under this key with another body, or is just being saved.";
      return failed({ code: "idempotency_key_reused", detail: `${detail} Nothing was sent.` });
    }
    return { ...found("", null), ...(await known.reply), replayed: true };
  }

  async #create({ keyHash, requestHash, create }: SaveCommand): Promise<Reply> {
    const read = configOf(this.env);
    if (!read.ok) {
      throw new Error(`not configured: ${read.problems.join("; ")}`);
    }
    const reach = { env: this.env, config: read.config, execution: this.ctx };
    const { reply } = await askObject(reach, create, ASK_ONCE);
    const { status, body, location } = reply;
    if (status === 201) {
      const saved: Saved = { v: 1, requestHash, reply: { status, body, location } };
      this.ctx.storage.kv.put(keyHash, saved);
    }
    return reply;
  }
}
