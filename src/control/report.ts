import { bootDone, bootFailed, exitedByItself, haltDone } from "../actions/instance/instance-lifecycle.ts";
import type { Context } from "../actions/kit/action.ts";
import type { InstanceReport } from "../model/instance-report.ts";
import type { Tx } from "../model/state.ts";

const TAKE: Readonly<Record<InstanceReport["what"], (tx: Tx, instanceId: string, context: Context) => void>> =
  {
    booted: bootDone,
    "boot-failed": bootFailed,
    halted: haltDone,
    exited: exitedByItself,
  };

/**
 * Records a machine's report on an instance. A report that the instance's state has overtaken changes
 * nothing.
 */
export function takeReport(tx: Tx, { instanceId, what }: InstanceReport, context: Context): void {
  TAKE[what](tx, instanceId, context);
}
