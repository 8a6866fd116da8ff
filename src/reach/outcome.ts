import type { DropReason, PassReason, PassReasonOf, Stage } from "../contract/stages.ts";
import type { Entry, ROUTE_TARGET, StructValue } from "../contract/tables.ts";

type Rule = StructValue<"rule">;
type Nothing = Readonly<Record<string, never>>;

/** Link-local services; the way to them does not go through routes, groups and ACLs. */
export type Service = "metadata" | "dns" | "time";
/** Where a packet is delivered. */
export type Destination = "interface" | "internet" | "services";

/**
 * What a stage knows about why it let a packet pass, besides the packet itself as it leaves the stage.
 * Numbers are slots of interfaces unless the name says otherwise.
 */
type PassKnowledge = {
  /** `isAnswer`: whether it comes from the service. */
  readonly service: { readonly service: Service; readonly isAnswer: boolean };
  readonly security_group_out: Allowed;
  readonly security_group_in: Allowed;
  /** `by`: "exchange" for a packet of the exchange, "error" for an ICMP error about one of its packets. */
  readonly remembered: { readonly by: "exchange" | "error" };
  readonly network_acl_out: { readonly acl: number; readonly rule: Rule };
  readonly network_acl_in: { readonly acl: number; readonly rule: Rule };
  readonly route: Led;
  readonly nat_gateway_out: Translation;
  readonly nat_gateway_in: Translation;
  /** The private address, and the public one that replaces it. */
  readonly internet_gateway_out: { readonly privateIp: string; readonly publicIp: string };
  /** `first`: the appliance that the gateway's route table sends it to. */
  readonly internet_gateway_in: {
    readonly privateIp: string;
    readonly publicIp: string;
    readonly first?: number;
  };
  /** `interface`: the one that has the address. */
  readonly ipv6_gateway_in: { readonly interface: number; readonly first?: number };
  readonly egress_only_out: { readonly by: "new" | "exchange" | "error" };
  readonly egress_only_in: { readonly by: "exchange" | "error" };
  /** `inPieces`: it is too long for the internet, and is fragmented. */
  readonly deliver: { readonly to: Destination; readonly inPieces: boolean };
};

/**
 * `group`: the slot of the rule's security group. `untracked`: the exchange is not remembered, because rules
 * for everybody let it pass both ways, or because its beginning was not seen.
 */
type Allowed = { readonly group: number; readonly rule: Rule; readonly untracked?: "open" | "midstream" };
/**
 * A route's destination as a block, and its target: the slot of an interface, an internet gateway, or a peer
 * VPC.
 */
type Led = {
  readonly destination: string;
  readonly target: keyof typeof ROUTE_TARGET;
  readonly slot: number;
};
/**
 * An address with a port or an ICMP query's identifier, and their translation. `isError`: the translation was
 * in an ICMP error and in the packet that it carries.
 */
type Translation = {
  readonly address: string;
  readonly port: number;
  readonly translated: string;
  readonly translatedPort: number;
  readonly isError: boolean;
};

/** What a stage knows about why it dropped a packet. */
type DropKnowledge = {
  readonly malformed: { readonly part: "addresses" | "source" | "destination" | "tcp_flags" };
  readonly unknown_interface: { readonly interface: number };
  readonly ipv6_not_offered: { readonly subnet: number };
  readonly spoofed_mac: { readonly mac: string };
  readonly multicast: Addressed;
  readonly broadcast: Addressed;
  /** The part of the packet that the service does not accept. */
  readonly no_such_service: { readonly because: "address" | "protocol" | "fragments" | "asking_address" };
  /** Packets per second. */
  readonly link_local_allowance: { readonly most: number };
  /** `rule`: the one that denies; absent when none allows. */
  readonly network_acl_out: { readonly acl: number; readonly rule?: Rule };
  readonly network_acl_in: { readonly acl: number; readonly rule?: Rule };
  /** Connections of the interface; and of all interfaces, when their number limits it to its share. */
  readonly connections_full: { readonly own: number; readonly all?: number };
  readonly no_route: Table;
  readonly blackhole: Table & { readonly destination: string };
  readonly nothing_behind: Table & { readonly destination: string };
  /** `peer`: the slot of the VPC that a peering route leads to. */
  readonly no_such_private_address: { readonly peer?: number };
  /**
   * Back to the interface that sent it; from one NAT gateway to another; or out of the same gateway again.
   */
  readonly route_loop: { readonly by: "sender" | "nat_gateways" | "nat_gateway_again" };
  /** The slots of the VPC, and of the gateway that the route names. */
  readonly no_internet_gateway: { readonly vpc: number; readonly gateway?: number };
  readonly private_destination: Side;
  readonly private_source: Side;
  readonly own_source: Side;
  readonly block_public_access: { readonly subnet: number };
  /** Bytes of an IP packet. */
  readonly too_big: { readonly length: number; readonly most: number; readonly to: Destination };
  readonly tables_incomplete: Missing;
};

/** The VPC's gateway that refuses it. */
type Side = { readonly gateway: "internet" | "egress_only" };
/** Whether the packet's destination address decided, or the frame's. */
type Addressed = { readonly by: "address" | "mac" };
/** The slot of the route table that was looked up, and its user. */
type Table = { readonly table: number; readonly of: "subnet" | "internet_gateway" };
/** Missing rows of the resource in the slot. */
type Missing = {
  readonly missing: "layout" | "subnet" | "vpc" | "security_group" | "network_acl" | "alias" | "nat_gateway";
  readonly slot: number;
};

export type PassParams = {
  readonly [What in PassReason]: What extends keyof PassKnowledge ? PassKnowledge[What] : Nothing;
};
export type DropParams = {
  readonly [What in DropReason]: What extends keyof DropKnowledge ? DropKnowledge[What] : Nothing;
};

type Said<Kind, What, Params> = {
  readonly kind: Kind;
  readonly what: What;
  readonly params: Params;
  /** The rows that decided. */
  readonly entries: readonly Entry[];
};
export type Passed<What extends PassReason = PassReason> = {
  [One in What]: Said<"pass", One, PassParams[One]>;
}[What];
export type Dropped<What extends DropReason = DropReason> = {
  [One in What]: Said<"drop", One, DropParams[One]>;
}[What];

/**
 * A stage's outcome for a packet: it passes or is dropped, for one of the stage's reasons and because of
 * these rows.
 */
export type Outcome<At extends Stage = Stage> = Passed<PassReasonOf<At>> | Dropped;

type Entries = readonly (Entry | undefined)[];

export function pass<What extends PassReason>(
  what: What,
  params: PassParams[What],
  ...entries: Entries
): Passed<What> {
  return { kind: "pass", what, params, entries: present(entries) } as Passed<What>;
}

export function drop<What extends DropReason>(
  what: What,
  params: DropParams[What],
  ...entries: Entries
): Dropped<What> {
  return { kind: "drop", what, params, entries: present(entries) } as Dropped<What>;
}

function present(entries: Entries): readonly Entry[] {
  return entries.filter((entry) => entry !== undefined);
}

/** The outcome with another row before its own. */
export function after<Any extends Outcome>(entry: Entry, outcome: Any): Any {
  return { ...outcome, entries: [entry, ...outcome.entries] };
}

/** The rule of a group or an ACL that decided, if one did. */
export function ruleOf({ params }: Outcome): Rule | undefined {
  return "rule" in params ? (params.rule as Rule | undefined) : undefined;
}
