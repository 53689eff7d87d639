/**
 * Owns the hash chain: how an entry is numbered, linked and sealed, and what may be sealed at all.
 * Must not store or send anything, nor read a clock. Runs on Node and in workerd alike.
 *
 * PERSISTED CONTRACT: the hash of an entry is the lower-case hex SHA-256 of the RFC 8785 (JCS)
 * text, in UTF-8, of the entry without `hash`, `position` and `recordedAt`.
 */
// oxlint-disable-next-line typescript/triple-slash-reference -- the Workers types lack node:crypto, which both runtimes have
/// <reference types="node/crypto" />
import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { FIRST_PREV_HASH } from "../domain/entries.ts";
import type { Entry, EntryContent } from "../domain/entries.ts";
import { MEMBERS } from "./columns.ts";
import type { Member } from "./columns.ts";

/**
 * Largest JCS text of one entry, in bytes. Carried to D1 as a string within JSON it at most
 * doubles, and D1 takes 2 MB for a value or a row: this leaves half of that.
 */
export const ENTRY_BYTES_MAX = 512 * 1024;

/** How deep `detail` may nest. SQLite's JSON stops at 1000; nobody needs more than a few. */
export const DETAIL_DEPTH_MAX = 64;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const HASH = /^[0-9a-f]{64}$/;
const TYPE = /^[a-z_]+$/;

const INTEGERS: ReadonlySet<Member> = new Set([
  "v",
  "seq",
  "attempt",
  "amountMinor",
  "effectMinor",
  "httpStatus",
  "latencyMs",
]);
const REQUIRED: ReadonlySet<Member> = new Set([
  "v",
  "paymentMethodId",
  "seq",
  "type",
  "occurredAt",
  "effectMinor",
  "prevHash",
  "hash",
]);
const SHAPES: { readonly [Name in Member]?: RegExp } = {
  paymentMethodId: UUID,
  occurredAt: TIME,
  type: TYPE,
  prevHash: HASH,
  hash: HASH,
};

export interface Sealed {
  readonly entry: Entry;
  /** RFC 8785 text of the whole entry, `hash` included: what a journal keeps. */
  readonly text: string;
}

/**
 * The entry with its place in the chain. `prevHash` is the hash of the entry before, or 64 zeros
 * for `seq` 1.
 *
 * Throws on what D1 could not keep as it was hashed (see `problemOf`): that is a bug in the
 * caller, since text from outside has gone through `outsideText` by then.
 */
export function sealEntry(content: EntryContent, seq: number, prevHash: string): Sealed {
  const unsealed = { ...content, seq, prevHash };
  refuse(problemOfShape({ ...unsealed, hash: FIRST_PREV_HASH }));
  const entry: Entry = { ...unsealed, hash: sha256(jcs(unsealed)) };
  const text = jcs(entry);
  refuse(problemOfSize(text));
  return { entry, text };
}

function refuse(problem: string | null): void {
  if (problem !== null) {
    throw new Error(`entry cannot be sealed: ${problem}`);
  }
}

/** The hash that an entry should have. Takes it as stored, as sent, or as the ledger shows it. */
export function hashOf(entry: object): string {
  const hashed: Record<string, unknown> = { ...entry };
  delete hashed["hash"];
  delete hashed["position"];
  delete hashed["recordedAt"];
  return sha256(jcs(hashed));
}

/** Whether an entry is what was sealed: its hash is that of its other members. */
export function verifyEntry(entry: object & { readonly hash: string }): boolean {
  return hashOf(entry) === entry.hash;
}

/** Whether `entry` follows `previous` (null: is the first of its chain). Does not hash. */
export function isLinked(
  previous: Pick<Entry, "paymentMethodId" | "seq" | "hash"> | null,
  entry: Pick<Entry, "paymentMethodId" | "seq" | "prevHash">,
): boolean {
  if (previous === null) {
    return entry.seq === 1 && entry.prevHash === FIRST_PREV_HASH;
  }
  return (
    entry.paymentMethodId === previous.paymentMethodId &&
    entry.seq === previous.seq + 1 &&
    entry.prevHash === previous.hash
  );
}

/**
 * Why D1 could not keep this entry so that its hash still holds, or null if it could: text that
 * is not well-formed comes back altered, NUL ends a text for SQL, numbers beyond 2^53 are rounded,
 * and a member without a column would be lost.
 */
export function problemOf(entry: Entry): string | null {
  return problemOfShape(entry) ?? problemOfSize(jcs(entry));
}

function problemOfSize(text: string): string | null {
  // A UTF-16 unit is at most three bytes of UTF-8: nearly every entry is spared the count.
  if (text.length * 3 <= ENTRY_BYTES_MAX) {
    return null;
  }
  const bytes = new TextEncoder().encode(text).byteLength;
  return bytes > ENTRY_BYTES_MAX ? `is ${bytes} bytes, at most ${ENTRY_BYTES_MAX} fit` : null;
}

function problemOfShape(entry: Entry): string | null {
  const given: Readonly<Record<string, unknown>> = { ...entry };
  for (const name of Object.keys(given)) {
    if (!(MEMBERS as readonly string[]).includes(name)) {
      return `${name}: is no member of an entry`;
    }
  }
  for (const member of MEMBERS) {
    const problem = member === "detail" ? null : problemOfMember(member, given[member]);
    if (problem !== null) {
      return `${member}: ${problem}`;
    }
  }
  if (entry.seq < 1) {
    return "seq: counts from 1";
  }
  if (entry.seq === 1 && entry.prevHash !== FIRST_PREV_HASH) {
    return "prevHash: the first entry has none before it";
  }
  const problem = entry.detail === null ? null : problemOfDetail(entry.detail);
  return problem === null ? null : `detail: ${problem}`;
}

function problemOfMember(member: Member, value: unknown): string | null {
  if (value === null) {
    return REQUIRED.has(member) ? "is null" : null;
  }
  if (INTEGERS.has(member)) {
    return Number.isSafeInteger(value) ? null : "is not a safe integer";
  }
  if (typeof value !== "string") {
    return "is not text";
  }
  if (!value.isWellFormed() || value.includes("\0")) {
    return "is not well-formed text without NUL";
  }
  return SHAPES[member]?.test(value) === false ? "has the wrong shape" : null;
}

/** Not recursive, so that no depth of nesting can exhaust the stack. */
function problemOfDetail(detail: object): string | null {
  if (typeof detail !== "object" || Array.isArray(detail)) {
    return "is not an object";
  }
  let level: unknown[] = [detail];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > DETAIL_DEPTH_MAX + 1) {
      return `nests deeper than ${DETAIL_DEPTH_MAX}`;
    }
    const below: unknown[] = [];
    for (const value of level) {
      const problem = problemOfValue(value);
      if (problem !== null) {
        return problem;
      }
      for (const child of childrenOf(value)) {
        below.push(child);
      }
    }
    level = below;
  }
  return null;
}

function problemOfValue(value: unknown): string | null {
  if (typeof value === "string") {
    return value.isWellFormed() ? null : "holds text that is not well-formed";
  }
  if (typeof value === "number") {
    return Number.isSafeInteger(value) ? null : "holds a number that is no safe integer";
  }
  if (typeof value === "object") {
    const names = Object.keys(value ?? {});
    return names.every((name) => name.isWellFormed())
      ? null
      : "holds a name that is not well-formed";
  }
  return typeof value === "boolean" ? null : `holds a ${typeof value}`;
}

function childrenOf(value: unknown): readonly unknown[] {
  return typeof value === "object" && value !== null ? Object.values(value) : [];
}

function jcs(value: object): string {
  const text = canonicalize(value);
  if (text === undefined) {
    throw new Error("an object always has a canonical text");
  }
  return text;
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
