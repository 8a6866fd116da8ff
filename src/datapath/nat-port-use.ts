/** Which ports of NAT gateways' addresses have connections: what a machine of a region needs, and what lies idle. */

import { fieldsOf, layoutOf, viewOf } from "../contract/layout.ts";
import { NAT_SIDE } from "../contract/nat-connection.ts";
import { NAT_BLOCK_PORTS } from "../contract/overlay.ts";
import type { KernelMap } from "./map.ts";

const KEY = fieldsOf("nat_key");
const KEY_SIZE = layoutOf("nat_key").size;

/** How many entries are read in a step. */
const BATCH = 1_024;
/** Destinations are counted together by a hash: a count is never too low. */
const DESTINATIONS = 4_096;

export type PortUse = {
  /** The slot of the gateway's interface. */
  readonly interface: number;
  /** The gateway's private address. */
  readonly address: string;
  /** The blocks in which a port has a connection. */
  readonly used: ReadonlySet<number>;
  /** The connections to the destination that has most, or somewhat more. */
  readonly most: number;
};

type Counting = Omit<PortUse, "used" | "most"> & {
  readonly used: Set<number>;
  readonly destinations: Uint32Array;
};

/** One pass over all connections, in steps of a few milliseconds. An expired one counts until it is swept. */
export function* portUseSteps(map: KernelMap): Generator<void, readonly PortUse[]> {
  const found = new Map<string, Counting>();
  for (const { keys, count } of map.batches(BATCH)) {
    const view = viewOf(keys);
    for (let at = 0; at < count * KEY_SIZE; at += KEY_SIZE) {
      if (KEY.side.read(view, at) !== NAT_SIDE.outside) continue;
      const { used, destinations } = countingOf(found, keys, view, at);
      used.add(Math.floor(KEY.local_port.read(view, at) / NAT_BLOCK_PORTS));
      const destination = hashOf(keys, at) % DESTINATIONS;
      destinations[destination] = (destinations[destination] ?? 0) + 1;
    }
    yield;
  }
  return [...found.values()].map(({ destinations, ...rest }) => ({
    ...rest,
    most: Math.max(...destinations),
  }));
}

function countingOf(found: Map<string, Counting>, keys: Buffer, view: DataView, at: number): Counting {
  const slot = KEY.interface.read(view, at);
  const { offset, size } = KEY.local;
  const name = `${slot} ${keys.toString("latin1", at + offset, at + offset + size)}`;
  const known = found.get(name);
  if (known) return known;
  const counting = {
    interface: slot,
    address: KEY.local.read(view, at),
    used: new Set<number>(),
    destinations: new Uint32Array(DESTINATIONS),
  };
  found.set(name, counting);
  return counting;
}

/** FNV-1a of the destination's address and port, and the protocol. */
function hashOf(keys: Buffer, at: number): number {
  let hash = 0x81_1c_9d_c5;
  for (const { offset, size } of [KEY.remote, KEY.remote_port, KEY.protocol])
    for (let i = at + offset; i < at + offset + size; i++)
      hash = Math.imul(hash ^ (keys[i] ?? 0), 0x01_00_01_93);
  return hash >>> 0;
}
