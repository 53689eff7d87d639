/**
 * docs/states.md says of refunds what the code does: every cell of its tables is held against
 * `evolveRefund`, the decisions, and what the caller is told.
 */
import { describe, it } from "vitest";
import { evolve } from "../../src/domain/evolve.ts";
import { REFUND_STATES, type RefundState } from "../../src/domain/refund.ts";
import { evolveRefund } from "../../src/domain/refund-evolve.ts";
import { examplesOf, SITUATIONS } from "./charge-situations.ts";
import {
  NEWS_NAMES,
  newsIn,
  REFUND_EVENT_NAMES,
  refundEventOf,
  refundFactsOf,
  refundMoveOf,
} from "./refund-events.ts";
import { answerIn, keyIn, refundsIn, toldIn } from "./refund-situations.ts";
import { walkRefunds } from "./refund-walk.ts";
import { differences, moveIn, readDocument, type Table, tableUnder } from "./tables.ts";

const WHOLE = readDocument("states.md");
const DOCUMENT = WHOLE.slice(WHOLE.indexOf("\n## A refund\n"));
const EVENTS_TABLE = tableUnder(DOCUMENT, "Refund events");
const COLUMNS = ["no refund", ...REFUND_STATES] as const;
/** Enough lives that each event is shown wherever the decisions allow it. */
const SHOWN = walkRefunds(4000, 80);

/** A table of moves without its reasons. */
function plain({ columns, rows }: Table): Table {
  const bare = [...rows].map(([name, row]): [string, Map<string, string>] => [
    name,
    new Map([...row].map(([column, cell]) => [column, moveIn(cell).move])),
  ]);
  return { columns, rows: new Map(bare) };
}

describe("docs/states.md, a refund", () => {
  it("says what a caller is answered in every state, and what its key means", ({ expect }) => {
    const table = tableUnder(DOCUMENT, "Refund states");
    const columns = ["answer", "key"];
    const wanted = { rows: REFUND_STATES, columns, words: ["meaning"] };
    const real = (state: string, column: string) =>
      (column === "answer" ? answerIn : keyIn)(state as RefundState);
    expect(differences(table, wanted, real)).toEqual([]);
  });

  it("says what a caller is told of the money by the status of the payment", ({ expect }) => {
    const table = tableUnder(DOCUMENT, "Refund money");
    const rows = REFUND_STATES.flatMap((state) => [state, `${state} of a charge`]);
    const columns = ["CONFIRMED", "PENDING", "NOT_INITIALIZED", "CANCELLED", "REFUNDED", "unknown"];
    const real = (row: string, column: string) => {
      const [state = ""] = row.split(" ");
      const status = column === "unknown" ? "SOMETHING_NEW" : column;
      return toldIn(state as RefundState, status, row !== state);
    };
    expect(differences(table, { rows, columns }, real)).toEqual([]);
  });

  it("says what every event does in every state", ({ expect }) => {
    const wanted = { rows: REFUND_EVENT_NAMES, columns: COLUMNS };
    const real = (event: string, column: string) =>
      refundMoveOf(event, column as RefundState | "no refund");
    expect(differences(plain(EVENTS_TABLE), wanted, real)).toEqual([]);
  });

  it("calls impossible only what no life shows, and gives a reason for it", ({ expect }) => {
    const wrong: string[] = [];
    for (const event of REFUND_EVENT_NAMES) {
      for (const state of COLUMNS) {
        const cell = EVENTS_TABLE.rows.get(event)?.get(state) ?? "";
        const { move, reason } = moveIn(cell);
        const isShown = SHOWN.noted.has(`${event} | ${state}`);
        if (isShown && (reason !== null || move === "error")) {
          wrong.push(`${event} happens in ${state}`);
        }
        if (reason !== null && !DOCUMENT.includes(`\n- **${reason}** `)) {
          wrong.push(`${event} in ${state}: no reason ${reason}`);
        }
        if (!isShown && reason === null && move !== "error") {
          wrong.push(`${event} never happens in ${state}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it("knows every event that happens", ({ expect }) => {
    const happened = [...SHOWN.noted].map((key) => key.split(" | ")[0] ?? "");
    expect(happened.filter((event) => !REFUND_EVENT_NAMES.includes(event))).toEqual([]);
  });

  it("says what the news of its payment makes of a refund", ({ expect }) => {
    const table = tableUnder(DOCUMENT, "Refund news");
    const wanted = { rows: NEWS_NAMES, columns: REFUND_STATES };
    const real = (news: string, state: string) => newsIn(news, state as RefundState);
    expect(differences(table, wanted, real)).toEqual([]);
  });

  it("says when a read is planned", ({ expect }) => {
    const table = tableUnder(DOCUMENT, "Refund reads");
    const wanted = { rows: REFUND_STATES, columns: ["read"], words: ["the alarm's work"] };
    expect(differences(table, wanted, (state) => SHOWN.plan(state as RefundState))).toEqual([]);
  });

  it("binds the answer when a refund becomes final, and keeps its bytes after that", ({
    expect,
  }) => {
    for (const event of REFUND_EVENT_NAMES) {
      for (const state of REFUND_STATES) {
        for (const refund of refundsIn(state)) {
          for (const fact of refundFactsOf(event, refund)) {
            if (refundMoveOf(event, state) !== "error") {
              const next = evolveRefund(refund, fact, 99);
              const isFinal = next.state === "refunded" || next.state === "refused";
              const kept = refund.boundReply ?? next.boundReply;
              expect(next.boundReply, `${event} in ${state}`).toBe(kept);
              expect(isFinal && next.boundReply === null, `${event} in ${state}`).toBe(false);
            }
          }
        }
      }
    }
  });

  it("leaves the charge as it is, but for its own payment, once that is refunded", ({ expect }) => {
    for (const event of REFUND_EVENT_NAMES.filter((name) => name.startsWith("refund_"))) {
      for (const fact of refundsIn("in_flight").flatMap((one) => [...refundFactsOf(event, one)])) {
        const isDone = fact.type === "refund_answered" && fact.outcome.kind === "refunded";
        const payment = isDone ? fact.payment : null;
        for (const charge of SITUATIONS.flatMap((situation) => [...examplesOf(situation)])) {
          const isOwn = payment !== null && charge.payment?.id === payment.id;
          const wanted = isOwn ? { ...charge, payment } : charge;
          expect(evolve(charge, fact, 99), event).toEqual(wanted);
        }
      }
    }
  });

  it("checks with facts and refunds that are what their rows are called", ({ expect }) => {
    for (const state of REFUND_STATES) {
      for (const refund of refundsIn(state)) {
        expect(refund.state).toBe(state);
        for (const event of REFUND_EVENT_NAMES) {
          for (const fact of refundFactsOf(event, refund)) {
            expect(refundEventOf(fact)).toBe(event);
          }
        }
      }
    }
  });
});
