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
 * Notes whether the machine is drained, which outlives its process. Of the gateways that are there one always
 * takes packets, also when two are drained at once: each compares what the other one's is made of.
 * @throws NotDrainable; EtcdError
 */
export async function setDrained(
  { etcd, prefix }: Pick<Options, "etcd" | "prefix">,
  name: string,
  drained: boolean,
): Promise<Machine> {
  for (;;) {
    const all = await look({ etcd, prefix });
    const one = all.find(({ machine }) => machine.name === name || String(machine.number) === name);
    if (!one) throw new NotDrainable(`There is no machine ${name} (genkan status).`);
    const { drained: _, ...rest } = one.machine;
    const machine: Machine = drained ? { ...rest, drained: true } : rest;
    const others = all.filter((other) => other !== one && other.live && takesPackets(other.machine));
    const isGateway = drained && machine.roles.includes("gateway");
    if (isGateway && others.length === 0)
      throw new NotDrainable(`${machine.name} is the last gateway that takes packets.`);
    const unchanged = [one.record, ...(isGateway ? others.flatMap(keysOf) : [])].map(({ key, modified }) => ({
      key,
      modified,
    }));
    const put = { key: one.record.key, value: JSON.stringify(machine) };
    if ((await etcd.transact(unchanged, [put])) !== undefined) return machine;
  }
}

/** A machine as etcd has it. `live`: the key that says that it is there. */
type Found = {
  readonly machine: Machine;
  readonly record: KeyValue;
  readonly live: KeyValue | undefined;
};

/** All machines, and which of them are there, at one moment. */
async function look({ etcd, prefix }: Pick<Options, "etcd" | "prefix">): Promise<readonly Found[]> {
  // Both stand beside each other: one answer has them as they were together.
  const { found } = await etcd.range({ key: `${prefix}live/`, end: rangeOf(`${prefix}machines/`).end });
  return found
    .filter(({ key }) => key.startsWith(`${prefix}machines/`))
    .map((record) => {
      const machine = JSON.parse(record.value) as Machine;
      const key = liveKey(prefix, machine.number);
      return { machine, record, live: found.find((other) => other.key === key) };
    });
}

function keysOf({ record, live }: Found): readonly KeyValue[] {
  return live ? [record, live] : [record];
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
