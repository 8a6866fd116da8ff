/** `genkan recover`, on the machine that leads. */

import { randomUUID } from "node:crypto";
import { recoverInstances } from "./actions/instance/instance-recover.ts";
import type { ControlPlane } from "./control/control-plane.ts";
import { requireRecoverable } from "./fleet/fence.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { RecoverAnswer } from "./protocol/recover.ts";

type Options = {
  readonly fleet: Pick<Fleet, "machines" | "fences">;
  readonly plane: ControlPlane;
};

/** @throws NotRecoverable; EtcdError; Fault */
export async function recoverMachine(
  { fleet, plane }: Options,
  name: string,
  off: boolean,
): Promise<RecoverAnswer> {
  const { machines, fences } = fleet;
  const machine = requireRecoverable({ name, off, machines: machines() });
  return await fences.fenced(machine, randomUUID(), async () => {
    // A gateway may have gone meanwhile.
    requireRecoverable({ name: String(machine.number), off, machines: machines() });
    const recovered = await placeAnew(plane, machine.number);
    const nameOf = (number: number | undefined): string =>
      machines().find((one) => one.number === number)?.name ?? `machine ${number}`;
    return {
      machine: machine.name,
      moved: recovered.flatMap(({ moved }) =>
        moved.map(({ id, machine: to }) => ({ instance: id, to: nameOf(to) })),
      ),
      left: recovered.flatMap(({ left }) => left.map(({ id }) => id)),
    };
  });
}

type Recovered = ReturnType<typeof recoverInstances>;

/** One change for each account: its regions together. */
async function placeAnew(plane: ControlPlane, number: number): Promise<readonly Recovered[]> {
  const found: Recovered[] = [];
  for (const account of new Set(plane.realms().map((realm) => realm.account))) {
    const regions = plane.realms().flatMap((realm) => (realm.account === account ? [realm.region] : []));
    const [region = ""] = regions;
    const placed = await plane.run({ account, region }, (tx) =>
      regions.map((name) =>
        recoverInstances(tx.elsewhere(name), number, plane.context({ account, region: name })),
      ),
    );
    found.push(...placed);
  }
  return found;
}
