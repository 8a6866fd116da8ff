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

/** All drops since the interface exists, of one interface or of all. */
export function readDrops(drops: KernelMap, slot?: number): DropCount[] {
  const counts: DropCount[] = [];
  drops.forEach((key, value) => {
    const at = key.readUInt32LE(0);
    const reason = DROP_REASONS[key.readUInt32LE(4)];
    if (reason === undefined || (slot !== undefined && at !== slot)) return;
    let packets = 0n;
    let bytes = 0n;
    for (let cpu = 0; cpu < value.length; cpu += 16) {
      packets += value.readBigUInt64LE(cpu);
      bytes += value.readBigUInt64LE(cpu + 8);
    }
    counts.push({ interface: at, reason, packets, bytes });
  });
  return counts;
}

/** The traffic of one interface, zero when it has had none. */
export function readTraffic(traffic: KernelMap, slot: number): TrafficCount {
  const row = traffic.lookup(indexKey(slot)) ?? Buffer.alloc(32);
  const pair = (at: number) => ({ packets: row.readBigUInt64LE(at), bytes: row.readBigUInt64LE(at + 8) });
  return { interface: slot, sent: pair(0), received: pair(16) };
}

/** Forgets the counts of an interface that is gone, so that the next one in its slot starts at zero. */
export function clearCounts(maps: { readonly drops: KernelMap; readonly traffic: KernelMap }, slot: number): void {
  maps.traffic.update(indexKey(slot), Buffer.alloc(maps.traffic.valueBytes));
  for (const reason of DROP_REASONS.keys()) {
    const key = Buffer.alloc(8);
    key.writeUInt32LE(slot, 0);
    key.writeUInt32LE(reason, 4);
    maps.drops.delete(key);
  }
}
