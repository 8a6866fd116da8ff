import type { RecordMap, Structs } from "./struct.ts";
import { INTERFACE_ROWS } from "./tables.ts";

/**
 * Where user space adds the counts of deleted interfaces, so that totals only grow: in place of a slot in the
 * key of `drops`, and a row of `traffic` that no interface has.
 */
export const GONE = { drops: 0xffff_ffff, traffic: 0 } as const;

/** Counters (bpf/count.h). */
export const COUNT_STRUCTS = {
  /** `interface`: a slot; 0: packets from the internet that are for no interface. */
  drop_key: { interface: "u32", reason: "u32" },
  /** Bytes of whole frames. */
  packet_count: { packets: "u64", bytes: "u64" },
  /** Directions as the interface's instance sees them. */
  traffic_count: { sent: { struct: "packet_count" }, received: { struct: "packet_count" } },
} as const satisfies Structs;

export const COUNT_MAPS = {
  drops: { type: "percpu_hash", key: "drop_key", value: "packet_count", max: 65_536, lives: "state" },
  /** Shared by all processors: one per processor would cost a row for every interface and every processor. */
  traffic: {
    type: "array",
    value: "traffic_count",
    max: INTERFACE_ROWS,
    lives: "interfaces",
    each: "interface",
  },
} as const satisfies Readonly<Record<string, RecordMap<keyof typeof COUNT_STRUCTS>>>;
