/** The machines of a region, as etcd has them. */

import type { Role } from "../model/machine.ts";

/** What a machine says of itself when it starts; it stays until the machine leaves the region. */
export type Machine = {
  /** 1 to 4095; nobody else's as long as this record is there. */
  readonly number: number;
  readonly name: string;
  /** IPv4, on the network between the machines. */
  readonly address: string;
  /** Where other machines reach it. */
  readonly url: string;
  /** The letters of the availability zones whose instances it runs; none: of every zone. */
  readonly zones: readonly string[];
  readonly roles: readonly Role[];
  readonly version: string;
  /** What tells its home from every other. */
  readonly home: string;
  /** It takes no new instances, and as a gateway no packets but those that still come; absent: it does. */
  readonly drained?: boolean;
  /** A gateway that the traffic does not need now: it takes no packets but those that still come; absent: it does. */
  readonly standby?: boolean;
  /** What it ran is moved to other machines, which keep it out; absent: it is not. */
  readonly fence?: Fence;
  /** It is about to leave the region: it gets no member of etcd; absent: it stays. */
  readonly leaving?: boolean;
};

/** Others take no packet from the machine, and send it none (fence.ts). */
export type Fence = {
  /** Nobody else's. */
  readonly id: string;
  /** The state's revision at which all is moved, which the machine must obey before it is let in again. */
  readonly revision?: number;
};

/** What a machine tells the leader of itself besides what its packets obey. */
export type MachineReport = {
  /** Of a gateway: packets a second, and how full it is; 1: full. */
  readonly packets?: number;
  readonly load?: number;
  /** How many sessions BFD has with other machines, and how many of them are up. */
  readonly bfd?: { readonly up: number; readonly sessions: number };
  /** The ids of the fences that its packets obey. */
  readonly fences?: readonly string[];
};

/** A machine, and whether it is there now. */
export type Member = Machine & { readonly live: boolean };

/** The machines of this machine's region. */
export type Members = {
  readonly machines: () => readonly Member[];
  /** Calls back with every change of them. Returns what ends this. */
  readonly onMachines: (changed: () => void) => () => void;
};

export const MOST_MACHINES = 4_095;

export function machineKey(prefix: string, number: number): string {
  return `${prefix}machines/${number}`;
}

/** The range of all machines' records. */
export function recordsOf(prefix: string): { readonly key: string; readonly end: string } {
  return { key: `${prefix}machines/`, end: `${prefix}machines0` };
}

export function liveKey(prefix: string, number: number): string {
  return `${prefix}live/${number}`;
}

/** The number at the end of a machine's key. */
export function numberOfKey(key: string): number {
  return Number(key.slice(key.lastIndexOf("/") + 1));
}
