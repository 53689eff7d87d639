/**
 * Owns what is read of a process from outside: its CPU time, and its fsyncs where strace may
 * attach. Must not disturb what is being timed; null means that the machine does not tell.
 */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Linux counts CPU time in hundredths of a second, whatever the kernel's own tick is. */
const TICK_MS = 10;

/** CPU time of a process so far, all threads, in ms; null where /proc does not tell. */
export function cpuMs(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name stands in brackets and may hold blanks: count from behind it.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return null;
  }
}

/** fsync and fdatasync calls of a process while `work` runs; null without strace. */
export async function countSyncs(pid, work) {
  if (pid === null || spawnSync("strace", ["-V"], { stdio: "ignore" }).status !== 0) {
    return null;
  }
  const words = ["-f", "-e", "trace=fsync,fdatasync", "-p", String(pid)];
  const tracer = spawn("strace", words, { stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  const attached = new Promise((resolve) => {
    tracer.stderr.on("data", (chunk) => {
      output += chunk;
      if (output.includes("attached")) {
        resolve(true);
      }
    });
    tracer.once("close", () => resolve(false));
  });
  const closed = new Promise((resolve) => tracer.once("close", resolve));
  if (!(await attached)) {
    return null;
  }
  // strace attaches to one thread after another; the first is named before the last is held.
  await new Promise((resolve) => setTimeout(resolve, 200));
  await work();
  tracer.kill("SIGINT");
  await closed;
  return output.match(/\b(?:fsync|fdatasync)\(/g)?.length ?? 0;
}
