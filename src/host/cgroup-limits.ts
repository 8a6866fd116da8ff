/** What instances may use of a machine, as far as control groups (cgroups(7)) enforce it. */
export type Limits = {
  readonly bytes: number;
  /** The bytes of sockets' buffers. Version 2 counts them among `bytes`. */
  readonly socketBytes: number;
  /** Processes and threads. */
  readonly processes: number;
  /** The share of the processors when others want them, too: 100 is what a group without a weight has. */
  readonly weight: number;
};

export type Machine = {
  /** The machine's memory. */
  readonly bytes: number;
  /** How many processes and threads there can be. */
  readonly processes: number;
};

const MOST_PROCESSES = 2_048;
const LEAST_PROCESSES = 128;

/**
 * All instances together: less than the machine has, so that it goes on, and of the processors what one group
 * of any others has (version 1: or one process without a group), however many processes they are. Processes
 * are many more than the instances' shares add up to at first: who took his share when there were few
 * instances keeps it as long as the others find room, see process-watch.ts.
 */
export function limitsOfAll(machine: Machine): Limits {
  return {
    bytes: Math.floor(machine.bytes * 0.75),
    socketBytes: Math.max(2 ** 28, Math.floor(machine.bytes / 8)),
    processes: Math.floor((machine.processes * 7) / 8),
    weight: 100,
  };
}

/** The limits of one of so many instances. */
export function limitsOfOne(machine: Machine, instances: number): Limits {
  return {
    bytes: 4 * 2 ** 30,
    socketBytes: 2 ** 28,
    processes: processShare(machine, instances),
    weight: 100,
  };
}

/**
 * Half of the machine's processes in equal parts, at least what a usual server needs and at most what nobody
 * does. It changes only when the number of instances doubles.
 */
export function processShare(machine: Machine, instances: number): number {
  const step = 2 ** Math.ceil(Math.log2(Math.max(1, instances)));
  return Math.min(MOST_PROCESSES, Math.max(LEAST_PROCESSES, Math.floor(machine.processes / 2 / step)));
}

/**
 * What each of so many instances is sure to get: an instance with more makes way when others need theirs. All
 * of it together is half of the machine's.
 */
export function processGuarantee(machine: Machine, instances: number): number {
  return Math.min(MOST_PROCESSES, Math.floor(machine.processes / 2 / Math.max(1, instances)));
}

export const CONTROLLERS = ["cpu", "memory", "pids"] as const;
export type Controller = (typeof CONTROLLERS)[number];

/** A file of a group, and the value for it; `optional` when not every kernel has the file. */
type Setting = { readonly file: string; readonly value: number; readonly optional?: true };

type Settings = Readonly<Record<Controller, (limits: Limits) => readonly Setting[]>>;

/** By version of the groups, see the kernel's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst. */
export const SETTINGS: Readonly<Record<1 | 2, Settings>> = {
  1: {
    cpu: ({ weight }) => [{ file: "cpu.shares", value: Math.round((weight * 1024) / 100) }],
    memory: ({ bytes, socketBytes }) => [
      { file: "memory.limit_in_bytes", value: bytes },
      // Named after TCP, but obeyed for all sockets whose protocol counts its memory.
      { file: "memory.kmem.tcp.limit_in_bytes", value: socketBytes, optional: true },
    ],
    pids: ({ processes }) => [{ file: "pids.max", value: processes }],
  },
  2: {
    cpu: ({ weight }) => [{ file: "cpu.weight", value: weight }],
    memory: ({ bytes }) => [{ file: "memory.max", value: bytes }],
    pids: ({ processes }) => [{ file: "pids.max", value: processes }],
  },
};
