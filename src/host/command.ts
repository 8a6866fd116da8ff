import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";

/** A command of the system that did not succeed. */
export class CommandFailed extends Error {
  readonly stderr: string;
  constructor(argv: readonly string[], status: string, stderr: string) {
    super(`${argv.join(" ")} ended with ${status}: ${stderr.trim()}`);
    this.name = "CommandFailed";
    this.stderr = stderr;
  }
}

/** The environment of every command and process started here; it contains nothing of the user's. */
export const CLEAN_ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C",
} as const;

/**
 * Starts a process. When there is no room for it (EMFILE: no file descriptors, EAGAIN: no processes), plain
 * `spawn` returns an object without streams and reports the reason by an event, which ends this process when
 * nobody listens yet.
 * @throws when it could not be started, with the cause.
 */
export async function start(argv: readonly string[], options: SpawnOptions): Promise<ChildProcess> {
  const [command = "", ...args] = argv;
  const child = spawn(command, args, options);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.on("error", (cause) => reject(new Error(`${command} could not be run`, { cause })));
  });
  return child;
}

/** Processes that this one waits for. They end with it, since nobody would know of their work any more. */
const awaited = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of awaited) child.kill("SIGKILL");
});

function ownEnd(child: ChildProcess): void {
  awaited.add(child);
  child.once("close", () => awaited.delete(child));
}

/**
 * Waits until a started process ends: returns its exit status, or the signal that ended it, and its standard
 * error.
 */
export async function ending(
  child: ChildProcess,
): Promise<{ readonly status: number | NodeJS.Signals; readonly said: string }> {
  ownEnd(child);
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
  const status = await new Promise<number | NodeJS.Signals>((resolve) => {
    child.once("close", (code, signal) => resolve(code ?? signal ?? -1));
  });
  return { status, said: said.trim() };
}

/**
 * Runs a command to its end, with `input` on its standard input; returns its output.
 * @throws {CommandFailed} when its exit status is not 0.
 */
export async function run(argv: readonly string[], input = ""): Promise<string> {
  const child = await start(argv, { stdio: ["pipe", "pipe", "pipe"], env: CLEAN_ENVIRONMENT });
  ownEnd(child);
  return new Promise((resolve, reject) => {
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new CommandFailed(argv, signal ?? `status ${code}`, stderr));
    });
    child.stdin?.on("error", () => undefined); // A command that ends early closes its input; its status tells.
    child.stdin?.end(input);
  });
}

/** Whether the command succeeds. */
export function succeeds(argv: readonly string[], input = ""): Promise<boolean> {
  return run(argv, input).then(
    () => true,
    () => false,
  );
}

/**
 * Runs `ip -batch` with these lines in the network namespace at the path, or in this process's own. Throws
 * when any line fails.
 */
export async function ip(namespace: string | undefined, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  await run([...inNetwork(namespace), "ip", "-batch", "-"], `${lines.join("\n")}\n`);
}

/** The words before a command that run it in the network namespace at the path. */
export function inNetwork(namespace: string | undefined): readonly string[] {
  return namespace === undefined ? [] : ["nsenter", `--net=${namespace}`, "--"];
}
