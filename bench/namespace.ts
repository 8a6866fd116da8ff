import { spawn } from "node:child_process";

/**
 * Runs a module of the benchmark as a program in a network namespace of its own, which has a loopback and no
 * way out. It gets the options as JSON in its argument, and what it prints is its result.
 */
export async function runApart<Options, Result>(file: string, options: Options): Promise<Result> {
  const script = `ip link set lo up && exec "$0" "$@"`;
  const child = spawn(
    "unshare",
    ["--net", "sh", "-c", script, process.execPath, file, JSON.stringify(options)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${file} ended with ${String(code)}`);
  return JSON.parse(Buffer.concat(chunks).toString()) as Result;
}

/** The options, when this process was started by {@link runApart} for this file. */
export function optionsApart<Options>(file: string): Options | undefined {
  const [, started, options] = process.argv;
  return started === file && options !== undefined ? (JSON.parse(options) as Options) : undefined;
}
