import { assert } from "../lib/assert.ts";
import { formatIpv4, ipv4 } from "../lib/ip.ts";
import type { KernelMap } from "./map.ts";

/** User space's half of the connections through NAT gateways (bpf/nat_gateway.h): it removes those that have expired. */

/** Offsets of `struct nat_key` and `struct nat_connection`. */
const KEY = { interface: 0, local: 4, remote: 8, localPort: 12, remotePort: 14, protocol: 16, side: 17, size: 20 } as const;
const VALUE = { expires: 0, created: 8, address: 16, port: 20, claim: 28, size: 32 } as const;
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
      local: formatIpv4(ipv4(key.readUInt32BE(KEY.local))),
      localPort: key.readUInt16LE(KEY.localPort),
      remote: formatIpv4(ipv4(key.readUInt32BE(KEY.remote))),
      remotePort: key.readUInt16LE(KEY.remotePort),
      address: formatIpv4(ipv4(value.readUInt32BE(VALUE.address))),
      port: value.readUInt16LE(VALUE.port),
      expires: value.readBigUInt64LE(VALUE.expires),
    });
  });
  return list;
}

export type NatSweeper = {
  /**
   * Removes what expired before `expired`, or was made before its gateway's interface was `born`. Returns how many connections
   * are left of each gateway, by the slot of its interface, and which had any.
   */
  readonly sweep: (
    expired: bigint,
    born: (slot: number) => bigint,
  ) => { readonly alive: ReadonlyMap<number, number>; readonly seen: ReadonlySet<number>; readonly removed: number };
};

export function openNatSweeper(map: KernelMap): NatSweeper {
  assert(map.shape.keySize === KEY.size && map.shape.valueSize === VALUE.size, "the layout of NAT connections is known");
  /** Outside entries that pointed nowhere at the last pass: one may have been made a moment before its inside's. */
  let orphans: ReadonlyMap<string, number> = new Map();
  return {
    sweep: (expired, born) => {
      const alive = new Map<number, number>();
      const seen = new Set<number>();
      const inside = new Map<string, string>();
      const outside: { readonly key: Buffer; readonly value: Buffer }[] = [];
      const gone: Buffer[] = [];
      map.forEach((key, value) => {
        const slot = key.readUInt32LE(KEY.interface);
        seen.add(slot);
        if (key.readUInt8(KEY.side) !== INSIDE) outside.push({ key: Buffer.from(key), value: Buffer.from(value) });
        else if (value.readBigUInt64LE(VALUE.created) < born(slot) || value.readBigUInt64LE(VALUE.expires) < expired)
          gone.push(Buffer.from(key));
        else {
          alive.set(slot, (alive.get(slot) ?? 0) + 1);
          inside.set(key.toString("latin1"), endText(Buffer.from(value), VALUE.address, VALUE.port));
        }
      });
      const removed = gone.length;
      const lost = new Map<string, number>();
      for (const { key, value } of outside) {
        if (inside.get(insideKey(key, value)) === endText(key, KEY.local, KEY.localPort)) continue;
        const name = key.toString("latin1");
        const claim = value.readUInt32LE(VALUE.claim);
        if (orphans.get(name) === claim) gone.push(key);
        else lost.set(name, claim);
      }
      orphans = lost;
      if (gone.length > 0) map.deleteMany(Buffer.concat(gone));
      return { alive, seen, removed };
    },
  };
}

/** The key of the inside's entry that an outside's points to. */
function insideKey(key: Buffer, value: Buffer): string {
  const inside = Buffer.from(key);
  inside.writeUInt8(INSIDE, KEY.side);
  value.copy(inside, KEY.local, VALUE.address, VALUE.address + 4);
  value.copy(inside, KEY.localPort, VALUE.port, VALUE.port + 2);
  return inside.toString("latin1");
}

function endText(bytes: Buffer, address: number, port: number): string {
  return bytes.toString("latin1", address, address + 4) + bytes.toString("latin1", port, port + 2);
}
