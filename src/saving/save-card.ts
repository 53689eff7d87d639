/**
 * Owns `POST /api/payment-method`: a card is asked for once, under its key where it has one. Must not
 * ask again: whatever is lost on the way may have been created.
 */
import { GATEWAY_CHAIN_ID } from "../domain/entries.ts";
import { readIdempotencyKey } from "../domain/idempotency-key.ts";
import { foldId } from "../domain/ids.ts";
import type { Problem } from "../domain/errors.ts";
import type { Reply } from "../domain/reply.ts";
import { askObject } from "../http/ask-object.ts";
import type { Caller } from "../http/auth.ts";
import { readBody } from "../http/body.ts";
import { actorOf, type Context } from "../http/context.ts";
import { headerOf } from "../http/headers.ts";
import { readMethodBody } from "../http/method-body.ts";
import { log } from "../http/log.ts";
import { replyResponse } from "../http/problem.ts";
import { sha256 } from "../http/sha256.ts";
import type { CreateMethodCommand } from "../payment-method/commands.ts";
import { mayHaveBeenCreated } from "../payment-method/create.ts";
import { failed } from "../payment-method/reads.ts";
import { ASK_ONCE, type CardShard } from "./card-shard.ts";

export async function postMethod(context: Context, caller: Caller): Promise<Response> {
  const refused = (error: Pick<Problem, "code" | "errors">, headers?: Record<string, string>) =>
    replyResponse(failed(error), headers);
  const body = await readBody(context.request);
  if (body.type !== "ok") {
    return refused({ code: body.code }, body.rest.headers);
  }
  const key = readIdempotencyKey(headerOf(context.request, "idempotency-key"));
  if (key.type === "invalid") {
    const errors = [{ header: "Idempotency-Key", detail: key.detail }];
    return refused({ code: "idempotency_key_invalid", errors });
  }
  const wanted = readMethodBody(body.bytes);
  if (wanted.type === "invalid") {
    return refused({ code: wanted.code, errors: wanted.errors });
  }
  const create: CreateMethodCommand = {
    v: 1,
    type: "create_method",
    paymentMethodId: GATEWAY_CHAIN_ID,
    ...wanted.value,
    actor: actorOf(context, caller),
  };
  try {
    const reply =
      key.type === "key"
        ? await saveUnder(context, [caller.callerId, key.key], create)
        : (await askObject(context, create, ASK_ONCE)).reply;
    await tellObject(context, reply);
    return replyResponse(reply);
  } catch (error) {
    // An object may have asked Harmony before it was lost.
    const { requestId } = context;
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    console.error(JSON.stringify({ level: "alert", event: "create_lost", requestId, message }));
    return replyResponse(mayHaveBeenCreated(502));
  }
}

/** Tells the new payment method's own object of it; whatever goes wrong, the card is saved. */
async function tellObject(context: Context, { status, location, replayed }: Reply): Promise<void> {
  const paymentMethodId = foldId(location?.split("/").at(-1) ?? "");
  if (status !== 201 || replayed) {
    return;
  }
  try {
    await askObject(context, { v: 1, type: "know_created", paymentMethodId }, ASK_ONCE);
  } catch (error) {
    const { requestId } = context;
    log("warn", "created_not_told", { requestId, paymentMethodId, message: String(error) });
  }
}

/** Asks the key's own shard: the first byte of its hash names one of 256, and that never changes. */
async function saveUnder(
  { env, config }: Context,
  owner: readonly [callerId: string, key: string],
  create: CreateMethodCommand,
): Promise<Reply> {
  const keyHash = await sha256(JSON.stringify(owner));
  const requestHash = await sha256(JSON.stringify([...owner, create.body]));
  const hint = config.locationHint === null ? {} : { locationHint: config.locationHint };
  const shard = env.CARD_SHARDS.getByName(keyHash.slice(0, 2), hint) as unknown as CardShard;
  return shard.save({ v: 1, keyHash, requestHash, create });
}
