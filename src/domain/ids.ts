/**
 * Owns the one spelling of an id: a UUID is the same in any letter case (RFC 9562, 4), and is
 * compared and kept in lower case; whatever else is an id is left alone. Pure.
 */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether this is a UUID, in any letter case. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** An id as it is compared. */
export function foldId(id: string): string {
  return isUuid(id) ? id.toLowerCase() : id;
}
