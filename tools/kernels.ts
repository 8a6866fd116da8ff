/**
 * Runs Genkan on the kernels that the README names, each in a virtual machine: `npm run kernels -- [SUITE…]
 * [--quick] [--only STEP,…] [--command SCRIPT] [--minutes N]`. Prints a table, and closes with `N passed, N
 * failed`; exit status 1 when a kernel is red. After N minutes in all it ends, whatever a machine is doing:
 * what was not through by then was not run, and that is told. So is a base that can't be had. What the guests
 * print goes to dist/kernels/.
 */

import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Base, installTools, NoBase, prepareBase, type Suite } from "./debian-base.ts";
import { runInGuest } from "./virtual-machine.ts";

const root = join(import.meta.dirname, "../..");
const logs = join(root, "dist/kernels");

type Guest = {
  readonly name: string;
  readonly suite: Suite;
  readonly kernelOptions?: string;
  readonly steps: readonly StepName[];
  /**
   * Which of the steps `--quick` runs: together a quarter of an hour on a quiet machine with two processors
   * and no KVM.
   */
  readonly quick: readonly StepName[];
};

/** What is run in a guest, in this order. */
const STEPS = {
  "set-up": "sh tools/setup.sh test",
  start:
    "{ ./genkan up --detach || { tail -n 8 .genkan/verifier.log; false; }; } && ./genkan status && { ./genkan doctor || true; }",
  demo: "./genkan demo",
  down: "./genkan down",
  "data plane": "node --no-warnings dist/tools/run-tests.js dist/src/datapath",
  host: "node --no-warnings dist/tools/run-tests.js dist/src/host",
  proof: "node --no-warnings dist/test/proof/prove.js --packets 100000",
  "kill -9": "node --no-warnings dist/tools/run-tests.js dist/test/machine/survives dist/src/store",
} as const;
type StepName = keyof typeof STEPS;
const ALL = Object.keys(STEPS) as StepName[];
const SHORT: readonly StepName[] = ["set-up", "start", "demo", "down"];

/** systemd's two layouts of control groups; the first is forced where the suite has given it up. */
const CGROUP_V1 = "systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1";

const GUESTS: readonly Guest[] = [
  // First what is short, so that a run that ends early has tried both.
  { name: "Debian 13, cgroup v2", suite: "trixie", steps: ALL, quick: SHORT },
  // The oldest kernel has the strictest verifier, and no TCX.
  { name: "Debian 12, cgroup v2", suite: "bookworm", steps: ALL, quick: [...SHORT, "data plane"] },
  { name: "Debian 12, cgroup v1", suite: "bookworm", kernelOptions: CGROUP_V1, steps: SHORT, quick: [] },
  { name: "Debian 13, cgroup v1", suite: "trixie", kernelOptions: CGROUP_V1, steps: SHORT, quick: [] },
];

/** Lines of a failed step that are repeated where the table is printed. */
const LAST_WORDS = 30;

type Outcome = {
  readonly guest: Guest;
  kernel: string;
  readonly steps: Map<string, { readonly ok: boolean; readonly seconds: number }>;
  /** Why steps that have no end were not run to it, when that is not the guest's fault. */
  notRun?: string;
};

/** Every step says how it ended; those after a failed one are tried too, as they may tell more. */
function scriptOf(steps: readonly StepName[]): string {
  const line = (name: StepName): string =>
    `begin=$(date +%s); ( ${STEPS[name]} ) </dev/null; status=$?; echo "STEP $status $(( $(date +%s) - begin )) ${name}"; [ $status = 0 ] || failed=1`;
  return ["failed=0", ...steps.map(line), "exit $failed"].join("\n");
}

async function test(guest: Guest, deadline: number): Promise<Outcome> {
  const outcome: Outcome = { guest, kernel: "", steps: new Map() };
  const base = baseOf(guest.suite, deadline);
  if (typeof base === "string") return { ...outcome, notRun: base };
  const file = join(logs, `${guest.name.replaceAll(/[ ,]+/g, "-").toLowerCase()}.log`);
  const log = createWriteStream(file);
  let printed: string[] = [];
  await runInGuest(base, root, {
    command: scriptOf(guest.steps),
    deadline,
    ...(guest.kernelOptions ? { kernelOptions: guest.kernelOptions } : {}),
    line: (text) => {
      log.write(`${text}\n`);
      outcome.kernel ||= /GUEST-BEGIN (\S+)/.exec(text)?.[1] ?? "";
      const step = /^STEP (\d+) (\d+) (.+)$/.exec(text);
      if (!step) return void printed.push(text);
      outcome.steps.set(step[3] ?? "", { ok: step[1] === "0", seconds: Number(step[2]) });
      console.log(
        `${guest.name} (${outcome.kernel}): ${step[3]} ${step[1] === "0" ? "passed" : `failed, see ${file}`} in ${step[2]} s`,
      );
      if (step[1] !== "0") for (const text of printed.slice(-LAST_WORDS)) console.log(`  ${text}`);
      printed = [];
    },
  });
  log.end();
  if (performance.now() >= deadline) outcome.notRun = "switched off when the minutes of this run were over";
  return outcome;
}

/** The suite's base, or why there is none. */
function baseOf(suite: Suite, deadline: number): Base | string {
  try {
    return prepareBase(suite, deadline);
  } catch (error) {
    if (error instanceof NoBase) return error.message;
    throw error;
  }
}

/** Names down the side, guests across. What never came to its end counts as failed. */
function table(outcomes: readonly Outcome[]): readonly string[] {
  const rows = ALL.filter((name) => outcomes.some(({ guest }) => guest.steps.includes(name))).map((name) => [
    name,
    ...outcomes.map(({ guest, steps, notRun }) => {
      const step = steps.get(name);
      if (step) return `${step.ok ? "passed" : "FAILED"} ${step.seconds} s`;
      if (!guest.steps.includes(name)) return "-";
      return notRun === undefined ? "FAILED (no end)" : "not run";
    }),
  ]);
  const head = ["", ...outcomes.map(({ guest }) => guest.name)];
  const kernels = [
    "kernel",
    ...outcomes.map(({ kernel, notRun }) => kernel || (notRun === undefined ? "did not boot" : "-")),
  ];
  const all = [head, kernels, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** Prints how it went. @returns the exit status */
function report(outcomes: readonly Outcome[]): number {
  for (const line of table(outcomes)) console.log(line);
  for (const { guest, notRun } of outcomes)
    if (notRun !== undefined) console.log(`${guest.name}: not run: ${notRun}`);
  const ends = outcomes.flatMap(({ guest, steps, notRun }) =>
    guest.steps.map((name) => steps.get(name)?.ok ?? (notRun === undefined ? false : undefined)),
  );
  const [passed, failed, skipped] = [true, false, undefined].map(
    (end) => ends.filter((ok) => ok === end).length,
  );
  console.log(`${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
  return failed === 0 ? 0 : 1;
}

type Choice = {
  readonly words: readonly string[];
  readonly quick: boolean;
  readonly only: readonly string[] | undefined;
};

function chosenGuests({ words, quick, only }: Choice): readonly Guest[] {
  const stranger = only?.find((name) => !(ALL as readonly string[]).includes(name));
  if (stranger !== undefined) throw new Error(`--only takes steps of ${ALL.join(",")}; not ${stranger}`);
  const chosen = GUESTS.filter(
    ({ suite, name }) => words.length === 0 || words.some((word) => word === suite || name.includes(word)),
  );
  if (chosen.length === 0)
    throw new Error(
      `no such guest: ${words.join(" ")}; there are ${GUESTS.map(({ name }) => name).join("; ")}`,
    );
  return (
    chosen
      // Without set-up there is no kernel program in the guest.
      .map((guest) => ({
        ...guest,
        steps: (quick ? guest.quick : guest.steps).filter(
          (name) => !only || name === "set-up" || only.includes(name),
        ),
      }))
      .filter(({ steps }) => steps.length > 0)
  );
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      command: { type: "string" },
      minutes: { type: "string", default: "240" },
    },
  });
  if (process.platform !== "linux" || process.arch !== "x64" || process.getuid?.() !== 0) {
    console.log("kernels: skipped: this needs root on Linux, x86-64");
    return 0;
  }
  mkdirSync(logs, { recursive: true });
  const guests = chosenGuests({ words: positionals, quick: values.quick, only: values.only?.split(",") });
  const deadline = performance.now() + Number(values.minutes) * 60_000;
  installTools(deadline);
  if (values.command !== undefined) {
    const base = prepareBase(guests[0]?.suite ?? "bookworm", deadline);
    return (await runInGuest(base, root, { command: values.command, deadline, line: console.log })) ?? 1;
  }
  const outcomes: Outcome[] = [];
  for (const guest of guests) outcomes.push(await test(guest, deadline));
  return report(outcomes);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof NoBase)) throw error;
  console.log(`kernels: skipped: ${error.message}`);
}
