/**
 * The sandbox on a real socket: Node's HTTP server around the core. Owns what a reply does to the
 * connection, since only a real one can be severed. Decides nothing about payments.
 */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createHarmony } from "./core.ts";
import { openStore } from "./store.ts";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Harmony } from "./core.ts";
import type { HarmonyRequest, Reply } from "./wire.ts";

/**
 * Node's own 5 s would close an idle connection just as a client sends on it, and lose a charge by
 * itself. The sandbox loses what it is told to lose, nothing else.
 */
const KEEP_ALIVE_MS = 10 * 60_000;

export interface SandboxOptions {
  /** 0 takes any free one. */
  port: number;
  /** Where the book is kept; null keeps it in memory. */
  stateDir: string | null;
}

export interface Sandbox {
  /** Without a trailing slash; Harmony's base URL is this and `/api`. */
  url: string;
  close(): Promise<void>;
}

export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const store = options.stateDir === null ? null : openStore(options.stateDir);
  const timers = new Set<NodeJS.Timeout>();
  const harmony = createHarmony({
    now: Date.now,
    uuid: randomUUID,
    schedule: (afterMs, run) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        run();
      }, afterMs);
      timers.add(timer);
    },
    records: store?.load() ?? [],
    ...(store === null ? {} : { save: (changes) => store.save(changes) }),
  });
  const server = createServer((request, response) => receive(harmony, request, response));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = 0;
  const stop = (): void => {
    timers.forEach((timer) => clearTimeout(timer));
    store?.close();
  };
  try {
    await listen(server, options.port);
  } catch (error) {
    stop();
    throw error;
  }
  return {
    url: urlOf(server),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          stop();
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function receive(harmony: Harmony, incoming: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
  incoming.on("end", () => {
    const request = toRequest(incoming, Buffer.concat(chunks).toString("utf8"));
    const isApi = /^\/api(\/|$)/.test(request.path);
    const reply = isApi ? harmony.handle(request) : harmony.control(request);
    // Whatever is not ended by us below was given up by the client.
    response.once("close", () => harmony.end(reply, "abandoned"));
    if (reply.delayMs === 0) {
      send(harmony, reply, response);
      return;
    }
    const timer = setTimeout(() => send(harmony, reply, response), reply.delayMs);
    response.once("close", () => clearTimeout(timer));
  });
}

function toRequest(incoming: IncomingMessage, body: string): HarmonyRequest {
  const { method = "GET", url = "/", headers } = incoming;
  const [path = "/", search = ""] = url.split("?", 2);
  const query = search === "" ? {} : Object.fromEntries(new URLSearchParams(search));
  return { method, path, query, headers, body };
}

/** The exchange ends just before its last byte leaves, so that what a client sends next is later. */
function send(harmony: Harmony, reply: Reply, response: ServerResponse): void {
  if (reply.kind === "respond") {
    const length = Buffer.byteLength(reply.body);
    response.writeHead(reply.status, { ...reply.headers, "content-length": length });
    harmony.end(reply, "answered");
    response.end(reply.body);
    return;
  }
  switch (reply.how) {
    case "hang":
      return;
    case "reset":
      harmony.end(reply, "severed");
      response.socket?.resetAndDestroy();
      return;
    case "truncate": {
      const length = Buffer.byteLength(reply.body);
      response.writeHead(reply.status, { ...reply.headers, "content-length": length });
      harmony.end(reply, "severed");
      response.write(reply.body.slice(0, reply.cutAt), () => response.socket?.destroy());
      return;
    }
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // Loopback only: the control paths have no key.
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error("the sandbox listens on no port");
  }
  return `http://127.0.0.1:${address.port}`;
}
