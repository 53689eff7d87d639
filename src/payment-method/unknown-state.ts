/**
 * Owns the error of stored state that this code does not understand: nothing may be sent on it.
 */
export class UnknownStateError extends Error {
  override readonly name = "UnknownStateError";
}
