import { primaryPrivateIp, type NetworkInterface } from "../model/network-interface.ts";
import { type DropReason, DROPS, type Stage } from "../plan/stages.ts";
import { ROUTE_TARGET, type TableReader } from "../plan/tables.ts";
import { connectionMemory } from "../reach/connection.ts";
import { natMemory } from "../reach/nat-connection.ts";
import { answerTo, ICMP, ICMPV6, type Packet, TCP, UDP } from "../reach/packet.ts";
import { interfaceAt, owns, type Step } from "../reach/passage.ts";
import { type Trace, trace } from "../reach/trace.ts";
import { addressIn } from "./explain.ts";
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
type Hop = {
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
type Protocol = keyof typeof PROTOCOLS;

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
  const protocol = protocolOf(question["protocol"]);
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
  const traced = trace(tables, packet);
  const { steps, verdict, packet: after } = traced;
  const answerDropped = dropOfAnswer(tables, traced);
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
    hops: steps.map((step) => hopOf(step, { packet, ids, placeOf, to })),
    verdict: verdict.kind === "drop" ? "dropped" : "passed",
    ...(verdict.kind === "drop" ? { reason: verdict.reason } : {}),
    ...(answerDropped === undefined ? {} : { answerDropped }),
    ...(to ? { to } : {}),
    sourceAfter: after.source,
    destinationAfter: after.destination,
  };
}

/** Of the answer that the internet's host, or the interface that has the destination, would send; what an appliance does with it is its own. */
function dropOfAnswer(tables: TableReader, { verdict, packet, connections, nat }: Trace): DropReason | undefined {
  if (verdict.kind !== "internet" && verdict.kind !== "deliver") return undefined;
  const receiver = verdict.kind === "deliver" ? interfaceAt(tables, verdict.interface) : undefined;
  if (verdict.kind === "deliver" && !(receiver && owns(tables, receiver, packet.destination))) return undefined;
  const [remembered, translated] = [connectionMemory(), natMemory()];
  remembered.remember(connections);
  translated.remember(nat);
  const answer: Packet = {
    ...answerTo(packet),
    ...(packet.tcp ? { tcp: { syn: true, ack: true } } : {}),
    ...(receiver ? { from: receiver.slot } : {}),
  };
  const { verdict: answered } = trace(tables, answer, { connections: remembered, nat: translated });
  return answered.kind === "drop" ? answered.reason : undefined;
}

type Around = {
  readonly packet: Packet;
  readonly ids: Ids;
  readonly placeOf: (slot: number) => Place;
  readonly to: Place | undefined;
};

function hopOf(step: Step, { packet, ids, placeOf, to }: Around): Hop {
  const { stage, verdict, drop, entries } = step;
  const code = drop && (DROPS[drop] as { code?: string }).code;
  const target = to && (to.kind === "interface" ? (to.instance ?? to.id) : to.kind);
  return {
    stage,
    at: placeOf(step.interface),
    verdict,
    what: drop ?? (stage === "internet_gateway" && packet.source.includes(":") ? ipv6PassedBy(step) : passedBy(step)),
    params: {
      from: packet.source,
      to: packet.destination,
      rule: step.rule ? ruleText(step.rule, ids, stage.startsWith("network_acl")) : "*",
      ...(target === undefined ? {} : { target }),
      ...paramsOf(step, ids),
    },
    ...(code === undefined ? {} : { code }),
    entries: entries.map((entry) => entryText(entry, step.rule, ids)),
  };
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

function paramsOf({ entries, drop }: Step, ids: Ids): Readonly<Record<string, string>> {
  const [first] = entries.map((entry) => entryText(entry, undefined, ids));
  const [route] = entries;
  const toPeer = drop === "no_such_private_address" && route?.table === "routes" && route.value.target === ROUTE_TARGET.peering;
  return {
    ...(toPeer ? { peer: ids.of("vpc", route.value.slot) } : {}),
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

function protocolOf(text = "tcp"): Protocol {
  if (text !== "tcp" && text !== "udp" && text !== "icmp") throw new BadQuestion("--protocol is tcp, udp or icmp.");
  return text;
}

function endOf(option: string, text: string): { readonly address: string; readonly port: number | undefined } {
  const bare = addressIn(text);
  if (bare !== undefined) return { address: bare, port: undefined };
  const [, host = "", port = ""] = /^(.*):([^:\]]*)$/.exec(text) ?? [];
  const address = host.includes(":") && !host.startsWith("[") ? undefined : addressIn(host);
  if (address === undefined) throw new BadQuestion(`${option} is ADDRESS or ADDRESS:PORT, of IPv6 [ADDRESS]:PORT, not ${text}.`);
  return { address, port: wholeNumber(`${option} ADDRESS:PORT: the port`, port, 65_535) };
}
