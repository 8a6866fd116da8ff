/**
 * npm run prove: the kernel program against the tables read by hand, over as many packets as asked for.
 * Prints how far it is, and at the end what was covered and what disagreed; exit code 1 when anything did, or
 * when a long run left a drop reason uncovered. Every process of it has namespaces of its own, without a way
 * out.
 */

import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { DROP_REASONS, type DropReason } from "../../src/contract/stages.ts";
import { noKernel, OBJECT } from "../../src/datapath/test-kit.ts";
import { isolatedCommand } from "../kit/isolate.ts";
import { type Machine, openMachine } from "./proof.ts";
import { told } from "./report.ts";
import { fromText, type Manner, playRandom, replay } from "./scenario.ts";

const HELP = `npm run prove -- [option ...]
  --packets N    frames in all (1000000)
  --seed N       another seed, other frames (1)
  --jobs N       processes (one for each processor)
  --fuzz         nothing but mutated frames
  --frames N     frames in each scenario: a region, and what happens to it (1000)
  --mutated N    of a hundred frames, how many are mutated ones (12; in every fourth scenario 80)
  --scenario N   only this one
  --replay FILE  the scenario in this file, as a disagreement prints it ("as data")
  --object FILE  another kernel program than the one of this tree`;

/** A run of fewer packets may well miss a drop reason. */
const LONG = 1_000_000;
/** What only packets between machines are dropped for (src/datapath/overlay.test.ts). */
const BETWEEN_MACHINES: ReadonlySet<DropReason> = new Set(["stranger", "moved", "no_uplink"] as const);
/** Then something is wrong with all of it, and more examples say nothing new. */
const ENOUGH = 3;
const REPORT_EVERY = 1_000;

const PROCESSORS = availableParallelism();

const { values } = parseArgs({
  options: {
    packets: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: String(PROCESSORS) },
    frames: { type: "string", default: "1000" },
    object: { type: "string", default: OBJECT },
    mutated: { type: "string" },
    scenario: { type: "string" },
    replay: { type: "string" },
    fuzz: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    /** One of the processes: scenarios from this number on, each so-many-th. */
    worker: { type: "string" },
  },
});
const jobs = values.scenario === undefined && values.replay === undefined ? Number(values.jobs) : 1;
const wanted = Number(values.packets);

/** What a worker tells, a line each. */
type Told = {
  readonly frames: number;
  readonly states: number;
  readonly seen: Readonly<Record<string, number>>;
  readonly failure?: string;
};

if (values.help) console.log(HELP);
else if (![wanted, jobs, Number(values.frames)].every((number) => Number.isSafeInteger(number) && number > 0))
  fail("numbers are whole and above 0");
else if (noKernel) fail(noKernel);
else if (values.worker !== undefined) work(Number(values.worker));
else await lead();

function fail(why: string): void {
  console.error(`prove: ${why}`);
  process.exitCode = 1;
}

function work(first: number): void {
  const machine = openMachine(values.object);
  // A test stays on one processor, and would not know that another process of this proof has the same.
  spawnSync("taskset", ["-cp", String(first % PROCESSORS), String(process.pid)]);
  let last = Date.now();
  let failures = 0;
  const tell = (failure?: string): void => {
    const line: Told = {
      frames: machine.frames(),
      states: machine.states(),
      seen: Object.fromEntries(machine.seen),
      ...(failure ? { failure } : {}),
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
    last = Date.now();
  };
  if (values.replay !== undefined) {
    const found = replay(machine, fromText(readFileSync(values.replay, "utf8")));
    tell(
      found && [`disagreement on ${found.what}`, found.kernel, found.reference, ...found.steps].join("\n  "),
    );
    return;
  }
  const step = values.scenario === undefined ? jobs : Number.POSITIVE_INFINITY;
  for (
    let number = Number(values.scenario ?? first);
    machine.frames() < wanted / jobs && failures < ENOUGH;
    number += step
  ) {
    if (number === Number.POSITIVE_INFINITY) break;
    const usual = values.fuzz ? 95 : number % 4 === 3 ? 80 : 12;
    const manner = {
      seed: Number(values.seed),
      frames: Number(values.frames),
      mutated: Number(values.mutated ?? usual),
    };
    const { failure, broken } = tried(machine, manner, number);
    if (failure !== undefined) tell(failure);
    // What broke off left the two sides out of step.
    failures += broken ? ENOUGH : failure === undefined ? 0 : 1;
    if (Date.now() - last >= REPORT_EVERY) tell();
  }
  tell();
}

/** What went wrong in a scenario, if anything. */
function tried(
  machine: Machine,
  manner: Manner,
  number: number,
): { readonly failure?: string; readonly broken?: true } {
  try {
    const { scenario, found } = playRandom(machine, manner, number);
    return found ? { failure: told(machine, { manner, number, scenario, found }) } : {};
  } catch (error) {
    const what = error instanceof Error ? error.stack : String(error);
    return { failure: `scenario ${number} of seed ${manner.seed} broke off: ${what}`, broken: true };
  }
}

async function lead(): Promise<void> {
  const began = Date.now();
  const state = new Map<number, Told>();
  const failures: string[] = [];
  let shown = 0;
  const workers = Array.from({ length: jobs }, async (_, worker) => {
    const code = await follow(worker, (line) => {
      state.set(worker, line);
      if (line.failure !== undefined) {
        failures.push(line.failure);
        console.log(line.failure);
      }
      if (Date.now() - shown < (process.stdout.isTTY ? REPORT_EVERY : 10 * REPORT_EVERY)) return;
      shown = Date.now();
      progress([...state.values()], (shown - began) / 1000);
    });
    if (code !== 0) fail(`a process ended with ${code}`);
  });
  await Promise.all(workers);
  summary([...state.values()], failures.length, (Date.now() - began) / 1000);
}

/** Starts a worker; resolves to its exit code. */
function follow(worker: number, hear: (line: Told) => void): Promise<number | null> {
  const own = [
    process.execPath,
    import.meta.filename,
    ...process.argv.slice(2),
    "--jobs",
    String(jobs),
    "--worker",
    String(worker),
  ];
  const [program = "", ...args] = isolatedCommand(own);
  const environment = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env: environment });
  createInterface({ input: child.stdout }).on("line", (line) => hear(JSON.parse(line) as Told));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
}

function sum(lines: readonly Told[], of: "frames" | "states"): number {
  return lines.reduce((total, line) => total + line[of], 0);
}

function progress(lines: readonly Told[], seconds: number): void {
  const frames = sum(lines, "frames");
  const text = `${frames} packets, ${Math.round((100 * frames) / wanted)} %, ${Math.round(frames / seconds)} a second`;
  if (process.stdout.isTTY) process.stdout.write(`\r${text}   `);
  else console.log(text);
}

function summary(lines: readonly Told[], failures: number, seconds: number): void {
  const frames = sum(lines, "frames");
  const seen = new Map<string, number>();
  for (const line of lines)
    for (const [what, count] of Object.entries(line.seen)) seen.set(what, (seen.get(what) ?? 0) + count);
  const reasons = DROP_REASONS.filter((reason) => reason !== "none" && !BETWEEN_MACHINES.has(reason));
  const missing = reasons.filter((reason) => !seen.has(reason));
  const others = [...seen.keys()].filter((what) => !reasons.some((reason) => reason === what));
  const list = (names: readonly string[]): string =>
    names.map((name) => `${name} ${seen.get(name) ?? 0}`).join(", ");
  console.log(
    `${process.stdout.isTTY ? "\n" : ""}${frames} packets in ${Math.round(seconds)} s, ${Math.round(frames / seconds)} a second; seed ${values.seed}`,
  );
  console.log(`${sum(lines, "states")} states of the tables`);
  console.log(`passed: ${list(others)}`);
  console.log(`dropped: ${list(reasons)}`);
  console.log(
    `drop reasons covered: ${reasons.length - missing.length} of ${reasons.length}${missing.length > 0 ? `; not ${missing.join(", ")}` : ""}`,
  );
  console.log(`${failures} disagreement${failures === 1 ? "" : "s"}`);
  if (failures > 0 || (missing.length > 0 && wanted >= LONG && jobs === Number(values.jobs) && !values.fuzz))
    process.exitCode = 1;
}
