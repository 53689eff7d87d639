/**
 * Owns the shapes of Harmony's bodies. Pesos become centavos here and nowhere else. Must not
 * conclude anything: classify.ts does. Whatever does not parse is null, and proves nothing.
 */
import { parse } from "lossless-json";
import * as z from "zod";
import { foldId, isUuid } from "../domain/ids.ts";
import { pesosToCentavos } from "../domain/money.ts";
import { tagIn } from "../domain/tag.ts";
import type { SeenPayment } from "../domain/facts.ts";
import type { Payment } from "../domain/outcome.ts";

/**
 * Ids become part of paths and columns, so only what is plain in both is an id. Harmony's are
 * UUIDs; the pattern is wider since its documentation does not say so.
 */
const PAYMENT_ID = /^[A-Za-z0-9][A-Za-z0-9_:-]{0,127}$/;

export function isPaymentId(text: string): boolean {
  return PAYMENT_ID.test(text);
}

const Id = z.string().regex(PAYMENT_ID);
/** Payment methods are addressed by UUID; what has no such id could not be asked for. */
const MethodId = z.string().refine(isUuid);
/**
 * A status or currency is a column of the ledger: short and visible, or it is not one. They are codes,
 * the same in any letter case, and known in capitals.
 */
const Word = z
  .string()
  .regex(/^[\x21-\x7e]{1,64}$/)
  .toUpperCase();

const PaymentShape = z
  .object({ id: Id, status: Word, amount: z.number(), currency: Word })
  .transform((wire, context): Payment => {
    const amountMinor = pesosToCentavos(wire.amount);
    if (amountMinor === null) {
      context.addIssue({ code: "custom", message: "amount is not whole centavos" });
      return z.NEVER;
    }
    const { status, currency } = wire;
    const id = foldId(wire.id);
    return { id, ...(id === wire.id ? {} : { spelt: wire.id }), status, amountMinor, currency };
  });

const HistoryItem = z
  .looseObject({ description: z.unknown().optional(), createdAt: z.unknown().optional() })
  .transform((item, context): SeenPayment => {
    const payment = PaymentShape.safeParse(item);
    if (!payment.success) {
      context.addIssue({ code: "custom", message: "not a payment" });
      return z.NEVER;
    }
    const description = typeof item.description === "string" ? item.description : null;
    return { ...payment.data, tag: tagIn(description), createdAtMs: timeOf(item.createdAt) };
  });

const HistoryPage = z.object({
  count: z.int().min(0),
  items: z.array(HistoryItem),
});

const MethodShape = z.object({ id: z.string(), status: Word });

/** A time counts as evidence only where it says its offset; others could be anyone's noon. */
const TIME_WITH_OFFSET = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

function timeOf(value: unknown): number | null {
  if (typeof value !== "string" || !TIME_WITH_OFFSET.test(value)) {
    return null;
  }
  const ms = Date.parse(value);
  return Number.isFinite(ms) ? ms : null;
}

/**
 * The JSON of a body, or undefined where it is none. One that has a member twice with different values
 * is none: which of the two is meant, nobody can know (RFC 8259, 4).
 */
export function parseJson(body: string): unknown {
  try {
    return parse(body, undefined, Number);
  } catch {
    return undefined;
  }
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Harmony's four fields, in our units. */
export function parsePayment(json: unknown): Payment | null {
  const parsed = PaymentShape.safeParse(json);
  return parsed.success ? parsed.data : null;
}

/** One page of a method's payment history; every item must parse. */
export function parseHistoryPage(
  json: unknown,
): { count: number; payments: readonly SeenPayment[] } | null {
  const parsed = HistoryPage.safeParse(json);
  return parsed.success ? { count: parsed.data.count, payments: parsed.data.items } : null;
}

/** A payment method as Harmony lists it; only `id` and `status` are sure. */
const MethodItem = z.looseObject({
  id: MethodId,
  status: Word,
  externalId: z.string().nullish(),
  card: z.looseObject({}).nullish(),
  createdAt: z.string().nullish(),
});

const MethodList = z.looseObject({ count: z.int().min(0), items: z.array(MethodItem) });

const CreatedMethod = z.looseObject({
  id: MethodId,
  checkoutUrl: z.url({ protocol: /^https?$/ }),
});

export function isMethodList(json: unknown): boolean {
  return MethodList.safeParse(json).success;
}

export function isMethod(json: unknown, paymentMethodId: string): boolean {
  const parsed = MethodItem.safeParse(json);
  return parsed.success && foldId(parsed.data.id) === paymentMethodId;
}

/** The id of a payment method just made, where this is what Harmony answers to that. */
export function createdMethodId(json: unknown): string | null {
  const parsed = CreatedMethod.safeParse(json);
  return parsed.success ? foldId(parsed.data.id) : null;
}

/** The status of a payment method, if this is that method. */
export function parseMethodStatus(json: unknown, paymentMethodId: string): string | null {
  const parsed = MethodShape.safeParse(json);
  if (!parsed.success || foldId(parsed.data.id) !== paymentMethodId) {
    return null;
  }
  return parsed.data.status;
}

/** An id as it is compared, and as Harmony spelt it, where that differs. */
export interface Name {
  readonly id: string;
  readonly spelt?: string;
}

/** The payment ids that a body names, in the places where one would stand. */
export function namesIn(json: unknown): readonly Name[] {
  if (!isJsonObject(json)) {
    return [];
  }
  const payment = isJsonObject(json["payment"]) ? json["payment"]["id"] : undefined;
  return [json["id"], json["paymentId"], payment].flatMap((candidate) => {
    if (typeof candidate !== "string" || !isPaymentId(candidate)) {
      return [];
    }
    const id = foldId(candidate);
    return [{ id, ...(id === candidate ? {} : { spelt: candidate }) }];
  });
}
