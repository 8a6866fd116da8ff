import type {
  InstanceStateChange,
  MonitorInstancesRequest,
  MonitorInstancesResult,
  RebootInstancesRequest,
  StartInstancesRequest,
  StartInstancesResult,
  StopInstancesRequest,
  StopInstancesResult,
  TerminateInstancesRequest,
  TerminateInstancesResult,
  UnmonitorInstancesRequest,
  UnmonitorInstancesResult,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { Instance, InstanceState } from "../../model/instance.ts";
import type { Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { type Done, DONE, refuseUnoffered } from "../kit/parameter.ts";
import { requireRootVolume } from "../storage/volume-attachment.ts";
import { beginStart, beginStop, beginTermination } from "./instance-lifecycle.ts";
import { describedState, findInstances } from "./instance.ts";

const StartInstances: Action<StartInstancesRequest, StartInstancesResult> = (tx, input, context) => {
  refuseUnoffered(input, ["AdditionalInfo"]);
  return {
    StartingInstances: findInstances(tx, input.InstanceIds).map((instance) =>
      changeOf(instance, started(tx, instance, context)),
    ),
  };
};

function started(tx: Tx, instance: Instance, context: Context): Instance {
  if (instance.state === "pending" || instance.state === "running") return instance;
  requireState(
    instance,
    ["stopped"],
    `The instance '${instance.id}' is not in a state from which it can be started.`,
  );
  requireRootVolume(tx, instance, context);
  return beginStart(tx, instance, context);
}

/**
 * Force and SkipOsShutdown change nothing that can be seen: an instance is given a moment to end, then ended.
 */
const StopInstances: Action<StopInstancesRequest, StopInstancesResult> = (tx, input, context) => {
  refuseUnoffered(input, ["Hibernate"]);
  return {
    StoppingInstances: findInstances(tx, input.InstanceIds).map((instance) =>
      changeOf(instance, stopped(tx, instance, context)),
    ),
  };
};

function stopped(tx: Tx, instance: Instance, context: Context): Instance {
  if (instance.state === "stopped" || instance.state === "stopping") return instance;
  requireState(
    instance,
    ["running"],
    `This instance '${instance.id}' is not in a state from which it can be stopped.`,
  );
  requireUnprotected(instance, { attribute: "disableApiStop", verb: "stopped" });
  return beginStop(tx, instance, context);
}

const RebootInstances: Action<RebootInstancesRequest, Done> = (tx, input) => {
  for (const instance of findInstances(tx, input.InstanceIds)) {
    requireState(
      instance,
      ["running"],
      `The instance '${instance.id}' is not in a state from which it can be rebooted.`,
    );
    tx.put({ ...instance, bootGeneration: instance.bootGeneration + 1 });
  }
  return DONE;
};

const TerminateInstances: Action<TerminateInstancesRequest, TerminateInstancesResult> = (
  tx,
  input,
  context,
) => {
  const instances = findInstances(tx, input.InstanceIds);
  return {
    TerminatingInstances: instances.map((instance) => changeOf(instance, terminated(tx, instance, context))),
  };
};

function terminated(tx: Tx, instance: Instance, context: Context): Instance {
  if (instance.state === "shutting-down" || instance.state === "terminated") return instance;
  requireUnprotected(instance, { attribute: "disableApiTermination", verb: "terminated" });
  return beginTermination(tx, instance, context);
}

function requireState(instance: Instance, states: readonly InstanceState[], words: string): void {
  if (!states.includes(instance.state)) throw new Fault("IncorrectInstanceState", words);
}

type Protection = { readonly attribute: "disableApiStop" | "disableApiTermination"; readonly verb: string };

function requireUnprotected(instance: Instance, { attribute, verb }: Protection): void {
  if (!instance[attribute]) return;
  throw new Fault(
    "OperationNotPermitted",
    `The instance '${instance.id}' may not be ${verb}. Modify its '${attribute}' instance attribute and try again.`,
  );
}

function changeOf(before: Instance, after: Instance): InstanceStateChange {
  return {
    InstanceId: before.id,
    CurrentState: describedState(after.state),
    PreviousState: describedState(before.state),
  };
}

const MonitorInstances: Action<MonitorInstancesRequest, MonitorInstancesResult> = (tx, input) => ({
  InstanceMonitorings: setMonitoring(tx, input, true).map((id) => ({
    InstanceId: id,
    Monitoring: { State: "pending" },
  })),
});

const UnmonitorInstances: Action<UnmonitorInstancesRequest, UnmonitorInstancesResult> = (tx, input) => ({
  InstanceMonitorings: setMonitoring(tx, input, false).map((id) => ({
    InstanceId: id,
    Monitoring: { State: "disabling" },
  })),
});

/** A record: nobody gathers metrics. */
function setMonitoring(tx: Tx, input: MonitorInstancesRequest, monitoring: boolean): readonly string[] {
  refuseUnoffered(input, ["MetricCategoryIds"]);
  const instances = findInstances(tx, input.InstanceIds);
  for (const instance of instances) tx.put({ ...instance, monitoring });
  return instances.map(({ id }) => id);
}

export const instanceStateActions = {
  StartInstances,
  StopInstances,
  RebootInstances,
  TerminateInstances,
  MonitorInstances,
  UnmonitorInstances,
};
