import { ALL_ROWS, KEEPER } from "../contract/connection.ts";
import {
  decodeStruct,
  encodeStruct,
  fieldsOf,
  layoutOf,
  type SharedValue,
  viewOf,
} from "../contract/layout.ts";
import { type Counted, newTally, type Tally } from "./connection-tally.ts";
import { indexAt, indexKey, type KernelMap } from "./map.ts";
import { openNatSweeper } from "./nat-connection.ts";

/**
 * User space's half of the connections that security groups remember (bpf/connection.h). It removes expired
 * connections, and tells the program how many it removed, since the program only counts those it creates.
 */

const KEY = fieldsOf("connection_key");
const KEY_SIZE = layoutOf("connection_key").size;
const VALUE = fieldsOf("connection");
const VALUE_SIZE = layoutOf("connection").size;

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
  /** What remembers it: the interface's security groups, or the VPC's egress-only internet gateway. */
  readonly keeper: "groups" | "egress-only";
  /** Nanoseconds of the monotonic clock. */
  readonly expires: bigint;
  readonly created: bigint;
};

/** All connections, including expired ones. */
export function readConnections(maps: ConnectionMaps, slot?: number): Connection[] {
  const list: Connection[] = [];
  maps.connections.forEach((keyBytes, valueBytes) => {
    const [key, value] = [viewOf(keyBytes), viewOf(valueBytes)];
    const at = KEY.interface.read(key, 0);
    if (slot !== undefined && at !== slot) return;
    list.push({
      interface: at,
      protocol: KEY.protocol.read(key, 0),
      local: KEY.local.read(key, 0),
      remote: KEY.remote.read(key, 0),
      localPort: KEY.local_port.read(key, 0),
      remotePort: KEY.remote_port.read(key, 0),
      keeper: KEY.keeper.read(key, 0) === KEEPER.groups ? "groups" : "egress-only",
      expires: VALUE.expires.read(value, 0),
      created: VALUE.created.read(value, 0),
    });
  });
  return list;
}

/** How many slots are counted, or corrected, in one step. */
const SLOTS = 512;
/** How many entries are read in one step. */
const BATCH = 2_048;

export type Sweeper = {
  /**
   * One pass, in steps of a few milliseconds: removes the connections that had expired when it began, and
   * corrects the counts. Packets and changes of the tables may come between two steps, and a pass may be
   * abandoned. Returns how many were removed.
   * `clock`: nanoseconds, monotonic.
   */
  readonly steps: (clock: () => bigint) => Generator<void, number>;
  /** How many connections the last pass left, without those created since. */
  readonly count: () => number;
  /** Call this when the slot's interface is deleted: none of its connections hold for the next one. */
  readonly forget: (slot: number, now: bigint) => void;
};

export function openSweeper(maps: ConnectionMaps): Sweeper {
  // Interfaces that the last pass saw; before the first pass, all that ever had a connection.
  let known: ReadonlySet<number> | undefined;
  let left = 0;
  const natSweeper = openNatSweeper(maps.nat_connections);
  return {
    count: () => left,
    steps: function* (clock) {
      // Counted before the entries are read: a later entry is in neither number, or is corrected by the next
      // pass.
      const now = clock();
      const createdInAll = createdCount(maps, ALL_ROWS.interfaces);
      const createdByNat = createdCount(maps, ALL_ROWS.nat_gateways);
      const counted = yield* countCreated(maps, known ?? (yield* slotsEverUsed(maps)), clock);
      const pass = { counted, now, born: (slot: number) => readFloor(maps, slot).born };
      const found = newTally(pass);
      const removed = yield* removeExpired(maps, found);
      const byNat = newTally(pass);
      const removedByNat = yield* natSweeper.steps(byNat);
      let done = 0;
      for (const [slot, { created }] of counted) {
        writeFloor(maps, slot, {
          ...readFloor(maps, slot),
          removed: (created - found.alive(slot) - byNat.alive(slot)) >>> 0,
        });
        if (++done % SLOTS === 0) yield;
      }
      known = new Set([...found.seen, ...byNat.seen]);
      left = found.left();
      writeFloor(maps, ALL_ROWS.interfaces, { born: 0n, removed: (createdInAll - left) >>> 0 });
      writeFloor(maps, ALL_ROWS.nat_gateways, { born: 0n, removed: (createdByNat - byNat.left()) >>> 0 });
      return removed + removedByNat;
    },
    forget: (slot, now) => writeFloor(maps, slot, { ...readFloor(maps, slot), born: now }),
  };
}

function* countCreated(
  maps: ConnectionMaps,
  slots: ReadonlySet<number>,
  clock: () => bigint,
): Generator<void, Counted> {
  const counted = new Map<number, { created: number; at: bigint }>();
  for (const slot of slots) {
    if (slot === ALL_ROWS.interfaces || slot === ALL_ROWS.nat_gateways) continue;
    const at = clock();
    counted.set(slot, { created: createdCount(maps, slot), at });
    if (counted.size % SLOTS === 0) yield;
  }
  return counted;
}

/**
 * Entries are removed in the step that read them: a packet that takes an expired one over has little time to
 * lose it again.
 */
function* removeExpired(maps: ConnectionMaps, tally: Tally): Generator<void, number> {
  let removed = 0;
  for (const { keys, values, count } of maps.connections.batches(BATCH)) {
    const expired: Buffer[] = [];
    const [keyView, valueView] = [viewOf(keys), viewOf(values)];
    for (let i = 0; i < count; i++) {
      const created = VALUE.created.read(valueView, i * VALUE_SIZE);
      const expires = VALUE.expires.read(valueView, i * VALUE_SIZE);
      const isGone = tally.isGone(KEY.interface.read(keyView, i * KEY_SIZE), { created, expires });
      if (isGone) expired.push(keys.subarray(i * KEY_SIZE, (i + 1) * KEY_SIZE));
    }
    if (expired.length > 0) removed += maps.connections.deleteMany(Buffer.concat(expired));
    yield;
  }
  return removed;
}

const TRACKING = fieldsOf("tracking");
const TRACKING_SIZE = layoutOf("tracking").size;

function* slotsEverUsed(maps: ConnectionMaps): Generator<void, Set<number>> {
  const slots = new Set<number>();
  for (const { keys, values, count } of maps.tracking.batches()) {
    const view = viewOf(values);
    for (let i = 0; i < count; i++)
      if (TRACKING.created.read(view, i * TRACKING_SIZE) !== 0) slots.add(indexAt(keys, i));
    yield;
  }
  return slots;
}

function createdCount(maps: ConnectionMaps, slot: number): number {
  const row = maps.tracking.lookup(indexKey(slot));
  return row ? TRACKING.created.read(viewOf(row), 0) : 0;
}

type Floor = Pick<SharedValue<"connection_floor">, "born" | "removed">;

function readFloor(maps: ConnectionMaps, slot: number): Floor {
  const row = maps.connection_floors.lookup(indexKey(slot));
  return row ? decodeStruct("connection_floor", row) : { born: 0n, removed: 0 };
}

function writeFloor(maps: ConnectionMaps, slot: number, floor: Floor): void {
  maps.connection_floors.update(indexKey(slot), encodeStruct("connection_floor", { ...floor, pad: 0 }));
}
