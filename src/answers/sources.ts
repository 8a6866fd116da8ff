import type { Agent } from "../agent/agent.ts";
import type { FlowRecorder } from "../agent/flow-log.ts";
import type { RunningMachine } from "../agent/machine.ts";
import type { Gauges } from "../agent/metrics.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import type { Realm } from "../model/realm.ts";
import type { World } from "../model/world.ts";
import type { DrainAnswer } from "../protocol/drain.ts";
import type { InstanceAnswer } from "../protocol/instance.ts";
import type { Invitation } from "../protocol/invitation.ts";
import type { LeaveAnswer } from "../protocol/leave.ts";
import type { RecoverAnswer } from "../protocol/recover.ts";
import type { EtcdStatus, MachineStatus } from "../protocol/status.ts";

/** What names this installation to those who ask. */
type Installed = {
  readonly version: string;
  readonly id: string;
  readonly endpoint: string;
  /** Public IPv4 pools, canonical CIDR blocks. */
  readonly pools: readonly string[];
};

export type Sources = {
  readonly installed: Installed;
  readonly world: World;
  readonly plane: ControlPlane;
  readonly agent: Agent;
  readonly machine: RunningMachine | undefined;
  readonly recorder: FlowRecorder;
  /** Why no packets move here; undefined when they do. */
  readonly noPackets: string | undefined;
  /** Where what names no region is meant. */
  readonly own: Realm;
  /** Where the state is when it is not on this machine, and whether it can be reached now. */
  readonly etcd: (() => EtcdStatus) | undefined;
  /** The machines of the region; absent where Genkan is one machine. */
  readonly machines: (() => Promise<readonly MachineStatus[]>) | undefined;
  /** Asks the machine that runs the instance; undefined where that is this one. Absent: it always is. */
  readonly elsewhere: ((instanceId: string) => Promise<InstanceAnswer> | undefined) | undefined;
  /** Takes a machine out of use, or back into it; absent where Genkan is one machine. @throws NotDrainable */
  readonly drain: ((machine: string, drained: boolean) => Promise<DrainAnswer>) | undefined;
  /** Lets other machines join; absent where Genkan is one machine. @throws Refused */
  readonly invite: (() => Promise<Invitation>) | undefined;
  /** Takes a machine out of the region; absent where Genkan is one machine. @throws NotLeaving */
  readonly leave: ((machine: string, self: boolean) => Promise<LeaveAnswer>) | undefined;
  /**
   * Moves what a machine ran that is away; absent where Genkan is one machine. `off`: somebody has made sure
   * that it is. @throws NotRecoverable
   */
  readonly recover: ((machine: string, off: boolean) => Promise<RecoverAnswer>) | undefined;
  readonly gauges: Gauges;
  /** Nanoseconds, the kernel program's clock. */
  readonly monotonicNow: () => bigint;
  readonly log: (message: string, cause: unknown) => void;
};
