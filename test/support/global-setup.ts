/**
 * Starts the real sandbox on loopback for the Worker's tests, since only real sockets can sever
 * a connection, and hands its URL to them.
 */
import type { TestProject } from "vitest/node";
import { startSandbox } from "../../sandbox/server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    sandboxUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const sandbox = await startSandbox({ port: 0, stateDir: null });
  project.provide("sandboxUrl", sandbox.url);
  return () => sandbox.close();
}
