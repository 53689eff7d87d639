/**
 * Owns one simulated life from its seed to its end: cards, callers, troubles, then days of quiet.
 * Everything runs in this process on virtual time, with the gateway's own logic, journal, relay and
 * client, and the sandbox's own core. Must not judge: checks.ts does.
 */
import { createHarmony as createSandbox } from "../../sandbox/core.ts";
import { claimOverdue } from "../../src/ledger/methods.ts";
import { SharedBrake } from "../../src/payment-method/shared-brake.ts";
import { type Shared, World } from "../support/fake-host.ts";
import { NodeLedger } from "../support/node-ledger.ts";
import { T0, VirtualTime } from "../support/virtual-time.ts";
import { Afterthoughts } from "./afterthoughts.ts";
import { Chance } from "./chance.ts";
import { type FatedPlan, fatedPlanOf } from "./coincidence-plan.ts";
import { Coincidences } from "./coincidences.ts";
import { Door } from "./door.ts";
import { Log } from "./log.ts";
import { Operator } from "./operator.ts";
import type { Card, Plan } from "./plan.ts";
import { Refunder } from "./refunder.ts";
import { RefundTroubles } from "./refund-troubles.ts";
import { Revoker } from "./revoker.ts";
import { type Order, type Ordered, Shop } from "./shop.ts";
import { Troubles } from "./troubles.ts";
import { Unrest } from "./unrest.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** How often the runtime's cron comes by; seldom in quiet days, which are long. */
const SWEEP_MS = MINUTE_MS;
const QUIET_SWEEP_MS = 15 * MINUTE_MS;
const SWEEP_MAX = 100;
const LEDGER_TIMEOUT_MS = 10_000;
/** Long enough for the last late look, and for one more that had to be repeated. */
const QUIET_MS = 40 * HOUR_MS;

export interface Life {
  readonly plan: FatedPlan;
  readonly log: Log;
  readonly worlds: readonly World[];
  readonly door: Door;
  readonly shop: Shop;
  readonly refunder: Refunder;
  readonly refundTroubles: RefundTroubles;
  readonly revoker: Revoker;
  readonly operator: Operator;
  readonly ledger: NodeLedger;
  /** Cards that had work and no alarm, though the runtime has dropped none. */
  readonly alarmsLost: ReadonlySet<World>;
  readonly restored: ReadonlySet<World>;
  readonly ledgerRestoredAt: ReadonlyMap<World, number>;
  readonly virtualMs: number;
  /** What the gateway's books said of each payment of a charge, before anybody read them all. */
  readonly booked: ReadonlyMap<string, string>;
  readonly bookedAtMs: number;
}

export async function live(seed: number): Promise<Life> {
  const plan = fatedPlanOf(seed);
  const chance = new Chance(seed ^ 0x5eed);
  const time = new VirtualTime();
  const log = new Log(() => time.nowMs);
  const shared = share(time, chance);
  const worlds = begin(plan, shared, log);
  const door = new Door();
  const refunder: Refunder = new Refunder(chance, log, door, worlds, plan, (wish, ended) =>
    refundTroubles.heard(wish, ended),
  );
  // A chance of its own: what it draws changes nothing of the rest of a life.
  const another = new Chance(seed ^ 0x4efd);
  const refundTroubles = new RefundTroubles(another, log, door, worlds, (wish) =>
    refunder.askFor(wish, wish.paymentId),
  );
  const operator = new Operator(chance, log, door, worlds, plan);
  const shop: Shop = new Shop(chance, log, door, worlds, (told) => {
    refunder.heard(told, (order) => shop.ask(order, 1));
    operator.heard(told);
    unrest.heard(told);
    afterthoughts.heard(told);
    coincidences.heard(told);
  });
  const afterthoughts = new Afterthoughts(plan, chance, log, worlds, (ordered) =>
    shop.order(ordered, MINUTE_MS),
  );
  const coincidences = new Coincidences(plan, chance, log, worlds, {
    order: (ordered) => shop.order(ordered, MINUTE_MS),
    read: (paymentId) => shop.readPayment(0, paymentId),
  });
  const unrest = new Unrest(plan, chance, log, worlds, {
    read: (card, paymentId) => shop.readPayment(card, paymentId),
    refund: (order, paymentId) => refunder.askFor(order, paymentId),
  });
  const revoker = new Revoker(chance, log, door);
  const pricesOn = (world: World) =>
    shop.orders.filter(({ card }) => worlds[card] === world).map(({ amountMinor }) => amountMinor);
  const troubles = new Troubles(plan, chance, log, worlds, shared.ledger, pricesOn);
  let isQuiet = false;
  const alarmsLost = new Set<World>();
  const sweep = async (): Promise<void> => {
    for (const world of worlds.filter((one) => one.hasLostAlarm)) {
      alarmsLost.add(world);
    }
    await wakeOverdue(worlds, shared, log);
    time.after(isQuiet ? QUIET_SWEEP_MS : SWEEP_MS, sweep);
  };
  time.after(SWEEP_MS, sweep);
  const orders = openTheShop(plan, chance, time, (ordered) => {
    const order = shop.order(ordered, plan.busyMs);
    unrest.ordered(order);
    return order;
  });
  revoker.begin(plan, worlds);
  troubles.begin();
  afterthoughts.begin();
  refundTroubles.begin(plan.busyMs);
  await time.advance(plan.busyMs + MINUTE_MS);
  troubles.end();
  unrest.end();
  afterthoughts.end();
  refundTroubles.end();
  isQuiet = true;
  log.note("quiet");
  for (const [index, world] of worlds.entries()) {
    world.scenario({ history: plan.cards[index]?.history ?? {} });
  }
  // Not all of them: what the gateway still owes, it must do without being asked.
  const later = () =>
    chance.between(0, chance.pick([MINUTE_MS, 17 * MINUTE_MS, 50 * MINUTE_MS, 9 * HOUR_MS]));
  for (const order of chance.some(orders, 0.5)) {
    time.after(later(), () => shop.ask(order, 6));
  }
  for (const wish of chance.some(refunder.wishes, 0.5)) {
    time.after(later(), () => refunder.ask(wish, 2));
  }
  await time.advance(12 * HOUR_MS + QUIET_MS);
  const booked = new Map(worlds.flatMap(bookedOf));
  const bookedAtMs = time.nowMs;
  // What others or Harmony have done, no one needs to have told us: it is known once it is read.
  shop.readAll();
  await time.advance(MINUTE_MS);
  const { ledger } = shared;
  const virtualMs = time.nowMs - T0;
  const { restored, ledgerRestoredAt } = troubles;
  const callers = { door, shop, refunder, refundTroubles, revoker, operator };
  const ends = { alarmsLost, restored, ledgerRestoredAt };
  return { plan, log, worlds, ...callers, ledger, ...ends, virtualMs, booked, bookedAtMs };
}

/** The payments that the gateway holds for its charges', each with its status. */
function bookedOf(world: World): [string, string][] {
  if (world.lastSeq === 0) {
    return [];
  }
  return world.storage.sql
    .exec("SELECT payment_id, body FROM payment WHERE charge_id IS NOT NULL")
    .toArray()
    .map(({ payment_id: id, body }) => {
      return [String(id), (JSON.parse(String(body)) as { status: string }).status];
    });
}

/** What the cron trigger does (src/http/sweep.ts), with the real SQL. */
async function wakeOverdue(worlds: readonly World[], shared: Shared, log: Log): Promise<void> {
  const claim = await claimOverdue(shared.ledger, shared.time.nowMs, SWEEP_MAX, LEDGER_TIMEOUT_MS);
  const actor = { caller: null, keyId: null, requestId: null, traceId: null, origin: "cron" };
  for (const paymentMethodId of claim.type === "claimed" ? claim.paymentMethodIds : []) {
    log.note("woken by the cron", { paymentMethodId });
    worlds
      .find((world) => world.paymentMethodId === paymentMethodId)
      ?.send({ v: 1, type: "wake", paymentMethodId, actor });
  }
}

function share(time: VirtualTime, chance: Chance): Shared {
  let ids = 0;
  const sandbox = createSandbox({
    now: () => time.nowMs,
    uuid: () => {
      ids += 1;
      return `bbbbbbbb-0000-4000-8000-${ids.toString(16).padStart(12, "0")}`;
    },
    schedule: (afterMs, run) => time.after(afterMs, run),
  });
  return { time, random: chance.random, sandbox, ledger: new NodeLedger() };
}

function begin(plan: Plan, shared: Shared, log: Log): World[] {
  const brake = plan.brake ? new SharedBrake((_level, event) => log.fire(event)) : null;
  return plan.cards.map((card) => {
    const world: World = new World({
      shared,
      rules: plan.rules,
      tag: plan.tag,
      paymentMethodId: shared.sandbox.book.addMethod({
        status: "ACTIVE",
        externalId: null,
        expiresAt: null,
        standing: null,
      }).id,
      latencyMs: (random) => 1 + Math.floor(random() * 80),
      ...(brake === null ? {} : { brake }),
      afterHarmony: () => hide(shared, world, card),
      onLog: (level, event, fields) => log.note(`${level} ${event}`, fields),
    });
    const { charges, looks, reads, history, after } = card;
    const { refunds, revokes } = after;
    world.scenario({
      charges: [...charges],
      looks: [...looks],
      reads: [...reads],
      refunds: [...refunds],
      revokes: [...revokes],
      history,
    });
    return world;
  });
}

/** Harmony's history lags: what has just been made is left out of it for a while. */
function hide({ sandbox }: Shared, { paymentMethodId }: World, { hiddenMs }: Card): void {
  const [, ...later] = sandbox.book
    .paymentsOf(paymentMethodId)
    .filter(({ origin }) => origin === "charge");
  for (const payment of later) {
    if (hiddenMs > 0) {
      payment.visibleAt ??= payment.createdAt + hiddenMs;
    }
  }
}

/** Draws the orders of the busy time; they are placed when their time comes. */
function openTheShop(
  plan: Plan,
  chance: Chance,
  time: VirtualTime,
  place: (ordered: Ordered) => Order,
): Order[] {
  const orders: Order[] = [];
  for (const [index, amountMinor] of plan.amountsMinor.entries()) {
    const atMs = index === 0 ? 0 : chance.between(0, plan.busyMs);
    time.after(atMs, () => {
      const card = chance.between(0, plan.cards.length - 1);
      orders.push(place({ card, amountMinor, caller: chance.pick(plan.callers) }));
    });
  }
  return orders;
}
