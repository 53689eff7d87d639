/** The hash chain: what is hashed, what may be sealed, and that others can check it. Pure. */
import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { FIRST_PREV_HASH, outsideText } from "../../src/domain/entries.ts";
import type { Detail, Entry, EntryContent } from "../../src/domain/entries.ts";
import {
  DETAIL_DEPTH_MAX,
  ENTRY_BYTES_MAX,
  hashOf,
  isLinked,
  problemOf,
  sealEntry,
  verifyEntry,
} from "../../src/ledger/chain.ts";

const CONTENT: EntryContent = {
  v: 1,
  paymentMethodId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
  type: "attempt_answered",
  occurredAt: "2026-11-22T09:15:00.250Z",
  chargeId: "0193a1b2-0000-7000-8000-000000000001",
  refundId: null,
  attempt: 1,
  idempotencyKey: "order-1",
  reference: "A-17",
  caller: "main",
  keyId: "storefront",
  requestId: "req-1",
  traceId: null,
  origin: "192.0.2.7",
  amountMinor: 12_550,
  effectMinor: 12_550,
  currency: "MXN",
  paymentId: "pay-1",
  paymentStatus: "CONFIRMED",
  outcome: "approved",
  httpStatus: 201,
  latencyMs: 412,
  detail: { note: "año", list: [1, true, null] },
};

/** The ten lines that an auditor writes: sorted names, no spaces, no library. */
function independentHash(entry: Readonly<Record<string, unknown>>): string {
  const text = (value: unknown): string => {
    if (Array.isArray(value)) {
      return `[${value.map(text).join(",")}]`;
    }
    if (typeof value !== "object" || value === null) {
      return JSON.stringify(value);
    }
    const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${text(member)}`).join(",")}}`;
  };
  const { hash: _, position: __, recordedAt: ___, ...hashed } = entry;
  return createHash("sha256").update(text(hashed)).digest("hex");
}

const detailOf = (): fc.Arbitrary<Detail> => {
  const text = fc.string({ unit: "binary" }).map(outsideText);
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      text,
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(text, tie("value"), { maxKeys: 4 }),
    ),
  }));
  return fc.dictionary(text, value, { maxKeys: 5 }) as fc.Arbitrary<Detail>;
};

describe("sealing", () => {
  it("gives a hash that ten lines without our code reproduce", ({ expect }) => {
    fc.assert(
      fc.property(detailOf(), fc.maxSafeInteger(), (detail, effectMinor) => {
        const { entry, text } = sealEntry({ ...CONTENT, detail, effectMinor }, 1, FIRST_PREV_HASH);
        expect(independentHash({ ...entry })).toBe(entry.hash);
        expect(independentHash(JSON.parse(text) as Record<string, unknown>)).toBe(entry.hash);
      }),
    );
  });

  it("keeps the hash of the first version for ever", ({ expect }) => {
    const { entry } = sealEntry(CONTENT, 1, FIRST_PREV_HASH);
    // Computed by another language's JSON and SHA-256.
    expect(entry.hash).toBe("b88817f4ee0184202cfd477ca9b2a60596d24b4ffb829c7e0b9d6851901e3351");
  });

  it("gives the text of the whole entry, with its hash", ({ expect }) => {
    const { entry, text } = sealEntry(CONTENT, 1, FIRST_PREV_HASH);
    expect(JSON.parse(text)).toEqual(entry);
    expect(text.startsWith('{"amountMinor":12550,"attempt":1,"caller":"main"')).toBe(true);
  });

  it("does not depend on the order of members", ({ expect }) => {
    const reversed = Object.fromEntries(
      Object.entries(CONTENT).toReversed(),
    ) as unknown as EntryContent;
    expect(sealEntry(reversed, 1, FIRST_PREV_HASH).text).toBe(
      sealEntry(CONTENT, 1, FIRST_PREV_HASH).text,
    );
  });

  it("takes any bytes from outside once outsideText has seen them", ({ expect }) => {
    fc.assert(
      fc.property(fc.uint16Array({ maxLength: 3000 }), (units) => {
        const raw = units.reduce((text, unit) => text + String.fromCharCode(unit), "");
        const heard = outsideText(raw);
        const content = { ...CONTENT, paymentStatus: heard, detail: { body: heard } };
        const { entry, text } = sealEntry(content, 1, FIRST_PREV_HASH);
        expect(hashOf(JSON.parse(text) as object)).toBe(entry.hash);
      }),
    );
  });
});

describe("refusing to seal what the ledger could not keep", () => {
  const odd: readonly (readonly [string, object])[] = [
    ["a lone surrogate in a column", { reference: "\uD800" }],
    ["NUL in a column", { paymentId: "a\0b" }],
    ["a lone surrogate in detail", { detail: { a: ["\uDC00"] } }],
    ["a lone surrogate in a name of detail", { detail: { "\uD800": 1 } }],
    ["an integer beyond 2^53", { latencyMs: 2 ** 53 }],
    ["a fraction", { amountMinor: 1.5 }],
    ["a fraction in detail", { detail: { a: { b: 0.1 } } }],
    ["NaN", { effectMinor: Number.NaN }],
    ["text for a number", { httpStatus: "201" }],
    ["a number for text", { paymentId: 17 }],
    ["a member that is missing", { outcome: undefined }],
    ["a member that has no column", { colour: "red" }],
    ["null where there must be a value", { effectMinor: null }],
    ["a payment method in capitals", { paymentMethodId: CONTENT.paymentMethodId.toUpperCase() }],
    ["a time with an offset", { occurredAt: "2026-11-22T09:15:00.250+01:00" }],
    ["a list for detail", { detail: [1] }],
    ["text for detail", { detail: "{}" }],
    ["a bigint in detail", { detail: { a: 1n } }],
    ["more than fits", { detail: { a: "x".repeat(ENTRY_BYTES_MAX) } }],
  ];
  it.for(odd)("refuses %s", ([, change], { expect }) => {
    const content = { ...CONTENT, ...change };
    expect(() => sealEntry(content, 1, FIRST_PREV_HASH)).toThrow(/cannot be sealed/);
  });

  it("refuses a number of 0, and a first entry that has one before it", ({ expect }) => {
    expect(() => sealEntry(CONTENT, 0, FIRST_PREV_HASH)).toThrow(/seq/);
    expect(() => sealEntry(CONTENT, 1, "a".repeat(64))).toThrow(/prevHash/);
    expect(() => sealEntry(CONTENT, 2, "A".repeat(64))).toThrow(/prevHash/);
  });

  it("refuses nesting beyond the limit, and takes it at the limit", ({ expect }) => {
    const nested = (depth: number): Detail =>
      depth === 1 ? { end: 1 } : { below: nested(depth - 1) };
    expect(
      sealEntry({ ...CONTENT, detail: nested(DETAIL_DEPTH_MAX) }, 1, FIRST_PREV_HASH).entry.seq,
    ).toBe(1);
    expect(() =>
      sealEntry({ ...CONTENT, detail: nested(DETAIL_DEPTH_MAX + 1) }, 1, FIRST_PREV_HASH),
    ).toThrow(/nests/);
    expect(() => sealEntry({ ...CONTENT, detail: nested(5000) }, 1, FIRST_PREV_HASH)).toThrow(
      /nests/,
    );
  });

  it("names the member and the reason", ({ expect }) => {
    const { entry } = sealEntry(CONTENT, 1, FIRST_PREV_HASH);
    expect(problemOf(entry)).toBeNull();
    expect(problemOf({ ...entry, reference: "\uD800" })).toMatch(/^reference: .*well-formed/);
  });
});

describe("verifying", () => {
  const { entry: first } = sealEntry(CONTENT, 1, FIRST_PREV_HASH);
  const { entry: second } = sealEntry(CONTENT, 2, first.hash);

  it("holds for what was sealed, as the ledger shows it too", ({ expect }) => {
    expect(verifyEntry(first)).toBe(true);
    const shown = { ...first, position: 7, recordedAt: "2026-11-22T09:15:01.000Z" };
    expect(verifyEntry(shown)).toBe(true);
  });

  it("fails when any one member is altered", ({ expect }) => {
    for (const name of Object.keys(first) as (keyof Entry)[]) {
      const altered = { ...first, [name]: first[name] === null ? "x" : null };
      expect(verifyEntry(altered as Entry), name).toBe(false);
    }
  });

  it("covers members that a later version adds", ({ expect }) => {
    const later = { ...first, v: 2, colour: "red" };
    expect(hashOf(later)).not.toBe(hashOf({ ...later, colour: "blue" }));
  });

  it("tells whether one entry follows another", ({ expect }) => {
    expect(isLinked(null, first)).toBe(true);
    expect(isLinked(first, second)).toBe(true);
    expect(isLinked(null, second)).toBe(false);
    expect(isLinked(second, second)).toBe(false);
    expect(isLinked({ ...first, hash: "b".repeat(64) }, second)).toBe(false);
    expect(isLinked({ ...first, paymentMethodId: "another" }, second)).toBe(false);
  });
});
