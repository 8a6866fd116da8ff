/**
 * The forwarding tables: what the kernel program reads, and what `reach` reads by hand. Their layout is
 * written once, here, and generated into `datapath/bpf/tables.h` (see `header.ts`).
 *
 * Fields are little-endian host integers unless the type says otherwise:
 *   u8 u16 u32 u64   unsigned integers (u64 as bigint)
 *   mac              6 bytes
 *   addr             16 bytes in network order; an IPv4 address is mapped: ::ffff:a.b.c.d
 *   be32             an IPv4 address in network order, 0 for none
 * Fields stand at their natural alignment; padding is explicit, so that a struct has no hidden bytes.
 */
export const LAYOUT_VERSION = 6;

export type FieldType =
  | "u8"
  | "u16"
  | "u32"
  | "u64"
  | "mac"
  | "addr"
  | "be32"
  | { readonly array: FieldType; readonly length: number }
  | { readonly struct: string };
export type StructLayout = Readonly<Record<string, FieldType>>;

export const MAX_GROUPS_PER_INTERFACE = 16;
export const RULES_PER_CHUNK = 8;
export const MAX_RULES_PER_LIST = 4096;
export const MAX_POOLS = 8;
/** Powers of two. A zone's number is its letter's place in the alphabet, from 0. */
export const MAX_NAT_ADDRESSES = 8;
/** A power of two above {@link ASKING_ADDRESSES}. */
export const MAX_ASKING_ADDRESSES = 32;
export const MAX_ZONES = 8;

export const STRUCTS = {
  /** One per VPC. `internet_gateway` is the slot of the attached gateway plus one, 0 when none is attached; `gateway_route_table` likewise. `dns`: where its resolver answers, the primary block's +2. */
  vpc: { internet_gateway: "u32", flags: "u32", gateway_route_table: "u32", dns: "be32" },

  /** One per subnet. `router` is the subnet's +1 address; `block`/`length` its IPv4 block; `ipv6_length` 0: it has no IPv6 block. */
  subnet: {
    vpc: "u32",
    route_table: "u32",
    network_acl: "u32",
    block: "be32",
    router: "be32",
    length: "u32",
    flags: "u32",
    ipv6_length: "u32",
    zone: "u32",
    ipv6_block: "addr",
  },

  /** One per interface, at its slot, which is also its link's index. All zero: no such interface. */
  interface: {
    flags: "u32",
    vpc: "u32",
    subnet: "u32",
    private_ip: "be32",
    public_ip: "be32",
    /** The primary IPv6 address; zero: it has none. */
    ipv6: "addr",
    mac: "mac",
    group_count: "u8",
    hop_limit: "u8",
    groups: { array: "u32", length: MAX_GROUPS_PER_INTERFACE },
  },

  /** Key of `addresses`: a private address of a VPC. */
  address_key: { vpc: "u32", address: "addr" },
  /** The interface that holds it, and the public address mapped to it (0: none). */
  address: { interface: "u32", public_ip: "be32" },

  /** Key of `asking_addresses`: an interface, by slot, and whether its IPv6 addresses are meant. */
  asking_addresses_key: { interface: "u32", ipv6: "u32" },
  /** The addresses of an interface that the link-local services answer, from the primary one on; then none (`::`). */
  asking_addresses: { addresses: { array: "addr", length: MAX_ASKING_ADDRESSES } },

  /** Element of `public_addresses`, at the address's place in the pools. `interface` 0: not mapped. */
  public_address: { interface: "u32", private_ip: "be32" },

  /**
   * Key of `routes`, a longest-prefix trie: `prefix_length` counts the table's 32 bits, then the address's 128. `route_table` is a
   * table's slot; of its IPv6 routes, the slot with {@link IPV6_ROUTES}; of the VPCs' IPv6 blocks, {@link IPV6_BLOCKS}.
   */
  route_key: { prefix_length: "u32", route_table: "u32", address: "addr" },
  /** `target` is a ROUTE_TARGET; `slot` the gateway's or the interface's; of a peering connection, that of the VPC behind it; of `nothing`, 0. */
  route: { target: "u32", slot: "u32" },

  /** Key of `rule_lists`: which list. `owner` is the group's or the ACL's slot. */
  rule_list_key: { kind: "u32", owner: "u32" },
  /**
   * `version` names the chunks; a new list is written under a new version, then this pointer moves. `open`: so many rules at
   * the head of a group's list name everybody (0.0.0.0/0, ::/0). Flows that they allow both ways are not tracked.
   */
  rule_list: { version: "u64", count: "u32", open: "u32" },
  /** Key of `rule_chunks`. */
  rule_chunk_key: { version: "u64", kind: "u32", owner: "u32", chunk: "u32", pad: "u32" },
  rule_chunk: { rules: { array: { struct: "rule" }, length: RULES_PER_CHUNK } },
  /**
   * A rule. `peer`/`peer_length`: the other side's block (length 0 to 128 over the mapped address; below 96 it is an IPv6 block and
   * holds no IPv4 address). `group`: 0,
   * or the slot plus one of the group that the other side must be a member of. `protocol` 0xffff: any.
   * Ports (or type and code of ICMP and ICMPv6, 0xffff any, with `port_from` the type and `port_to` the code).
   * `action`: 1 allow, 0 deny. `number`: the ACL rule's number, for traces.
   */
  rule: { peer: "addr", group: "u32", number: "u32", protocol: "u16", port_from: "u16", port_to: "u16", peer_length: "u8", action: "u8" },

  /** Key of `idle_timeouts`: the interface's slot. */
  idle_timeout_key: { interface: "u32" },
  /** Of connections that its security groups track, in seconds. */
  idle_timeout: { tcp_established: "u32", udp: "u32", udp_stream: "u32" },

  /** Key of `nat_gateways`: the slot of the gateway's interface. */
  nat_gateway_key: { interface: "u32" },
  /** `addresses`: the first `count` are the private ones that it translates to. */
  nat_gateway: {
    flags: "u32",
    count: "u32",
    addresses: { array: "be32", length: MAX_NAT_ADDRESSES },
    /** Of a regional one: for the senders of each zone, by its number, the slot of the interface that takes their packets. */
    zones: { array: "u32", length: MAX_ZONES },
  },

  pool: { base: "be32", mask: "be32", first: "u32", size: "u32" },
  /** The one element of `settings`. */
  settings: {
    layout: "u32",
    pool_count: "u32",
    uplink: "u32",
    services: "u32",
    fragments: "u32",
    /** Of connections for each interface. */
    connection_limit: "u32",
    /** When so many are remembered in all, an interface that has its share takes no more: others' are not shut out. */
    connections_crowded: "u32",
    connection_share: "u32",
    /** Of connections for each NAT gateway. */
    nat_connection_limit: "u32",
    /** When all NAT gateways together remember so many, one that has its share takes no more. */
    nat_connections_crowded: "u32",
    nat_connection_share: "u32",
    /** How many ports an address of a NAT gateway has towards one destination. */
    nat_ports: "u32",
    /** Of so many flow records in a window an interface takes more while it has less than a quarter of what is left. */
    flow_records_shared: "u32",
    /** So many it has in any case, as long as there is room at all. */
    flow_record_share: "u32",
    /** How many packets an interface may send to link-local services in a second. */
    link_local_allowance: "u32",
    pad: "u32",
    /** Fixed time in nanoseconds for tests; 0: the kernel's clock. */
    now: "u64",
    uplink_mac: "mac",
    uplink_peer_mac: "mac",
    services_mac: "mac",
    services_peer_mac: "mac",
    pools: { array: { struct: "pool" }, length: MAX_POOLS },
  },
} as const satisfies Record<string, StructLayout>;

export type StructName = keyof typeof STRUCTS;

/** `flow_log`: a flow log covers the VPC, the subnet, the interface. */
export const VPC_FLAGS = { dns_support: 1, flow_log: 2 } as const;
/** `block_out`, `block_in`: what Block Public Access stops at the internet gateway. `no_network_acl`: no list guards it. */
export const SUBNET_FLAGS = { flow_log: 1, block_out: 2, block_in: 4, no_network_acl: 8 } as const;
export const INTERFACE_FLAGS = {
  present: 1,
  /** Attached to an instance that is up. */
  up: 2,
  source_dest_check: 4,
  /** Some private address besides the primary exists: look in `addresses`. */
  secondary_addresses: 8,
  metadata: 16,
  flow_log: 32,
  /** A NAT gateway's: no group guards it, and what arrives is translated and goes on. */
  nat_gateway: 64,
  /** The metadata service answers at its IPv6 address, too. */
  metadata_ipv6: 128,
  /** Its connections have idle timeouts of their own: look in `idle_timeouts`. */
  idle_timeouts: 256,
  /** An interface endpoint's, behind which nothing stands. */
  endpoint: 512,
} as const;
export const NAT_GATEWAY_FLAGS = { public: 1, regional: 2 } as const;
export const ROUTE_TARGET = {
  blackhole: 0,
  local: 1,
  internet_gateway: 2,
  interface: 3,
  nat_gateway: 4,
  peering: 5,
  nothing: 6,
  egress_only: 7,
  /** To a VPC of another region. */
  remote_peering: 8,
} as const;
/** How many addresses of an interface, of each family, the link-local services answer (EC2 user guide, "IP addresses per network interface"). */
export const ASKING_ADDRESSES = 31;
/** Towards the services an interface's IPv4 address is one of 240.0.0.0/6: bits of its slot, then of the address's place, then whether DNS was asked at the VPC's own address. */
export const ALIAS = { base: 0xf000_0000, slotBits: 20, placeBits: 5, dnsBit: 25 } as const;
/** In the number of a route table: it is its IPv6 routes that are meant. So `::/0` never leads what is for an IPv4 address. */
export const IPV6_ROUTES = 0x8000_0000;
/** In place of a route table: which VPC an IPv6 address of the region belongs to; the routes are `local`, their slot is the VPC's. */
export const IPV6_BLOCKS = 0xffff_ffff;
export const RULE_LIST = { security_group_out: 0, security_group_in: 1, network_acl_out: 2, network_acl_in: 3 } as const;
export type RuleListName = keyof typeof RULE_LIST;

/** The router's MAC address towards every instance, the same on all interfaces (locally administered). */
export const ROUTER_MAC = "02:67:6b:00:00:01";

/**
 * The kernel maps of the plan, and what they hold. Arrays are indexed by slot; an absent element is all zero.
 * `locked`: the kernel's element is `struct <value>_row { struct bpf_spin_lock lock; struct <value> row; }`, so that a packet
 * never sees a row half written (see datapath/bpf/interface.h). In the other arrays one word at a time matters.
 */
export const TABLES = {
  settings: { type: "array", value: "settings", max: 1 },
  vpcs: { type: "array", value: "vpc", max: 65_536 },
  subnets: { type: "array", value: "subnet", max: 262_144 },
  interfaces: { type: "array", value: "interface", max: 1_048_576, locked: true },
  addresses: { type: "hash", key: "address_key", value: "address", max: 1_310_720 },
  /** Of the interfaces that have more than one address of a family. */
  asking_addresses: { type: "hash", key: "asking_addresses_key", value: "asking_addresses", max: 131_072 },
  public_addresses: { type: "array", value: "public_address", max: 1_114_112 },
  routes: { type: "lpm", key: "route_key", value: "route", max: 524_288 },
  idle_timeouts: { type: "hash", key: "idle_timeout_key", value: "idle_timeout", max: 131_072 },
  nat_gateways: { type: "hash", key: "nat_gateway_key", value: "nat_gateway", max: 65_536 },
  rule_lists: { type: "hash", key: "rule_list_key", value: "rule_list", max: 262_144 },
  rule_chunks: { type: "hash", key: "rule_chunk_key", value: "rule_chunk", max: 262_144 },
} as const satisfies Record<string, { type: "array" | "hash" | "lpm"; key?: StructName; value: StructName; max: number; locked?: true }>;

export type TableName = keyof typeof TABLES;

/** The order in which a change is written: what is pointed to before what points to it; removals in reverse. */
export const WRITE_ORDER: readonly TableName[] = [
  "settings",
  "rule_chunks",
  "rule_lists",
  "vpcs",
  "subnets",
  "nat_gateways",
  "idle_timeouts",
  "interfaces",
  "addresses",
  "asking_addresses",
  "routes",
  "public_addresses",
];

type FieldValue<T> = T extends "u64"
  ? bigint
  : T extends "u8" | "u16" | "u32"
    ? number
    : T extends "mac" | "addr" | "be32"
      ? string
      : T extends { array: infer E }
        ? readonly FieldValue<E>[]
        : T extends { struct: infer S extends StructName }
          ? StructValue<S>
          : never;

/** A struct as a value: integers are numbers (u64 bigint), addresses and MACs are text ("0.0.0.0" for an absent be32). */
export type StructValue<S extends StructName> = { readonly [F in keyof (typeof STRUCTS)[S]]: FieldValue<(typeof STRUCTS)[S][F]> };

type KeyOf<T extends TableName> = (typeof TABLES)[T] extends { key: infer K extends StructName } ? StructValue<K> : number;
type ValueOf<T extends TableName> = StructValue<(typeof TABLES)[T]["value"]>;
export type TableKey<T extends TableName> = KeyOf<T>;
export type TableValue<T extends TableName> = ValueOf<T>;

/** One row of one table. */
export type Entry<T extends TableName = TableName> = {
  [N in T]: { readonly table: N; readonly key: TableKey<N>; readonly value: TableValue<N> };
}[T];

/** What turns one plan into the next. `vpcs`: the slots of the VPCs whose packets it may concern; absent: any. */
export type Delta = { readonly puts: readonly Entry[]; readonly removals: readonly Entry[]; readonly vpcs?: readonly number[] };

/** The tables as a reader sees them: the plan's in memory, or the kernel's own. */
export type TableReader = {
  readonly lookup: <T extends TableName>(table: T, key: TableKey<T>) => TableValue<T> | undefined;
  /** Longest-prefix match; also tells which row matched. */
  readonly longestMatch: (routeTable: number, address: string) => Entry<"routes"> | undefined;
};
