import { spawn, spawnSync } from "node:child_process";
import { constants } from "node:os";
import { CommandError } from "../lib/command-error.ts";

/**
 * Runs a command with this terminal, input and output, and ends with its exit status (128 + signal when one
 * ended it). Signals from the terminal reach the command by themselves; this process waits for it.
 */
export function runHere(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const [command = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", env: environment });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, () => (signal === "SIGINT" ? undefined : child.kill(signal)));
    child.on("error", (cause: NodeJS.ErrnoException) =>
      reject(
        new CommandError(
          cause.code === "ENOENT"
            ? `${command} is not installed.`
            : `${command} could not be run: ${cause.message}`,
        ),
      ),
    );
    child.on("close", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/** Whether input, output and errors are all a terminal: then a command may be given one of its own. */
export function onTerminal(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY && process.stderr.isTTY;
}

/**
 * Runs a command that must not get hold of this terminal, and ends with its exit status. Files and pipes it
 * gets as they are; what goes to a terminal or comes from it passes through here.
 */
export async function runApart(argv: readonly string[]): Promise<number> {
  const [command = "", ...args] = argv;
  const { stdin, stdout, stderr } = process;
  const stdio = [stdin, stdout, stderr].map(({ isTTY }) => (isTTY ? "pipe" : "inherit"));
  const child = spawn(command, args, { stdio });
  child.stdin?.on("error", () => undefined); // It may end without reading all.
  if (child.stdin) stdin.pipe(child.stdin);
  child.stdout?.pipe(stdout, { end: false });
  child.stderr?.pipe(stderr, { end: false });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  try {
    return await new Promise((resolve, reject) => {
      child.on("error", (cause) => reject(new CommandError(`${command} could not be run: ${cause.message}`)));
      child.on("close", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
  } finally {
    if (child.stdin) stdin.destroy();
  }
}

/** Runs a command to its end and returns what it printed; undefined when it failed. */
export function outputOf(argv: readonly string[], timeoutMs: number): string | undefined {
  const [command = "", ...args] = argv;
  const ended = spawnSync(command, args, {
    encoding: "utf8",
    timeout: timeoutMs,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return ended.status === 0 ? ended.stdout : undefined;
}
