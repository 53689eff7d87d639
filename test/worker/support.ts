/**
 * What the Worker's tests share: seeded keys and one way to send a charge. Must not hold
 * expectations.
 */
import { env, exports } from "cloudflare:workers";
import { vi } from "vitest";
import { insertKey } from "../../src/ledger/keys.ts";

const ALL = ["charge", "refund", "read", "manage", "audit", "operate"];
const KEYS: Readonly<Record<string, { scopes: readonly string[]; callerId: string }>> = {
  cobro_test_storefront: { scopes: ["charge", "refund", "read"], callerId: "main" },
  cobro_test_manager: { scopes: ["manage", "read"], callerId: "main" },
  cobro_test_auditor: { scopes: ["audit"], callerId: "main" },
  cobro_test_operator: { scopes: ALL, callerId: "main" },
  cobro_test_other: { scopes: ["charge", "read"], callerId: "other" },
};

/** The local keys, and one of another caller. */
export async function seedKeys(): Promise<void> {
  for (const [text, { scopes, callerId }] of Object.entries(KEYS)) {
    const keyId = text.slice("cobro_".length);
    const hash = await sha256(text);
    const createdAt = new Date().toISOString();
    await insertKey(env.LEDGER, { keyId, hash, callerId, name: keyId, scopes, createdAt }, 5000);
  }
}

export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

let keys = 0;

/** A key that no other test uses. */
export function newKey(): string {
  keys += 1;
  return `key-${keys}-${crypto.randomUUID()}`;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, where it is JSON. */
  readonly json: Record<string, unknown>;
}

/** Sends any request through the Worker. */
export async function send(path: string, init: RequestInit = {}): Promise<Answered> {
  const response = await exports.default.fetch(new Request(`https://cobro.test${path}`, init));
  const text = await response.text();
  let json: Record<string, unknown> = {};
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Not JSON: the test looks at the text.
  }
  return { status: response.status, headers: response.headers, text, json };
}

/** Sends a charge as the storefront. `body` is sent as it is where it is text. */
export async function charge(
  paymentMethodId: string,
  idempotencyKey: string | null,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answered> {
  return send(`/api/payment-method/${paymentMethodId}/payment`, {
    method: "POST",
    headers: {
      "x-api-key": "cobro_test_storefront",
      "content-type": "application/json",
      ...(idempotencyKey === null ? {} : { "idempotency-key": idempotencyKey }),
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** Reads a path as one of the seeded keys. */
export async function get(path: string, key = "cobro_test_operator"): Promise<Answered> {
  return send(path, { headers: { "x-api-key": key } });
}

/** Does something as if so much time had passed. */
export async function after<T>(passedMs: number, act: () => Promise<T>): Promise<T> {
  const now = Date.now.bind(Date);
  const clock = vi.spyOn(Date, "now").mockImplementation(() => now() + passedMs);
  try {
    return await act();
  } finally {
    clock.mockRestore();
  }
}
