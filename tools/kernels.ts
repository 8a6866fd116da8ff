/**
 * Runs Genkan on the kernels that the README names, each in a virtual machine: `npm run kernels -- [SUITE…] [--only STEP,…]
 * [--command SCRIPT]`. Prints a table, and closes with `N passed, N failed`; exit status 1 when a kernel is red. When the package
 * mirror does not answer it says so and skips. What the guests print goes to dist/kernels/.
 */
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { installTools, NoMirror, prepareBase, runInGuest, type Suite } from "./virtual-machine.ts";

const root = join(import.meta.dirname, "../..");
const logs = join(root, "dist/kernels");

type Guest = { readonly name: string; readonly suite: Suite; readonly kernelOptions?: string; readonly steps: readonly StepName[] };

/** What is run in a guest, in this order. */
const STEPS = {
  "set-up": "sh tools/setup.sh test",
  start: "./genkan up --detach && ./genkan status && { ./genkan doctor || true; }",
  demo: "./genkan demo",
  down: "./genkan down",
  "data plane": "node --no-warnings dist/tools/run-tests.js dist/src/datapath",
  host: "node --no-warnings dist/tools/run-tests.js dist/src/host",
  proof: "node --no-warnings dist/test/prove.js --packets 100000",
  "kill -9": "node --no-warnings dist/tools/run-tests.js dist/test/survives dist/src/store",
} as const;
type StepName = keyof typeof STEPS;
const ALL = Object.keys(STEPS) as StepName[];
const SHORT: readonly StepName[] = ["set-up", "start", "demo", "down"];

/** systemd's two layouts of control groups; the first is forced where the suite has given it up. */
const CGROUP_V1 = "systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1";

const GUESTS: readonly Guest[] = [
  { name: "Debian 12, cgroup v2", suite: "bookworm", steps: ALL },
  { name: "Debian 13, cgroup v2", suite: "trixie", steps: ALL },
  { name: "Debian 12, cgroup v1", suite: "bookworm", kernelOptions: CGROUP_V1, steps: SHORT },
  { name: "Debian 13, cgroup v1", suite: "trixie", kernelOptions: CGROUP_V1, steps: SHORT },
];

type Outcome = { readonly name: string; kernel: string; readonly steps: Map<string, { readonly ok: boolean; readonly seconds: number }> };

/** Every step says how it ended; those after a failed one are tried too, as they may tell more. */
function scriptOf(steps: readonly StepName[]): string {
  const line = (name: StepName): string =>
    `begin=$(date +%s); ( ${STEPS[name]} ) </dev/null; status=$?; echo "STEP $status $(( $(date +%s) - begin )) ${name}"; [ $status = 0 ] || failed=1`;
  return ["failed=0", ...steps.map(line), "exit $failed"].join("\n");
}

async function test(guest: Guest, seconds: number): Promise<Outcome> {
  const file = join(logs, `${guest.name.replaceAll(/[ ,]+/g, "-").toLowerCase()}.log`);
  const log = createWriteStream(file);
  const outcome: Outcome = { name: guest.name, kernel: "", steps: new Map() };
  const base = prepareBase(guest.suite);
  await runInGuest(base, root, {
    command: scriptOf(guest.steps),
    seconds,
    ...(guest.kernelOptions ? { kernelOptions: guest.kernelOptions } : {}),
    line: (text) => {
      log.write(`${text}\n`);
      outcome.kernel ||= /GUEST-BEGIN (\S+)/.exec(text)?.[1] ?? "";
      const step = /^STEP (\d+) (\d+) (.+)$/.exec(text);
      if (!step) return;
      outcome.steps.set(step[3] ?? "", { ok: step[1] === "0", seconds: Number(step[2]) });
      console.log(`${guest.name} (${outcome.kernel}): ${step[3]} ${step[1] === "0" ? "passed" : `failed, see ${file}`} in ${step[2]} s`);
    },
  });
  log.end();
  return outcome;
}

/** Names down the side, guests across. What never came to its end counts as failed. */
function table(guests: readonly Guest[], outcomes: readonly Outcome[]): readonly string[] {
  const head = ["", ...outcomes.map(({ name }) => name)];
  const kernels = ["kernel", ...outcomes.map(({ kernel }) => kernel || "did not boot")];
  const rows = ALL.filter((name) => guests.some(({ steps }) => steps.includes(name))).map((name) => [
    name,
    ...outcomes.map(({ steps }, index) => {
      const step = steps.get(name);
      if (step) return `${step.ok ? "passed" : "FAILED"} ${step.seconds} s`;
      return guests[index]?.steps.includes(name) ? "FAILED (no end)" : "-";
    }),
  ]);
  const all = [head, kernels, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { only: { type: "string" }, command: { type: "string" }, minutes: { type: "string", default: "40" } },
  });
  if (process.platform !== "linux" || process.arch !== "x64" || process.getuid?.() !== 0) {
    console.log("kernels: skipped: this needs root on Linux, x86-64");
    return 0;
  }
  mkdirSync(logs, { recursive: true });
  installTools();
  const seconds = Number(values.minutes) * 60;
  const chosen = GUESTS.filter(
    ({ suite, name }) => positionals.length === 0 || positionals.some((word) => word === suite || name.includes(word)),
  );
  if (values.command !== undefined) {
    const suite = chosen[0]?.suite ?? "bookworm";
    return (await runInGuest(prepareBase(suite), root, { command: values.command, seconds, line: console.log })) ?? 1;
  }
  const only = values.only?.split(",");
  const guests = chosen.map((guest) => ({ ...guest, steps: guest.steps.filter((name) => !only || only.includes(name)) }));
  const outcomes: Outcome[] = [];
  for (const guest of guests) outcomes.push(await test(guest, seconds));
  for (const line of table(guests, outcomes)) console.log(line);
  const wanted = guests.reduce((sum, { steps }) => sum + steps.length, 0);
  const passed = outcomes.reduce((sum, { steps }) => sum + [...steps.values()].filter(({ ok }) => ok).length, 0);
  console.log(`${passed} passed, ${wanted - passed} failed`);
  return passed === wanted ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof NoMirror)) throw error;
  console.log(`kernels: skipped: ${error.message}`);
}
