import { primaryPrivateIp, type NetworkInterface } from "../model/network-interface.ts";
import { type DropReason, DROPS, type Stage } from "../plan/stages.ts";
import { ROUTE_TARGET, type TableReader } from "../plan/tables.ts";
import { isIn } from "../reach/block.ts";
import { type Leg, walkExchange } from "../reach/exchange.ts";
import { ICMP, ICMPV6, type Packet, TCP, UDP } from "../reach/packet.ts";
import type { Step } from "../reach/passage.ts";
import type { Protocol } from "../reach/explain/question.ts";
import { addressIn, protocolOf } from "./question-text.ts";
import { BadQuestion } from "./internal.ts";
import { type EntryText, entryText, type Ids, ruleText } from "./trace-entry.ts";
import { wholeNumber } from "./trace-filter.ts";
import type { Place } from "./trace-line.ts";

/** One packet's way through the tables. */
export type PacketTrace = {
  readonly packet: PacketText;
  readonly hops: readonly Hop[];
  readonly verdict: "passed" | "dropped";
  readonly reason?: DropReason;
  /** It passes, and the answer that the receiver would send is dropped: why. */
  readonly answerDropped?: DropReason;
  /** It passes, and the answer comes from this address, which was not asked. */
  readonly answerFrom?: string;
  /** It passes, and nobody on the internet has the address, which is one of NAT64. */
  readonly noSuchHost?: true;
  /** Where it ends when it passes. */
  readonly to?: Place;
  /** After translation. */
  readonly sourceAfter: string;
  readonly destinationAfter: string;
};

type PacketText = {
  readonly from: Place;
  readonly protocol: Protocol;
  readonly source: string;
  readonly destination: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
};

/** One stage's say. `what` names the sentence that the command line has for it; `params` fill it in. */
export type Hop = {
  readonly stage: Stage;
  readonly at: Place;
  readonly verdict: "pass" | "drop";
  readonly what: string;
  readonly params: Readonly<Record<string, string>>;
  /** AWS Reachability Analyzer's code of a drop, where it has one. */
  readonly code?: string;
  /** The rows that decided. */
  readonly entries: readonly EntryText[];
};

const PROTOCOLS = { tcp: TCP, udp: UDP, icmp: ICMP } as const;

export type PacketQuestion = {
  readonly tables: TableReader;
  readonly ids: Ids;
  /** Who sends it; absent: a host of the internet. */
  readonly sender: readonly NetworkInterface[] | undefined;
  /** `to`, `from` (ADDRESS[:PORT]) and `protocol`. */
  readonly question: Readonly<Record<string, string>>;
};

const INTERNET_HOST = "198.51.100.1";
const INTERNET_IPV6_HOST = "2001:db8:ffff::1";
const DEFAULT_PORT = 80;
/** Of a client; anything from Linux's ephemeral range. */
const DEFAULT_SOURCE_PORT = 40_000;

/** The interface's own, of the destination's family. */
function addressOf(eni: NetworkInterface, isIpv6: boolean): string {
  const address = isIpv6 ? eni.ipv6Addresses?.[0] : primaryPrivateIp(eni);
  if (address === undefined) throw new BadQuestion(`Its network interface has no ${isIpv6 ? "IPv6" : "IPv4"} address.`);
  return address;
}

function holds(eni: NetworkInterface, address: string): boolean {
  return eni.privateIpAddresses.includes(address) || (eni.ipv6Addresses ?? []).includes(address);
}

/** Walks one packet, the first of its exchange, through the tables. @throws BadQuestion for what is no packet. */
export function tracePacket({ tables, ids, sender, question }: PacketQuestion): PacketTrace {
  const protocol = protocolOf(question["protocol"]) ?? "tcp";
  const to = endOf("--to", question["to"] ?? "");
  const from = question["from"] === undefined ? undefined : endOf("--from", question["from"]);
  const isIpv6 = to.address.includes(":");
  if (from && from.address.includes(":") !== isIpv6) throw new BadQuestion("--from and --to are of one family.");
  const eni = sender?.find((one) => holds(one, from?.address ?? "")) ?? sender?.[0];
  if (sender && !eni) throw new BadQuestion("It has no network interface.");
  const packet: Packet = {
    source: from?.address ?? (eni ? addressOf(eni, isIpv6) : isIpv6 ? INTERNET_IPV6_HOST : INTERNET_HOST),
    destination: to.address,
    protocol: protocol === "icmp" && isIpv6 ? ICMPV6 : PROTOCOLS[protocol],
    ...(protocol === "icmp"
      ? { icmp: { type: isIpv6 ? 128 : 8, code: 0 }, sourcePort: 1, destinationPort: 1 }
      : { sourcePort: from?.port ?? DEFAULT_SOURCE_PORT, destinationPort: to.port ?? DEFAULT_PORT }),
    ...(protocol === "tcp" ? { tcp: { syn: true } } : {}),
    ...(eni ? { from: eni.slot } : {}),
  };
  return told(packet, protocol, tables, ids);
}

function told(packet: Packet, protocol: Protocol, tables: TableReader, ids: Ids): PacketTrace {
  const { request, end } = walkExchange(tables, packet);
  const { steps, verdict, packet: after } = request;
  const placeOf = (slot: number): Place => (slot === 0 ? { kind: "internet" } : ids.placeOf(slot));
  const { source, destination, sourcePort, destinationPort } = packet;
  const to: Place | undefined =
    verdict.kind === "deliver"
      ? placeOf(verdict.interface)
      : verdict.kind === "drop"
        ? undefined
        : { kind: verdict.kind === "internet" ? "internet" : "services" };
  return {
    packet: {
      from: placeOf(packet.from ?? 0),
      protocol,
      source,
      destination,
      ...(protocol === "icmp" || sourcePort === undefined || destinationPort === undefined ? {} : { sourcePort, destinationPort }),
    },
    hops: steps.map((step) => hopOf(step, { ids, placeOf, leg: "request" })),
    verdict: verdict.kind === "drop" ? "dropped" : "passed",
    ...(verdict.kind === "drop" ? { reason: verdict.reason } : {}),
    ...(end.kind === "dropped" && end.leg === "answer" && end.step.drop ? { answerDropped: end.step.drop } : {}),
    ...(end.kind === "misdirected" ? { answerFrom: end.source } : {}),
    ...(end.kind === "no_such_host" ? { noSuchHost: true as const } : {}),
    ...(to ? { to } : {}),
    sourceAfter: after.source,
    destinationAfter: after.destination,
  };
}

type Around = {
  readonly ids: Ids;
  readonly placeOf: (slot: number) => Place;
  readonly leg: Leg;
};

export function hopOf(step: Step, around: Around): Hop {
  const { ids, placeOf } = around;
  const { stage, verdict, drop, entries, flow } = step;
  const code = drop && codeOf(step, drop, ids);
  const target = stage === "deliver" ? targetOf(step, placeOf) : undefined;
  return {
    stage,
    at: placeOf(step.interface),
    verdict,
    what: drop
      ? droppedBy(step, drop, around)
      : stage === "internet_gateway" && flow.source.includes(":")
        ? ipv6PassedBy(step)
        : passedBy(step),
    params: {
      from: flow.source,
      to: flow.destination,
      rule: step.rule ? ruleText(step.rule, ids, stage.startsWith("network_acl")) : "*",
      ...(target === undefined ? {} : { target }),
      ...paramsOf(step, ids),
    },
    ...(code === undefined ? {} : { code }),
    entries: entries.map((entry) => entryText(entry, step.rule, ids)),
  };
}

/** Where a packet goes that is delivered. */
function targetOf({ target, flow }: Step, placeOf: (slot: number) => Place): string {
  if (target === undefined)
    return isIn(flow.destination, "linkLocal") || flow.destination.startsWith("fd00:ec2::") ? "services" : "internet";
  const place = placeOf(target);
  return place.kind === "interface" ? (place.instance ?? place.id) : place.kind;
}

/** The reason, or a closer one where the sentence for it would say too little. */
function droppedBy(step: Step, drop: DropReason, { ids, leg }: Around): string {
  if (drop === "no_such_private_address" && peerOf(step) !== undefined) return "no_peer_address";
  if (drop === "route_loop" && ids.natGatewayOf(step.interface) !== undefined) return "nat_loop";
  if (leg === "answer" && (drop === "nat_connection_expired" || drop === "nat_no_connection")) return "nat_answers";
  return drop;
}

/** Edge to edge, a peering connection carries nothing (VPC peering guide, "VPC peering limitations"). */
function codeOf(step: Step, drop: DropReason, ids: Ids): string | undefined {
  const peer = drop === "no_such_private_address" ? peerOf(step) : undefined;
  if (peer !== undefined && !ids.isInVpc(peer, step.flow.destination)) return DROPS.peering_source.code;
  return (DROPS[drop] as { code?: string }).code;
}

/** The slot of the VPC to which the route over a peering connection leads. */
function peerOf({ entries: [route] }: Step): number | undefined {
  if (route?.table !== "routes") return undefined;
  const { target, slot } = route.value;
  return target === ROUTE_TARGET.peering || target === ROUTE_TARGET.remote_peering ? slot : undefined;
}

/** The gateways' of IPv6, which translate nothing. */
function ipv6PassedBy({ detail, entries }: Step): string {
  if (entries.length === 0) return detail.startsWith("answers") ? "egress_only_in" : "egress_only_out";
  return detail.endsWith("is public") ? "ipv6_gateway_out" : "ipv6_gateway_in";
}

/** Which of a stage's reasons to let a packet on it was. */
function passedBy({ stage, entries, rule, detail }: Step): string {
  const table = entries[0]?.table;
  switch (stage) {
    case "security_group_out":
    case "security_group_in":
      return rule ? stage : "remembered";
    case "network_acl_out":
    case "network_acl_in":
      return rule ? stage : "same_subnet";
    case "route":
      return table === "routes" ? "route" : "within_subnet";
    case "nat_gateway":
      return table === undefined ? "nat_gateway_in" : "nat_gateway_out";
    case "internet_gateway":
      return table === "public_addresses" ? "internet_gateway_in" : "internet_gateway_out";
    case "services":
      return detail === "not for a service" ? "no_service" : "service";
    case "admit":
      return detail.startsWith("forwards") ? "forwards" : "admit";
    default:
      return stage;
  }
}

function paramsOf(step: Step, ids: Ids): Readonly<Record<string, string>> {
  const { entries, drop } = step;
  const [first] = entries.map((entry) => entryText(entry, undefined, ids));
  const peer = drop === "no_such_private_address" ? peerOf(step) : undefined;
  const nat = step.interface === 0 ? undefined : ids.natGatewayOf(step.interface);
  return {
    ...(peer === undefined ? {} : { peer: ids.of("vpc", peer) }),
    ...(nat === undefined ? {} : { nat }),
    ...(first?.table === "routes" ? { destination: first.key, route: first.value } : {}),
    ...Object.fromEntries(
      entries.flatMap((entry) => {
        if (entry.table === "public_addresses") return [["privateIp", entry.value.private_ip]];
        if (entry.table === "interfaces" || entry.table === "addresses") return [["publicIp", entry.value.public_ip]];
        return [];
      }),
    ),
  };
}

function endOf(option: string, text: string): { readonly address: string; readonly port: number | undefined } {
  const bare = addressIn(text);
  if (bare !== undefined) return { address: bare, port: undefined };
  const [, host = "", port = ""] = /^(.*):([^:\]]*)$/.exec(text) ?? [];
  const address = host.includes(":") && !host.startsWith("[") ? undefined : addressIn(host);
  if (address === undefined) throw new BadQuestion(`${option} is ADDRESS or ADDRESS:PORT, of IPv6 [ADDRESS]:PORT, not ${text}.`);
  return { address, port: wholeNumber(`${option} ADDRESS:PORT: the port`, port, 65_535) };
}
