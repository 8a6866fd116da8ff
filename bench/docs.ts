import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chart } from "./chart.ts";
import type { Figure } from "./data-plane.ts";
import { machineName } from "./machine.ts";
import { FIGURES } from "./measures.ts";
import { figureTable, markdownTable, number, type Report, rowTable } from "./report.ts";
import { summaryTable } from "./summary.ts";

const BEGIN = "<!-- begin: written by npm run bench -- --write-docs -->";
const END = "<!-- end -->";

/**
 * Puts the run's figures between the marks of `performance.md` in the folder, and draws `performance.svg`
 * beside it.
 */
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
  const first = summaryTable(rows);
  return [
    `${machineName(machine)}. ${date.slice(0, 10)}, ${rounds} rounds. ${notes.join(" ")}`,
    "",
    ...(first.length > 0
      ? [
          "What matters most, in medians; the paths A to N are told [below](#the-paths):",
          "",
          ...markdownTable(first),
        ]
      : []),
    ...(first.length > 0 ? ["", "Everything that was measured, with its bounds:", ""] : []),
    ...markdownTable(rowTable(rows)),
    ...(remarks.length > 0 ? ["", ...remarks] : []),
    ...perPacket(figures),
    ...(figures.length > 0
      ? ["", "The paths' own figures, medians of the rounds:", "", ...markdownTable(figureTable(figures))]
      : []),
  ].join("\n");
}

/**
 * What the packet rates mean for one packet: the ends' and the cable's share, and what each path adds to it.
 */
function perPacket(figures: readonly Figure[]): readonly string[] {
  const values = figures.find(({ measure }) => measure === FIGURES.rate.words)?.values;
  const { A, B, C, R, G } = values ?? {};
  if (!A || !B || !C || !G) return [];
  const time = ({ value }: { readonly value: number }): number => 1e9 / value;
  const more = (path: { readonly value: number }): string => `${number(time(path) - time(A))} ns`;
  const least = R
    ? ` (${more(R)} for the links and handing the packet on, the rest for all that Genkan decides and rewrites)`
    : "";
  return [
    "",
    `For one packet of 64 bytes, sending, the cable and receiving take ${number(time(A))} ns. On top of that come, with the kernel's router, ${more(B)}; with bridge and connection-tracked NAT, ${more(C)}; with Genkan, ${more(G)}${least}.`,
  ];
}
