/** BIRD on this machine: a process of its own that outlives the control plane. */

import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CLEAN_ENVIRONMENT, ending, inNetwork, run, start, succeeds } from "../host/command.ts";
import { disinherit } from "../host/inheritance.ts";
import type { Installation } from "../host/installation.ts";
import { atPriority, ofSession } from "../host/priority.ts";
import { isAlive, readRecord, RECORD_SELF } from "../host/processes.ts";
import { CommandError } from "../lib/command-error.ts";

const NAME = "bird";
/** BFD counts in milliseconds: a machine that is busy is not to be taken for one that is silent. */
const FIRST = -20;
const ANSWERS_WITHIN_MILLISECONDS = 10_000;
const LOOK_MILLISECONDS = 20;

/**
 * Starts BIRD with the configuration, or gives it to the one that runs. Routes that stay the same are not
 * touched.
 * @param namespace - the path of the network namespace to run it in, where that is not this process's own
 * @throws CommandError when BIRD is not installed, or refuses the configuration
 */
export async function ensureBird(
  installation: Installation,
  config: string,
  namespace?: string,
): Promise<void> {
  const { file, socket } = pathsOf(installation);
  const there = readRecord(installation.records, NAME);
  const alive = there !== undefined && isAlive(there);
  if (alive && textOf(file) === config && (await answers(socket))) return;
  writeFileSync(`${file}.new`, config, { mode: 0o600 });
  if (!(await succeeds(["which", "bird"])))
    throw new CommandError("BIRD, which watches the gateways, is missing: apt-get install bird2");
  const checked = await run(["bird", "-p", "-c", `${file}.new`]).catch((cause: unknown) => {
    throw new Error("BIRD refuses its configuration", { cause });
  });
  if (checked.trim() !== "") throw new Error(`BIRD says of its configuration: ${checked.trim()}`);
  renameSync(`${file}.new`, file);
  if (alive && (await answers(socket))) await run(["birdc", "-s", socket, "configure"]);
  else await begin(installation, namespace);
}

function pathsOf({ run: folder }: Installation) {
  return { file: join(folder, "bird.conf"), socket: join(folder, "bird.ctl"), pid: join(folder, "bird.pid") };
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

const answers = (socket: string): Promise<boolean> => succeeds(["birdc", "-s", socket, "show", "status"]);

async function begin(installation: Installation, namespace: string | undefined): Promise<void> {
  const { file, socket, pid } = pathsOf(installation);
  mkdirSync(installation.logs, { recursive: true, mode: 0o700 });
  const log = openSync(join(installation.logs, "bird.log"), "a", 0o600);
  disinherit();
  const child = await start(
    [
      atPriority(FIRST),
      ["sh", "-ec", `${RECORD_SELF}\nrecord "$1"; shift\n${ofSession(FIRST)}\nexec "$@"`, "sh"],
      [join(installation.records, `${NAME}.json`)],
      inNetwork(namespace),
      ["setpriv", "--bounding-set", "-all,+net_admin,+net_raw,+net_bind_service,+dac_override"],
      ["--inh-caps", "-all", "--no-new-privs", "--"],
      ["bird", "-f", "-c", file, "-s", socket, "-P", pid],
    ].flat(),
    { detached: true, cwd: "/", stdio: ["ignore", log, log], env: CLEAN_ENVIRONMENT },
  ).finally(() => closeSync(log));
  let ended = false;
  void ending(child).then(() => (ended = true));
  child.unref();
  const deadline = performance.now() + ANSWERS_WITHIN_MILLISECONDS;
  while (!(await answers(socket))) {
    if (ended || performance.now() > deadline)
      throw new Error(`BIRD does not start; see ${join(installation.logs, "bird.log")}`);
    await delay(LOOK_MILLISECONDS);
  }
}

/** What BFD says of the other machines, by address. */
export async function bfdSessions(installation: Installation): Promise<ReadonlyMap<string, "up" | "down">> {
  const { socket } = pathsOf(installation);
  const out = await run(["birdc", "-s", socket, "show", "bfd", "sessions"]).catch(() => "");
  const lines = out.matchAll(/^([0-9.]+)\s+\S+\s+(\S+)/gm);
  return new Map([...lines].map(([, address = "", state]) => [address, state === "Up" ? "up" : "down"]));
}
