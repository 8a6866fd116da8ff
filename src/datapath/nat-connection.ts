import { fieldsOf, layoutOf, type FieldSpan, viewOf } from "../contract/layout.ts";
import { NAT_SIDE } from "../contract/nat-connection.ts";
import type { Tally } from "./connection-tally.ts";
import type { KernelMap } from "./map.ts";

/** User space's half of the connections through NAT gateways (bpf/nat_gateway.h): it removes expired ones. */

const KEY = fieldsOf("nat_key");
const KEY_SIZE = layoutOf("nat_key").size;
const VALUE = fieldsOf("nat_connection");
const VALUE_SIZE = layoutOf("nat_connection").size;

export type NatConnection = {
  /** The slot of the gateway's interface. */
  readonly interface: number;
  /**
   * TCP or UDP ports; for an ICMP query the local port is the identifier, and the remote one the request's
   * type.
   */
  readonly protocol: number;
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  /** The address that the local one is translated to. */
  readonly address: string;
  readonly port: number;
  /** Nanoseconds of the monotonic clock. */
  readonly expires: bigint;
};

/** All connections, including expired ones. */
export function readNatConnections(map: KernelMap): NatConnection[] {
  const list: NatConnection[] = [];
  map.forEach((keyBytes, valueBytes) => {
    const [key, value] = [viewOf(keyBytes), viewOf(valueBytes)];
    if (KEY.side.read(key, 0) !== NAT_SIDE.inside) return;
    list.push({
      interface: KEY.interface.read(key, 0),
      protocol: KEY.protocol.read(key, 0),
      local: KEY.local.read(key, 0),
      localPort: KEY.local_port.read(key, 0),
      remote: KEY.remote.read(key, 0),
      remotePort: KEY.remote_port.read(key, 0),
      address: VALUE.address.read(value, 0),
      port: VALUE.port.read(value, 0),
      expires: VALUE.expires.read(value, 0),
    });
  });
  return list;
}

/** How many entries are read in a step; for each outside entry another one is looked up. */
const BATCH = 1_024;

export type NatSweeper = {
  /**
   * One pass in steps of a few milliseconds, like {@link Sweeper.steps}. Returns how many connections were
   * removed.
   */
  readonly steps: (tally: Tally) => Generator<void, number>;
};

export function openNatSweeper(map: KernelMap): NatSweeper {
  /**
   * Outside entries that pointed nowhere at the last pass: one may have been made a moment before its inside
   * entry.
   */
  let orphans: ReadonlyMap<string, number> = new Map();
  return {
    steps: function* (tally) {
      const lost = new Map<string, number>();
      let removed = 0;
      for (const { keys, values, count } of map.batches(BATCH)) {
        const gone: Buffer[] = [];
        const orphaned: Orphan[] = [];
        const [keyView, valueView] = [viewOf(keys), viewOf(values)];
        for (let i = 0; i < count; i++) {
          const [keyAt, valueAt] = [i * KEY_SIZE, i * VALUE_SIZE];
          const key = keys.subarray(keyAt, keyAt + KEY_SIZE);
          if (KEY.side.read(keyView, keyAt) !== NAT_SIDE.inside) {
            const value = values.subarray(valueAt, valueAt + VALUE_SIZE);
            const claim = VALUE.claim.read(valueView, valueAt);
            if (pointsToInside(map, tally, { key, value })) continue;
            if (orphans.get(key.toString("latin1")) === claim) orphaned.push({ key, claim });
            else lost.set(key.toString("latin1"), claim);
          } else if (tally.isGone(KEY.interface.read(keyView, keyAt), timesOf(valueView, valueAt)))
            gone.push(key);
        }
        if (gone.length > 0) removed += map.deleteMany(Buffer.concat(gone));
        removeUnclaimed(map, orphaned);
        yield;
      }
      orphans = lost;
      return removed;
    },
  };
}

/** An outside entry that has pointed nowhere for a whole pass. */
type Orphan = { readonly key: Buffer; readonly claim: number };

/** Removes orphans that nobody has claimed since; each is checked again just before it is removed. */
function removeUnclaimed(map: KernelMap, orphaned: readonly Orphan[]): void {
  const gone = orphaned.filter(({ key, claim }) => {
    const value = map.lookup(key);
    return value !== undefined && VALUE.claim.read(viewOf(value), 0) === claim;
  });
  if (gone.length > 0) map.deleteMany(Buffer.concat(gone.map(({ key }) => key)));
}

/** Whether the inside entry that an outside entry points to still holds and agrees with it. */
function pointsToInside(
  map: KernelMap,
  tally: Tally,
  { key, value }: { readonly key: Buffer; readonly value: Buffer },
): boolean {
  const inside = map.lookup(insideKey(key, value));
  return (
    inside !== undefined &&
    !tally.isPast(KEY.interface.read(viewOf(key), 0), timesOf(viewOf(inside), 0)) &&
    partOf(inside, VALUE.address).equals(partOf(key, KEY.local)) &&
    partOf(inside, VALUE.port).equals(partOf(key, KEY.local_port))
  );
}

function timesOf(values: DataView, at: number): { readonly created: bigint; readonly expires: bigint } {
  return { created: VALUE.created.read(values, at), expires: VALUE.expires.read(values, at) };
}

/** The bytes of one field of a struct. */
function partOf(struct: Buffer, { offset, size }: FieldSpan): Buffer {
  return struct.subarray(offset, offset + size);
}

/** The key of the inside entry that an outside entry points to. */
function insideKey(key: Buffer, value: Buffer): Buffer {
  const inside = Buffer.from(key);
  KEY.side.write(viewOf(inside), 0, NAT_SIDE.inside);
  partOf(inside, KEY.local).set(partOf(value, VALUE.address));
  partOf(inside, KEY.local_port).set(partOf(value, VALUE.port));
  return inside;
}
