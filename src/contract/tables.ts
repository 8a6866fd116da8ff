import type { MapLayout, StructLayout, ValueIn } from "./struct.ts";

/**
 * The forwarding tables: the kernel program reads them, and `reach` reads them by hand. Their layout is
 * written only here and generated into `datapath/bpf/tables.h` (see `header.ts`).
 */
export const LAYOUT_VERSION = 7;

export const MAX_GROUPS_PER_INTERFACE = 16;
export const RULES_PER_CHUNK = 8;
export const MAX_RULES_PER_LIST = 4096;
export const MAX_POOLS = 8;
/** Powers of two. A zone's number is the index of its letter in the alphabet, from 0. */
export const MAX_NAT_ADDRESSES = 8;
/** A power of two above {@link ASKING_ADDRESSES}. */
export const MAX_ASKING_ADDRESSES = 32;
export const MAX_ZONES = 8;

export const STRUCTS = {
  /**
   * One per VPC. `internet_gateway`: the slot of the attached gateway plus one, 0 when none is attached;
   * `gateway_route_table` likewise. `dns`: its resolver's address, the primary block's +2.
   */
  vpc: { internet_gateway: "u32", flags: "u32", gateway_route_table: "u32", dns: "be32" },

  /**
   * One per subnet. `router`: the subnet's +1 address; `block`/`length`: its IPv4 block; `ipv6_length` 0: it
   * has no IPv6 block.
   */
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

  /** One per interface, at its slot, which is also its link's index. All zero: there is no such interface. */
  interface: {
    flags: "u32",
    vpc: "u32",
    subnet: "u32",
    private_ip: "be32",
    public_ip: "be32",
    /** The number of the machine that it is on; 0: on the one that looks. */
    machine: "u32",
    /** The primary IPv6 address; zero when it has none. */
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

  /** Key of `asking_addresses`: an interface's slot, and 1 for its IPv6 addresses. */
  asking_addresses_key: { interface: "u32", ipv6: "u32" },
  /** The interface's addresses that link-local services answer, the primary one first; the rest is `::`. */
  asking_addresses: { addresses: { array: "addr", length: MAX_ASKING_ADDRESSES } },

  /** Element of `public_addresses`, at the address's index in the pools. `interface` 0: not mapped. */
  public_address: { interface: "u32", private_ip: "be32" },

  /**
   * Key of `routes`, a longest-prefix trie: `prefix_length` counts the table's 32 bits, then the address's
   * 128. `route_table` is a table's slot; for its IPv6 routes the slot with {@link IPV6_ROUTES}; for the
   * VPCs' IPv6 blocks {@link IPV6_BLOCKS}.
   */
  route_key: { prefix_length: "u32", route_table: "u32", address: "addr" },
  /**
   * `target`: a ROUTE_TARGET. `slot`: the gateway's or the interface's; for a peering connection that of the
   * VPC behind it; for
   * `nothing` 0.
   */
  route: { target: "u32", slot: "u32" },

  /** Key of `rule_lists`. `owner`: the group's or the ACL's slot. */
  rule_list_key: { kind: "u32", owner: "u32" },
  /**
   * `version` names the chunks; a new list is written under a new version, then this pointer moves. `open`:
   * how many rules at the head of a group's list name everybody (0.0.0.0/0, ::/0). Flows that they allow both
   * ways are not tracked.
   */
  rule_list: { version: "u64", count: "u32", open: "u32" },
  /** Key of `rule_chunks`. */
  rule_chunk_key: { version: "u64", kind: "u32", owner: "u32", chunk: "u32", pad: "u32" },
  rule_chunk: { rules: { array: { struct: "rule" }, length: RULES_PER_CHUNK } },
  /**
   * A rule. `peer`/`peer_length`: the other side's block (length 0 to 128 over the mapped address; below 96
   * it is an IPv6 block and holds no IPv4 address). `group`: the slot plus one of the group that the other
   * side must be a member of, or 0. `protocol`
   * 0xffff: any. Ports, or for ICMP and ICMPv6 the type in `port_from` and the code in `port_to`, 0xffff
   * meaning any. `action`: 1 allow, 0 deny. `number`: the ACL rule's number, for traces.
   */
  rule: {
    peer: "addr",
    group: "u32",
    number: "u32",
    protocol: "u16",
    port_from: "u16",
    port_to: "u16",
    peer_length: "u8",
    action: "u8",
  },

  /** Key of `idle_timeouts`: the interface's slot. */
  idle_timeout_key: { interface: "u32" },
  /** How long the interface's security groups remember idle connections, in seconds. */
  idle_timeout: { tcp_established: "u32", udp: "u32", udp_stream: "u32" },

  /** Key of `nat_gateways`: the slot of the gateway's interface. */
  nat_gateway_key: { interface: "u32" },
  /** `addresses`: the first `count` are the private addresses that it translates to. */
  nat_gateway: {
    flags: "u32",
    count: "u32",
    addresses: { array: "be32", length: MAX_NAT_ADDRESSES },
    /**
     * Only for a regional gateway: by number of the sender's zone, the slot of the interface that takes its
     * packets.
     */
    zones: { array: "u32", length: MAX_ZONES },
  },

  pool: { base: "be32", mask: "be32", first: "u32", size: "u32" },
  /** The only element of `settings`. */
  settings: {
    layout: "u32",
    pool_count: "u32",
    uplink: "u32",
    services: "u32",
    fragments: "u32",
    /** Maximum connections per interface. */
    connection_limit: "u32",
    /**
     * With so many connections in total, an interface at its share gets no new ones, so that others are not
     * shut out.
     */
    connections_crowded: "u32",
    connection_share: "u32",
    /** Maximum connections per NAT gateway. */
    nat_connection_limit: "u32",
    /** With so many connections of all NAT gateways in total, a gateway at its share gets no new ones. */
    nat_connections_crowded: "u32",
    nat_connection_share: "u32",
    /** How many ports an address of a NAT gateway has towards one destination. */
    nat_ports: "u32",
    /**
     * The flow records of a window that interfaces share: an interface gets more while it has less than a
     * quarter of what is left.
     */
    flow_records_shared: "u32",
    /** How many records each interface gets in any case, as long as there is room at all. */
    flow_record_share: "u32",
    /** How many packets per second an interface may send to link-local services. */
    link_local_allowance: "u32",
    /** This machine's number in a region of machines; 0: there is no other. */
    machine: "u32",
    /** The link of the overlay between machines; 0: there is none. */
    overlay: "u32",
    /** The longest IP packet that the overlay carries, in bytes. */
    overlay_mtu: "u32",
    /** The address that all gateways have. `uplink` is 0 on a machine that is none. */
    gateways: "be32",
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

/** `flow_log`: a flow log covers the VPC, the subnet or the interface. */
export const VPC_FLAGS = { dns_support: 1, flow_log: 2 } as const;
/**
 * `block_out`, `block_in`: what Block Public Access stops at the internet gateway. `no_network_acl`: no
 * network ACL guards the subnet.
 */
export const SUBNET_FLAGS = { flow_log: 1, block_out: 2, block_in: 4, no_network_acl: 8 } as const;
export const INTERFACE_FLAGS = {
  present: 1,
  /** Attached to an instance that is up. */
  up: 2,
  source_dest_check: 4,
  /** There are private addresses besides the primary one: look in `addresses`. */
  secondary_addresses: 8,
  metadata: 16,
  flow_log: 32,
  /** A NAT gateway's interface: no group guards it, and arriving packets are translated and go on. */
  nat_gateway: 64,
  /** The metadata service answers at its IPv6 address, too. */
  metadata_ipv6: 128,
  /** Connections have idle timeouts of their own: look in `idle_timeouts`. */
  idle_timeouts: 256,
  /** An interface endpoint's interface: nothing is behind it. */
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
  /** Leads to a VPC of another region. */
  remote_peering: 8,
} as const;
/**
 * How many of an interface's addresses of each family the link-local services answer (EC2 user guide, "IP
 * addresses per network interface").
 */
export const ASKING_ADDRESSES = 31;
/**
 * Towards the services, an interface's IPv4 address is replaced by one of 240.0.0.0/6: bits of the slot, then
 * of the address's index, then whether DNS was asked at the VPC's own address.
 */
export const ALIAS = { base: 0xf000_0000, slotBits: 20, placeBits: 5, dnsBit: 25 } as const;
/**
 * The first 32 bits of what stands for an interface's IPv6 address there: fd00:6b67::, the address's index, the
 * slot, 32 bits each.
 */
export const ALIAS_IPV6 = 0xfd00_6b67;
/** Set in a route table's number to mean its IPv6 routes, so that `::/0` never matches an IPv4 address. */
export const IPV6_ROUTES = 0x8000_0000;
/**
 * In place of a route table: finds the VPC that an IPv6 address of the region belongs to. These routes are
 * `local`, and their slot is the VPC's.
 */
export const IPV6_BLOCKS = 0xffff_ffff;
export const RULE_LIST = {
  security_group_out: 0,
  security_group_in: 1,
  network_acl_out: 2,
  network_acl_in: 3,
} as const;
export type RuleListName = keyof typeof RULE_LIST;

/** The router's MAC address, the same towards every instance (locally administered). */
export const ROUTER_MAC = "02:67:6b:00:00:01";

/**
 * The kernel maps of the plan, and what they hold. Arrays are indexed by slot; an absent element is all zero.
 * `locked`: the kernel's element is `struct <value>_row { struct bpf_spin_lock lock; struct <value> row; }`,
 * so that a packet never sees a row half written (see datapath/bpf/interface.h). In the other arrays one word
 * at a time matters.
 */
export const TABLES = {
  settings: { type: "array", value: "settings", max: 1 },
  vpcs: { type: "array", value: "vpc", max: 65_536 },
  subnets: { type: "array", value: "subnet", max: 262_144 },
  interfaces: { type: "array", value: "interface", max: 1_048_576, locked: true },
  addresses: { type: "hash", key: "address_key", value: "address", max: 1_310_720 },
  /** Only for interfaces with more than one address of a family. */
  asking_addresses: { type: "hash", key: "asking_addresses_key", value: "asking_addresses", max: 131_072 },
  public_addresses: { type: "array", value: "public_address", max: 1_114_112 },
  routes: { type: "lpm", key: "route_key", value: "route", max: 524_288 },
  idle_timeouts: { type: "hash", key: "idle_timeout_key", value: "idle_timeout", max: 131_072 },
  nat_gateways: { type: "hash", key: "nat_gateway_key", value: "nat_gateway", max: 65_536 },
  rule_lists: { type: "hash", key: "rule_list_key", value: "rule_list", max: 262_144 },
  rule_chunks: { type: "hash", key: "rule_chunk_key", value: "rule_chunk", max: 262_144 },
} as const satisfies Record<string, MapLayout<StructName> & { value: StructName; locked?: true }>;

export type TableName = keyof typeof TABLES;

/** The minimum rows of an array that is sized for the number of interfaces. */
export const INTERFACE_ROWS = 65_536;

/** The bytes of the lock in front of a locked table's row. */
export const LOCK_BYTES = 4;

/** The order in which a change is written: a row before the rows that point to it; removals in reverse. */
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

/**
 * A struct as a value: integers are numbers (u64 bigint), addresses and MACs are text ("0.0.0.0" for an
 * absent be32).
 */
export type StructValue<S extends StructName> = ValueIn<typeof STRUCTS, S>;

type KeyOf<T extends TableName> = (typeof TABLES)[T] extends { key: infer K extends StructName }
  ? StructValue<K>
  : number;
type ValueOf<T extends TableName> = StructValue<(typeof TABLES)[T]["value"]>;
export type TableKey<T extends TableName> = KeyOf<T>;
export type TableValue<T extends TableName> = ValueOf<T>;

/** One row of one table. */
export type Entry<T extends TableName = TableName> = {
  [N in T]: { readonly table: N; readonly key: TableKey<N>; readonly value: TableValue<N> };
}[T];

/** Turns one plan into the next. `vpcs`: the slots of the VPCs whose packets it may concern; absent: any. */
export type Delta = {
  readonly puts: readonly Entry[];
  readonly removals: readonly Entry[];
  readonly vpcs?: readonly number[];
};

/** The tables as a reader sees them: in memory, or the kernel's own. */
export type TableReader = {
  readonly lookup: <T extends TableName>(table: T, key: TableKey<T>) => TableValue<T> | undefined;
  /** Longest-prefix match; also returns which row matched. */
  readonly longestMatch: (routeTable: number, address: string) => Entry<"routes"> | undefined;
};
