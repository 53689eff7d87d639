/** The promise of every document: what it points at in this repository is there. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "vitest";

const FILES = ["README.md", "CHANGELOG.md", ...globSync("docs/**/*.md")];
const LINK = /\]\(([^)#:\s]+)(?:#[^)]*)?\)/g;

describe("a relative link", () => {
  it.for(FILES)("of %s points at a file", (file, { expect }) => {
    const links = [...readFileSync(file, "utf8").matchAll(LINK)].map(([, path = ""]) => path);
    expect(links.filter((path) => !existsSync(join(dirname(file), path)))).toEqual([]);
  });
});
