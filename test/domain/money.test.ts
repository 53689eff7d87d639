/** Pesos and centavos: sums of binary floats are no error, a third decimal is one. Pure. */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import {
  AMOUNT_MINOR_MAX,
  AMOUNT_MINOR_MIN,
  centavosToPesos,
  pesosToCentavos,
} from "../../src/domain/money.ts";

describe("pesos to centavos", () => {
  const whole: readonly (readonly [number, number])[] = [
    [1, AMOUNT_MINOR_MIN],
    [0.01, 1],
    [0.1 + 0.2, 30],
    [0.1 + 0.2 + 0.7, 100],
    [150.5, 15_050],
    [19.99, 1999],
    [1.1 * 3, 330],
    [9_999_999.99, AMOUNT_MINOR_MAX],
    [1e10, 1e12],
    [0, 0],
    [-2.5, -250],
  ];
  it.for(whole)("takes %d", ([pesos, centavos], { expect }) => {
    expect(pesosToCentavos(pesos)).toBe(centavos);
  });

  const odd: readonly number[] = [
    0.999,
    1.005,
    1.001,
    0.004,
    150.505,
    9_999_999.995,
    1e300,
    Number.MAX_VALUE,
    2 ** 53,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ];
  it.for(odd.map((pesos) => [pesos] as const))("refuses %d", ([pesos], { expect }) => {
    expect(pesosToCentavos(pesos)).toBeNull();
  });

  it("refuses everything farther than a ten-thousandth of a centavo from a whole one", ({
    expect,
  }) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: AMOUNT_MINOR_MAX }),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (centavos, part) => {
          expect(pesosToCentavos((centavos + part) / 100)).toBeNull();
        },
      ),
    );
  });

  it("gives safe integers or nothing, whatever the number", ({ expect }) => {
    fc.assert(
      fc.property(fc.double(), (pesos) => {
        const centavos = pesosToCentavos(pesos);
        expect(centavos === null || Number.isSafeInteger(centavos)).toBe(true);
      }),
    );
  });
});

describe("the way there and back", () => {
  const centavos = fc.integer({ min: -AMOUNT_MINOR_MAX, max: AMOUNT_MINOR_MAX });

  it("gives every amount back that a charge can have, through JSON too", ({ expect }) => {
    fc.assert(
      fc.property(centavos, (minor) => {
        const pesos = centavosToPesos(minor);
        expect(pesosToCentavos(pesos)).toBe(minor);
        expect(pesosToCentavos(JSON.parse(JSON.stringify(pesos)) as number)).toBe(minor);
      }),
      { numRuns: 5000 },
    );
  });

  it("writes at most two decimals", ({ expect }) => {
    fc.assert(
      fc.property(centavos, (minor) => {
        expect(JSON.stringify(centavosToPesos(minor))).toMatch(/^-?\d+(\.\d{1,2})?$/);
      }),
      { numRuns: 2000 },
    );
  });

  it("gives back sums of amounts that callers made with binary floats", ({ expect }) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 500_000 }), { maxLength: 15 }), (items) => {
        const sum = items.reduce((total, item) => total + centavosToPesos(item), 0);
        expect(pesosToCentavos(sum)).toBe(items.reduce((total, item) => total + item, 0));
      }),
    );
  });
});
