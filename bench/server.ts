import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Credentials } from "../src/home/home.ts";
import type { Signer } from "./signed-request.ts";

/** The real control plane in a process of its own. */
export type Server = {
  readonly port: number;
  readonly signer: Signer;
  /** Seconds from the process's start to its being ready. */
  readonly startSeconds: number;
  /** Resident memory in bytes. */
  readonly memory: () => number;
  readonly stop: () => Promise<void>;
};

type Options = {
  /** GENKAN_HOME. */
  readonly home: string;
  readonly pools?: readonly string[];
  /** With links, instances and the kernel's tables; {@link takeDown} removes them. */
  readonly packets?: boolean;
  /** For Node itself, such as `--cpu-prof`. */
  readonly nodeOptions?: readonly string[];
};

const PORT = 4566;
const MAIN = join(import.meta.dirname, "../src/main.js");

/** Removes what a stopped server with packets has left running. */
export async function takeDown(home: string): Promise<void> {
  const child = spawn(process.execPath, ["--no-warnings", MAIN, "down"], {
    env: { ...process.env, GENKAN_HOME: home },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`genkan down ended with ${String(code)}`);
}

/**
 * `genkan up`, by default `--no-packets`, with AWS's quotas lifted. The caller is in a network namespace of
 * its own, in which nothing else listens.
 */
export async function startServer({
  home,
  pools = [],
  packets = false,
  nodeOptions = [],
}: Options): Promise<Server> {
  const options = [
    ...(packets ? [] : ["--no-packets"]),
    "--quota",
    "unlimited",
    "--port",
    String(PORT),
    ...pools.flatMap((pool) => ["--pool", pool]),
  ];
  const started = performance.now();
  const child = spawn(process.execPath, ["--no-warnings", ...nodeOptions, MAIN, "up", ...options], {
    env: { ...process.env, GENKAN_HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.startsWith("Genkan is ready")) resolve();
    });
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  const startSeconds = (performance.now() - started) / 1000;
  const { accessKeyId, secretAccessKey, region } = JSON.parse(
    readFileSync(join(home, "credentials.json"), "utf8"),
  ) as Credentials;
  return {
    port: PORT,
    signer: { accessKeyId, secretAccessKey, region, host: `127.0.0.1:${PORT}` },
    startSeconds,
    memory: () => residentBytes(child.pid ?? 0),
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib ?? 0) * 1024;
}
