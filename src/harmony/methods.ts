/**
 * Owns the requests to Harmony that manage payment methods: create, list, read, revoke, and one
 * page of a history. Like every request of ours: no retry, no redirect, a value back and never a
 * throw. Must not conclude anything: what cannot be read is `unanswered`, whatever became of it.
 */
import type { SeenPayment } from "../domain/facts.ts";
import type { Exchange } from "./classify.ts";
import { exchange, type HarmonySettings, type Network } from "./client.ts";
import {
  createdMethodId,
  isJsonObject,
  isMethod,
  isMethodList,
  parseHistoryPage,
  parseJson,
  parseMethodStatus,
} from "./wire.ts";

/** What a caller asks of a list; null where it is left to Harmony. */
export interface PageQuery {
  readonly status: string | null;
  readonly page: number | null;
  readonly pageSize: number | null;
}

/** No answer that could be read: a status that is no success, a body that is not what was asked. */
export interface Unread {
  readonly type: "unread";
  readonly httpStatus: number | null;
  /** In one word, as entries name it. */
  readonly failure: string;
  readonly retryAfterSeconds: number | null;
  readonly latencyMs: number;
}

interface Answered {
  readonly httpStatus: number;
  readonly latencyMs: number;
  /** What was checked, with every further member that Harmony sent. */
  readonly body: string;
}

export type HistoryReading =
  | (Answered & {
      readonly type: "page";
      readonly count: number;
      readonly payments: readonly SeenPayment[];
    })
  | Unread;

export type ItemReading =
  | (Answered & { readonly type: "method"; readonly status: string })
  | Unread;

export type ListReading = (Answered & { readonly type: "list" }) | Unread;

/** What came of an act. `refused` is Harmony's own word that nothing was done, in JSON. */
export type ActReading =
  | (Answered & { readonly type: "refused"; readonly retryAfterSeconds: number | null })
  | Unread;

export type CreateReading =
  | (Answered & { readonly type: "created"; readonly paymentMethodId: string })
  | ActReading;

/** `done` where the answer itself says that this method is REVOKED. */
export type RevokeReading = (Answered & { readonly type: "done" }) | ActReading;

export interface Methods {
  history(paymentMethodId: string, query: PageQuery): Promise<HistoryReading>;
  list(query: PageQuery): Promise<ListReading>;
  read(paymentMethodId: string): Promise<ItemReading>;
  create(body: string): Promise<CreateReading>;
  revoke(paymentMethodId: string): Promise<RevokeReading>;
}

/** Five hundred items of a few hundred bytes, several times over. */
const LIST_BYTES_MAX = 1024 * 1024;
const ITEM_BYTES_MAX = 64 * 1024;

/**
 * What does not say that nothing was created: Harmony took too long to hear the end of it, or has heard
 * of it already (408, 409), or does not trust the connection that it came by (425).
 */
const MAY_BE_CREATED: readonly number[] = [408, 409, 425];

export function createMethods(settings: HarmonySettings, network: Network): Methods {
  const call = async (method: string, path: string, body: string | null, bytesMax: number) => {
    const [, paymentMethodId = ""] = path.split(/[/?]/);
    const isQuery = method === "GET" && paymentMethodId !== "";
    const limited = isQuery ? ({ kind: "query", paymentMethodId } as const) : null;
    const one = { method, path: `/payment-method${path}`, limited, body, bytesMax };
    return exchange(settings, network, one);
  };
  return {
    async history(paymentMethodId, query) {
      const path = `/${paymentMethodId}/payment${search(query)}`;
      const answer = readable(await call("GET", path, null, LIST_BYTES_MAX));
      if (answer.type === "unread") {
        return answer;
      }
      const page = parseHistoryPage(answer.json);
      return page === null ? notAsAsked(answer) : { ...said(answer), type: "page", ...page };
    },
    async list(query) {
      const answer = readable(await call("GET", search(query), null, LIST_BYTES_MAX));
      if (answer.type === "unread") {
        return answer;
      }
      return isMethodList(answer.json) ? { ...said(answer), type: "list" } : notAsAsked(answer);
    },
    async read(paymentMethodId) {
      const answer = readable(await call("GET", `/${paymentMethodId}`, null, ITEM_BYTES_MAX));
      if (answer.type === "unread") {
        return answer;
      }
      const status = parseMethodStatus(answer.json, paymentMethodId);
      return status !== null && isMethod(answer.json, paymentMethodId)
        ? { ...said(answer), type: "method", status }
        : notAsAsked(answer);
    },
    async create(body) {
      const exchanged = await call("POST", "", body, ITEM_BYTES_MAX);
      const isOpen = exchanged.type === "answered" && MAY_BE_CREATED.includes(exchanged.httpStatus);
      const answer = isOpen ? readable(exchanged) : actOf(exchanged);
      if (answer.type !== "answered") {
        return answer;
      }
      const paymentMethodId = createdMethodId(answer.json);
      return paymentMethodId === null
        ? notAsAsked(answer)
        : { ...said(answer), type: "created", paymentMethodId };
    },
    async revoke(paymentMethodId) {
      const answer = actOf(await call("DELETE", `/${paymentMethodId}`, null, ITEM_BYTES_MAX));
      if (answer.type !== "answered") {
        return answer;
      }
      return parseMethodStatus(answer.json, paymentMethodId) === "REVOKED"
        ? { ...said(answer), type: "done" }
        : notAsAsked(answer);
    },
  };
}

function search(query: PageQuery): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query) as [string, string | number | null][]) {
    if (value !== null) {
      parameters.set(name, String(value));
    }
  }
  return parameters.size === 0 ? "" : `?${parameters.toString()}`;
}

interface Success {
  readonly type: "answered";
  readonly httpStatus: number;
  readonly latencyMs: number;
  readonly json: unknown;
}

function readable(answer: Exchange): Success | Unread {
  const { latencyMs } = answer;
  if (answer.type === "failed") {
    const { reason: failure } = answer;
    return { type: "unread", httpStatus: null, failure, retryAfterSeconds: null, latencyMs };
  }
  const { httpStatus, retryAfterSeconds } = answer;
  if (httpStatus < 200 || httpStatus > 299) {
    const failure = `status_${httpStatus}`;
    return { type: "unread", httpStatus, failure, retryAfterSeconds, latencyMs };
  }
  return { type: "answered", httpStatus, latencyMs, json: parseJson(answer.body) };
}

/** A 4xx in JSON is Harmony's own refusal; a proxy's page is not, and the act may have been done. */
function actOf(answer: Exchange): Success | ActReading {
  const read = readable(answer);
  if (read.type === "answered" || answer.type === "failed") {
    return read;
  }
  const { httpStatus, latencyMs, body, retryAfterSeconds } = answer;
  const refused = httpStatus >= 400 && httpStatus <= 499 && isJsonObject(parseJson(body));
  return refused ? { type: "refused", httpStatus, latencyMs, body, retryAfterSeconds } : read;
}

function said({ httpStatus, latencyMs, json }: Success): Answered {
  // Written anew, so that what is passed on is what was checked, whoever parses it next.
  return { httpStatus, latencyMs, body: JSON.stringify(json) };
}

function notAsAsked({ httpStatus, latencyMs }: Success): Unread {
  const failure = "does_not_parse";
  return { type: "unread", httpStatus, failure, retryAfterSeconds: null, latencyMs };
}
