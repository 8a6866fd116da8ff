import type { RecordMap, Structs } from "./struct.ts";

/**
 * The overlay between the machines of a region: VXLAN (RFC 7348), whose inner Ethernet addresses carry what the
 * receiving machine can't know (bpf/overlay.h).
 */

/** A machine's number is from 1 to here. */
export const MOST_MACHINES = 4_095;

/**
 * What a packet between machines is.
 *   local         for an interface, by what the sender's machine decided; its own stages are to come
 *   internet_out  for the internet, as it leaves; to a gateway
 *   internet_in   from the internet, as it came; from a gateway
 *   hairpin       by the internet gateway from an interface to a public address of the region, as it leaves
 *   back          an ICMP error that a receiver's machine made, for the interface that sent what it is about
 */
export const OVERLAY_KIND = { local: 1, internet_out: 2, internet_in: 3, hairpin: 4, back: 5 } as const;

/** `sized`: the sender's machine has looked at its length. `passed_nat`: a NAT gateway carried it. */
export const OVERLAY_FLAGS = {
  group_identity: 1,
  through_gateway: 2,
  through_service: 4,
  same_subnet: 8,
  passed_nat: 16,
  sized: 32,
} as const;

/** VXLAN network identifiers; of a VPC's packets `first_vpc` plus its slot. */
export const OVERLAY_VNI = { internet_out: 1, internet_in: 2, first_vpc: 16 } as const;

/** The first byte of both inner addresses (locally administered), and the bits of a slot in them. */
export const OVERLAY_MAC = { first: 0x02, slotBits: 20 } as const;

/** The ports of a NAT gateway's address belong to machines in blocks of so many; a power of two. */
export const NAT_BLOCK_PORTS = 1_024;

export const OVERLAY_STRUCTS = {
  /** All zero: no machine has the number. */
  machine: { address: "be32", flags: "u32" },
  /** Key of `members`: an underlay address. */
  member_key: { address: "be32" },
  member: { machine: "u32" },
  /** Key of `nat_blocks`. `interface`: the NAT gateway's; `block`: a port divided by {@link NAT_BLOCK_PORTS}. */
  nat_block_key: { interface: "u32", address: "be32", block: "u32" },
  nat_block: { machine: "u32" },
} as const satisfies Structs;

/** Written only by user space (datapath/membership.ts), by who belongs to the region. */
export const OVERLAY_MAPS = {
  machines: { type: "array", value: "machine", max: MOST_MACHINES + 1, lives: "tables" },
  members: { type: "hash", key: "member_key", value: "member", max: MOST_MACHINES + 1, lives: "tables" },
  nat_blocks: { type: "hash", key: "nat_block_key", value: "nat_block", max: 262_144, lives: "tables" },
} as const satisfies Readonly<Record<string, RecordMap<keyof typeof OVERLAY_STRUCTS>>>;
