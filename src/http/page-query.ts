/**
 * Owns the query of a list of Harmony's: `status`, `page`, `pageSize`, each at most once and in
 * Harmony's own bounds. Must not ask anyone.
 */
import { misnamed } from "../audit/parameters.ts";
import type { InputError } from "../domain/errors.ts";
import type { PageQuery } from "../harmony/methods.ts";

/** Harmony's own largest page. */
const PAGE_SIZE_MAX = 500;
/** Far beyond any list; what is longer is no page number. */
const PAGE_MAX = 999_999_999;

export type QueryReading =
  | { readonly type: "ok"; readonly value: PageQuery }
  | { readonly type: "invalid"; readonly errors: readonly InputError[] };

/** What a caller asks of a list whose items have one of these statuses, or every complaint about it. */
export function readPageQuery(
  parameters: URLSearchParams,
  statuses: readonly string[],
): QueryReading {
  const errors: InputError[] = misnamed(parameters, ["status", "page", "pageSize"]);
  const whole = (name: string, max: number): number | null => {
    const text = parameters.get(name);
    if (text === null) {
      return null;
    }
    const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
    if (value < 1 || value > max) {
      errors.push({ parameter: name, detail: `must be a whole number from 1 to ${max}` });
    }
    return value;
  };
  const page = whole("page", PAGE_MAX);
  const pageSize = whole("pageSize", PAGE_SIZE_MAX);
  const status = parameters.get("status")?.toUpperCase() ?? null;
  if (status !== null && !statuses.includes(status)) {
    errors.push({ parameter: "status", detail: `must be one of ${statuses.join(", ")}` });
  }
  return errors.length > 0
    ? { type: "invalid", errors }
    : { type: "ok", value: { status, page, pageSize } };
}
