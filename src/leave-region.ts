/** `genkan leave`, on the machine that leads. */

import type { ControlPlane } from "./control/control-plane.ts";
import { NotLeaving, requireLeaving, setLeaving, strike } from "./fleet/departure.ts";
import { removeMemberOf } from "./join/member-leave.ts";
import { type Belonging, PREFIX } from "./membership.ts";
import type { Instance } from "./model/instance.ts";
import type { Realm } from "./model/realm.ts";
import type { LeaveAnswer } from "./protocol/leave.ts";
import { systemClock } from "./store/system-clock.ts";

type Options = Pick<Belonging, "etcd" | "own" | "fleet"> & { readonly plane: ControlPlane };

/** @throws NotLeaving; EtcdError */
export async function leaveRegion(
  { etcd, own, fleet, plane }: Options,
  name: string,
  self: boolean,
): Promise<LeaveAnswer> {
  const instances = (number: number): readonly string[] =>
    instancesOn(plane, number)
      .filter(({ instance: { state } }) => state !== "stopped")
      .map(({ instance: { id } }) => id);
  const {
    name: machine,
    number,
    address,
  } = requireLeaving({
    name,
    self,
    machines: fleet.machines(),
    instances,
  });
  const region = { etcd, prefix: PREFIX };
  await setLeaving(region, number, true);
  const machines = fleet.machines;
  if (own && !(await removeMemberOf({ etcd, address, machines, clock: systemClock }))) {
    await setLeaving(region, number, false);
    throw new NotLeaving(
      `No other machine has taken the place of ${machine} in etcd yet (genkan status). Try again in a moment.`,
    );
  }
  await strike(region, number);
  // Nobody else will say what has become of them. They stop, so that they can be started elsewhere.
  for (const { realm, instance } of instancesOn(plane, number))
    for (const what of ["boot-failed", "halted"] as const)
      await plane.report(realm, { instanceId: instance.id, what });
  await plane.takeBackPorts(number);
  return { machine };
}

type Placed = { readonly realm: Realm; readonly instance: Instance };

/** Those that are not terminated. */
function instancesOn(plane: ControlPlane, number: number): readonly Placed[] {
  return plane.realms().flatMap((realm) =>
    plane
      .reader(realm)
      .by("instance", "machine", String(number))
      .filter(({ state }) => state !== "terminated")
      .map((instance) => ({ realm, instance })),
  );
}
