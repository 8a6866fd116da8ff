import type { Figure } from "./data-plane.ts";
import { machineName } from "./machine.ts";
import { FIGURES, type FigureName } from "./measures.ts";
import { PATH_NAMES, PATHS, type PathName } from "./path.ts";
import { number, type Report } from "./report.ts";

/** One panel for each of these figures: a title, and what is good. */
const PANELS: readonly {
  readonly figure: FigureName;
  readonly title: string;
  readonly better: "higher" | "lower";
}[] = [
  { figure: "rate", title: "Packets per second, 64 bytes", better: "higher" },
  { figure: "udp50", title: "Round trip of UDP, median", better: "lower" },
  { figure: "tcp50", title: "Round trip of TCP, median", better: "lower" },
  { figure: "connection50", title: "Connect, request, answer, close", better: "lower" },
  { figure: "bulk", title: "Bulk TCP with segmentation offload", better: "higher" },
  { figure: "segments", title: "Bulk TCP without offload", better: "higher" },
];

const NAMES: Readonly<Record<PathName, string>> = {
  A: "bare cable",
  B: "kernel router",
  C: "conntrack NAT",
  R: "redirect only",
  G: "Genkan",
  M: "masquerading",
  N: "NAT gateway",
  K: "netkit",
};
const WIDTH = 860;
const COLUMN = WIDTH / 2;
const BAR = { left: 112, width: 210, height: 16, gap: 7 } as const;
const PANEL_HEIGHT = 160;
const TOP = 82;

/**
 * The figures as bars, a scalable drawing without anything from elsewhere, in the reader's own light or dark.
 */
export function chart(report: Report): string {
  const panels = PANELS.flatMap((panel) => {
    const found = report.figures.find(({ measure }) => measure === FIGURES[panel.figure].words);
    return found ? [{ ...panel, found }] : [];
  });
  const height = TOP + Math.ceil(panels.length / 2) * PANEL_HEIGHT + 34;
  const body = panels.map(({ title, better, found }, index) =>
    panelOf(
      found,
      `${title}, ${better} is better`,
      24 + (index % 2) * COLUMN,
      TOP + Math.floor(index / 2) * PANEL_HEIGHT,
    ),
  );
  const label = `Genkan beside ${Object.values(NAMES).slice(0, 3).join(", ")}: ${panels.map(({ title }) => title).join("; ")}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(label)}">
<style>${STYLE}</style>
<text x="24" y="30" class="title">The same work on each path, side by side in one run</text>
<text x="24" y="48" class="small">${escaped(`medians of ${report.rounds} rounds; small: the ratio to the kernel's router, round by round`)}</text>
${body.join("\n")}
<text x="24" y="${height - 12}" class="small">${escaped(`${machineName(report.machine)}; ${report.date.slice(0, 10)}`)}</text>
</svg>
`;
}

const STYLE = `
text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#24292f}
.title{font-size:17px;font-weight:600}.head{font-weight:600}.small{font-size:11px;fill:#57606a}
.value{font-variant-numeric:tabular-nums}.track{fill:#afb8c1;fill-opacity:.2}
.A{fill:#8c959f}.B{fill:#6e7781}.C{fill:#bf8700}.R{fill:#54aeff}.G{fill:#0969da}
.own{font-weight:600}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.track{fill:#656c76;fill-opacity:.25}
.A{fill:#9198a1}.B{fill:#6e7681}.C{fill:#d29922}.R{fill:#1f6feb;fill-opacity:.6}.G{fill:#4493f8}}`;

function panelOf({ values, unit }: Figure, title: string, x: number, y: number): string {
  const most = Math.max(...Object.values(values).map(({ value }) => value));
  const bars = PATH_NAMES.flatMap((name, index) => {
    const figure = values[name];
    if (!figure || name === "K") return [];
    const top = y + 12 + index * (BAR.height + BAR.gap);
    const own = name === "G" ? " own" : "";
    const ratio = name === "B" ? "" : `<tspan class="small" dx="6">${figure.toRouter.toFixed(2)}×</tspan>`;
    const rest = `x="${x + BAR.left}" y="${top}" height="${BAR.height}" rx="3"`;
    return [
      `<g><title>${escaped(PATHS[name])}</title>`,
      `<text x="${x + BAR.left - 8}" y="${top + 13}" text-anchor="end" class="name${own}">${NAMES[name]}</text>`,
      `<rect ${rest} width="${BAR.width}" class="track"/>`,
      `<rect ${rest} width="${((figure.value / most) * BAR.width).toFixed(1)}" class="${name}"/>`,
      `<text x="${x + BAR.left + BAR.width + 8}" y="${top + 13}" class="value${own}">${number(figure.value)}${ratio}</text></g>`,
    ];
  });
  return [
    `<text x="${x}" y="${y}" class="head">${escaped(title)}<tspan class="small" dx="6">${unit}</tspan></text>`,
    ...bars,
  ].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
