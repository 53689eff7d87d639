/**
 * The book as `GET /sandbox/book` shows it, and the types of what it shows. Pure: changes nothing.
 */
import { visibleAt } from "./history.ts";
import { toIso, toPesos } from "./wire.ts";
import type { Payment, PaymentMethod } from "./book.ts";
import type { Counts, Exchange } from "./exchanges.ts";
import type { PaymentMethodStatus, PaymentStatus, Scenario } from "./kinds.ts";
import type { World } from "./world.ts";

export type PaymentView = {
  id: string;
  paymentMethodId: string;
  status: PaymentStatus;
  /** In pesos, as on the wire; `amountMinor` in centavos. */
  amount: number;
  amountMinor: number;
  currency: string;
  description: string | null;
  origin: Payment["origin"];
  createdAt: string;
  visibleAt: string;
  statusHistory: { status: PaymentStatus; at: string }[];
};

export type PaymentMethodView = {
  id: string;
  status: PaymentMethodStatus;
  externalId: string | null;
  createdAt: string;
  /** What is left of it. */
  scenario: Scenario;
};

export type BookView = {
  /** Oldest first. */
  payments: PaymentView[];
  paymentMethods: PaymentMethodView[];
  /** How many requests of each kind have arrived since the start or the last reset. */
  requests: Counts;
  /** The newest of those requests, in the order in which they began. */
  exchanges: Exchange[];
  exchangesDropped: number;
  /** The most charges that were open at one time. */
  maxConcurrent: { overall: number; perMethod: number };
};

export function view(world: World, paymentMethodId: string | null): BookView {
  const { book, exchanges } = world;
  const payments = paymentMethodId === null ? book.payments() : book.paymentsOf(paymentMethodId);
  const methods = book
    .methods()
    .filter((method) => paymentMethodId === null || method.id === paymentMethodId);
  return {
    payments: payments.map((payment) => paymentView(world, payment)),
    paymentMethods: methods.map(methodView),
    requests: exchanges.counts(paymentMethodId),
    exchanges: exchanges.list(paymentMethodId),
    exchangesDropped: exchanges.dropped,
    maxConcurrent: exchanges.maxConcurrent(paymentMethodId),
  };
}

export function paymentView(world: World, payment: Payment): PaymentView {
  const history = world.book.method(payment.paymentMethodId)?.scenario.history;
  const shownAt = history === undefined ? payment.createdAt : visibleAt(payment, history);
  return {
    id: payment.id,
    paymentMethodId: payment.paymentMethodId,
    status: payment.status,
    amount: toPesos(payment.amountMinor),
    amountMinor: payment.amountMinor,
    currency: payment.currency,
    description: payment.description,
    origin: payment.origin,
    createdAt: toIso(payment.createdAt),
    visibleAt: toIso(shownAt),
    statusHistory: payment.statusHistory.map(({ status, at }) => ({ status, at: toIso(at) })),
  };
}

function methodView(method: PaymentMethod): PaymentMethodView {
  const { id, status, externalId, createdAt, scenario } = method;
  return { id, status, externalId, createdAt: toIso(createdAt), scenario };
}
