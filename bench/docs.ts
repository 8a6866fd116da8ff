import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chart } from "./chart.ts";
import { machineName } from "./machine.ts";
import { figureTable, markdownTable, type Report, rowTable } from "./report.ts";

const BEGIN = "<!-- begin: written by npm run bench -- --write-docs -->";
const END = "<!-- end -->";

/** Puts the run's figures between the marks of `performance.md` in the folder, and draws `performance.svg` beside it. */
export function writeDocs(folder: string, report: Report): void {
  const page = join(folder, "performance.md");
  const text = readFileSync(page, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${page} has no place for the figures: ${BEGIN} … ${END}`);
  writeFileSync(page, `${text.slice(0, begin + BEGIN.length)}\n\n${section(report)}\n\n${text.slice(end)}`);
  writeFileSync(join(folder, "performance.svg"), chart(report));
}

function section({ rows, figures, notes, machine, date, rounds }: Report): string {
  const remarks = rows.flatMap(({ measure, note }) => (note === undefined ? [] : [`- ${measure}: ${note}`]));
  return [
    `${machineName(machine)}. ${date.slice(0, 10)}, ${rounds} rounds. ${notes.join(" ")}`,
    "",
    ...markdownTable(rowTable(rows)),
    ...(remarks.length > 0 ? ["", ...remarks] : []),
    ...(figures.length > 0 ? ["", "The paths' own figures, medians of the rounds:", "", ...markdownTable(figureTable(figures))] : []),
  ].join("\n");
}
