import { closeSync, mkdirSync, openSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { CLEAN_ENVIRONMENT, start } from "./command.ts";
import { disinherit } from "./inheritance.ts";
import type { Installation } from "./installation.ts";
import { atPriority, ofSession, PROMPT } from "./priority.ts";
import { isAlive, type ProcessRecord, readRecord, RECORD_SELF } from "./processes.ts";

/** The processes that answer instances; they outlive the control plane. */
export const DAEMONS = ["internet", "services"] as const;
export type DaemonName = (typeof DAEMONS)[number];

/**
 * All instances wait for the services, so these have a higher priority; the simulated internet has the usual
 * one.
 */
const PRIORITIES: Readonly<Record<DaemonName, number>> = { internet: 0, services: PROMPT };

/**
 * Only a hanging daemon takes so long: an emulated or crowded machine needs half a minute where others take a
 * second.
 */
const START_MILLISECONDS = 90_000;
const LOG_BYTES = 1_000_000;

/**
 * Starts the daemon in the namespace of its name, unless it runs already, and waits until it answers. Of
 * root's rights it only has two: to read any file (the home may be another user's) and to use low ports.
 * @throws when it does not start; its log says why
 */
export async function ensureDaemon(installation: Installation, name: DaemonName): Promise<ProcessRecord> {
  const there = readRecord(installation.records, name);
  if (there && isAlive(there)) return there;
  mkdirSync(installation.logs, { recursive: true, mode: 0o700 });
  const logPath = join(installation.logs, `${name}.log`);
  const log = openSync(logPath, "a", 0o600);
  if (statSync(logPath).size > LOG_BYTES) truncateSync(logPath);
  const main = fileURLToPath(new URL(`./${name}-main.js`, import.meta.url));
  const capabilities = "-all,+net_bind_service,+dac_override,+dac_read_search";
  disinherit();
  const child = await start(
    [
      atPriority(PRIORITIES[name]),
      [
        "sh",
        "-ec",
        `${RECORD_SELF}\nrecord "$1"; shift\n${ofSession(PRIORITIES[name])}\nexec "$@"`,
        "sh",
        join(installation.records, `${name}.json`),
      ],
      ["nsenter", `--net=${installation.namespaces[name]}`, "--"],
      ["setpriv", "--bounding-set", capabilities, "--inh-caps", "-all", "--no-new-privs", "--"],
      [process.execPath, main, installation.home],
    ].flat(),
    { detached: true, cwd: "/", stdio: ["ignore", log, log, "pipe"], env: CLEAN_ENVIRONMENT },
  ).finally(() => closeSync(log));
  const ready = child.stdio[3] as Readable;
  const timer = setTimeout(() => child.kill("SIGKILL"), START_MILLISECONDS);
  try {
    await new Promise<void>((resolve, reject) => {
      child.once("exit", (code, signal) =>
        reject(
          new Error(`${name} ended while it was starting (${signal ?? `status ${code}`}); see ${logPath}`),
        ),
      );
      ready.once("data", () => resolve());
    });
  } finally {
    clearTimeout(timer);
    ready.destroy();
  }
  child.unref();
  const record = readRecord(installation.records, name);
  if (!record) throw new Error(`assertion failed: ${name} has a record`);
  return record;
}
