#!/usr/bin/env node
/** The command line's beginning: finds the verb, and hands it what it needs. */

import { spawn } from "node:child_process";
import { existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { type Arguments, languageFlag, parseArguments, text, withoutOptions } from "./cli/arguments.ts";
import { ask, type Control, endpointOf, findControl } from "./cli/control.ts";
import { examineTables } from "./cli/doctor-tables.ts";
import { examine, findingLines } from "./cli/doctor.ts";
import { clientEnvironment, cliVersion, environmentCommands, oldClients } from "./cli/environment.ts";
import { helpOf, overview } from "./cli/help.ts";
import { invitationLines } from "./cli/invitation.ts";
import { languageOf } from "./cli/language.ts";
import { paintFor } from "./cli/paint.ts";
import { recoveredLines } from "./cli/recovered.ts";
import { onTerminal, runApart, runHere } from "./cli/run.ts";
import { secretOf } from "./cli/secret.ts";
import { statusLines } from "./cli/status.ts";
import type { VerbName } from "./cli/verbs.ts";
import {
  forgetRegion,
  type Home,
  isAlive,
  openHome,
  ownNumber,
  readRunning,
  requireWritable,
  readStarting,
} from "./home/home.ts";
import { VERSION } from "./home/version.ts";
import { CommandError } from "./lib/command-error.ts";
import { reasons } from "./lib/reasons.ts";
import { type Language, say } from "./words/language.ts";

type Call = { readonly args: Arguments; readonly home: Home; readonly language: Language };
type Run = (call: Call) => Promise<number>;

const print = (line: string): void => void process.stdout.write(`${line}\n`);
// Whoever has read enough (head, less) closes the pipe: no fault of the command's.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});
const warn = (line: string): void => void process.stderr.write(`${line}\n`);
const paint = paintFor(process.stdout, process.env);

const RUN: Readonly<Record<VerbName, Run>> = {
  up,
  join: up,
  down,
  status: async ({ args, home, language }) => {
    const status = await ask(findControl(home), "status");
    if (args.options["json"]) print(JSON.stringify(status, null, 2));
    else for (const line of statusLines(status, { language, paint })) print(line);
    return 0;
  },
  env: async ({ args, home }) => {
    if (args.options["json"]) {
      print(JSON.stringify(clientEnvironment(findControl(home), process.env), null, 2));
      return 0;
    }
    const cli = cliVersion();
    print(environmentCommands(controlForShell(home), process.env, cli));
    for (const { warning } of oldClients(cli)) warn(`genkan: ${warning}`);
    return 0;
  },
  aws: async ({ args, home }) => {
    const control = findControl(home);
    const environment = { ...process.env, ...clientEnvironment(control, process.env) };
    for (const name of ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"])
      delete (environment as NodeJS.ProcessEnv)[name];
    return runHere(["aws", "--endpoint-url", endpointOf(control), ...args.rest], environment);
  },
  exec: async ({ args, home }) => {
    const id = args.positionals[0] ?? "";
    const command = [...args.positionals.slice(1), ...args.rest];
    // At a terminal a command may be left out: a shell is what people want then.
    if (id === "" || (command.length === 0 && !onTerminal()))
      throw new CommandError("Usage: genkan exec INSTANCE -- COMMAND…");
    const control = findControl(home);
    const { pid, state, machine } = await ask(control, "instance", { id });
    // The machines of a box have their processes here; another one's are not this one's.
    if (machine !== undefined && !existsSync(join(home.folder, "machines", machine)))
      throw new CommandError(`${id} runs on ${machine}. Run this command there.`);
    if (pid === undefined) throw new CommandError(`${id} ${await whyNotUp(control, state)}`);
    const { execInInstance } = await import("./host/exec.ts");
    if (!onTerminal()) return runApart(execInInstance({ pid, command }));
    const terminal = process.env["TERM"] ?? "dumb";
    return runHere(
      execInInstance({ pid, command: command.length === 0 ? ["bash", "-l"] : command, terminal }),
      process.env,
    );
  },
  internet: async ({ args, home }) => {
    const command = [...args.positionals, ...args.rest];
    if (command.length === 0) throw new CommandError("Usage: genkan internet -- COMMAND…");
    await ask(findControl(home), "internet");
    const { execInInternet } = await import("./host/exec.ts");
    const { installationAt } = await import("./host/installation.ts");
    return runHere(execInInternet(installationAt(home.folder), command), process.env);
  },
  explain: async ({ args, home, language }) => {
    const id = args.positionals[0];
    if (id === undefined)
      throw new CommandError("Usage: genkan explain INSTANCE|ADDRESS|internet [--to INSTANCE|ADDRESS]");
    const { explained } = await import("./cli/explain.ts");
    return explained({ id, control: findControl(home), options: args.options, language, paint, print });
  },
  trace: async ({ args, home, language }) => {
    const { traced } = await import("./cli/trace.ts");
    return traced({
      id: args.positionals[0],
      control: findControl(home),
      options: args.options,
      language,
      paint,
    });
  },
  flows: async ({ args, home, language }) => {
    const { flows } = await import("./cli/flows.ts");
    return flows({
      id: args.positionals[0],
      control: findControl(home),
      options: args.options,
      language,
      paint,
    });
  },
  image: async ({ args, home }) => {
    const { image } = await import("./cli/image.ts");
    return image(args, findControl(home), print);
  },
  demo: async ({ home, language }) => {
    const { runDemo } = await import("./cli/demo-tools.ts");
    const { execInInstance, execInInternet } = await import("./host/exec.ts");
    const { installationAt } = await import("./host/installation.ts");
    const inInternet = (command: readonly string[]): readonly string[] =>
      execInInternet(installationAt(home.folder), command);
    return runDemo({
      control: findControl(home),
      home,
      language,
      paint,
      print,
      inInstance: (pid, command) => execInInstance({ pid, command }),
      inInternet,
    });
  },
  doctor: async ({ args, home, language }) => {
    if (args.options["tables"])
      return examineTables({
        control: findControl(home),
        language,
        paint,
        print,
        json: args.options["json"] === true,
      });
    const findings = examine(language);
    if (args.options["json"]) print(JSON.stringify(findings, null, 2));
    else for (const line of findingLines(findings, paint)) print(line);
    return findings.every((finding) => finding.good) ? 0 : 1;
  },
  bench: async ({ args }) => {
    const { runBench } = await import("./cli/bench.ts");
    return runBench(args.options);
  },
  drain: async ({ args, home }) => {
    const id = args.positionals[0];
    if (id === undefined) throw new CommandError("Usage: genkan drain MACHINE [--undo]");
    const question = args.options["undo"] ? { undo: "yes" } : {};
    const { machine, drained } = await ask(findControl(home), "drain", { id, question });
    print(drained ? `${machine} is drained.` : `${machine} is in use again.`);
    return 0;
  },
  token: async ({ args, home }) => {
    const invitation = await ask(findControl(home), "token");
    if (args.options["json"]) print(JSON.stringify(invitation, null, 2));
    else for (const line of invitationLines(invitation)) print(line);
    return 0;
  },
  leave,
  recover: async ({ args, home }) => {
    const id = args.positionals[0];
    if (id === undefined) throw new CommandError("Usage: genkan recover MACHINE [--off]");
    const question = args.options["off"] ? { off: "yes" } : {};
    const answer = await ask(findControl(home), "recover", { id, question });
    if (args.options["json"]) print(JSON.stringify(answer, null, 2));
    else for (const line of recoveredLines(answer)) print(line);
    return answer.left.length === 0 ? 0 : 1;
  },
  reset: async ({ args, home, language }) => {
    if (args.options["yes"] !== true && !(await agrees(language))) return 1;
    await ask(findControl(home), "reset");
    print("Empty again: every region begins anew with its next request.");
    return 0;
  },
};

/**
 * What a shell evaluates when there is no Genkan must fail: otherwise its next `aws` would go to the real
 * AWS.
 */
function controlForShell(home: Home): Control {
  try {
    return findControl(home);
  } catch (error) {
    print("false");
    throw error;
  }
}

async function whyNotUp(control: Control, state: string): Promise<string> {
  if (state !== "running") return `is ${state}; a command can run only in an instance that is up.`;
  const { noPackets } = await ask(control, "status");
  return noPackets === undefined
    ? "is starting again; try once more."
    : `is a record only, with nothing to run a command in: no packets move here, as ${noPackets}`;
}

/** Asks a person. @throws CommandError when there is no terminal to ask on: nothing is deleted on a guess. */
async function agrees(language: Language): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new CommandError(
      say(language, {
        en: "reset deletes everything, and there is no terminal to ask on. Nothing was deleted. To go ahead: ./genkan reset --yes",
        ja: "reset はすべてを削除しますが、確認するための端末がありません。何も削除していません。実行するには: ./genkan reset --yes",
      }),
    );
  }
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const question = say(language, {
    en: "Terminate every instance and delete everything, flow logs included? [y/N] ",
    ja: "すべてのインスタンスを終了し、フローログも含めてすべて削除しますか？ [y/N] ",
  });
  const answer = await lines.question(question);
  lines.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** Here, or in a process of its own. */
async function up({ args, home }: Call): Promise<number> {
  if (args.options["detach"]) return upDetached(home, secretOf(text(args.options["token"])));
  return (await import("./up-here.ts")).upHere(args, print);
}

/** Starts another process, and waits until it says that it is ready or ends. */
async function upDetached(before: Home, token: string | undefined): Promise<number> {
  const home = openHome(process.env, true);
  const running = readRunning(before);
  if (running && isAlive(running))
    throw new CommandError(`Genkan is already up in ${home.folder} (process ${running.pid}).`);
  requireWritable(home);
  const log = join(home.folder, "genkan.log");
  const file = openSync(log, "a", 0o600);
  const from = readFileSync(log).length;
  const argv = withoutOptions(process.argv.slice(2), ["--detach", "-d", "--token"]);
  // Whoever lists processes sees their words.
  const secret = token === undefined ? [] : ["--token", "-"];
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", ...argv, ...secret], {
    detached: true,
    stdio: ["pipe", file, file],
  });
  child.stdin?.end(token === undefined ? "" : `${token}\n`);
  const said = (): string => readFileSync(log).subarray(from).toString();
  return new Promise((resolve) => {
    const look = setInterval(() => {
      if (!/^Genkan is ready/m.test(said())) return;
      clearInterval(look);
      process.stdout.write(said());
      child.unref();
      resolve(0);
    }, 50);
    child.on("exit", (code) => {
      clearInterval(look);
      process.stderr.write(said());
      resolve(code ?? 1);
    });
  });
}

/** Ends the control plane, and removes everything of this home from the machine; also after a kill -9. */
async function down({ home }: Call): Promise<number> {
  await endControlPlane(home);
  if (process.platform === "linux" && process.getuid?.() === 0) {
    await removeAll(home);
  } else if (existsSync(`/run/genkan-${home.id}`)) {
    throw new CommandError(
      "The control plane is down, but packets still flow: removing the rest needs root. Run: sudo ./genkan down",
    );
  }
  print("Genkan is down. Nothing of it is left on this machine besides its state.");
  return 0;
}

/** Takes this machine out of its region, or one that is dead. */
async function leave({ args, home }: Call): Promise<number> {
  const [name] = args.positionals;
  const control = findControl(home);
  if (name !== undefined) {
    const { machine } = await ask(control, "leave", { id: name });
    print(`${machine} is no machine of the region any more.`);
    return 0;
  }
  if (process.getuid?.() !== 0) throw new CommandError("This needs root: sudo ./genkan leave");
  const id = ownNumber(home);
  const { machine } = await ask(control, "leave", { id, question: { self: "yes" } });
  await endControlPlane(home);
  await removeAll(home);
  forgetRegion(home);
  print(`${machine} is out of its region. Nothing of it is left on this machine besides its logs.`);
  return 0;
}

/** The control plane that is up, and one that is about to be. */
async function endControlPlane(home: Home): Promise<void> {
  for (const one of [readStarting(home), readRunning(home)]) {
    if (!one || !isAlive(one)) continue;
    end(one.pid);
    await gone(one, 15_000);
  }
}

/** Somebody else may have ended it in this moment. */
function end(pid: number, signal: NodeJS.Signals = "SIGTERM"): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** One at a time: who comes second finds nothing left to do. */
async function removeAll(home: Home): Promise<void> {
  const { tearDownMachines } = await import("./box/box.ts");
  const { installationAt } = await import("./host/installation.ts");
  const { tearDown } = await import("./host/tear-down.ts");
  const { takeTurn } = await import("./host/turn.ts");
  const { removeUnderlay } = await import("./underlay/overlay.ts");
  if (!existsSync(home.folder)) return;
  const giveBack = await takeTurn(home.folder, 120_000);
  if (!giveBack)
    throw new CommandError(
      `Another process is starting or removing Genkan in ${home.folder}. Try again when it is done.`,
    );
  try {
    // It may have come up while this one waited.
    await endControlPlane(home);
    await tearDownMachines(home.folder);
    if (!existsSync(join(home.folder, "machines"))) await removeUnderlay(installationAt(home.folder));
    await tearDown(home.folder);
  } finally {
    giveBack();
  }
}

async function gone(running: Parameters<typeof isAlive>[0], milliseconds: number): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (isAlive(running)) {
    if (Date.now() > deadline) end(running.pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * An error of the system, or of one of its commands: its words say more than where in the code it was met.
 */
function isOfTheWorld(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    "errno" in error || ["KernelError", "CommandFailed"].includes(error.name) || isOfTheWorld(error.cause)
  );
}

async function main(): Promise<number> {
  const argv = process.argv.slice(2);
  if (argv[0] === "--version") {
    print(VERSION);
    return 0;
  }
  const args = parseArguments(argv);
  const language = languageOf(args ? text(args.options["lang"]) : languageFlag(argv), process.env);
  if (!args || args.help) {
    print(args ? helpOf(args.verb, language) : overview(language));
    return 0;
  }
  return RUN[args.verb]({ args, home: openHome(process.env, false), language });
}

try {
  process.exitCode = await main();
} catch (error) {
  const known =
    error instanceof CommandError ||
    (error instanceof Error &&
      ["SettingError", "StoreError", "HomeError", "NotYourHome"].includes(error.name));
  warn(
    `genkan: ${known ? error.message : isOfTheWorld(error) ? reasons(error) : ((error as Error).stack ?? String(error))}`,
  );
  process.exit(1);
}
