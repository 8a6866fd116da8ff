import { assert } from "../lib/assert.ts";
import { formatAddress } from "../lib/ip.ts";
import { type Counted, newTally, type Tally } from "./connection-tally.ts";
import { indexKey, type KernelMap } from "./map.ts";
import { openNatSweeper } from "./nat-connection.ts";

/**
 * User space's half of the connections that security groups remember (bpf/connection.h): it removes those that have
 * expired, and tells the program how many are gone, since only the program counts those that are made.
 */

/** Offsets of `struct connection_key` and `struct connection`. */
const KEY = { interface: 0, localPort: 4, remotePort: 6, local: 8, remote: 24, protocol: 40, keeper: 41, size: 44 } as const;
const VALUE = { expires: 0, created: 8, localSeen: 16, remoteSeen: 17, localFin: 18, remoteFin: 19, reset: 20, size: 24 } as const;

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

/** So many slots are counted, or have their counts set right, in one step. */
const SLOTS = 512;
/** So many entries are read in one step. */
const BATCH = 2_048;

export type Sweeper = {
  /**
   * One pass in steps of a few milliseconds: removes what had expired when it began, and sets the counts right. Packets and
   * changes of the tables may come between two steps; a pass may be left unfinished. Returns how many went.
   * `clock`: nanoseconds, monotonic.
   */
  readonly steps: (clock: () => bigint) => Generator<void, number>;
  /** How many the last pass left; what was made since is not among them. */
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
    steps: function* (clock) {
      // Counted before the entries are read: what is made later is in neither number, or set right by the next pass.
      const now = clock();
      const createdInAll = createdCount(maps, ALL);
      const createdByNat = createdCount(maps, ALL_NAT);
      const counted = yield* countCreated(maps, known ?? (yield* slotsEverUsed(maps)), clock);
      const pass = { counted, now, born: (slot: number) => readFloor(maps, slot).born };
      const found = newTally(pass);
      const removed = yield* removeExpired(maps, found);
      const byNat = newTally(pass);
      const removedByNat = yield* natSweeper.steps(byNat);
      let done = 0;
      for (const [slot, { created }] of counted) {
        writeFloor(maps, slot, { ...readFloor(maps, slot), removed: (created - found.alive(slot) - byNat.alive(slot)) >>> 0 });
        if (++done % SLOTS === 0) yield;
      }
      known = new Set([...found.seen, ...byNat.seen]);
      left = found.left();
      writeFloor(maps, ALL, { born: 0n, removed: (createdInAll - left) >>> 0 });
      writeFloor(maps, ALL_NAT, { born: 0n, removed: (createdByNat - byNat.left()) >>> 0 });
      return removed + removedByNat;
    },
    forget: (slot, now) => writeFloor(maps, slot, { ...readFloor(maps, slot), born: now }),
  };
}

function* countCreated(maps: ConnectionMaps, slots: ReadonlySet<number>, clock: () => bigint): Generator<void, Counted> {
  const counted = new Map<number, { created: number; at: bigint }>();
  for (const slot of slots) {
    if (slot === ALL || slot === ALL_NAT) continue;
    const at = clock();
    counted.set(slot, { created: createdCount(maps, slot), at });
    if (counted.size % SLOTS === 0) yield;
  }
  return counted;
}

/** What is read in a step is removed in it, too: a packet that takes an expired entry over has little time to lose it again. */
function* removeExpired(maps: ConnectionMaps, tally: Tally): Generator<void, number> {
  let removed = 0;
  for (const { keys, values, count } of maps.connections.batches(BATCH)) {
    const expired: Buffer[] = [];
    for (let i = 0; i < count; i++) {
      const slot = keys.readUInt32LE(i * KEY.size + KEY.interface);
      const created = values.readBigUInt64LE(i * VALUE.size + VALUE.created);
      const expires = values.readBigUInt64LE(i * VALUE.size + VALUE.expires);
      if (tally.isGone(slot, { created, expires })) expired.push(keys.subarray(i * KEY.size, (i + 1) * KEY.size));
    }
    if (expired.length > 0) removed += maps.connections.deleteMany(Buffer.concat(expired));
    yield;
  }
  return removed;
}

function* slotsEverUsed(maps: ConnectionMaps): Generator<void, Set<number>> {
  const slots = new Set<number>();
  const { valueSize } = maps.tracking.shape;
  for (const { keys, values, count } of maps.tracking.batches()) {
    for (let i = 0; i < count; i++) if (values.readUInt32LE(i * valueSize) !== 0) slots.add(keys.readUInt32LE(i * 4));
    yield;
  }
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
