import type { Figure } from "./data-plane.ts";
import { type Machine, machineName } from "./machine.ts";
import { PATHS } from "./path.ts";
import { type Bound, keeps, type Row } from "./row.ts";

/** Everything that one run found out; the JSON file is this. */
export type Report = {
  /** ISO 8601. */
  readonly date: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly quick: boolean;
  readonly rows: readonly Row[];
  readonly figures: readonly Figure[];
  readonly notes: readonly string[];
};

/** Cells, a line each, the first being the head. */
export type Table = readonly (readonly string[])[];

export function rowTable(rows: readonly Row[]): Table {
  return [
    ["measure", "must", "aim", "figure", "spread (quartiles)", "met"],
    ...rows.map(({ measure, must, aim, value, unit, spread }) => [
      measure,
      boundText(must, unit),
      boundText(aim, unit),
      figureText(value, unit),
      spread.samples === 1
        ? "one sample"
        : [spread.q1, spread.q3].map((at) => (unit === "×" ? figureText(at, unit) : number(at))).join(" – "),
      verdict(value, must, aim),
    ]),
  ];
}

export function figureTable(figures: readonly Figure[]): Table {
  const names = (Object.keys(PATHS) as (keyof typeof PATHS)[]).filter((name) =>
    figures.some(({ values }) => values[name]),
  );
  return [
    ["figure", ...names, "unit"],
    ...figures.map(({ measure, unit, values }) => [
      measure,
      ...names.map((name) => (values[name] ? number(values[name].value) : "")),
      unit,
    ]),
  ];
}

function verdict(value: number, must: Bound | undefined, aim: Bound | undefined): string {
  if (must && !keeps(value, must)) return "NO";
  if (aim) return keeps(value, aim) ? "yes, and the aim" : "yes";
  return must ? "yes" : "";
}

function boundText(bound: Bound | undefined, unit: string): string {
  return bound ? `${bound.kind === "atLeast" ? "≥" : "≤"} ${withUnit(bound.value, unit)}` : "";
}

/** A ratio with one digit more than its bounds have, so that it is seen on which side of them it lies. */
export function figureText(value: number, unit: string): string {
  return unit === "×" ? value.toFixed(3) : withUnit(value, unit);
}

function withUnit(value: number, unit: string): string {
  if (unit === "×") return value.toFixed(2);
  return unit.startsWith("/") ? `${number(value)}${unit}` : `${number(value)} ${unit}`;
}

/** With as many digits as mean something: three or so. */
export function number(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/** For a terminal. */
export function reportText({ machine, date, rows, figures, notes }: Report): string {
  const paths = Object.entries(PATHS).map(([letter, words]) => `  ${letter}  ${words}`);
  return [
    "",
    ...aligned(rowTable(rows)),
    ...rows.flatMap(({ measure, note }) => (note === undefined ? [] : [`  ${measure}: ${note}`])),
    ...(figures.length > 0 ? ["", ...aligned(figureTable(figures)), "", ...paths] : []),
    "",
    ...notes,
    `${machineName(machine)}; ${date.slice(0, 10)}`,
  ].join("\n");
}

function aligned(table: Table): readonly string[] {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((cells) => cells[column]?.length ?? 0)),
  );
  return table.map((cells) =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  "),
  );
}

export function markdownTable(table: Table): readonly string[] {
  const [head = [], ...lines] = table;
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? "---" : "--:"))), ...lines.map(line)];
}
