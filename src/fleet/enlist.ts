/** How a machine becomes a member of its region: it takes a number. */

import type { Compare, Etcd, KeyValue } from "../store/etcd-client.ts";
import { rangeOf } from "../store/layout.ts";
import { StoreError } from "../store/store.ts";
import { type CapacityChange, FEWEST_ACTIVE } from "./capacity.ts";
import { liveKey, type Machine, machineKey, MOST_MACHINES, recordsOf } from "./member.ts";

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
    const { found } = await etcd.range(recordsOf(prefix));
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
      ...useOf(
        me,
        old?.machine,
        known.map((one) => one.machine),
      ),
    };
    if (await write({ etcd, prefix }, machine, old?.record)) return machine;
  }
}

/** A machine that comes back is what it was; a new gateway stands by where two others take packets. */
function useOf(
  { roles }: Omit<Machine, "number">,
  old: Machine | undefined,
  known: readonly Machine[],
): Pick<Machine, "drained" | "standby" | "fence"> {
  const isSpare = old ? old.standby : known.filter(takesPackets).length >= FEWEST_ACTIVE;
  return {
    ...(old?.drained ? { drained: true } : {}),
    ...(old?.fence ? { fence: old.fence } : {}),
    ...(isSpare && roles.includes("gateway") ? { standby: true } : {}),
  };
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
 * takes packets, also when two are drained at once: each compares the record of one that goes on. One that
 * stands by takes the place of the one that is drained.
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
    const { drained: _, standby: _by, ...rest } = one.machine;
    const machine: Machine = drained ? { ...rest, drained: true } : rest;
    const others = all.filter((other) => other !== one && other.live && takesPackets(other.machine));
    const isGateway = drained && machine.roles.includes("gateway");
    if (isGateway && others.length === 0)
      throw new NotDrainable(`${machine.name} is the last gateway that takes packets.`);
    const spare = isGateway && takesPackets(one.machine) ? all.find((other) => standsBy(other)) : undefined;
    const relied = isGateway ? others.slice(0, 1) : [];
    const unchanged = [one.record, ...[...relied, ...(spare ? [spare] : [])].flatMap(keysOf)].map(asItIs);
    const puts = [put(one, machine), ...(spare ? [put(spare, inUse(spare.machine))] : [])];
    if ((await etcd.transact(unchanged, puts)) !== undefined) return machine;
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

/**
 * Writes which gateways take packets, as the leader has decided. @returns false when it is no longer the leader,
 * or the gateways are no longer what it decided by. @throws EtcdError
 */
export async function setActive(
  { etcd, prefix }: Pick<Options, "etcd" | "prefix">,
  leader: Compare,
  { active, standby }: CapacityChange,
): Promise<boolean> {
  const all = await look({ etcd, prefix });
  const comes = all.find((one) => one.machine.number === active && standsBy(one));
  const goes = all.find(({ machine }) => machine.number === standby && takesPackets(machine));
  if ((active !== undefined && !comes) || (standby !== undefined && !goes)) return false;
  const others = all
    .filter((one) => one !== goes && one.live && takesPackets(one.machine))
    .slice(0, FEWEST_ACTIVE);
  if (!comes && others.length < FEWEST_ACTIVE) return false;
  const changed = [
    ...(comes ? [put(comes, inUse(comes.machine))] : []),
    ...(goes ? [put(goes, { ...goes.machine, standby: true })] : []),
  ];
  const relied = [...(comes ? [comes] : others), ...(goes ? [goes] : [])].flatMap(keysOf);
  return (await etcd.transact([leader, ...relied.map(asItIs)], changed)) !== undefined;
}

function standsBy({ machine: { roles, drained, standby, fence }, live }: Found): boolean {
  return roles.includes("gateway") && live !== undefined && !drained && !fence && standby === true;
}

function inUse(machine: Machine): Machine {
  const { standby: _, ...rest } = machine;
  return rest;
}

function put({ record: { key } }: Found, machine: Machine) {
  return { key, value: JSON.stringify(machine) };
}

function asItIs({ key, modified }: KeyValue): Compare {
  return { key, modified };
}

function keysOf({ record, live }: Found): readonly KeyValue[] {
  return live ? [record, live] : [record];
}

/** Why a machine is not drained: its message says so. */
class NotDrainable extends Error {
  override readonly name = "NotDrainable";
}

function takesPackets({ roles, drained, standby, fence }: Machine): boolean {
  return roles.includes("gateway") && !drained && !standby && !fence;
}
