/** The mark of an attempt in Harmony's description, written and found again. Pure. */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { taggedDescription, tagIn } from "../../src/domain/tag.ts";

const OURS = "aaaaaaaa";
const OTHERS = "bbbbbbbb";

describe("the tag in a description", () => {
  it("comes last, after as much of the caller's text as fits", ({ expect }) => {
    expect(taggedDescription("order 17", OURS)).toBe("order 17 [cobro:aaaaaaaa]");
    expect(taggedDescription(null, OURS)).toBe("[cobro:aaaaaaaa]");
    expect(taggedDescription("", OURS)).toBe("[cobro:aaaaaaaa]");
    expect(taggedDescription("order 17", null)).toBe("order 17");
    expect(taggedDescription(null, null)).toBeNull();
  });

  it("is found again whatever the caller wrote, in at most 250 well-formed characters", ({
    expect,
  }) => {
    const words = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 250 }),
      fc.string({ unit: "binary", minLength: 225, maxLength: 250 }),
      fc.constantFrom(`before [cobro:${OTHERS}]`, `[cobro:${OTHERS}] after`, "[cobro:"),
    );
    fc.assert(
      fc.property(words, (text) => {
        fc.pre(text.length <= 250 && text.isWellFormed());
        const tagged = taggedDescription(text, OURS) ?? "";
        expect(tagged.length).toBeLessThanOrEqual(250);
        expect(tagged.isWellFormed()).toBe(true);
        expect(tagIn(tagged)).toBe(OURS);
      }),
    );
  });

  it("is ours and not one that the caller wrote", ({ expect }) => {
    expect(tagIn(taggedDescription(`again: shoes [cobro:${OTHERS}]`, OURS))).toBe(OURS);
  });

  it("is none where it is cut, altered or absent", ({ expect }) => {
    for (const text of ["[cobro:aaaa", "[COBRO:AAAAAAAA]", "cobro aaaaaaaa", "", null]) {
      expect(tagIn(text)).toBeNull();
    }
  });
});
