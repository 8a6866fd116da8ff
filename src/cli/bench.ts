import { existsSync } from "node:fs";
import { join } from "node:path";
import { CommandError } from "../lib/command-error.ts";
import type { Arguments } from "./arguments.ts";
import { runHere } from "./run.ts";

const MAIN = join(import.meta.dirname, "../../bench/main.js");

/** Runs the benchmark, a program of its own, with these options and this terminal. */
export function runBench(options: Arguments["options"]): Promise<number> {
  if (!existsSync(MAIN)) throw new CommandError("The benchmark is not built. Run in a clone: npm run build");
  const words = Object.entries(options).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, String(value)],
  );
  return runHere([process.execPath, "--no-warnings", MAIN, ...words], process.env);
}
