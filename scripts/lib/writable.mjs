/**
 * Owns finding out that a folder cannot be written before anything is started that would only wait
 * for it: neither wrangler nor workerd says so. Must not write into it.
 */
import { accessSync, constants, mkdirSync, readdirSync } from "node:fs";

/**
 * Makes the folder where it is missing. Throws with the first path that cannot be written, of the
 * folder and, where `deep`, of all that is under it: one start as another user is enough for that.
 */
export function requireWritable(folder, what, { deep = false } = {}) {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    for (const entry of deep ? entriesOf(folder) : []) {
      requireEntry(entry);
    }
  } catch (error) {
    const { code, path = folder } = error;
    throw new Error(`${path} cannot be written (${code}); ${what}`, { cause: error });
  }
}

/** What another start has removed since it was listed (a database's journal) hinders nobody. */
function requireEntry(entry) {
  try {
    accessSync(entry, constants.R_OK | constants.W_OK);
  } catch (error) {
    if (error.code !== "ENOENT") {
      throw error;
    }
  }
}

function entriesOf(folder) {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).map(
    (path) => `${folder}/${path}`,
  );
}
