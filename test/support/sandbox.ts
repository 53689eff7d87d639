/**
 * A typed client of the sandbox's control paths, over plain `fetch`, so that tests in Node and in
 * workerd share it. Owns no expectation; a refused request throws with the sandbox's own message.
 */
import type { BookView, PaymentMethodView, PaymentView } from "../../sandbox/book-view.ts";
import type { ExchangeKind } from "../../sandbox/exchanges.ts";
import type {
  ChargeStepInput,
  PaymentMethodStatus,
  PaymentStatus,
  ScenarioInput,
} from "../../sandbox/kinds.ts";
import type { OutageMode } from "../../sandbox/world.ts";

export type { BookView, PaymentMethodView, PaymentView, ScenarioInput };

export interface NewMethod {
  /** ACTIVE unless given. */
  status?: PaymentMethodStatus;
  externalId?: string;
  /** One step for every charge that no scenario step is left for. */
  standing?: ChargeStepInput;
}

export interface ForeignPayment {
  paymentMethodId: string;
  amount: number;
  /** CONFIRMED unless given. */
  status?: PaymentStatus;
  description?: string | null;
  createdAt?: string;
}

export interface PaymentPatch {
  amount?: number;
  status?: PaymentStatus;
  description?: string | null;
  createdAt?: string;
  /** Null leaves it to the history option `visibleAfterMs`. */
  visibleAt?: string | null;
}

/** A payment method of one's own, so that tests share nothing. */
export async function createMethod(url: string, method: NewMethod = {}): Promise<string> {
  const { id } = await send<{ id: string }>(url, "POST", "payment-methods", method);
  return id;
}

export async function setMethodStatus(
  url: string,
  id: string,
  status: PaymentMethodStatus,
): Promise<void> {
  await send(url, "PATCH", `payment-methods/${id}`, { status });
}

/** Replaces the whole scenario of the method. */
export async function setScenario(url: string, id: string, scenario: ScenarioInput): Promise<void> {
  await send(url, "PUT", `payment-methods/${id}/scenario`, scenario);
}

export async function book(url: string, paymentMethodId?: string): Promise<BookView> {
  const query = paymentMethodId === undefined ? "" : `?paymentMethodId=${paymentMethodId}`;
  return send<BookView>(url, "GET", `book${query}`);
}

/** A payment made behind the gateway's back. */
export async function foreignPayment(url: string, payment: ForeignPayment): Promise<PaymentView> {
  return send<PaymentView>(url, "POST", "payments", payment);
}

export async function patchPayment(
  url: string,
  id: string,
  patch: PaymentPatch,
): Promise<PaymentView> {
  return send<PaymentView>(url, "PATCH", `payments/${id}`, patch);
}

export async function deletePayment(url: string, id: string): Promise<void> {
  await send(url, "DELETE", `payments/${id}`);
}

/** Of these kinds of call only, or of everything. */
export async function outage(
  url: string,
  mode: OutageMode,
  kinds: readonly ExchangeKind[] | null = null,
): Promise<void> {
  await send(url, "PUT", "outage", { mode, kinds });
}

/** Empties the book of everything but the test cards, and ends an outage. */
export async function reset(url: string): Promise<void> {
  await send(url, "POST", "reset");
}

async function send<T>(url: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${url}/sandbox/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`sandbox: ${method} ${path}: ${response.status} ${text}`);
  }
  return JSON.parse(text) as T;
}
