/**
 * Owns that whatever speaks to this machine itself does so directly. Imported for its effect, by
 * every program that starts something on loopback: a proxy that Node is told to use (see
 * NODE_USE_ENV_PROXY) would be asked for the gateway on this machine, and cannot reach it. Node
 * reads the variables anew for each request, and the programs started from here inherit them.
 */
const LOOPBACK = ["127.0.0.1", "localhost", "::1"];

/** The lower case wins where both are read, even where it is empty. */
const given = process.env.no_proxy ?? process.env.NO_PROXY ?? "";
const names = given.split(/[\s,]+/).filter((name) => name !== "");

/** Not by what this module has added. */
const isDirect = names.includes("*") || names.includes("127.0.0.1");

/** Whether a printed curl would leave this machine: it knows nothing of what is added here. */
export const isCurlProxied =
  !isDirect && ["http_proxy", "all_proxy", "ALL_PROXY"].some((name) => process.env[name]);

if (!names.includes("*")) {
  const direct = [...new Set([...names, ...LOOPBACK])].join(",");
  process.env.no_proxy = direct;
  process.env.NO_PROXY = direct;
}
