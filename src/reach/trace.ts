import type { LoggedFlow } from "../contract/flow-count.ts";
import type { DropReason } from "../contract/stages.ts";
import { LAYOUT_VERSION, type TableReader } from "../contract/tables.ts";
import { admit } from "./admit.ts";
import { type Allowances, NOTHING_SPENT, type Spent } from "./allowance-memory.ts";
import type { Connection, Connections } from "./connection.ts";
import { deliver } from "./deliver.ts";
import { logBlocked, logGateway, logIn, logOut } from "./flow-log.ts";
import type { FirstFragment, FirstFragments } from "./fragment-memory.ts";
import { fragmentPorts } from "./fragment.ts";
import { internetGatewayIn, internetGatewayOut, isOurs } from "./internet-gateway.ts";
import { ipv6GatewayIn, ipv6GatewayOut } from "./ipv6-gateway.ts";
import { type NatChanges, type NatConnections, newNatChanges, NO_NAT } from "./nat-connection.ts";
import { backThroughNat, type Said, throughNat } from "./nat-way.ts";
import { networkAcl } from "./network-acl.ts";
import { drop, type Service } from "./outcome.ts";
import { type Flow, hopLimitOf, isIpv6Flow, type Packet } from "./packet.ts";
import { parse } from "./parse.ts";
import { has, type Passage, type Step } from "./passage.ts";
import { route } from "./route.ts";
import { securityGroup } from "./security-group.ts";
import { services, servicesBack } from "./services.ts";

type Verdict =
  | { readonly kind: "deliver"; readonly interface: number }
  | { readonly kind: "internet" }
  | { readonly kind: "service"; readonly service: Service }
  /** `interface`: the slot whose counters the drop goes to; 0 for the internet's side. */
  | { readonly kind: "drop"; readonly reason: DropReason; readonly interface: number };

export type Trace = {
  /** The stages in the order in which they decided. */
  readonly steps: readonly Step[];
  readonly verdict: Verdict;
  /** The packet as it leaves, with translated addresses. */
  readonly packet: Packet;
  /** The TTL with which it leaves; absent: unchanged. */
  readonly hopLimit: number | undefined;
  /** Whether NAT64 has translated the packet to the other family. */
  readonly nat64: boolean;
  /** Whether it passed a NAT gateway. */
  readonly viaNat: boolean;
  /** The packet's way after the last interface. */
  readonly way: Passage["way"];
  /** Whether it passes the internet gateway, in either direction. */
  readonly throughGateway: boolean;
  /** The connections that security groups remember because of it. */
  readonly connections: ReadonlyMap<string, Connection>;
  /** What later fragments need of this packet, if it is a first fragment. */
  readonly firstFragments: ReadonlyMap<string, FirstFragment>;
  /** The connections that NAT gateways remember because of it. */
  readonly nat: NatChanges;
  /** What it adds to its interface's packets to link-local services in a second. */
  readonly spent: ReadonlyMap<number, Spent>;
  /** Its flow log records. */
  readonly logged: readonly LoggedFlow[];
};

const NO_CONNECTIONS: Connections = { get: () => undefined, count: () => 0, total: () => 0 };
const NO_FRAGMENTS: FirstFragments = { get: () => undefined };

type Options = {
  /** Exchanges remembered from earlier packets; absent: none. */
  readonly connections?: Connections;
  /** Connections through NAT gateways of earlier packets; absent: none. */
  readonly nat?: NatConnections;
  /** First fragments of earlier packets; absent: none. */
  readonly fragments?: FirstFragments;
  /** What interfaces sent to link-local services in a second; absent: nothing. */
  readonly spent?: Allowances;
  /** Nanoseconds; absent: the settings' time. */
  readonly now?: bigint;
};

/** Runs one packet through the tables, stage by stage, as the kernel program does. */
export function trace(tables: TableReader, packet: Packet, options: Options = {}): Trace {
  const passage = newPassage(tables, packet, options);
  const steps: Step[] = [];
  const ended = walk(passage, steps);
  const { flow, about, hopLimit, hops, nat64, throughGateway, way } = passage;
  return {
    steps,
    verdict: ended,
    packet: { ...packet, ...endsOf(flow), ...(nat64 ? saidBy(flow) : {}), ...(about ? { about } : {}) },
    hopLimit: hopLimit ?? (hops === 0 ? undefined : hopLimitOf(packet) - hops),
    viaNat: hops > 0,
    nat64,
    way,
    throughGateway,
    connections: passage.remembered,
    firstFragments: passage.firstFragments,
    nat: passage.nat.changes,
    spent: passage.spent.changes,
    logged: passage.flowLog.told,
  };
}

/** The fields of the flow that translation may have changed. */
function endsOf({ source, destination, sourcePort, destinationPort }: Flow): Flow | object {
  return {
    source,
    destination,
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
  };
}

/** The fields of the flow that differ between the families. */
function saidBy({ protocol, icmp }: Flow): Pick<Flow, "protocol" | "icmp"> {
  return { protocol, ...(icmp ? { icmp } : {}) };
}

function newPassage(tables: TableReader, packet: Packet, options: Options): Passage {
  return {
    tables,
    packet,
    now: options.now ?? tables.lookup("settings", 0)?.now ?? 0n,
    connections: options.connections ?? NO_CONNECTIONS,
    remembered: new Map(),
    fragments: options.fragments ?? NO_FRAGMENTS,
    firstFragments: new Map(),
    nat: { known: options.nat ?? NO_NAT, changes: newNatChanges() },
    spent: { known: options.spent ?? NOTHING_SPENT, changes: new Map() },
    flowLog: { told: [], waiting: [] },
    flow: packet,
    about: packet.about,
    source: undefined,
    from: packet.from ?? 0,
    target: undefined,
    ownSource: false,
    sameSubnet: false,
    way: undefined,
    gateway: undefined,
    throughGateway: false,
    throughService: false,
    hopLimit: undefined,
    hops: 0,
    nat64: false,
    groupIdentity: false,
  };
}

function isGatewayWay(way: Passage["way"]): boolean {
  return way === "gateway" || way === "egress-only";
}

/** The order of the stages. Each ends the way with a named drop, or lets the packet pass. */
function walk(passage: Passage, steps: Step[]): Verdict {
  const { tables, packet } = passage;
  const from = packet.from ?? 0;
  const said: Said<Verdict> = (stage, outcome, concerned) => {
    const { flow, source, target } = passage;
    steps.push({ ...outcome, stage, interface: concerned, flow, source: source?.slot, target: target?.slot });
    return outcome.kind === "drop" ? { kind: "drop", reason: outcome.what, interface: concerned } : undefined;
  };
  const receiver = (): number => passage.target?.slot ?? from;

  const outwards = (): Verdict | undefined => {
    const admitted = said("admit", admit(passage), from);
    if (admitted) return admitted;
    const overwrites = fragmentPorts(passage);
    if (overwrites) return said("parse", overwrites, from);
    const service = services(passage);
    const refused = said("services", service, from);
    if (refused) return refused;
    if (service.what === "service")
      return said("deliver", deliver(passage), from) ?? { kind: "service", service: service.params.service };
    const routed = route(passage);
    const toService =
      passage.way === "egress-only" || (passage.target !== undefined && has(passage.target, "nat_gateway"));
    passage.throughService = routed.kind === "pass" && toService;
    const guarded =
      said("security_group_out", securityGroup(passage, "out"), from) ??
      said("network_acl_out", networkAcl(passage, "out"), from);
    const lost = guarded ?? said("route", routed, from);
    if (guarded || !lost) logOut(passage, guarded !== undefined);
    if (lost) return lost;
    const nat = passage.way === "nat" ? throughNat(passage, said) : undefined;
    return nat ?? (isGatewayWay(passage.way) ? throughGateway() : undefined);
  };
  /** The present sender: the interface, or the NAT gateway on its behalf. */
  const sender = (): number => passage.source?.slot ?? from;
  const throughGateway = (): Verdict | undefined => {
    const dropped = said(
      "internet_gateway",
      isIpv6Flow(passage.flow) ? ipv6GatewayOut(passage) : internetGatewayOut(passage),
      sender(),
    );
    logGateway(passage, dropped?.kind === "drop" && dropped.reason === "block_public_access");
    if (dropped) return dropped;
    if (isOurs(tables, passage.flow.destination)) return fromOutside();
    passage.target = undefined;
    return said("deliver", deliver(passage), sender()) ?? { kind: "internet" };
  };
  /** From the moment it is found, a drop is counted for the interface that the public address leads to. */
  const fromOutside = (): Verdict | undefined => {
    passage.throughService = false;
    passage.from = 0;
    const outcome = isIpv6Flow(passage.flow) ? ipv6GatewayIn(passage) : internetGatewayIn(passage);
    if (outcome.what === "block_public_access") logBlocked(passage);
    return said("internet_gateway", outcome, receiver());
  };
  const inwards = (): Verdict => {
    const lost =
      passage.target && has(passage.target, "nat_gateway") ? backThroughNat(passage, said) : undefined;
    if (lost) return lost;
    const guarded =
      said("network_acl_in", networkAcl(passage, "in"), receiver()) ??
      said("security_group_in", securityGroup(passage, "in"), receiver());
    const refused = guarded ?? said("deliver", deliver(passage), receiver());
    if (guarded || !refused) logIn(passage, guarded !== undefined);
    return refused ?? { kind: "deliver", interface: receiver() };
  };

  const fromServices = (): Verdict =>
    said("services", servicesBack(passage), receiver()) ??
    said("deliver", deliver(passage), receiver()) ?? { kind: "deliver", interface: receiver() };

  const first =
    tables.lookup("settings", 0)?.layout === LAYOUT_VERSION
      ? parse(passage)
      : drop("tables_incomplete", { missing: "layout", slot: 0 });
  const malformed = said("parse", first, from);
  if (malformed) return malformed;
  if (packet.fromServices) return fromServices();
  if (packet.from !== undefined) return outwards() ?? inwards();
  const outside = fromOutside();
  if (outside) return outside;
  const overwrites = fragmentPorts(passage);
  const dropped = overwrites && said("parse", overwrites, receiver());
  return dropped ?? inwards();
}
