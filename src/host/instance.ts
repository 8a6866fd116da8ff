import { closeSync, writeFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { enterCgroup, removeCgroup } from "./cgroup.ts";
import { CLEAN_ENVIRONMENT, start } from "./command.ts";
import { disinherit } from "./inheritance.ts";
import { GRACE_MILLISECONDS, REBOOT_STATUS } from "./init.ts";
import type { Installation } from "./installation.ts";
import { prepareFiles } from "./instance-files.ts";
import type { InstanceLinks } from "./instance-links.ts";
import type { InstanceSpec } from "./instance-spec.ts";
import type { InterfaceSpec } from "./network-interface.ts";
import { runOrdinarily } from "./priority.ts";
import {
  ended,
  isAlive,
  killTree,
  type ProcessRecord,
  readRecord,
  removeRecord,
  signal,
  startTime,
  writeRecord,
} from "./processes.ts";
import { sandboxArgv, userMap } from "./sandbox.ts";
import { readUserDataAside } from "./user-data-aside.ts";

/** An instance that is up: its sandbox's outer process, its init, and its links. */
export type RunningInstance = {
  readonly outer: ProcessRecord;
  readonly init: ProcessRecord;
  /** The interfaces as Genkan set them up inside the instance. */
  readonly interfaces: readonly InterfaceSpec[];
};

/** Why an instance ended. */
export type Ending = "poweroff" | "reboot";

type Booting = {
  readonly installation: Installation;
  readonly spec: InstanceSpec;
  readonly links: InstanceLinks;
  /**
   * Called when the machine's part of the boot is done. How long the rest takes depends on the instance and
   * its own files.
   */
  readonly onMade: () => void;
  /** Called when the instance's processes have ended, also when that was asked for. */
  readonly onEnd: (ending: Ending) => void;
};

/** Maximum length of a boot; as for the daemons, only one that hangs takes so long. */
const BOOT_MILLISECONDS = 90_000;

/**
 * Starts the instance; settles when its init is up with its network. User data may still run then. After a
 * failure, no process of the instance is left.
 */
export async function bootInstance({
  installation,
  spec: given,
  links,
  onMade,
  onEnd,
}: Booting): Promise<RunningInstance> {
  const userData = await readUserDataAside(given.userData ?? new Uint8Array());
  const spec = {
    ...given,
    hostname: userData.hostname ?? given.hostname,
    dnsDomain: userData.domain ?? given.dnsDomain,
  };
  const console = prepareFiles(installation, spec, userData);
  disinherit();
  const child = await start(sandboxArgv(installation, spec.id, spec.hostname), {
    detached: true,
    stdio: ["pipe", console, console, "pipe"],
    env: CLEAN_ENVIRONMENT,
  }).finally(() => closeSync(console));
  runOrdinarily(child.pid ?? 0);
  const failure = new Promise<never>((_, reject) => {
    child.once("exit", (code, signal) =>
      reject(
        new Error(
          `${spec.id} ended while it was starting (${signal ?? `status ${code}`}); see its console output`,
        ),
      ),
    );
  });
  failure.catch(() => undefined);
  const timer = setTimeout(() => child.kill("SIGKILL"), BOOT_MILLISECONDS);
  const input = child.stdin as Writable;
  input.on("error", () => undefined); // The exit status tells what went wrong.
  const status = listen(child.stdio[3] as Readable);
  try {
    const running = await Promise.race([
      failure,
      walkIn({ installation, spec, links, onMade, pid: child.pid ?? 0, input, status }),
    ]);
    child.once("exit", (code) => onEnd(code === REBOOT_STATUS || code === 128 + 1 ? "reboot" : "poweroff"));
    if (child.exitCode !== null || child.signalCode !== null) onEnd("poweroff");
    child.unref();
    return running;
  } catch (error) {
    // An error here must not hide why the boot failed; what can't be cleared meets the next boot again.
    await endBoot(installation, spec.id, child.pid ?? 0).catch(() => undefined);
    await forget({ installation, links }, spec.id, spec.interfaces);
    throw error;
  } finally {
    clearTimeout(timer);
    input.end();
    status.close();
  }
}

/**
 * Ends what a boot has started: the outer process, and the inner one, which the end of the outer one does not
 * end.
 */
async function endBoot({ records }: Installation, instanceId: string, outer: number): Promise<void> {
  const init = readRecord(records, `${instanceId}.init`);
  await killTree({ pid: outer, starttime: startTime(outer) ?? "" });
  if (init) await killTree(init);
}

type Walk = Omit<Booting, "onEnd"> & {
  readonly pid: number;
  readonly input: Writable;
  readonly status: Listener;
};

/** The host's side of the steps in sandbox.ts. */
async function walkIn({
  installation,
  spec,
  links,
  onMade,
  pid,
  input,
  status,
}: Walk): Promise<RunningInstance> {
  await status.until(/mapped\n/);
  const map = userMap(spec.interfaces[0]?.slot ?? 0);
  writeFileSync(`/proc/${pid}/uid_map`, map);
  writeFileSync(`/proc/${pid}/gid_map`, map);
  input.write("go\n");
  const initPid = Number((await status.until(/"child-pid": (\d+)[^}]*\}/))[1]);
  const init = { pid: initPid, starttime: startTime(initPid) ?? "" };
  writeRecord(installation.records, `${spec.id}.init`, init);
  await links.begin({ id: spec.id, pid: initPid }, spec.interfaces);
  // Just before the instance's first program runs: the work until here is the machine's, not the group's.
  enterCgroup(installation, spec.id, [pid, initPid]);
  input.write("go\n");
  onMade();
  await status.until(/\nup\n/);
  const running = { outer: { pid, starttime: startTime(pid) ?? "" }, init, interfaces: spec.interfaces };
  recordUp(installation, spec.id, running);
  return running;
}

/** How long init may take to end, including the time that it gives the processes, before it is killed. */
const STOP_MILLISECONDS = GRACE_MILLISECONDS + 500;
/** How long the kernel may take to kill it. */
const KILL_MILLISECONDS = 10_000;

/** The records of which processes and links belong to an instance. */
export type Books = { readonly installation: Installation; readonly links: InstanceLinks };

/**
 * Stops the instance: its init is asked to end, then everything is killed. Its links and records are removed,
 * whatever else fails.
 * @returns what could not be done: a process that the kernel itself holds, for example, stays without a
 * network
 */
export async function stopInstance(
  books: Books,
  instanceId: string,
  { init, outer, interfaces }: RunningInstance,
): Promise<readonly unknown[]> {
  signal(init, "SIGTERM");
  if (!(await ended(init, STOP_MILLISECONDS))) signal(init, "SIGKILL");
  const held = (await ended(init, KILL_MILLISECONDS)) ? [] : [new Error(`process ${init.pid} does not end`)];
  // The outer process ends when it has seen the inner one's end.
  if (held.length === 0 && !(await ended(outer, 1_000)))
    await killTree(outer).catch((cause: unknown) => held.push(cause as Error));
  return [...held, ...(await forget(books, instanceId, interfaces))];
}

/** Removes the links and records of an instance whose processes have ended. @returns why some are left */
export async function forget(
  { installation, links }: Books,
  instanceId: string,
  interfaces: readonly InterfaceSpec[],
): Promise<readonly unknown[]> {
  const steps = [
    // The kernel removes a namespace's links only some time after its last process: this does it at once.
    ...interfaces.map(
      ({ slot }) =>
        () =>
          links.remove(instanceId, slot),
    ),
    () => removeCgroup(installation, instanceId),
    ...[".up", ".init", ""].map(
      (suffix) => () => removeRecord(installation.records, `${instanceId}${suffix}`),
    ),
  ];
  const failures: unknown[] = [];
  for (const step of steps)
    await Promise.resolve()
      .then(step)
      .catch((cause: unknown) => failures.push(cause));
  return failures;
}

export function recordUp(
  { records }: Installation,
  instanceId: string,
  { init, interfaces }: RunningInstance,
): void {
  writeRecord(records, `${instanceId}.up`, { ...init, interfaces });
}

type UpRecord = ProcessRecord & { readonly interfaces?: readonly InterfaceSpec[] };

/** The interfaces that the instance had, or was about to get, according to its records. */
export function recordedInterfaces({ records }: Installation, instanceId: string): readonly InterfaceSpec[] {
  return (readRecord(records, `${instanceId}.up`) as UpRecord | undefined)?.interfaces ?? [];
}

/** The instance according to its records; undefined when it is not up, or only partly. */
export function findInstance({ records }: Installation, instanceId: string): RunningInstance | undefined {
  const outer = readRecord(records, instanceId);
  const up = readRecord(records, `${instanceId}.up`) as UpRecord | undefined;
  if (!outer || !up?.interfaces || !isAlive(up)) return undefined;
  return { outer, init: { pid: up.pid, starttime: up.starttime }, interfaces: up.interfaces };
}

type Listener = {
  readonly until: (pattern: RegExp) => Promise<RegExpMatchArray>;
  readonly close: () => void;
};

/** Collects a stream's output, and tells when there is some. */
function listen(stream: Readable): Listener {
  let text = "";
  let waiting: { readonly pattern: RegExp; readonly resolve: (match: RegExpMatchArray) => void } | undefined;
  stream.setEncoding("utf8").on("data", (more: string) => {
    text += more;
    const match = waiting && text.match(waiting.pattern);
    if (match) waiting?.resolve(match);
  });
  stream.on("error", () => undefined);
  return {
    until: (pattern) =>
      new Promise((resolve) => {
        const match = text.match(pattern);
        if (match) resolve(match);
        else waiting = { pattern, resolve };
      }),
    close: () => stream.destroy(),
  };
}
