import type { RecordMap, Structs } from "./struct.ts";
import { INTERFACE_ROWS } from "./tables.ts";

/**
 * What remembers a connection: the interface's security groups, or the VPC's egress-only internet gateway.
 */
export const KEEPER = { groups: 0, egress_only: 1 } as const;

/**
 * Rows of `tracking` and `connection_floors` that hold totals: 0 for all interfaces, 1 for all NAT gateways.
 */
export const ALL_ROWS = { interfaces: 0, nat_gateways: 1 } as const;

/** What security groups and egress-only gateways remember (bpf/connection.h). */
export const CONNECTION_STRUCTS = {
  /**
   * Ports are those of TCP and UDP. For an ICMP query, the local port is the identifier, and the remote one
   * the request's type, plus 0x100 when the interface sent the request. `keeper`: a {@link KEEPER}.
   */
  connection_key: {
    interface: "u32",
    local_port: "u16",
    remote_port: "u16",
    local: "addr",
    remote: "addr",
    protocol: "u8",
    keeper: "u8",
    pad: { array: "u8", length: 2 },
  },
  /** Times in nanoseconds of the monotonic clock. Each flag is a byte of its own that only ever becomes 1. */
  connection: {
    expires: "u64",
    created: "u64",
    /** Whether the interface has sent, and whether the other end has. */
    local_seen: "u8",
    remote_seen: "u8",
    local_fin: "u8",
    remote_fin: "u8",
    reset: "u8",
    /** Whether the other end sent the first packet. */
    remote_first: "u8",
    /**
     * Only for UDP: how often a packet came from the other side than the one before, counted as far as it
     * matters.
     */
    turns: "u8",
    /** Whether packets of one side may be on the fast path. */
    kept: "u8",
  },
  /**
   * A row of `tracking`, written only by the program. `created`: entries made since the map exists; `epoch`
   * moves when what the fast path knows of the interface's flows no longer holds.
   */
  tracking: { created: "u32", epoch: "u32" },
  /**
   * A row of `connection_floors`, written only by user space. Entries made before `born` belong to the former
   * interface with this slot; `removed` counts entries that were created and are gone.
   */
  connection_floor: { born: "u64", removed: "u32", pad: "u32" },
} as const satisfies Structs;

export const CONNECTION_MAPS = {
  connections: { type: "hash", key: "connection_key", value: "connection", max: 1_048_576, lives: "state" },
  tracking: { type: "array", value: "tracking", max: INTERFACE_ROWS, lives: "interfaces", each: "interface" },
  connection_floors: {
    type: "array",
    value: "connection_floor",
    max: INTERFACE_ROWS,
    lives: "interfaces",
    each: "interface",
  },
} as const satisfies Readonly<Record<string, RecordMap<keyof typeof CONNECTION_STRUCTS>>>;
