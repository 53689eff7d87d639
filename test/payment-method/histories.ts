/**
 * Steps of the histories in which a wrong answer costs a customer money twice, on virtual time: a card
 * that is ready, callers who ask again, and what the simulated Harmony's book has taken. Owns no
 * expectation.
 */
import type { Reply } from "../../src/domain/reply.ts";
import { type ChargeChange, METHOD_ID, World, type WorldOptions } from "../support/fake-host.ts";
import type { ScenarioInput } from "../support/sandbox.ts";
import { journalOf } from "./promises.ts";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
/** Where others charge the same cards, too, and where they do not. */
export const WRITERS = [{ foreignWriters: false }, { foreignWriters: true }];

/** A method with its baseline and one charge of long ago, and the scenario from then on. */
export async function ready(scenario: ScenarioInput, options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  await world.charged({ key: "first", amountMinor: 1234 });
  await world.time.advance(DAY_MS);
  world.scenario(scenario);
  return world;
}

/** Somebody reads a payment by its id. */
export async function read(world: World, id: string): Promise<void> {
  const actor = { caller: "main", keyId: "test", requestId: null, traceId: null, origin: null };
  const about = { paymentMethodId: METHOD_ID, caller: "main", id, actor };
  const call = world.send({ v: 1, type: "read_payment", ...about });
  await world.time.until(() => call.endedAtMs !== null);
}

/** What a caller is told who asks again and again, once a minute, for so long. */
export async function toldOver(
  world: World,
  spanMs: number,
  change: ChargeChange = {},
): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (const untilMs = world.time.nowMs + spanMs; world.time.nowMs < untilMs;) {
    replies.push(await world.charged(change));
    await world.time.advance(MINUTE_MS);
  }
  return replies;
}

export function moneyIn(replies: readonly Reply[]): string[] {
  return [...new Set(replies.map(({ money }) => money ?? "none"))];
}

/** What the book holds of the customer's money at the charge's price, whoever asked, but for `other`. */
export function taken(world: World, other = ""): string[] {
  return world.sandbox.book
    .paymentsOf(METHOD_ID)
    .filter(({ id, amountMinor }) => id !== other && amountMinor === 5000)
    .filter(({ status }) => status === "CONFIRMED")
    .map(({ id }) => id);
}

/** The entries by which a person is asked. */
const ASKING: readonly string[] = ["charge_escalated", "payment_contested"];

export function askedOfAPerson(world: World): boolean {
  return journalOf(world).some(({ type }) => ASKING.includes(type));
}
