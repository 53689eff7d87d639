/** An answer of Harmony's as the tests of its readings give it. Owns no expectation. */

export function answered(
  httpStatus: number,
  body: unknown,
  retryAfterSeconds: number | null = null,
) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return {
    type: "answered",
    httpStatus,
    body: text,
    retryAfterSeconds,
    isCached: false,
    latencyMs: 5,
  } as const;
}
