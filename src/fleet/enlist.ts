/** How a machine becomes a member of its region: it takes a number. */

import type { Etcd, KeyValue } from "../store/etcd-client.ts";
import { rangeOf } from "../store/layout.ts";
import { StoreError } from "../store/store.ts";
import { liveKey, type Machine, machineKey, MOST_MACHINES } from "./member.ts";

type Options = {
  readonly etcd: Pick<Etcd, "range" | "transact">;
  readonly prefix: string;
  readonly me: Omit<Machine, "number">;
};

/**
 * Writes this machine's record. A home that has one keeps its number, and so does an address whose machine is
 * away: a machine that was set up anew.
 * @throws StoreError `locked` when another machine that is up has the address; EtcdError
 */
export async function enlist({ etcd, prefix, me }: Options): Promise<Machine> {
  for (;;) {
    const { start, end } = rangeOf(`${prefix}machines/`);
    const { found } = await etcd.range({ key: start, end });
    const known = found.map((record) => ({ record, machine: JSON.parse(record.value) as Machine }));
    const own = known.find(({ machine }) => machine.home === me.home);
    const there = known.find(({ machine }) => machine.address === me.address && machine.home !== me.home);
    if (there && (own || (await isLive({ etcd, prefix }, there.machine))))
      throw new StoreError(
        "locked",
        `${there.machine.name}, machine ${there.machine.number} of the region, has the address ${me.address}: give this one its own, or end that one`,
      );
    const old = own ?? there;
    const machine = {
      ...me,
      number: old?.machine.number ?? freeNumber(known.map((one) => one.machine)),
      ...(old?.machine.drained ? { drained: true } : {}),
    };
    if (await write({ etcd, prefix }, machine, old?.record)) return machine;
  }
}

async function isLive(
  { etcd, prefix }: Pick<Options, "etcd" | "prefix">,
  { number }: Machine,
): Promise<boolean> {
  return (await etcd.range({ key: liveKey(prefix, number) })).found.length > 0;
}

/** Whether nobody was faster. */
async function write(
  { etcd, prefix }: Pick<Options, "etcd" | "prefix">,
  machine: Machine,
  old: KeyValue | undefined,
): Promise<boolean> {
  const key = machineKey(prefix, machine.number);
  const value = JSON.stringify(machine);
  const compare = old ? { key, modified: old.modified } : { key, created: "0" };
  return (await etcd.transact([compare], [{ key, value }])) !== undefined;
}

function freeNumber(machines: readonly Machine[]): number {
  const taken = new Set(machines.map(({ number }) => number));
  for (let number = 1; number <= MOST_MACHINES; number++) if (!taken.has(number)) return number;
  throw new StoreError("failed", `the region has ${MOST_MACHINES} machines, and takes no more`);
}

/**
 * Notes whether the machine is drained, which outlives its process. @throws NotDrainable; EtcdError
 */
export async function setDrained(
  { etcd, prefix }: Pick<Options, "etcd" | "prefix">,
  name: string,
  drained: boolean,
): Promise<Machine> {
  for (;;) {
    const { start, end } = rangeOf(`${prefix}machines/`);
    const { found } = await etcd.range({ key: start, end });
    const known = found.map((record) => ({ record, machine: JSON.parse(record.value) as Machine }));
    const one = known.find(({ machine }) => machine.name === name || String(machine.number) === name);
    if (!one) throw new NotDrainable(`There is no machine ${name} (genkan status).`);
    const { drained: _, ...rest } = one.machine;
    const machine: Machine = drained ? { ...rest, drained: true } : rest;
    const others = known.map((each) => (each === one ? machine : each.machine));
    if (drained && machine.roles.includes("gateway") && !others.some(takesPackets))
      throw new NotDrainable(`${machine.name} is the last gateway that takes packets.`);
    if (await write({ etcd, prefix }, machine, one.record)) return machine;
  }
}

/** Why a machine is not drained: its message says so. */
class NotDrainable extends Error {
  override readonly name = "NotDrainable";
}

function takesPackets({ roles, drained }: Machine): boolean {
  return roles.includes("gateway") && !drained;
}

/**
 * A text that all machines of the region share: whoever is first has it written. @throws EtcdError
 */
export async function shared(
  etcd: Pick<Etcd, "range" | "transact">,
  key: string,
  first: () => string,
): Promise<string> {
  for (;;) {
    const [found] = (await etcd.range({ key })).found;
    if (found) return found.value;
    const value = first();
    if ((await etcd.transact([{ key, created: "0" }], [{ key, value }])) !== undefined) return value;
  }
}
