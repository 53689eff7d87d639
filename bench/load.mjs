/**
 * Owns the load: keep-alive sockets, a closed loop of so many requests at once, and the figures
 * that come of it. Must not know what it sends to whom.
 */
import { Agent, request as open } from "node:http";

/** One Node agent a target, so that sockets stay open between rounds and targets share none. */
export function connect(baseUrl) {
  const { hostname, port } = new URL(baseUrl);
  return { hostname, port, agent: new Agent({ keepAlive: true, maxSockets: 256, noDelay: true }) };
}

/** Sends one request; resolves with its status and text once the last byte is here. */
export function send({ hostname, port, agent }, { method = "GET", path, headers = {}, body }) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const options = { hostname, port, agent, method, path, headers: { ...headers, ...length } };
    const outgoing = open(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode, text }));
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/**
 * Sends `count` requests, `atOnce` of them open at any time. `make(n)` gives the n-th. A status
 * other than `expected` ends the run: a fast error would pass for a fast charge.
 */
export async function load(target, make, { count, atOnce, expected = 200 }) {
  const latencies = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const wanted = make(next++);
      const startedAt = performance.now();
      const { status, text } = await send(target, wanted);
      latencies.push(performance.now() - startedAt);
      if (status !== expected) {
        throw new Error(`${wanted.method} ${wanted.path}: ${status}, not ${expected}: ${text}`);
      }
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: atOnce }, worker));
  const seconds = (performance.now() - startedAt) / 1000;
  return { perSecond: count / seconds, seconds, ...percentiles(latencies) };
}

function percentiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
