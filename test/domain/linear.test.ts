/**
 * No text from outside stops the isolate: every regular expression of the source, and the readers of
 * bodies, take texts of doubling length in time that doubles with it. Only ratios are compared, of the
 * least of several runs; what takes no time worth measuring at the full length passes.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "vitest";
import { readQueryKey } from "../../src/domain/idempotency-key.ts";
import { readMethodBody } from "../../src/http/method-body.ts";
import { readChargeBody } from "../../src/http/schemas.ts";

const LENGTH_MAX = 128 * 1024;
const LENGTH_MIN = 2 * 1024;
/** Below, a ratio is noise, and what is quadratic from here on takes no second at the full length. */
const WORTH_MEASURING_MS = 1;
/** Over two doublings: linear is 4, quadratic 16. */
const RATIO_MAX = 9;
const RUNS = 3;

const SOURCE = fileURLToPath(new URL("../../src/", import.meta.url));
/** Configuration is the operator's own. */
const NOT_FROM_OUTSIDE = new Set(["env.ts"]);
const LITERAL =
  /(?<=[(=,:!?&|]\s*)\/(?![*/])((?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([a-z]*)(?=[.,;)\s])/g;

function literals(): { name: string; expression: RegExp }[] {
  return readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !NOT_FROM_OUTSIDE.has(file))
    .flatMap((file) => {
      const code = readFileSync(join(SOURCE, file), "utf8").replaceAll(
        /^\s*(?:\*|\/[/*]).*$/gm,
        "",
      );
      return [...code.matchAll(LITERAL)].map(([whole, source = "", flags = ""]) => ({
        name: `${file} ${whole}`,
        expression: new RegExp(source, flags),
      }));
    });
}

/** What each text begins with, so that the expression is well inside when the same goes on and on. */
const BEGINNINGS = [
  "",
  '"',
  "wait",
  "wait=",
  "Bearer ",
  "application/json",
  "application/json;",
  `00-${"a".repeat(32)}-${"b".repeat(16)}-01-`,
  "2026-01-01T00:00:00.",
  "[cobro:",
];
const PIECES = [" ", "a", "0", "A", ";", '"', "\\", '\\"', ",", "=", "-", "/", "; ", ', "', "\t"];

const made = new Map<number, readonly string[]>();

function texts(length: number): readonly string[] {
  const known = made.get(length);
  const all =
    known ??
    BEGINNINGS.flatMap((beginning) =>
      PIECES.map((piece) => `${beginning}${piece.repeat(length / piece.length)}\u0000`),
    );
  made.set(length, all);
  return all;
}

function timeOf(run: () => void): number {
  const beganMs = performance.now();
  run();
  return performance.now() - beganMs;
}

/** The least of several runs; what is quick once is not measured again. */
function leastMs(run: () => void): number {
  const onceMs = timeOf(run);
  const times = onceMs < WORTH_MEASURING_MS ? [] : Array.from({ length: RUNS }, () => timeOf(run));
  return Math.min(onceMs, ...times);
}

/** The beginning of a text on which `run` takes more than its length, where there is one. */
function notLinear(run: (text: string) => void): string | null {
  for (const index of texts(LENGTH_MIN).keys()) {
    const ms = (length: number) => leastMs(() => run(texts(length)[index] ?? ""));
    const times: number[] = [];
    for (let length = LENGTH_MIN; length <= LENGTH_MAX; length *= 2) {
      times.push(ms(length));
      if (isSteep(times.at(-3), times.at(-1))) {
        // A busy machine may have been slow just then: it has to be so again, and again.
        const again = () => isSteep(ms(length / 4), ms(length));
        if (again() && again() && again()) {
          return (texts(length)[index] ?? "").slice(0, 60);
        }
      }
    }
  }
  return null;
}

function isSteep(beforeMs = Infinity, afterMs = 0): boolean {
  return beforeMs > WORTH_MEASURING_MS && afterMs > RATIO_MAX * beforeMs;
}

function asBody(member: string, read: (bytes: Uint8Array) => unknown) {
  return (text: string) => read(new TextEncoder().encode(JSON.stringify({ [member]: text })));
}

const readers: readonly (readonly [string, (text: string) => unknown])[] = [
  ["an idempotency key", readQueryKey],
  ["no JSON at all", (text) => readChargeBody(new TextEncoder().encode(text))],
  ["a description", asBody("description", readChargeBody)],
  ["a reference", asBody("reference", readChargeBody)],
  ["a web address", asBody("redirectUrl", readMethodBody)],
];

describe("time grows with the length of a text and no faster", () => {
  const found = literals();

  it("over every expression of the source, none of which is made at run time", ({ expect }) => {
    expect(found.length).toBeGreaterThan(25);
    for (const known of ["schemas.ts", "context.ts", "tag.ts", "wire.ts", "idempotency-key.ts"]) {
      expect(found.some(({ name }) => name.includes(known))).toBe(true);
    }
    const all = readdirSync(SOURCE, { recursive: true, encoding: "utf8" });
    const code = all.filter((file) => file.endsWith(".ts"));
    expect(
      code.filter((file) => readFileSync(join(SOURCE, file), "utf8").includes("RegExp(")),
    ).toEqual([]);
  });

  it.for(found)("in $name", ({ expression }, { expect }) => {
    const run = (text: string) => {
      expression.lastIndex = 0;
      text.replace(expression, "");
    };
    expect(notLinear(run)).toBeNull();
  });

  it.for(readers)("in a reader of %s", ([, read], { expect }) => {
    expect(notLinear(read)).toBeNull();
  });

  it("is measured: an expression that is quadratic is found", ({ expect }) => {
    const wrong = /^application\/json(?:\s*;\s*charset\s*=\s*"?utf-8"?)?\s*;?\s*$/i;
    expect(notLinear((text) => wrong.test(text))).toContain("application/json");
  });
});
