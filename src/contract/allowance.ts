import type { RecordMap, Structs } from "./struct.ts";

/** Counts the packets that an interface sends to link-local services in a second (bpf/allowance.h). */
export const ALLOWANCE_STRUCTS = {
  /** `second`: the lower half of the program's clock in seconds. */
  link_local_count: { second: "u32", packets: "u32" },
} as const satisfies Structs;

export const ALLOWANCE_MAPS = {
  /**
   * By interface slot; holds the interfaces that asked last. An array would need a row for each interface of
   * the region, though few ever ask in the same second.
   */
  link_local_counts: { type: "lru_hash", value: "link_local_count", max: 8_192, lives: "load" },
} as const satisfies Readonly<Record<string, RecordMap<keyof typeof ALLOWANCE_STRUCTS>>>;
