/**
 * A bare client of the sandbox's Harmony paths for its own tests: sends one request and says what
 * came of it, a severed connection included. Repeats nothing, follows nothing.
 */
export interface Answered {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown>;
}

export type Severed =
  | { severed: "reset" }
  | { severed: "hang" }
  | { severed: "truncated"; status: number };

/** How long to listen to silence before it is called a hang. */
const HANG_MS = 300;

/** For what is to break by itself; a busy machine must not make it look like a hang. */
const PATIENCE_MS = 20_000;

export interface Call {
  body?: unknown;
  key?: string | null;
  signal?: AbortSignal;
}

export async function send(
  url: string,
  method: string,
  path: string,
  call: Call = {},
): Promise<Response> {
  const key = call.key === undefined ? "sandbox" : call.key;
  return fetch(`${url}/api/payment-method${path}`, {
    method,
    redirect: "manual",
    headers: { "content-type": "application/json", ...(key === null ? {} : { "x-api-key": key }) },
    signal: call.signal ?? AbortSignal.timeout(30_000),
    ...(call.body === undefined
      ? {}
      : { body: typeof call.body === "string" ? call.body : JSON.stringify(call.body) }),
  });
}

/** For requests that are answered; a severed one rejects. */
export async function ask(
  url: string,
  method: string,
  path: string,
  call: Call = {},
): Promise<Answered> {
  const response = await send(url, method, path, call);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: objectOf(text) };
}

export async function charge(
  url: string,
  paymentMethodId: string,
  body: Record<string, unknown> = {},
): Promise<Answered> {
  return ask(url, "POST", `/${paymentMethodId}/payment`, { body: { amount: 150.5, ...body } });
}

/** For requests that are severed, and how they are expected to be; an answer throws. */
export async function severed(
  how: "reset" | "hang" | "truncate",
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Severed> {
  const signal = AbortSignal.timeout(how === "hang" ? HANG_MS : PATIENCE_MS);
  let response: Response;
  try {
    response = await send(url, method, path, { body, signal });
  } catch (error) {
    return failure(error);
  }
  try {
    const text = await response.text();
    throw new Unsevered(`answered ${response.status} ${text}`);
  } catch (error) {
    if (error instanceof Unsevered) {
      throw error;
    }
    return { severed: "truncated", status: response.status };
  }
}

class Unsevered extends Error {}

function failure(error: unknown): Severed {
  if (error instanceof Error && error.name === "TimeoutError") {
    return { severed: "hang" };
  }
  const cause = error instanceof Error ? (error.cause as { code?: string } | undefined) : undefined;
  if (cause?.code === "ECONNRESET") {
    return { severed: "reset" };
  }
  throw error;
}

function objectOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
