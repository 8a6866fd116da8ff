import { GONE } from "../contract/count.ts";
import {
  decodeStruct,
  encodeStruct,
  fieldsOf,
  layoutOf,
  type FieldSpan,
  viewOf,
} from "../contract/layout.ts";
import { DROP_REASONS, type DropReason } from "../contract/stages.ts";
import { indexKey, type KernelMap } from "./map.ts";

/**
 * Packets dropped at one interface for one reason. Interface 0: packets from the internet that are for no
 * interface.
 */
export type DropCount = {
  readonly interface: number;
  readonly reason: DropReason;
  readonly packets: bigint;
  readonly bytes: bigint;
};

/** Packets and bytes (of frames) at one interface, as its instance sees them. */
export type TrafficCount = {
  readonly interface: number;
  readonly sent: { readonly packets: bigint; readonly bytes: bigint };
  readonly received: { readonly packets: bigint; readonly bytes: bigint };
};

export type Sum = { readonly packets: bigint; readonly bytes: bigint };

const KEY = fieldsOf("drop_key");
const COUNT = fieldsOf("packet_count");
const COUNT_SIZE = layoutOf("packet_count").size;
const TRAFFIC = fieldsOf("traffic_count");

/** All drops of one interface, or of all present ones, since the interface exists. */
export function readDrops(drops: KernelMap, slot?: number): DropCount[] {
  const counts: DropCount[] = [];
  drops.forEach((keyBytes, value) => {
    const key = viewOf(keyBytes);
    const at = KEY.interface.read(key, 0);
    const reason = DROP_REASONS[KEY.reason.read(key, 0)];
    if (reason === undefined || at === GONE.drops || (slot !== undefined && at !== slot)) return;
    counts.push({ interface: at, reason, ...sumOf(value) });
  });
  return counts;
}

/** All drops by reason, including those of deleted interfaces; zero for a reason without drops. */
export function readDropTotals(drops: KernelMap): ReadonlyMap<DropReason, Sum> {
  const totals = new Map<DropReason, Sum>(
    DROP_REASONS.slice(1).map((reason) => [reason, { packets: 0n, bytes: 0n }]),
  );
  drops.forEach((key, value) => {
    const reason = DROP_REASONS[KEY.reason.read(viewOf(key), 0)];
    const total = reason && totals.get(reason);
    if (!total) return;
    const { packets, bytes } = sumOf(value);
    totals.set(reason, { packets: total.packets + packets, bytes: total.bytes + bytes });
  });
  return totals;
}

/** The sum over all processors. */
function sumOf(value: Buffer): Sum {
  let packets = 0n;
  let bytes = 0n;
  const view = viewOf(value);
  for (let cpu = 0; cpu < value.length; cpu += COUNT_SIZE) {
    packets += COUNT.packets.read(view, cpu);
    bytes += COUNT.bytes.read(view, cpu);
  }
  return { packets, bytes };
}

const NO_TRAFFIC = { sent: { packets: 0n, bytes: 0n }, received: { packets: 0n, bytes: 0n } } as const;

/** The traffic of one interface, zero when it has had none. */
export function readTraffic(traffic: KernelMap, slot: number): TrafficCount {
  const row = traffic.lookup(indexKey(slot));
  const { sent, received } = row ? decodeStruct("traffic_count", row) : NO_TRAFFIC;
  return { interface: slot, sent, received };
}

/**
 * What all interfaces together have sent and received, including deleted ones. Reads the whole table,
 * thousands of rows per call.
 */
export function readTrafficTotals(traffic: KernelMap): { readonly sent: Sum; readonly received: Sum } {
  // The lower and upper halves of each 64-bit counter: plain numbers hold the sums exactly.
  const sums = new Float64Array(layoutOf("traffic_count").size / 4);
  traffic.forEachBatch((_keys, values, count) => {
    const words = new Uint32Array(values.buffer, values.byteOffset, count * sums.length);
    for (let at = 0; at < words.length; at++)
      if (words[at] !== 0) sums[at % sums.length] = (sums[at % sums.length] ?? 0) + (words[at] ?? 0);
  });
  const counter = (at: number): bigint => BigInt(sums[at / 4] ?? 0) + (BigInt(sums[at / 4 + 1] ?? 0) << 32n);
  const pair = ({ offset }: FieldSpan): Sum => ({
    packets: counter(offset + COUNT.packets.offset),
    bytes: counter(offset + COUNT.bytes.offset),
  });
  return { sent: pair(TRAFFIC.sent), received: pair(TRAFFIC.received) };
}

/**
 * Call this when an interface is deleted: moves its counts to the totals of deleted interfaces, so that the
 * next one in its slot starts at zero.
 */
export function clearCounts(
  maps: { readonly drops: KernelMap; readonly traffic: KernelMap },
  slot: number,
): void {
  addTo(maps.traffic, indexKey(GONE.traffic), maps.traffic.lookup(indexKey(slot)));
  maps.traffic.update(indexKey(slot), Buffer.alloc(maps.traffic.valueBytes));
  for (const reason of DROP_REASONS.keys()) {
    const key = dropKey(slot, reason);
    const value = maps.drops.lookup(key);
    if (!value) continue;
    addTo(maps.drops, dropKey(GONE.drops, reason), value);
    maps.drops.delete(key);
  }
}

function dropKey(slot: number, reason: number): Uint8Array {
  return encodeStruct("drop_key", { interface: slot, reason });
}

/** Adds counters, 64 bits each, to those of a row that only user space writes. */
function addTo(map: KernelMap, key: Uint8Array, value: Buffer | undefined): void {
  if (!value || value.every((byte) => byte === 0)) return;
  const sum = map.lookup(key) ?? Buffer.alloc(map.valueBytes);
  for (let at = 0; at < sum.length; at += 8)
    sum.writeBigUInt64LE(sum.readBigUInt64LE(at) + value.readBigUInt64LE(at), at);
  map.update(key, sum);
}
