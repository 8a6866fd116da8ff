/** On which machine of the region an instance runs. */

import { Fault } from "../../model/fault.ts";
import type { Instance } from "../../model/instance.ts";
import type { HostMachine } from "../../model/machine.ts";
import type { Reader } from "../../model/state.ts";
import type { Context } from "../kit/action.ts";

/** What decides where an instance may run. */
type Placed = Pick<Instance, "id" | "placement" | "availabilityZone" | "instanceType" | "machine">;

/**
 * The machine for an instance that is to start. One that it ran on before has its files, and is taken again
 * if it can; otherwise the emptiest of those that its zone and its placement group allow.
 * @returns nothing where Genkan runs on one machine
 * @throws InsufficientInstanceCapacity when none has room
 */
export function hostOf(tx: Reader, instance: Placed, { hosts }: Context): Pick<Instance, "machine"> {
  if (!hosts) return {};
  const others = groupMates(tx, instance);
  const fitting = hosts()
    .map((host) => ({ host, free: freeOf(tx, host, instance) }))
    .filter(({ host, free }) => free > 0 && takes(host, instance) && mayShare(tx, instance, host, others));
  const before = fitting.find(({ host }) => host.number === instance.machine);
  const [chosen] = before ? [before] : fitting.toSorted(preferred(tx, instance, others));
  if (!chosen) throw insufficient(hosts(), tx, instance);
  return { machine: chosen.host.number };
}

/** Those of its placement group that have a machine; not the instance itself. */
function groupMates(tx: Reader, { id, placement }: Placed): readonly Instance[] {
  if (!placement) return [];
  return tx
    .by("instance", "placementGroupId", placement.groupId)
    .filter((other) => other.id !== id && other.machine !== undefined && other.state !== "stopped");
}

function takes({ live, open, zones }: HostMachine, { availabilityZone }: Placed): boolean {
  return live && open && (zones.length === 0 || zones.includes(availabilityZone.slice(-1)));
}

function freeOf(tx: Reader, { number, capacity, elsewhere }: HostMachine, { machine }: Placed): number {
  const here = tx.countBy("instance", "machine", String(number)) - (machine === number ? 1 : 0);
  return capacity - elsewhere - here;
}

/**
 * A machine is what AWS calls a rack: instances of a spread group never share one, nor do those of different
 * partitions (EC2 user guide, "Placement strategies for your placement groups").
 */
function mayShare(
  tx: Reader,
  { placement }: Placed,
  { number }: HostMachine,
  mates: readonly Instance[],
): boolean {
  const strategy = placement && tx.get("placement-group", placement.groupId)?.strategy;
  const there = mates.filter(({ machine }) => machine === number);
  if (strategy === "spread") return there.length === 0;
  if (strategy !== "partition") return true;
  return there.every((mate) => mate.placement?.partitionNumber === placement?.partitionNumber);
}

type Fitting = { readonly host: HostMachine; readonly free: number };

/** A cluster group's machine first, then the emptiest, then the lowest number. */
function preferred(tx: Reader, { placement }: Placed, mates: readonly Instance[]) {
  const cluster = placement && tx.get("placement-group", placement.groupId)?.strategy === "cluster";
  const near = ({ host }: Fitting): number =>
    cluster ? mates.filter(({ machine }) => machine === host.number).length : 0;
  return (a: Fitting, b: Fitting): number =>
    near(b) - near(a) || b.free - a.free || a.host.number - b.host.number;
}

/** With the zones that have room, as AWS names them. */
function insufficient(hosts: readonly HostMachine[], tx: Reader, instance: Placed): Fault {
  const { availabilityZone: zone, instanceType: type } = instance;
  const region = zone.slice(0, -1);
  const others = hosts
    .filter((host) => host.live && host.open && freeOf(tx, host, instance) > 0)
    .flatMap(({ zones }) => zones.map((letter) => region + letter))
    .filter((name) => name !== zone);
  const instead = [...new Set(others)].toSorted();
  const advice =
    instead.length === 0
      ? ""
      : ` You can currently get ${type} capacity by not specifying an Availability Zone in your request or choosing ${instead.join(", ")}.`;
  return new Fault(
    "InsufficientInstanceCapacity",
    `We currently do not have sufficient ${type} capacity in the Availability Zone you requested (${zone}). Our system will be working on provisioning additional capacity.${advice}`,
  );
}
