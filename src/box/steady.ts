/** A process that is started again when it ends by itself, as a machine's own supervisor does it. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { RECORD_SELF } from "../host/processes.ts";
import { CommandError } from "../lib/command-error.ts";

type Options = {
  readonly argv: readonly string[];
  /** Its `GENKAN_HOME`; what it prints goes to `genkan.log` in there. */
  readonly home: string;
  /** The file of its record. */
  readonly record: string;
  /** Told when it ended by itself. */
  readonly say: (line: string) => void;
};

const AGAIN_MILLISECONDS = 1_000;
const LOOK_MILLISECONDS = 50;
/** An emulated or crowded machine takes long. */
const READY_MILLISECONDS = 180_000;
const LOG_BYTES = 4 << 20;

export class Steady {
  readonly #options: Options;
  readonly #log: string;
  readonly #begin: number;
  #child: ChildProcess;
  #ended: Promise<void>;
  #stopping = false;
  #again: NodeJS.Timeout | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#log = join(options.home, "genkan.log");
    const before = statSync(this.#log, { throwIfNoEntry: false })?.size ?? 0;
    this.#begin = before > LOG_BYTES ? 0 : before;
    [this.#child, this.#ended] = this.#start(before > LOG_BYTES ? "w" : "a");
  }

  #start(flags: "a" | "w"): [ChildProcess, Promise<void>] {
    const { argv, home, record, say } = this.#options;
    const file = openSync(this.#log, flags, 0o600);
    const child = spawn(
      "sh",
      ["-ec", `${RECORD_SELF}\nrecord "$1"; shift\nexec "$@"`, "sh", record, ...argv],
      {
        detached: true,
        stdio: ["ignore", file, file],
        env: { ...process.env, GENKAN_HOME: home },
      },
    );
    closeSync(file);
    const ended = new Promise<void>((resolve) => {
      child.once("close", (code, signal) => {
        resolve();
        if (this.#stopping) return;
        say(`ended (${signal ?? `status ${code}`}), and is started again`);
        this.#again = setTimeout(() => {
          [this.#child, this.#ended] = this.#start("a");
        }, AGAIN_MILLISECONDS);
      });
    });
    return [child, ended];
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Waits until it says that it is ready. @throws CommandError with what it said when it ends instead */
  async ready(): Promise<void> {
    const said = (): string => readFileSync(this.#log).subarray(this.#begin).toString();
    const deadline = performance.now() + READY_MILLISECONDS;
    while (!/^Genkan is ready/m.test(said())) {
      const ended = this.#child.exitCode !== null || this.#child.signalCode !== null;
      if (ended || performance.now() > deadline)
        throw new CommandError(`A machine does not start; see ${this.#log}:\n${said().trimEnd()}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
    }
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#again);
    this.#child.kill("SIGTERM");
    await this.#ended;
  }
}
