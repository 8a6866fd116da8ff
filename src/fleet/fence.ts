/**
 * How what ran on a machine that is away comes to run elsewhere, and never at two places.
 *
 *   leader          a fence in the machine's record, only while the machine is away
 *   other machines  keep it out: no packet from it counts, none is sent to it; they say so
 *   leader          places its instances anew, in one change; then the revision of that in the fence
 *   the machine     when it comes back: follows, ends what is no longer its own, and takes the fence away
 *
 * The machine need not notice anything for others to be safe from it. It can't be the one that ends the
 * instances first: when it loses etcd it does not know whether it is cut off, or etcd is away for all, and
 * packets go on then.
 */

import type { Compare, Etcd, KeyValue } from "../store/etcd-client.ts";
import { type Fence, liveKey, type Machine, machineKey, type Member } from "./member.ts";

type Region = { readonly etcd: Pick<Etcd, "range" | "transact">; readonly prefix: string };

/** Why what a machine ran is not moved: its message says so, and what mends it. */
export class NotRecoverable extends Error {
  override readonly name = "NotRecoverable";
}

type Recovering = {
  /** The machine's name or number. */
  readonly name: string;
  /** Somebody has made sure that the machine, and every gateway that is away, is off. */
  readonly off: boolean;
  readonly machines: readonly Member[];
};

/** The machine whose instances may be moved now. @throws NotRecoverable */
export function requireRecoverable({ name, off, machines }: Recovering): Member {
  const machine = machines.find((one) => one.name === name || String(one.number) === name);
  if (!machine) throw new NotRecoverable(`There is no machine ${name} (genkan status).`);
  if (machine.live)
    throw new NotRecoverable(
      `${machine.name} is there, and runs its instances. To run one elsewhere, stop it and launch another.`,
    );
  const gateway = machines.find(({ live, roles }) => !live && roles.includes("gateway"));
  if (!gateway || off) return machine;
  throw new NotRecoverable(
    `${gateway.name}, a gateway, is away: if it only lost the others, it may still carry packets of instances of ${machine.name} to the internet and back. Make sure that it is off, then: genkan recover ${machine.name} --off`,
  );
}

/** Fences the machine, unless it is there. @returns whether it is fenced now */
export function setFence(region: Region, number: number, id: string): Promise<boolean> {
  const away: Compare = { key: liveKey(region.prefix, number), created: "0" };
  return change(region, number, (machine) => ({ ...machine, fence: { id } }), [away]);
}

/** All that was to be moved is moved, as the revision has it. */
export function noteMoved(region: Region, number: number, moved: Required<Fence>): Promise<boolean> {
  return change(region, number, ({ fence, ...machine }) =>
    fence?.id === moved.id && fence.revision === undefined ? { ...machine, fence: moved } : undefined,
  );
}

/** The machine runs nothing any more that is not its own. `id`: the fence by which it knows. */
export function liftFence(region: Region, number: number, id: string): Promise<boolean> {
  return change(region, number, ({ fence, ...machine }) => {
    if (fence?.id !== id || fence.revision === undefined) return undefined;
    return machine;
  });
}

/** Rewrites the machine's record. @returns whether it did: the record is there, and `conditions` hold */
async function change(
  { etcd, prefix }: Region,
  number: number,
  body: (machine: Machine) => Machine | undefined,
  conditions: readonly Compare[] = [],
): Promise<boolean> {
  const key = machineKey(prefix, number);
  const read = async (): Promise<KeyValue | undefined> => (await etcd.range({ key })).found[0];
  for (let found = await read(); found;) {
    const machine = body(JSON.parse(found.value) as Machine);
    if (!machine) return false;
    const { modified } = found;
    const put = { key, value: JSON.stringify(machine) };
    if ((await etcd.transact([{ key, modified }, ...conditions], [put])) !== undefined) return true;
    found = await read();
    // The record is as it was: it is a condition that does not hold.
    if (found?.modified === modified) return false;
  }
  return false;
}
