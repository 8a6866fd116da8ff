import { assert } from "../lib/assert.ts";
import { formatAddress } from "../lib/ip.ts";
import { indexKey, type KernelMap } from "./map.ts";
import { openNatSweeper } from "./nat-connection.ts";

/**
 * User space's half of the connections that security groups remember (bpf/connection.h): it removes those that have
 * expired, and tells the program how many are gone, since only the program counts those that are made.
 */

/** Offsets of `struct connection_key` and `struct connection`. */
const KEY = { interface: 0, localPort: 4, remotePort: 6, local: 8, remote: 24, protocol: 40, keeper: 41, size: 44 } as const;
const VALUE = { expires: 0, created: 8, localSeen: 16, remoteSeen: 17, localFin: 18, remoteFin: 19, reset: 20, size: 24 } as const;

/**
 * How long an entry stays after it has expired. To the program it is gone already; a packet that takes it over in the
 * moment between its reading and its removal here loses it again, which this makes as rare as a connection is short.
 */
const LINGER = 5_000_000_000n;

export type ConnectionMaps = {
  readonly connections: KernelMap;
  readonly nat_connections: KernelMap;
  readonly tracking: KernelMap;
  readonly connection_floors: KernelMap;
};

export type Connection = {
  readonly interface: number;
  readonly protocol: number;
  readonly local: string;
  readonly remote: string;
  readonly localPort: number;
  readonly remotePort: number;
  /** Who remembers it: the interface's security groups, or the VPC's egress-only internet gateway. */
  readonly keeper: "groups" | "egress-only";
  /** Nanoseconds of the monotonic clock. */
  readonly expires: bigint;
  readonly created: bigint;
};

/** What is remembered, expired entries included. */
export function readConnections(maps: ConnectionMaps, slot?: number): Connection[] {
  const list: Connection[] = [];
  maps.connections.forEach((key, value) => {
    const at = key.readUInt32LE(KEY.interface);
    if (slot !== undefined && at !== slot) return;
    list.push({
      interface: at,
      protocol: key.readUInt8(KEY.protocol),
      local: formatAddress(key.subarray(KEY.local, KEY.local + 16)),
      remote: formatAddress(key.subarray(KEY.remote, KEY.remote + 16)),
      localPort: key.readUInt16LE(KEY.localPort),
      remotePort: key.readUInt16LE(KEY.remotePort),
      keeper: key.readUInt8(KEY.keeper) === 0 ? "groups" : "egress-only",
      expires: value.readBigUInt64LE(VALUE.expires),
      created: value.readBigUInt64LE(VALUE.created),
    });
  });
  return list;
}

/** The slots, which are no interface's, of what is counted for all interfaces together, and for all NAT gateways. */
const ALL = 0;
const ALL_NAT = 1;

export type Sweeper = {
  /** Removes what expired before `now` (monotonic nanoseconds) and sets the counts right. Returns how many went. */
  readonly sweep: (now: bigint) => number;
  /** How many the last sweep left; what was made since is not among them. */
  readonly count: () => number;
  /** The slot's interface is gone: nothing that it remembered holds for the next one. */
  readonly forget: (slot: number, now: bigint) => void;
};

export function openSweeper(maps: ConnectionMaps): Sweeper {
  assert(
    maps.connections.shape.keySize === KEY.size && maps.connections.shape.valueSize === VALUE.size,
    "the layout of connections is known",
  );
  // Interfaces that the last pass saw; at the first pass, all that ever had a connection.
  let known: ReadonlySet<number> | undefined;
  let left = 0;
  const natSweeper = openNatSweeper(maps.nat_connections);
  return {
    count: () => left,
    sweep: (now) => {
      // Counted before the entries are read: what is made meanwhile is in neither number, or set right by the next pass.
      const createdInAll = createdCount(maps, ALL);
      const createdByNat = createdCount(maps, ALL_NAT);
      const created = new Map(
        [...(known ?? slotsEverUsed(maps))]
          .filter((slot) => slot !== ALL && slot !== ALL_NAT)
          .map((slot) => [slot, createdCount(maps, slot)]),
      );
      const { alive, seen, removed } = removeExpired(maps, now);
      const nat = natSweeper.sweep(now - LINGER, (slot) => readFloor(maps, slot).born);
      for (const [slot, count] of created) {
        const there = (alive.get(slot) ?? 0) + (nat.alive.get(slot) ?? 0);
        writeFloor(maps, slot, { ...readFloor(maps, slot), removed: (count - there) >>> 0 });
      }
      known = new Set([...seen, ...nat.seen]);
      left = [...alive.values()].reduce((sum, count) => sum + count, 0);
      writeFloor(maps, ALL, { born: 0n, removed: (createdInAll - left) >>> 0 });
      const leftByNat = [...nat.alive.values()].reduce((sum, count) => sum + count, 0);
      writeFloor(maps, ALL_NAT, { born: 0n, removed: (createdByNat - leftByNat) >>> 0 });
      return removed + nat.removed;
    },
    forget: (slot, now) => writeFloor(maps, slot, { ...readFloor(maps, slot), born: now }),
  };
}

function removeExpired(
  maps: ConnectionMaps,
  now: bigint,
): { alive: ReadonlyMap<number, number>; seen: ReadonlySet<number>; removed: number } {
  const alive = new Map<number, number>();
  const seen = new Set<number>();
  const births = new Map<number, bigint>();
  let removed = 0;
  maps.connections.forEachBatch((keys, values, count) => {
    const expired: Buffer[] = [];
    for (let i = 0; i < count; i++) {
      const slot = keys.readUInt32LE(i * KEY.size + KEY.interface);
      const created = values.readBigUInt64LE(i * VALUE.size + VALUE.created);
      const born = births.get(slot) ?? readFloor(maps, slot).born;
      births.set(slot, born);
      seen.add(slot);
      if (created < born || values.readBigUInt64LE(i * VALUE.size + VALUE.expires) + LINGER < now) {
        expired.push(keys.subarray(i * KEY.size, (i + 1) * KEY.size));
      } else if (created <= now) alive.set(slot, (alive.get(slot) ?? 0) + 1);
    }
    if (expired.length > 0) removed += maps.connections.deleteMany(Buffer.concat(expired));
  });
  return { alive, seen, removed };
}

function slotsEverUsed(maps: ConnectionMaps): Set<number> {
  const slots = new Set<number>();
  maps.tracking.forEach((key, value) => {
    if (value.readUInt32LE() !== 0) slots.add(key.readUInt32LE());
  });
  return slots;
}

function createdCount(maps: ConnectionMaps, slot: number): number {
  return maps.tracking.lookup(indexKey(slot))?.readUInt32LE() ?? 0;
}

type Floor = { readonly born: bigint; readonly removed: number };

function readFloor(maps: ConnectionMaps, slot: number): Floor {
  const row = maps.connection_floors.lookup(indexKey(slot));
  return row ? { born: row.readBigUInt64LE(0), removed: row.readUInt32LE(8) } : { born: 0n, removed: 0 };
}

function writeFloor(maps: ConnectionMaps, slot: number, floor: Floor): void {
  const row = Buffer.alloc(16);
  row.writeBigUInt64LE(floor.born, 0);
  row.writeUInt32LE(floor.removed, 8);
  maps.connection_floors.update(indexKey(slot), row);
}
