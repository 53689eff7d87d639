/** Owns waiting for something to be so: by asking, with a deadline, never by a guessed sleep. */

/** Often enough to be felt as at once, seldom enough to load nothing. */
const ASK_MS = 50;

/** The first answer of `probe` that is not null; throws once `timeoutMs` are over. */
export async function until(what, timeoutMs, probe) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== null) {
      return answer;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what} took more than ${timeoutMs / 1000} s`);
    }
    await new Promise((wake) => setTimeout(wake, ASK_MS));
  }
}
