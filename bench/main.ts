/**
 * The benchmark: Genkan beside a bare cable, the kernel's router and connection-tracked NAT, in one run. See
 * docs/performance.md.
 */

import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chart } from "./chart.ts";
import { dataPlaneRows, type DataPlaneReport } from "./data-plane.ts";
import { writeDocs } from "./docs.ts";
import { thisMachine } from "./machine.ts";
import { MEASURES } from "./measures.ts";
import { type Report, reportText } from "./report.ts";
import type { Row } from "./row.ts";

const root = join(import.meta.dirname, "../..");

const OPTIONS = {
  rounds: { type: "string" },
  quick: { type: "boolean" },
  only: { type: "string" },
  json: { type: "string" },
  svg: { type: "string" },
  cpu: { type: "string" },
  "write-docs": { type: "boolean" },
  /** Already in namespaces of its own. */
  inside: { type: "boolean" },
} as const;

/** What besides the paths is measured, each in a module of its own that is loaded when its turn comes. */
const FURTHER: Readonly<Record<string, (quick: boolean, rounds: number) => Promise<readonly Row[]>>> = {
  scale: async (quick) => (await import("./scale.ts")).scaleBench(quick ? [1, 1_000] : undefined),
  "control-plane": async (quick, rounds) =>
    (await import("./control-plane.ts")).controlPlaneRows({
      rounds: Math.min(rounds, 5),
      requests: quick ? 1_000 : 10_000,
    }),
  instances: async (quick, rounds) =>
    (await import("./instances.ts")).instanceRows({
      count: quick ? 10 : 100,
      rounds: quick ? 1 : Math.min(rounds, 3),
    }),
  etcd: async (quick, rounds) =>
    (await import("./etcd.ts")).etcdRows({
      rounds: quick ? 1 : Math.min(rounds, 5),
      commits: quick ? 500 : 5_000,
    }),
  "control-plane-scale": async (quick) =>
    (await import("./control-plane-scale.ts")).controlPlaneScaleRows({
      scale: { addresses: quick ? 1_000 : 1_000_000 },
      starts: quick ? 1 : 3,
      calls: 20,
    }),
};

type Settings = {
  readonly rounds: number;
  readonly quick: boolean;
  readonly cpu: number;
  readonly only: readonly string[];
  readonly json: string | undefined;
  readonly svg: string | undefined;
  readonly writeDocs: boolean;
  readonly inside: boolean;
};

function settingsOf(argv: readonly string[]): Settings {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS, strict: true });
  const quick = values.quick ?? false;
  const last = cpus().length - 1;
  const known = [...MEASURES.map(({ name }) => name), ...Object.keys(FURTHER)];
  const only = values.only?.split(",") ?? known;
  const stranger = only.find((word) => !known.includes(word as (typeof known)[number]));
  if (stranger !== undefined)
    throw new Usage(`--only takes words of ${known.join(",")}, with commas between; not ${stranger}`);
  return {
    rounds: wholeNumber("rounds", values.rounds ?? (quick ? "2" : "8"), 1, 1000),
    quick,
    cpu: wholeNumber("cpu", values.cpu ?? String(last), 0, last),
    only,
    json: values.json,
    svg: values.svg,
    writeDocs: values["write-docs"] ?? false,
    inside: values.inside ?? false,
  };
}

/** A user's mistake, told in one line. */
class Usage extends Error {}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new Usage(`--${name} is a whole number from ${least} to ${most}`);
  return value;
}

/**
 * Namespaces of its own without a way out, and an empty /run: no packet leaves them, and nothing of it
 * outlives it.
 */
const UNSHARE = [
  "setpriv",
  "--pdeathsig",
  "KILL",
  "--",
  "unshare",
  "--net",
  "--mount",
  "--pid",
  "--fork",
  "--kill-child",
  "--mount-proc",
  "--propagation",
  "private",
];
const INSIDE = 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"';

async function isolated(argv: readonly string[]): Promise<number> {
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    throw new Usage("the benchmark moves packets: it needs root on Linux");
  if (!existsSync(join(root, "dist/datapath/genkan.bpf.o")))
    throw new Usage("the kernel program is not compiled: sh tools/setup.sh run");
  const node = [process.execPath, "--no-warnings", import.meta.filename, ...argv, "--inside"];
  const [program = "", ...args] = [...UNSHARE, "sh", "-c", INSIDE, "sh", ...node];
  const child = spawn(program, args, {
    stdio: "inherit",
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
  });
  // The first process of a namespace hears no gentle signal; it goes when what started it goes.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => child.kill("SIGKILL"));
  return new Promise((resolve, reject) =>
    child.on("error", reject).on("close", (code) => resolve(code ?? 1)),
  );
}

async function measure({ rounds, quick, cpu, only, json, svg, writeDocs: docs }: Settings): Promise<number> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const none: DataPlaneReport = { rows: [], figures: [], notes: [] };
  const paths = MEASURES.some(({ name }) => only.includes(name));
  const { rows, figures, notes } = paths
    ? await dataPlaneRows({ rounds, quick, cpu, say, chosen: (name) => only.includes(name) })
    : none;
  const further: Row[] = [];
  for (const [name, take] of Object.entries(FURTHER)) {
    if (!only.includes(name)) continue;
    say(name);
    further.push(...(await take(quick, rounds)));
  }
  const report: Report = {
    date: new Date().toISOString(),
    machine: thisMachine(),
    rounds,
    quick,
    rows: [...rows, ...further],
    figures,
    notes,
  };
  process.stdout.write(`${reportText(report)}\n`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  if (svg !== undefined) writeFileSync(svg, chart(report));
  if (docs) writeDocs(join(root, "docs"), report);
  return 0;
}

try {
  const argv = process.argv.slice(2);
  const settings = settingsOf(argv);
  process.exitCode = await (settings.inside ? measure(settings) : isolated(argv));
} catch (error) {
  const mistake =
    error instanceof Usage ||
    (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS"));
  process.stderr.write(`bench: ${mistake ? error.message : traceOf(error)}\n`);
  process.exitCode = 1;
}

function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.stack}${error.cause === undefined ? "" : `\nbecause: ${traceOf(error.cause)}`}`;
}
