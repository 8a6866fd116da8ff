import { type Machine, processGuarantee } from "./cgroup-limits.ts";
import { processCount, thisMachine } from "./cgroup.ts";
import type { Installation } from "./installation.ts";

/**
 * The part of the machine's processes from which on an instance must make way. What all instances are
 * guaranteed is half of them together; so with more, some instance has more than its guarantee, as it may
 * while there are few instances.
 */
const NARROW = 5 / 8;

export type Crowding = { readonly id: string; readonly processes: number };

/**
 * The instance with most processes, if all instances together leave little room and it has more than its
 * guarantee.
 */
export function crowdingProcesses(
  installation: Installation,
  instanceIds: readonly string[],
  machine: Machine = thisMachine(),
  count: (instanceId?: string) => number | undefined = (id) => processCount(installation, id),
): Crowding | undefined {
  if ((count() ?? 0) < machine.processes * NARROW) return undefined;
  const counted = instanceIds.map((id) => ({ id, processes: count(id) ?? 0 }));
  const largest = counted.toSorted((a, b) => b.processes - a.processes)[0];
  return largest && largest.processes > processGuarantee(machine, instanceIds.length) ? largest : undefined;
}
