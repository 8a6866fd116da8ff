import { processCount, thisMachine } from "./cgroup.ts";
import { type Machine, processGuarantee } from "./cgroup-limits.ts";
import type { Installation } from "./installation.ts";

/**
 * All instances within what each is sure of have half of the machine's processes. When there are so many more of them, parts of it, somebody has
 * taken more: while there were few instances each might.
 */
const NARROW = 5 / 8;

export type Crowding = { readonly id: string; readonly processes: number };

/** The instance with most processes among these, when all together leave little room for others' and it has more than its part. */
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
