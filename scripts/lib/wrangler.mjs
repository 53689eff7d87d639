/**
 * Owns how wrangler is run: from this project's own packages, with this project's configuration,
 * with Node's own binary, and with every network call of its own switched off. Nothing else may
 * run it. Must not decide what it is run for.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Named in every call: a wrangler.json of another project, in any folder above, would win. */
export const CONFIG = `${ROOT}wrangler.toml`;
const WRANGLER = `${ROOT}node_modules/wrangler/bin/wrangler.js`;
const END_WITH_PARENT = new URL("end-with-parent.mjs", import.meta.url).href;

/** Silences wrangler's telemetry, update checks, banner and extra stores. */
export const QUIET = {
  DO_NOT_TRACK: "1",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_NO_SKILLS_UPDATE_PROMPTS: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  X_LOCAL_OBSERVABILITY: "false",
  X_LOCAL_EXPLORER: "false",
  NO_UPDATE_NOTIFIER: "1",
};

const PROXIES = [
  "http_proxy",
  "HTTP_PROXY",
  "https_proxy",
  "HTTPS_PROXY",
  "all_proxy",
  "ALL_PROXY",
];

/**
 * The environment of a wrangler that works on this machine alone. What it keeps for itself, its
 * list of running Workers included, goes below `folder`: HOME need not be writable, and other
 * projects' Workers are there. It needs no proxy, and ends where a proxy's address is no URL.
 */
export function localEnvironment(folder) {
  return {
    ...Object.fromEntries(PROXIES.map((name) => [name, undefined])),
    HOME: folder,
    USERPROFILE: folder,
    XDG_CONFIG_HOME: `${folder}/config`,
    XDG_CACHE_HOME: `${folder}/cache`,
    WRANGLER_LOG_PATH: `${folder}/logs`,
    WRANGLER_REGISTRY_PATH: `${folder}/registry`,
  };
}

/**
 * Starts wrangler; not detached, so that one signal to the group reaches it, too. It ends with its
 * parent even where the parent is killed outright: wrangler hands `--import` on to its own child,
 * so each of its processes watches the one above.
 */
export function wrangler(args, options = {}) {
  const words = [WRANGLER, ...args, "--config", CONFIG];
  return spawn(process.execPath, ["--import", END_WITH_PARENT, ...words], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
    ...options,
    env: { ...process.env, ...QUIET, ...options.env },
  });
}

/** Runs wrangler to its end, showing what it says; gives that text. Throws if it fails. */
export async function runWrangler(args, env = {}) {
  const child = wrangler(args, { stdio: ["inherit", "pipe", "inherit"], env });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    output += chunk;
    process.stdout.write(chunk);
  });
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) {
    throw new Error(`wrangler ${args.join(" ")} failed; its own words are above`);
  }
  return output;
}
