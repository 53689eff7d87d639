/** API keys in the database: found by hash, put in once, revoked but not forgotten. */
import { env } from "cloudflare:workers";
import { describe, it, vi } from "vitest";
import { findKey, insertKey } from "../../src/ledger/keys.ts";
import type { NewKey } from "../../src/ledger/keys.ts";
import { TIMEOUT_MS } from "./ledger-support.ts";

const db = env.LEDGER;

function keyOf(change: Partial<NewKey> & { keyId: string; hash: string }): NewKey {
  return {
    callerId: "main",
    name: "the shop",
    scopes: ["charge", "refund"],
    createdAt: "2026-11-22T09:00:00.000Z",
    ...change,
  };
}

describe("a key", () => {
  it("is found by its hash, with all that is known of it", async ({ expect }) => {
    const hash = "1".repeat(64);
    const key = keyOf({ keyId: "one", hash, callerId: "shop" });
    expect(await insertKey(db, key, TIMEOUT_MS)).toEqual({ type: "inserted" });
    expect(await findKey(db, hash, TIMEOUT_MS)).toEqual({
      type: "found",
      keyId: "one",
      callerId: "shop",
      name: "the shop",
      scopes: ["charge", "refund"],
      revokedAt: null,
    });
  });

  it("is not found by another hash", async ({ expect }) => {
    expect(await findKey(db, "9".repeat(64), TIMEOUT_MS)).toEqual({ type: "none" });
    expect(await findKey(db, "", TIMEOUT_MS)).toEqual({ type: "none" });
  });

  it("is put in once, however often", async ({ expect }) => {
    const key = keyOf({ keyId: "two", hash: "2".repeat(64) });
    expect(await insertKey(db, key, TIMEOUT_MS)).toEqual({ type: "inserted" });
    const again = { ...key, name: "another name", scopes: ["operate"] };
    expect(await insertKey(db, again, TIMEOUT_MS)).toEqual({ type: "present" });
    expect(await findKey(db, key.hash, TIMEOUT_MS)).toMatchObject({
      name: "the shop",
      scopes: ["charge", "refund"],
    });
  });

  it("does not take the id or the hash of another", async ({ expect }) => {
    const key = keyOf({ keyId: "three", hash: "3".repeat(64) });
    await insertKey(db, key, TIMEOUT_MS);
    const sameId = { ...key, hash: "4".repeat(64) };
    const sameHash = { ...key, keyId: "four" };
    expect(await insertKey(db, sameId, TIMEOUT_MS)).toEqual({ type: "taken" });
    expect(await insertKey(db, sameHash, TIMEOUT_MS)).toEqual({ type: "taken" });
    expect(await findKey(db, sameId.hash, TIMEOUT_MS)).toEqual({ type: "none" });
  });

  it("stays where it is when it is put in again after it was revoked", async ({ expect }) => {
    const key = keyOf({ keyId: "five", hash: "5".repeat(64) });
    await insertKey(db, key, TIMEOUT_MS);
    const revokedAt = "2026-11-22T10:00:00.000Z";
    await db
      .prepare("UPDATE api_key SET revoked_at = ? WHERE key_id = 'five'")
      .bind(revokedAt)
      .run();
    expect(await insertKey(db, key, TIMEOUT_MS)).toEqual({ type: "present" });
    expect(await findKey(db, key.hash, TIMEOUT_MS)).toMatchObject({ type: "found", revokedAt });
  });

  it("belongs to the caller `main` unless it says otherwise", async ({ expect }) => {
    await db
      .prepare(
        "INSERT INTO api_key (key_id, hash, name, scopes, created_at) VALUES (?, ?, ?, ?, ?)",
      )
      .bind("six", "6".repeat(64), "by hand", "[]", "2026-11-22T09:00:00.000Z")
      .run();
    expect(await findKey(db, "6".repeat(64), TIMEOUT_MS)).toMatchObject({ callerId: "main" });
  });
});

describe("a database that cannot be asked", () => {
  it("is no statement about a key", async ({ expect }) => {
    const spied = vi.spyOn(db, "withSession").mockImplementation(() => {
      throw new Error("Network connection lost.");
    });
    const expected = { type: "unavailable", message: "Network connection lost." };
    expect(await findKey(db, "1".repeat(64), TIMEOUT_MS)).toEqual(expected);
    const key = keyOf({ keyId: "seven", hash: "7".repeat(64) });
    expect(await insertKey(db, key, TIMEOUT_MS)).toEqual(expected);
    spied.mockRestore();
  });
});
