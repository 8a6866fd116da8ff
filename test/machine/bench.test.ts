import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chart } from "../../bench/chart.ts";
import { writeDocs } from "../../bench/docs.ts";
import { type Report, reportText } from "../../bench/report.ts";
import { atLeast, atMost, quantile, rowOf } from "../../bench/row.ts";
import { summaryTable } from "../../bench/summary.ts";
import { VERBS } from "../../src/cli/verbs.ts";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { ROOT } from "../kit/genkan.ts";

/** The benchmark as an instrument: never how fast anything is. */

const MAIN = join(import.meta.dirname, "../../bench/main.js");
const folder = mkdtempSync(join(tmpdir(), "genkan-bench-test-"));
process.once("exit", () => rmSync(folder, { recursive: true }));

function runBench(...words: readonly string[]): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  return spawnSync(process.execPath, ["--no-warnings", MAIN, ...words], { encoding: "utf8" });
}

test(
  "every path carries packets and round trips, and the report has their ratios",
  { skip: noKernel },
  () => {
    const file = join(folder, "report.json");
    const { status, stderr } = runBench(
      "--quick",
      "--rounds",
      "1",
      "--only",
      "rate,connections",
      "--json",
      file,
    );
    assert.equal(status, 0, stderr);
    const { rows, figures } = JSON.parse(readFileSync(file, "utf8")) as Report;
    assert.deepEqual(
      rows.map(({ measure }) => measure).filter((measure) => !measure.includes("K ÷")),
      ["packets/s, G ÷ B", "packets/s, G ÷ A", "packets/s, G ÷ C", "connect-request-close time p50, G ÷ B"],
    );
    for (const { values } of figures)
      for (const path of ["A", "B", "C", "G"] as const)
        assert.ok((values[path]?.value ?? 0) > 0, `${path} has a figure`);
    const [rate] = figures;
    assert.equal(rows[0]?.value, (rate?.values.G?.value ?? 0) / (rate?.values.B?.value ?? 0));
  },
);

test("IPv6 and NAT gateways are measured on paths of their own", { skip: noKernel }, () => {
  const file = join(folder, "further.json");
  const { status, stderr } = runBench("--quick", "--rounds", "1", "--only", "ipv6,nat,nat64", "--json", file);
  assert.equal(status, 0, stderr);
  const { rows, figures } = JSON.parse(readFileSync(file, "utf8")) as Report;
  assert.deepEqual(
    rows.map(({ measure }) => measure),
    [
      "packets/s, IPv6, G ÷ B",
      "packets/s, IPv6, G ÷ A",
      "packets/s through a NAT gateway, N ÷ M",
      "packets/s through a NAT gateway, N ÷ A",
      "packets/s through NAT64, N ÷ A",
    ],
  );
  assert.deepEqual(
    figures.map(({ values }) => Object.keys(values).filter((path) => path !== "R" && path !== "K")),
    [
      ["A", "B", "G"],
      ["A", "M", "N"],
      ["A", "N"],
    ],
  );
});

test("a mistake in the options is told in one line", { skip: noKernel }, () => {
  for (const words of [["--rounds", "0"], ["--only", "speed"], ["--fast"], ["--cpu", "4096"]]) {
    const { status, stderr } = runBench(...words);
    assert.equal(status, 1);
    assert.match(stderr, /^bench: [^\n]+\n$/);
  }
});

test("a quantile lies between its neighbours; a row's figure is the median", () => {
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
  assert.equal(quantile([5], 0.9), 5);
  assert.equal(quantile(Float64Array.of(10, 20, 30), 1), 30);
  const { value, spread } = rowOf({ measure: "m", unit: "×", samples: [3, 1, 2, 5, 4] });
  assert.deepEqual({ value, spread }, { value: 3, spread: { samples: 5, min: 1, q1: 2, q3: 4, max: 5 } });
});

const spread = { samples: 2, min: 1, q1: 1, q3: 1, max: 1 };
const REPORT: Report = {
  date: "2026-01-02T03:04:05.000Z",
  machine: {
    processor: "P <1>",
    processors: 2,
    memoryGib: 4,
    kernel: "6.6",
    hypervisor: "KVM",
    distribution: "Debian",
    node: "v20",
  },
  rounds: 2,
  quick: false,
  rows: [
    { measure: "missed", must: atLeast(1), aim: atLeast(2), value: 0.99, unit: "×", spread },
    { measure: "kept", must: atMost(2), aim: atMost(0.5), value: 1, unit: "s", spread },
    { measure: "reached", must: atMost(2), aim: atMost(1), value: 1, unit: "s", spread },
  ],
  figures: [
    {
      measure: "packets/s of 64 bytes",
      unit: "packets/s",
      values: {
        A: { value: 2e6, spread, toRouter: 2 },
        B: { value: 1e6, spread, toRouter: 1 },
        G: { value: 1.5e6, spread, toRouter: 1.5 },
      },
    },
  ],
  notes: ["A note."],
};

test("the table says which bounds are kept", () => {
  const lines = reportText(REPORT).split("\n");
  const verdictOf = (measure: string): string =>
    (lines.find((line) => line.startsWith(measure)) ?? "").split(/ {2,}/).at(-1) ?? "";
  assert.deepEqual(["missed", "kept", "reached"].map(verdictOf), ["NO", "yes", "yes, and the aim"]);
});

test("the page gets the figures between its marks, again and again, and keeps the rest", () => {
  const page = join(folder, "performance.md");
  writeFileSync(
    page,
    "before\n<!-- begin: written by npm run bench -- --write-docs -->\nold\n<!-- end -->\nafter\n",
  );
  writeDocs(folder, REPORT);
  const once = readFileSync(page, "utf8");
  assert.match(
    once,
    /^before\n<!-- begin.*-->\n\nP <1>, 2 processors[^]*\| missed \| ≥ 1.00 \| ≥ 2.00 \| 0.990 \|[^]*<!-- end -->\nafter\n$/,
  );
  assert.doesNotMatch(once, /\nold\n/);
  writeDocs(folder, REPORT);
  assert.equal(readFileSync(page, "utf8"), once);
  writeFileSync(page, "no marks");
  assert.throws(() => writeDocs(folder, REPORT), /no place for the figures/);
});

test("the page tells ten figures first, which are those of its table", () => {
  const page = readFileSync(join(ROOT, "docs/performance.md"), "utf8");
  const tables = page
    .split(/\n\n/)
    .map((part) => part.split("\n").map((line) => line.slice(2, -2).split(" | ")));
  const [first = [], every = []] = ["what", "measure"].map((head) =>
    tables.find(([cells]) => cells?.[0] === head)?.slice(2),
  );
  const figures = new Map(every.map(([measure = "", , , figure]) => [measure, figure]));
  assert.equal(first.length, 10);
  for (const [, figure, measure = ""] of first) assert.equal(figures.get(measure), figure, measure);
  const rows = [...figures.keys()].map((measure) => ({ measure, value: 1, unit: "s", spread }));
  assert.deepEqual(summaryTable(rows).slice(1).map(said), first.map(said), "what a run tells first");
  assert.deepEqual(summaryTable(rows.slice(0, 1)).map(said), [
    ["what", "measure"],
    [
      "Packets of 64 bytes in a second, as a multiple of what the kernel's own router forwards.",
      "packets/s, G ÷ B",
    ],
  ]);
  assert.deepEqual(summaryTable(REPORT.rows), []);
});

/** A row without its figure. */
function said([what, , measure]: readonly string[]): readonly (string | undefined)[] {
  return [what, measure];
}

test("the chart is well-formed and has a bar for each path that was measured", () => {
  const svg = chart(REPORT);
  assert.deepEqual(
    [...svg.matchAll(/class="([ABCRG])"/g)].map(([, path]) => path),
    ["A", "B", "G"],
  );
  assert.doesNotMatch(svg, /NaN|undefined|P <1>/);
  const open: string[] = [];
  for (const [, end, name = "", alone] of svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (end) assert.equal(open.pop(), name);
    else if (!alone) open.push(name);
  }
  assert.deepEqual(open, []);
});

test("genkan bench --help names every word of --only", () => {
  const known = /--only takes words of ([^ ]+), with/.exec(runBench("--only", "speed").stderr)?.[1];
  for (const words of Object.values(VERBS.bench.options.only.words))
    assert.ok(words.includes(known ?? "no list"), words);
});
