export const OUTAGES = ["refuse", "error500", "hang"] as const;
export async function outageOf(
  mode: (typeof OUTAGES)[number],
  _seed: number,
): Promise<{ line: string; isHeld: boolean }> {
  return { line: mode, isHeld: true };
}
