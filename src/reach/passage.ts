import { assert, present } from "../lib/assert.ts";
import { cidrContains, cidrOf } from "../lib/cidr.ts";
import { cidr6Contains, cidr6Of, parseIpv6 } from "../lib/cidr6.ts";
import { type Ipv4, parseIpv4 } from "../lib/ip.ts";
import type { LoggedFlow } from "../plan/flow-count.ts";
import type { DropReason, Stage } from "../plan/stages.ts";
import { type Entry, INTERFACE_FLAGS, IPV6_BLOCKS, IPV6_ROUTES, type StructValue, type TableReader } from "../plan/tables.ts";
import type { Connection, Connections } from "./connection.ts";
import type { Allowances, Spent } from "./allowance-memory.ts";
import type { FirstFragment, FirstFragments } from "./fragment-memory.ts";
import type { NatChanges, NatConnections } from "./nat-connection.ts";
import type { Flow, Packet } from "./packet.ts";

type Interface = StructValue<"interface">;

/** A packet on its way through the stages: what they have learned of it so far, and what it looks like now. */
export type Passage = {
  readonly tables: TableReader;
  readonly packet: Packet;
  readonly now: bigint;
  readonly connections: Connections;
  /** Connections that this packet opened or refreshed. */
  readonly remembered: Map<string, Connection>;
  readonly fragments: FirstFragments;
  /** First fragments among which this packet is. */
  readonly firstFragments: Map<string, FirstFragment>;
  /** What NAT gateways remember, and what this packet changes of it. */
  readonly nat: { readonly known: NatConnections; readonly changes: NatChanges };
  /** What interfaces have sent to link-local services, and what this packet adds to it. */
  readonly spent: { readonly known: Allowances; readonly changes: Map<number, Spent> };
  /** What flow logs tell of it; and what they will, once it comes to the internet gateway. */
  readonly flowLog: { readonly told: LoggedFlow[]; readonly waiting: LoggedFlow[] };
  /** Translation changes it. */
  flow: Flow;
  /** What an ICMP error carries; translated along. */
  about: Flow | undefined;
  /** The sender's interface; absent: the internet. */
  source: Ends | undefined;
  /** Slot of the interface that it comes straight from, also a NAT gateway's; 0: from the internet gateway. */
  from: number;
  target: Ends | undefined;
  /** The sender's own address, not one that it forwards. */
  ownSource: boolean;
  sameSubnet: boolean;
  way: "local" | "interface" | "gateway" | "nat" | "peering" | "remote-peering" | "egress-only" | undefined;
  /** The gateway that the route names, by slot. */
  gateway: number | undefined;
  throughGateway: boolean;
  /** Between a NAT or egress-only gateway and the interface at hand, whose groups track it in any case. */
  throughService: boolean;
  /** The TTL with which it arrives, where an option of the instance says so; else it is unchanged but for {@link hops}. */
  hopLimit: number | undefined;
  /** NAT64 made a packet of the other family of it. */
  nat64: boolean;
  /** NAT gateways that it passed: each is a hop. */
  hops: number;
  /** Both ends are interfaces of one VPC or of two that are peered, and meet on private addresses: rules that name groups apply. */
  groupIdentity: boolean;
};

/** An interface and its slot. */
export type Ends = { readonly slot: number; readonly row: Interface };

/** What a stage says of the packet, with the rows that decided. */
export type Outcome = {
  readonly drop?: DropReason;
  readonly entries: readonly Entry[];
  /** In the words of the tables, for a reader of traces. */
  readonly detail: string;
  /** Of a group or an ACL, the one that decided. */
  readonly rule?: StructValue<"rule">;
};

/** One stage of a trace. `interface`: whose rules and counters it concerns; 0 for the internet's side. */
export type Step = Outcome & {
  readonly stage: Stage;
  readonly interface: number;
  readonly verdict: "pass" | "drop";
  /** As it leaves the stage. */
  readonly flow: Flow;
  /** The slots of the interface that sends it now (a NAT gateway's, from there on), and of the one that it goes to, where known. */
  readonly source: number | undefined;
  readonly target: number | undefined;
};

export function pass(detail: string, ...entries: readonly (Entry | undefined)[]): Outcome {
  return { entries: entries.filter((entry) => entry !== undefined), detail };
}

export function drop(reason: DropReason, detail: string, ...entries: readonly (Entry | undefined)[]): Outcome {
  return { drop: reason, ...pass(detail, ...entries) };
}

/** The interface at a slot, unless there is none. */
export function interfaceAt(tables: TableReader, slot: number): Ends | undefined {
  const row = tables.lookup("interfaces", slot);
  return row && row.flags & INTERFACE_FLAGS.present ? { slot, row } : undefined;
}

export function interfaceEntry(ends: Ends): Entry<"interfaces"> {
  return { table: "interfaces", key: ends.slot, value: ends.row };
}

export function addressEntry(tables: TableReader, vpc: number, address: string): Entry<"addresses"> | undefined {
  const value = tables.lookup("addresses", { vpc, address });
  return value && { table: "addresses", key: { vpc, address }, value };
}

/** The route of a table to an address. */
export function routeTo(tables: TableReader, routeTable: number, address: string): Entry<"routes"> | undefined {
  return tables.longestMatch(address.includes(":") ? (routeTable | IPV6_ROUTES) >>> 0 : routeTable, address);
}

/** The VPC whose IPv6 block an address lies in, as the slot of the row; undefined: none of the region's. */
export function ipv6Block(tables: TableReader, address: string): Entry<"routes"> | undefined {
  return address.includes(":") ? tables.longestMatch(IPV6_BLOCKS, address) : undefined;
}

export function inSubnet(subnet: StructValue<"subnet">, address: string): boolean {
  if (!address.includes(":")) return cidrContains(cidrOf(`${subnet.block}/${subnet.length}`), (parseIpv4(address) ?? 0) as Ipv4);
  const number = parseIpv6(address);
  return subnet.ipv6_length > 0 && number !== undefined && cidr6Contains(cidr6Of(`${subnet.ipv6_block}/${subnet.ipv6_length}`), number);
}

/** A route's destination in text. */
export function prefixOf({ key }: Entry<"routes">): string {
  return `${key.address}/${key.prefix_length - (key.address.includes(":") ? 32 : 128)}`;
}

export function has(ends: Ends, flag: keyof typeof INTERFACE_FLAGS): boolean {
  return (ends.row.flags & INTERFACE_FLAGS[flag]) !== 0;
}

/** Whether the address is one of the interface's own. */
export function owns(tables: TableReader, ends: Ends, address: string): boolean {
  if (address === ends.row.private_ip) return true;
  if (address.includes(":")) return addressEntry(tables, ends.row.vpc, address)?.value.interface === ends.slot;
  return has(ends, "secondary_addresses") && addressEntry(tables, ends.row.vpc, address)?.value.interface === ends.slot;
}

/** The sender's interface, where the stages before made sure that there is one. */
export function senderOf(passage: Passage): Ends {
  return present(passage.source, "the sending interface");
}

export function receiverOf(passage: Passage): Ends {
  assert(passage.target, "the receiving interface is known");
  return passage.target;
}

/** In an ICMP error the packet inside went the other way: its destination is the sender (RFC 5508, section 4.2). */
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

function replaced(flow: Flow | undefined, field: "source" | "destination", from: string, to: string): Flow | undefined {
  return flow?.[field] === from ? { ...flow, [field]: to } : flow;
}
