/**
 * Owns the revoking of a payment method: in the queue, after the charges before it, whether or not
 * the method is frozen. A revoke can be asked for again without harm, so one that was not answered
 * is found out by reading the method, and asked for once more where that says ACTIVE. Must not
 * conclude that it is revoked from anything but Harmony's own REVOKED.
 */
import { note } from "../domain/draft.ts";
import { ERRORS, type Problem } from "../domain/errors.ts";
import type { Fact } from "../domain/facts.ts";
import { type Reply, RETRY_AFTER_SECONDS } from "../domain/reply.ts";
import type { ItemReading, RevokeReading } from "../harmony/methods.ts";
import type { Books } from "./books.ts";
import type { Answer, RevokeMethodCommand } from "./commands.ts";
import type { Host } from "./host.ts";
import type { Queue } from "./queue.ts";
import { failed, found } from "./reads.ts";
import { inTurn } from "./turn.ts";
import { unreadProblem } from "./unread.ts";

/** The first, and one more where it was not answered and the method is still ACTIVE. */
const TRIES_MAX = 2;

export async function revokeMethod(
  host: Host,
  books: Books,
  queue: Queue,
  { actor, waitMs }: RevokeMethodCommand,
): Promise<Answer> {
  const act = async () => {
    if (books.journal.method.halted !== null) {
      return failed({ code: "halted" });
    }
    const end = await revoke(host);
    books.step(actor, {}, (draft) => note(draft, end.fact));
    return end.reply;
  };
  return inTurn(host, queue, waitMs, act, () =>
    unknown(
      504,
      null,
      "It is being revoked and found out: repeat the request to learn how it ends.",
    ),
  );
}

interface End {
  readonly fact: Extract<Fact, { type: "method_revoked" | "method_revoke_failed" }>;
  readonly reply: Reply;
}

type Refused = Extract<RevokeReading, { type: "refused" }>;

async function revoke(host: Host): Promise<End> {
  for (let tries = 1; ; tries += 1) {
    const asked = await host.methods.revoke(host.paymentMethodId);
    if (asked.type === "done") {
      return revoked(host, asked, "reply", tries);
    }
    // What its answer leaves open, a refusal included (it may be revoked already), the method tells.
    const read = await host.methods.read(host.paymentMethodId);
    if (read.type === "method" && read.status === "REVOKED") {
      return revoked(host, asked, "read", tries);
    }
    const status = read.type === "method" ? read.status : null;
    // A refusal after a first that was lost is none: that first may still come, and be done.
    const refusal = tries === 1 && asked.type === "refused" ? refusalOf(asked, read) : null;
    if (refusal !== null) {
      const said = { outcome: "refused", methodStatus: status, tries } as const;
      return failedTo(host, asked, said, failed(refusal));
    }
    if (status === null || tries === TRIES_MAX) {
      const at = new Date(host.now()).toISOString();
      const lastKnown = status === null ? null : { status, at };
      const reply = unknown(isTimeout(asked, read) ? 504 : 502, lastKnown);
      return failedTo(host, asked, { outcome: "unknown", methodStatus: status, tries }, reply);
    }
  }
}

function revoked(host: Host, asked: RevokeReading, by: "reply" | "read", tries: number): End {
  return {
    fact: { ...factAbout(host, asked), type: "method_revoked", by, tries },
    reply: found(JSON.stringify({ id: host.paymentMethodId, status: "REVOKED" }), null),
  };
}

function failedTo(
  host: Host,
  asked: Exclude<RevokeReading, { type: "done" }>,
  said: { outcome: "refused" | "unknown"; methodStatus: string | null; tries: number },
  reply: Reply,
): End {
  const failure = asked.type === "refused" ? asked.body : asked.failure;
  return {
    fact: { ...factAbout(host, asked), type: "method_revoke_failed", failure, ...said },
    reply,
  };
}

function factAbout(host: Host, { httpStatus, latencyMs }: RevokeReading) {
  return { atMs: host.now(), chargeId: null, httpStatus, latencyMs };
}

/** What a refusal means, by the method's own status after it; null where that leaves it open. */
function refusalOf(
  { httpStatus, retryAfterSeconds }: Refused,
  read: ItemReading,
): (Pick<Problem, "code"> & Partial<Problem>) | null {
  const unauthorized = httpStatus === 401 || httpStatus === 403;
  if (read.type === "unread") {
    const same = unauthorized
      ? read.httpStatus === 401 || read.httpStatus === 403
      : httpStatus === 404 && read.httpStatus === 404;
    return same ? unreadProblem(read) : null;
  }
  if (unauthorized) {
    return { code: "upstream_unauthorized" };
  }
  return httpStatus === 429
    ? {
        code: "upstream_unavailable",
        detail: "Harmony asked us to slow down. Nothing was revoked.",
        retryAfterSeconds: retryAfterSeconds ?? RETRY_AFTER_SECONDS,
      }
    : { code: "payment_method_not_revocable", paymentMethodStatus: read.status };
}

function isTimeout(asked: RevokeReading, read: ItemReading): boolean {
  return [asked, read].some((one) => one.type === "unread" && one.failure === "timeout");
}

/** What a caller is told whose revoke may have been done, or may yet be. */
function unknown(
  status: 502 | 504,
  lastKnown: { status: string; at: string } | null,
  detail: string = ERRORS.upstream_error.explanation,
): Reply {
  return failed({ code: "upstream_error", status, detail, lastKnown });
}
