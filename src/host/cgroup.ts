import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import type { Installation } from "./installation.ts";

/**
 * What instances may use of the machine, as control groups (cgroups(7)): each so much, and all of them together so much
 * that the machine goes on. Limits of single processes, see sandbox.ts, do not add up to that: an instance has a
 * thousand users, and memory that no process holds, such as files in /dev/shm.
 */
type Limits = { readonly bytes: number; readonly processes: number };
const OF_ONE: Limits = { bytes: 4 * 2 ** 30, processes: 2_048 };
const ofAll = (): Limits => ({
  bytes: Math.floor(totalmem() * 0.75),
  processes: Math.floor(Number(read("/proc/sys/kernel/pid_max") ?? 32_768) / 2),
});

/** A hierarchy of groups, and which of the limits it keeps, by the file that is written. */
type Hierarchy = { readonly root: string; readonly files: (limits: Limits) => Readonly<Record<string, number>> };

/** Version 2 has one hierarchy; version 1 has one for each controller. None where there are no groups, or none may be made. */
function hierarchies(mount: string): readonly Hierarchy[] {
  if (existsSync(join(mount, "cgroup.controllers")))
    return [{ root: mount, files: ({ bytes, processes }) => ({ "memory.max": bytes, "pids.max": processes }) }];
  return [
    { root: join(mount, "memory"), files: ({ bytes }: Limits) => ({ "memory.limit_in_bytes": bytes }) },
    { root: join(mount, "pids"), files: ({ processes }: Limits) => ({ "pids.max": processes }) },
  ].filter(({ root }) => existsSync(root));
}

const CGROUP_MOUNT = "/sys/fs/cgroup";

/** Makes the group of all instances. @returns why there is none; undefined when there is. */
export function ensureCgroups({ id }: Installation, mount = CGROUP_MOUNT): string | undefined {
  const found = hierarchies(mount);
  if (found.length === 0) return `there are no control groups at ${mount}`;
  try {
    for (const { root, files } of found) {
      const group = join(root, `genkan-${id}`);
      handDown(root);
      make(group, files(ofAll()));
      handDown(group);
    }
    return undefined;
  } catch (cause) {
    return `no control group can be made: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}

/** Version 2: groups within this one may have limits (cgroup.subtree_control). */
function handDown(group: string): void {
  const control = join(group, "cgroup.subtree_control");
  if (!existsSync(control)) return;
  const given = new Set((read(control) ?? "").split(/\s+/));
  if (!given.has("memory") || !given.has("pids")) writeFileSync(control, "+memory +pids");
}

function make(group: string, values: Readonly<Record<string, number>>): void {
  mkdirSync(group, { recursive: true });
  for (const [name, value] of Object.entries(values)) writeFileSync(join(group, name), String(value));
}

/** Puts a process, and all that it starts from now on, into the instance's own group. Nothing where there are no groups. */
export function enterCgroup({ id }: Installation, instanceId: string, pid: number, mount = CGROUP_MOUNT): void {
  for (const { root, files } of hierarchies(mount)) {
    if (!existsSync(join(root, `genkan-${id}`))) continue;
    const group = join(root, `genkan-${id}`, instanceId);
    make(group, files(OF_ONE));
    writeFileSync(join(group, "cgroup.procs"), String(pid));
  }
}

/** Removes the instance's group. Its processes have ended; where the kernel still counts them, the group goes with the next. */
export function removeCgroup({ id }: Installation, instanceId: string, mount = CGROUP_MOUNT): void {
  for (const { root } of hierarchies(mount)) remove(join(root, `genkan-${id}`, instanceId));
}

/** Removes every group of the installation. */
export function removeCgroups({ id }: Installation, mount = CGROUP_MOUNT): void {
  for (const { root } of hierarchies(mount)) {
    const group = join(root, `genkan-${id}`);
    if (!existsSync(group)) continue;
    for (const entry of readdirSync(group, { withFileTypes: true })) if (entry.isDirectory()) remove(join(group, entry.name));
    remove(group);
  }
}

function remove(group: string): void {
  try {
    rmdirSync(group);
  } catch (cause) {
    if (!["ENOENT", "EBUSY", "ENOTEMPTY"].includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
