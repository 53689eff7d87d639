/**
 * What a fresh clone is: its line ends, its lock, and that wrangler is called in one place. Asks
 * git and npm themselves, on copies, without a network.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plainEnvironment, ROOT } from "./support.ts";

/** More than the packages that no development dependency needs, fewer than all. */
const PACKAGES_MIN = 50;

interface Locked {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/cobro-clone-`);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the lock", () => {
  it("holds the optional packages of every platform, and nobody's registry", () => {
    const { packages } = JSON.parse(readFileSync(`${ROOT}package-lock.json`, "utf8")) as {
      packages: Readonly<Record<string, Locked>>;
    };

    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies }]) =>
      Object.keys(optionalDependencies ?? {}).filter(
        (name) =>
          !(`node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages),
      ),
    );

    expect(missing).toEqual([]);
    expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
  });

  it("is what `npm ci` takes as it is, with all that is needed, whatever npm is told", () => {
    for (const file of ["package.json", "package-lock.json", ".npmrc"]) {
      cpSync(`${ROOT}${file}`, `${folder}/${file}`);
    }
    writeFileSync(`${folder}/user.npmrc`, "engine-strict=true\n");
    const settings = {
      npm_config_userconfig: `${folder}/user.npmrc`,
      npm_config_cache: `${folder}/cache`,
      NODE_ENV: "production",
    };

    const { status, output } = call("npm", ["ci", "--dry-run", "--offline"], settings);

    expect(status, output).toBe(0);
    const strict = call("npm", ["config", "get", "engine-strict"], settings);
    expect(strict.output.trim()).toBe("false");
    expect(Number(/added (\d+) packages/.exec(output)?.[1])).toBeGreaterThan(PACKAGES_MIN);
  });
});

const hasGit = spawnSync("git", ["--version"]).status === 0;

it.skipIf(!hasGit)("a clone has the repository's line ends where git is told otherwise", () => {
  const names = ["chain.sql", "lib.ts", "start.mjs", "run", "README.md"];
  const origin = `${folder}/origin`;
  mkdirSync(origin);
  cpSync(`${ROOT}.gitattributes`, `${origin}/.gitattributes`);
  names.forEach((name) => writeFileSync(`${origin}/${name}`, "one\ntwo\n"));
  const person = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"];
  for (const words of [
    ["init", "--quiet", "."],
    ["add", "."],
    [...person, "commit", "--quiet", "-m", "All"],
    ["-c", "core.autocrlf=true", "clone", "--quiet", ".", `${folder}/clone`],
  ]) {
    expect(call("git", words, {}, origin)).toEqual({ status: 0, output: "" });
  }

  const read = names.map((name) => readFileSync(`${folder}/clone/${name}`, "utf8"));

  expect(read).toEqual(names.map(() => "one\ntwo\n"));
});

it("one file alone knows wrangler's program, and names this project's configuration", () => {
  const program = ["wrangler", "bin", "wrangler.js"].join("/");
  const files = ["scripts", "bench", "test", "sandbox"].flatMap((name) =>
    readdirSync(`${ROOT}${name}`, { recursive: true, encoding: "utf8" })
      .map((path) => `${name}/${path}`)
      .filter((path) => /\.(ts|mjs|js)$/.test(path)),
  );

  const callers = files.filter((file) => readFileSync(`${ROOT}${file}`, "utf8").includes(program));

  expect(callers).toEqual(["scripts/lib/wrangler.mjs"]);
});

function call(
  program: string,
  words: readonly string[],
  variables: NodeJS.ProcessEnv,
  cwd = folder,
): { status: number | null; output: string } {
  const env = { ...plainEnvironment(), ...variables };
  const { status, stdout, stderr } = spawnSync(program, words, { cwd, encoding: "utf8", env });
  return { status, output: stdout + stderr };
}
