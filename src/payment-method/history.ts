/**
 * Owns a caller's page of the payment history: read at Harmony, recorded, passed on. It waits in
 * no queue, since it sends nothing and decides nothing; what it means is page.ts's.
 */
import { learnFromPage } from "../domain/page.ts";
import { type Books, ownersOf } from "./books.ts";
import type { Answer, ReadHistoryCommand } from "./commands.ts";
import type { Host } from "./host.ts";
import { found, untimed } from "./reads.ts";
import { unreadAnswer } from "./unread.ts";

export async function readHistory(
  host: Host,
  books: Books,
  { query, actor }: ReadHistoryCommand,
): Promise<Answer> {
  const beganAtMs = host.now();
  const beganSeq = books.journal.lastSeq;
  const read = await host.methods.history(host.paymentMethodId, query);
  const payments = read.type === "page" ? read.payments : [];
  const ids = payments.map(({ id }) => id);
  const report = {
    beganAtMs,
    endedAtMs: host.now(),
    beganSeq,
    complete: false,
    why: read.type === "page" ? "one_page" : read.failure,
    httpStatus: read.httpStatus,
    pages: read.type === "page" ? 1 : 0,
    count: read.type === "page" ? read.count : null,
    payments,
    missing: [],
    idsHash: null,
  };
  books.step(actor, { payments: ids, charges: (view) => ownersOf(view, payments) }, (draft) =>
    learnFromPage(draft, report),
  );
  return untimed(read.type === "page" ? found(read.body, null) : unreadAnswer(read));
}
