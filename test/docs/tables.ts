/**
 * Reads the tables of a document and holds them against what the code does. Knows nothing of
 * charges: any table of states by events can be checked with it.
 */
import { readFileSync } from "node:fs";

/** A table's cells by the name in its first column, then by the heading of the column. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export function readDocument(name: string): string {
  return readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
}

/** The first table under a heading. A row that names several things, with commas, is a row for each. */
export function tableUnder(document: string, heading: string): Table {
  const lines = document.split("\n");
  const start = lines.findIndex((line) => /^#+ /u.test(line) && line.endsWith(` ${heading}`));
  if (start === -1) {
    throw new Error(`The document has no heading "${heading}"`);
  }
  const first = lines.findIndex((line, index) => index > start && line.startsWith("|"));
  const end = lines.findIndex((line, index) => index > first && !line.startsWith("|"));
  const next = lines.findIndex((line, index) => index > start && line.startsWith("#"));
  if (first === -1 || (next !== -1 && next < first)) {
    throw new Error(`There is no table under "${heading}"`);
  }
  const [head = [], , ...body] = lines.slice(first, end === -1 ? undefined : end).map(cellsOf);
  const [, ...columns] = head;
  const rows = new Map<string, ReadonlyMap<string, string>>();
  for (const [names = "", ...cells] of body) {
    if (cells.length !== columns.length) {
      throw new Error(`"${names}" under "${heading}" has ${cells.length} cells`);
    }
    const row = new Map(columns.map((column, index) => [column, cells[index] ?? ""]));
    for (const name of names.split(", ")) {
      if (rows.has(name)) {
        throw new Error(`"${name}" is there twice under "${heading}"`);
      }
      rows.set(name, row);
    }
  }
  return { columns, rows };
}

function cellsOf(line: string): string[] {
  return line
    .replaceAll("`", "")
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/**
 * What a cell says happens, and the reason why it cannot, where there is one: `next`, `(next) a`
 * or, where there is nothing that could be done, `a`.
 */
export function moveIn(cell: string): { move: string; reason: string | null } {
  const [, bracketed, reason] = /^(?:\((.+)\) )?([a-z])$/u.exec(cell) ?? [];
  return reason === undefined ? { move: cell, reason: null } : { move: bracketed ?? "", reason };
}

/**
 * Every way in which a table is not what it should be, in words: rows and columns that are
 * missing or that nothing stands for, and cells that say something else.
 */
export function differences(
  table: Table,
  wanted: {
    readonly rows: readonly string[];
    readonly columns: readonly string[];
    /** Columns of plain words, which nothing is held against. */
    readonly words?: readonly string[];
  },
  cell: (row: string, column: string) => string,
): string[] {
  const found = [
    ...compareNames("row", [...table.rows.keys()], wanted.rows),
    ...compareNames("column", table.columns, [...wanted.columns, ...(wanted.words ?? [])]),
  ];
  for (const row of wanted.rows) {
    for (const column of wanted.columns) {
      const written = table.rows.get(row)?.get(column);
      const real = cell(row, column);
      if (written !== undefined && written !== real) {
        found.push(`${row} | ${column}: the document says "${written}", the code "${real}"`);
      }
    }
  }
  return found;
}

function compareNames(
  kind: "row" | "column",
  written: readonly string[],
  wanted: readonly string[],
): string[] {
  return [
    ...wanted.filter((one) => !written.includes(one)).map((one) => `no ${kind} for ${one}`),
    ...written.filter((one) => !wanted.includes(one)).map((one) => `nothing is called ${one}`),
  ];
}
