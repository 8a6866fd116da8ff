import { parseIpv6 } from "../lib/cidr6.ts";
import { parseIpv4 } from "../lib/ip.ts";
import { embeddedIpv4, isNat64, nat64Address } from "../lib/nat64.ts";
import type { DropReason } from "../plan/stages.ts";
import { NAT_GATEWAY_FLAGS, type TableValue } from "../plan/tables.ts";
import { isIn } from "./block.ts";
import { inOtherFamily } from "./nat64.ts";
import { type NatConnection, type NatEnds, natKey, natNoted, natPorts, natProtocol } from "./nat-connection.ts";
import { type Flow, hopLimitOf, isIcmp, isIcmpAnswer, isIcmpError, isIpv6Flow, isPlain, type Packet, TCP, UDP } from "./packet.ts";
import {
  addressEntry,
  drop,
  type Ends,
  type Outcome,
  pass,
  type Passage,
  receiverOf,
  translateDestination,
  translateSource,
} from "./passage.ts";

/** Ports below are well known, and no NAT gateway's to use. */
const FIRST_PORT = 1024;
/** How many ports one packet tries. */
const PROBES = 64;
/** 240.0.0.0/4 begins here (RFC 1112). */
const RESERVED = 0xf000_0000;

type Gateway = TableValue<"nat_gateways">;

/** Stage nat_gateway, outwards: the source becomes an address and port of the gateway (RFC 3022), the same for all of a connection. */
export function natOut(passage: Passage): Outcome {
  const { tables, flow, packet } = passage;
  const ends = receiverOf(passage);
  const held = addressEntry(tables, ends.row.vpc, flow.source);
  if (!held) return drop("nat_source", `nobody in the VPC has ${flow.source}`);
  if (isIpv6Flow(flow) && isNoDestination(embeddedIpv4(flow.destination))) return drop("nat64_destination", embeddedIpv4(flow.destination));
  const refused = notCarried(passage);
  if (refused) return refused;
  if (flow.headless) return drop("fragment_without_first", "no ports");
  if (isIcmpError(flow)) return errorOut(passage, ends);
  const ports = natPorts(flow);
  if (!ports || (isIpv6Flow(flow) && hasOddSegments(packet))) return drop("nat_protocol", `protocol ${flow.protocol}`);
  const key: NatEnds = {
    slot: ends.slot,
    protocol: natProtocol(flow),
    local: flow.source,
    localPort: ports.sender,
    remote: remoteOf(flow.destination),
    remotePort: ports.other,
  };
  const known = isIcmpAnswer(flow) ? undefined : live(passage, natKey(key));
  if (!known) {
    if (isIcmpAnswer(flow) || (packet.fragment && !packet.fragment.first)) return drop("nat_no_connection", "no connection to belong to");
    const { syn = false, ack = false, reset = false } = packet.tcp ?? {};
    if (flow.protocol === TCP && (!syn || ack || reset)) return drop("nat_connection_expired", "its connection is no longer known");
  }
  const connection = known ?? open(passage, key);
  if (typeof connection === "string") return drop(connection, `towards ${flow.destination}`);
  passage.nat.changes.inside.set(natKey(key), natNoted(connection, packet, "out", passage.now));
  if (!becomes(passage, "source", connection.address)) return drop("nat_protocol", `ICMPv6 type ${flow.icmp?.type}`);
  passage.flow = { ...passage.flow, ...portsOf(passage.flow, "source", connection.port) };
  return pass(`${flow.source}:${ports.sender} becomes ${connection.address}:${connection.port}`, held);
}

/** On no wire, or for many: no single host has it. */
function isNoDestination(address: string): boolean {
  return isIn(address, "nowhere", "multicast") || (parseIpv4(address) ?? 0) >= RESERVED;
}

/** The IPv4 end of a connection, outside; of NAT64 the address within the other. */
function remoteOf(address: string): string {
  return isNat64(address) ? embeddedIpv4(address) : address;
}

/** A device would have to cut a fragment; or to leave options and extension headers out of each segment. */
function hasOddSegments(packet: Packet): boolean {
  return packet.segmented === true && (packet.fragment !== undefined || !isPlain(packet));
}

/** One end becomes another address, which may be of the other family: then all that the packet says does. False: it can't say it there. */
function becomes(passage: Passage, end: "source" | "destination", to: string): boolean {
  const { flow, about } = passage;
  if (to.includes(":") === isIpv6Flow(flow)) {
    (end === "source" ? translateSource : translateDestination)(passage, to);
    return true;
  }
  const ends =
    end === "source" ? { source: to, destination: embeddedIpv4(flow.destination) } : { source: nat64Address(flow.source), destination: to };
  const back =
    about &&
    (end === "source"
      ? { source: embeddedIpv4(about.source), destination: to }
      : { source: to, destination: nat64Address(about.destination) });
  const next = inOtherFamily(flow, ends);
  const quoted = about && back && inOtherFamily(about, back);
  if (!next || (about && !quoted)) return false;
  passage.flow = next;
  passage.about = quoted;
  passage.nat64 = true;
  return true;
}

/**
 * A NAT gateway is a hop, which takes one of the TTL (RFC 1812, section 5.3.1); of packets in pieces it carries UDP alone (VPC user
 * guide, "Compare NAT gateways and NAT instances").
 */
function notCarried(passage: Passage): Outcome | undefined {
  const { packet, flow } = passage;
  if (packet.fragment && flow.protocol !== UDP) return drop("nat_fragment", `a piece, of protocol ${flow.protocol}`);
  if (hopLimitOf(packet) <= passage.hops + 1) return drop("nat_ttl", "no hop is left");
  passage.hops += 1;
  return undefined;
}

/** The port, or an ICMP query's identifier, which stands for both ends. */
function portsOf(flow: Flow, end: "source" | "destination", port: number): Partial<Flow> {
  if (isIcmp(flow)) return { sourcePort: port, destinationPort: port };
  return end === "source" ? { sourcePort: port } : { destinationPort: port };
}

function live(passage: Passage, key: string): NatConnection | undefined {
  const known = passage.nat.changes.inside.get(key) ?? passage.nat.known.inside(key);
  return known && known.expires > passage.now ? known : undefined;
}

/** An error about a packet that came back through the gateway, from the very one that it was for. */
function errorOut(passage: Passage, { slot }: Ends): Outcome {
  const { about, flow } = passage;
  const ports = about && !about.headless ? natPorts(about) : undefined;
  if (!about || !ports || about.source !== flow.destination || about.destination !== flow.source)
    return drop("nat_no_connection", "an error about no connection");
  const key = natKey({
    slot,
    protocol: natProtocol(about),
    local: about.destination,
    localPort: ports.other,
    remote: remoteOf(about.source),
    remotePort: ports.sender,
  });
  const known = live(passage, key);
  if (!known) return drop("nat_no_connection", "an error about no connection");
  if (!becomes(passage, "source", known.address)) return drop("nat_protocol", `ICMPv6 type ${flow.icmp?.type}`);
  const inside = passage.about ?? about;
  passage.about = { ...inside, destination: known.address, ...portsOf(inside, "destination", known.port) };
  return pass(`an error about a connection of ${known.address}:${known.port}`);
}

/** A new connection: an address of the gateway, and a port of it that no other connection to this destination has. */
function open(passage: Passage, key: NatEnds): NatConnection | DropReason {
  const { tables, nat } = passage;
  const gateway = tables.lookup("nat_gateways", { interface: key.slot });
  const settings = tables.lookup("settings", 0);
  const {
    nat_connection_limit: limit,
    nat_ports: ports,
    nat_connections_crowded: crowded,
    nat_connection_share: share,
  } = settings ?? NO_ROOM;
  if (!gateway || gateway.count === 0) return "tables_incomplete";
  const own = nat.known.count(key.slot) + passage.connections.count(key.slot);
  const isCrowded = nat.known.total() >= crowded && own >= share;
  if (!nat.known.inside(natKey(key)) && (own >= limit || isCrowded)) return "nat_connections_full";
  for (const address of inTurn(gateway, key.local)) {
    const port = takePort(passage, key, address, ports);
    if (port !== undefined) return { address, port, expires: 0n, insideFin: false, outsideFin: false, reset: false };
  }
  return "nat_ports_exhausted";
}

const NO_ROOM = { nat_connection_limit: 0, nat_ports: 0, nat_connections_crowded: 0, nat_connection_share: 0 };

/** A host has the same address as long as that has ports left. */
function inTurn({ addresses, count }: Gateway, local: string): readonly string[] {
  const first = lastBytes(local) % count;
  return Array.from({ length: count }, (_, place) => addresses[(first + place) % count] ?? "");
}

/** Ports go round in a circle, from where it stands for the destination; what is taken is left out, at most {@link PROBES} at a time. */
function takePort(passage: Passage, key: NatEnds, address: string, count: number): number | undefined {
  const { known, changes } = passage.nat;
  if (count === 0) return undefined;
  const outside = (localPort: number): NatEnds => ({ ...key, local: address, localPort });
  const circle = natKey(outside(0));
  const start = changes.ports.get(circle) ?? known.nextPort(circle) ?? startOf(key, count);
  const probes = Math.min(PROBES, count);
  for (let probe = 0; probe < probes; probe++) {
    const port = FIRST_PORT + ((start + probe) % count);
    if (insideOf(passage, outside(port))) continue;
    changes.outside.set(natKey(outside(port)), { address: key.local, port: key.localPort });
    changes.ports.set(circle, (start + probe + 1) % count);
    return port;
  }
  changes.ports.set(circle, (start + probes + 1) % count);
  return undefined;
}

/** An IPv4 address as a number, or the last four bytes of an IPv6 one. */
function lastBytes(address: string): number {
  return address.includes(":") ? Number((parseIpv6(address) ?? 0n) & 0xffff_ffffn) : (parseIpv4(address) ?? 0);
}

function startOf({ local, localPort, remote, remotePort }: NatEnds, count: number): number {
  const flow = Math.imul(remotePort ^ (localPort << 4), 40_503) + Math.imul(lastBytes(local), 2_246_822_519);
  const mixed = (Math.imul(parseIpv4(remote) ?? 0, 2_654_435_761) + flow) >>> 0;
  return mixed % count;
}

/** Whom an address and port of the gateway stand for towards a remote end: only while the inside's entry says the same. */
function insideOf(passage: Passage, outside: NatEnds): { readonly key: NatEnds; readonly connection: NatConnection } | undefined {
  const { known, changes } = passage.nat;
  const name = natKey(outside);
  const pointer = changes.outside.get(name) ?? known.outside(name);
  if (!pointer) return undefined;
  const key = { ...outside, local: pointer.address, localPort: pointer.port };
  const connection = live(passage, natKey(key));
  return connection?.address === outside.local && connection.port === outside.localPort ? { key, connection } : undefined;
}

/** Stage nat_gateway, back: the destination becomes the inside's again. What nobody inside asked for goes no further. */
export function natIn(passage: Passage): Outcome {
  const { flow, about, packet } = passage;
  const { slot } = receiverOf(passage);
  const refused = notCarried(passage);
  if (refused) return refused;
  if (flow.headless) return drop("fragment_without_first", "no ports");
  const isError = isIcmpError(flow);
  if (isError && (!about || about.headless || about.source !== flow.destination))
    return drop("nat_no_connection", "an error about no connection");
  const subject = isError && about ? about : flow;
  const ports = natPorts(subject);
  if (!ports)
    return isError ? drop("nat_no_connection", "an error about no connection") : drop("nat_protocol", `protocol ${flow.protocol}`);
  const found = insideOf(passage, {
    slot,
    protocol: natProtocol(subject),
    local: flow.destination,
    localPort: isError ? ports.sender : ports.other,
    remote: isError ? subject.destination : subject.source,
    remotePort: isError ? ports.other : ports.sender,
  });
  if (!found) return drop("nat_no_connection", `nobody inside asked for this`);
  const { key, connection } = found;
  if (key.local.includes(":")) {
    const odd = isError && (isIpv6Flow(packet) || packet.oddQuote === true);
    if (odd || hasOddSegments(packet)) return drop("nat_protocol", "of a kind that has no counterpart in IPv6");
    if (packet.unsummed && (packet.segmented === true || packet.fragment)) return drop("nat64_checksum", "UDP without a checksum");
  }
  if (!becomes(passage, "destination", key.local)) return drop("nat_protocol", `ICMP type ${flow.icmp?.type}`);
  if (isError && passage.about) passage.about = { ...passage.about, ...portsOf(passage.about, "source", key.localPort) };
  else {
    passage.nat.changes.inside.set(natKey(key), natNoted(connection, packet, "in", passage.now));
    passage.flow = { ...passage.flow, ...portsOf(passage.flow, "destination", key.localPort) };
  }
  return pass(`${flow.destination} becomes ${key.local}:${key.localPort}`);
}

/** Whether the gateway may use the internet gateway. */
export function isPublicNat(passage: Passage, slot: number): boolean {
  return ((passage.tables.lookup("nat_gateways", { interface: slot })?.flags ?? 0) & NAT_GATEWAY_FLAGS.public) !== 0;
}
