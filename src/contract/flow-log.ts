import type { RecordMap, Structs } from "./struct.ts";
import { INTERFACE_ROWS } from "./tables.ts";

/** How many flows one window has room for. */
const FLOW_RECORDS = 131_072;

/** The row of `flow_shares` that holds the total of all interfaces. */
export const ALL_SHARES = 0;

/** What flow logs count (bpf/flow_log.h). */
export const FLOW_LOG_STRUCTS = {
  /** Ports are 0 except for TCP and UDP. `action`: a FLOW_ACTION; `path`: a TRAFFIC_PATH. */
  flow_record_key: {
    source: "addr",
    destination: "addr",
    interface: "u32",
    source_port: "u16",
    destination_port: "u16",
    protocol: "u8",
    egress: "u8",
    action: "u8",
    path: "u8",
  },
  /**
   * `bytes`: length of the IP packets; `first`, `last`: nanoseconds of the monotonic clock. `tcp_flags`: FIN,
   * SYN, RST, and ACK of SYN packets. `next_hop`: the interface that the last packet goes to, or comes from;
   * 0: none.
   */
  flow_record: { packets: "u64", bytes: "u64", first: "u64", last: "u64", tcp_flags: "u32", next_hop: "u32" },
  /**
   * An interface's use of the window's table. Nothing is ever cleared: a value with an earlier window's
   * number counts as zero.
   * `taken`: window << 32
   * records in it. `skipped`: for even and for odd windows, the last window, plus one, in which a flow found
   * no room.
   */
  flow_share: { taken: "u64", skipped: { array: "u32", length: 2 } },
} as const satisfies Structs;

export const FLOW_LOG_MAPS = {
  /** Two tables take turns: even windows count in the first one, odd windows in the second. */
  flow_records_a: {
    type: "hash",
    key: "flow_record_key",
    value: "flow_record",
    max: FLOW_RECORDS,
    lives: "flow_logs",
  },
  flow_records_b: {
    type: "hash",
    key: "flow_record_key",
    value: "flow_record",
    max: FLOW_RECORDS,
    lives: "flow_logs",
  },
  /** An array, so that a flow without room can always be noted. */
  flow_shares: {
    type: "array",
    value: "flow_share",
    max: INTERFACE_ROWS,
    lives: "interfaces",
    each: "interface",
  },
  /** The window's number, written only by user space. */
  flow_window: { type: "array", value: "u32", max: 1, lives: "interfaces" },
} as const satisfies Readonly<Record<string, RecordMap<keyof typeof FLOW_LOG_STRUCTS>>>;
