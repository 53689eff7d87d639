/**
 * Owns what is known of a charge's money and what its caller may do, where nothing but the charge is
 * given. Must not look at records or refunds: src/domain/known.ts does.
 */
import type { Charge } from "../../src/domain/charge.ts";
import * as known from "../../src/domain/known.ts";
import type { Money, Retry } from "../../src/domain/outcome.ts";

export function moneyOf(charge: Charge): Money {
  return known.moneyOf({ charge, payment: charge.payment, refunds: [] });
}

export function retryOf(charge: Charge): Retry {
  return known.retryOf(charge, moneyOf(charge));
}
