import { assert, present } from "../lib/assert.ts";
import type { FlowKey } from "../plan/flow-count.ts";
import type { DropReason, Stage } from "../plan/stages.ts";
import { type Entry, INTERFACE_FLAGS, type StructValue, type TableReader } from "../plan/tables.ts";
import type { Connection, Connections } from "./connection.ts";
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
  /** What flow logs tell of it; and what they will, once it comes to the internet gateway. */
  readonly flowLog: { readonly told: FlowKey[]; readonly waiting: FlowKey[] };
  /** Translation changes it. */
  flow: Flow;
  /** What an ICMP error carries; translated along. */
  about: Flow | undefined;
  /** The sender's interface; absent: the internet. */
  source: Ends | undefined;
  target: Ends | undefined;
  /** The sender's own address, not one that it forwards. */
  ownSource: boolean;
  sameSubnet: boolean;
  way: "local" | "interface" | "gateway" | "nat" | "peering" | undefined;
  /** The gateway that the route names, by slot. */
  gateway: number | undefined;
  throughGateway: boolean;
  /** The TTL with which it arrives, where an option of the instance says so; else it is unchanged. */
  hopLimit: number | undefined;
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
export type Step = Outcome & { readonly stage: Stage; readonly interface: number; readonly verdict: "pass" | "drop" };

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

export function has(ends: Ends, flag: keyof typeof INTERFACE_FLAGS): boolean {
  return (ends.row.flags & INTERFACE_FLAGS[flag]) !== 0;
}

/** Whether the address is one of the interface's own. */
export function owns(tables: TableReader, ends: Ends, address: string): boolean {
  if (address === ends.row.private_ip) return true;
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
