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
  const port = portOf(environment, "PORT", 8787);
  const sandboxPort = portOf(environment, "SANDBOX_PORT", 8788);
  if (port === sandboxPort && port !== 0) {
    throw new Error(`PORT and SANDBOX_PORT are both ${port}; set one of them to another`);
  }
  return { port, sandboxPort, stateDir: environment.STATE_DIR || ".cobro" };
}

/**
 * The Harmony that the environment names, null for the sandbox. HARMONY_API_KEY alone names none:
 * a shell may keep it for something else, and the sandbox knows its own key only.
 */
export function harmonyOf({ HARMONY_BASE_URL: baseUrl, HARMONY_API_KEY: key }) {
  if (!baseUrl) {
    return null;
  }
  if (!key) {
    throw new Error("HARMONY_BASE_URL is set: set HARMONY_API_KEY, too, or neither");
  }
  return { baseUrl, key };
}

/** The arguments that hand the gateway its variables: the environment does not reach a Worker. */
export function variableArguments(environment, baseUrl) {
  const given = VARIABLES.filter((name) => environment[name] !== undefined);
  return [
    `HARMONY_BASE_URL:${baseUrl}`,
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
