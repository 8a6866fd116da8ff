import type { LoggedFlow } from "../contract/flow-count.ts";
import type { Stage } from "../contract/stages.ts";
import {
  type Entry,
  INTERFACE_FLAGS,
  IPV6_BLOCKS,
  IPV6_ROUTES,
  type StructValue,
  type TableReader,
} from "../contract/tables.ts";
import { addressOf, isIpv6Text } from "../lib/address.ts";
import { assert, present } from "../lib/assert.ts";
import { blockContains, blockOf } from "../lib/block.ts";
import type { Allowances, Spent } from "./allowance-memory.ts";
import type { Connection, Connections } from "./connection.ts";
import type { FirstFragment, FirstFragments } from "./fragment-memory.ts";
import type { NatChanges, NatConnections } from "./nat-connection.ts";
import type { Outcome } from "./outcome.ts";
import type { Flow, Packet } from "./packet.ts";

type Interface = StructValue<"interface">;

/** A packet on its way through the stages: what they have found so far, and the packet as it is now. */
export type Passage = {
  readonly tables: TableReader;
  readonly packet: Packet;
  readonly now: bigint;
  readonly connections: Connections;
  /** Connections that this packet opened or refreshed. */
  readonly remembered: Map<string, Connection>;
  readonly fragments: FirstFragments;
  /** First fragments to remember: this packet, if it is one. */
  readonly firstFragments: Map<string, FirstFragment>;
  /** The connections of NAT gateways, and this packet's changes to them. */
  readonly nat: { readonly known: NatConnections; readonly changes: NatChanges };
  /** What interfaces have sent to link-local services, and what this packet adds. */
  readonly spent: { readonly known: Allowances; readonly changes: Map<number, Spent> };
  /** The flow log records of this packet; and those that wait until it reaches the internet gateway. */
  readonly flowLog: { readonly told: LoggedFlow[]; readonly waiting: LoggedFlow[] };
  /** The packet's flow, as translated so far. */
  flow: Flow;
  /** The packet inside an ICMP error, as translated so far. */
  about: Flow | undefined;
  /** The sender's interface; absent: the internet. */
  source: Ends | undefined;
  /**
   * The slot of the interface that the packet last came from, which may be a NAT gateway's; 0 for the
   * internet gateway.
   */
  from: number;
  target: Ends | undefined;
  /** Whether the source address is the sender's own, not one that it forwards for. */
  ownSource: boolean;
  sameSubnet: boolean;
  way: "local" | "interface" | "gateway" | "nat" | "peering" | "remote-peering" | "egress-only" | undefined;
  /** The slot of the gateway that the route names. */
  gateway: number | undefined;
  throughGateway: boolean;
  /** Whether it goes through a NAT or egress-only gateway: then the interface's groups always track it. */
  throughService: boolean;
  /**
   * The TTL with which the packet arrives, when an option of the instance sets it; otherwise only {@link
   * hops} change it.
   */
  hopLimit: number | undefined;
  /** Whether NAT64 has translated the packet to the other family. */
  nat64: boolean;
  /** How many NAT gateways it passed: each is a hop. */
  hops: number;
  /**
   * Whether both ends are interfaces of one VPC, or of two peered ones, and use private addresses. Only then
   * do rules that name groups apply.
   */
  groupIdentity: boolean;
};

/** An interface and its slot. */
export type Ends = { readonly slot: number; readonly row: Interface };

/**
 * One stage of a trace. `interface`: the slot whose rules and counters it concerns; 0 for the internet's
 * side.
 */
export type Step = Outcome & {
  readonly stage: Stage;
  readonly interface: number;
  /** The flow as it leaves the stage. */
  readonly flow: Flow;
  /** The slots of the present sender (after a NAT gateway, the gateway) and of the receiver, where known. */
  readonly source: number | undefined;
  readonly target: number | undefined;
};
export type DroppedStep = Extract<Step, { readonly kind: "drop" }>;

/** The interface at a slot, unless there is none. */
export function interfaceAt(tables: TableReader, slot: number): Ends | undefined {
  const row = tables.lookup("interfaces", slot);
  return row && row.flags & INTERFACE_FLAGS.present ? { slot, row } : undefined;
}

export function interfaceEntry(ends: Ends): Entry<"interfaces"> {
  return { table: "interfaces", key: ends.slot, value: ends.row };
}

export function addressEntry(
  tables: TableReader,
  vpc: number,
  address: string,
): Entry<"addresses"> | undefined {
  const value = tables.lookup("addresses", { vpc, address });
  return value && { table: "addresses", key: { vpc, address }, value };
}

/** The longest match for an address in a route table. */
export function routeTo(
  tables: TableReader,
  routeTable: number,
  address: string,
): Entry<"routes"> | undefined {
  return tables.longestMatch(isIpv6Text(address) ? (routeTable | IPV6_ROUTES) >>> 0 : routeTable, address);
}

/**
 * The row of the VPC's IPv6 block that an address lies in; undefined when it lies in none of the region's.
 */
export function ipv6Block(tables: TableReader, address: string): Entry<"routes"> | undefined {
  return isIpv6Text(address) ? tables.longestMatch(IPV6_BLOCKS, address) : undefined;
}

export function inSubnet(subnet: StructValue<"subnet">, address: string): boolean {
  if (!isIpv6Text(address))
    return blockContains(blockOf(`${subnet.block}/${subnet.length}`), addressOf(address));
  return (
    subnet.ipv6_length > 0 &&
    blockContains(blockOf(`${subnet.ipv6_block}/${subnet.ipv6_length}`), addressOf(address))
  );
}

/** A route's destination in text. */
export function prefixOf({ key }: Entry<"routes">): string {
  return `${key.address}/${key.prefix_length - (isIpv6Text(key.address) ? 32 : 128)}`;
}

export function has(ends: Ends, flag: keyof typeof INTERFACE_FLAGS): boolean {
  return (ends.row.flags & INTERFACE_FLAGS[flag]) !== 0;
}

/** Whether the address is one of the interface's own. */
export function owns(tables: TableReader, ends: Ends, address: string): boolean {
  if (address === ends.row.private_ip) return true;
  if (isIpv6Text(address)) return addressEntry(tables, ends.row.vpc, address)?.value.interface === ends.slot;
  return (
    has(ends, "secondary_addresses") &&
    addressEntry(tables, ends.row.vpc, address)?.value.interface === ends.slot
  );
}

/** The sender's interface. Called where earlier stages made sure that there is one. */
export function senderOf(passage: Passage): Ends {
  return present(passage.source, "the sending interface");
}

export function receiverOf(passage: Passage): Ends {
  assert(passage.target, "the receiving interface is known");
  return passage.target;
}

/**
 * Translates the packet's source. The packet inside an ICMP error went the other way, so there it is the
 * destination (RFC 5508, section 4.2).
 */
export function translateSource(passage: Passage, to: string): void {
  const from = passage.flow.source;
  passage.flow = { ...passage.flow, source: to };
  passage.about = replaced(passage.about, "destination", from, to);
}

export function translateDestination(passage: Passage, to: string): void {
  const from = passage.flow.destination;
  passage.flow = { ...passage.flow, destination: to };
  passage.about = replaced(passage.about, "source", from, to);
}

function replaced(
  flow: Flow | undefined,
  field: "source" | "destination",
  from: string,
  to: string,
): Flow | undefined {
  return flow?.[field] === from ? { ...flow, [field]: to } : flow;
}
