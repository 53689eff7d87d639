/**
 * Owns the arithmetic between pesos (what people and Harmony write) and centavos (what Cobro
 * counts). Must not know where an amount comes from. Pure.
 */

/** Harmony takes at least 1 MXN (harmony.md, Errors of a charge: ask for at least 1). */
export const AMOUNT_MINOR_MIN = 100;
/** 9 999 999.99 pesos: the contract's largest charge. */
export const AMOUNT_MINOR_MAX = 999_999_999;
/**
 * How far from a whole centavo a JSON number may lie. Wide enough for sums of binary floats
 * (0.1 + 0.2), far too narrow for a third decimal (1.005).
 */
const TOLERANCE_CENTAVOS = 0.0001;

/**
 * Whole centavos of an amount in pesos, or null if it is not within a ten-thousandth of a
 * centavo of one. Negative amounts and zero pass: ranges are the caller's rule.
 */
export function pesosToCentavos(pesos: number): number | null {
  if (!Number.isFinite(pesos)) {
    return null;
  }
  const scaled = pesos * 100;
  const centavos = Math.round(scaled);
  if (!Number.isSafeInteger(centavos) || Math.abs(scaled - centavos) > TOLERANCE_CENTAVOS) {
    return null;
  }
  return centavos;
}

/** The JSON number in pesos for whole centavos: the double nearest to the decimal. */
export function centavosToPesos(centavos: number): number {
  return centavos / 100;
}
