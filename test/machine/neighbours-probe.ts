import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type Genkan, MAIN, there } from "../kit/genkan.ts";

/** Perl in an instance; it ends with its input. */
export function runPerl(genkan: Genkan, instance: string, script: string): ChildProcess {
  const argv = ["--no-warnings", MAIN, "exec", instance, "--", "perl", "-e", script];
  return spawn(process.execPath, argv, { env: genkan.environment, stdio: ["pipe", "pipe", "inherit"] });
}

export async function begun(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("exit", () => reject(new Error("the attack ended by itself")));
  });
}

export async function over(child: ChildProcess): Promise<void> {
  const gone = ended(child);
  child.stdin?.end();
  await gone;
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null)
    await new Promise((resolve) => child.once("exit", resolve));
}

/** An instance's exchanges with others, by PROBE. */
export class Probe {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: there(child.stdout ?? undefined) })[Symbol.asyncIterator]();
  }

  /** Milliseconds of an exchange of each kind; without end what failed. */
  async ask(): Promise<readonly number[]> {
    this.#child.stdin?.write("\n");
    const line = await this.#lines.next();
    return String(line.value)
      .split(" ")
      .map((time) => (time.startsWith("-") ? Number.POSITIVE_INFINITY : Number(time)));
  }

  end(): Promise<void> {
    return over(this.#child);
  }
}
