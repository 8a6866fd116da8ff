import { assert } from "../lib/assert.ts";
import { formatAddress, formatIpv4, ipv4 } from "../lib/ip.ts";
import type { Tally } from "./connection-tally.ts";
import type { KernelMap } from "./map.ts";

/** User space's half of the connections through NAT gateways (bpf/nat_gateway.h): it removes those that have expired. */

/** Offsets of `struct nat_key` and `struct nat_connection`. */
const KEY = { interface: 0, local: 4, remote: 20, localPort: 24, remotePort: 26, protocol: 28, side: 29, size: 32 } as const;
const VALUE = { expires: 0, created: 8, address: 16, port: 32, claim: 40, size: 48 } as const;
const ADDRESS = 16;
const INSIDE = 0;

export type NatConnection = {
  /** The slot of the gateway's interface. */
  readonly interface: number;
  /** TCP or UDP ports; of an ICMP query the identifier, and the request's type as the remote one. */
  readonly protocol: number;
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  /** What the local end became. */
  readonly address: string;
  readonly port: number;
  /** Nanoseconds of the monotonic clock. */
  readonly expires: bigint;
};

/** What is remembered, expired entries included. */
export function readNatConnections(map: KernelMap): NatConnection[] {
  const list: NatConnection[] = [];
  map.forEach((key, value) => {
    if (key.readUInt8(KEY.side) !== INSIDE) return;
    list.push({
      interface: key.readUInt32LE(KEY.interface),
      protocol: key.readUInt8(KEY.protocol),
      local: formatAddress(key.subarray(KEY.local, KEY.local + ADDRESS)),
      localPort: key.readUInt16LE(KEY.localPort),
      remote: formatIpv4(ipv4(key.readUInt32BE(KEY.remote))),
      remotePort: key.readUInt16LE(KEY.remotePort),
      address: formatAddress(value.subarray(VALUE.address, VALUE.address + ADDRESS)),
      port: value.readUInt16LE(VALUE.port),
      expires: value.readBigUInt64LE(VALUE.expires),
    });
  });
  return list;
}

/** So many entries are read in a step: for each of the outside's another is looked up. */
const BATCH = 1_024;

export type NatSweeper = {
  /** One pass in steps of a few milliseconds, as {@link Sweeper.steps}. Returns how many connections went. */
  readonly steps: (tally: Tally) => Generator<void, number>;
};

export function openNatSweeper(map: KernelMap): NatSweeper {
  assert(map.shape.keySize === KEY.size && map.shape.valueSize === VALUE.size, "the layout of NAT connections is known");
  /** Outside entries that pointed nowhere at the last pass: one may have been made a moment before its inside's. */
  let orphans: ReadonlyMap<string, number> = new Map();
  return {
    steps: function* (tally) {
      const lost = new Map<string, number>();
      let removed = 0;
      for (const { keys, values, count } of map.batches(BATCH)) {
        const gone: Buffer[] = [];
        const orphaned: Orphan[] = [];
        for (let i = 0; i < count; i++) {
          const key = keys.subarray(i * KEY.size, (i + 1) * KEY.size);
          const value = values.subarray(i * VALUE.size, (i + 1) * VALUE.size);
          if (key.readUInt8(KEY.side) !== INSIDE) {
            const claim = value.readUInt32LE(VALUE.claim);
            if (pointsToInside(map, tally, { key, value })) continue;
            if (orphans.get(key.toString("latin1")) === claim) orphaned.push({ key, claim });
            else lost.set(key.toString("latin1"), claim);
          } else if (tally.isGone(key.readUInt32LE(KEY.interface), timesOf(value))) gone.push(key);
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

/** An outside's entry that has pointed nowhere for a whole pass. */
type Orphan = { readonly key: Buffer; readonly claim: number };

/** Nobody may have claimed it since: the last look is just before it goes. */
function removeUnclaimed(map: KernelMap, orphaned: readonly Orphan[]): void {
  const gone = orphaned.filter(({ key, claim }) => map.lookup(key)?.readUInt32LE(VALUE.claim) === claim);
  if (gone.length > 0) map.deleteMany(Buffer.concat(gone.map(({ key }) => key)));
}

/** Whether the inside's entry that an outside's points to still holds and says the same. */
function pointsToInside(map: KernelMap, tally: Tally, { key, value }: { readonly key: Buffer; readonly value: Buffer }): boolean {
  const inside = map.lookup(insideKey(key, value));
  return (
    inside !== undefined &&
    !tally.isPast(key.readUInt32LE(KEY.interface), timesOf(inside)) &&
    inside.compare(key, KEY.local, KEY.local + ADDRESS, VALUE.address, VALUE.address + ADDRESS) === 0 &&
    inside.compare(key, KEY.localPort, KEY.localPort + 2, VALUE.port, VALUE.port + 2) === 0
  );
}

function timesOf(value: Buffer): { readonly created: bigint; readonly expires: bigint } {
  return { created: value.readBigUInt64LE(VALUE.created), expires: value.readBigUInt64LE(VALUE.expires) };
}

/** The key of the inside's entry that an outside's points to. */
function insideKey(key: Buffer, value: Buffer): Buffer {
  const inside = Buffer.from(key);
  inside.writeUInt8(INSIDE, KEY.side);
  value.copy(inside, KEY.local, VALUE.address, VALUE.address + ADDRESS);
  value.copy(inside, KEY.localPort, VALUE.port, VALUE.port + 2);
  return inside;
}
