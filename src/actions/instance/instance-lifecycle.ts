import { present } from "../../lib/assert.ts";
import type { Instance } from "../../model/instance.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Tx } from "../../model/state.ts";
import { interfacesOf } from "../interface/network-interface-attachment.ts";
import { deleteNetworkInterface, refreshAutoPublicIp } from "../interface/network-interface.ts";
import type { Context } from "../kit/action.ts";
import { releaseVolumes } from "../storage/volume-attachment.ts";
import { hostOf } from "./placement.ts";

/*
 * The transitions of an instance. A user's request moves it to a passing state at once (`beginStart`,
 * `beginStop`,
 * `beginTermination`); the host, when the machine has followed, moves it to the state of rest (`bootDone`,
 * `haltDone`).
 *
 *   pending ──bootDone──▶ running ──▶ stopping ──haltDone──▶ stopped ──▶ pending …
 *        └──────────────────┴───────────┴──▶ shutting-down ──haltDone──▶ terminated ──an hour──▶ gone
 *
 * `bootFailed` brings a launch to its end, and an instance that ran before to a stop.
 */

/** The host has booted the instance: pending → running. In any other state it says nothing new. */
export function bootDone(tx: Tx, instanceId: string, context: Context): void {
  const instance = tx.get("instance", instanceId);
  if (instance?.state === "pending") moveTo(tx, { ...instance, state: "running" }, context);
}

/**
 * The host could not boot the instance. A launch that fails terminates, a start that fails goes back to
 * stopped (EC2 user guide, "Instance state changes"). In any other state it says nothing new.
 */
export function bootFailed(tx: Tx, instanceId: string, context: Context): void {
  const instance = tx.get("instance", instanceId);
  if (instance?.state !== "running" && instance?.state !== "pending") return;
  const state = instance.state === "pending" && instance.bootGeneration === 1 ? "shutting-down" : "stopping";
  const code = "Server.InternalError";
  moveTo(
    tx,
    { ...instance, state, stateReason: { code, message: `${code}: Internal error on launch` } },
    context,
  );
}

/**
 * The host has ended the instance: stopping → stopped, shutting-down → terminated. In any other state it says
 * nothing new.
 */
export function haltDone(tx: Tx, instanceId: string, context: Context): void {
  const instance = tx.get("instance", instanceId);
  if (instance?.state === "stopping") moveTo(tx, { ...instance, state: "stopped" }, context);
  if (instance?.state === "shutting-down") {
    releaseVolumes(tx, instance, context);
    for (const eni of interfacesOf(tx, instance)) removeInterface(tx, eni, context);
    // Its volumes are deleted, or exist on their own under the same ids.
    tx.put({ ...instance, blockDevices: [], state: "terminated", terminatedAt: context.now });
  }
}

/** The instance ended from inside: it stops or terminates, as its shutdown behaviour says. */
export function exitedByItself(tx: Tx, instanceId: string, context: Context): void {
  const instance = tx.get("instance", instanceId);
  if (instance?.state !== "running" && instance?.state !== "pending") return;
  const state = instance.shutdownBehavior === "stop" ? "stopping" : "shutting-down";
  const code = "Client.InstanceInitiatedShutdown";
  moveTo(
    tx,
    { ...instance, state, stateReason: { code, message: `${code}: Instance initiated shutdown` } },
    context,
  );
}

const DESCRIBED_FOR_MILLISECONDS = 60 * 60 * 1000;

/** Forgets the instances that were terminated an hour ago or longer. */
export function purgeTerminated(tx: Tx, context: Context): void {
  const latest = Date.parse(context.now) - DESCRIBED_FOR_MILLISECONDS;
  for (const { id, terminatedAt } of tx.by("instance", "state", "terminated")) {
    if (Date.parse(present(terminatedAt, `the time at which ${id} ended`)) <= latest)
      tx.delete("instance", id);
  }
}

/** A stopped instance boots again. */
export function beginStart(tx: Tx, instance: Instance, context: Context): Instance {
  const { stateReason: _, ...rest } = instance;
  const bootGeneration = instance.bootGeneration + 1;
  return moveTo(
    tx,
    {
      ...rest,
      ...hostOf(tx, instance, context),
      state: "pending",
      bootGeneration,
      launchTime: context.now,
      stateTransitionReason: "",
    },
    context,
  );
}

export function beginStop(tx: Tx, instance: Instance, context: Context): Instance {
  return moveTo(tx, { ...instance, state: "stopping", ...byUser(context) }, context);
}

export function beginTermination(tx: Tx, instance: Instance, context: Context): Instance {
  return moveTo(tx, { ...instance, state: "shutting-down", ...byUser(context) }, context);
}

function byUser({ now }: Context): Pick<Instance, "stateReason" | "stateTransitionReason"> {
  const code = "Client.UserInitiatedShutdown";
  return {
    stateReason: { code, message: `${code}: User initiated shutdown` },
    stateTransitionReason: `User initiated (${now.slice(0, 10)} ${now.slice(11, 19)} GMT)`,
  };
}

/** Puts the instance into its new state; auto-assigned public addresses come and go with it. */
function moveTo(tx: Tx, instance: Instance, context: Context): Instance {
  tx.put(instance);
  for (const eni of interfacesOf(tx, instance)) refreshAutoPublicIp(tx, eni, context);
  return instance;
}

/** At termination an interface goes with its instance or stays behind, detached, with its Elastic IPs. */
function removeInterface(tx: Tx, eni: NetworkInterface, context: Context): void {
  const { attachment, ...detached } = eni;
  // Auto-assign only applies to the launch: later the interface gets no public address that way.
  const free: NetworkInterface = { ...detached, assignPublicIp: false };
  tx.put(free);
  const left = refreshAutoPublicIp(tx, free, context);
  if (attachment?.deleteOnTermination) deleteNetworkInterface(tx, left);
}
