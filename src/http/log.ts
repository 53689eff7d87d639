/**
 * Owns a line of the Worker's log about what no answer tells. Must not decide who is woken by it.
 */
export function log(level: "warn" | "alert", event: string, fields: Record<string, unknown>): void {
  console.log(JSON.stringify({ level, event, ...fields }));
}
