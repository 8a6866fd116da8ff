import { Fault } from "../../model/fault.ts";
import type { Instance } from "../../model/instance.ts";
import type { Tx } from "../../model/state.ts";
import type { Context } from "../kit/action.ts";
import { beginStart, haltDone } from "./instance-lifecycle.ts";

type Recovered = {
  /** They boot elsewhere, with the same ids and addresses, and fresh files. */
  readonly moved: readonly Instance[];
  /** Those for which no other machine has room. */
  readonly left: readonly Instance[];
};

/**
 * Places anew what ran on a machine that will not say what becomes of it. What was about to end there has
 * ended; what is stopped there is started elsewhere by the next start.
 */
export function recoverInstances(tx: Tx, machine: number, context: Context): Recovered {
  const others = (): ReturnType<NonNullable<Context["hosts"]>> =>
    (context.hosts?.() ?? []).filter(({ number }) => number !== machine);
  const moved: Instance[] = [];
  const left: Instance[] = [];
  for (const instance of tx.by("instance", "machine", String(machine))) {
    if (instance.state === "stopping" || instance.state === "shutting-down")
      haltDone(tx, instance.id, context);
    if (instance.state !== "running" && instance.state !== "pending") continue;
    const placed = placedAnew(tx, instance, { ...context, hosts: others });
    if (placed) moved.push(placed);
    else left.push(instance);
  }
  return { moved, left };
}

/** Undefined when no machine has room. */
function placedAnew(tx: Tx, instance: Instance, context: Context): Instance | undefined {
  try {
    return beginStart(tx, instance, context);
  } catch (error) {
    if (error instanceof Fault && error.code === "InsufficientInstanceCapacity") return undefined;
    throw error;
  }
}
