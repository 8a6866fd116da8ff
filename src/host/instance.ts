import { closeSync, writeFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { enterCgroup, removeCgroup } from "./cgroup.ts";
import { CLEAN_ENVIRONMENT, inNetwork, ip, run, start } from "./command.ts";
import { prepareFiles } from "./instance-files.ts";
import type { InstanceSpec } from "./instance-spec.ts";
import { disinherit } from "./inheritance.ts";
import type { Installation } from "./installation.ts";
import { hasIpv6, ipv6Switch } from "./ipv6.ts";
import { addInterfaceLink, type InterfaceSpec, interfaceLines, ipv6Lines, removeInterfaceLink, tableOf } from "./links.ts";
import { ended, isAlive, killTree, type ProcessRecord, readRecord, removeRecord, signal, startTime, writeRecord } from "./processes.ts";
import { REBOOT_STATUS } from "./init.ts";
import { sandboxArgv, userMap } from "./sandbox.ts";

/** An instance that is up: its sandbox's outer process and its init, and which links are its. */
export type RunningInstance = {
  readonly outer: ProcessRecord;
  readonly init: ProcessRecord;
  readonly slots: readonly number[];
};

/** Why an instance ended. */
export type Ending = "poweroff" | "reboot";

type Booting = {
  readonly installation: Installation;
  readonly spec: InstanceSpec;
  /** Called when an interface's link exists, before the instance runs anything. */
  readonly attach: (slot: number) => void | Promise<void>;
  /** Called when the instance's processes have ended, also when that was asked for. */
  readonly onEnd: (ending: Ending) => void;
};

const BOOT_MILLISECONDS = 30_000;

/** Starts the instance; settles when its init is up with its network. User data runs on. On failure nothing of it is left running. */
export async function bootInstance({ installation, spec, attach, onEnd }: Booting): Promise<RunningInstance> {
  const console = prepareFiles(installation, spec);
  disinherit();
  const child = await start(sandboxArgv(installation, spec.id, spec.hostname), {
    detached: true,
    stdio: ["pipe", console, console, "pipe"],
    env: CLEAN_ENVIRONMENT,
  }).finally(() => closeSync(console));
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
    const running = await Promise.race([failure, walkIn({ installation, spec, attach, pid: child.pid ?? 0, input, status })]);
    child.once("exit", (code) => onEnd(code === REBOOT_STATUS || code === 128 + 1 ? "reboot" : "poweroff"));
    if (child.exitCode !== null || child.signalCode !== null) onEnd("poweroff");
    child.unref();
    return running;
  } catch (error) {
    if (child.pid !== undefined) await killTree({ pid: child.pid, starttime: startTime(child.pid) ?? "" });
    await forget(
      installation,
      spec.id,
      spec.interfaces.map((i) => i.slot),
    );
    throw error;
  } finally {
    clearTimeout(timer);
    input.end();
    status.close();
  }
}

type Walk = {
  readonly installation: Installation;
  readonly spec: InstanceSpec;
  readonly attach: Booting["attach"];
  readonly pid: number;
  readonly input: Writable;
  readonly status: Listener;
};

/** The host's side of the steps in sandbox.ts. */
async function walkIn({ installation, spec, attach, pid, input, status }: Walk): Promise<RunningInstance> {
  const { dp } = installation.namespaces;
  await status.until(/mapped\n/);
  enterCgroup(installation, spec.id, pid);
  const map = userMap(spec.interfaces[0]?.slot ?? 0);
  writeFileSync(`/proc/${pid}/uid_map`, map);
  writeFileSync(`/proc/${pid}/gid_map`, map);
  input.write("go\n");
  const initPid = Number((await status.until(/"child-pid": (\d+)[^}]*\}/))[1]);
  const init = { pid: initPid, starttime: startTime(initPid) ?? "" };
  writeRecord(installation.records, `${spec.id}.init`, init);
  for (const link of spec.interfaces) await addLink(dp, link, initPid);
  await configureInside(initPid, spec.interfaces);
  for (const { slot } of spec.interfaces) await attach(slot);
  input.write("go\n");
  await status.until(/\nup\n/);
  const slots = spec.interfaces.map((i) => i.slot);
  writeRecord(installation.records, `${spec.id}.up`, { ...init, slots });
  return { outer: { pid, starttime: startTime(pid) ?? "" }, init, slots };
}

/** A link left over by an instance that ended just now makes way. */
async function addLink(dp: string, link: InterfaceSpec, pid: number): Promise<void> {
  try {
    await addInterfaceLink(dp, link, pid);
  } catch {
    await removeInterfaceLink(dp, link.slot);
    await addInterfaceLink(dp, link, pid);
  }
}

async function configureInside(initPid: number, links: readonly InterfaceSpec[]): Promise<void> {
  // IPv6 is for the interfaces that have an address of it; the rest hears and says nothing.
  const off = ["all", "default"].flatMap((name) => ipv6Switch(name, false));
  const on = links.filter(({ ipv6Addresses }) => ipv6Addresses.length > 0).flatMap(ipv6On);
  const lines = ["link set lo up", ...links.flatMap(interfaceLines), ""].join("\n");
  await run([...inNetwork(`/proc/${initPid}/ns/net`), "sh", "-ec", [...off, ...on, "exec ip -batch -"].join("\n")], lines);
}

function ipv6On({ deviceIndex }: InterfaceSpec): readonly string[] {
  return [...ipv6Switch("lo", true), ...ipv6Switch(`eth${deviceIndex}`, true)];
}

/** Adds an interface to an instance that is up. */
export async function plugInterface(installation: Installation, init: ProcessRecord, link: InterfaceSpec): Promise<void> {
  const namespace = `/proc/${init.pid}/ns/net`;
  await addLink(installation.namespaces.dp, link, init.pid);
  if (link.ipv6Addresses.length > 0) await run([...inNetwork(namespace), "sh", "-ec", ipv6On(link).join("\n")]);
  await ip(namespace, interfaceLines(link));
}

/** Makes the interface's addresses those of the specification. The primary IPv4 one never changes. */
export async function readdress(init: ProcessRecord, link: InterfaceSpec): Promise<void> {
  await readdressIpv4(init, link);
  if (hasIpv6()) await readdressIpv6(init, link);
}

async function readdressIpv6(init: ProcessRecord, link: InterfaceSpec): Promise<void> {
  const namespace = `/proc/${init.pid}/ns/net`;
  const device = `eth${link.deviceIndex}`;
  const there = await addressesOf(namespace, device, 6);
  const has = new Set(there.map(({ local }) => local));
  const gone = there.filter(({ local }) => !link.ipv6Addresses.includes(local));
  const added = link.ipv6Addresses.filter((address) => !has.has(address));
  if (added.length > 0) await run([...inNetwork(namespace), "sh", "-ec", ipv6On(link).join("\n")]);
  await ip(namespace, [
    ...ipv6Lines(link, added),
    ...(link.deviceIndex > 0 ? gone.map(({ local }) => `rule del from ${local} lookup ${tableOf(link.deviceIndex)}`) : []),
    ...gone.map(({ local, prefixlen }) => `addr del ${local}/${prefixlen} dev ${device}`),
  ]);
}

type Shown = { readonly local: string; readonly prefixlen: number };

/** The addresses that the device has now; of IPv6, those that the VPC gave it. */
async function addressesOf(namespace: string, device: string, family: 4 | 6): Promise<readonly Shown[]> {
  const command = ["ip", "-j", `-${family}`, "addr", "show", "dev", device, ...(family === 6 ? ["scope", "global"] : [])];
  const shown = JSON.parse((await run([...inNetwork(namespace), ...command])) || "[]") as readonly {
    readonly addr_info?: readonly Shown[];
  }[];
  return shown.flatMap((one) => one.addr_info ?? []);
}

async function readdressIpv4(init: ProcessRecord, link: InterfaceSpec): Promise<void> {
  const namespace = `/proc/${init.pid}/ns/net`;
  const device = `eth${link.deviceIndex}`;
  const there = await addressesOf(namespace, device, 4);
  const has = new Set(there.map(({ local }) => local));
  const wanted = new Set(link.addresses);
  const added = link.addresses.filter((address) => !has.has(address));
  const gone = there.filter(({ local }) => !wanted.has(local));
  const table = tableOf(link.deviceIndex);
  const rules = link.deviceIndex > 0;
  await ip(namespace, [
    ...added.map((address) => `addr add ${address}/${link.prefixLength} broadcast + dev ${device}`),
    ...(rules ? added.map((address) => `rule add from ${address} lookup ${table}`) : []),
    ...(rules ? gone.map(({ local }) => `rule del from ${local} lookup ${table}`) : []),
    ...gone.map(({ local, prefixlen }) => `addr del ${local}/${prefixlen} dev ${device}`),
  ]);
}

/** How long an instance may take to end its processes before they are killed. */
const STOP_MILLISECONDS = 1_500;

/** Stops the instance: its init is asked to end, then everything is killed; its links and records go. */
export async function stopInstance(installation: Installation, instanceId: string, running: RunningInstance): Promise<void> {
  signal(running.init, "SIGTERM");
  if (!(await ended(running.init, STOP_MILLISECONDS))) signal(running.init, "SIGKILL");
  if (!(await ended(running.init, 10_000))) throw new Error(`${instanceId}: process ${running.init.pid} does not end`);
  // The outer process ends when it has seen the inner one's end.
  if (!(await ended(running.outer, 1_000))) await killTree(running.outer);
  await forget(installation, instanceId, running.slots);
}

/** Removes the links and records of an instance whose processes have ended. */
export async function forget(installation: Installation, instanceId: string, slots: readonly number[]): Promise<void> {
  // The kernel takes a namespace's links away some time after its last process: this is at once.
  for (const slot of slots) await removeInterfaceLink(installation.namespaces.dp, slot);
  removeCgroup(installation, instanceId);
  for (const suffix of [".up", ".init", ""]) removeRecord(installation.records, `${instanceId}${suffix}`);
}

/** The instance by its records, when it is up; undefined when it is not, or only half. */
export function findInstance(installation: Installation, instanceId: string): RunningInstance | undefined {
  const { records } = installation;
  const outer = readRecord(records, instanceId);
  const up = readRecord(records, `${instanceId}.up`) as (ProcessRecord & { readonly slots?: readonly number[] }) | undefined;
  if (!outer || !up?.slots || !isAlive(up)) return undefined;
  return { outer, init: { pid: up.pid, starttime: up.starttime }, slots: up.slots };
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
