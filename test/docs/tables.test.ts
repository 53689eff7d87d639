/** The check of a document's tables finds whatever is not as the code has it. */
import { describe, it } from "vitest";
import { differences, tableUnder } from "./tables.ts";

const DOCUMENT = `# Lamp

## Switch

| event | off | on | meaning |
|---|---|---|---|
| \`press\`, \`hold\` | on | off | by hand |
| \`cut\` | = | off | no current |

Words.
`;

const WANTED = { rows: ["press", "hold", "cut"], columns: ["off", "on"], words: ["meaning"] };

function lamp(event: string, state: string): string {
  return event === "cut" && state === "off" ? "=" : state === "on" ? "off" : "on";
}

function check(document: string): string[] {
  return differences(tableUnder(document, "Switch"), WANTED, lamp);
}

describe("the check of a table", () => {
  it("finds nothing where document and code agree", ({ expect }) => {
    expect(check(DOCUMENT)).toEqual([]);
  });

  it("finds a changed cell, once for every event that its row names", ({ expect }) => {
    expect(check(DOCUMENT.replace("| on | off | by", "| off | off | by"))).toEqual([
      'press | off: the document says "off", the code "on"',
      'hold | off: the document says "off", the code "on"',
    ]);
  });

  it("finds a row or a column that is missing, or that stands for nothing", ({ expect }) => {
    expect(check(DOCUMENT.replace("`hold`", "`kick`"))).toEqual([
      "no row for hold",
      "nothing is called kick",
    ]);
    expect(check(DOCUMENT.replace("| off | on | meaning", "| off | lit | meaning"))).toEqual([
      "no column for on",
      "nothing is called lit",
    ]);
  });

  it("reads no table with a cell too few, a row twice, or under another heading", ({ expect }) => {
    expect(() => check(DOCUMENT.replace("| = | off |", "| = |"))).toThrow("has 2 cells");
    expect(() => check(DOCUMENT.replace("`cut`", "`press`"))).toThrow("twice");
    expect(() => check(DOCUMENT.replace("Switch", "Bulb"))).toThrow("no heading");
    expect(() => check(DOCUMENT.replace("\n| event", "\n## More\n\n| event"))).toThrow("no table");
  });
});
