/**
 * Preloaded into a process by `node --import`: ends it when its parent is gone, which no signal
 * tells after a SIGKILL. Must not keep the process alive.
 */

/** Soon enough for the ports to be free again when a person starts anew. */
const WATCH_MS = 500;

const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid !== parent) {
    clearInterval(watch);
    process.kill(process.pid, "SIGTERM");
  }
}, WATCH_MS).unref();
