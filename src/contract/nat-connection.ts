import type { RecordMap, Structs } from "./struct.ts";

/** The side from which the addresses and ports of a key are seen. */
export const NAT_SIDE = { inside: 0, outside: 1 } as const;

/** How many rows a connection has: one for each {@link NAT_SIDE}. */
export const ROWS_PER_NAT_CONNECTION = 2;

/** What NAT gateways remember (bpf/nat_gateway.h). */
export const NAT_CONNECTION_STRUCTS = {
  /**
   * `interface`: the gateway's slot. `local`: on the inside the private address (with NAT64 an IPv6 one), on
   * the outside the gateway's. Ports are those of TCP and UDP; for an ICMP query, the local port is the
   * identifier and the remote one the request's type.
   */
  nat_key: {
    interface: "u32",
    local: "addr",
    remote: "be32",
    local_port: "u16",
    remote_port: "u16",
    protocol: "u8",
    side: "u8",
    pad: { array: "u8", length: 2 },
  },
  /**
   * `address`, `port`: in the inside's entry the gateway's, in the outside's entry the private ones. The
   * only other field that the outside's entry uses is `claim`, which changes when a connection takes the
   * port. Times are nanoseconds of the monotonic clock.
   */
  nat_connection: {
    expires: "u64",
    created: "u64",
    address: "addr",
    port: "u16",
    inside_fin: "u8",
    outside_fin: "u8",
    reset: "u8",
    pad: { array: "u8", length: 3 },
    claim: "u32",
    more_pad: "u32",
  },
} as const satisfies Structs;

export const NAT_CONNECTION_MAPS = {
  nat_connections: { type: "hash", key: "nat_key", value: "nat_connection", max: 1_048_576, lives: "state" },
  /**
   * The next port to try towards a destination, counted from the first one; the key is an outside key without
   * a local port.
   */
  nat_ports: { type: "lru_hash", key: "nat_key", value: "u32", max: 65_536, lives: "state" },
} as const satisfies Readonly<Record<string, RecordMap<keyof typeof NAT_CONNECTION_STRUCTS>>>;
