/**
 * A simulated Harmony, whole but for its sockets: requests in, descriptions of replies out. Free of
 * Node: clock, ids, timers and saving are handed in, so that a server runs it in real time and a
 * simulator in virtual time, from a seed. An act happens in the book while its request is handled,
 * or at the time a late one is due; never at any other moment.
 */
import { handleApi } from "./api.ts";
import { Book } from "./book.ts";
import { handleControl } from "./control.ts";
import { performLateAct } from "./deeds.ts";
import { Exchanges } from "./exchanges.ts";
import type { BookRecord, Change } from "./book.ts";
import type { Ending } from "./exchanges.ts";
import type { HarmonyRequest, Reply } from "./wire.ts";
import type { World } from "./world.ts";

export interface HarmonyOptions {
  /** Epoch milliseconds. */
  now: () => number;
  uuid: () => string;
  schedule: (afterMs: number, run: () => void) => void;
  /** What an earlier run saved. */
  records?: Iterable<BookRecord>;
  /** Called with what one request or late act changed, before its reply is given. */
  save?: (changes: readonly Change[]) => void;
}

export interface Harmony {
  /** A request under `/api`. The act, if any, has happened when this returns. */
  handle(request: HarmonyRequest): Reply;
  /** A request under `/sandbox`. */
  control(request: HarmonyRequest): Reply;
  /** To be called once the reply has left or the connection is gone; `overlap` is decided by it. */
  end(reply: Reply, ended: Ending): void;
  book: Book;
  exchanges: Exchanges;
}

export function createHarmony(options: HarmonyOptions): Harmony {
  const { now, uuid, schedule } = options;
  const book = new Book({ now, uuid }, options.records ?? []);
  const exchanges = new Exchanges(now);
  const save = (): void => {
    const changes = book.takeChanges();
    if (changes.length > 0) {
      options.save?.(changes);
    }
  };
  const scheduleLateAct = (id: string, afterMs: number): void => {
    schedule(afterMs, () => {
      const late = book.takeLateAct(id);
      if (late !== undefined) {
        performLateAct(world, late);
        save();
      }
    });
  };
  const whole = { outage: "none", outageKinds: null } as const;
  const chargeAnswers = new Map();
  const world: World = { book, exchanges, now, uuid, scheduleLateAct, chargeAnswers, ...whole };
  for (const late of book.lateActs()) {
    scheduleLateAct(late.id, Math.max(0, late.dueAt - now()));
  }
  const saved = (handler: (world: World, request: HarmonyRequest) => Reply) => {
    return (request: HarmonyRequest): Reply => {
      const reply = handler(world, request);
      save();
      return reply;
    };
  };
  return {
    handle: saved(handleApi),
    control: saved(handleControl),
    end: (reply, ended) => {
      if (reply.exchange !== null) {
        exchanges.end(reply.exchange, ended);
      }
    },
    book,
    exchanges,
  };
}
