import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { CLEAN_ENVIRONMENT, start } from "./command.ts";
import type { Installation } from "./installation.ts";
import { atPriority, LAST } from "./priority.ts";

/** The names under which instances' files wait to be removed. */
const ASIDE = /^i-[0-9a-f]+\.gone(-\d+)?$/;
/** How many paths one command gets: the length of an argument list is limited. */
const AT_ONCE = 100;

/**
 * Removes the files of destroyed instances. An instance may have any number of files, at any depth, so its
 * folder is renamed at once, and a separate process removes one after the other. What can't be removed, or
 * was not yet when the control plane ended, is tried again at the next start.
 */
export class Removal {
  readonly #folder: string;
  readonly #log: (message: string, cause?: unknown) => void;
  readonly #failed = new Set<string>();
  #running: Promise<void> | undefined;
  #child: ChildProcess | undefined;
  #closed = false;

  constructor(installation: Installation, log: (message: string, cause?: unknown) => void) {
    this.#folder = installation.instances;
    this.#log = log;
  }

  /**
   * Puts the instance's files aside, to be removed. Afterwards nothing has their name, or the log says why.
   * Throws nothing.
   */
  discard(instanceId: string): void {
    try {
      const path = join(this.#folder, instanceId);
      if (existsSync(path)) renameSync(path, this.#freeName(path));
    } catch (cause) {
      this.#log(`the files of ${instanceId} can't be put aside`, cause);
    }
    this.resume();
  }

  /** Removes what waits to be removed. */
  resume(): void {
    this.#running ??= this.#removeAll()
      .catch((cause: unknown) => this.#log("files of instances that are gone could not be removed", cause))
      .finally(() => {
        this.#running = undefined;
        if (!this.#closed && this.#waiting().length > 0) this.resume();
      });
  }

  /** Settles when nothing is left that can be removed. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /**
   * Waits so long for the removing to end, then ends it; what is left waits for the next start.
   */
  async close(milliseconds = 2_000): Promise<void> {
    const timer = setTimeout(() => {
      this.#closed = true;
      this.#child?.kill("SIGKILL");
    }, milliseconds);
    await this.settled();
    clearTimeout(timer);
    this.#closed = true;
  }

  #freeName(path: string): string {
    for (let number = 0; ; number += 1) {
      const name = `${path}.gone${number === 0 ? "" : `-${number}`}`;
      if (!existsSync(name)) return name;
    }
  }

  #waiting(): readonly string[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder).filter((name) => ASIDE.test(name) && !this.#failed.has(name));
  }

  async #removeAll(): Promise<void> {
    for (let names = this.#waiting(); names.length > 0 && !this.#closed; names = this.#waiting()) {
      const some = names.slice(0, AT_ONCE);
      // rm walks by openat(2), so that no path is too long for it; and it keeps to the file system that it
      // began in.
      const said = await this.#remove(some.map((name) => join(this.#folder, name)));
      if (this.#closed) return;
      for (const name of some) {
        if (!existsSync(join(this.#folder, name))) continue;
        this.#failed.add(name);
        this.#log(`${join(this.#folder, name)} can't be removed: ${said.split("\n")[0]}`);
      }
    }
  }

  /** @returns the beginning of the command's messages */
  async #remove(paths: readonly string[]): Promise<string> {
    const child = await start([...atPriority(LAST), "rm", "-rf", "--one-file-system", "--", ...paths], {
      stdio: ["ignore", "ignore", "pipe"],
      env: CLEAN_ENVIRONMENT,
    });
    this.#child = child;
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (said.length < 1_000) said += text;
    });
    await new Promise((resolve) => child.once("close", resolve));
    this.#child = undefined;
    return said;
  }
}
