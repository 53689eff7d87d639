/**
 * Owns the routes and the order of checks that every call shares: path, method, who calls, scope.
 * Must not hold what a call does. Nothing of ours leaks: a throw is logged and answered as
 * `internal`.
 */
import { Router } from "itty-router";
import { configOf, type Env } from "../env.ts";
import { GATEWAY_CHAIN_ID } from "../domain/entries.ts";
import { type ErrorCode, ERRORS } from "../domain/errors.ts";
import { foldId, isUuid } from "../domain/ids.ts";
import { postMethod } from "../saving/save-card.ts";
import { authenticate, type Caller, type Scope } from "./auth.ts";
import { findCharge, getCharge, getPayment, postCharge } from "./charges.ts";
import type { Context } from "./context.ts";
import { getEntries, getEntry, getOpen } from "./ledger.ts";
import { deleteMethod, getHistory, getMethod, listMethods } from "./methods.ts";
import { postRefundResolution, postResolution, postResume } from "./operate.ts";
import { jsonResponse, problemResponse } from "./problem.ts";
import { getRefund, postRefund } from "./refunds.ts";
import { getReconciliation, postReconciliation } from "./reconciliations.ts";

type Params = Readonly<Record<string, string>>;
type Handler = (context: Context, caller: Caller, params: Params) => Promise<Response>;

interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  /** Any one of these lets a caller in. */
  readonly scopes: readonly Scope[];
  readonly handler: Handler;
}

/** What the platform takes of an address, and far more than any filter of the ledger needs. */
const URL_LENGTH_MAX = 16 * 1024;

const METHODS = "/api/payment-method";
const METHOD = `${METHODS}/:id`;

const ROUTES: readonly Route[] = [
  route("GET", METHODS, ["manage", "read"], async (c) => listMethods(c)),
  route("GET", METHOD, ["manage", "read"], async (c, _caller, p) => getMethod(c, p["id"] ?? "")),
  route("POST", METHODS, ["manage"], async (c, caller) => postMethod(c, caller)),
  route("DELETE", METHOD, ["manage"], async (c, caller, p) =>
    deleteMethod(c, caller, p["id"] ?? ""),
  ),
  route("POST", `${METHOD}/payment`, ["charge"], async (c, caller, p) =>
    postCharge(c, caller, p["id"] ?? ""),
  ),
  route("GET", `${METHOD}/payment`, ["read"], async (c, caller, p) =>
    getHistory(c, caller, p["id"] ?? ""),
  ),
  route("GET", `${METHOD}/payment/:paymentId`, ["read"], async (c, caller, p) =>
    getPayment(c, caller, p["id"] ?? "", p["paymentId"] ?? ""),
  ),
  route("POST", `${METHOD}/payment/:paymentId/refund`, ["refund"], async (c, caller, p) =>
    postRefund(c, caller, p["id"] ?? "", p["paymentId"] ?? ""),
  ),
  route(
    "GET",
    `${METHOD}/payment/:paymentId/refund/:refundId`,
    ["refund", "read"],
    async (c, caller, p) =>
      getRefund(c, caller, p["id"] ?? "", {
        paymentId: p["paymentId"] ?? "",
        refundId: p["refundId"] ?? "",
      }),
  ),
  route(
    "POST",
    `${METHOD}/payment/:paymentId/refund/:refundId/resolution`,
    ["operate"],
    async (c, caller, p) =>
      postRefundResolution(c, caller, p["id"] ?? "", {
        paymentId: p["paymentId"] ?? "",
        refundId: p["refundId"] ?? "",
      }),
  ),
  route("GET", `${METHOD}/charge/:chargeId`, ["read", "audit"], async (c, caller, p) =>
    getCharge(c, caller, p["id"] ?? "", p["chargeId"] ?? ""),
  ),
  route("GET", `${METHOD}/charge`, ["read", "audit"], async (c, caller, p) =>
    findCharge(c, caller, p["id"] ?? ""),
  ),
  route("POST", `${METHOD}/charge/:chargeId/resolution`, ["operate"], async (c, caller, p) =>
    postResolution(c, caller, p["id"] ?? "", p["chargeId"] ?? ""),
  ),
  route("POST", `${METHOD}/resume`, ["operate"], async (c, caller, p) =>
    postResume(c, caller, p["id"] ?? ""),
  ),
  route("GET", "/ledger/entries", ["audit"], async (c) => getEntries(c)),
  route("GET", "/ledger/open", ["audit"], async (c) => getOpen(c)),
  route("POST", "/ledger/reconciliations", ["operate"], async (c, caller) =>
    postReconciliation(c, caller),
  ),
  route("GET", "/ledger/reconciliations/:id", ["audit", "operate"], async (c, _caller, p) =>
    getReconciliation(c, p["id"] ?? ""),
  ),
  route("GET", "/ledger/entries/:id/:seq", ["audit"], async (c, _caller, p) =>
    getEntry(c, p["id"] ?? "", p["seq"] ?? ""),
  ),
];

function route(
  method: Route["method"],
  path: string,
  scopes: readonly Scope[],
  handler: Handler,
): Route {
  return { method, path, scopes, handler };
}

interface Matched {
  readonly route: Route | null;
  readonly params: Params;
}

/** itty-router finds the path; each path answers with its routes by method. */
const paths = Router<Request & { params: Params }, [], Matched[]>();
for (const path of new Set(ROUTES.map((one) => one.path))) {
  paths.all(path, (request) =>
    ROUTES.filter((one) => one.path === path).map((one) => ({
      route: one,
      params: request.params,
    })),
  );
}

/** Answers one request. Never throws. */
export async function handle(
  request: Request,
  env: Env,
  execution: Context["execution"],
): Promise<Response> {
  const requestId = crypto.randomUUID();
  const response = await respond(request, env, execution, requestId).catch((error: unknown) => {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    console.error(JSON.stringify({ level: "alert", event: "internal_error", requestId, message }));
    return problemResponse({ request }, "internal");
  });
  response.headers.set("cobro-request-id", requestId);
  return response;
}

async function respond(
  request: Request,
  env: Env,
  execution: Context["execution"],
  requestId: string,
): Promise<Response> {
  const startedAtMs = Date.now();
  if (request.url.length > URL_LENGTH_MAX) {
    return problemResponse({ request }, "uri_too_long");
  }
  const url = new URL(request.url);
  const open = openCalls(request, url, env);
  if (open !== null) {
    return open;
  }
  const found = await matching(request);
  if (found.length === 0) {
    return problemResponse({ request }, "not_found");
  }
  const matched = found.find((one) => one.route?.method === request.method);
  if (matched?.route == null) {
    const allow = found.map((one) => one.route?.method).join(", ");
    return problemResponse({ request }, "method_not_allowed", { headers: { allow } });
  }
  const config = configOf(env);
  if (!config.ok) {
    throw new Error(`not configured: ${config.problems.join("; ")}`);
  }
  const context: Context = {
    request,
    url,
    env,
    config: config.config,
    execution,
    requestId,
    startedAtMs,
  };
  const authentication = await authenticate(request, env, startedAtMs);
  if (authentication.type === "unavailable") {
    return problemResponse(context, "authentication_unavailable", { retryAfterSeconds: 5 });
  }
  if (authentication.type === "unauthorized") {
    return problemResponse(context, "unauthorized", { headers: { "www-authenticate": "Bearer" } });
  }
  const { caller, stale } = authentication;
  if (stale) {
    console.log(
      JSON.stringify({ level: "warn", event: "key_stale", keyId: caller.keyId, requestId }),
    );
  }
  if (!matched.route.scopes.some((scope) => caller.scopes.includes(scope))) {
    return problemResponse(context, "forbidden");
  }
  return matched.route.handler(context, caller, matched.params);
}

/** The routes of this path, by method, with its ids decoded and folded; none where it is unknown. */
async function matching(request: Request): Promise<Matched[]> {
  const found = (await paths.fetch(request)) ?? [];
  return found.flatMap(({ route: one, params: given }) => {
    const params = decoded(given);
    if (params === null) {
      return [];
    }
    const { id } = params;
    // The gateway's own chain can be read in the ledger, and is no payment method.
    const isOwn = id === GATEWAY_CHAIN_ID && one?.path.startsWith(METHODS) === true;
    return id === undefined || (isUuid(id) && !isOwn) ? [{ route: one, params }] : [];
  });
}

/** Ids as they are meant, folded; null where an escape is none. */
function decoded(params: Params): Params | null {
  const each = Object.entries(params);
  try {
    return Object.fromEntries(each.map(([name, text]) => [name, foldId(decodeURIComponent(text))]));
  } catch {
    return null;
  }
}

/** What anyone may ask: health, and what an error code means. */
function openCalls(request: Request, url: URL, env: Env): Response | null {
  const code = /^\/problems\/([a-z_]+)$/.exec(url.pathname)?.[1];
  const isProblem = code !== undefined && Object.hasOwn(ERRORS, code);
  if (url.pathname !== "/healthz" && !isProblem) {
    return null;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return problemResponse({ request }, "method_not_allowed", { headers: { allow: "GET, HEAD" } });
  }
  if (isProblem) {
    return explanation(code as ErrorCode);
  }
  const config = configOf(env);
  return config.ok
    ? jsonResponse({ status: "ok" })
    : new Response(JSON.stringify({ status: "unconfigured", problems: config.problems }), {
        status: 503,
        headers: { "content-type": "application/json" },
      });
}

function explanation(code: ErrorCode): Response {
  const { status, title, explanation: text, retry } = ERRORS[code];
  return new Response(`${code} (${status})\n\n${title}. ${text}\n\nRetry: ${retry}\n`, {
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}
