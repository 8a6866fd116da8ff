import { closeSync, writeFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { enterCgroup, removeCgroup } from "./cgroup.ts";
import { CLEAN_ENVIRONMENT, start } from "./command.ts";
import { prepareFiles } from "./instance-files.ts";
import type { InstanceSpec } from "./instance-spec.ts";
import { disinherit } from "./inheritance.ts";
import type { Installation } from "./installation.ts";
import type { InstanceLinks } from "./instance-links.ts";
import type { InterfaceSpec } from "./network-interface.ts";
import { ended, isAlive, killTree, type ProcessRecord, readRecord, removeRecord, signal, startTime, writeRecord } from "./processes.ts";
import { REBOOT_STATUS } from "./init.ts";
import { runOrdinarily } from "./priority.ts";
import { sandboxArgv, userMap } from "./sandbox.ts";
import { readUserDataAside } from "./user-data-aside.ts";

/** An instance that is up: its sandbox's outer process and its init, and which links are its. */
export type RunningInstance = {
  readonly outer: ProcessRecord;
  readonly init: ProcessRecord;
  /** As Genkan set them up inside. */
  readonly interfaces: readonly InterfaceSpec[];
};

/** Why an instance ended. */
export type Ending = "poweroff" | "reboot";

type Booting = {
  readonly installation: Installation;
  readonly spec: InstanceSpec;
  readonly links: InstanceLinks;
  /** Called when the machine's part is done: how long the rest takes is the instance's, whose own files it concerns. */
  readonly onMade: () => void;
  /** Called when the instance's processes have ended, also when that was asked for. */
  readonly onEnd: (ending: Ending) => void;
};

/** As for the daemons: only what hangs takes so long. */
const BOOT_MILLISECONDS = 90_000;

/** Starts the instance; settles when its init is up with its network. User data runs on. On failure nothing of it is left running. */
export async function bootInstance({ installation, spec: given, links, onMade, onEnd }: Booting): Promise<RunningInstance> {
  const userData = await readUserDataAside(given.userData ?? new Uint8Array());
  const spec = { ...given, hostname: userData.hostname ?? given.hostname, dnsDomain: userData.domain ?? given.dnsDomain };
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
      reject(new Error(`${spec.id} ended while it was starting (${signal ?? `status ${code}`}); see its console output`)),
    );
  });
  failure.catch(() => undefined);
  const timer = setTimeout(() => child.kill("SIGKILL"), BOOT_MILLISECONDS);
  const input = child.stdin as Writable;
  input.on("error", () => undefined); // The exit tells.
  const status = listen(child.stdio[3] as Readable);
  try {
    const running = await Promise.race([failure, walkIn({ installation, spec, links, onMade, pid: child.pid ?? 0, input, status })]);
    child.once("exit", (code) => onEnd(code === REBOOT_STATUS || code === 128 + 1 ? "reboot" : "poweroff"));
    if (child.exitCode !== null || child.signalCode !== null) onEnd("poweroff");
    child.unref();
    return running;
  } catch (error) {
    // What can't be cleared now hides nothing of why; the next boot meets it again.
    await endBoot(installation, spec.id, child.pid ?? 0).catch(() => undefined);
    await forget({ installation, links }, spec.id, spec.interfaces);
    throw error;
  } finally {
    clearTimeout(timer);
    input.end();
    status.close();
  }
}

/** Ends what a boot has started: the outer process, and the inner one, which the end of the outer one does not end. */
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
async function walkIn({ installation, spec, links, onMade, pid, input, status }: Walk): Promise<RunningInstance> {
  await status.until(/mapped\n/);
  const map = userMap(spec.interfaces[0]?.slot ?? 0);
  writeFileSync(`/proc/${pid}/uid_map`, map);
  writeFileSync(`/proc/${pid}/gid_map`, map);
  input.write("go\n");
  const initPid = Number((await status.until(/"child-pid": (\d+)[^}]*\}/))[1]);
  const init = { pid: initPid, starttime: startTime(initPid) ?? "" };
  writeRecord(installation.records, `${spec.id}.init`, init);
  await links.begin({ id: spec.id, pid: initPid }, spec.interfaces);
  // Before anything of the instance's own runs, and no sooner: that it gets so far is the machine's work.
  enterCgroup(installation, spec.id, [pid, initPid]);
  input.write("go\n");
  onMade();
  await status.until(/\nup\n/);
  const running = { outer: { pid, starttime: startTime(pid) ?? "" }, init, interfaces: spec.interfaces };
  recordUp(installation, spec.id, running);
  return running;
}

/** How long an instance may take to end its processes before they are killed. */
const STOP_MILLISECONDS = 1_500;
/** And how long the kernel may take to do so. */
const KILL_MILLISECONDS = 10_000;

/** Where it is noted which processes and links are an instance's. */
export type Books = { readonly installation: Installation; readonly links: InstanceLinks };

/**
 * Stops the instance: its init is asked to end, then everything is killed; its links and records go, whatever else fails.
 * @returns what could not be done: a process that the kernel itself holds, say, is left without a network
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
  if (held.length === 0 && !(await ended(outer, 1_000))) await killTree(outer).catch((cause: unknown) => held.push(cause as Error));
  return [...held, ...(await forget(books, instanceId, interfaces))];
}

/** Removes the links and records of an instance whose processes have ended. @returns why what is left is */
export async function forget(
  { installation, links }: Books,
  instanceId: string,
  interfaces: readonly InterfaceSpec[],
): Promise<readonly unknown[]> {
  const steps = [
    // The kernel takes a namespace's links away some time after its last process: this is at once.
    ...interfaces.map(
      ({ slot }) =>
        () =>
          links.remove(instanceId, slot),
    ),
    () => removeCgroup(installation, instanceId),
    ...[".up", ".init", ""].map((suffix) => () => removeRecord(installation.records, `${instanceId}${suffix}`)),
  ];
  const failures: unknown[] = [];
  for (const step of steps)
    await Promise.resolve()
      .then(step)
      .catch((cause: unknown) => failures.push(cause));
  return failures;
}

export function recordUp({ records }: Installation, instanceId: string, { init, interfaces }: RunningInstance): void {
  writeRecord(records, `${instanceId}.up`, { ...init, interfaces });
}

type UpRecord = ProcessRecord & { readonly interfaces?: readonly InterfaceSpec[] };

/** The interfaces that the instance had, or was about to get, by its records. */
export function recordedInterfaces({ records }: Installation, instanceId: string): readonly InterfaceSpec[] {
  return (readRecord(records, `${instanceId}.up`) as UpRecord | undefined)?.interfaces ?? [];
}

/** The instance by its records, when it is up; undefined when it is not, or only half. */
export function findInstance({ records }: Installation, instanceId: string): RunningInstance | undefined {
  const outer = readRecord(records, instanceId);
  const up = readRecord(records, `${instanceId}.up`) as UpRecord | undefined;
  if (!outer || !up?.interfaces || !isAlive(up)) return undefined;
  return { outer, init: { pid: up.pid, starttime: up.starttime }, interfaces: up.interfaces };
}

type Listener = { readonly until: (pattern: RegExp) => Promise<RegExpMatchArray>; readonly close: () => void };

/** Collects what a stream says, and tells when it has said something. */
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
