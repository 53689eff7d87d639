/**
 * Owns the mark of an attempt in Harmony's description: writing it, and finding it again. Must not
 * conclude anything from one: whose.ts does. Pure.
 */

/** Longest description sent to Harmony, tag included: the contract's own limit for callers. */
const DESCRIPTION_MAX = 250;
const TAG_PATTERN = /\[cobro:([0-9a-z]{8})\]/gu;

/** The description that Harmony gets: the caller's, cut at a whole character, and the tag. */
export function taggedDescription(text: string | null, tag: string | null): string | null {
  // A tag that the caller copied from somewhere must not be read as ours, nor as another's.
  const description = text === null ? null : text.replaceAll(TAG_PATTERN, "(cobro:$1)");
  if (tag === null) {
    return description;
  }
  const mark = `[cobro:${tag}]`;
  if (description === null || description === "") {
    return mark;
  }
  const room = DESCRIPTION_MAX - mark.length - 1;
  let kept = description.slice(0, room);
  if (!kept.isWellFormed()) {
    kept = kept.slice(0, -1);
  }
  return `${kept} ${mark}`;
}

/** The last tag in a description: ours comes last, and a caller may have copied an earlier one. */
export function tagIn(description: string | null): string | null {
  return [...(description ?? "").matchAll(TAG_PATTERN)].at(-1)?.[1] ?? null;
}
