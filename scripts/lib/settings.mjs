/**
 * Owns what a local installation reads from the environment: its ports, its state directory and
 * the gateway's variables (docs/operating.md). Must not start anything.
 */

/** The gateway's variables that are handed on as they are. */
const VARIABLES = [
  "HARMONY_TIMEOUT_MS",
  "WAIT_SECONDS",
  "RECONCILE_SECONDS",
  "HORIZON_SECONDS",
  "ALLOW_SHORT_HORIZON",
  "LATE_SECONDS",
  "POLL_SECONDS",
  "FOREIGN_WRITERS",
  "TAG",
  "BRAKE",
  "LOCATION_HINT",
];

/** Throws with the name of the variable that cannot be meant. */
export function localSettings(environment) {
  return {
    port: portOf(environment, "PORT", 8787),
    sandboxPort: portOf(environment, "SANDBOX_PORT", 8788),
    stateDir: environment.STATE_DIR || ".cobro",
  };
}

/** The arguments that hand the gateway its variables: the environment does not reach a Worker. */
export function variableArguments(environment, sandboxUrl) {
  const given = VARIABLES.filter((name) => environment[name] !== undefined);
  return [
    `HARMONY_BASE_URL:${environment.HARMONY_BASE_URL ?? `${sandboxUrl}/api`}`,
    ...given.map((name) => `${name}:${environment[name]}`),
  ].flatMap((variable) => ["--var", variable]);
}

/** 0 takes any free one. */
function portOf(environment, name, otherwise) {
  const port = Number(environment[name] || otherwise);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`${name} must be a port, not "${environment[name]}"`);
  }
  return port;
}
