/** How a machine ceases to be one of its region. */

import type { Etcd } from "../store/etcd-client.ts";
import { liveKey, type Machine, machineKey, type Member } from "./member.ts";

type Region = { readonly etcd: Pick<Etcd, "range" | "transact">; readonly prefix: string };

/** Why a machine does not leave: its message says so, and what mends it. */
export class NotLeaving extends Error {
  override readonly name = "NotLeaving";
}

type Leaving = {
  /** The machine's name or number. */
  readonly name: string;
  /** Whether the machine itself asks. */
  readonly self: boolean;
  readonly machines: readonly Member[];
  /** The ids of the instances that a machine runs. */
  readonly instances: (machine: number) => readonly string[];
};

/** The machine that may leave now. @throws NotLeaving */
export function requireLeaving({ name, self, machines, instances }: Leaving): Member {
  const machine = machines.find((one) => one.name === name || String(one.number) === name);
  if (!machine) throw new NotLeaving(`There is no machine ${name} (genkan status).`);
  if (machine.live && !self)
    throw new NotLeaving(
      `${machine.name} is up: run ./genkan leave there. Here it takes out one that is dead.`,
    );
  const others = machines.filter((one) => one !== machine && one.roles.includes("control"));
  if (!others.some(({ live }) => live))
    throw new NotLeaving(
      `${machine.name} is the last machine that decides: join another one with the role control first, or end the region with ./genkan down.`,
    );
  if (!self) return machine;
  const running = instances(machine.number);
  if (running.length > 0)
    throw new NotLeaving(
      `${machine.name} runs ${running.length} instance${running.length === 1 ? "" : "s"} (${running.slice(0, 3).join(" ")}${running.length > 3 ? " …" : ""}): terminate them, or stop them, first.`,
    );
  if (machine.roles.includes("gateway") && !machine.drained)
    throw new NotLeaving(
      `${machine.name} is a gateway, and packets may still come to it: ./genkan drain ${machine.name} first.`,
    );
  return machine;
}

/** Notes that the machine is about to leave, or is not. @returns false when there is no such machine */
export async function setLeaving(
  { etcd, prefix }: Region,
  number: number,
  leaving: boolean,
): Promise<boolean> {
  const key = machineKey(prefix, number);
  for (;;) {
    const [found] = (await etcd.range({ key })).found;
    if (!found) return false;
    const { leaving: _, ...rest } = JSON.parse(found.value) as Machine;
    const value = JSON.stringify(leaving ? { ...rest, leaving: true } : rest);
    if ((await etcd.transact([{ key, modified: found.modified }], [{ key, value }])) !== undefined)
      return true;
  }
}

/** Takes the machine's record away. */
export async function strike({ etcd, prefix }: Region, number: number): Promise<void> {
  const keys = [machineKey(prefix, number), liveKey(prefix, number)];
  await etcd.transact(
    [],
    keys.map((key) => ({ key, value: undefined })),
  );
}
