/** Processes that commit under load until they are killed, for tests. */

import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

const PROCESS = join(import.meta.dirname, "test-process.js");

export type Life = {
  readonly opened: number | undefined;
  readonly acknowledged: number;
  readonly error: string;
};

/**
 * One process that commits under load and is killed at a random moment: mostly while it commits, sometimes
 * while it opens.
 */
export async function live(argv: readonly string[]): Promise<Life> {
  const child = spawn(process.execPath, [PROCESS, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  const kill = (within: number): unknown => setTimeout(() => child.kill("SIGKILL"), Math.random() * within);
  if (Math.random() < 0.1) kill(120);
  let opened: number | undefined;
  let acknowledged = 0;
  let error = "";
  child.stderr.on("data", (chunk) => (error += String(chunk)));
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("opened ")) {
      opened = Number(line.slice(7));
      if (Math.random() < 0.3) kill(60);
    } else {
      // The time starts at the first commit: a slow machine might not get to one otherwise.
      if (acknowledged === 0) kill(60);
      acknowledged = Number(line);
    }
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  return {
    opened,
    acknowledged,
    error: code === null ? "" : `ended by itself with ${String(code)}: ${error}`,
  };
}
