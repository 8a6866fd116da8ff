import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import {
  CONTROLLERS,
  type Controller,
  type Limits,
  limitsOfAll,
  limitsOfOne,
  type Machine,
  processShare,
  SETTINGS,
} from "./cgroup-limits.ts";
import type { Installation } from "./installation.ts";

/*
 * Each instance has a control group (cgroups(7)) within the group of all instances. Limits of single
 * processes (see sandbox.ts) would not add up to that: an instance has a thousand users, and memory that no
 * process holds, such as files in /dev/shm.
 */

/** A hierarchy of groups, and the controllers whose limits it keeps. */
type Hierarchy = {
  readonly root: string;
  readonly version: 1 | 2;
  readonly controllers: readonly Controller[];
};

/**
 * Version 2 has one hierarchy; version 1 has one for each controller. Empty where there are no groups: for a
 * controller that the kernel does not have in version 1 (memory, on Debian 13) systemd leaves an empty
 * folder.
 */
function hierarchies(mount: string): readonly Hierarchy[] {
  const there = read(join(mount, "cgroup.controllers"))?.split(/\s+/);
  if (there)
    return [
      {
        root: mount,
        version: 2,
        controllers: CONTROLLERS.filter((controller) => there.includes(controller)),
      },
    ];
  return CONTROLLERS.map((controller) => ({
    root: join(mount, controller),
    version: 1 as const,
    controllers: [controller],
  })).filter(({ root }) => existsSync(join(root, "cgroup.procs")));
}

const CGROUP_MOUNT = "/sys/fs/cgroup";

/** What an instance can use up where a controller is missing. */
const UNLIMITED: Readonly<Record<Controller, string>> = {
  cpu: "take the machine's processors from others",
  memory: "use up the machine's memory",
  pids: "use up the machine's processes",
};

/**
 * Makes the group of all instances. @returns what instances can do because it is not there or keeps no such
 * limit, and why.
 */
export function ensureCgroups({ id }: Installation, mount = CGROUP_MOUNT): readonly string[] {
  const failed = new Map<Controller, string>(
    CONTROLLERS.map((controller) => [controller, `there is no such control group at ${mount}`]),
  );
  for (const { root, version, controllers } of hierarchies(mount)) {
    const group = join(root, `genkan-${id}`);
    for (const controller of controllers) {
      try {
        if (version === 2) handDown(root, controller);
        mkdirSync(group, { recursive: true });
        limit(group, version, controller, limitsOfAll(thisMachine()));
        if (version === 2) handDown(group, controller);
        failed.delete(controller);
      } catch (cause) {
        failed.set(
          controller,
          `no control group can be made: ${cause instanceof Error ? cause.message : String(cause)}`,
        );
      }
    }
  }
  return [...failed].map(([controller, why]) => `instances can ${UNLIMITED[controller]}: ${why}`);
}

export function thisMachine(): Machine {
  const most = ["pid_max", "threads-max"].map((name) => Number(read(`/proc/sys/kernel/${name}`) ?? 32_768));
  return { bytes: totalmem(), processes: Math.min(...most) };
}

/** Version 2: groups within this one may have limits of the controller (cgroup.subtree_control). */
function handDown(group: string, controller: Controller): void {
  const control = join(group, "cgroup.subtree_control");
  if (!(read(control) ?? "").split(/\s+/).includes(controller)) writeFileSync(control, `+${controller}`);
}

/** Whether the group within this one has limits of the controller. */
function isHandedDown(group: string, version: 1 | 2, controller: Controller): boolean {
  return (
    version === 1 || (read(join(group, "cgroup.subtree_control")) ?? "").split(/\s+/).includes(controller)
  );
}

function limit(group: string, version: 1 | 2, controller: Controller, limits: Limits): void {
  for (const { file, value, optional } of SETTINGS[version][controller](limits)) {
    try {
      writeFileSync(join(group, file), String(value));
    } catch (cause) {
      if (optional !== true) throw cause;
    }
  }
}

/**
 * Puts processes, and all that they start from now on, into the instance's own group. Does nothing where
 * there are no groups.
 */
export function enterCgroup(
  { id }: Installation,
  instanceId: string,
  pids: readonly number[],
  mount = CGROUP_MOUNT,
): void {
  for (const hierarchy of hierarchies(mount)) {
    const { root, version, controllers } = hierarchy;
    const all = join(root, `genkan-${id}`);
    if (!existsSync(all)) continue;
    const group = join(all, instanceId);
    mkdirSync(group, { recursive: true });
    const { length } = groupsIn(all);
    for (const controller of controllers)
      if (isHandedDown(all, version, controller))
        limit(group, version, controller, limitsOfOne(thisMachine(), length));
    shareProcesses(hierarchy, all, length - 1);
    for (const pid of pids) writeFileSync(join(group, "cgroup.procs"), String(pid));
  }
}

/**
 * Removes the instance's group, whose processes have ended. If the kernel still counts them, the group is
 * removed with the next one.
 */
export function removeCgroup({ id }: Installation, instanceId: string, mount = CGROUP_MOUNT): void {
  for (const hierarchy of hierarchies(mount)) {
    const all = join(hierarchy.root, `genkan-${id}`);
    if (remove(join(all, instanceId))) shareProcesses(hierarchy, all, groupsIn(all).length + 1);
  }
}

/** Gives each instance its share of the processes, when the number of instances has changed that share. */
function shareProcesses({ version, controllers }: Hierarchy, all: string, before: number): void {
  if (!controllers.includes("pids") || !isHandedDown(all, version, "pids")) return;
  const machine = thisMachine();
  const groups = groupsIn(all);
  if (processShare(machine, groups.length) === processShare(machine, before)) return;
  const limits = limitsOfOne(machine, groups.length);
  for (const group of groups) {
    try {
      limit(join(all, group), version, "pids", limits);
    } catch (cause) {
      // A group that is being removed at this moment.
      if (!["ENOENT", "ENODEV"].includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause;
    }
  }
}

/**
 * The number of processes and threads of an instance, or of all together; undefined where nobody counts them.
 */
export function processCount(
  { id }: Installation,
  instanceId = "",
  mount = CGROUP_MOUNT,
): number | undefined {
  const { root } = hierarchies(mount).find(({ controllers }) => controllers.includes("pids")) ?? {};
  const counted =
    root === undefined ? undefined : read(join(root, `genkan-${id}`, instanceId, "pids.current"));
  return counted === undefined ? undefined : Number(counted);
}

/** Removes every group of the installation. */
export function removeCgroups({ id }: Installation, mount = CGROUP_MOUNT): void {
  for (const { root } of hierarchies(mount)) {
    const all = join(root, `genkan-${id}`);
    for (const group of groupsIn(all)) remove(join(all, group));
    remove(all);
  }
}

function groupsIn(group: string): readonly string[] {
  if (!existsSync(group)) return [];
  return readdirSync(group, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
}

/** Returns whether it existed and is gone now. */
function remove(group: string): boolean {
  // In a container where nothing can be written, the kernel says so before it looks for the group.
  if (!existsSync(group)) return false;
  try {
    rmdirSync(group);
    return true;
  } catch (cause) {
    if (!["ENOENT", "EBUSY", "ENOTEMPTY"].includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause;
    return false;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
