import { ALLOWANCE_MAPS, ALLOWANCE_STRUCTS } from "./allowance.ts";
import { CONNECTION_MAPS, CONNECTION_STRUCTS } from "./connection.ts";
import { COUNT_MAPS, COUNT_STRUCTS } from "./count.ts";
import { FLOW_CACHE_MAPS, FLOW_CACHE_STRUCTS } from "./flow-cache.ts";
import { FLOW_LOG_MAPS, FLOW_LOG_STRUCTS } from "./flow-log.ts";
import { FRAGMENT_MAPS, FRAGMENT_STRUCTS } from "./fragment.ts";
import { NAT_CONNECTION_MAPS, NAT_CONNECTION_STRUCTS } from "./nat-connection.ts";
import { OVERLAY_MAPS, OVERLAY_STRUCTS } from "./overlay.ts";
import type { RecordMap, Structs } from "./struct.ts";
import { TRACE_MAPS, TRACE_STRUCTS } from "./trace.ts";

/**
 * The records: what the kernel program writes about packets, and user space reads, sweeps and counts. Their
 * layout is written once, a file for each theme, and generated into `datapath/bpf/records.h` (see
 * `header.ts`).
 *
 * The version grows when a struct changes whose map outlives a change of the plan's layout; connections are
 * forgotten then.
 */
export const STATE_VERSION = 3;

export const RECORDS = {
  ...CONNECTION_STRUCTS,
  ...NAT_CONNECTION_STRUCTS,
  ...FLOW_CACHE_STRUCTS,
  ...FLOW_LOG_STRUCTS,
  ...COUNT_STRUCTS,
  ...TRACE_STRUCTS,
  ...FRAGMENT_STRUCTS,
  ...ALLOWANCE_STRUCTS,
  ...OVERLAY_STRUCTS,
} as const satisfies Structs;

export type RecordName = keyof typeof RECORDS;

/** The kernel's maps of records. */
export const RECORD_MAPS = {
  ...CONNECTION_MAPS,
  ...NAT_CONNECTION_MAPS,
  ...FLOW_CACHE_MAPS,
  ...FLOW_LOG_MAPS,
  ...COUNT_MAPS,
  ...TRACE_MAPS,
  ...FRAGMENT_MAPS,
  ...ALLOWANCE_MAPS,
  ...OVERLAY_MAPS,
} as const satisfies Readonly<Record<string, RecordMap<RecordName>>>;

export type RecordMapName = keyof typeof RECORD_MAPS;
