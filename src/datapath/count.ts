import { DROP_REASONS, type DropReason } from "../plan/stages.ts";
import { indexKey, type KernelMap } from "./map.ts";

/** Packets dropped at one interface for one reason. Interface 0: what came from the internet for nobody. */
export type DropCount = { readonly interface: number; readonly reason: DropReason; readonly packets: bigint; readonly bytes: bigint };

/** Packets and bytes (of frames) of one interface, as its instance sees them. */
export type TrafficCount = {
  readonly interface: number;
  readonly sent: { readonly packets: bigint; readonly bytes: bigint };
  readonly received: { readonly packets: bigint; readonly bytes: bigint };
};

export type Sum = { readonly packets: bigint; readonly bytes: bigint };

/**
 * In place of a slot: the drops of interfaces that are gone, so that totals only grow. Their traffic stands in the row of slot 0,
 * which no interface has.
 */
const GONE = 0xffff_ffff;
const GONE_TRAFFIC = 0;

/** All drops since the interface exists, of one interface or of all that exist. */
export function readDrops(drops: KernelMap, slot?: number): DropCount[] {
  const counts: DropCount[] = [];
  drops.forEach((key, value) => {
    const at = key.readUInt32LE(0);
    const reason = DROP_REASONS[key.readUInt32LE(4)];
    if (reason === undefined || at === GONE || (slot !== undefined && at !== slot)) return;
    counts.push({ interface: at, reason, ...sumOf(value) });
  });
  return counts;
}

/** All drops by reason, those of interfaces that are gone included; zero where there was none. */
export function readDropTotals(drops: KernelMap): ReadonlyMap<DropReason, Sum> {
  const totals = new Map<DropReason, Sum>(DROP_REASONS.slice(1).map((reason) => [reason, { packets: 0n, bytes: 0n }]));
  drops.forEach((key, value) => {
    const reason = DROP_REASONS[key.readUInt32LE(4)];
    const total = reason && totals.get(reason);
    if (!total) return;
    const { packets, bytes } = sumOf(value);
    totals.set(reason, { packets: total.packets + packets, bytes: total.bytes + bytes });
  });
  return totals;
}

/** Over all processors. */
function sumOf(value: Buffer): Sum {
  let packets = 0n;
  let bytes = 0n;
  for (let cpu = 0; cpu < value.length; cpu += 16) {
    packets += value.readBigUInt64LE(cpu);
    bytes += value.readBigUInt64LE(cpu + 8);
  }
  return { packets, bytes };
}

/** The traffic of one interface, zero when it has had none. */
export function readTraffic(traffic: KernelMap, slot: number): TrafficCount {
  const row = traffic.lookup(indexKey(slot)) ?? Buffer.alloc(32);
  const pair = (at: number) => ({ packets: row.readBigUInt64LE(at), bytes: row.readBigUInt64LE(at + 8) });
  return { interface: slot, sent: pair(0), received: pair(16) };
}

/** What all interfaces together have sent and received, those that are gone included. Reads the whole table, thousands of rows a call. */
export function readTrafficTotals(traffic: KernelMap): { readonly sent: Sum; readonly received: Sum } {
  // The lower and upper halves of four 64-bit counters: plain numbers hold the sums exactly.
  const sums = new Float64Array(8);
  traffic.forEachBatch((_keys, values, count) => {
    const words = new Uint32Array(values.buffer, values.byteOffset, count * sums.length);
    for (let at = 0; at < words.length; at++) if (words[at] !== 0) sums[at & 7] = (sums[at & 7] ?? 0) + (words[at] ?? 0);
  });
  const counter = (place: number): bigint => BigInt(sums[2 * place] ?? 0) + (BigInt(sums[2 * place + 1] ?? 0) << 32n);
  return { sent: { packets: counter(0), bytes: counter(1) }, received: { packets: counter(2), bytes: counter(3) } };
}

/** An interface is gone: its counts go over to those of all that are gone, so that the next one in its slot starts at zero. */
export function clearCounts(maps: { readonly drops: KernelMap; readonly traffic: KernelMap }, slot: number): void {
  addTo(maps.traffic, indexKey(GONE_TRAFFIC), maps.traffic.lookup(indexKey(slot)));
  maps.traffic.update(indexKey(slot), Buffer.alloc(maps.traffic.valueBytes));
  for (const reason of DROP_REASONS.keys()) {
    const key = dropKey(slot, reason);
    const value = maps.drops.lookup(key);
    if (!value) continue;
    addTo(maps.drops, dropKey(GONE, reason), value);
    maps.drops.delete(key);
  }
}

function dropKey(slot: number, reason: number): Buffer {
  const key = Buffer.alloc(8);
  key.writeUInt32LE(slot, 0);
  key.writeUInt32LE(reason, 4);
  return key;
}

/** Adds counters, 64 bits each, to those of a row that only user space writes. */
function addTo(map: KernelMap, key: Buffer, value: Buffer | undefined): void {
  if (!value || value.every((byte) => byte === 0)) return;
  const sum = map.lookup(key) ?? Buffer.alloc(map.valueBytes);
  for (let at = 0; at < sum.length; at += 8) sum.writeBigUInt64LE(sum.readBigUInt64LE(at) + value.readBigUInt64LE(at), at);
  map.update(key, sum);
}
